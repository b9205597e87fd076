/* STRIDED_SLICE: a spec of begin, end and stride an entry, and five bit
 * masks over the entries. It is walked once over the input's dimensions;
 * what is left is a slice with a begin, a stride and an extent a dimension
 * of the input, and a reshape where dimensions are dropped or added. */
#include "frontend/tflite/import.h"

typedef struct Spec {
  Ints begin, end, stride;
  uint32_t begin_mask, end_mask, ellipsis, new_axis, shrink;
} Spec;

typedef struct Slice {
  int rank; /* of the input */
  int64_t begin[MAX_RANK], stride[MAX_RANK], extent[MAX_RANK];
  int out_rank;
  int64_t out[3 * MAX_RANK]; /* kept dimensions and new axes */
} Slice;

static bool bit(uint32_t mask, int i) { return mask >> i & 1; }

static bool read_masks(TflOp *o, Spec *s) {
  Fb *fb = &o->im->fb;
  const struct {
    const FbField *field;
    uint32_t *mask;
  } rows[] = {
      {TFL_F(StridedSliceOptions, begin_mask), &s->begin_mask},
      {TFL_F(StridedSliceOptions, end_mask), &s->end_mask},
      {TFL_F(StridedSliceOptions, ellipsis_mask), &s->ellipsis},
      {TFL_F(StridedSliceOptions, new_axis_mask), &s->new_axis},
      {TFL_F(StridedSliceOptions, shrink_axis_mask), &s->shrink},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    *rows[i].mask = fb_u32(fb, o->options, rows[i].field);
  if (fb_bool(fb, o->options, TFL_F(StridedSliceOptions, offset)))
    return op_refuse(o, "ends relative to begins are not supported");
  return !fb->bad;
}

static bool read_spec(TflOp *o, Spec *s) {
  if (!read_masks(o, s) || !op_ints(o, 1, "begin", &s->begin) ||
      !op_ints(o, 2, "end", &s->end) || !op_ints(o, 3, "strides", &s->stride))
    return false;
  if (s->begin.n != s->end.n || s->begin.n != s->stride.n)
    return op_invalid(o, "begin, end and strides have %d, %d and %d entries",
                      s->begin.n, s->end.n, s->stride.n);
  uint32_t given = ((uint32_t)1 << s->begin.n) - 1;
  uint32_t ellipsis = s->ellipsis & given;
  if (ellipsis & (ellipsis - 1))
    return op_invalid(o, "more than one ellipsis");
  for (int i = 0; i < s->stride.n; i++)
    if (!s->stride.v[i] || s->stride.v[i] < -INT32_MAX ||
        s->stride.v[i] > INT32_MAX)
      return op_invalid(o, "stride %lld", (long long)s->stride.v[i]);
  return true;
}

/* An index as Python takes it: from the end when negative, clamped to the
 * places where a walk by `stride` can begin or end. */
static int64_t place(int64_t index, int64_t n, int64_t stride) {
  int64_t lo = stride > 0 ? 0 : -1, hi = stride > 0 ? n : n - 1;
  if (index < 0)
    index = index < -n ? lo : index + n;
  return index < lo ? lo : index > hi ? hi : index;
}

static bool slice_dim(TflOp *o, const Spec *s, int i, Slice *out) {
  int d = out->rank++;
  int64_t n = o->in[0]->type->dim[d], stride = s->stride.v[i];
  int64_t begin = bit(s->begin_mask, i) ? (stride > 0 ? 0 : n - 1)
                                        : place(s->begin.v[i], n, stride);
  int64_t end = bit(s->end_mask, i) ? (stride > 0 ? n : -1)
                                    : place(s->end.v[i], n, stride);
  bool shrink = bit(s->shrink, i);
  if (shrink ? begin < 0 || begin >= n
             : (stride > 0 ? begin >= end : begin <= end))
    return op_invalid(o, "dimension %d: nothing is left", d);
  int64_t span = stride > 0 ? end - begin - 1 : begin - end - 1;
  int64_t step = stride > 0 ? stride : -stride;
  out->begin[d] = begin;
  out->extent[d] = shrink ? 1 : span / step + 1;
  out->stride[d] = out->extent[d] == 1 ? 1 : stride;
  if (!shrink)
    out->out[out->out_rank++] = out->extent[d];
  return true;
}

/* Takes dimensions as they are until `left` of the input's are left. */
static void slice_whole(const Type *x, int left, Slice *out) {
  while (out->rank < x->rank - left) {
    int d = out->rank++;
    out->begin[d] = 0;
    out->stride[d] = 1;
    out->extent[d] = x->dim[d];
    out->out[out->out_rank++] = x->dim[d];
  }
}

/* Entries from `first` on that take a dimension of the input. */
static int entries_left(const Spec *s, int first) {
  int n = 0;
  for (int i = first; i < s->begin.n; i++)
    n += !bit(s->new_axis, i);
  return n;
}

static bool walk_spec(TflOp *o, const Spec *s, Slice *out) {
  const Type *x = o->in[0]->type;
  for (int i = 0; i < s->begin.n; i++) {
    if (bit(s->ellipsis, i))
      slice_whole(x, entries_left(s, i + 1), out);
    else if (bit(s->new_axis, i))
      out->out[out->out_rank++] = 1;
    else if (out->rank >= x->rank)
      return op_invalid(o, "more entries than the input has dimensions");
    else if (!slice_dim(o, s, i, out))
      return false;
  }
  slice_whole(x, 0, out);
  return true;
}

static bool emit_slice(TflOp *o, const Slice *s) {
  const Type *x = o->in[0]->type;
  Attrs a = attrs_default(OP_strided_slice);
  a.slice.begin.n = a.slice.stride.n = s->rank;
  for (int i = 0; i < s->rank; i++) {
    a.slice.begin.v[i] = s->begin[i];
    a.slice.stride.v[i] = s->stride[i];
  }
  if (s->out_rank == s->rank && o->out[0]->rank == s->rank)
    return op_emit(o, OP_strided_slice, &a, 1, o->in);
  const Type *t = type_with_shape(o->im->arena, x, s->rank, s->extent);
  Value *v = op_emit_inner(o, OP_strided_slice, &a, o->in, 1, t, "slice");
  return v && op_emit_reshape(o, v);
}

bool import_strided_slice(TflOp *o) {
  Spec spec;
  Slice slice = {0};
  return read_spec(o, &spec) && walk_spec(o, &spec, &slice) &&
         op_check_shape(o, slice.out_rank, slice.out, "the slice") &&
         emit_slice(o, &slice);
}
