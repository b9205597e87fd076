/* conv_smlad: Cortex-M4's two 16-bit products a cycle. The windows of one or
 * two pixels are gathered and widened once; then every pair of outputs walks
 * over them.
 *
 *   for image, y, tile of pixels:
 *     for p: wide[p] = i16 of the window, in words of (k, k+2), (k+1, k+3)
 *     for pair of outputs:
 *       acc[p][2] = bias
 *       for k in window by 4:
 *         for o in pair: even, odd = sxtb16(w), sxtb16(w >> 8)
 *           for p: acc[p][o] += even . wide[p][k], odd . wide[p][k + 2]
 *       store(requant(acc))
 *
 * sxtb16 takes bytes 0 and 2 of a word, on inputs and weights alike, so the
 * order of k inside a word of four cancels and nothing is repacked. */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { MAX_PIXELS = 2, PAIR = 2, UNROLL = 4 };

typedef struct Gather {
  const ConvParams *c;
  Val wide;            /* (pixels, window padded to 4) i16 */
  Val bytes;           /* (pixels, window padded to 4), where runs are ragged */
  Val sum[MAX_PIXELS]; /* of the window's inputs, where needed */
} Gather;

/* Four bytes at src to two words at dst; returns sum plus their sum. */
static Val widen_word(Cg *g, const ConvParams *c, Val dst, Val src, Val sum) {
  Val word = ll_load(g, g->i32, src, 1);
  bool is_signed = dtype_is_signed(c->in_type);
  for (int odd = 0; odd < 2; odd++) {
    Val half = arm_xtb16(g, word, odd, is_signed);
    ll_store(g, half, ll_gepc(g, dst, 4 * odd), 4);
    if (c->weight_zero)
      sum = arm_smlad(g, half, ll_i32(g, 0x00010001), sum);
  }
  return sum;
}

/* n bytes (a multiple of 4), into `wide` from i16 `at` on. */
static Val widen_bytes(Cg *g, const ConvParams *c, Val wide, Val src, int64_t n,
                       Val sum) {
  int64_t unroll = g->for_size ? 1 : largest_divisor(n / 4, 4);
  Loop k = loop_begin_carry(g, 0, n, 4 * unroll, 1, &sum);
  Val next = k.carry[0];
  Val from = ll_gep(g, src, k.i), to = ll_gep(g, wide, ll_mulc(g, k.i, 2));
  for (int64_t u = 0; u < unroll; u++)
    next =
        widen_word(g, c, ll_gepc(g, to, 8 * u), ll_gepc(g, from, 4 * u), next);
  loop_end(g, &k, &next);
  return k.carry[0];
}

/* Runs of whole words: straight from the source. */
static Val gather_words(Cg *g, const ConvParams *c, Val wide, Val src) {
  Val zero = ll_i32(g, 0);
  Runs r = runs_begin(g, c, src, wide, c->run * 2, 1, &zero);
  Val sum = widen_bytes(g, c, r.w, r.src, c->run, r.cols.carry[0]);
  runs_end(g, &r, &sum);
  return r.rows.carry[0];
}

/* Ragged runs: joined byte by byte first, zeros behind. */
static Val gather_bytes(Cg *g, const ConvParams *c, Val wide, Val bytes,
                        Val src) {
  int64_t window = c->taps_h * c->taps_w * c->run;
  Runs r = runs_begin(g, c, src, bytes, c->run, 0, NULL);
  Loop k = loop_begin(g, 0, c->run, 1);
  ll_store(g, ll_load(g, g->i8, ll_gep(g, r.src, k.i), 1), ll_gep(g, r.w, k.i),
           1);
  loop_end(g, &k, NULL);
  runs_end(g, &r, NULL);
  for (int64_t i = window; i < c->run_padded; i++)
    ll_store(g, ll_i8(g, 0), ll_gepc(g, bytes, i), 1);
  return widen_bytes(g, c, wide, bytes, c->run_padded, ll_i32(g, 0));
}

static void gather(Cg *g, Gather *w, Val src) {
  const ConvParams *c = w->c;
  for (int p = 0; p < c->pixels; p++) {
    Val from = ll_gepc(g, src, p * conv_step_bytes(c));
    Val wide = ll_gepc(g, w->wide, p * 2 * c->run_padded);
    if (c->run % 4 == 0)
      w->sum[p] = gather_words(g, c, wide, from);
    else
      w->sum[p] = gather_bytes(g, c, wide,
                               ll_gepc(g, w->bytes, p * c->run_padded), from);
  }
}

/* Four k of the tile. */
static void mac_word(Cg *g, const ConvParams *c, Val wide, Val w, Val *acc) {
  Val x[MAX_PIXELS][2];
  for (int p = 0; p < c->pixels; p++)
    for (int odd = 0; odd < 2; odd++)
      x[p][odd] = ll_load(g, g->i32,
                          ll_gepc(g, wide, p * 2 * c->run_padded + 4 * odd), 4);
  for (int o = 0; o < PAIR; o++) {
    Val word = ll_load(g, g->i32, ll_gepc(g, w, 4 * o), 4);
    for (int odd = 0; odd < 2; odd++) {
      Val half = arm_xtb16(g, word, odd, true);
      for (int p = 0; p < c->pixels; p++)
        acc[p * PAIR + o] = arm_smlad(g, x[p][odd], half, acc[p * PAIR + o]);
    }
  }
}

static void dot_pair(Cg *g, const Gather *gt, Val w, Val *acc) {
  const ConvParams *c = gt->c;
  int nacc = c->pixels * PAIR;
  int64_t words = c->run_padded / 4;
  int64_t unroll = g->for_size ? 1 : largest_divisor(words, UNROLL);
  Val wide = ll_hide(g, gt->wide); /* loads stay inside the loop */
  Loop k = loop_begin_carry(g, 0, words, unroll, nacc, acc);
  Val next[MAX_PIXELS * PAIR];
  for (int i = 0; i < nacc; i++)
    next[i] = k.carry[i];
  Val x = ll_gep(g, wide, ll_mulc(g, k.i, 8));
  Val wk = ll_gep(g, w, ll_mulc(g, k.i, 4 * PAIR));
  for (int64_t u = 0; u < unroll; u++)
    mac_word(g, c, ll_gepc(g, x, 8 * u), ll_gepc(g, wk, 4 * PAIR * u), next);
  loop_end(g, &k, next);
  for (int i = 0; i < nacc; i++)
    acc[i] = k.carry[i];
}

/* Outputs `first` and first + 1 (of which `valid` exist). */
static void one_pair(Cg *g, const Gather *gt, Val out, Val pair, int valid) {
  const ConvParams *c = gt->c;
  Val first = ll_mulc(g, pair, PAIR);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, first, 4));
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, pair, PAIR * c->run_padded));
  Val acc[MAX_PIXELS * PAIR];
  for (int o = 0; o < PAIR; o++)
    for (int p = 0; p < c->pixels; p++)
      acc[p * PAIR + o] = ll_load(g, g->i32, ll_gepc(g, bias, 4 * o), 4);
  dot_pair(g, gt, w, acc);
  for (int o = 0; o < valid; o++)
    for (int p = 0; p < c->pixels; p++) {
      Val a = acc[p * PAIR + o], channel = ll_addc(g, first, o);
      if (c->weight_zero)
        a = conv_take_zero(g, c, a, gt->sum[p]);
      conv_store(g, c, a, channel,
                 ll_gepc(g, ll_gep(g, out, channel), p * c->g.oc));
    }
}

static void every_pair(Cg *g, const Gather *gt, Val out) {
  int64_t whole = gt->c->g.oc / PAIR;
  if (whole) {
    Loop o = loop_begin(g, 0, whole, 1);
    one_pair(g, gt, out, o.i, PAIR);
    loop_end(g, &o, NULL);
  }
  if (gt->c->g.oc % PAIR)
    one_pair(g, gt, out, ll_idx(g, whole), 1);
}

void lower_conv_smlad(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Gather gt = {.c = c, .wide = conv_scratch(g, c, a)};
  gt.bytes = ll_gepc(g, gt.wide, c->pixels * 2 * c->run_padded);
  ConvImage im = conv_image_begin(g, c, a);
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Tiles x = tiles_begin(g, c->g.ow, c->pixels);
  gather(g, &gt, conv_window(g, c, im.src, y.i, x.at));
  every_pair(g, &gt, conv_output(g, c, im.out, y.i, x.at));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
  conv_image_end(g, &im);
}
