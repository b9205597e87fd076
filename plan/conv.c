/* See conv.h.
 *
 *   acc[c] = bias[c] + sum_k (x[k] - zx) (w[c,k] - zw)
 *          = (bias[c] - zx sum_k w[c,k] + K zx zw) + sum_k x[k] w[c,k]
 *            - zw sum_k x[k]
 *
 * Padding takes the value zx, so K is the same for every window. A zx that is
 * known only at run time is left out of the bias: the kernel takes it times
 * the sum of w - zw off the end. */
#include "plan/conv.h"

#include <string.h>

#include "ir/map.h"
#include "plan/proof.h"

static ConvGeom dense_geom(const Op *op) {
  const Type *w = op->in[1]->type;
  bool rows_of_k = op->kind == OP_matmul; /* else of outputs */
  ConvGeom g = {.n = 1, .ih = 1, .oh = 1, .kh = 1, .kw = 1, .sh = 1, .sw = 1};
  g.dh = g.dw = g.groups = g.mult = 1;
  g.ic = w->dim[w->rank - (rows_of_k ? 2 : 1)];
  g.oc = w->dim[w->rank - (rows_of_k ? 1 : 2)];
  g.iw = g.ow = g.oc ? type_count(op->out[0]->type) / g.oc : 0;
  return g;
}

static void flatten_pointwise(ConvGeom *g) {
  if (g->kh != 1 || g->kw != 1 || g->sh != 1 || g->sw != 1 || g->pt || g->pl ||
      g->oh != g->ih || g->ow != g->iw)
    return;
  g->iw = g->ow = g->n * g->ih * g->iw;
  g->n = g->ih = g->oh = 1;
}

ConvGeom conv_geom(const Op *op) {
  if (op->kind == OP_fully_connected || op->kind == OP_matmul)
    return dense_geom(op);
  const ConvAttrs *a = &op->attrs.conv;
  const int64_t *x = op->in[0]->type->dim, *w = op->in[1]->type->dim;
  const int64_t *y = op->out[0]->type->dim;
  ConvGeom g = {.n = x[0], .ih = x[1], .iw = x[2], .ic = x[3]};
  g.oh = y[1], g.ow = y[2], g.oc = y[3];
  g.kh = w[1], g.kw = w[2];
  g.sh = a->stride.v[0], g.sw = a->stride.v[1];
  g.dh = a->dilation.v[0], g.dw = a->dilation.v[1];
  g.pt = a->pad.v[0], g.pl = a->pad.v[2];
  g.groups = g.mult = 1;
  g.depthwise = op->kind == OP_depthwise_conv2d;
  if (g.depthwise) {
    g.groups = g.ic;
    g.mult = g.oc / g.ic;
  } else {
    g.groups = g.ic / w[3];
    flatten_pointwise(&g);
  }
  return g;
}

static bool is_8bit(const Type *t) {
  return t->q && (t->dtype == DT_i8 || t->dtype == DT_u8);
}

static bool is_const(const Value *v) { return !v || v->init; }

/* NULL where there is none. */
static const Value *bias_of(const Op *op) {
  return op->kind == OP_matmul ? NULL : op_in(op, 2);
}

bool conv_is_one_matrix(const Op *op) {
  const Type *w = op->in[1]->type;
  return op->kind != OP_matmul ||
         type_count(w) == w->dim[w->rank - 2] * w->dim[w->rank - 1];
}

bool conv_has_q8_types(const Op *op) {
  const Value *bias = bias_of(op);
  return type_is_q8(op->in[0]->type) && type_is_q8(op->out[0]->type) &&
         is_8bit(op->in[1]->type) && op->in[1]->init &&
         conv_is_one_matrix(op) && is_const(bias) &&
         (!bias || bias->type->dtype == DT_i32 ||
          (bias->type->dtype == DT_f32 && bias->init));
}

bool conv_is_q8(const Op *op) {
  return conv_has_q8_types(op) && proof_fits_i32(op);
}

/* Zero points as operands: that of x, those of w. */
static int zero_operand(const Op *op, int of) {
  return (op->kind == OP_matmul ? 2 : 3) + of;
}

/* One, or of a matmul one a row. */
static bool is_row_zero(const Op *op) {
  const Value *z = op_in(op, zero_operand(op, 0));
  if (!z || type_count(z->type) == 1)
    return true;
  const Type *x = op->in[0]->type, *t = z->type;
  return op->kind == OP_matmul && t->dim[t->rank - 1] == 1 &&
         type_count(t) == type_count(x) / x->dim[x->rank - 1];
}

static bool is_byte(const Value *v) {
  return v->type->dtype == DT_i8 || v->type->dtype == DT_u8;
}

bool conv_is_sums(const Op *op) {
  if ((op->kind != OP_conv2d && op->kind != OP_matmul) || !op_is_plain(op) ||
      !is_byte(op->in[0]) || !op->in[1]->init || !conv_is_one_matrix(op))
    return false;
  const Value *z = op_in(op, zero_operand(op, 1));
  int64_t oc = conv_geom(op).oc;
  return is_const(bias_of(op)) && is_const(z) && is_row_zero(op) &&
         (!z || type_count(z->type) == 1 || type_count(z->type) == oc);
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Splits `need` positions into pad before, copied ones and pad behind. */
static void split_axis(int64_t need, int64_t pad, int64_t have, int64_t *before,
                       int64_t *copied, int64_t *behind) {
  *before = min64(pad, need);
  *copied = max64(0, min64(have, need - pad));
  *behind = need - *before - *copied;
}

static void source_runs(ConvParams *p) {
  const ConvGeom *g = &p->g;
  p->taps_h = g->kh;
  p->taps_w = g->dw == 1 && !g->depthwise ? 1 : g->kw;
  p->run = (g->depthwise ? 1 : g->ic) * (g->kw / p->taps_w);
  p->run_padded = (p->run + p->group - 1) / p->group * p->group;
}

/* Element c of zero point operand `of`, or its only one; known. */
static int32_t plain_zero(const Op *op, int of, int64_t c) {
  const Value *z = op_in(op, zero_operand(op, of));
  if (!z)
    return 0;
  int64_t i = type_count(z->type) == 1 ? 0 : c;
  return z->type->dtype == DT_u8 ? ((const uint8_t *)z->init->data)[i]
                                 : ((const int8_t *)z->init->data)[i];
}

/* The zero point where it is known. */
static void source_zero(ConvParams *p, const Op *op, const Type *in) {
  p->zero_operand = -1;
  p->sums = dtype_is_integer(in->dtype) && op_is_plain(op);
  if (!p->sums) {
    p->in_zero = type_zero_point(in);
    return;
  }
  const Value *z = op_in(op, zero_operand(op, 0));
  if (z && (!z->init || type_count(z->type) > 1)) {
    p->zero_operand = zero_operand(op, 0);
    p->zero_type = z->type->dtype;
    p->zero_step = type_count(z->type) > 1;
  } else if (z) {
    p->in_zero = plain_zero(op, 0, 0);
  }
}

void conv_source(ConvParams *p, const Step *s, DType want, int elem_bytes,
                 bool force) {
  const ConvGeom *g = &p->g;
  const Type *in = s->in[0]->type;
  Stage *st = &p->stage;
  int64_t need_rows = (g->oh - 1) * g->sh + (g->kh - 1) * g->dh + 1;
  int64_t need_cols = (g->ow - 1) * g->sw + (g->kw - 1) * g->dw + 1;
  bool flip = want != DT_COUNT && want != in->dtype;
  p->in_bytes = dtype_bits(in->dtype) / 8;
  p->out_bytes = dtype_bits(s->made->type->dtype) / 8;
  int64_t bottom, right;
  source_runs(p);
  split_axis(need_rows, g->pt, g->ih, &st->top, &st->copied_rows, &bottom);
  split_axis(need_cols, g->pl, g->iw, &st->left, &st->copied, &right);
  st->bottom = bottom;
  st->expand = g->mult;
  st->on = force || flip || elem_bytes > p->in_bytes || st->expand > 1 ||
           st->top || st->left || bottom || right ||
           (p->run % p->group && !p->last_back);
  p->in_type = flip ? want : in->dtype;
  source_zero(p, s->op, in);
  if (flip)
    p->in_zero += want == DT_u8 ? 128 : -128;
  p->pixel = g->ic * st->expand;
  p->pitch = (st->on ? need_cols : g->iw) * p->pixel;
  if (!st->on) {
    st->elem_bytes = p->in_bytes;
    return;
  }
  st->left *= p->pixel;
  st->copied *= p->pixel;
  st->right = right * p->pixel;
  st->slack = p->last_back ? 0 : p->run_padded - p->run;
  st->elem_bytes = elem_bytes;
  st->fill = p->in_zero;
  st->xor = flip ? 0x80 : 0;
}

static int32_t weight_at(const Op *op, int64_t i) {
  const Value *w = op->in[1];
  if (w->type->dtype == DT_u8)
    return ((const uint8_t *)w->init->data)[i] - 128;
  if (w->type->dtype == DT_i16)
    return ((const int16_t *)w->init->data)[i];
  return ((const int8_t *)w->init->data)[i];
}

int32_t conv_weight(const Op *op, const ConvGeom *g, int64_t c, int64_t y,
                    int64_t x, int64_t i) {
  if (g->depthwise)
    return weight_at(op, (y * g->kw + x) * g->oc + c);
  if (op->kind == OP_matmul)
    return weight_at(op, i * g->oc + c);
  int64_t depth = g->ic / g->groups;
  return weight_at(op, ((c * g->kh + y) * g->kw + x) * depth + i);
}

int32_t conv_any_weight(const Op *op) {
  int64_t n = type_count(op->in[1]->type);
  for (int64_t i = 0; i < n; i++)
    if (!weight_at(op, i))
      return 0;
  return n ? weight_at(op, 0) : 0;
}

int32_t conv_weight_zero(const Op *op, int64_t c) {
  const Type *t = op->in[1]->type;
  int32_t zero =
      op_is_plain(op) ? plain_zero(op, 1, c) : type_channel_zero_point(t, c);
  return zero - (t->dtype == DT_u8 ? 128 : 0);
}

bool conv_one_weight_zero(const Op *op) {
  int64_t oc = conv_geom(op).oc;
  for (int64_t c = 1; c < oc; c++)
    if (conv_weight_zero(op, c) != conv_weight_zero(op, 0))
      return false;
  return true;
}

/* The sum of w - zw over one output channel's weights. */
static int64_t weight_sum(const Op *op, const ConvGeom *g, int64_t c) {
  int64_t sum = 0;
  int32_t zero = conv_weight_zero(op, c);
  int64_t depth = g->depthwise ? 1 : g->ic / g->groups;
  for (int64_t y = 0; y < g->kh; y++)
    for (int64_t x = 0; x < g->kw; x++)
      for (int64_t i = 0; i < depth; i++)
        sum += conv_weight(op, g, c, y, x, i) - zero;
  return sum;
}

int64_t conv_block_weights(const ConvParams *c) {
  return c->taps_h * c->taps_w * c->run_padded * c->vectors * c->lanes;
}

int conv_mix(const ConvParams *c) { return c->in_order ? 1 : c->join; }

int64_t conv_joined_channel(int join, int lanes, int64_t v, int64_t i) {
  return v / join * join * lanes + i / 4 * 4 * join + v % join * 4 + i % 4;
}

int64_t conv_parted_channel(int64_t v, int64_t i) {
  return i / 4 * 16 + v % 2 * 8 + i % 4 * 2 + v / 2;
}

int smull_place(int o, int k) {
  return ((k / 2) ^ (o & 1)) * 8 + 2 * o + k % 2;
}

/* Entries past the last channel are that one's, so that their sums stay what
 * the form of requantization is quick for. */
static const Blob *bias_blob(Plan *p, Step *s, const char *what,
                             const int32_t *bias, int64_t oc, int64_t entries,
                             const int32_t *order) {
  int32_t *image = ARENA_ARRAY(p->arena, int32_t, entries);
  for (int64_t i = 0; i < entries; i++) {
    int64_t c = order ? order[i] : i;
    image[i] = bias[c < oc ? c : oc - 1];
  }
  return plan_blob(p, s, what, image, 4 * entries, p->target->simd_align);
}

static int32_t wrapped(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

/* Output channels: biases as folded, sums of weights, reachable sums. */
typedef struct Folded {
  int32_t *bias, *weight_sum;
  AccRange *range;
} Folded;

static Folded fold_zeros(Arena *scratch, const Op *op, const ConvParams *c) {
  const ConvGeom *g = &c->g;
  Folded f = {ARENA_ARRAY(scratch, int32_t, g->oc),
              ARENA_ARRAY(scratch, int32_t, g->oc),
              ARENA_ARRAY(scratch, AccRange, g->oc)};
  for (int64_t o = 0; o < g->oc; o++) {
    int64_t sum = weight_sum(op, g, o);
    f.weight_sum[o] = wrapped(sum);
    f.bias[o] = wrapped(requant_bias(op, o) - c->in_zero * sum);
    if (!c->sums)
      f.range[o] = proof_sums(op, g, o);
  }
  return f;
}

/* 256 times an accumulator has to be a word, and so has 256 times `add`. */
static bool sums_join(const ConvParams *c) {
  int64_t most = 0;
  for (int64_t o = 0; o < c->g.oc; o++) {
    int64_t start = requant_plan_start(&c->rq, (int)o);
    most = max64(most, c->rq.acc_max + (start < 0 ? -start : start));
    if (c->rq.form == RF_high)
      most =
          max64(most, c->rq.add[o] < 0 ? -(int64_t)c->rq.add[o] : c->rq.add[o]);
  }
  return most < 1 << 23;
}

/* Sets rq; the biases become what its form starts from. */
static void finish_requant(Plan *p, Step *s, ConvParams *c, unsigned forms,
                           const Folded *f, Arena *scratch) {
  const Type *out = s->made->type;
  int32_t moved = type_zero_point(out) - type_zero_point(s->op->out[0]->type);
  Requant *spec = ARENA_ARRAY(scratch, Requant, c->g.oc);
  for (int64_t o = 0; o < c->g.oc; o++) {
    spec[o] = requant_of(s->op, o);
    spec[o].zero_point += moved;
    spec[o].lo += moved;
    spec[o].hi += moved;
  }
  c->out_type = out->dtype;
  c->rq = requant_plan(p->arena, (int)c->g.oc, spec, f->range, forms);
  for (int64_t o = 0; o < c->g.oc; o++)
    f->bias[o] =
        wrapped((int64_t)f->bias[o] + requant_plan_start(&c->rq, (int)o));
  c->joined = c->joined && sums_join(c);
  c->rq.odd_up = c->joined ? 8 : 0;
}

static void const_operand(Plan *p, Step *s, int i) {
  if (s->in[i]->place == PLACE_const)
    plan_const_blob(p, s->in[i]);
}

static Folded fold(Plan *p, Step *s, ConvParams *c, unsigned forms,
                   Arena *scratch) {
  Folded f = fold_zeros(scratch, s->op, c);
  if (!c->sums)
    finish_requant(p, s, c, forms, &f, scratch);
  const_operand(p, s, 0);
  if (c->zero_operand >= 0)
    const_operand(p, s, c->zero_operand);
  return f;
}

void conv_finish(Plan *p, Step *s, ConvParams *c, int64_t entries,
                 const int32_t *order, bool split_zero, unsigned forms) {
  Arena *scratch = arena_new();
  Folded f = fold(p, s, c, forms, scratch);
  c->weight_zero = split_zero ? conv_weight_zero(s->op, 0) : 0;
  if (!c->sums)
    c->rt = requant_tables_ordered(p, s, &c->rq, (int)entries, order, c->lanes);
  c->bias = bias_blob(p, s, "bias", f.bias, c->g.oc, entries, order);
  if (c->sums && c->zero_operand >= 0)
    c->weight_sums =
        bias_blob(p, s, "weight_sums", f.weight_sum, c->g.oc, entries, order);
  arena_free(scratch);
}

const int32_t *conv_biases(Plan *p, Step *s, ConvParams *c, unsigned forms) {
  Arena *scratch = arena_new();
  Folded f = fold(p, s, c, forms, scratch);
  int32_t *bias = arena_dup(p->arena, f.bias, (size_t)c->g.oc * sizeof *f.bias);
  arena_free(scratch);
  return bias;
}
