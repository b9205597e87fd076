/* dw_words:
 *
 *   for image, block of channels, y, tile of pixels:
 *     acc[p] = bias
 *     for tap: w = weights; for p: acc[p] += source[p][tap] * w
 *     for p: store(step(acc[p]))
 *
 * Channels that fill no vector are computed by the last one once more. */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/word_step.h"
#include "plan/kernels/conv_words.h"

enum { MAX_PIXELS = 4, STRAIGHT_TAPS = 9 };

typedef struct Block {
  const WordsParams *p;
  const ConvParams *c;
  Val first; /* channel */
} Block;

static int lanes_of(const ConvParams *c) { return c->lanes > 1 ? c->lanes : 0; }

/* An i16 or i8 each, as i32. */
static Val load_lanes(Cg *g, const Block *b, Val p, int bytes) {
  Ty t = ll_vec(bytes == 1 ? g->i8 : g->i16, lanes_of(b->c));
  return ll_sext(g, ll_load(g, t, p, bytes), g->i32);
}

static void mac_tap(Cg *g, const Block *b, Val src, Val tap, Val *acc) {
  const ConvParams *c = b->c;
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, b->first, c->weight_bytes));
  w = ll_gep(g, w, ll_mulc(g, tap, c->g.oc * c->weight_bytes));
  w = load_lanes(g, b, w, c->weight_bytes);
  for (int p = 0; p < c->pixels; p++) {
    Val x = load_lanes(g, b, ll_gepc(g, src, p * conv_step_bytes(c)), 2);
    Val product = ll_mul(g, x, w);
    if (b->p->wide)
      product = ll_sext(g, product, g->i64);
    acc[p] = ll_add(g, acc[p], product);
  }
}

/* Bytes from a window's first tap to tap y, x. */
static int64_t tap_offset(const ConvParams *c, int64_t y, int64_t x) {
  return (y * c->g.dh * c->pitch + x * c->g.dw * c->pixel) *
         c->stage.elem_bytes;
}

static void straight(Cg *g, const Block *b, Val src, Val *acc) {
  const ConvGeom *q = &b->c->g;
  for (int64_t k = 0; k < q->kh * q->kw; k++) {
    int64_t at = tap_offset(b->c, k / q->kw, k % q->kw);
    mac_tap(g, b, ll_gepc(g, src, at), ll_idx(g, k), acc);
  }
}

static void in_loops(Cg *g, const Block *b, Val src, Val *acc) {
  const ConvParams *c = b->c;
  Val next[MAX_PIXELS];
  Loop y = loop_begin_carry(g, 0, c->g.kh, 1, c->pixels, acc);
  Val row = ll_gep(g, src, ll_mulc(g, y.i, tap_offset(c, 1, 0)));
  Loop x = loop_begin_carry(g, 0, c->g.kw, 1, c->pixels, y.carry);
  for (int p = 0; p < c->pixels; p++)
    next[p] = x.carry[p];
  mac_tap(g, b, ll_gep(g, row, ll_mulc(g, x.i, tap_offset(c, 0, 1))),
          ll_add(g, ll_mulc(g, y.i, c->g.kw), x.i), next);
  loop_end(g, &x, next);
  loop_end(g, &y, x.carry);
  for (int p = 0; p < c->pixels; p++)
    acc[p] = y.carry[p];
}

static void tile(Cg *g, const Block *b, Val src, Val out) {
  const ConvParams *c = b->c;
  int width = b->p->wide ? 8 : 4;
  Ty t = ll_vec(b->p->wide ? g->i64 : g->i32, lanes_of(c));
  Val bias = ll_gep(g, ll_blob(g, b->p->bias), ll_mulc(g, b->first, width));
  Val acc[MAX_PIXELS];
  acc[0] = ll_load(g, t, bias, 4);
  for (int p = 1; p < c->pixels; p++)
    acc[p] = acc[0];
  if (c->g.kh * c->g.kw <= STRAIGHT_TAPS && !g->for_size)
    straight(g, b, src, acc);
  else
    in_loops(g, b, src, acc);
  for (int p = 0; p < c->pixels; p++)
    word_store(g, c->out_type, emit_word_step(g, &b->p->step, acc[p], b->first),
               ll_gepc(g, out, p * c->g.oc * c->out_bytes));
}

void lower_dw_words(Cg *g, const Step *s, const StepArgs *a) {
  const WordsParams *p = s->params;
  const ConvParams *c = &p->c;
  Block b = {.p = p, .c = c};
  ConvImage im = conv_image_begin(g, c, a);
  Tiles channels = tiles_begin(g, c->g.oc, c->lanes);
  b.first = channels.at;
  Val in = ll_gep(g, im.src, ll_mulc(g, b.first, c->stage.elem_bytes));
  Val out = ll_gep(g, im.out, ll_mulc(g, b.first, c->out_bytes));
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Tiles x = tiles_begin(g, c->g.ow, c->pixels);
  tile(g, &b, conv_window(g, c, in, y.i, x.at),
       conv_output(g, c, out, y.i, x.at));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
  tiles_end(g, &channels);
  conv_image_end(g, &im);
}
