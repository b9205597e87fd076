/* Types, constants and detours for random cases of the light kernels. */
#ifndef KILN_TESTS_KERNELS_LIGHT_H
#define KILN_TESTS_KERNELS_LIGHT_H

#include "tests/kernels/check.h"

static inline DType random_q8(Random *r) {
  return random_below(r, 2) ? DT_i8 : DT_u8;
}

/* Zero points at the ends of the range one time in three each. */
static inline const Type *q8_type(Check *c, Random *r, DType t, int rank,
                                  const int64_t *dim, float scale) {
  int lo = (int)dtype_min(t), hi = (int)dtype_max(t);
  int kind = random_below(r, 3);
  int zero = kind == 0 ? lo : kind == 1 ? hi : random_in(r, lo, hi);
  return type_new(c->arena, t, rank, dim,
                  quant_per_tensor(c->arena, scale, zero, t));
}

/* From 2^-9 to 2^0 or so, with odd mantissas. */
static inline float random_scale(Random *r) {
  return (float)random_in(r, 1, 1000) * 0.0007f *
         (float)(1 << random_below(r, 3));
}

static inline const Type *with_dims(Check *c, const Type *t, int rank,
                                    const int64_t *dim) {
  return type_new(c->arena, t->dtype, rank, dim, t->q);
}

/* One time in two (and where elements are packed) v itself, else a copy of it
 * that lies in the arena, where the target may want the other signedness. */
static inline Value *maybe_detour(Check *c, Random *r, Value *v) {
  if (dtype_bits(v->type->dtype) < 8 || random_below(r, 2))
    return v;
  Op *op = graph_op(c->graph, NULL, OP_broadcast, NULL, 1, &v, 1, &v->type,
                    NULL, (Loc){0});
  return op->out[0];
}

static inline Value *random_input(Check *c, Random *r, const char *name,
                                  const Type *t) {
  return maybe_detour(c, r, graph_input(c->graph, name, t));
}

static inline Value *add_op(Check *c, OpKind kind, const Attrs *at, int nin,
                            Value *const *in, const Type *y) {
  return graph_op(c->graph, NULL, kind, at, nin, in, 1, &y, NULL, (Loc){0})
      ->out[0];
}

/* The case's output, perhaps by a detour. */
static inline void give(Check *c, Random *r, Value *v) {
  graph_output(c->graph, maybe_detour(c, r, v));
}

/* A test program's main: `one` case by case on the host's targets, on small
 * cores and on application cores, as many seeds on each. */
typedef struct Everywhere {
  void (*one)(const char *target, int seed);
  int host, small, other;
} Everywhere;

static const char *const host_targets[] = {"x86-64-avx512vnni", "x86-64-v3",
                                           "x86-64-v2"};
static const char *const small_targets[] = {"cortex-m0plus", "cortex-m4",
                                            "cortex-m55"};
static const char *const other_targets[] = {"cortex-a76", "armv7-neon",
                                            "riscv64"};

static void on_the_host(void **state) {
  const Everywhere *e = *state;
  check_targets(host_targets, 3, e->host, e->one);
}

static void on_small_cores(void **state) {
  const Everywhere *e = *state;
  check_targets(small_targets, 3, e->small, e->one);
}

static void on_application_cores(void **state) {
  const Everywhere *e = *state;
  check_targets(other_targets, 3, e->other, e->one);
}

static inline int check_everywhere(Everywhere e) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(on_the_host, &e),
      cmocka_unit_test_prestate(on_small_cores, &e),
      cmocka_unit_test_prestate(on_application_cores, &e),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
