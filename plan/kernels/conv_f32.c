/* conv_f32: convolutions and dense layers on floats. Weights are packed at
 * compile time, or at the start of the step when they are computed at run
 * time. And what the other float products share. */
#include "plan/kernels/conv_f32.h"

#include "plan/band.h"
#include "plan/kernel.h"
#include "plan/kernels/conv.h"

bool real_is_const(const Value *v) { return !v || v->init; }

static bool is_f32(const Value *v) { return !v || v->type->dtype == DT_f32; }

bool real_is_op(const Op *op) {
  return is_f32(op->in[0]) && is_f32(op->in[1]) && is_f32(op_in(op, 2)) &&
         is_f32(op->out[0]);
}

/* ---- conv_f32 ---- */

bool match_conv_f32(const Op *op, const Target *t) {
  (void)t;
  return (op->kind == OP_conv2d || op->kind == OP_fully_connected) &&
         real_is_op(op);
}

double real_cost(const Op *op, const Target *t) {
  int lanes = target_f32_lanes(t);
  return (double)op_macs(op) / (lanes ? lanes : 1);
}

double cost_conv_f32(const Op *op, const Target *t) { return real_cost(op, t); }

/* Vector registers, or those of single floats. */
static int float_registers(const Target *t) {
  if (target_f32_lanes(t))
    return t->nvregs;
  return t->fpu ? 32 : 4;
}

/* Cycles for one k of all pixels, up to a factor: multiply-adds, at least as
 * many as hide their latency, as loads go beside them and, where the weights
 * don't stay in the first cache, as bring them in from the second. */
static double tile_cost(const RealShape *s, int p, int v, bool near) {
  enum { LATENCY = 10, FETCH = 6 };
  int macs = p * v < LATENCY ? LATENCY : p * v, loads = p + v;
  if (macs < loads)
    macs = loads;
  if (macs < FETCH * v && !near)
    macs = FETCH * v;
  double tiles =
      (double)ceil_div(s->pixels, p) * (double)ceil_div(s->vectors, v);
  return tiles * (macs + loads / 4.0);
}

/* The most pixels that v vectors of outputs leave room for. */
static int most_pixels(const Target *t, int v) {
  enum { MOST_PIXELS = 14 };
  int fit = (float_registers(t) - (t->fma ? 1 : 2)) / v - 1;
  return fit < MOST_PIXELS ? fit : MOST_PIXELS;
}

void real_tile_choose(const Target *t, const RealShape *s, int *pixels,
                      int *vectors) {
  enum { MOST_VECTORS = 8, NEAR_WEIGHTS = 24 << 10, MOST_BLOCK = 640 << 10 };
  static const double redone = 1.05;
  bool near = s->vectors * s->k * t->vector_bytes <= NEAR_WEIGHTS;
  double best = -1;
  *pixels = *vectors = 1;
  for (int most = 1; most <= MOST_VECTORS && most <= s->vectors; most++) {
    int v = even_part(s->vectors, most);
    if (v > 1 && v * s->k * t->vector_bytes > MOST_BLOCK)
      break;
    for (int p = 1; p <= most_pixels(t, v) && p <= s->pixels; p++) {
      double cost = tile_cost(s, p, v, near);
      if (s->once && s->pixels % p)
        cost *= redone;
      if (best >= 0 && cost >= best)
        continue;
      best = cost;
      *pixels = p;
      *vectors = v;
    }
  }
}

int real_lanes(const Target *t, int bytes, int64_t n) {
  int lanes = target_f32_lanes(t) * 4 / bytes;
  while (lanes > 4 && lanes / 2 >= n)
    lanes /= 2;
  return lanes > 1 ? lanes : 1;
}

void real_pack(float *image, const float *w, int64_t n, int64_t k,
               int64_t nout) {
  for (int64_t o = 0; o < n; o++)
    for (int64_t i = 0; i < k; i++)
      image[(o / nout * k + i) * nout + o % nout] = w[o * k + i];
}

/* Weights of all groups one behind the other, and biases likewise. Where few
 * pixels meet each, what it takes to bring them here decides. */
static void pack_weights(Plan *p, Step *s, ConvParams *c) {
  enum { FEW_PIXELS = 4 };
  int64_t groups = c->g.groups, n = c->g.oc / groups;
  int64_t k = c->taps_h * c->taps_w * c->run;
  int64_t nout = (int64_t)c->vectors * c->lanes, padded = c->blocks * nout;
  const float *w = s->op->in[1]->init->data;
  float *image = ARENA_ARRAY(p->arena, float, groups *padded *k);
  for (int64_t i = 0; i < groups; i++)
    real_pack(image + i * padded * k, w + i * n * k, n, k, nout);
  PackSource from = {.image = (const int8_t *)image,
                     .block_bytes = k * nout * 4,
                     .blocks = c->blocks,
                     .weave.slots = (int)nout,
                     .time = cost_conv_f32(s->op, p->target),
                     .unpacking = 5,
                     .available = groups > 1 || s->front ? -1 : INT64_MAX};
  c->packed = plan_pack_real(p, s, &from);
  if (c->packed.form)
    return;
  if (c->g.n * c->g.oh * c->g.ow <= FEW_PIXELS)
    c->w = plan_real_halves(p, s, image, groups * padded * k, &c->w_type);
  if (!c->w)
    c->w = plan_blob(p, s, "weights", image, groups * padded * k * 4,
                     p->target->simd_align);
}

/* The biases of one class. */
static void place_bias(const ConvParams *c, const float *bias, float *image) {
  int64_t n = c->g.oc / c->g.groups;
  int64_t padded = c->blocks * c->vectors * c->lanes;
  for (int64_t o = 0; o < c->g.oc; o++)
    image[o / n * padded + o % n] = bias[o];
}

static void pack_bias(Plan *p, Step *s, ConvParams *c) {
  const Value *b = op_in(s->op, 2);
  int64_t one = c->g.groups * c->blocks * c->vectors * c->lanes;
  float *image = ARENA_ARRAY(p->arena, float, c->bias_classes *one);
  for (int64_t i = 0; b && i < c->bias_classes; i++)
    place_bias(c, (const float *)b->init->data + i * c->g.oc, image + i * one);
  c->bias = plan_blob(p, s, "bias", image, c->bias_classes * one * 4,
                      p->target->simd_align);
}

static void choose_border(ConvParams *c, const Op *op) {
  c->bias_classes = 1;
  if (border_is_bias(op) && border_of(op, &c->border))
    c->bias_classes =
        border_classes(&c->border.y) * border_classes(&c->border.x);
}

/* Outputs that no cache of the core holds are stored in order, where all
 * weights stay in it meanwhile. */
static bool pixels_first(const ConvParams *c, int64_t k) {
  enum { MOST_WEIGHTS = 256 << 10, FAR_OUTPUTS = 512 << 10 };
  int64_t weights = c->blocks * c->vectors * c->lanes * k * 4;
  return c->w && c->blocks > 1 && weights <= MOST_WEIGHTS &&
         c->g.oh * c->g.ow * c->g.oc * 4 >= FAR_OUTPUTS;
}

bool prepare_conv_f32(Plan *p, Step *s) {
  ConvParams c = {.g = band_geom(s), .group = 1, .w_type = DT_f32};
  const Op *op = s->op;
  conv_source(&c, s, DT_COUNT, 4, false);
  conv_grouped_runs(&c);
  choose_border(&c, op);
  c.act = op->kind == OP_conv2d ? op->attrs.conv.act : op->attrs.dense.act;
  int64_t n = c.g.oc / c.g.groups;
  c.lanes = real_lanes(p->target, 4, n);
  int64_t k = c.taps_h * c.taps_w * c.run;
  RealShape shape = {.pixels = c.g.ow,
                     .vectors = ceil_div(n, c.lanes),
                     .k = k,
                     .once = s->nin > op->nin};
  real_tile_choose(p->target, &shape, &c.pixels, &c.vectors);
  c.blocks = ceil_div(shape.vectors, c.vectors);
  int64_t padded = c.g.groups * c.blocks * c.vectors * c.lanes, late = 0;
  if (real_is_const(op->in[1]))
    pack_weights(p, s, &c);
  else
    late += padded * k * 4;
  if (real_is_const(op_in(op, 2)))
    pack_bias(p, s, &c);
  else
    late += padded * 4;
  c.pixels_first = pixels_first(&c, k);
  return conv_real_done(p, s, &c, late + c.packed.block_bytes);
}

/* As tail_overlap of the kernels of bytes: is every output stored once? */
static int64_t real_tail_overlap(const ConvParams *c) {
  int64_t tile = c->pixels, nout = (int64_t)c->vectors * c->lanes;
  if (c->g.depthwise && c->lanes > c->g.oc)
    tile *= c->lanes / c->g.oc;
  else if (c->g.depthwise && c->g.oc % nout)
    return OVERLAP_NONE;
  return c->g.ow % tile ? OVERLAP_NONE : OVERLAP_SAME;
}

bool conv_real_done(Plan *p, Step *s, ConvParams *c, int64_t late) {
  c->out_bytes = dtype_bits(s->out[0]->type->dtype) / 8;
  s->params = arena_dup(p->arena, c, sizeof *c);
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->tail_overlap = real_tail_overlap(c);
  s->reads_first = c->stage.on && c->g.n == 1 && !late;
  s->scratch_bytes = stage_bytes(c) + late;
  s->vector_bytes = c->lanes > 1 ? c->lanes * 4 : 0;
  s->variant =
      real_variant(p->arena, c->pixels, c->vectors * c->lanes, s->vector_bytes);
  return true;
}

const char *real_variant(Arena *a, int pixels, int outputs, int vector_bytes) {
  const char *tile = arena_printf(a, "f32_%dx%d", pixels, outputs);
  return vector_bytes ? arena_printf(a, "%s_v%d", tile, vector_bytes * 8)
                      : tile;
}
