/* conv_scalar: one multiply at a time, for any target.
 *
 *   for image, y, x, output o:
 *     acc = bias[o]
 *     for run of the window, for k in run: acc += source[k] * w[o][k]
 *     store(requant(acc))
 */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"

static Val load_weight(Cg *g, const ConvParams *c, Val w, Val index) {
  Ty t = c->weight_bytes == 1 ? g->i8 : g->i16;
  Val p = ll_gep(g, w, ll_mulc(g, index, c->weight_bytes));
  return ll_sext(g, ll_load(g, t, p, c->weight_bytes), g->i32);
}

static Val load_input(Cg *g, const ConvParams *c, Val src, Val index) {
  return ll_extend(g, ll_load(g, g->i8, ll_gep(g, src, index), 1), c->in_type,
                   g->i32);
}

static Val load_bias(Cg *g, const ConvParams *c, Val channel) {
  Val p = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, channel, 4));
  return ll_load(g, g->i32, p, 4);
}

static void store_output(Cg *g, const ConvParams *c, Val out, Val channel,
                         Val acc, Val zeros) {
  if (c->sums) {
    acc = conv_take_input_zero(g, c, acc, channel, zeros, 0);
    ll_store(g, acc, ll_gep(g, out, ll_mulc(g, channel, 4)), 4);
    return;
  }
  conv_store(g, c, acc, channel, ll_gep(g, out, channel));
}

static Val dot_run(Cg *g, const ConvParams *c, Val src, Val w, Val acc) {
  Loop k = loop_begin_carry(g, 0, c->run, 1, 1, &acc);
  Val p = ll_mul(g, load_input(g, c, src, k.i), load_weight(g, c, w, k.i));
  Val next = ll_add(g, k.carry[0], p);
  loop_end(g, &k, &next);
  return k.carry[0];
}

/* What an output pixel is made of: window, output, sums' zero point. */
typedef struct Pixel {
  Val src, out, zero;
} Pixel;

static void one_output(Cg *g, const ConvParams *c, const Pixel *p, Val src,
                       Val channel) {
  int64_t row = c->taps_h * c->taps_w * c->run_padded * c->weight_bytes;
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, channel, row));
  Val acc = load_bias(g, c, channel);
  Runs r = runs_begin(g, c, src, w, c->run_padded * c->weight_bytes, 1, &acc);
  acc = dot_run(g, c, r.src, r.w, r.cols.carry[0]);
  runs_end(g, &r, &acc);
  store_output(g, c, p->out, channel, r.rows.carry[0], p->zero);
}

/* Outputs of one pixel, group by group: a group reads its own channels. */
static void pixel_outputs(Cg *g, const ConvParams *c, const Pixel *p) {
  int64_t per_group = c->g.oc / c->g.groups;
  Loop group = loop_begin(g, 0, c->g.groups, 1);
  int64_t bytes = c->g.ic / c->g.groups;
  Val src = ll_gep(g, p->src, ll_mulc(g, group.i, bytes));
  Loop o = loop_begin(g, 0, per_group, 1);
  Val channel = ll_add(g, ll_mulc(g, group.i, per_group), o.i);
  one_output(g, c, p, src, channel);
  loop_end(g, &o, NULL);
  loop_end(g, &group, NULL);
}

typedef void (*PixelFn)(Cg *g, const ConvParams *c, const Pixel *p);

static void every_pixel(Cg *g, const Step *s, const StepArgs *a, PixelFn fn) {
  const ConvParams *c = s->params;
  ConvImage im = conv_image_begin(g, c, a);
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Loop x = loop_begin(g, 0, c->g.ow, 1);
  Pixel p = {.src = conv_window(g, c, im.src, y.i, x.i),
             .out = conv_output(g, c, im.out, y.i, x.i)};
  if (c->weight_sums)
    p.zero = ll_gep(g, a->in[c->zero_operand], ll_mulc(g, x.i, c->zero_step));
  fn(g, c, &p);
  loop_end(g, &x, NULL);
  loop_end(g, &y, NULL);
  conv_image_end(g, &im);
}

void lower_conv_scalar(Cg *g, const Step *s, const StepArgs *a) {
  every_pixel(g, s, a, pixel_outputs);
}
