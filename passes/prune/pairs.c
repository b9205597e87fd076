/* Which dimension of a value its channels are, and the ops that handle every
 * channel by itself.
 *
 * The axis is found forward. A convolution makes it the last dimension, a
 * transpose moves it, elementwise ops align it. A reshape keeps it where the
 * same dimension exists in y with as many elements before and behind it; or
 * takes several indices for a channel, when whole pixels become a row:
 *
 *   [1, 64, 4, 4], axis 1 -> [1, 1024]: index j is of channel j / 16 % 64
 *
 * or makes one of several, when a row becomes attention heads, which softmax
 * and products of heads keep apart:
 *
 *   [1, 28, 32], axis 2 -> [1, 28, 4, 8], axis 2: 8 channels each */
#include "passes/prune/channels.h"

static bool has_channel_scales(const Value *v) {
  return v->type->q && (v->type->q->axis >= 0 || v->type->q->codebook);
}

static int64_t elements(const Type *t, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++)
    n *= t->dim[d];
  return n;
}

/* --- the axis behind an op; -1: it does not pair ----------------------- */

static int same_axis(const Op *op, const Channels *x) {
  (void)op;
  return x->axis;
}

/* Of images. */
static int last_axis(const Op *op, const Channels *x) {
  return x->axis == op->in[0]->type->rank - 1 ? x->axis : -1;
}

static int reduced_axis(const Op *op, const Channels *x) {
  const IntList *axes = &op->attrs.axes.axes;
  bool keeps = op->out[0]->type->rank == op->in[0]->type->rank;
  int axis = x->axis;
  for (int i = 0; i < axes->n; i++) {
    if (axes->v[i] == x->axis)
      return -1;
    axis -= !keeps && axes->v[i] < x->axis;
  }
  return axis;
}

static int padded_axis(const Op *op, const Channels *x) {
  const PadAttrs *a = &op->attrs.pad;
  return a->before.v[x->axis] || a->after.v[x->axis] ? -1 : x->axis;
}

static int sliced_axis(const Op *op, const Channels *x) {
  const IntList *stride = &op->attrs.slice.stride;
  return stride->n && stride->v[x->axis] != 1 ? -1 : x->axis;
}

static int transposed_axis(const Op *op, const Channels *x) {
  const IntList *perm = &op->attrs.perm.perm;
  for (int i = 0; i < perm->n; i++)
    if (perm->v[i] == x->axis)
      return i;
  return -1;
}

/* The dimension that the row x's channels are begins at; -1: none. */
static int split_axis(const Type *y, const Channels *x, int64_t outer) {
  int64_t before = 1;
  for (int d = 0; d < y->rank - 1; before *= y->dim[d++])
    if (before == outer && y->dim[d] > 1 && y->dim[d] < x->n &&
        elements(y, d, y->rank) == x->n)
      return d;
  return -1;
}

static int reshaped_axis(const Op *op, const Channels *x) {
  const Type *y = op->out[0]->type;
  int64_t outer = elements(op->in[0]->type, 0, x->axis), before = 1;
  for (int d = 0; d < y->rank; before *= y->dim[d++])
    if (y->dim[d] == x->n && before == outer &&
        elements(y, d + 1, y->rank) == x->inner)
      return d;
  if (y->dim[y->rank - 1] % (x->n * x->inner) == 0)
    return y->rank - 1;
  return x->inner == 1 ? split_axis(y, x, outer) : -1;
}

/* Softmax along another axis; products of matrices, one a channel. */
static int inner_axis(const Op *op, const Channels *x) {
  int depth = op->kind == OP_matmul ? 2 : 1;
  return x->axis < op->in[0]->type->rank - depth ? x->axis : -1;
}

static int broadcast_axis(const Op *op, const Channels *x) {
  const Type *y = op->out[0]->type;
  int axis = x->axis + y->rank - op->in[0]->type->rank;
  return y->dim[axis] == x->n ? axis : -1;
}

static const struct {
  OpKind kind;
  int (*axis)(const Op *op, const Channels *x);
} rows[] = {
    {OP_avg_pool2d, last_axis},      {OP_max_pool2d, last_axis},
    {OP_resize_nearest, last_axis},  {OP_quantize, same_axis},
    {OP_dequantize, same_axis},      {OP_concat, same_axis},
    {OP_split, same_axis},           {OP_mean, reduced_axis},
    {OP_reduce_sum, reduced_axis},   {OP_reduce_max, reduced_axis},
    {OP_reduce_min, reduced_axis},   {OP_pad, padded_axis},
    {OP_strided_slice, sliced_axis}, {OP_transpose, transposed_axis},
    {OP_reshape, reshaped_axis},     {OP_broadcast, broadcast_axis},
    {OP_softmax, inner_axis},        {OP_matmul, inner_axis},
};

static bool is_map(const Op *op) { return op_info(op->kind)->traits & T_MAP; }

/* Where operand i's axis lies in the result; -1: it is a constant, has none,
 * or is broadcast along it. */
static int mapped_axis(const Prune *p, const Op *op, int i) {
  const Value *v = op->in[i];
  const Type *y = op->out[0]->type;
  if (!v || v->init || !v->type->rank)
    return -1;
  int axis = channels_of(p, v)->axis + y->rank - v->type->rank;
  return y->dim[axis] == channels_of(p, v)->n ? axis : -1;
}

/* That of the operand with the most channels. */
static int map_axis(const Prune *p, const Op *op) {
  int axis = -1;
  int64_t most = 0;
  for (int i = 0; i < op->nin; i++) {
    int a = mapped_axis(p, op, i);
    if (a >= 0 && channels_of(p, op->in[i])->n > most) {
      most = channels_of(p, op->in[i])->n;
      axis = a;
    }
  }
  return axis;
}

static int axis_behind(const Prune *p, const Op *op) {
  if (is_map(op))
    return map_axis(p, op);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].kind == op->kind)
      return rows[i].axis(op, channels_of(p, op->in[0]));
  return -1;
}

/* --- do all operands go along? ----------------------------------------- */

bool channels_spread(const Prune *p, const Op *op, int i) {
  const Value *v = op->in[i];
  if (!is_map(op) || !v || v->init)
    return false;
  int axis = channels_of(p, op->out[0])->axis;
  int at = axis - (op->out[0]->type->rank - v->type->rank);
  return at < 0 || (v->type->dim[at] == 1 && op->out[0]->type->dim[axis] != 1);
}

static bool is_along(const Prune *p, const Op *op, int i, int axis) {
  const Value *v = op->in[i];
  if (op->kind == OP_matmul && v)
    return !v->init && channels_of(p, v)->axis == axis &&
           v->type->rank == op->out[0]->type->rank &&
           v->type->dim[axis] == op->out[0]->type->dim[axis];
  if (!v || v->init)
    return op->kind != OP_concat || (v && op->attrs.axis.axis != axis);
  if (has_channel_scales(v))
    return false;
  if (is_map(op))
    return channels_spread(p, op, i) || mapped_axis(p, op, i) == axis;
  return op->kind != OP_concat || channels_of(p, v)->axis == axis;
}

static bool pairs_along(const Prune *p, const Op *op, int axis) {
  for (int i = 0; i < op->nin; i++)
    if (!is_along(p, op, i, axis))
      return false;
  for (int o = 0; o < op->nout; o++)
    if (has_channel_scales(op->out[o]))
      return false;
  return true;
}

static void begin(Prune *p, const Value *v, int axis) {
  const Type *t = v->type;
  Channels *c = channels_of(p, v);
  if (!t->rank)
    return;
  c->axis = axis;
  c->n = t->dim[axis];
  c->inner = elements(t, axis + 1, t->rank);
  c->v = ARENA_ARRAY(p->scratch, Channel, c->n);
  for (int64_t i = 0; i < c->n; i++) {
    c->v[i].twin = i;
    channel_any(t->dtype, &c->v[i]);
  }
}

static bool is_conv(const Op *op) {
  return op->kind == OP_conv2d || op->kind == OP_depthwise_conv2d ||
         op->kind == OP_conv_transpose2d;
}

static bool is_layer(const Op *op) {
  return is_conv(op) || op->kind == OP_fully_connected || op->kind == OP_matmul;
}

/* Of what is no op's that pairs: the last dimension, or what a transpose
 * makes that. */
static int default_axis(const Value *v) {
  int last = v->type->rank - 1;
  const Op *op = v->uses.n ? v->uses.v[0].op : NULL;
  return op && op->kind == OP_transpose && last >= 0
             ? (int)op->attrs.perm.perm.v[last]
             : last;
}

/* An image that a convolution reads has its channels last. */
static bool is_read_as_image(const Value *v) {
  for (int i = 0; i < v->uses.n; i++) {
    const Use *u = &v->uses.v[i];
    if (u->index == 0 && is_conv(u->op))
      return true;
  }
  return false;
}

static void begin_outputs(Prune *p, const Op *op) {
  const Value *x = op->nin ? op->in[0] : NULL;
  bool fits = op->nout && op->out[0]->type->rank && x && x->type->rank &&
              (!x->init || is_map(op)) && type_count(x->type);
  int axis = fits ? axis_behind(p, op) : -1;
  if (axis >= 0 && axis != op->out[0]->type->rank - 1 &&
      is_read_as_image(op->out[0]))
    axis = -1;
  for (int o = 0; o < op->nout; o++)
    begin(p, op->out[o],
          axis >= 0      ? axis
          : is_layer(op) ? op->out[o]->type->rank - 1
                         : default_axis(op->out[o]));
  if (axis >= 0)
    p->pairs[op->out[0]->id] = pairs_along(p, op, axis);
}

void prune_axes(Prune *p) {
  for (int i = 0; i < p->g->values.n; i++) {
    const Value *v = p->g->values.v[i];
    if (v && !v->init && !v->def)
      begin(p, v, default_axis(v));
  }
  for (const Op *op = p->g->first; op; op = op->next)
    begin_outputs(p, op);
}

bool channels_pair(const Prune *p, const Op *op) {
  return op->nout && p->pairs[op->out[0]->id];
}

/* --- which ------------------------------------------------------------- */

static int64_t extent(const Value *v, int64_t axis) {
  return v->type->dim[axis];
}

/* Joined along the channels: behind those of the operands before. */
static int64_t joined_pair(const Op *op, int i, int64_t j) {
  int64_t axis = op->attrs.axis.axis;
  for (int k = 0; k < i; k++)
    j -= extent(op->in[k], axis);
  return j >= 0 && j < extent(op->in[i], axis) ? j : -1;
}

static int64_t split_pair(const Op *op, int o, int64_t j) {
  for (int k = 0; k < o; k++)
    j += extent(op->out[k], op->attrs.axis.axis);
  return j;
}

int64_t channel_span(const Prune *p, const Op *op) {
  int64_t of = channels_of(p, op->in[0])->n, to = channels_of(p, op->out[0])->n;
  return op->kind == OP_reshape && to < of ? of / to : 1;
}

int64_t channel_pair(const Prune *p, const Op *op, int i, int o, int64_t j) {
  const Channels *x = channels_of(p, op->in[i]);
  const Channels *y = channels_of(p, op->out[o]);
  if (op->kind == OP_reshape)
    return y->n < x->n    ? j * (x->n / y->n)
           : y->n == x->n ? j
                          : j / x->inner % x->n;
  if (op->kind == OP_strided_slice)
    return op->attrs.slice.begin.n ? j + op->attrs.slice.begin.v[x->axis] : j;
  if (op->kind == OP_concat && op->attrs.axis.axis == y->axis)
    return joined_pair(op, i, j);
  if (op->kind == OP_split && op->attrs.axis.axis == y->axis)
    return split_pair(op, o, j);
  return channels_spread(p, op, i) ? -1 : j;
}

int channels_const_axis(const Prune *p, const Op *op, int i) {
  const Value *v = op->in[i];
  const Channels *y = channels_of(p, op->out[0]);
  if (!v || !v->init || (!is_map(op) && op->kind != OP_concat))
    return -1;
  int axis = y->axis - (op->out[0]->type->rank - v->type->rank);
  return axis >= 0 && v->type->dim[axis] == y->n ? axis : -1;
}
