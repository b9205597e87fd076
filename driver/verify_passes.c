/* Passes held to their class: the graph is computed by the interpreter
 * behind every pass of the pipeline, and every value that still exists must
 * have the bytes that it had in the imported model; behind one of class
 * requant integers may be a step off, and what it made is the measure of the
 * passes that follow. */
#include <math.h>
#include <string.h>

#include "driver/verify.h"
#include "ir/array.h"

typedef struct Check {
  Verify *v;
  const char *pass;
  bool close; /* a pass so far was of class reassoc */
  bool steps; /* this one is of class requant */
  bool ok;
} Check;

static bool step_apart(const Type *t, const void *x, const void *y) {
  NdArray a = {.type = array_elem(t->dtype), .data = x};
  NdArray b = {.type = array_elem(t->dtype), .data = y};
  for (int64_t i = 0; i < type_count(t) && !dtype_is_float(t->dtype); i++)
    if (fabs(nd_real(&a, i) - nd_real(&b, i)) > 1)
      return false;
  return true;
}

static void compare_op(void *ctx, const Op *op, void *const *out) {
  Check *c = ctx;
  for (int i = 0; i < op->nout && c->ok; i++) {
    const Value *before = verify_imported(c->v, op->out[i]);
    const char *who =
        arena_printf(c->v->cli->arena, "behind pass %s it", c->pass);
    Match m = {E0502, who, "the imported model", c->close};
    if (!before)
      continue;
    c->v->values++;
    void *seen = c->v->seen[before->id];
    if (c->steps && step_apart(before->type, seen, out[i]))
      memcpy(seen, out[i], (size_t)type_bytes(before->type));
    else
      c->ok = verify_same(c->v, op->out[i], m, seen, out[i]);
  }
}

/* One pass more over g, then g on the input if that changed it. */
static bool check_pass(Verify *v, Graph *g, const char *pass, Check c,
                       const void *const *in, void *const *out) {
  PassOptions opt;
  int changed = 0;
  if (!session_passes(v->cli, &opt))
    return false;
  opt.passes = pass;
  opt.changed = &changed;
  if (!passes_run(g, &opt, NULL))
    return false;
  if (!changed)
    return true;
  Executor *e = interp_new(g, compare_op, &c);
  bool ok = e->run(e, in, out) && c.ok;
  e->free(e);
  return ok;
}

/* The pipeline's passes as one string: those named, or the default ones. */
static const char *pipeline(const Verify *v, const PassOptions *opt) {
  Str s = str_new(v->cli->arena);
  PassClass most = v->ref->rounding == ROUND_onnx ? PASS_requant : opt->allow;
  if (opt->passes)
    return opt->passes;
  for (int i = 0; i < pass_count; i++)
    if (pass_table[i].in_default && pass_table[i].class_ <= most)
      str_printf(&s, "%s%s", s.n ? "," : "", pass_table[i].name);
  return str_cstr(&s);
}

bool verify_passes(Verify *v, const void *const *in) {
  Arena *a = v->cli->arena;
  Graph *g = graph_clone(a, v->ref);
  void **out = exec_buffers(a, g->outputs.v, g->outputs.n);
  PassOptions opt;
  if (!session_passes(v->cli, &opt))
    return false;
  bool ok = v->interp->run(v->interp, in, v->out), close = false;
  for (const char *at = pipeline(v, &opt); ok && *at;) {
    size_t n = strcspn(at, ",");
    const char *name = arena_strndup(a, at, n);
    const Pass *pass = pass_find(name);
    close |= pass && pass->class_ >= PASS_reassoc;
    bool steps = pass && pass->class_ == PASS_requant;
    ok = check_pass(v, g, name, (Check){v, name, close, steps, true}, in, out);
    at += n + (at[n] == ',');
  }
  return ok;
}
