/* See proof.h. */
#include "plan/proof.h"

enum { BIAS_BITS = 61 }; /* larger biases count as this, sums stay in i64 */

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

static bool is_activation(const Type *t) {
  return type_is_q8(t) || (t->dtype == DT_i16 && t->q && t->q->axis < 0);
}

static bool is_weight_constant(const Value *v) {
  const Type *t = v->type;
  return v->init && t->q && !t->q->codebook && !t->q->block &&
         (t->dtype == DT_i8 || t->dtype == DT_u8 || t->dtype == DT_i16);
}

bool proof_applies(const Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
  case OP_fully_connected:
  case OP_matmul:
    break;
  default:
    return false;
  }
  const Value *bias = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return is_activation(op->in[0]->type) && is_weight_constant(op->in[1]) &&
         conv_is_one_matrix(op) && is_activation(op->out[0]->type) &&
         (!bias || bias->init) && op->nin <= 3;
}

/* Products of one output channel in the order of k. */
typedef struct Window {
  const Op *op;
  const ConvGeom *g;
  int64_t c, count, depth;
  int32_t zero; /* of the weights */
} Window;

static Window window_of(const Op *op, const ConvGeom *g, int64_t c) {
  Window w = {.op = op, .g = g, .c = c, .zero = conv_weight_zero(op, c)};
  w.depth = g->depthwise ? 1 : g->ic / g->groups;
  w.count = g->kh * g->kw * w.depth;
  return w;
}

/* Weight k as stored, less 128 for u8. */
static int32_t window_weight(const Window *w, int64_t k) {
  int64_t tap = k / w->depth;
  return conv_weight(w->op, w->g, w->c, tap / w->g->kw, tap % w->g->kw,
                     k % w->depth);
}

AccRange proof_sums(const Op *op, const ConvGeom *g, int64_t c) {
  const Type *x = op->in[0]->type;
  const int64_t most = INT64_C(1) << BIAS_BITS;
  int64_t lo = x->q->qmin - type_zero_point(x);
  int64_t hi = x->q->qmax - type_zero_point(x);
  int64_t bias = max64(min64(requant_bias(op, c), most), -most);
  AccRange r = {bias, bias};
  Window w = window_of(op, g, c);
  for (int64_t k = 0; k < w.count; k++) {
    int64_t d = window_weight(&w, k) - w.zero;
    r.lo += d < 0 ? d * hi : d * lo;
    r.hi += d < 0 ? d * lo : d * hi;
  }
  return r;
}

static int64_t magnitude(int64_t lo, int64_t hi) { return max64(-lo, hi); }

/* A bound that looks at no weight; most layers need no other. */
static bool is_small(const Op *op, const ConvGeom *g) {
  const QuantParams *q = op->in[0]->type->q;
  int32_t zero = type_zero_point(op->in[0]->type);
  int64_t x = magnitude(q->qmin - zero, q->qmax - zero), bias = 0;
  for (int64_t c = 0; c < g->oc; c++)
    bias = max64(bias, magnitude(requant_bias(op, c), requant_bias(op, c)));
  int64_t count = window_of(op, g, 0).count;
  int64_t w = dtype_bits(op->in[1]->type->dtype) == 8 ? 255 : 65535;
  return bias <= INT32_MAX && mul_saturating(count, x * w) <= INT32_MAX - bias;
}

static bool fits_i32(AccRange r) {
  return r.lo >= INT32_MIN && r.hi <= INT32_MAX;
}

bool proof_fits_i32(const Op *op) {
  ConvGeom g = conv_geom(op);
  if (is_small(op, &g))
    return true;
  for (int64_t c = 0; c < g.oc; c++)
    if (!fits_i32(proof_sums(op, &g, c)))
      return false;
  return true;
}

/* --- pairs ------------------------------------------------------------- */

/* x as u8 times w as s8, both neighbours at their worst. */
static bool is_narrow(const QuantParams *x, int64_t lowest, int32_t w0,
                      int32_t w1) {
  int64_t lo = x->qmin - lowest, hi = x->qmax - lowest;
  int64_t most = max64(w0 * lo, w0 * hi) + max64(w1 * lo, w1 * hi);
  int64_t least = min64(w0 * lo, w0 * hi) + min64(w1 * lo, w1 * hi);
  return least >= INT16_MIN && most <= INT16_MAX;
}

static void count_pairs(Proof *p, const Window *w) {
  const Type *x = w->op->in[0]->type;
  if (dtype_bits(x->dtype) != 8)
    return;
  for (int64_t k = 0; k < w->count; k += 2) {
    int32_t w0 = window_weight(w, k);
    int32_t w1 = k + 1 < w->count ? window_weight(w, k + 1) : 0;
    p->pairs++;
    p->narrow_pairs += is_narrow(x->q, dtype_min(x->dtype), w0, w1);
  }
}

/* --- clamps ------------------------------------------------------------ */

static void count_dead_clamps(Proof *p, const Op *op, int64_t c,
                              const AccRange *sums) {
  Requant r = requant_of(op, c), open = r;
  open.lo--;
  open.hi++;
  p->low_dead += requant_apply(&open, sums->lo) >= r.lo;
  p->high_dead += requant_apply(&open, sums->hi) <= r.hi;
}

static int bits_for(AccRange r) {
  int bits = 1;
  while (bits < 63 && (r.lo < -(INT64_C(1) << (bits - 1)) ||
                       r.hi >= INT64_C(1) << (bits - 1)))
    bits++;
  return bits;
}

Proof proof_of(const Op *op) {
  ConvGeom g = conv_geom(op);
  Proof p = {.channels = g.oc};
  for (int64_t c = 0; c < g.oc; c++) {
    AccRange r = proof_sums(op, &g, c);
    Window w = window_of(op, &g, c);
    p.sum.lo = c ? min64(p.sum.lo, r.lo) : r.lo;
    p.sum.hi = c ? max64(p.sum.hi, r.hi) : r.hi;
    count_pairs(&p, &w);
    count_dead_clamps(&p, op, c, &r);
  }
  p.bits = bits_for(p.sum);
  return p;
}

/* --- for people and tools ---------------------------------------------- */

json_object *proof_json(const Op *op) {
  Proof p = proof_of(op);
  const struct {
    const char *key;
    int64_t value;
  } rows[] = {{"sum_min", p.sum.lo},
              {"sum_max", p.sum.hi},
              {"sum_bits", p.bits},
              {"pairs", p.pairs},
              {"narrow_pairs", p.narrow_pairs},
              {"channels", p.channels},
              {"dead_lower_clamps", p.low_dead},
              {"dead_upper_clamps", p.high_dead}};
  json_object *o = json_object_new_object();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    json_object_object_add(o, rows[i].key,
                           json_object_new_int64(rows[i].value));
  return o;
}

void proof_text(Str *out, const Graph *g) {
  int layers = 0, bits = 0;
  Proof all = {0};
  for (const Op *op = g->first; op; op = op->next) {
    if (!proof_applies(op))
      continue;
    Proof p = proof_of(op);
    layers++;
    bits = p.bits > bits ? p.bits : bits;
    all.channels += p.channels;
    all.pairs += p.pairs;
    all.narrow_pairs += p.narrow_pairs;
    all.low_dead += p.low_dead;
    all.high_dead += p.high_dead;
  }
  if (!layers)
    return;
  str_printf(out, "proofs %d layers: sums of at most %d bits, ", layers, bits);
  if (all.pairs)
    str_printf(out, "%lld of %lld pair-adds never saturate, ",
               (long long)all.narrow_pairs, (long long)all.pairs);
  str_printf(out, "%lld of %lld clamps dead\n",
             (long long)(all.low_dead + all.high_dead),
             (long long)(2 * all.channels));
}
