/* dw_lanes and dw_smlad: depthwise, channels in lanes or in words.
 *
 * dw_lanes:
 *   for image, block of channels, y, x:
 *     acc = bias
 *     for group of taps (4 bytes, 2 halfwords or 1):
 *       acc += dot(interleave(source[tap 0], source[tap 1], ..), w)
 *     store(requant(acc))
 *
 * Interleaving makes the taps of one channel neighbours, so that the dot
 * instruction sums over taps. The last block may overlap the one before. */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

/* Pointer to the tap of a window; taps past the last have zero weights and
 * read the last one. */
static Val tap_pointer(Cg *g, const ConvParams *c, Val window, int64_t tap) {
  int64_t taps = c->g.kh * c->g.kw;
  if (tap >= taps)
    tap = taps - 1;
  int64_t row = tap / c->g.kw * c->g.dh * c->pitch;
  int64_t col = tap % c->g.kw * c->g.dw * c->pixel;
  return ll_gepc(g, window, row + col);
}

/* a0 b0 a1 b1 ..: in the order of memory, whatever the width. */
static Val interleave(Cg *g, Val a, Val b) {
  int n = ll_lanes(a), mask[128];
  for (int i = 0; i < n; i++) {
    mask[2 * i] = i;
    mask[2 * i + 1] = n + i;
  }
  return ll_shuffle(g, a, b, mask, 2 * n);
}

static Val load_taps(Cg *g, const ConvParams *c, Val window, int64_t tap) {
  Val p = tap_pointer(g, c, window, tap);
  return ll_load(g, ll_vec(g->i8, c->lanes), p, 1);
}

/* One vector of i32 to part `i` of `parts` (extract or the whole). */
static Val part_of(Cg *g, Val v, int i, int parts) {
  int n = ll_lanes(v) / parts, mask[128];
  if (parts == 1)
    return v;
  for (int k = 0; k < n; k++)
    mask[k] = i * n + k;
  return ll_shuffle(g, v, v, mask, n);
}

/* How many registers the accumulators of a block take. */
static int parts(const Cg *g, const ConvParams *c) {
  int n = c->lanes * 4 / g->target->vector_bytes;
  return n < 1 ? 1 : n;
}

/* Four taps: bytes interleaved twice, one vpdpbusd a register. */
static void mac_quads(Cg *g, const ConvParams *c, Val window, Val w,
                      int64_t tap, Val *acc) {
  Val t[4];
  for (int i = 0; i < 4; i++)
    t[i] = load_taps(g, c, window, tap + i);
  Val even = interleave(g, t[0], t[2]), odd = interleave(g, t[1], t[3]);
  int n = parts(g, c), lanes = c->lanes / n;
  for (int i = 0; i < n; i++) {
    Val x = interleave(g, part_of(g, even, i, n), part_of(g, odd, i, n));
    Val words = ll_bitcast(g, x, ll_vec(g->i32, lanes));
    Val weights =
        ll_load(g, ll_vec(g->i32, lanes), ll_gepc(g, w, 4LL * i * lanes), 1);
    acc[i] = x86_vpdpbusd(g, acc[i], words, weights);
  }
}

/* Two taps as i16. */
static void mac_pairs(Cg *g, const ConvParams *c, Val window, Val w,
                      int64_t tap, Val *acc) {
  int n = parts(g, c), lanes = c->lanes / n;
  Val a = ll_extend(g, load_taps(g, c, window, tap), c->in_type, g->i16);
  Val b = ll_extend(g, load_taps(g, c, window, tap + 1), c->in_type, g->i16);
  for (int i = 0; i < n; i++) {
    Val x = interleave(g, part_of(g, a, i, n), part_of(g, b, i, n));
    Val weights = ll_load(g, ll_vec(g->i16, 2 * lanes),
                          ll_gepc(g, w, 4LL * i * lanes), 1);
    acc[i] = ll_add(g, acc[i], x86_pmaddwd(g, x, weights));
  }
}

static void mac_single(Cg *g, const ConvParams *c, Val window, Val w,
                       int64_t tap, Val *acc) {
  Ty elem = c->weight_bytes == 1 ? g->i8 : g->i16;
  Val x = ll_extend(g, load_taps(g, c, window, tap), c->in_type, g->i32);
  Val weights = ll_sext(g, ll_load(g, ll_vec(elem, c->lanes), w, 1), g->i32);
  int n = parts(g, c);
  for (int i = 0; i < n; i++)
    acc[i] = ll_add(g, acc[i],
                    ll_mul(g, part_of(g, x, i, n), part_of(g, weights, i, n)));
}

typedef void (*MacTaps)(Cg *g, const ConvParams *c, Val window, Val w,
                        int64_t tap, Val *acc);

static MacTaps mac_for(int group) {
  return group == 4 ? mac_quads : group == 2 ? mac_pairs : mac_single;
}

/* One pixel of a block of channels from `first` on. */
static void block_pixel(Cg *g, const ConvParams *c, Val window, Val w, Val bias,
                        Val first, Val out) {
  int n = parts(g, c), lanes = c->lanes / n;
  int64_t taps = c->g.kh * c->g.kw;
  int64_t group_bytes = (int64_t)c->lanes * c->group * c->weight_bytes;
  Val acc[8];
  for (int i = 0; i < n; i++)
    acc[i] =
        ll_load(g, ll_vec(g->i32, lanes), ll_gepc(g, bias, 4LL * i * lanes), 4);
  for (int64_t tap = 0; tap < taps; tap += c->group)
    mac_for(c->group)(g, c, window, ll_gepc(g, w, tap / c->group * group_bytes),
                      tap, acc);
  for (int i = 0; i < n; i++) {
    Val channel = ll_addc(g, first, (int64_t)i * lanes);
    Val y = vec_requant(g, &c->rq, &c->rt, acc[i], channel);
    vec_store8(g, y, ll_gepc(g, out, (int64_t)i * lanes));
  }
}

static void block_pixels(Cg *g, const ConvParams *c, const ConvImage *im,
                         Val block, Val first) {
  int64_t groups = (c->g.kh * c->g.kw + c->group - 1) / c->group;
  int64_t bytes = groups * c->lanes * c->group * c->weight_bytes;
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, block, bytes));
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, first, 4));
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Loop x = loop_begin(g, 0, c->g.ow, 1);
  Val window = ll_gep(g, conv_window(g, c, im->src, y.i, x.i), first);
  Val out = ll_gep(g, conv_output(g, c, im->out, y.i, x.i), first);
  block_pixel(g, c, window, w, bias, first, out);
  loop_end(g, &x, NULL);
  loop_end(g, &y, NULL);
}

void lower_dw_lanes(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  ConvImage im = conv_image_begin(g, c, a);
  Tiles b = tiles_begin(g, c->g.oc, c->lanes);
  block_pixels(g, c, &im, b.loop.i, b.at);
  tiles_end(g, &b);
  conv_image_end(g, &im);
}

/* dw_smlad: words of four channels; two taps a multiply.
 *
 *   for image, y, x, four channels:
 *     acc[4] = bias
 *     for pair of taps: a, b = words of the taps
 *       (a0 b0) (a2 b2) and (a1 b1) (a3 b3) by sxtb16 and pkh
 *       acc[c] += dot((a_c, b_c), w[c])
 *     store(requant(acc))
 */
static Val pack_low(Cg *g, Val a, Val b) { /* pkhbt */
  Ty t = g->i32;
  Val low = ll_and(g, a, LLVMConstInt(t, 0xffff, 0));
  return ll_or(g, low, ll_shlc(g, b, 16));
}

static Val pack_high(Cg *g, Val a, Val b) { /* pkhtb */
  Val high = ll_and(g, b, LLVMConstInt(g->i32, 0xffff0000u, 0));
  return ll_or(g, high, ll_lshrc(g, a, 16));
}

static void mac_tap_pair(Cg *g, const ConvParams *c, Val window, Val w,
                         int64_t tap, Val *acc) {
  bool is_signed = dtype_is_signed(c->in_type);
  Val a = ll_load(g, g->i32, tap_pointer(g, c, window, tap), 1);
  Val b = ll_load(g, g->i32, tap_pointer(g, c, window, tap + 1), 1);
  for (int odd = 0; odd < 2; odd++) {
    Val ha = arm_xtb16(g, a, odd, is_signed);
    Val hb = arm_xtb16(g, b, odd, is_signed);
    Val pair[2] = {pack_low(g, ha, hb), pack_high(g, ha, hb)};
    for (int i = 0; i < 2; i++) {
      int lane = odd + 2 * i;
      Val weight = ll_load(g, g->i32, ll_gepc(g, w, 4LL * lane), 4);
      acc[lane] = arm_smlad(g, pair[i], weight, acc[lane]);
    }
  }
}

static void four_channels(Cg *g, const ConvParams *c, Val window, Val block,
                          Val out) {
  int64_t taps = c->g.kh * c->g.kw, pairs = (taps + 1) / 2;
  Val first = ll_mulc(g, block, 4);
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, block, pairs * 16));
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, block, 16));
  Val acc[4];
  window = ll_gep(g, window, first);
  for (int i = 0; i < 4; i++)
    acc[i] = ll_load(g, g->i32, ll_gepc(g, bias, 4 * i), 4);
  for (int64_t i = 0; i < pairs; i++)
    mac_tap_pair(g, c, window, ll_gepc(g, w, 16 * i), 2 * i, acc);
  out = ll_gep(g, out, first);
  for (int i = 0; i < 4; i++) {
    Val y = vec_requant(g, &c->rq, &c->rt, acc[i], ll_addc(g, first, i));
    vec_store8(g, y, ll_gepc(g, out, i));
  }
}

void lower_dw_smlad(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  ConvImage im = conv_image_begin(g, c, a);
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Loop x = loop_begin(g, 0, c->g.ow, 1);
  Val window = conv_window(g, c, im.src, y.i, x.i);
  Val out = conv_output(g, c, im.out, y.i, x.i);
  Loop b = loop_begin(g, 0, c->blocks, 1);
  four_channels(g, c, window, b.i, out);
  loop_end(g, &b, NULL);
  loop_end(g, &x, NULL);
  loop_end(g, &y, NULL);
  conv_image_end(g, &im);
}
