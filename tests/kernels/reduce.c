/* The kernel of reductions: every op and type, odd sizes, any set of axes;
 * extremes of quantized tensors, too. */
#include "tests/kernels/light.h"

static const OpKind kinds[] = {OP_reduce_sum, OP_reduce_prod, OP_reduce_max,
                               OP_reduce_min, OP_mean};
static const DType types[] = {DT_f32, DT_f16, DT_bf16, DT_f64, DT_i8,
                              DT_u8,  DT_i16, DT_u16,  DT_i32, DT_u32,
                              DT_i64, DT_u64, DT_bool};
enum {
  NKIND = sizeof kinds / sizeof *kinds,
  NTYPE = sizeof types / sizeof *types
};

static bool takes(OpKind k, DType t) {
  if (k == OP_mean)
    return dtype_is_float(t);
  return t != DT_bool || k == OP_reduce_max || k == OP_reduce_min;
}

/* Each axis one time in two, the last one when no other was; dropped or kept
 * as 1. */
static int reduced_dims(Random *r, IntList *axes, int64_t *dim, int64_t *kept) {
  bool drop = random_below(r, 2);
  int rank = 0;
  for (int d = 0; d < 4; d++) {
    dim[d] = random_in(r, 1, d == 3 ? 70 : 6);
    if (random_below(r, 2) || (d == 3 && axes->n == 0)) {
      axes->v[axes->n++] = d;
      if (!drop)
        kept[rank++] = 1;
    } else {
      kept[rank++] = dim[d];
    }
  }
  return rank;
}

/* Many rows, the last axis alone is reduced. */
static int row_dims(Random *r, IntList *axes, int64_t *dim, int64_t *kept) {
  memcpy(dim, (int64_t[]){1, 2, random_in(r, 7, 30), random_in(r, 1, 70)},
         4 * sizeof *dim);
  axes->v[axes->n++] = 3;
  memcpy(kept, dim, 3 * sizeof *dim);
  return 3;
}

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 97};
  Check c = check_new(target);
  OpKind k = kinds[seed % NKIND];
  DType t = types[seed / NKIND % NTYPE];
  if (!takes(k, t) || (t == DT_f64 && !c.target->f64))
    t = DT_f32;
  c.any_bits = seed % 3 == 0;
  int64_t dim[4], kept[4];
  Attrs at = attrs_default(k);
  bool rows = t == DT_f32 && random_below(&r, 2);
  int rank = (rows ? row_dims : reduced_dims)(&r, &at.axes.axes, dim, kept);
  const Type *x = type_new(c.arena, t, 4, dim, NULL);
  if ((k == OP_reduce_max || k == OP_reduce_min) && random_below(&r, 4) == 0)
    x = q8_type(&c, &r, random_q8(&r), 4, dim, random_scale(&r));
  Value *in = random_input(&c, &r, "x", x);
  give(&c, &r, add_op(&c, k, &at, 1, &in, with_dims(&c, x, rank, kept)));
  check_finish(&c, &r, seed);
}

/* Extremes of long runs of zeros of both signs, or of a few NaN with them. */
static void zeros_case(const char *target, int seed) {
  static const float factor[] = {0};
  Random r = {(uint32_t)seed * 7919u + 3};
  Check c = check_new(target);
  c.any_bits = seed % 2;
  int64_t n = random_in(&r, 60, 300), one = 1;
  const Type *x = type_new(c.arena, DT_f32, 1, &n, NULL);
  const Type *y = type_new(c.arena, DT_f32, 1, &one, NULL);
  Attrs at = attrs_default(OP_mul), axes = attrs_default(OP_reduce_max);
  axes.axes.axes.n = 1;
  Value *in[] = {random_input(&c, &r, "x", x),
                 graph_const(c.graph, "zero", y, factor)};
  Value *zeros = add_op(&c, OP_mul, &at, 2, in, x);
  OpKind k = random_below(&r, 2) ? OP_reduce_max : OP_reduce_min;
  give(&c, &r, add_op(&c, k, &axes, 1, &zeros, y));
  check_finish(&c, &r, seed);
}

static void either_case(const char *target, int seed) {
  if (seed % 16 == 15)
    zeros_case(target, seed);
  else
    one_case(target, seed);
}

int main(void) {
  return check_everywhere((Everywhere){either_case, 260, 65, 65});
}
