/* Ops that handle every channel by itself. */
#include "passes/prune/channels.h"

static int64_t last_dim(const Value *v) {
  return v->type->rank ? v->type->dim[v->type->rank - 1] : 0;
}

static bool has_channel_scales(const Value *v) {
  return v->type->q && (v->type->q->axis >= 0 || v->type->q->codebook);
}

static bool is_last(const Op *op, int64_t axis) {
  return axis == op->in[0]->type->rank - 1;
}

static bool pairs_always(const Op *op) {
  (void)op;
  return true;
}

static bool pairs_mean(const Op *op) {
  for (int i = 0; i < op->attrs.axes.axes.n; i++)
    if (is_last(op, op->attrs.axes.axes.v[i]))
      return false;
  return true;
}

static bool pairs_pad(const Op *op) {
  const PadAttrs *a = &op->attrs.pad;
  int last = op->in[0]->type->rank - 1;
  return !a->before.v[last] && !a->after.v[last];
}

/* Whole pixels, or whole rows of them as one: index j is channel j modulo
 * the operand's. */
static bool pairs_reshape(const Op *op) {
  int64_t n = last_dim(op->in[0]);
  return n && last_dim(op->out[0]) % n == 0;
}

static bool pairs_transpose(const Op *op) {
  const IntList *perm = &op->attrs.perm.perm;
  return is_last(op, perm->v[perm->n - 1]);
}

static bool pairs_slice(const Op *op) {
  int last = op->in[0]->type->rank - 1;
  return last_dim(op->in[0]) == last_dim(op->out[0]) &&
         op->attrs.slice.stride.v[last] == 1;
}

static const struct {
  OpKind kind;
  bool (*pairs)(const Op *op);
} rows[] = {
    {OP_avg_pool2d, pairs_always},
    {OP_max_pool2d, pairs_always},
    {OP_quantize, pairs_always},
    {OP_dequantize, pairs_always},
    {OP_resize_nearest, pairs_always},
    {OP_concat, pairs_always},
    {OP_mean, pairs_mean},
    {OP_pad, pairs_pad},
    {OP_reshape, pairs_reshape},
    {OP_transpose, pairs_transpose},
    {OP_strided_slice, pairs_slice},
};

static bool kind_pairs(const Op *op) {
  if (op_info(op->kind)->traits & T_MAP)
    return true;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == op->kind)
      return rows[i].pairs(op);
  return false;
}

/* Broadcasting along the channels pairs one with many; only a constant may,
 * which is cut or left as it is. */
static bool operand_pairs(const Op *op, int i) {
  const Value *v = op->in[i];
  if (!v || v->init)
    return op->kind != OP_concat;
  return v->type->rank > 0 && !has_channel_scales(v) &&
         (op->kind == OP_reshape || op->kind == OP_concat ||
          last_dim(v) == last_dim(op->out[0]));
}

bool channels_pair(const Op *op) {
  if (op->nout != 1 || !op->out[0]->type->rank ||
      has_channel_scales(op->out[0]) || !op->nin || !op->in[0] ||
      op->in[0]->init || !op->in[0]->type->rank || !kind_pairs(op))
    return false;
  for (int i = 0; i < op->nin; i++)
    if (!operand_pairs(op, i))
      return false;
  return true;
}

/* Of a concat along the channels: behind those of the operands before. */
static int64_t concat_pair(const Op *op, int i, int64_t j) {
  int64_t begin = 0;
  for (int k = 0; k < i; k++)
    begin += last_dim(op->in[k]);
  return j >= begin && j < begin + last_dim(op->in[i]) ? j - begin : -1;
}

int64_t channel_pair(const Op *op, int i, int64_t j) {
  if (op->kind == OP_reshape)
    return j % last_dim(op->in[i]);
  if (op->kind == OP_concat && is_last(op, op->attrs.axis.axis))
    return concat_pair(op, i, j);
  return j;
}
