/* What prune-channels reads of convolutions and dense layers. A dense layer
 * reads rows of `inputs` columns; where its input is an image that is read
 * whole, or was flattened in whatever order, several columns are of one
 * channel. */
#include "ir/border.h"
#include "ir/element.h"
#include "ir/requant.h"
#include "passes/prune/channels.h"

/* --- form --------------------------------------------------------------- */

static bool is_conv(const Op *op) {
  return op->kind == OP_conv2d || op->kind == OP_depthwise_conv2d ||
         op->kind == OP_conv_transpose2d;
}

static bool is_known(const Value *v) { return !v || v->init; }

/* 8 bits, or floats; no zero points as operands. */
static bool has_form(const Op *op) {
  const Value *b = op_in(op, 2);
  const Type *x = op->in[0]->type, *w = op->in[1]->type;
  if (op->in[0]->init || !op->in[1]->init || !is_known(b) || op_in(op, 3) ||
      op_in(op, 4) || (w->q && w->q->codebook))
    return false;
  if (x->dtype == DT_f32)
    return w->dtype == DT_f32 && (!b || b->type->dtype == DT_f32);
  return type_is_q8(x) && type_is_q8(op->out[0]->type) &&
         (w->dtype == DT_i8 || w->dtype == DT_u8) &&
         (!b || b->type->dtype == DT_i32 || b->type->dtype == DT_f32);
}

/* Outputs of a transposed convolution see some of the taps in any case. */
static bool sees_padding(const Op *op) {
  if (op->kind == OP_conv_transpose2d)
    return true;
  for (int i = 0; i < 4; i++)
    if (op->attrs.conv.pad.v[i])
      return true;
  return false;
}

static void conv_dims(Linear *l) {
  const Type *x = l->x, *w = l->w;
  l->depthwise = l->op->kind == OP_depthwise_conv2d;
  l->outputs = l->depthwise ? w->dim[3] : w->dim[0];
  l->inputs = l->depthwise ? 1 : w->dim[3];
  l->taps = w->dim[1] * w->dim[2];
  l->group = l->outputs / (x->dim[3] / l->inputs);
  l->pads = sees_padding(l->op);
}

/* y[.., n] over rows of k; w is [n, k], of matmul [k, n]. */
static void dense_dims(Linear *l) {
  bool rows_of_k = l->op->kind == OP_fully_connected;
  int last = l->w->rank - 1;
  l->outputs = l->group = l->w->dim[rows_of_k ? last - 1 : last];
  l->inputs = l->w->dim[rows_of_k ? last : last - 1];
  l->taps = 1;
}

/* One matrix for all rows, of floats. */
static bool is_matrix(const Op *op) {
  const Type *w = op->in[1]->type;
  return op->in[0]->type->dtype == DT_f32 && !op_in(op, 2) &&
         type_count(w) == w->dim[w->rank - 2] * w->dim[w->rank - 1];
}

static bool has_kind(const Op *op) {
  return is_conv(op) || op->kind == OP_fully_connected ||
         (op->kind == OP_matmul && is_matrix(op));
}

bool linear_of(const Prune *p, const Op *op, Linear *l) {
  if (!has_kind(op) || !has_form(op))
    return false;
  const Channels *x = channels_of(p, op->in[0]);
  *l = (Linear){.op = op, .x = op->in[0]->type, .w = op->in[1]->type};
  l->zero = type_zero_point(l->x);
  l->biased = op->kind != OP_matmul;
  if (!x->n || !type_count(l->x) || !type_count(l->w))
    return false;
  (is_conv(op) ? conv_dims : dense_dims)(l);
  l->n = x->n;
  l->inner = x->inner;
  return is_conv(op) ? x->axis == 3 : l->inputs % (x->n * x->inner) == 0;
}

/* --- weights ------------------------------------------------------------ */

static bool is_whole(const Linear *l) {
  return !l->depthwise && l->group == l->outputs;
}

int64_t linear_channel(const Linear *l, int64_t o, int64_t i) {
  if (!is_whole(l))
    return o / l->group * l->inputs + i;
  return l->inputs == l->n ? i : i / l->inner % l->n; /* mostly the first */
}

int64_t linear_at(const Linear *l, int64_t o, int64_t tap, int64_t i) {
  if (l->depthwise)
    return tap * l->outputs + o;
  return l->op->kind == OP_matmul ? i * l->outputs + o
                                  : (o * l->taps + tap) * l->inputs + i;
}

int64_t linear_int(const Linear *l, int64_t o, int64_t at) {
  const void *w = l->op->in[1]->init->data;
  int64_t stored =
      l->w->dtype == DT_i8 ? ((const int8_t *)w)[at] : ((const uint8_t *)w)[at];
  return stored - type_channel_zero_point(l->w, o);
}

double linear_float(const Linear *l, int64_t at) {
  return (double)((const float *)l->op->in[1]->init->data)[at];
}

bool linear_is_zero(const Linear *l, int64_t o, int64_t at) {
  return dtype_is_float(l->w->dtype) ? linear_float(l, at) == 0
                                     : linear_int(l, o, at) == 0;
}

bool linear_reads(const Linear *l, int64_t o, int64_t i) {
  for (int64_t tap = 0; tap < l->taps; tap++)
    if (!linear_is_zero(l, o, linear_at(l, o, tap, i)))
      return true;
  return false;
}

/* --- biases ------------------------------------------------------------- */

static bool is_float(const Linear *l) { return dtype_is_float(l->x->dtype); }

static bool is_zero(const Linear *l, const Channel *x) {
  return is_float(l) ? element_to_double(l->x->dtype, x->bits) == 0
                     : x->lo == l->zero;
}

bool linear_uniform(const Linear *l, const Channel *x) {
  return x->constant && (!l->pads || is_zero(l, x));
}

/* Padded windows of floats may have a bias for each class of the border. */
static const char *refuses_border(const Linear *l) {
  if (!is_float(l))
    return "they meet padding, and integer layers have one bias";
  if (l->op->kind == OP_conv_transpose2d)
    return "a transposed convolution lets each output see other taps";
  return border_pays(l->op)
             ? NULL
             : "they meet padding, with more border classes than taps";
}

static bool has_real_bias(const Op *op) {
  return op_in(op, 2) && op->in[2]->type->dtype == DT_f32;
}

/* May a constant channel of x be taken into the biases, but for their room?
 * NULL, or why not. Of floats only zeros where sums keep their order:
 * another constant would enter its sum at another place. */
static const char *refuses(const Prune *p, const Linear *l, const Channel *x) {
  if (is_zero(l, x))
    return NULL;
  if (!l->biased)
    return "the layer behind has no bias";
  if (!is_float(l) && has_real_bias(l->op))
    return "the integer layer behind has a bias of floats";
  if (is_float(l) && !p->reassoc)
    return "in the bias they would change the order of a sum of floats";
  return l->pads ? refuses_border(l) : NULL;
}

/* Would the biases stay in 32 bits with everything that may be folded in? */
static bool bias_has_room(const Prune *p, const Linear *l) {
  const Channel *x = channels_of(p, l->op->in[0])->v;
  for (int64_t o = 0; !is_float(l) && o < l->outputs; o++) {
    int64_t sum = requant_bias(l->op, o);
    sum = sum < 0 ? -sum : sum;
    for (int64_t i = 0; i < l->inputs; i++) {
      const Channel *c = &x[linear_channel(l, o, i)];
      bool takes = c->constant && !refuses(p, l, c);
      for (int64_t t = 0; takes && t < l->taps; t++) {
        int64_t term = ((int64_t)c->lo - l->zero) *
                       linear_int(l, o, linear_at(l, o, t, i));
        sum += term < 0 ? -term : term;
      }
    }
    if (sum > INT32_MAX)
      return false;
  }
  return true;
}

/* --- twins -------------------------------------------------------------- */

/* Whatever part of the twins' weights is added up, it has to be stored. */
static bool sums_fit(const Linear *l, const Channel *x, int64_t r, int64_t o,
                     int64_t tap, int64_t at) {
  int64_t zero = type_channel_zero_point(l->w, o), more = 0, less = 0;
  int64_t lo = l->w->q ? l->w->q->qmin : dtype_min(l->w->dtype);
  int64_t hi = l->w->q ? l->w->q->qmax : dtype_max(l->w->dtype);
  for (int64_t i = 0; i < l->inputs; i++) {
    int64_t c = linear_channel(l, o, i);
    if (x[c].twin != r || i - (c - r) * l->inner != at)
      continue;
    int64_t w = linear_int(l, o, linear_at(l, o, tap, i));
    *(w < 0 ? &less : &more) += w;
  }
  return more + zero <= hi && less + zero >= lo;
}

static bool all_sums_fit(const Linear *l, const Channel *x, int64_t r) {
  for (int64_t o = 0; o < l->outputs; o++)
    for (int64_t i = 0; i < l->inputs; i++)
      for (int64_t t = 0; linear_channel(l, o, i) == r && t < l->taps; t++)
        if (!sums_fit(l, x, r, o, t, i))
          return false;
  return true;
}

/* May the weights of x's twins of channel r be added up? NULL, or why not. */
static const char *parts_twins(const Prune *p, const Linear *l, int64_t r) {
  const Channel *x = channels_of(p, l->op->in[0])->v;
  if (!is_whole(l))
    return "their twins are in other groups";
  if (is_float(l))
    return p->reassoc ? NULL
                      : "one weight for both would change the order of a sum "
                        "of floats";
  return all_sums_fit(l, x, r) ? NULL : "the sum of both weights does not fit";
}

static Verdict verdict(const Prune *p, const Linear *l, bool room, int64_t c) {
  const Channel *x = &channels_of(p, l->op->in[0])->v[c];
  const char *why = NULL;
  if (x->constant) {
    why = room ? refuses(p, l, x) : "the bias behind has no room for them";
    if (!why)
      return (Verdict){FATE_folded, NULL};
  }
  if (x->twin == c)
    return (Verdict){FATE_stays, why};
  const char *apart = parts_twins(p, l, x->twin);
  return apart ? (Verdict){FATE_stays, why ? why : apart}
               : (Verdict){FATE_merged, NULL};
}

const Verdict *linear_verdicts(const Prune *p, const Linear *l) {
  const Verdict **made = &p->verdicts[l->op->out[0]->id];
  if (*made)
    return *made;
  bool room = bias_has_room(p, l);
  Verdict *v = ARENA_ARRAY(p->scratch, Verdict, l->n);
  for (int64_t c = 0; c < l->n; c++)
    v[c] = verdict(p, l, room, c);
  return *made = v;
}
