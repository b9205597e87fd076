/* word_pair, word_unary: shapes and constants. */
#include "plan/kernels/words.h"

#include <math.h>

#include "ir/fixed.h"
#include "ir/fixed16.h"
#include "ir/infer_map.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"

static bool is_word(const Value *v) {
  return v->type->dtype == DT_i16 && v->type->q && v->type->q->axis < 0;
}

/* Scales whose products with 16 bits are floats far from both ends: whatever
 * a target does with NaN and subnormals, there are none. */
static bool is_tame(const Value *v) {
  float s = type_scale(v->type);
  return s > 0x1p-80f && s < 0x1p40f;
}

bool match_word_pair(const Op *op, const Target *t) {
  (void)t;
  bool is_pair = op->kind == OP_add || op->kind == OP_sub || op->kind == OP_mul;
  return is_pair && is_word(op->in[0]) && is_word(op->in[1]) &&
         is_word(op->out[0]) && is_tame(op->in[0]) && is_tame(op->in[1]) &&
         is_tame(op->out[0]);
}

double cost_word_pair(const Op *op, const Target *t) {
  double n = (double)type_count(op->out[0]->type);
  return t->vector_bytes ? 64 * n / t->vector_bytes : 20 * n;
}

static bool is_mapped(OpKind k) {
  return k == OP_relu || k == OP_relu6 || k == OP_leaky_relu ||
         k == OP_quantize || k == OP_logistic || k == OP_tanh;
}

/* Bytes on both sides are a table's (lut). */
bool match_word_unary(const Op *op, const Target *t) {
  (void)t;
  if (!is_mapped(op->kind) || op_is_plain(op))
    return false;
  const Value *x = op->in[0], *y = op->out[0];
  bool typed = (is_word(x) && (is_word(y) || type_is_q8(y->type))) ||
               (is_word(y) && type_is_q8(x->type));
  return typed && is_tame(x) && is_tame(y);
}

/* ---- floats ---- */

/* With |x| and |w| of at most 2^15: */
static bool is_far(const WordsMap *m, const Op *op) {
  const double most = 0x1p15;
  double a = (double)m->scale[0] * most, b = (double)m->scale[1] * most, y = a;
  if (op->kind == OP_mul)
    y = a * b;
  else if (op->nin == 2)
    y = a + b;
  else if (op->kind == OP_leaky_relu)
    y = a * fmax(1, fabs((double)op->attrs.leaky.alpha));
  return y / (double)m->out_scale >= 0x1p22;
}

static void set_real(WordsMap *m, const Step *s) {
  m->form = WORD_real;
  for (int i = 0; i < s->op->nin; i++) {
    m->scale[i] = type_scale(s->in[i]->type);
    m->zero[i] = type_zero_point(s->in[i]->type);
  }
  m->out_scale = type_scale(s->out[0]->type);
  m->out_zero = type_zero_point(s->out[0]->type);
  m->far = is_far(m, s->op);
}

static void set_range(WordsMap *m, const Step *s, Act act) {
  act_range(act, s->op->out[0]->type, &m->lo, &m->hi);
  m->lo += stored_delta(s->out[0]);
  m->hi += stored_delta(s->out[0]);
}

/* ---- add, sub, mul ---- */

static void set_sum(Plan *p, Step *s, WordsMap *m) {
  AddStep a = add_step_of(s->op);
  m->form = WORD_sum;
  m->left = a.left;
  m->subtract = a.subtract;
  AccRange one = {-(INT64_C(32768) << a.left), INT64_C(32767) << a.left};
  for (int i = 0; i < 2; i++)
    m->in[i] = word_step(p, s, 1, &a.in[i], &one, 1);
  /* each term is at most half of one that has the larger scale */
  AccRange sum = {one.lo, -one.lo};
  m->out = word_step(p, s, 1, &a.out, &sum, 1);
}

static void set_product(Plan *p, Step *s, WordsMap *m) {
  Requant r = requant_of(s->op, 0);
  AccRange product = {-32768 * INT64_C(32767), INT64_C(1) << 30};
  m->form = WORD_product;
  m->out = word_step(p, s, 1, &r, &product, 1);
}

static bool words_done(Plan *p, Step *s, WordsMap *m) {
  DType types[3] = {DT_i32};
  m->shape.nin = s->op->nin;
  map_shapes(&m->shape, s->op);
  for (int i = 0; i < s->op->nin; i++) {
    m->in_type[i] = s->in[i]->type->dtype;
    if (s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  }
  m->out_type = s->out[0]->type->dtype;
  bool scalar =
      m->form == WORD_sigmoid || (m->form == WORD_real && !p->target->fpu);
  m->shape.lanes = scalar ? 0 : plain_lanes(p->target, types, 1);
  s->params = m;
  set_variant(p, s, op_info(s->op->kind)->name,
              m->shape.lanes ? p->target->vector_bytes : 0);
  return true;
}

bool prepare_word_pair(Plan *p, Step *s) {
  WordsMap *m = ARENA_NEW(p->arena, WordsMap);
  set_range(m, s, s->op->attrs.act.act);
  if (s->op->rounding == ROUND_onnx)
    set_real(m, s);
  else if (s->op->kind == OP_mul)
    set_product(p, s, m);
  else
    set_sum(p, s, m);
  return words_done(p, s, m);
}

/* ---- one operand ---- */

static void set_sigmoid(Plan *p, Step *s, WordsMap *m) {
  Scale16 scale =
      scale16_of(type_scale(s->op->in[0]->type), scale16_most(s->op->kind));
  int32_t *t = ARENA_ARRAY(p->arena, int32_t, SIGMOID16_POINTS);
  sigmoid16_table(t);
  m->form = WORD_sigmoid;
  m->multiplier = scale.multiplier;
  m->shift = scale.shift;
  m->table = plan_blob(p, s, "sigmoid", t, 4 * SIGMOID16_POINTS, 4);
}

/* Below zero leaky_relu has a factor of its own. */
static void set_steps(Plan *p, Step *s, WordsMap *m) {
  Requant above = requant_of(s->op, 0), below = above;
  int32_t zero = type_zero_point(s->op->in[0]->type);
  AccRange x = {-32768 - zero, 32767 - zero};
  if (s->op->kind == OP_leaky_relu)
    below = requant_below_zero(s->op);
  above = stored_requant(&above, s->out[0]);
  below = stored_requant(&below, s->out[0]);
  m->form = WORD_steps;
  m->zero[0] = type_zero_point(s->in[0]->type);
  m->in[0] = word_step(p, s, 1, &below, &x, 1);
  m->in[1] = word_step(p, s, 1, &above, &x, 1);
}

bool prepare_word_unary(Plan *p, Step *s) {
  WordsMap *m = ARENA_NEW(p->arena, WordsMap);
  OpKind k = s->op->kind;
  set_range(m, s,
            k == OP_relu    ? ACT_relu
            : k == OP_relu6 ? ACT_relu6
                            : ACT_none);
  if (k == OP_logistic || k == OP_tanh)
    set_sigmoid(p, s, m);
  else if (s->op->rounding == ROUND_onnx)
    set_real(m, s);
  else
    set_steps(p, s, m);
  return words_done(p, s, m);
}
