/* Compiles a graph for a target, runs the object and the interpreter on the
 * same bytes and compares every output, byte for byte; floats on targets
 * that don't promise that (target_f32_exact) to 1e-5 of the largest. Under
 * qemu the stack that it takes is held to its bound, too. Seeds make the
 * cases: a failure names its seed. */
#ifndef KILN_TESTS_KERNELS_CHECK_H
#define KILN_TESTS_KERNELS_CHECK_H

#include <math.h>
#include <string.h>

#include "codegen/codegen.h"
#include "ir/element.h"
#include "tests/testing.h"

typedef struct Random {
  uint64_t state; /* of test_random */
} Random;

static inline int random_below(Random *r, int n) {
  return (int)(test_random(&r->state) % (uint64_t)n);
}

/* From lo to hi, both included. */
static inline int random_in(Random *r, int lo, int hi) {
  return lo + random_below(r, hi - lo + 1);
}

/* Bytes of one kind a case: all minimal, all maximal or random; patterns
 * repeat in all dtypes of 8 bits. */
static inline void random_bytes(Random *r, uint8_t *out, int64_t n) {
  static const int fixed[] = {0x00, 0x7f, 0x80, 0xff};
  int kind = random_below(r, 8);
  for (int64_t i = 0; i < n; i++)
    out[i] = (uint8_t)(kind < 4 ? fixed[kind] : random_below(r, 256));
}

/* One magnitude a case, zeros of both signs among them. */
static inline void random_reals(Random *r, float *out, int64_t n) {
  float scale = ldexpf(1, random_in(r, -6, 6));
  for (int64_t i = 0; i < n; i++) {
    float x = (float)random_in(r, -4096, 4096) * 0x1p-12f;
    out[i] = random_below(r, 16) ? scale * x : copysignf(0, x);
  }
}

static inline void random_elements(Random *r, const Type *t, bool any_bits,
                                   void *out) {
  if (t->dtype == DT_f32 && !any_bits)
    random_reals(r, out, type_count(t));
  else
    random_bytes(r, out, type_bytes(t));
}

typedef struct Check {
  Arena *arena;
  Diag *diag;
  Graph *graph;
  const Target *target;
  bool any_bits;    /* inputs of floats hold any bits, infinities and NaN too */
  PlanOptions plan; /* for_size holds for one seed in four, too */
  const char *weights; /* of check_finish: the last step's form of weights */
} Check;

static inline Check check_new(const char *target) {
  Check c = {.arena = arena_new()};
  c.diag = diag_new(c.arena);
  c.target = target_find(c.arena, c.diag, target, NULL, NULL, NULL);
  assert_non_null(c.target);
  c.graph = graph_new(c.arena, c.diag, "net");
  return c;
}

enum { CHECK_SAMPLES = 3 };

/* `orders`: x is an object; each sample's parts run in another order. */
static inline bool check_run_here(Executor *x, bool orders, const Graph *g,
                                  const void *const *in, void *out) {
  int64_t out_bytes = type_bytes(g->outputs.v[0]->type);
  bool ok = x != NULL;
  for (int k = 0; ok && k < CHECK_SAMPLES; k++) {
    if (orders)
      jit_set_order(x, (PartOrder)(k % 3));
    const void *sample[8];
    for (int i = 0; i < g->inputs.n; i++)
      sample[i] = (const uint8_t *)in[i] + k * type_bytes(g->inputs.v[i]->type);
    void *to = (uint8_t *)out + k * out_bytes;
    ok = x->run(x, sample, &to);
  }
  if (x)
    x->free(x);
  return ok;
}

static inline bool check_run_object(const Check *c, const Plan *p,
                                    const Emitted *e, const void *const *in,
                                    void *out) {
  if (strcmp(c->target->runner, "host") == 0)
    return check_run_here(jit_new(p, e), true, c->graph, in, out);
  int64_t told = qemu_stack_bound(p, e), took = 0;
  bool ok = qemu_run(p, e, CHECK_SAMPLES, in, &out, NULL, &took, NULL);
  if (ok && took > told)
    fail_msg("%s: %s: %lld bytes of stack, not %lld", c->target->name,
             p->steps.v[0]->symbol, (long long)took, (long long)told);
  return ok;
}

static inline void check_fail(const Check *c, const char *what, int seed) {
  diag_print(c->diag, stderr);
  fail_msg("%s: seed %d: %s", c->target->name, seed, what);
}

static inline double check_real(const Type *t, const void *data, int64_t i) {
  return element_to_double(t->dtype, element_load(t->dtype, data, i));
}

/* How far a float may be from `want`, the largest being `most`. */
static inline double check_allowed(const Target *t, DType type, double want,
                                   double most) {
  if (target_f32_exact(t))
    return 0;
  double step = type == DT_f16 ? 0x1p-10 : type == DT_bf16 ? 0x1p-7 : 0;
  return fmax(1e-5 * most, step * fabs(want));
}

/* The first element that is not what it should be; -1: none. */
static inline int64_t check_reals(const Target *target, const Type *t,
                                  const void *want, const void *got,
                                  int64_t n) {
  double most = 0;
  for (int64_t i = 0; i < n; i++) {
    double x = check_real(t, want, i);
    most = isfinite(x) ? fmax(most, fabs(x)) : most;
  }
  for (int64_t i = 0; i < n; i++) {
    double x = check_real(t, want, i), y = check_real(t, got, i);
    double allowed = check_allowed(target, t->dtype, x, most);
    bool same =
        element_load(t->dtype, want, i) == element_load(t->dtype, got, i);
    if (!same && !(isnan(x) && isnan(y)) &&
        !(fabs(x - y) <= allowed && allowed > 0))
      return i;
  }
  return -1;
}

static inline int64_t check_bytes(const uint8_t *want, const uint8_t *got,
                                  int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (want[i] != got[i])
      return i;
  return -1;
}

static inline void check_output(const Check *c, const Plan *p, int seed,
                                const void *want, const void *got, int64_t n) {
  const char *symbol = p->steps.v[0]->symbol;
  const Type *t = c->graph->outputs.v[0]->type;
  if (dtype_is_float(t->dtype)) {
    int64_t count = n * 8 / dtype_bits(t->dtype);
    int64_t i = check_reals(c->target, t, want, got, count);
    if (i >= 0)
      fail_msg("%s: seed %d: %s: element %d is %a, the interpreter has %a",
               c->target->name, seed, symbol, (int)i, check_real(t, got, i),
               check_real(t, want, i));
    return;
  }
  int64_t i = check_bytes(want, got, n);
  if (i >= 0)
    fail_msg("%s: seed %d: %s: byte %d is %d, the interpreter has %d",
             c->target->name, seed, symbol, (int)i, ((const uint8_t *)got)[i],
             ((const uint8_t *)want)[i]);
}

/* How far before buffer `in` the step's output may start; OVERLAP_NONE where
 * it may not touch it. */
static inline int64_t check_distance(const Step *s, const Buffer *in) {
  int64_t distance = OVERLAP_NONE, unit = 1;
  bool dies = in && in->place == PLACE_arena && !in->base &&
              in->last == s->index && in->first >= 0 && in->first < s->index;
  bool same = false;
  for (int i = 0; dies && i < s->nin; i++) {
    if (!s->in[i] || (s->in[i] != in && s->in[i]->base != in))
      continue;
    int64_t d = step_overlap(s, i);
    if (d == OVERLAP_NONE || s->in[i] != in)
      return OVERLAP_NONE;
    same |= d == OVERLAP_SAME;
    d = d == OVERLAP_SAME ? 0 : d;
    distance = d > distance ? d : distance;
    unit = dtype_bits(in->type->dtype) / 8;
  }
  if (distance < 0 || (same && distance))
    return OVERLAP_NONE;
  int64_t out = dtype_bits(s->out[0]->type->dtype) / 8;
  unit = out > unit ? out : unit > 1 ? unit : 1;
  return (distance + unit - 1) / unit * unit;
}

/* Lays all blocks of the arena side by side, but for the first output that
 * may touch an input: that one starts exactly as far before it as it has to.
 */
static inline void check_squeeze(Plan *p) {
  enum { APART = 64 };
  int64_t at = 0;
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (b->place != PLACE_arena || b->base)
      continue;
    b->offset = at;
    at += (b->bytes + 2 * APART - 1) / APART * APART;
  }
  for (int i = 0; i < p->steps.n; i++) {
    p->steps.v[i]->scratch_offset = at;
    at += (p->steps.v[i]->scratch_bytes + APART - 1) / APART * APART;
  }
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    Buffer *in = s->op->nin ? s->in[0] : NULL, *out = s->out[0];
    int64_t d = check_distance(s, in);
    if (s->op->nout != 1 || out->place != PLACE_arena || out->base || d < 0)
      continue;
    out->offset = at;
    in->offset = at + d;
    at += d + (in->bytes > out->bytes ? in->bytes : out->bytes);
    break;
  }
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (b->base)
      b->offset = b->base->offset + b->base_offset;
  }
  p->arena_bytes = at;
}

/* Targets without doubles refuse them. */
static inline bool check_lacks_doubles(const Check *c) {
  for (int i = 0; i < c->graph->values.n; i++) {
    const Value *v = c->graph->values.v[i];
    if (v && v->type->dtype == DT_f64 && !c->target->f64)
      return true;
  }
  return false;
}

/* One output, any number of inputs with random bytes. Frees the arena. */
static inline void check_finish(Check *c, Random *r, int seed) {
  Graph *g = c->graph;
  Value *result = g->outputs.v[0];
  if (!graph_verify(g))
    check_fail(c, "the case itself is not valid", seed);
  const void *in[8];
  for (int i = 0; i < g->inputs.n; i++) {
    int64_t n = type_bytes(g->inputs.v[i]->type);
    uint8_t *bytes = arena_alloc(c->arena, (size_t)n * CHECK_SAMPLES);
    for (int k = 0; k < CHECK_SAMPLES; k++)
      random_elements(r, g->inputs.v[i]->type, c->any_bits, bytes + k * n);
    in[i] = bytes;
  }
  size_t n = (size_t)type_bytes(result->type) * CHECK_SAMPLES;
  uint8_t *want = arena_alloc(c->arena, n), *got = arena_alloc(c->arena, n);
  assert_true(check_run_here(interp_new(g, NULL, NULL), false, g, in, want));
  PlanOptions po = c->plan;
  po.for_size |= seed % 4 == 3;
  static const int threads[] = {2, 3, 1, 5, 8};
  if (seed % 4 == 1) /* whatever can be is split */
    po.threads = threads[seed / 4 % 5];
  po.part_cycles = 1e-6;
  if (seed % 8 == 2 && c->target->position_independent)
    po.polly = POLLY_on;
  Plan *p = plan_new(c->arena, g, c->target, &po);
  if (p && random_below(r, 3))
    check_squeeze(p);
  for (int i = 0; p && i < p->steps.n; i++)
    assert_true(split_holds(p->steps.v[i]));
  Emitted e = {0};
  CodegenOptions co = {.opt_level = 2, .for_size = po.for_size};
  if (!p || !codegen_emit(p, &co, EMIT_object, &e))
    check_fail(c, "does not compile", seed);
  for (int i = 0; i < p->steps.n; i++)
    if (p->steps.v[i]->weights.form)
      c->weights = p->steps.v[i]->weights.form;
  if (!check_run_object(c, p, &e, in, got))
    check_fail(c, "does not run", seed);
  check_output(c, p, seed, want, got, (int64_t)n);
  arena_free(c->arena);
}

/* Runs `cases` seeds on each target that can run here. */
static inline void check_targets(const char *const *targets, int ntargets,
                                 int cases, void (*one)(const char *, int)) {
  for (int t = 0; t < ntargets; t++) {
    Check probe = check_new(targets[t]);
    bool skip = strcmp(probe.target->runner, "host") == 0 &&
                !target_runs_here(probe.target);
    arena_free(probe.arena);
    if (skip)
      print_message("%s: this machine cannot run it\n", targets[t]);
    for (int seed = 0; !skip && seed < cases; seed++)
      one(targets[t], seed);
  }
}

#endif
