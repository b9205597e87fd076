/* dw_smlad: depthwise, words of four channels; two taps a multiply.
 *
 *   for image, y, x, four channels:
 *     acc[4] = bias
 *     for pair of taps: a, b = words of the taps
 *       (a0 b0) (a2 b2) and (a1 b1) (a3 b3) by sxtb16 and pkh
 *       acc[c] += dot((a_c, b_c), w[c])
 *     store(requant(acc))
 */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

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
  Val a = ll_load(g, g->i32, conv_tap(g, c, window, tap), 1);
  Val b = ll_load(g, g->i32, conv_tap(g, c, window, tap + 1), 1);
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
  for (int64_t i = 0; i < pairs; i++) {
    mac_tap_pair(g, c, window, ll_gepc(g, w, 16 * i), 2 * i, acc);
    window = ll_after(g, window, acc, 4); /* else all is loaded, and spilt */
  }
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
