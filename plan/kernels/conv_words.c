/* conv_words, dw_words: types, tiles and packing; see conv_words.h. */
#include "plan/kernels/conv_words.h"

#include <string.h>

#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/light.h"
#include "plan/proof.h"

static bool is_word(const Value *v) { return v->type->dtype == DT_i16; }

bool words_match(const Op *op) {
  if (!proof_applies(op) || (!is_word(op->in[0]) && !is_word(op->out[0])))
    return false;
  ConvGeom g = conv_geom(op);
  for (int64_t c = 0; c < g.oc; c++) {
    Requant r = requant_of(op, c);
    if (!word_step_fits(&r, proof_sums(op, &g, c)))
      return false;
  }
  return true;
}

bool match_conv_words(const Op *op, const Target *t) {
  (void)t;
  return op->kind != OP_depthwise_conv2d && words_match(op);
}

static WordDot dot_of(const Target *t) {
  switch (t->dot) {
  case DOT_pmaddwd:
    return WORD_DOT_pmaddwd;
  case DOT_vpdpbusd:
    return WORD_DOT_vpdpwssd;
  case DOT_widen:
  case DOT_smull:
  case DOT_sdot:
  case DOT_smmla:
    return WORD_DOT_widen;
  case DOT_smlad:
    return WORD_DOT_smlad;
  case DOT_vmladava:
    return WORD_DOT_vmladava;
  case DOT_scalar:
    break;
  }
  return WORD_DOT_scalar;
}

static int group_of(WordDot d) {
  static const int group[] = {
      [WORD_DOT_scalar] = 1, [WORD_DOT_smlad] = 4,   [WORD_DOT_vmladava] = 8,
      [WORD_DOT_widen] = 1,  [WORD_DOT_pmaddwd] = 2, [WORD_DOT_vpdpwssd] = 2};
  return group[d];
}

static const char *dot_text(WordDot d) {
  static const char *const name[] = {
      [WORD_DOT_scalar] = "scalar",     [WORD_DOT_smlad] = "smlad",
      [WORD_DOT_vmladava] = "vmladava", [WORD_DOT_widen] = "widen",
      [WORD_DOT_pmaddwd] = "pmaddwd",   [WORD_DOT_vpdpwssd] = "vpdpwssd"};
  return name[d];
}

static bool in_scalars(WordDot d) {
  return d == WORD_DOT_scalar || d == WORD_DOT_smlad || d == WORD_DOT_vmladava;
}

double cost_conv_words(const Op *op, const Target *t) {
  return 2 * (double)op_macs(op) / (t->vector_bytes ? t->vector_bytes / 4 : 1);
}

/* ---- tiles ---- */

/* Widening multiplies deliver two registers at a time. */
static int lanes_of(const Target *t, WordDot d, int64_t outputs) {
  if (in_scalars(d))
    return 1;
  int lanes = t->vector_bytes / (d == WORD_DOT_widen ? 2 : 4);
  while (lanes > 4 && lanes / 2 >= outputs)
    lanes /= 2;
  return lanes;
}

/* Scalar accumulators that leave registers for operands and addresses. */
static int scalar_sums(const Target *t, WordDot d) {
  enum { FEW = 2, SOME = 6 };
  return d == WORD_DOT_scalar && t->nvregs <= 8 ? FEW : SOME;
}

static void scalar_tile(ConvParams *c, const Target *t, WordDot d,
                        int64_t outputs) {
  int sums = scalar_sums(t, d);
  c->vectors = even_part(outputs, c->g.ow == 1 ? sums : 2);
  c->pixels = even_part(c->g.ow, sums / c->vectors);
}

/* pixels x vectors accumulators, `vectors` weights and one broadcast. */
static void vector_tile(ConvParams *c, const Target *t, int64_t outputs) {
  int width = c->lanes * 4 > t->vector_bytes ? 2 : 1;
  int most = c->g.ow == 1 ? 2 * t->conv_vectors : t->conv_vectors;
  c->vectors = even_part(ceil_div(outputs, c->lanes), most / width);
  int each = c->vectors * width;
  c->pixels = even_part(c->g.ow, (t->nvregs - 2 - each) / each);
}

static void choose_tile(WordsParams *m, const Target *t) {
  ConvParams *c = &m->c;
  int64_t outputs = c->g.oc / c->g.groups;
  c->lanes = lanes_of(t, m->dot, outputs);
  if (in_scalars(m->dot))
    scalar_tile(c, t, m->dot, outputs);
  else
    vector_tile(c, t, outputs);
  c->blocks = ceil_div(outputs, (int64_t)c->vectors * c->lanes);
}

/* ---- weights ---- */

/* The largest weight less its zero point, in magnitude. */
static int64_t largest_weight(const Op *op, const ConvGeom *g) {
  int64_t depth = g->depthwise ? 1 : g->ic / g->groups, most = 0;
  for (int64_t c = 0; c < g->oc; c++)
    for (int64_t k = 0; k < g->kh * g->kw * depth; k++) {
      int64_t tap = k / depth;
      int64_t w = conv_weight(op, g, c, tap / g->kw, tap % g->kw, k % depth) -
                  conv_weight_zero(op, c);
      w = w < 0 ? -w : w;
      most = w > most ? w : most;
    }
  return most;
}

static bool any_weight_zero(const Op *op, const ConvGeom *g) {
  for (int64_t c = 0; c < g->oc; c++)
    if (conv_weight_zero(op, c))
      return true;
  return false;
}

/* Weights are of 8 bits, or 9 less a zero point, or 16. */
void words_measure(WordsParams *m, const Op *op) {
  const ConvGeom *g = &m->c.g;
  int64_t most = largest_weight(op, g);
  bool bytes = dtype_bits(op->in[1]->type->dtype) == 8;
  m->c.weight_bytes = bytes && !any_weight_zero(op, g) ? 1 : 2;
  m->wide = !proof_fits_i32(op);
  m->fits = INT32_MAX / (32768 * (most ? most : 1));
}

void words_put(int8_t *image, int64_t at, int bytes, int32_t w) {
  if (bytes == 1)
    image[at] = (int8_t)w;
  else
    ((int16_t *)(void *)image)[at] = (int16_t)w;
}

/* Weight k of a tap's run, less its zero point. */
static int32_t weight_of(const Step *s, const ConvParams *c, int64_t o,
                         int64_t tap, int64_t k) {
  int64_t depth = c->g.ic / c->g.groups, folded = c->g.kw / c->taps_w;
  int64_t x = folded > 1 ? k / depth : tap % c->taps_w;
  return conv_weight(s->op, &c->g, o, tap / c->taps_w, x, k % depth) -
         conv_weight_zero(s->op, o);
}

/* Where k lies in its group. A run's last group may reach back. */
static int64_t place_in_group(const WordsParams *m, int64_t k) {
  const ConvParams *c = &m->c;
  bool last = c->last_back && k >= c->run / c->group * c->group;
  int64_t at = last ? k - (c->run - c->group) : k % c->group;
  bool swapped = m->dot == WORD_DOT_smlad && c->weight_bytes == 1;
  return swapped && (at == 1 || at == 2) ? 3 - at : at;
}

/* Are the products of every n neighbours in a run, from its start, words? */
static bool chunks_fit(const Step *s, const ConvParams *c, int64_t n) {
  for (int64_t o = 0; o < c->g.oc; o++)
    for (int64_t tap = 0; tap < c->taps_h * c->taps_w; tap++) {
      int64_t sum = 0;
      for (int64_t k = 0; k < c->run; k++) {
        int64_t w = weight_of(s, c, o, tap, k);
        sum = (k % n ? sum : 0) + (w < 0 ? -w : w);
        if (sum > INT32_MAX / 32768)
          return false;
      }
    }
  return true;
}

/* A power of two of groups; one fits. */
static int64_t choose_chunk(const Step *s, const WordsParams *m) {
  const ConvParams *c = &m->c;
  int64_t n = c->group;
  while (n < c->run && n < 256 * c->group)
    n *= 2;
  while (n > c->group && !chunks_fit(s, c, n))
    n /= 2;
  return n;
}

static const Blob *pack_weights(Plan *p, Step *s, const WordsParams *m) {
  const ConvParams *c = &m->c;
  int64_t outputs = c->g.oc / c->g.groups, a_block = c->vectors * c->lanes;
  int64_t taps = c->taps_h * c->taps_w;
  int64_t a_group = c->blocks * taps * c->run_padded * a_block;
  int64_t bytes = c->g.groups * a_group * c->weight_bytes;
  int8_t *image = pack_image(p, bytes);
  for (int64_t o = 0; o < c->g.oc; o++) {
    int64_t in_group = o % outputs, block = in_group / a_block;
    int64_t base = o / outputs * a_group +
                   block * taps * c->run_padded * a_block +
                   in_group % a_block * c->group;
    for (int64_t tap = 0; tap < taps; tap++)
      for (int64_t k = 0; k < c->run; k++) {
        int64_t groups = tap * c->run_padded / c->group + k / c->group;
        int64_t at = base + groups * a_block * c->group + place_in_group(m, k);
        words_put(image, at, c->weight_bytes, weight_of(s, c, o, tap, k));
      }
  }
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

/* ---- biases and steps ---- */

static int64_t weight_sum(const Op *op, const ConvGeom *g, int64_t c) {
  int64_t depth = g->depthwise ? 1 : g->ic / g->groups, sum = 0;
  for (int64_t k = 0; k < g->kh * g->kw * depth; k++)
    sum +=
        conv_weight(op, g, c, k / depth / g->kw, k / depth % g->kw, k % depth) -
        conv_weight_zero(op, c);
  return sum;
}

static const Blob *pack_biases(Plan *p, Step *s, const WordsParams *m,
                               int64_t entries) {
  const ConvGeom *g = &m->c.g;
  int64_t width = m->wide ? 8 : 4;
  char *image = arena_alloc(p->arena, (size_t)(width * entries));
  for (int64_t o = 0; o < g->oc; o++) {
    int64_t b = requant_bias(s->op, o) - m->c.in_zero * weight_sum(s->op, g, o);
    int32_t narrow = (int32_t)(uint32_t)(uint64_t)b;
    memcpy(image + width * o, m->wide ? (void *)&b : &narrow, (size_t)width);
  }
  return plan_blob(p, s, "bias", image, width * entries, p->target->simd_align);
}

void words_finish(Plan *p, Step *s, WordsParams *m, int64_t padded) {
  const ConvGeom *g = &m->c.g;
  Arena *scratch = arena_new();
  Requant *spec = ARENA_ARRAY(scratch, Requant, g->oc);
  AccRange *range = ARENA_ARRAY(scratch, AccRange, g->oc);
  for (int64_t o = 0; o < g->oc; o++) {
    Requant r = requant_of(s->op, o);
    spec[o] = stored_requant(&r, s->out[0]);
    range[o] = proof_sums(s->op, g, o);
  }
  int64_t entries = g->oc - g->oc / g->groups + padded;
  m->bias = pack_biases(p, s, m, entries);
  m->step = word_step(p, s, (int)g->oc, spec, range, entries);
  m->c.out_type = s->out[0]->type->dtype;
  arena_free(scratch);
}

bool words_done(Plan *p, Step *s, const WordsParams *m) {
  const ConvParams *c = &m->c;
  s->params = arena_dup(p->arena, m, sizeof *m);
  s->scratch_bytes = stage_bytes(c);
  s->reads_first = c->stage.on && c->g.n == 1;
  s->vector_bytes = c->lanes > 1 ? p->target->vector_bytes : 0;
  s->variant = arena_printf(p->arena, "%s_%dx%dc%d_%s%s",
                            dtype_name(s->in[0]->type->dtype), c->pixels,
                            c->vectors * c->lanes, c->group, dot_text(m->dot),
                            m->wide ? "_i64" : "");
  s->note = word_step_name(&m->step);
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  return true;
}

/* A group of channels is read in place, so its runs end where the next
 * begins. And large weights leave room for single products only. */
static WordDot choose_dot(const WordsParams *m, const Target *t) {
  WordDot d = dot_of(t);
  bool room = !m->wide || m->fits >= group_of(d);
  return m->c.g.groups == 1 && room ? d : WORD_DOT_scalar;
}

bool prepare_conv_words(Plan *p, Step *s) {
  WordsParams m = {.c = {.g = conv_geom(s->op)}};
  ConvParams *c = &m.c;
  words_measure(&m, s->op);
  m.dot = choose_dot(&m, p->target);
  c->group = group_of(m.dot);
  c->last_back = c->g.ic >= c->group;
  conv_source(c, s, DT_COUNT, 2, false);
  conv_grouped_runs(c);
  choose_tile(&m, p->target);
  m.chunk = m.wide ? choose_chunk(s, &m) : 0;
  c->w = pack_weights(p, s, &m);
  words_finish(p, s, &m, c->blocks * c->vectors * c->lanes);
  return words_done(p, s, &m);
}
