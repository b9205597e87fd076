/* The machinery of verify.h. A value's name means the same bytes in the
 * imported and in the optimized graph (passes/pass.h), so names pair them. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "driver/verify.h"
#include "ir/array.h"
#include "ir/text.h"

/* Of the largest finite element, or of what lies between the ends. */
#define PART_OF_RANGE 1e-5

static void copy_values(void **seen, const Op *op, void *const *out) {
  for (int i = 0; i < op->nout; i++) {
    const Value *value = op->out[i];
    memcpy(seen[value->id], out[i], (size_t)type_bytes(value->type));
  }
}

static void observe(void *ctx, const Op *op, void *const *out) {
  copy_values(((Verify *)ctx)->seen, op, out);
}

static void observe_opt(void *ctx, const Op *op, void *const *out) {
  copy_values(((Verify *)ctx)->opt_seen, op, out);
}

/* Buffers for every operator's outputs, by the values' ids. */
static void **value_buffers(Arena *a, const Graph *g) {
  void **seen = ARENA_ARRAY(a, void *, g->values.n);
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++) {
      const Value *value = op->out[i];
      seen[value->id] = arena_alloc(a, (size_t)type_bytes(value->type));
    }
  return seen;
}

static void make_buffers(Verify *v) {
  const Graph *g = v->ref;
  Arena *a = v->cli->arena;
  v->seen = value_buffers(a, g);
  v->opt_seen = v->loose ? value_buffers(a, v->opt) : NULL;
  v->out = exec_buffers(a, g->outputs.v, g->outputs.n);
  v->opt_out = exec_buffers(a, g->outputs.v, g->outputs.n);
  for (int i = 0; i < v->held.n; i++) {
    v->held.v[i].ship_out = exec_buffers(a, g->outputs.v, g->outputs.n);
    v->held.v[i].full_out = exec_buffers(a, g->outputs.v, g->outputs.n);
  }
}

static bool can_run(const Target *t) {
  return target_runs_here(t) || (t->runner && strcmp(t->runner, "host") != 0);
}

static bool check_runnable(Cli *cli, const Target *t) {
  if (can_run(t))
    return true;
  diag_error(cli->diag, E0304, (Loc){0}, "objects for %s cannot be run here",
             t->name);
  diag_hint(cli->diag, "`kiln targets` tells where each is verified");
  return false;
}

static bool hold(Cli *cli, Verify *v, const Target *row, const Tier *tier,
                 int index) {
  Held h = {.tier = tier, .index = index};
  if (!subject_new(cli, v->opt, row, BUILD_keep_all, &h.full))
    return false;
  h.has_full = subject_fits(&h.full);
  if (!h.has_full)
    diag_note(cli->diag, (Loc){.file = v->ref->file},
              "with every value kept it does not fit the emulated board: "
              "only outputs are compared");
  ARRAY_PUSH(cli->arena, &v->held, h);
  return true;
}

static bool hold_tiers(Cli *cli, Verify *v, const Target *t) {
  Str absent = str_new(cli->arena);
  for (int i = 0; i < t->ntiers; i++) {
    const Tier *tier = &t->tiers[i];
    if (!can_run(tier->row))
      str_printf(&absent, "%s%s", absent.n ? ", " : "", tier->name);
    else if (!hold(cli, v, tier->row, tier, i))
      return false;
  }
  v->absent = absent.n ? str_cstr(&absent) : NULL;
  return true;
}

static bool make_objects(Cli *cli, Verify *v, const Target *t) {
  bool several = t->ntiers > 1;
  return subject_new(cli, v->opt, t, several ? BUILD_open_tier : BUILD_product,
                     &v->ship) &&
         (several ? hold_tiers(cli, v, t) : hold(cli, v, t, NULL, 0));
}

bool verify_new(Cli *cli, Verify *v) {
  *v = (Verify){.cli = cli, .has_object = !cli_has(cli, OPT_interpreter)};
  const Target *t = session_target(cli);
  if (!t || (v->has_object && !check_runnable(cli, t)) ||
      !(v->ref = verify_load(v)) || !session_has_memory(cli, v->ref))
    return false;
  v->opt = graph_clone(cli->arena, v->ref);
  v->loose = v->ref->rounding == ROUND_onnx || cli_has(cli, OPT_allow);
  if (!session_optimize(cli, v->opt, NULL) ||
      (v->has_object && !make_objects(cli, v, t)))
    return false;
  make_buffers(v);
  v->interp = interp_new(v->ref, observe, v);
  if (v->loose)
    v->opt_interp = interp_new(v->opt, observe_opt, v);
  return true;
}

void verify_free(Verify *v) {
  if (v->interp)
    v->interp->free(v->interp);
  if (v->opt_interp)
    v->opt_interp->free(v->opt_interp);
  subject_free(&v->ship);
  for (int i = 0; i < v->held.n; i++)
    subject_free(&v->held.v[i].full);
}

/* Element i as people read it. */
static const char *element_text(Arena *a, const Type *t, const void *data,
                                int64_t i) {
  NdArray x = {.type = array_elem(t->dtype), .data = data};
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

/* Floats may differ by this much; 0 for others, and where nothing may. */
static double tolerance(const Type *t, Match m, const void *expected) {
  if (!m.close || !dtype_is_float(t->dtype))
    return 0;
  NdArray x = {.type = array_elem(t->dtype), .data = expected};
  double lo = (double)INFINITY, hi = -(double)INFINITY;
  for (int64_t i = 0; i < type_count(t); i++) {
    double real = nd_real(&x, i);
    if (isfinite(real)) {
      lo = fmin(lo, real);
      hi = fmax(hi, real);
    }
  }
  if (!(lo <= hi))
    return 0;
  return PART_OF_RANGE * fmax(hi - lo, fmax(fabs(lo), fabs(hi)));
}

/* The same bits, any NaN for a NaN, or no further off than `within`. */
static bool element_is_same(const Type *t, const uint8_t *x, const uint8_t *y,
                            int64_t i, double within) {
  int64_t width = dtype_bits(t->dtype) / 8;
  if (memcmp(x + i * width, y + i * width, (size_t)width) == 0)
    return true;
  NdArray a = {.type = array_elem(t->dtype), .data = x}, b = a;
  b.data = y;
  if (a.type >= ELEM_COUNT)
    return false;
  double p = nd_real(&a, i), q = nd_real(&b, i);
  return (isnan(p) && isnan(q)) ||
         (within > 0 && (p == q || fabs(p - q) <= within));
}

/* Elements that differ; *first is the first of them. */
static int64_t count_differences(const Type *t, const uint8_t *x,
                                 const uint8_t *y, double within,
                                 int64_t *first) {
  int64_t different = 0;
  for (int64_t i = 0; i < type_count(t); i++)
    if (!element_is_same(t, x, y, i, within) && different++ == 0)
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

static bool report_difference(Verify *v, const Value *value, Match m, int64_t n,
                              int64_t first, const void *expected,
                              const void *got) {
  Arena *a = v->cli->arena;
  const Type *t = value->type;
  diag_error(v->cli->diag, m.code, value_loc(v, value),
             "%s differs from %s in %" PRId64 " of %" PRId64
             " elements, first at %s: expected %s, got %s (input: %s)",
             m.who, m.whose, n, type_count(t), index_text(a, t, first),
             element_text(a, t, expected, first),
             element_text(a, t, got, first), v->sample);
  if (value->def) {
    Str line = str_new(a);
    op_print(&line, value->def);
    diag_excerpt(v->cli->diag, "%s", str_cstr(&line));
  }
  return false;
}

bool verify_same(Verify *v, const Value *value, Match m, const void *expected,
                 const void *got) {
  const Type *t = value->type;
  int64_t bytes = type_bytes(t), first = 0;
  v->bytes += bytes;
  if (memcmp(expected, got, (size_t)bytes) == 0)
    return true;
  int64_t n =
      count_differences(t, expected, got, tolerance(t, m, expected), &first);
  return !n || report_difference(v, value, m, n, first, expected, got);
}

/* "the object's output", or that of a tier of it. */
static const char *object_name(const Verify *v, const Held *h,
                               const char *what) {
  return h->tier ? arena_printf(v->cli->arena, "tier %s of the object%s",
                                h->tier->name, what)
                 : arena_printf(v->cli->arena, "the object%s", what);
}

/* The object against an interpreter. */
static bool same_object(Verify *v, const Held *h, const Value *value,
                        const char *what, const char *whose,
                        const void *expected, const void *got) {
  bool exact = target_f32_exact(h->full.built.plan->target);
  return verify_same(v, value,
                     (Match){E0501, object_name(v, h, what), whose, !exact},
                     expected, got);
}

/* What other roundings inside of quantize-dequantize islands, and integer ops
 * in their place, may do to a dequantized output: where one element inside
 * lies on a tie, some of them are a step of their scale apart. */
static bool within_a_step(const Value *value, const void *expected,
                          const void *got) {
  const Op *dq = value->def;
  const Type *t = value->type;
  int64_t unused;
  if (!dq || dq->kind != OP_dequantize || dq->rounding != ROUND_onnx ||
      !type_is_q8(dq->in[0]->type))
    return false;
  double step = 1.0001 * (double)type_scale(dq->in[0]->type);
  return count_differences(t, expected, got, step, &unused) == 0;
}

/* Anything against a recording. */
static bool same_recording(Verify *v, const Value *value, const char *who,
                           const void *expected, const void *got) {
  if (within_a_step(value, expected, got))
    return true;
  return verify_same(v, value, (Match){E0501, who, "the recording", true},
                     expected, got);
}

const Value *verify_imported(const Verify *v, const Value *value) {
  const Value *r = graph_find(v->ref, value->name);
  return r && r->def && type_bytes(r->type) == type_bytes(value->type) ? r
                                                                       : NULL;
}

/* What the interpreter has for a value of opt; NULL: nothing. */
static const void *interpreted(const Verify *v, const Value *value) {
  if (v->loose)
    return v->opt_seen[value->id];
  const Value *r = verify_imported(v, value);
  return r ? v->seen[r->id] : NULL;
}

static bool compare_values(Verify *v, Held *h, Arena *scratch) {
  for (const Op *op = v->opt->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++) {
      const void *expected = interpreted(v, op->out[i]);
      const void *got =
          expected ? subject_value(&h->full, op->out[i], scratch) : NULL;
      if (!got)
        continue;
      v->values++;
      if (!same_object(v, h, op->out[i], "", "the interpreter", expected, got))
        return false;
    }
  return true;
}

static bool compare_outputs(Verify *v, const Held *h) {
  void **expected = v->loose ? v->opt_out : v->out;
  for (int i = 0; i < v->ref->outputs.n; i++)
    if (!same_object(v, h, v->ref->outputs.v[i], "'s output",
                     "the interpreter's", expected[i], h->ship_out[i]))
      return false;
  return true;
}

static bool interpret(Verify *v, const void *const *in) {
  v->interp->reset(v->interp);
  if (!v->interp->run(v->interp, in, v->out))
    return false;
  if (!v->loose || !v->has_object)
    return true;
  v->opt_interp->reset(v->opt_interp);
  return v->opt_interp->run(v->opt_interp, in, v->opt_out);
}

static bool verify_held(Verify *v, Held *h, const void *const *in,
                        Arena *scratch) {
  if (h->has_full && (!subject_run(&h->full, in, h->full_out) ||
                      !compare_values(v, h, scratch)))
    return false;
  if (h->tier)
    subject_set_tier(&v->ship, h->index);
  return subject_run(&v->ship, in, h->ship_out) && compare_outputs(v, h);
}

bool verify_sample(Verify *v, const char *name, const void *const *in) {
  Arena *scratch = arena_new();
  v->sample = name;
  v->samples++;
  bool ok = interpret(v, in);
  for (int i = 0; i < v->held.n && ok; i++)
    ok = verify_held(v, &v->held.v[i], in, scratch);
  arena_free(scratch);
  return ok;
}

bool verify_choice(Verify *v, const char **name) {
  *name = NULL;
  const Plan *p = v->has_object ? v->ship.built.plan : NULL;
  if (!p || p->tiers.n == 1 || p->opt.caller_tier)
    return true;
  subject_set_tier(&v->ship, -1);
  if (!subject_run(&v->ship, v->ship.in, v->ship.out))
    return false;
  const Tier *took = &p->whole->tiers[v->ship.tier];
  *name = took->name;
  return !v->ship.exec || took->row == target_best_tier(p->whole) ||
         diag_error(v->cli->diag, E0901, (Loc){0},
                    "the object chose the tier %s, which is not the best that "
                    "runs here",
                    *name);
}

static bool recorded_held(Verify *v, Held *h, const Value *value,
                          const void *expected, Arena *scratch) {
  const Value *now = graph_find(v->opt, value->name);
  const void *got =
      h->has_full && now && now->def && verify_imported(v, now) == value
          ? subject_value(&h->full, now, scratch)
          : NULL;
  return !got || same_recording(v, value, object_name(v, h, ""), expected, got);
}

bool verify_recorded(Verify *v, const Value *value, const void *expected) {
  Arena *scratch = arena_new();
  v->recorded++;
  bool ok =
      same_recording(v, value, "the interpreter", expected, v->seen[value->id]);
  for (int i = 0; i < v->held.n && ok; i++)
    ok = recorded_held(v, &v->held.v[i], value, expected, scratch);
  arena_free(scratch);
  return ok;
}

bool verify_output(Verify *v, int i, const void *expected) {
  const Value *value = v->ref->outputs.v[i];
  v->recorded++;
  bool ok =
      same_recording(v, value, "the interpreter's output", expected, v->out[i]);
  for (int k = 0; k < v->held.n && ok; k++) {
    const Held *h = &v->held.v[k];
    ok = same_recording(v, value, object_name(v, h, "'s output"), expected,
                        h->ship_out[i]);
  }
  return ok;
}
