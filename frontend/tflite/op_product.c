/* Products of activations, and the convolution that goes the other way. */
#include "frontend/tflite/build.h"

Value *t_matmul(TflOp *o, Value *a, Value *b, Value *zero_point) {
  if (!a || !b)
    return NULL;
  Dims d = t_dims(a), e = t_dims(b);
  bool byte = dtype_bits(a->type->dtype) == 8;
  if (d.rank < 2 || e.rank < 2) {
    o->bad = !op_invalid(o, "a product of ranks %d and %d", d.rank, e.rank);
    return NULL;
  }
  Dims y = d.rank > e.rank ? d : e;
  for (int i = 3; i <= y.rank; i++) {
    int64_t x = i <= d.rank ? d.v[d.rank - i] : 1;
    y.v[y.rank - i] = x != 1 || i > e.rank ? x : e.v[e.rank - i];
  }
  y.v[y.rank - 2] = d.v[d.rank - 2];
  y.v[y.rank - 1] = e.v[e.rank - 1];
  return t_op(o, OP_matmul, NULL, zero_point ? 3 : 2,
              (Value *[]){a, b, zero_point},
              t_type(o, byte ? DT_i32 : a->type->dtype, y));
}

Value *t_transpose_last(TflOp *o, Value *x) {
  int rank = x ? x->type->rank : 0, perm[MAX_RANK];
  for (int i = 0; i < rank; i++)
    perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
  return rank < 2 ? x : t_transpose(o, x, perm);
}

bool import_batch_matmul(TflOp *o) {
  Fb *fb = &o->im->fb;
  Value *a = o->in[0], *b = o->in[1];
  if (fb_bool(fb, o->options, TFL_F(BatchMatMulOptions, adj_x)))
    a = t_transpose_last(o, a);
  if (fb_bool(fb, o->options, TFL_F(BatchMatMulOptions, adj_y)))
    b = t_transpose_last(o, b);
  if (a && b && a->type->q)
    return op_emit(o, OP_matmul, NULL, 2, (Value *[]){a, b});
  return t_done(o, t_matmul(o, a, b, NULL));
}

bool import_dense_product(TflOp *o, Act act) {
  Value *x = o->in[0], *w = o->in[1];
  int64_t count = type_count(x->type);
  if (w->type->rank != 2 || count % w->type->dim[1])
    return op_invalid(o, "the weight has rank %d, the input %lld elements",
                      w->type->rank, (long long)count);
  Dims rows = {2, {count / w->type->dim[1], w->type->dim[1]}};
  Value *y = t_matmul(o, t_reshape(o, x, rows), t_transpose_last(o, w), NULL);
  if (o->nin > 2 && o->in[2])
    y = t_binary(o, OP_add, y, o->in[2]);
  return t_done_rows(o, t_act(o, y, act));
}

/* Where the first input pixel's first tap lands, before the output's edge:
 * the padding of the convolution from output to input. */
static bool read_pad(TflOp *o, const int64_t *w, ConvTransposeAttrs *a) {
  Fb *fb = &o->im->fb;
  int padding = fb_i8(fb, o->options, TFL_F(TransposeConvOptions, padding));
  if (padding < 0 || padding >= TFL_PADDING_COUNT)
    return op_invalid(o, "padding %d does not exist", padding);
  for (int i = 0; i < 2; i++)
    a->pad.v[i] = padding == TFL_SAME ? op_same_pad(o->out[0]->dim[1 + i],
                                                    w[1 + i], a->stride.v[i])
                                      : 0;
  return true;
}

bool import_transpose_conv(TflOp *o) {
  Fb *fb = &o->im->fb;
  Attrs a = attrs_default(OP_conv_transpose2d);
  ConvTransposeAttrs *c = &a.conv_transpose;
  Ints shape;
  c->stride = (Int2){
      {fb_i32(fb, o->options, TFL_F(TransposeConvOptions, stride_h), 0),
       fb_i32(fb, o->options, TFL_F(TransposeConvOptions, stride_w), 0)}};
  if (c->stride.v[0] < 1 || c->stride.v[1] < 1)
    return op_invalid(o, "stride %lld x %lld", (long long)c->stride.v[0],
                      (long long)c->stride.v[1]);
  if (!op_ints(o, 0, "the output's shape", &shape) ||
      !op_check_shape(o, shape.n, shape.v, "the output's shape") ||
      !op_act(o, TFL_F(TransposeConvOptions, fused_activation_function),
              &c->act))
    return false;
  if (o->out[0]->rank != 4 || o->in[1]->type->rank != 4)
    return op_invalid(o, "the output or the weight is not of rank 4");
  Value *in[] = {o->in[2], o->in[1], o->nin > 3 ? o->in[3] : NULL};
  return read_pad(o, o->in[1]->type->dim, c) &&
         op_emit(o, OP_conv_transpose2d, &a, in[2] ? 3 : 2, in);
}
