/* The general kernel of matrix products: every plain type, bytes with zero
 * points a row or a column, quantized operands that are both computed at run
 * time, dense layers with such weights; leading dimensions broadcast. */
#include "tests/kernels/light.h"

static const Type *plain(Check *c, DType t, int rank, const int64_t *dim) {
  return type_new(c->arena, t, rank, dim, NULL);
}

/* [.., m, k] by [.., k, n] to [.., m, n]; leading dimensions of 1 or missing
 * where they broadcast. */
typedef struct Matrices {
  int rank[3];
  int64_t dim[3][MAX_RANK]; /* a, b, y */
} Matrices;

static void leading(Random *r, Matrices *s, int i, int lead,
                    const int64_t *full, int64_t rows, int64_t columns) {
  int skip = lead && random_below(r, 3) == 0 ? random_in(r, 1, lead) : 0;
  s->rank[i] = lead - skip + 2;
  for (int d = skip; d < lead; d++)
    s->dim[i][d - skip] = random_below(r, 3) ? full[d] : 1;
  s->dim[i][lead - skip] = rows;
  s->dim[i][lead - skip + 1] = columns;
}

static Matrices random_matrices(Random *r) {
  static const int columns[] = {1, 3, 16, 32, 17, 33, 96, 128};
  Matrices s = {0};
  int64_t full[2] = {random_in(r, 1, 3), random_in(r, 1, 3)};
  int lead = random_below(r, 3);
  int64_t m = random_in(r, 1, 9), k = random_in(r, 1, 30);
  int64_t n = columns[random_below(r, 8)];
  if (random_below(r, 4) == 0) {
    m = random_in(r, 10, 25);
    k = random_in(r, 60, 140);
  }
  leading(r, &s, 0, lead, full, m, k);
  leading(r, &s, 1, lead, full, k, n);
  int longer = s.rank[0] > s.rank[1] ? 0 : 1, shorter = 1 - longer;
  s.rank[2] = s.rank[longer];
  for (int d = 0; d < s.rank[2] - 2; d++) {
    int e = d - (s.rank[2] - s.rank[shorter]);
    int64_t x = s.dim[longer][d], y = e < 0 ? 1 : s.dim[shorter][e];
    s.dim[2][d] = x > y ? x : y;
  }
  s.dim[2][s.rank[2] - 2] = m;
  s.dim[2][s.rank[2] - 1] = n;
  return s;
}

static void number_case(Check *c, Random *r) {
  static const DType types[] = {DT_f16, DT_bf16, DT_f64, DT_i16, DT_u16,
                                DT_i32, DT_u32,  DT_i64, DT_u64};
  Attrs at = attrs_default(OP_matmul);
  Matrices s = random_matrices(r);
  DType t = types[random_below(r, 9)];
  Value *in[] = {graph_input(c->graph, "a", plain(c, t, s.rank[0], s.dim[0])),
                 graph_input(c->graph, "b", plain(c, t, s.rank[1], s.dim[1]))};
  graph_output(c->graph, add_op(c, OP_matmul, &at, 2, in,
                                plain(c, t, s.rank[2], s.dim[2])));
}

/* A zero point: none, one, or one an index of dimension `keep` of x. */
static Value *zero_point(Check *c, Random *r, const char *name, const Type *x,
                         int k) {
  int64_t dim[MAX_RANK];
  int kind = random_below(r, 3);
  if (kind == 0)
    return NULL;
  for (int d = 0; d < x->rank; d++)
    dim[d] = kind == 1 || d == k || random_below(r, 4) == 0 ? 1 : x->dim[d];
  return graph_input(c->graph, name,
                     plain(c, x->dtype, kind == 1 ? 0 : x->rank, dim));
}

static void sums_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_matmul);
  Matrices s = random_matrices(r);
  const Type *a = plain(c, random_q8(r), s.rank[0], s.dim[0]);
  const Type *b = plain(c, random_q8(r), s.rank[1], s.dim[1]);
  Value *in[] = {graph_input(c->graph, "a", a), graph_input(c->graph, "b", b),
                 zero_point(c, r, "za", a, a->rank - 1),
                 zero_point(c, r, "zb", b, b->rank - 2)};
  graph_output(c->graph, add_op(c, OP_matmul, &at, 4, in,
                                plain(c, DT_i32, s.rank[2], s.dim[2])));
}

/* Scales and zero points an index of `axis` of an i8 tensor. */
static const Type *axis_type(Check *c, Random *r, int rank, const int64_t *dim,
                             int axis) {
  float scale[128];
  int32_t zero[128];
  for (int i = 0; i < dim[axis]; i++) {
    scale[i] = random_scale(r);
    zero[i] = random_in(r, -128, 127);
  }
  QuantParams q = {.axis = axis,
                   .nscale = (int)dim[axis],
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  return type_new(c->arena, DT_i8, rank, dim, &q);
}

static const Type *weight_type(Check *c, Random *r, int rank,
                               const int64_t *dim, int axis) {
  return random_below(r, 2)
             ? axis_type(c, r, rank, dim, axis)
             : q8_type(c, r, random_q8(r), rank, dim, random_scale(r));
}

/* Is b's quantization one a tensor, or any? */
static void bytes_case(Check *c, Random *r, Matrices s, bool one) {
  Attrs at = attrs_default(OP_matmul);
  c->graph->rounding = random_below(r, 2) ? ROUND_onnx : ROUND_tflite;
  DType t = random_q8(r);
  const Type *a = q8_type(c, r, t, s.rank[0], s.dim[0], random_scale(r));
  const Type *b =
      one ? q8_type(c, r, random_q8(r), s.rank[1], s.dim[1], random_scale(r))
          : weight_type(c, r, s.rank[1], s.dim[1], s.rank[1] - 1);
  const Type *y = q8_type(c, r, t, s.rank[2], s.dim[2], 20 * random_scale(r));
  Value *in[] = {random_input(c, r, "a", a), random_input(c, r, "b", b)};
  give(c, r, add_op(c, OP_matmul, &at, 2, in, y));
}

static void quantized_case(Check *c, Random *r) {
  bytes_case(c, r, random_matrices(r), false);
}

static void dense_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_fully_connected);
  int64_t x[] = {random_in(r, 1, 9), random_in(r, 1, 30)};
  int64_t w[] = {random_in(r, 1, 40), x[1]}, y[] = {x[0], w[0]};
  c->graph->rounding = random_below(r, 2) ? ROUND_onnx : ROUND_tflite;
  at.dense.act = (Act)random_below(r, ACT_COUNT);
  DType t = random_q8(r);
  const Type *b = plain(c, DT_i32, 1, w);
  Value *in[] = {random_input(c, r, "x", q8_type(c, r, t, 2, x, 0.1f)),
                 random_input(c, r, "w", weight_type(c, r, 2, w, 0)),
                 random_below(r, 2) ? graph_input(c->graph, "b", b) : NULL};
  const Type *out = q8_type(c, r, t, 2, y, 20 * random_scale(r));
  give(c, r, add_op(c, OP_fully_connected, &at, 3, in, out));
}

/* Without doubles, or where float sums are rounded twice a step: those of
 * f32 alone are compared with a tolerance. */
static bool is_refused(const Check *c) {
  DType t = c->graph->outputs.v[0]->type->dtype;
  return check_lacks_doubles(c) || (dtype_is_float(t) && !c->target->fma);
}

static void one_case(const char *target, int seed) {
  static void (*const families[])(Check *, Random *) = {
      number_case, sums_case, quantized_case, dense_case};
  Random r = {(uint32_t)seed * 7919u + 67};
  Check c = check_new(target);
  random_below(&r, 2);
  families[seed % 4](&c, &r);
  if (is_refused(&c))
    arena_free(c.arena);
  else
    check_finish(&c, &r, seed);
}

/* Columns that fill the panels of matmul_lanes. */
static void panel_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 71};
  Check c = check_new(target);
  Matrices s = random_matrices(&r);
  int64_t columns = 16LL * random_in(&r, 1, 5);
  for (int i = 1; i < 3; i++)
    s.dim[i][s.rank[i] - 1] = columns;
  bytes_case(&c, &r, s, true);
  check_finish(&c, &r, seed);
}

static void panels(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-a76", "neoverse-v1"};
  check_targets(t, 2, 12, panel_case);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(panels)};
  return check_everywhere((Everywhere){one_case, 120, 24, 24}) +
         cmocka_run_group_tests(tests, NULL, NULL);
}
