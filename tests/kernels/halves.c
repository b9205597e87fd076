/* Networks of f16 and bf16, as importers write them: casts to f32 and back
 * around convolutions, depthwise and dense layers whose weights are such
 * floats, functions of halves behind them, skips of either type, and back to
 * f32. One case in three has any bits as input: subnormals, infinities, NaN. */
#include "tests/kernels/light.h"

typedef struct Net {
  Check *c;
  Random *r;
  DType half;
} Net;

static const Type *real(const Net *n, DType t, int rank, const int64_t *dim) {
  return type_new(n->c->arena, t, rank, dim, NULL);
}

static Value *cast(const Net *n, Value *x, DType t) {
  Attrs at = attrs_default(OP_cast);
  return add_op(n->c, OP_cast, &at, 1, &x,
                real(n, t, x->type->rank, x->type->dim));
}

/* f32, each of them a half. */
static Value *constant(const Net *n, int rank, const int64_t *dim) {
  const Type *t = real(n, DT_f32, rank, dim);
  float *data = ARENA_ARRAY(n->c->arena, float, type_count(t));
  random_reals(n->r, data, type_count(t));
  for (int64_t i = 0; i < type_count(t); i++)
    data[i] = (float)element_to_double(
        n->half, element_from_double(n->half, (double)data[i]));
  return graph_const(n->c->graph, "w", t, data);
}

/* As halves, or as f32 that become such: then they are small. */
static Value *input(const Net *n, const char *name, int rank,
                    const int64_t *dim) {
  DType t = n->c->any_bits ? n->half : DT_f32;
  Value *x = random_input(n->c, n->r, name, real(n, t, rank, dim));
  return n->c->any_bits ? x : cast(n, x, n->half);
}

static Value *dense(const Net *n) {
  Random *r = n->r;
  int64_t rows = random_in(r, 1, 6), k = random_in(r, 1, 90);
  int64_t oc = random_in(r, 1, 90);
  Value *in[] = {cast(n, input(n, "x", 2, (int64_t[]){rows, k}), DT_f32),
                 constant(n, 2, (int64_t[]){oc, k}), constant(n, 1, &oc)};
  Attrs at = attrs_default(OP_fully_connected);
  at.dense.act = (Act)random_below(r, ACT_COUNT);
  return add_op(n->c, OP_fully_connected, &at, random_in(r, 2, 3), in,
                real(n, DT_f32, 2, (int64_t[]){rows, oc}));
}

static Value *window(const Net *n) {
  Random *r = n->r;
  bool dw = random_below(r, 2);
  int k = random_below(r, 3) ? 3 : 1, stride = random_in(r, 1, 2), pad = k / 2;
  int64_t batch = random_in(r, 1, 2), oh = random_in(r, 1, 7);
  int64_t ow = random_in(r, 1, 17), ic = random_in(r, 1, 40);
  int64_t oc = dw ? ic : random_in(r, 1, 70);
  int64_t x[] = {batch, (oh - 1) * stride + 1, (ow - 1) * stride + 1, ic};
  int64_t w[] = {dw ? 1 : oc, k, k, dw ? oc : ic};
  OpKind kind = dw ? OP_depthwise_conv2d : OP_conv2d;
  Attrs at = attrs_default(kind);
  at.conv.stride = (Int2){{stride, stride}};
  at.conv.pad = (Int4){{pad, pad, pad, pad}};
  at.conv.act = (Act)random_below(r, ACT_COUNT);
  Value *in[] = {cast(n, input(n, "x", 4, x), DT_f32), constant(n, 4, w),
                 constant(n, 1, &oc)};
  return add_op(n->c, kind, &at, random_in(r, 2, 3), in,
                real(n, DT_f32, 4, (int64_t[]){batch, oh, ow, oc}));
}

/* One function in y's own type, of y or of y and as much of an input. */
static Value *function(const Net *n, Value *y) {
  static const OpKind kinds[] = {OP_relu, OP_relu6, OP_neg,
                                 OP_add,  OP_mul,   OP_sub};
  const Type *t = y->type;
  int k = random_below(n->r, 6);
  Attrs at = attrs_default(kinds[k]);
  Value *in[] = {y, y};
  if (k >= 3) {
    Value *x = input(n, k == 3 ? "a" : "b", t->rank, t->dim);
    in[random_below(n->r, 2)] = t->dtype == n->half ? x : cast(n, x, t->dtype);
  }
  return add_op(n->c, kinds[k], &at, k < 3 ? 1 : 2, in, t);
}

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 11};
  Check c = check_new(target);
  Net n = {&c, &r, seed % 2 ? DT_bf16 : DT_f16};
  c.any_bits = seed % 3 == 0;
  Value *y = random_below(&r, 3) ? window(&n) : dense(&n);
  if (random_below(&r, 4) == 0)
    y = function(&n, y);
  y = cast(&n, y, n.half);
  for (int i = random_below(&r, 3); i > 0; i--)
    y = function(&n, y);
  if (random_below(&r, 2))
    y = cast(&n, y, DT_f32);
  if (random_below(&r, 2))
    y = function(&n, y);
  give(&c, &r, y);
  check_finish(&c, &r, seed);
}

/* Those that add up as the interpreter does. */
static void exactly(void **state) {
  (void)state;
  check_targets(host_targets, 2, 120, one_case);
  check_targets(other_targets, 1, 16, one_case);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(exactly)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
