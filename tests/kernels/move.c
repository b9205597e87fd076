/* The kernel that moves: pad, reshape, transpose, concat, split,
 * strided_slice, broadcast, resize_nearest, on elements of 1, 2, 4 and 8 bytes.
 */
#include "tests/kernels/light.h"

/* 8-bit quantized three times in five, else any width. */
static const Type *any_type(Check *c, Random *r, int rank, const int64_t *dim) {
  static const DType plain[] = {DT_i16, DT_i32, DT_f32, DT_i64, DT_bool};
  int k = random_below(r, 10);
  if (k < 6)
    return q8_type(c, r, random_q8(r), rank, dim, random_scale(r));
  return type_new(c->arena, plain[(k - 6) % 5], rank, dim, NULL);
}

static void random_dims(Random *r, int rank, int64_t *dim) {
  for (int i = 0; i < rank; i++)
    dim[i] = random_in(r, 1, i == rank - 1 ? 40 : 7);
}

static void pad_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_pad);
  int rank = random_in(r, 1, 5);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  at.pad.before.n = at.pad.after.n = rank;
  for (int i = 0; i < rank; i++) {
    bool pads = random_below(r, 3) > 0;
    at.pad.before.v[i] = pads ? random_below(r, 4) : 0;
    at.pad.after.v[i] = pads ? random_below(r, 20) : 0;
    y[i] = x[i] + at.pad.before.v[i] + at.pad.after.v[i];
  }
  const Type *t = any_type(c, r, rank, x);
  if (dtype_is_integer(t->dtype)) {
    DType narrow = t->dtype == DT_i64 ? DT_i16 : t->dtype;
    int64_t lo = dtype_min(narrow) + (narrow == DT_i32);
    int64_t hi = dtype_max(narrow);
    at.pad.value = random_below(r, 2)   ? random_in(r, 0, 100)
                   : random_below(r, 2) ? lo
                                        : hi;
  }
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_pad, &at, 1, &in, with_dims(c, t, rank, y)));
}

static void reshape_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_reshape);
  int64_t x[3], y;
  random_dims(r, 3, x);
  y = x[0] * x[1] * x[2];
  const Type *t = any_type(c, r, 3, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_reshape, &at, 1, &in, with_dims(c, t, 1, &y)));
}

/* Enough of both for tiles, at times for several and a part of one. */
static void matrix_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_transpose);
  int64_t x[3] = {random_in(r, 1, 3), random_in(r, 4, 40), random_in(r, 4, 40)};
  int perm = random_below(r, 3);
  static const int perms[3][3] = {{0, 2, 1}, {1, 2, 0}, {2, 0, 1}};
  int64_t y[3];
  at.perm.perm.n = 3;
  for (int i = 0; i < 3; i++) {
    at.perm.perm.v[i] = perms[perm][i];
    y[i] = x[perms[perm][i]];
  }
  const Type *t = any_type(c, r, 3, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_transpose, &at, 1, &in, with_dims(c, t, 3, y)));
}

static void transpose_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_transpose);
  int rank = random_in(r, 1, 5);
  int64_t x[MAX_RANK], y[MAX_RANK];
  if (random_below(r, 2)) {
    matrix_case(c, r);
    return;
  }
  random_dims(r, rank, x);
  at.perm.perm.n = rank;
  for (int i = 0; i < rank; i++)
    at.perm.perm.v[i] = i;
  for (int i = rank - 1; i > 0; i--) {
    int k = random_below(r, i + 1);
    int64_t v = at.perm.perm.v[i];
    at.perm.perm.v[i] = at.perm.perm.v[k];
    at.perm.perm.v[k] = v;
  }
  for (int i = 0; i < rank; i++)
    y[i] = x[at.perm.perm.v[i]];
  const Type *t = any_type(c, r, rank, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_transpose, &at, 1, &in, with_dims(c, t, rank, y)));
}

static void slice_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_strided_slice);
  SliceAttrs *s = &at.slice;
  int rank = random_in(r, 1, 5);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, x);
  s->begin.n = s->stride.n = rank;
  for (int i = 0; i < rank; i++) {
    int n = (int)x[i], step = random_in(r, 1, 3);
    int begin = random_below(r, n);
    bool down = random_below(r, 3) == 0;
    int most = (down ? begin : n - 1 - begin) / step + 1;
    s->begin.v[i] = begin;
    s->stride.v[i] = down ? -step : step;
    y[i] = random_in(r, 1, most);
  }
  const Type *t = any_type(c, r, rank, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r,
       add_op(c, OP_strided_slice, &at, 1, &in, with_dims(c, t, rank, y)));
}

/* Parts of one shape but for the axis; most have parameters of their own. */
static void concat_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_concat);
  int rank = random_in(r, 1, 4), n = random_in(r, 1, 8);
  int axis = random_below(r, rank);
  int64_t dim[MAX_RANK], sum = 0;
  random_dims(r, rank, dim);
  at.axis.axis = axis;
  const Type *first = any_type(c, r, rank, dim);
  Value *in[8];
  for (int i = 0; i < n; i++) {
    dim[axis] = random_in(r, 1, 20);
    sum += dim[axis];
    const Type *t = with_dims(c, first, rank, dim);
    if (first->q && random_below(r, 2))
      t = q8_type(c, r, first->dtype, rank, dim, random_scale(r));
    in[i] = random_input(c, r, "x", t);
  }
  dim[axis] = sum;
  const Type *y = with_dims(c, first, rank, dim);
  if (first->q && random_below(r, 2))
    y = q8_type(c, r, first->dtype, rank, dim, random_scale(r));
  give(c, r, add_op(c, OP_concat, &at, n, in, y));
}

/* Split, then joined in reverse order: one output to compare. */
static void split_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_split);
  int rank = random_in(r, 1, 4), n = random_in(r, 1, 8);
  int axis = random_below(r, rank);
  int64_t dim[MAX_RANK], sum = 0;
  random_dims(r, rank, dim);
  at.axis.axis = axis;
  const Type *any = any_type(c, r, rank, dim), *part[8];
  for (int i = 0; i < n; i++) {
    dim[axis] = random_in(r, 1, 20);
    sum += dim[axis];
    part[i] = with_dims(c, any, rank, dim);
  }
  dim[axis] = sum;
  const Type *x = with_dims(c, any, rank, dim);
  Value *in = random_input(c, r, "x", x), *back[8];
  Op *op =
      graph_op(c->graph, NULL, OP_split, &at, 1, &in, n, part, NULL, (Loc){0});
  for (int i = 0; i < n; i++)
    back[i] = op->out[n - 1 - i];
  Attrs join = attrs_default(OP_concat);
  join.axis.axis = axis;
  give(c, r, add_op(c, OP_concat, &join, n, back, x));
}

static void broadcast_case(Check *c, Random *r) {
  int rank = random_in(r, 1, 5), missing = random_below(r, rank + 1);
  int64_t x[MAX_RANK], y[MAX_RANK];
  random_dims(r, rank, y);
  for (int i = missing; i < rank; i++)
    x[i - missing] = random_below(r, 2) ? 1 : y[i];
  const Type *t = any_type(c, r, rank - missing, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_broadcast, NULL, 1, &in, with_dims(c, t, rank, y)));
}

static void resize_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_resize_nearest);
  int64_t x[4], y[4];
  random_dims(r, 4, x);
  int mode = random_below(r, 3), times = random_in(r, 1, 4);
  at.resize.align_corners = mode == 1;
  at.resize.half_pixel_centers = mode == 2;
  memcpy(y, x, sizeof y);
  bool even = random_below(r, 2);
  for (int i = 1; i < 3; i++)
    y[i] = even ? x[i] * times : random_in(r, 1, 20);
  const Type *t = any_type(c, r, 4, x);
  Value *in = random_input(c, r, "x", t);
  give(c, r, add_op(c, OP_resize_nearest, &at, 1, &in, with_dims(c, t, 4, y)));
}

static void one_case(const char *target, int seed) {
  static void (*const families[])(Check *, Random *) = {
      pad_case,    reshape_case, transpose_case, slice_case,
      concat_case, split_case,   broadcast_case, resize_case};
  enum { N = sizeof families / sizeof *families };
  Random r = {(uint32_t)seed * 7919u + 29};
  Check c = check_new(target);
  random_below(&r, 2);
  families[seed % N](&c, &r);
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 210, 42, 42}); }
