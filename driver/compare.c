/* The machinery of verify.h. A value's name means the same bytes in the
 * imported and in the optimized graph (passes/pass.h), so names pair them. */
#include <inttypes.h>
#include <string.h>

#include "driver/samples.h"
#include "driver/verify.h"
#include "ir/text.h"

static void observe(void *ctx, const Op *op, void *const *out) {
  Verify *v = ctx;
  for (int i = 0; i < op->nout; i++) {
    const Value *value = op->out[i];
    memcpy(v->seen[value->id], out[i], (size_t)type_bytes(value->type));
  }
}

static void make_buffers(Verify *v) {
  const Graph *g = v->ref;
  Arena *a = v->cli->arena;
  v->seen = ARENA_ARRAY(a, void *, g->values.n);
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++) {
      const Value *value = op->out[i];
      v->seen[value->id] = arena_alloc(a, (size_t)type_bytes(value->type));
    }
  v->out = sample_buffers(a, g->outputs.v, g->outputs.n);
  v->ship_out = sample_buffers(a, g->outputs.v, g->outputs.n);
  v->full_out = sample_buffers(a, g->outputs.v, g->outputs.n);
}

static bool check_runnable(Cli *cli, const Target *t) {
  if (target_runs_here(t) || (t->runner && strcmp(t->runner, "host") != 0))
    return true;
  diag_error(cli->diag, E0304, (Loc){0}, "objects for %s cannot be run here",
             t->name);
  diag_hint(cli->diag, "`kiln targets` tells where each is verified");
  return false;
}

bool verify_new(Cli *cli, Verify *v) {
  *v = (Verify){.cli = cli};
  const Target *t = session_target(cli);
  if (!t || !check_runnable(cli, t) || !(v->ref = session_load(cli)))
    return false;
  v->opt = graph_clone(cli->arena, v->ref);
  if (!session_optimize(cli, v->opt, NULL) ||
      !subject_new(cli, v->opt, t, false, &v->ship) ||
      !subject_new(cli, v->opt, t, true, &v->full))
    return false;
  v->has_full = subject_fits(&v->full);
  if (!v->has_full)
    diag_note(cli->diag, (Loc){.file = v->ref->file},
              "with every value kept it does not fit the emulated board: "
              "only outputs are compared");
  make_buffers(v);
  v->interp = interp_new(v->ref, observe, v);
  return true;
}

void verify_free(Verify *v) {
  if (v->interp)
    v->interp->free(v->interp);
  subject_free(&v->ship);
  subject_free(&v->full);
}

/* Element i as people read it. */
static const char *element_text(Arena *a, const Type *t, const void *data,
                                int64_t i) {
  NdArray x = {.type = sample_elem(t->dtype), .data = data};
  Str s = str_new(a);
  double real = x.type < ELEM_COUNT ? nd_real(&x, i) : 0;
  if (dtype_is_float(t->dtype))
    str_add_double(&s, real);
  else
    str_printf(&s, "%.0f", real);
  return str_cstr(&s);
}

/* "[0,3,4,5]" of flat index i. */
static const char *index_text(Arena *a, const Type *t, int64_t i) {
  int64_t at[MAX_RANK];
  Str s = str_new(a);
  for (int d = t->rank - 1; d >= 0; d--) {
    at[d] = i % t->dim[d];
    i /= t->dim[d];
  }
  for (int d = 0; d < t->rank; d++)
    str_printf(&s, "%s%" PRId64, d ? "," : "[", at[d]);
  str_add(&s, t->rank ? "]" : "[]");
  return str_cstr(&s);
}

/* Elements that differ; *first is the first of them. */
static int64_t count_differences(const Type *t, const uint8_t *x,
                                 const uint8_t *y, int64_t *first) {
  int64_t width = dtype_bits(t->dtype) / 8, different = 0;
  for (int64_t i = 0; i < type_count(t); i++)
    if (memcmp(x + i * width, y + i * width, (size_t)width) != 0 &&
        different++ == 0)
      *first = i;
  return different;
}

/* Where a value comes from in the model file. */
static Loc value_loc(const Verify *v, const Value *value) {
  Loc loc = value->def ? value->def->loc : (Loc){0};
  if (!loc.file)
    loc.file = v->ref->file;
  if (!loc.what)
    loc.what = value->name;
  return loc;
}

static bool report_difference(Verify *v, const Value *value, DiagCode code,
                              const char *who, const char *whose,
                              const void *expected, const void *got) {
  Arena *a = v->cli->arena;
  const Type *t = value->type;
  int64_t first = 0;
  int64_t n = count_differences(t, expected, got, &first);
  diag_error(v->cli->diag, code, value_loc(v, value),
             "%s differs from %s in %" PRId64 " of %" PRId64
             " elements, first at %s: expected %s, got %s (input: %s)",
             who, whose, n, type_count(t), index_text(a, t, first),
             element_text(a, t, expected, first),
             element_text(a, t, got, first), v->sample);
  if (value->def) {
    Str line = str_new(a);
    op_print(&line, value->def);
    diag_excerpt(v->cli->diag, "%s", str_cstr(&line));
  }
  return false;
}

bool verify_same(Verify *v, const Value *value, DiagCode code, const char *who,
                 const char *whose, const void *expected, const void *got) {
  int64_t n = type_bytes(value->type);
  v->bytes += n;
  return memcmp(expected, got, (size_t)n) == 0 ||
         report_difference(v, value, code, who, whose, expected, got);
}

static bool same(Verify *v, const Value *value, const char *who,
                 const char *whose, const void *expected, const void *got) {
  return verify_same(v, value, E0501, who, whose, expected, got);
}

const Value *verify_imported(const Verify *v, const Value *value) {
  const Value *r = graph_find(v->ref, value->name);
  return r && r->def && type_bytes(r->type) == type_bytes(value->type) ? r
                                                                       : NULL;
}

static bool compare_values(Verify *v, Arena *scratch) {
  for (const Op *op = v->opt->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++) {
      const Value *r = verify_imported(v, op->out[i]);
      const void *got = r ? subject_value(&v->full, op->out[i], scratch) : NULL;
      if (!got)
        continue;
      v->values++;
      if (!same(v, op->out[i], "the object", "the interpreter", v->seen[r->id],
                got))
        return false;
    }
  return true;
}

static bool compare_outputs(Verify *v) {
  for (int i = 0; i < v->ref->outputs.n; i++)
    if (!same(v, v->ref->outputs.v[i], "the object's output",
              "the interpreter's", v->out[i], v->ship_out[i]))
      return false;
  return true;
}

bool verify_sample(Verify *v, const char *name, const void *const *in) {
  Arena *scratch = arena_new();
  v->sample = name;
  v->samples++;
  v->interp->reset(v->interp);
  bool ok = v->interp->run(v->interp, in, v->out) &&
            (!v->has_full || (subject_run(&v->full, in, v->full_out) &&
                              compare_values(v, scratch))) &&
            subject_run(&v->ship, in, v->ship_out) && compare_outputs(v);
  arena_free(scratch);
  return ok;
}

bool verify_recorded(Verify *v, const Value *value, const void *expected) {
  const Value *now = graph_find(v->opt, value->name);
  Arena *scratch = arena_new();
  const void *got =
      v->has_full && now && now->def && verify_imported(v, now) == value
          ? subject_value(&v->full, now, scratch)
          : NULL;
  v->recorded++;
  bool ok =
      same(v, value, "the interpreter", "the recording", expected,
           v->seen[value->id]) &&
      (!got || same(v, value, "the object", "the recording", expected, got));
  arena_free(scratch);
  return ok;
}

bool verify_output(Verify *v, int i, const void *expected) {
  const Value *value = v->ref->outputs.v[i];
  v->recorded++;
  return same(v, value, "the interpreter's output", "the recording", expected,
              v->out[i]) &&
         same(v, value, "the object's output", "the recording", expected,
              v->ship_out[i]);
}
