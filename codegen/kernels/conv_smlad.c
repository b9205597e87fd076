/* conv_smlad: Cortex-M4's two 16-bit products a cycle. The windows of two
 * pixels are gathered and widened once; then every four outputs walk over
 * them. Two channels a, b share the halfwords h[k] = 256 a[k] + b[k] of their
 * weights (joined):
 *
 *   for image, y, tile of pixels:
 *     for p: wide[p] = i16 of the window, in words of (k, k+2), (k+1, k+3)
 *     for four outputs, as two pairs:
 *       ha[p] = 256 bias a + bias b, b[p] = bias b
 *       for words of the window:
 *         for pair: ha += wide . h; b += wide . sxtb16(h)
 *       a = (ha - b) / 256
 *       store(requant(a), requant(b))
 *
 * ha = 256 sum(x a) + sum(x b) modulo 2^32, and the difference is exact as
 * long as 256 sum(x a) is a word. Where that is not proven, or where h is no
 * halfword, its bytes are a and b themselves and a = sum(x sxtb16(h >> 8)).
 *
 * sxtb16 takes bytes 0 and 2 of a word of inputs; weights are packed in that
 * order. A lone pixel whose window lies in the input without gaps is widened
 * word by word as it is read. */
#include <string.h>

#include "codegen/kernels/light.h"
#include "codegen/kernels/patch.h"
#include "codegen/kernels/sparse.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum {
  QUAD = 4,
  DENSE_PIXELS = 2, /* lists: up to PATCH_MAX_PIXELS */
  MAX_ACC = DENSE_PIXELS * QUAD,
  UNROLL = 6,
  UNROLL_SMALL = 2
};

typedef struct Conv {
  const ConvParams *c;
  int64_t window; /* elements, runs padded to 4 */
  Val wide;       /* [window / 4][2][pixel] words */
  Val line;       /* (pixels, run padded to 4) bytes */
  Pass pass;
  PatchTiles tile;
  Val sum[PATCH_MAX_PIXELS]; /* of the window's inputs, where needed */
} Conv;

/* ---- the window ---- */

/* Four bytes at p, of which `valid` exist; zeros behind. */
static Val load_bytes(Cg *g, Val p, int64_t valid) {
  if (valid >= 4)
    return ll_load(g, g->i32, p, 1);
  Val word = ll_zext(g, ll_load(g, g->i8, p, 1), g->i32);
  for (int i = 1; i < valid; i++) {
    Val b = ll_zext(g, ll_load(g, g->i8, ll_gepc(g, p, i), 1), g->i32);
    word = ll_or(g, word, ll_shlc(g, b, 8 * i));
  }
  return word;
}

static Val halves(Cg *g, const ConvParams *c, Val word, int odd) {
  return arm_xtb16(g, word, odd, dtype_is_signed(c->in_type));
}

/* For lists: a word for each of four elements of two of the pixels. */
static void widen_pairs(Cg *g, const Conv *v, Val to, const Val *word) {
  int element = 2 * v->c->pixels;
  for (int odd = 0; odd < 2; odd++) {
    Val a = halves(g, v->c, word[0], odd), b = halves(g, v->c, word[1], odd);
    Val low = ll_or(g, ll_and(g, a, ll_i32(g, 0xffff)), ll_shlc(g, b, 16));
    Val high =
        ll_or(g, ll_lshrc(g, a, 16), ll_and(g, b, ll_i32(g, 0xffff0000)));
    ll_store(g, low, ll_gepc(g, to, element * odd), 4);
    ll_store(g, high, ll_gepc(g, to, element * (odd + 2)), 4);
  }
}

/* Four elements of each pixel into wide at `to` bytes. */
static void widen_word(Cg *g, const Conv *v, Val to, const Val *word,
                       Val *sum) {
  const ConvParams *c = v->c;
  for (int p = 0; c->sparse.counts && p + 1 < c->pixels; p += 2)
    widen_pairs(g, v, ll_gepc(g, to, 2 * p), word + p);
  if (c->sparse.counts && c->pixels > 1)
    return;
  for (int odd = 0; odd < 2; odd++)
    for (int p = 0; p < c->pixels; p++) {
      Val half = halves(g, c, word[p], odd);
      ll_store(g, half, ll_gepc(g, to, 4 * (odd * c->pixels + p)), 4);
      if (c->weight_zero)
        sum[p] = arm_smlad(g, half, ll_i32(g, 0x00010001), sum[p]);
    }
}

static void widen_words(Cg *g, const Conv *v, Val to, const Val *src, Val at,
                        int64_t n, int64_t valid, Val *sum) {
  for (int64_t u = 0; u < n; u++) {
    Val word[PATCH_MAX_PIXELS];
    for (int p = 0; p < v->c->pixels; p++)
      word[p] = load_bytes(g, ll_gepc(g, ll_gep(g, src[p], at), 4 * u), valid);
    widen_word(g, v, ll_gepc(g, to, 8 * v->c->pixels * u), word, sum);
  }
}

/* A run of each pixel: whole words, then what is left. */
static void widen_run(Cg *g, const Conv *v, Val to, const Val *src, Val *sum) {
  const ConvParams *c = v->c;
  int64_t words = c->run / 4, tail = c->run % 4, a_word = 8 * c->pixels;
  if (words) {
    int64_t most = c->pixels > DENSE_PIXELS ? 2 : 4;
    int64_t unroll = g->for_size ? 1 : largest_divisor(words, most);
    Loop k = loop_begin_carry(g, 0, words, unroll, c->pixels, sum);
    Val next[PATCH_MAX_PIXELS];
    for (int p = 0; p < c->pixels; p++)
      next[p] = k.carry[p];
    widen_words(g, v, ll_gep(g, to, ll_mulc(g, k.i, a_word)), src,
                ll_mulc(g, k.i, 4), unroll, 4, next);
    loop_end(g, &k, next);
    for (int p = 0; p < c->pixels; p++)
      sum[p] = k.carry[p];
  }
  if (tail)
    widen_words(g, v, ll_gepc(g, to, words * a_word), src, ll_idx(g, 4 * words),
                1, tail, sum);
}

static void gather(Cg *g, Conv *v) {
  const ConvParams *c = v->c;
  Val zero[PATCH_MAX_PIXELS];
  for (int p = 0; p < c->pixels; p++)
    zero[p] = ll_i32(g, 0);
  Val fill = ll_i8(g, c->in_zero);
  PatchRuns r = patch_runs_begin(g, c, c->run_padded * 2 * c->pixels, zero);
  Val src[PATCH_MAX_PIXELS];
  for (int p = 0; p < c->pixels; p++) {
    Val line = c->clipped ? ll_gepc(g, v->line, p * c->run_padded) : NULL;
    src[p] = patch_run(g, c, &v->tile, &r, p, line, fill, ll_idx(g, 0));
    v->sum[p] = r.cols.carry[p];
  }
  widen_run(g, v, ll_gep(g, v->wide, r.to), src, v->sum);
  patch_runs_end(g, &r, v->sum);
  for (int p = 0; p < c->pixels; p++)
    v->sum[p] = r.rows.carry[p];
}

/* ---- outputs ---- */

/* A word of two k of the window, one of each pair's weights. */
static void mac_word(Cg *g, const Conv *v, const Val *x, Val w, int pairs,
                     Val *acc) {
  const ConvParams *c = v->c;
  Val h[2];
  for (int i = 0; i < pairs; i++)
    h[i] = ll_load(g, g->i32, ll_gepc(g, w, 4 * i), 4);
  for (int i = 0; i < pairs; i++) {
    Val high = c->joined ? h[i] : arm_xtb16(g, h[i], true, true);
    for (int p = 0; p < c->pixels; p++)
      acc[p * QUAD + 2 * i + 1] =
          arm_smlad(g, x[p], high, acc[p * QUAD + 2 * i + 1]);
    Val low = arm_xtb16(g, h[i], false, true);
    for (int p = 0; p < c->pixels; p++)
      acc[p * QUAD + 2 * i] = arm_smlad(g, x[p], low, acc[p * QUAD + 2 * i]);
  }
}

/* Four k; x: in wide, or of an unpatched window its bytes. */
static void mac_four(Cg *g, const Conv *v, Val x, Val w, int pairs,
                     int64_t valid, Val *acc) {
  const ConvParams *c = v->c;
  Val bytes = c->patched ? NULL : load_bytes(g, x, valid);
  for (int odd = 0; odd < 2; odd++) {
    Val half[PATCH_MAX_PIXELS];
    for (int p = 0; p < c->pixels; p++)
      half[p] = bytes ? halves(g, c, bytes, odd)
                      : ll_load(g, g->i32,
                                ll_gepc(g, x, 4 * (odd * c->pixels + p)), 4);
    mac_word(g, v, half, ll_gepc(g, w, 4 * pairs * odd), pairs, acc);
  }
}

/* n fours, the last with `valid` bytes. Moves x and w. */
static void dot_fours(Cg *g, const Conv *v, Val *x, Val *w, int pairs,
                      int64_t n, int64_t valid, Val *acc) {
  int64_t x_bytes = v->c->patched ? 8 * v->c->pixels : 4;
  for (int64_t u = 0; u < n; u++)
    mac_four(g, v, ll_gepc(g, *x, u * x_bytes), ll_gepc(g, *w, 8 * pairs * u),
             pairs, u + 1 < n ? 4 : valid, acc);
  *x = ll_gepc(g, *x, n * x_bytes);
  *w = ll_gepc(g, *w, n * 8 * pairs);
}

/* Fours of a turn, from half of `most` up: what leaves the fewest. */
static int64_t fours_a_turn(int64_t n, int64_t most) {
  int64_t best = n < most ? n : most;
  for (int64_t k = best; k > most / 2; k--)
    if (n % k < n % best)
      best = k;
  return best;
}

/* The whole window: equal turns of up to `most` fours, then what is left,
 * straight. */
static void dot(Cg *g, const Conv *v, Val w, int pairs, int64_t most,
                Val *acc) {
  const ConvParams *c = v->c;
  int64_t fours = v->window / 4;
  int64_t valid = c->patched || c->run % 4 == 0 ? 4 : c->run % 4;
  int64_t whole = valid < 4 ? fours - 1 : fours;
  int64_t a_turn = fours_a_turn(whole, most);
  int64_t done = a_turn ? whole / a_turn * a_turn : 0;
  Val x = c->patched ? v->wide : v->tile.image;
  Val at[2 + MAX_ACC] = {ll_hide(g, x), w};
  memcpy(at + 2, acc, MAX_ACC * sizeof *acc);
  if (done) {
    Val end = ll_gepc(g, x, done * (c->patched ? 8 * c->pixels : 4));
    Loop k = loop_begin_carry(g, 0, done, a_turn, 2 + MAX_ACC, at);
    memcpy(at, k.carry, sizeof at);
    dot_fours(g, v, &at[0], &at[1], pairs, a_turn, 4, at + 2);
    at[0] = ll_hide(g, at[0]); /* two registers that move, not an index */
    at[1] = ll_hide(g, at[1]);
    loop_end_while(g, &k, at, ll_icmp(g, LLVMIntNE, at[0], end));
    memcpy(at, k.carry, sizeof at);
  }
  if (done < fours)
    dot_fours(g, v, &at[0], &at[1], pairs, fours - done, valid, at + 2);
  memcpy(acc, at + 2, MAX_ACC * sizeof *acc);
}

static void load_bias(Cg *g, const Conv *v, Val first, int pairs, Val *acc) {
  const ConvParams *c = v->c;
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, first, 4));
  for (int o = 0; o < 2 * pairs; o++) {
    Val b = ll_load(g, g->i32, ll_gepc(g, bias, 4 * o), 4);
    if (c->joined && o % 2)
      b = ll_add(g, acc[o - 1], ll_shlc(g, b, 8));
    for (int p = 0; p < c->pixels; p++)
      acc[p * QUAD + o] = b;
  }
}

/* Output o of pixel p; 256 times that where it is the odd one of a joined
 * pair. */
static Val sum_of(Cg *g, const Conv *v, const Val *acc, int o, int p) {
  const ConvParams *c = v->c;
  Val a = acc[p * QUAD + o];
  if (c->joined && o % 2)
    a = ll_sub(g, a, acc[p * QUAD + o - 1]);
  return c->weight_zero ? conv_take_zero(g, c, a, v->sum[p]) : a;
}

/* Of a maximum over an even number of columns a tile's pixels are in the same
 * window: the larger sum is the larger output, as requantization never
 * falls. */
static void store(Cg *g, const Conv *v, Val first, int outputs,
                  const Val *acc) {
  const ConvParams *c = v->c;
  bool same = c->pixels == 2 && c->pool.v[1] % 2 == 0;
  first = ll_hide(g, first); /* whatever is known of it makes sums into or */
  Val out[PATCH_MAX_PIXELS]; /* at `first`; -Os: indexed by channel */
  for (int p = 0; p < c->pixels; p++)
    out[p] = g->for_size ? v->tile.out[p] : ll_gep(g, v->tile.out[p], first);
  for (int o = 0; o < outputs; o++) {
    Val channel = ll_addc(g, first, o);
    for (int p = 0; p < (same ? 1 : c->pixels); p++) {
      Val a = sum_of(g, v, acc, o, p);
      if (same)
        a = ll_smax(g, a, sum_of(g, v, acc, o, 1));
      Val to = ll_gep(g, out[p], g->for_size ? channel : ll_idx(g, o));
      if (c->joined && o % 2)
        conv_store_up(g, c, a, channel, to, v->tile.begins[p]);
      else
        conv_store(g, c, a, channel, to, v->tile.begins[p]);
    }
  }
}

/* Up to four outputs from the pass's `at` on. */
static void some_outputs(Cg *g, const Conv *v, Val at, int outputs) {
  int pairs = (outputs + 1) / 2;
  Val first = ll_add(g, v->pass.first, at);
  Val w = ll_gep(g, v->pass.w, ll_mulc(g, at, v->window));
  Val acc[MAX_ACC];
  for (int i = 0; i < MAX_ACC; i++)
    acc[i] = ll_i32(g, 0);
  load_bias(g, v, first, pairs, acc);
  int64_t most = g->for_size ? UNROLL_SMALL : UNROLL;
  if (outputs < QUAD && v->c->g.oc > QUAD) /* run once a tile */
    most /= 2;
  dot(g, v, w, pairs, most, acc);
  store(g, v, first, outputs, acc);
}

/* Output by output along its list. */
static void listed_outputs(Cg *g, const Conv *v) {
  const ConvParams *c = v->c;
  SparseWindow x = {v->wide, c->pixels, DT_i16};
  SparseAt at = sparse_begin(g, &c->sparse);
  Loop o = loop_begin_carry(g, 0, c->g.oc, 1, SPARSE_POINTERS, at.p);
  memcpy(at.p, o.carry, sizeof at.p);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, o.i, 4));
  Val sum[PATCH_MAX_PIXELS], acc[PATCH_MAX_PIXELS * QUAD];
  for (int p = 0; p < c->pixels; p++)
    sum[p] = ll_load(g, g->i32, bias, 4);
  sparse_dot(g, &c->sparse, &x, &at, sum);
  for (int p = 0; p < c->pixels; p++)
    acc[p * QUAD] = sum[p];
  store(g, v, o.i, 1, acc);
  loop_end(g, &o, at.p);
}

static void every_output(Cg *g, const Conv *v) {
  if (v->c->sparse.counts) {
    listed_outputs(g, v);
    return;
  }
  int64_t oc = v->c->pass, whole = oc / QUAD * QUAD;
  if (whole) {
    Loop o = loop_begin(g, 0, whole, QUAD);
    some_outputs(g, v, o.i, QUAD);
    loop_end_while(g, &o, NULL, pass_more(g, v->c, &v->pass, o.i, QUAD));
  }
  if (v->pass.last)
    oc = v->pass.left;
  if (oc % QUAD) {
    Guard last = guard_begin(g, v->pass.last);
    some_outputs(g, v, ll_idx(g, oc / QUAD * QUAD), (int)(oc % QUAD));
    guard_end(g, &last, 0, NULL, NULL);
  }
}

void lower_conv_smlad(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Conv v = {.c = c, .window = c->taps_h * c->taps_w * c->run_padded};
  v.wide = a->scratch;
  v.line = c->clipped ? ll_gepc(g, a->scratch, v.window * 2 * c->pixels) : NULL;
  int64_t a_pixel = v.window * 2 + (c->clipped ? c->run_padded : 0);
  int64_t room = c->patched ? (c->pixels * a_pixel + 3) / 4 * 4 : 0;
  v.pass = pass_begin(g, c, a->scratch, room);
  v.tile = patch_tiles_begin(g, c, a);
  if (c->patched)
    gather(g, &v);
  every_output(g, &v);
  patch_tiles_end(g, &v.tile);
  pass_end(g, &v.pass);
}
