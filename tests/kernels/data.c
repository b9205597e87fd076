/* The kernels that look elements up and run along axes: gathers, scatters,
 * argmax, running sums, topk, windows; on every element type, indices inside
 * and out, values at the ends of the range. */
#include "tests/kernels/light.h"

static const DType numbers[] = {DT_f32, DT_f16, DT_bf16, DT_f64,
                                DT_i8,  DT_u8,  DT_i16,  DT_u16,
                                DT_i32, DT_u32, DT_i64,  DT_u64};

static const Type *plain(Check *c, DType t, int rank, const int64_t *dim) {
  return type_new(c->arena, t, rank, dim, NULL);
}

static const Type *number_type(Check *c, Random *r, int rank,
                               const int64_t *dim) {
  return plain(c, numbers[random_below(r, 12)], rank, dim);
}

/* Quantized one time in three. */
static const Type *any_type(Check *c, Random *r, int rank, const int64_t *dim) {
  if (random_below(r, 3) == 0)
    return q8_type(c, r, random_q8(r), rank, dim, random_scale(r));
  return number_type(c, r, rank, dim);
}

/* Few enough for small boards. */
static void random_dims(Random *r, int rank, int64_t *dim) {
  for (int i = 0; i < rank; i++)
    dim[i] = random_in(r, 1, i == rank - 1 && random_below(r, 2) ? 20 : 5);
}

/* Constants around 0 .. n - 1 and outside, or bytes of an input made wider. */
static Value *indices(Check *c, Random *r, int rank, const int64_t *dim,
                      int64_t n) {
  DType wide = random_below(r, 2) ? DT_i32 : DT_i64;
  const Type *t = plain(c, wide, rank, dim);
  if (random_below(r, 2)) {
    Attrs at = attrs_default(OP_cast);
    Value *x = graph_input(c->graph, "i", plain(c, DT_i8, rank, dim));
    return add_op(c, OP_cast, &at, 1, &x, t);
  }
  int64_t count = type_count(t);
  int32_t *narrow = ARENA_ARRAY(c->arena, int32_t, count);
  int64_t *data = ARENA_ARRAY(c->arena, int64_t, count);
  for (int64_t k = 0; k < count; k++)
    narrow[k] = (int32_t)(data[k] = random_in(r, (int)-n - 1, (int)n));
  return graph_const(c->graph, "i", t, wide == DT_i32 ? (void *)narrow : data);
}

static int64_t largest(int rank, const int64_t *dim) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++)
    n = dim[i] > n ? dim[i] : n;
  return n;
}

/* ---- gather ---- */

static void gather_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_gather);
  int rank = random_in(r, 1, 4), irank = random_below(r, 3), n = 0;
  int axis = random_below(r, rank);
  int64_t x[MAX_RANK], index[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  random_dims(r, irank, index);
  at.gather.axis = axis;
  for (int d = 0; d < axis; d++)
    y[n++] = x[d];
  for (int d = 0; d < irank; d++)
    y[n++] = index[d];
  for (int d = axis + 1; d < rank; d++)
    y[n++] = x[d];
  const Type *t = any_type(c, r, rank, x);
  Value *in[] = {random_input(c, r, "x", t),
                 indices(c, r, irank, index, x[axis])};
  give(c, r, add_op(c, OP_gather, &at, 2, in, with_dims(c, t, n, y)));
}

/* Dimensions of element indices: none above x's but along the axis. */
static void element_dims(Random *r, int rank, int axis, const int64_t *x,
                         int64_t *index) {
  for (int d = 0; d < rank; d++)
    index[d] = d == axis ? random_in(r, 1, 9) : random_in(r, 1, (int)x[d]);
}

static void gather_elements_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_gather_elements);
  int rank = random_in(r, 1, 4), axis = random_below(r, rank);
  int64_t x[MAX_RANK], index[MAX_RANK];
  random_dims(r, rank, x);
  element_dims(r, rank, axis, x, index);
  at.gather.axis = axis;
  const Type *t = any_type(c, r, rank, x);
  Value *in[] = {random_input(c, r, "x", t),
                 indices(c, r, rank, index, x[axis])};
  give(c, r,
       add_op(c, OP_gather_elements, &at, 2, in, with_dims(c, t, rank, index)));
}

/* [batch.., vectors.., length]; y: what the vectors name. */
static int vector_dims(Random *r, int rank, int batch, const int64_t *x,
                       int64_t *index, int64_t *y, int *yrank) {
  int length = random_in(r, 1, rank - batch), more = random_below(r, 3);
  int n = batch + more;
  for (int d = 0; d < n; d++)
    y[d] = index[d] = d < batch ? x[d] : random_in(r, 1, 6);
  index[n] = length;
  *yrank = n;
  for (int d = batch + length; d < rank; d++)
    y[(*yrank)++] = x[d];
  return n + 1;
}

static void gather_nd_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_gather_nd);
  int rank = random_in(r, 1, 4), batch = random_below(r, rank), yrank;
  int64_t x[MAX_RANK], index[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  at.gather_nd.batch_dims = batch;
  int irank = vector_dims(r, rank, batch, x, index, y, &yrank);
  const Type *t = any_type(c, r, rank, x);
  Value *in[] = {random_input(c, r, "x", t),
                 indices(c, r, irank, index, largest(rank, x))};
  give(c, r, add_op(c, OP_gather_nd, &at, 2, in, with_dims(c, t, yrank, y)));
}

/* ---- scatter ---- */

static const Type *scattered_type(Check *c, Random *r, Reduction *reduction,
                                  int rank, const int64_t *x) {
  *reduction = (Reduction)random_below(r, REDUCTION_COUNT);
  return *reduction == REDUCTION_none ? any_type(c, r, rank, x)
                                      : number_type(c, r, rank, x);
}

static void scatter_elements_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_scatter_elements);
  int rank = random_in(r, 1, 4), axis = random_below(r, rank);
  int64_t x[MAX_RANK], index[MAX_RANK];
  random_dims(r, rank, x);
  element_dims(r, rank, axis, x, index);
  at.scatter.axis = axis;
  const Type *t = scattered_type(c, r, &at.scatter.reduction, rank, x);
  Value *in[] = {random_input(c, r, "x", t),
                 indices(c, r, rank, index, x[axis]),
                 random_input(c, r, "u", with_dims(c, t, rank, index))};
  give(c, r, add_op(c, OP_scatter_elements, &at, 3, in, t));
}

static void scatter_nd_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_scatter_nd);
  int rank = random_in(r, 1, 4), urank;
  int64_t x[MAX_RANK], index[MAX_RANK], u[MAX_RANK];
  random_dims(r, rank, x);
  int irank = vector_dims(r, rank, 0, x, index, u, &urank);
  const Type *t = scattered_type(c, r, &at.scatter_nd.reduction, rank, x);
  Value *in[] = {random_input(c, r, "x", t),
                 indices(c, r, irank, index, largest(rank, x)),
                 random_input(c, r, "u", with_dims(c, t, urank, u))};
  give(c, r, add_op(c, OP_scatter_nd, &at, 3, in, t));
}

/* ---- along an axis ---- */

static void arg_case(Check *c, Random *r) {
  OpKind k = random_below(r, 2) ? OP_argmax : OP_argmin;
  Attrs at = attrs_default(k);
  int rank = random_in(r, 1, 4), axis = random_below(r, rank);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  memcpy(y, x, sizeof y);
  y[axis] = 1;
  at.arg.axis = axis;
  at.arg.select_last = random_below(r, 2);
  Value *in = random_input(c, r, "x", any_type(c, r, rank, x));
  DType t = random_below(r, 2) ? DT_i32 : DT_i64;
  give(c, r, add_op(c, k, &at, 1, &in, plain(c, t, rank, y)));
}

static void cum_case(Check *c, Random *r) {
  OpKind k = random_below(r, 2) ? OP_cumsum : OP_cumprod;
  Attrs at = attrs_default(k);
  int rank = random_in(r, 1, 4);
  int64_t x[MAX_RANK];
  random_dims(r, rank, x);
  at.cum.axis = random_below(r, rank);
  at.cum.exclusive = random_below(r, 2);
  at.cum.reverse = random_below(r, 2);
  const Type *t = number_type(c, r, rank, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, k, &at, 1, &in, t));
}

static void topk_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_topk);
  int rank = random_in(r, 1, 4), axis = random_below(r, rank);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  memcpy(y, x, sizeof y);
  y[axis] = random_in(r, 1, (int)x[axis]);
  at.topk.axis = axis;
  at.topk.largest = random_below(r, 2);
  const Type *t = any_type(c, r, rank, x);
  Value *in = random_input(c, r, "x", t);
  const Type *types[] = {with_dims(c, t, rank, y), plain(c, DT_i64, rank, y)};
  Op *op =
      graph_op(c->graph, NULL, OP_topk, &at, 1, &in, 2, types, NULL, (Loc){0});
  give(c, r, op->out[random_below(r, 2)]);
}

/* ---- windows ---- */

static void random_window(Random *r, WindowAttrs *a, int rank, int64_t *x,
                          int64_t *y) {
  a->window.n = a->stride.n = a->dilation.n = a->before.n = a->after.n = rank;
  for (int d = 0; d < rank; d++) {
    bool windows = random_below(r, 3) > 0;
    a->window.v[d] = windows ? random_in(r, 1, 4) : 1;
    a->stride.v[d] = windows ? random_in(r, 1, 3) : 1;
    a->dilation.v[d] = windows ? random_in(r, 1, 2) : 1;
    a->before.v[d] = windows && random_below(r, 2) ? random_below(r, 4) : 0;
    a->after.v[d] = windows && random_below(r, 2) ? random_below(r, 4) : 0;
    int64_t reach = (a->window.v[d] - 1) * a->dilation.v[d];
    int64_t padded = x[d] + a->before.v[d] + a->after.v[d];
    if (padded <= reach) {
      x[d] += reach + 1 - padded;
      padded = reach + 1;
    }
    y[d] = (padded - reach - 1) / a->stride.v[d] + 1;
  }
}

static void window_case(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_window_sum, OP_window_max,
                                 OP_window_argmax};
  OpKind k = kinds[random_below(r, 3)];
  Attrs at = attrs_default(k);
  int rank = random_in(r, 1, 4);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  random_window(r, &at.window, rank, x, y);
  const Type *t =
      k == OP_window_sum ? number_type(c, r, rank, x) : any_type(c, r, rank, x);
  Value *in = random_input(c, r, "x", t);
  const Type *yt = k == OP_window_argmax ? plain(c, DT_i64, rank, y)
                                         : with_dims(c, t, rank, y);
  give(c, r, add_op(c, k, &at, 1, &in, yt));
}

static void one_case(const char *target, int seed) {
  static void (*const families[])(Check *, Random *) = {gather_case,
                                                        gather_elements_case,
                                                        gather_nd_case,
                                                        arg_case,
                                                        scatter_elements_case,
                                                        scatter_nd_case,
                                                        cum_case,
                                                        topk_case,
                                                        window_case};
  enum { N = sizeof families / sizeof *families };
  Random r = {(uint32_t)seed * 7919u + 53};
  Check c = check_new(target);
  random_below(&r, 2);
  c.any_bits = seed / N % 2;
  families[seed % N](&c, &r);
  if (check_lacks_doubles(&c))
    arena_free(c.arena);
  else
    check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 270, 54, 54}); }
