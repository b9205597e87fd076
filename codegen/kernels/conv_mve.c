/* conv_mve: k in vector lanes, one vmladava for 16 products, four pixels
 * share each load of weights. Runs that are no multiple of 16 end in masked
 * loads; the weights there are zero.
 *
 *   for image, y, tile of pixels, output o:
 *     acc[p] = bias[o]
 *     for run of the window, for k in run by 16:
 *       w = weights; for p: acc[p] += dot(source[p][k .. k + 16), w)
 *     for p: store(requant(acc[p]))   (the pixels in the lanes)
 */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { MAX_PIXELS = 4 };

static Val masked_inputs(Cg *g, Val p, int valid) {
  Ty bytes = ll_vec(g->i8, 16);
  if (valid == 16)
    return ll_load(g, bytes, p, 1);
  Val lane[16];
  for (int i = 0; i < 16; i++)
    lane[i] = LLVMConstInt(g->i1, i < valid, 0);
  Ty over[] = {bytes, g->ptr};
  Val args[] = {p, ll_i32(g, 1), LLVMConstVector(lane, 16),
                LLVMConstNull(bytes)};
  return ll_intrinsic(g, "llvm.masked.load", over, 2, args, 4);
}

/* acc: an accumulator a pixel, then a sum a pixel where needed. */
static void mac_block(Cg *g, const ConvParams *c, Val src, Val w, int valid,
                      Val *acc) {
  Val weights = ll_load(g, ll_vec(g->i8, 16), w, 1);
  Val ones = ll_const_splat(g, g->i8, 1, 16);
  for (int p = 0; p < c->pixels; p++) {
    Val x = masked_inputs(g, ll_gepc(g, src, p * conv_step_bytes(c)), valid);
    acc[p] = mve_vmladava(g, acc[p], x, weights);
    if (c->weight_zero)
      acc[c->pixels + p] = mve_vmladava(g, acc[c->pixels + p], x, ones);
  }
}

static void mac_run(Cg *g, const ConvParams *c, Val src, Val w, int nacc,
                    Val *acc) {
  int64_t whole = c->run / 16 * 16;
  if (whole) {
    int unroll = g->for_size ? 1 : (int)largest_divisor(whole / 16, 4);
    Loop k = loop_begin_carry(g, 0, whole, 16 * unroll, nacc, acc);
    Val next[2 * MAX_PIXELS];
    for (int i = 0; i < nacc; i++)
      next[i] = k.carry[i];
    for (int u = 0; u < unroll; u++)
      mac_block(g, c, ll_gepc(g, ll_gep(g, src, k.i), 16 * u),
                ll_gepc(g, ll_gep(g, w, k.i), 16 * u), 16, next);
    loop_end(g, &k, next);
    for (int i = 0; i < nacc; i++)
      acc[i] = k.carry[i];
  }
  if (c->run > whole)
    mac_block(g, c, ll_gepc(g, src, whole), ll_gepc(g, w, whole),
              (int)(c->run - whole), acc);
}

static void store_pixels(Cg *g, const ConvParams *c, Val out, Val channel,
                         const Val *acc) {
  Val final[MAX_PIXELS];
  for (int p = 0; p < c->pixels; p++)
    final[p] = c->weight_zero ? conv_take_zero(g, c, acc[p], acc[c->pixels + p])
                              : acc[p];
  out = ll_gep(g, out, channel);
  if (c->pixels == 1) {
    conv_store(g, c, final[0], channel, out, NULL);
    return;
  }
  Val v = ll_poison(ll_vec(g->i32, MAX_PIXELS));
  for (int p = 0; p < c->pixels; p++)
    v = ll_insert(g, v, final[p], p);
  conv_store_pixels(g, c, v, channel, out, c->pixels);
}

/* `w`: its weights */
static void one_output(Cg *g, const ConvParams *c, Val src, Val out, Val w,
                       Val channel) {
  int nacc = c->pixels * (c->weight_zero ? 2 : 1);
  Val bias = ll_load(g, g->i32,
                     ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, channel, 4)), 4);
  Val acc[2 * MAX_PIXELS];
  for (int i = 0; i < nacc; i++)
    acc[i] = i < c->pixels ? bias : ll_i32(g, 0);
  Runs r = runs_begin(g, c, src, w, c->run_padded, nacc, acc);
  for (int i = 0; i < nacc; i++)
    acc[i] = r.cols.carry[i];
  mac_run(g, c, r.src, r.w, nacc, acc);
  runs_end(g, &r, acc);
  store_pixels(g, c, out, channel, r.rows.carry);
}

void lower_conv_mve(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  int64_t row = c->taps_h * c->taps_w * c->run_padded;
  ConvImage im = conv_image_begin(g, c, a);
  Pass pass = pass_begin(g, c, conv_scratch(g, c, a), 0);
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Tiles x = tiles_begin(g, c->g.ow, c->pixels);
  Val src = conv_window(g, c, im.src, y.i, x.at);
  Val out = conv_output(g, c, im.out, y.i, x.at);
  Loop o = loop_begin(g, 0, c->pass, 1);
  one_output(g, c, src, out, ll_gep(g, pass.w, ll_mulc(g, o.i, row)),
             ll_add(g, pass.first, o.i));
  loop_end_while(g, &o, NULL, pass_more(g, c, &pass, o.i, 1));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
  pass_end(g, &pass);
  conv_image_end(g, &im);
}
