/* Operators that move elements between dimensions: blocks of pixels to
 * channels or batches and back, packs, splits, copies, mirrors. Each is
 * reshapes, transposes, slices and concats. */
#include "frontend/tflite/build.h"

/* --- blocks ------------------------------------------------------------ */

static bool read_block(TflOp *o, const FbField *f, int64_t *block) {
  *block = fb_i32(&o->im->fb, o->options, f, 0);
  if (*block < 1)
    return op_invalid(o, "block size %lld", (long long)*block);
  return o->in[0]->type->rank == 4 || op_invalid(o, "the input is not NHWC");
}

/* [N, H/b, b, W/b, b, C] -> [N, H/b, W/b, b, b, C] */
bool import_space_to_depth(TflOp *o) {
  const int64_t *x = o->in[0]->type->dim;
  int64_t b;
  if (!read_block(o, TFL_F(SpaceToDepthOptions, block_size), &b))
    return false;
  if (x[1] % b || x[2] % b)
    return op_invalid(o, "%lld x %lld pixels in blocks of %lld",
                      (long long)x[1], (long long)x[2], (long long)b);
  Dims split = {6, {x[0], x[1] / b, b, x[2] / b, b, x[3]}};
  Dims y = {4, {x[0], x[1] / b, x[2] / b, b * b * x[3]}};
  Value *blocks = t_transpose(o, t_reshape(o, o->in[0], split),
                              (const int[]){0, 1, 3, 2, 4, 5});
  return t_done(o, t_reshape(o, blocks, y));
}

/* [N, H, W, b, b, C] -> [N, H, b, W, b, C] */
bool import_depth_to_space(TflOp *o) {
  const int64_t *x = o->in[0]->type->dim;
  int64_t b;
  if (!read_block(o, TFL_F(DepthToSpaceOptions, block_size), &b))
    return false;
  if (b > INT16_MAX || x[3] % (b * b))
    return op_invalid(o, "%lld channels in blocks of %lld", (long long)x[3],
                      (long long)b);
  Dims split = {6, {x[0], x[1], x[2], b, b, x[3] / (b * b)}};
  Dims y = {4, {x[0], x[1] * b, x[2] * b, x[3] / (b * b)}};
  Value *blocks = t_transpose(o, t_reshape(o, o->in[0], split),
                              (const int[]){0, 1, 3, 2, 4, 5});
  return t_done(o, t_reshape(o, blocks, y));
}

/* Block sizes of the m dimensions behind the first, and what is padded or
 * cropped before and behind. */
typedef struct Blocks {
  int m;
  int64_t size[MAX_RANK], before[MAX_RANK], after[MAX_RANK];
} Blocks;

static bool read_blocks(TflOp *o, Blocks *b) {
  Ints size, edges;
  int rank = o->in[0]->type->rank;
  if (!op_ints(o, 1, "the block shape", &size) ||
      !op_ints(o, 2, "the paddings", &edges))
    return false;
  b->m = size.n;
  if (size.n < 1 || size.n >= rank || rank + size.n > MAX_RANK ||
      edges.n != 2 * size.n)
    return op_invalid(o, "%d blocks and %d paddings for rank %d", size.n,
                      edges.n, rank);
  for (int i = 0; i < size.n; i++) {
    b->size[i] = size.v[i];
    b->before[i] = edges.v[2 * i];
    b->after[i] = edges.v[2 * i + 1];
    if (b->size[i] < 1 || b->size[i] > INT16_MAX || b->before[i] < 0 ||
        b->after[i] < 0 || b->before[i] > INT32_MAX || b->after[i] > INT32_MAX)
      return op_invalid(o, "the block of dimension %d is out of range", i + 1);
  }
  return true;
}

/* Padded, [N, .. S/b, b .., rest] -> [.. b .., N, .. S/b .., rest] */
bool import_space_to_batch(TflOp *o) {
  Blocks b;
  if (!read_blocks(o, &b))
    return false;
  Dims x = t_dims(o->in[0]), split = {1, {x.v[0]}}, y = x;
  int64_t before[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  int perm[MAX_RANK] = {0}, n = 0;
  for (int i = 0; i < b.m; i++) {
    before[1 + i] = b.before[i];
    after[1 + i] = b.after[i];
    int64_t extent = x.v[1 + i] + b.before[i] + b.after[i];
    if (extent % b.size[i])
      return op_invalid(o, "%lld elements in blocks of %lld", (long long)extent,
                        (long long)b.size[i]);
    y.v[0] = mul_saturating(y.v[0], b.size[i]);
    y.v[1 + i] = split.v[split.rank++] = extent / b.size[i];
    perm[n++] = split.rank;
    split.v[split.rank++] = b.size[i];
  }
  perm[n++] = 0;
  for (int i = 0; i < b.m; i++)
    perm[n++] = 1 + 2 * i;
  for (int i = 1 + b.m; i < x.rank; i++) {
    perm[n++] = split.rank;
    split.v[split.rank++] = x.v[i];
  }
  Value *v = t_pad(o, o->in[0], before, after, type_zero_point(o->in[0]->type));
  return t_done(o,
                t_reshape(o, t_transpose(o, t_reshape(o, v, split), perm), y));
}

/* [.. b .., N, .. S .., rest] -> [N, .. S, b .., rest], cropped */
bool import_batch_to_space(TflOp *o) {
  Blocks b;
  if (!read_blocks(o, &b))
    return false;
  Dims x = t_dims(o->in[0]), split = {0}, y = x, cut;
  int64_t begin[MAX_RANK] = {0};
  int perm[MAX_RANK] = {b.m}, n = 1;
  for (int i = 0; i < b.m; i++) {
    split.v[split.rank++] = b.size[i];
    if (y.v[0] % b.size[i])
      return op_invalid(o, "a batch of %lld in blocks of %lld",
                        (long long)y.v[0], (long long)b.size[i]);
    y.v[0] /= b.size[i];
    y.v[1 + i] = mul_saturating(y.v[1 + i], b.size[i]);
    perm[n++] = b.m + 1 + i;
    perm[n++] = i;
  }
  split.v[split.rank++] = y.v[0];
  for (int i = 1; i < x.rank; i++)
    split.v[split.rank++] = x.v[i];
  for (int i = 1 + b.m; i < x.rank; i++)
    perm[n++] = b.m + i;
  cut = y;
  for (int i = 0; i < b.m; i++) {
    begin[1 + i] = b.before[i];
    cut.v[1 + i] -= b.before[i] + b.after[i];
    if (cut.v[1 + i] < 1)
      return op_invalid(o, "dimension %d: nothing is left", 1 + i);
  }
  Value *v = t_transpose(o, t_reshape(o, o->in[0], split), perm);
  return t_done(o, t_slice(o, t_reshape(o, v, y), begin, cut, NULL));
}

/* --- packs and parts --------------------------------------------------- */

bool import_pack(TflOp *o) {
  int64_t axis = fb_i32(&o->im->fb, o->options, TFL_F(PackOptions, axis), 0);
  Value **part = ARENA_ARRAY(o->im->arena, Value *, o->nin);
  if (!op_axis(o, &axis, o->in[0]->type->rank + 1))
    return false;
  for (int i = 0; i < o->nin; i++) {
    if (o->in[i]->type->rank != o->in[0]->type->rank)
      return op_invalid(o, "the operands differ in rank");
    Dims d = t_dims_insert(o, t_dims(o->in[i]), (int)axis, 1);
    part[i] = t_reshape(o, o->in[i], d);
  }
  return t_done(o, t_concat(o, (int)axis, o->nin, part));
}

/* Parts of the given extents along an axis; reshaped, when `squeeze`. */
static bool finish_parts(TflOp *o, Value *x, int64_t axis,
                         const int64_t *extent, bool squeeze) {
  Attrs a = attrs_default(OP_split);
  const Type **types = ARENA_ARRAY(o->im->arena, const Type *, o->nout);
  Value **part = ARENA_ARRAY(o->im->arena, Value *, o->nout);
  a.axis.axis = axis;
  for (int i = 0; i < o->nout; i++) {
    Dims d = t_dims(x);
    d.v[axis] = extent[i];
    types[i] = t_like(o, x, d);
  }
  t_ops(o, OP_split, &a, 1, &x, o->nout, types, part);
  Dims less = t_dims_reduce(t_dims(x), 1u << axis, false);
  for (int i = 0; i < o->nout; i++) {
    t_finish(o, i, squeeze ? t_reshape(o, part[i], less) : part[i]);
    if (!o->bad && !type_same_shape(o->out[i], o->tout[i]->value->type))
      return op_invalid(o, "output %d has another shape", i);
  }
  return !o->bad;
}

bool import_unpack(TflOp *o) {
  Value *x = o->in[0];
  int64_t axis = fb_i32(&o->im->fb, o->options, TFL_F(UnpackOptions, axis), 0);
  int64_t *extent = ARENA_ARRAY(o->im->arena, int64_t, o->nout);
  if (!op_axis(o, &axis, x->type->rank))
    return false;
  if (x->type->dim[axis] != o->nout)
    return op_invalid(o, "%lld parts in %d outputs",
                      (long long)x->type->dim[axis], o->nout);
  for (int i = 0; i < o->nout; i++)
    extent[i] = 1;
  return finish_parts(o, x, axis, extent, true);
}

/* The extents are those of the outputs; -1 is whatever is left. */
bool import_split_v(TflOp *o) {
  int64_t axis;
  int64_t *extent = ARENA_ARRAY(o->im->arena, int64_t, o->nout);
  if (!op_int(o, 2, "the axis", &axis) ||
      !op_axis(o, &axis, o->in[0]->type->rank))
    return false;
  for (int i = 0; i < o->nout; i++) {
    if (o->out[i]->rank != o->in[0]->type->rank)
      return op_invalid(o, "output %d has rank %d", i, o->out[i]->rank);
    extent[i] = o->out[i]->dim[axis];
  }
  return finish_parts(o, o->in[0], axis, extent, false);
}

/* A size of -1 is all that is left. */
bool import_slice(TflOp *o) {
  Ints begin, size;
  Dims x = t_dims(o->in[0]), d = x;
  if (!op_ints(o, 1, "begin", &begin) || !op_ints(o, 2, "the size", &size))
    return false;
  if (begin.n != x.rank || size.n != x.rank)
    return op_invalid(o, "%d begins and %d sizes for rank %d", begin.n, size.n,
                      x.rank);
  for (int i = 0; i < x.rank; i++) {
    bool inside = begin.v[i] >= 0 && begin.v[i] < x.v[i];
    int64_t left = inside ? x.v[i] - begin.v[i] : 0;
    d.v[i] = size.v[i] == -1 ? left : size.v[i];
    if (d.v[i] < 1 || d.v[i] > left)
      return op_invalid(o, "dimension %d: the slice leaves the input", i);
  }
  return t_done(o, t_slice(o, o->in[0], begin.v, d, NULL));
}

/* --- copies ------------------------------------------------------------ */

/* Axis by axis: [before, 1, axis and behind] repeated to [before, n, ..]. */
bool import_tile(TflOp *o) {
  Ints n;
  Value *v = o->in[0];
  Dims d = t_dims(v);
  if (!op_ints(o, 1, "the multiples", &n))
    return false;
  if (n.n != d.rank)
    return op_invalid(o, "%d multiples for rank %d", n.n, d.rank);
  for (int i = 0; i < d.rank; i++) {
    if (n.v[i] < 1 || n.v[i] > INT32_MAX)
      return op_refuse(o, "multiple %lld is not supported", (long long)n.v[i]);
    if (n.v[i] == 1)
      continue;
    Dims rows = {3, {1, 1, 1}};
    for (int k = 0; k < d.rank; k++)
      rows.v[k < i ? 0 : 2] *= d.v[k];
    v = t_reshape(o, v, rows);
    rows.v[1] = n.v[i];
    d.v[i] = mul_saturating(d.v[i], n.v[i]);
    v = t_reshape(o, t_broadcast(o, v, rows), d);
  }
  return t_done(o, v);
}

bool import_broadcast_to(TflOp *o) {
  Ints shape;
  return op_ints(o, 1, "the shape", &shape) &&
         op_check_shape(o, shape.n, shape.v, "the shape") &&
         t_done(o, t_broadcast(o, o->in[0], t_type_dims(o->out[0])));
}

bool import_reverse(TflOp *o) {
  unsigned mask;
  return op_axes(o, 1, &mask) && t_done(o, t_reverse(o, o->in[0], mask));
}

/* `n` elements of an axis, reversed, from `first` on. */
static Value *mirror(TflOp *o, Value *x, int axis, int64_t first, int64_t n) {
  Dims d = t_dims(x);
  int64_t begin[MAX_RANK] = {0};
  begin[axis] = first;
  d.v[axis] = n;
  return t_reverse(o, t_slice(o, x, begin, d, NULL), 1u << axis);
}

/* REFLECT leaves the edge out, SYMMETRIC doubles it. */
bool import_mirror_pad(TflOp *o) {
  int64_t edge =
      fb_i8(&o->im->fb, o->options, TFL_F(MirrorPadOptions, mode)) ? 0 : 1;
  Ints by;
  Value *v = o->in[0];
  int rank = v->type->rank;
  if (!op_ints(o, 1, "the paddings", &by))
    return false;
  if (by.n != 2 * rank)
    return op_invalid(o, "%d paddings for rank %d", by.n, rank);
  for (int i = 0; i < rank; i++) {
    int64_t n = o->in[0]->type->dim[i], lo = by.v[2 * i], hi = by.v[2 * i + 1];
    Value *part[3];
    int parts = 0;
    if (lo < 0 || hi < 0 || lo > n - edge || hi > n - edge)
      return op_invalid(o, "dimension %d of %lld is padded by %lld and %lld", i,
                        (long long)n, (long long)lo, (long long)hi);
    if (lo)
      part[parts++] = mirror(o, v, i, edge, lo);
    part[parts++] = v;
    if (hi)
      part[parts++] = mirror(o, v, i, n - edge - hi, hi);
    v = t_concat(o, i, parts, part);
  }
  return t_done(o, v);
}
