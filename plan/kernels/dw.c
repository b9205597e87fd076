/* dw_smlad, dw_scalar: depthwise convolutions through a strip, by pairs of
 * rows and one multiply at a time; and what all dw_* kernels share. */
#include "plan/kernels/dw.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"

bool dw_is_q8(const Op *op) {
  return op->kind == OP_depthwise_conv2d && conv_is_q8(op);
}

int32_t dw_weight(const Op *op, const ConvGeom *g, int64_t c, int64_t tap) {
  return conv_weight(op, g, c, tap / g->kw, tap % g->kw, 0) -
         conv_weight_zero(op, c);
}

bool dw_narrow_weights(const Op *op, const ConvGeom *g) {
  for (int64_t c = 0; c < g->oc; c++)
    for (int64_t tap = 0; tap < g->kh * g->kw; tap++) {
      int32_t w = dw_weight(op, g, c, tap);
      if (w < INT8_MIN || w > INT8_MAX)
        return false;
    }
  return true;
}

void dw_store_weight(int8_t *image, int64_t at, int bytes, int32_t w) {
  if (bytes == 1)
    image[at] = (int8_t)w;
  else
    ((int16_t *)(void *)image)[at] = (int16_t)w;
}

bool dw_taps_unroll(const Op *op) {
  ConvGeom g = conv_geom(op);
  return g.kh * g.kw <= 128;
}

/* ---- through the strip ---- */

/* Windows of one row pair columns instead. */
static void set_axes(DwParams *d) {
  const ConvGeom *g = &d->c.g;
  DwAxis y = {.in = g->ih,
              .out = g->oh,
              .taps = g->kh,
              .stride = g->sh,
              .dilation = g->dh,
              .pad = g->pt};
  DwAxis x = {.in = g->iw,
              .out = g->ow,
              .taps = g->kw,
              .stride = g->sw,
              .dilation = g->dw,
              .pad = g->pl};
  y.extent = (y.taps - 1) * y.dilation + 1;
  x.extent = (x.taps - 1) * x.dilation + 1;
  y.in_step = g->iw * g->ic, x.in_step = g->ic;
  y.out_step = g->ow * g->oc, x.out_step = g->oc;
  d->turned = d->pair == 2 && g->kh == 1 && g->kw > 1;
  d->row = d->turned ? x : y;
  d->col = d->turned ? y : x;
}

/* Tap at a place of the window of output row `out` of a tile. */
static int64_t tap_at(const DwAxis *a, int64_t out, int64_t row) {
  int64_t at = row - out * a->stride;
  bool is_tap = at >= 0 && at < a->extent && at % a->dilation == 0;
  return is_tap ? at / a->dilation : -1;
}

int64_t dw_pairs(const DwParams *d) {
  return ceil_div((d->tile_rows - 1) * d->row.stride + d->row.extent, d->pair);
}

/* Finds or adds the word that holds tap t. */
static void use_single(DwPair *p, int r, int x, int64_t t) {
  p->use[r].x = x;
  for (int i = 0; i < p->words; i++)
    for (int half = 0; half < 2; half++)
      if (p->tap[i][half] == t) {
        p->use[r].word = i;
        p->use[r].w = half;
        return;
      }
  p->use[r].word = p->words;
  p->tap[p->words][0] = t;
  p->tap[p->words++][1] = -1;
}

/* Words of two taps first: single ones are often half of such a word. */
DwPair dw_pair(const DwParams *d, int64_t p) {
  DwPair u = {0};
  int64_t tap[DW_TILE_ROWS][2];
  for (int r = 0; r < d->tile_rows; r++) {
    u.use[r].word = -1;
    for (int half = 0; half < 2; half++)
      tap[r][half] = tap_at(&d->row, r, 2 * p + half);
    u.use[r].both = tap[r][0] >= 0 && tap[r][1] >= 0;
    if (!u.use[r].both)
      continue;
    u.use[r].word = u.words;
    u.tap[u.words][0] = tap[r][0];
    u.tap[u.words++][1] = tap[r][1];
  }
  for (int r = 0; r < d->tile_rows; r++)
    for (int half = 0; half < 2 && !u.use[r].both; half++)
      if (tap[r][half] >= 0)
        use_single(&u, r, half, tap[r][half]);
  return u;
}

/* Tap of the window at tap `row` of the rows, `col` of the columns. */
static int64_t window_tap(const DwParams *d, int64_t row, int64_t col) {
  return d->turned ? col * d->c.g.kw + row : row * d->c.g.kw + col;
}

static bool dw_done(Plan *p, Step *s, DwParams *d) {
  ConvParams *c = &d->c;
  conv_finish(p, s, c, c->g.oc, NULL, false, target_conv_forms(p->target));
  dw_choose_strip(p, s, d);
  s->params = arena_dup(p->arena, d, sizeof *d);
  s->reads_first = c->g.ic == 1 && d->bands == 1 && c->g.n == 1;
  if (d->row.out % d->tile_rows == 0 && d->block % d->tile_cols == 0)
    s->tail_overlap = OVERLAP_SAME; /* every output is stored once */
  s->scratch_bytes = dw_strip_bytes(d);
  s->variant = arena_printf(p->arena, "q%s_%dx%dc1_%s",
                            c->in_type == DT_u8 ? "u8" : "s8", d->tile_rows,
                            d->tile_cols, d->pair == 2 ? "smlad" : "scalar");
  s->note = requant_form_name(c->rq.form);
  return true;
}

static DwParams dw_params(const Step *s, int pair) {
  DwParams d = {.c = {.g = conv_geom(s->op), .group = 1}, .pair = pair};
  conv_source(&d.c, s, DT_COUNT, 1, false);
  d.c.stage = (Stage){0};
  d.c.join = 1;
  set_axes(&d);
  d.tile_rows = d.tile_cols = 1;
  return d;
}

/* ---- dw_smlad ---- */

bool match_dw_smlad(const Op *op, const Target *t) {
  return dw_is_q8(op) && t->dot == DOT_smlad && dw_taps_unroll(op);
}

double cost_dw_smlad(const Op *op, const Target *t) {
  (void)t;
  return (double)op_macs(op) * 2;
}

/* Rows of a tile have to be an even number of input rows apart, as pairs are.
 * Small windows share weights among columns. */
static void smlad_tile(DwParams *d) {
  if (d->row.out > 1 && d->row.stride % 2)
    d->tile_rows = 2;
  bool small = d->row.taps * d->col.taps <= 12;
  d->tile_cols = even_part(d->col.out, small ? 3 : 1);
}

/* [channel][pair of rows][column][word of the pair][2], i16 */
static const Blob *pack_pairs(Plan *p, Step *s, DwParams *d) {
  const ConvGeom *g = &d->c.g;
  for (int64_t i = 0; i < dw_pairs(d); i++)
    d->words += dw_pair(d, i).words * d->col.taps;
  int64_t bytes = g->oc * d->words * 4, at = 0;
  int8_t *image = pack_image(p, bytes);
  for (int64_t o = 0; o < g->oc; o++)
    for (int64_t i = 0; i < dw_pairs(d); i++) {
      DwPair u = dw_pair(d, i);
      for (int64_t k = 0; k < d->col.taps * u.words * 2; k++, at++) {
        int64_t tap = u.tap[k / 2 % u.words][k % 2];
        if (tap >= 0)
          dw_store_weight(
              image, at, 2,
              dw_weight(s->op, g, o, window_tap(d, tap, k / 2 / u.words)));
      }
    }
  return plan_blob(p, s, "weights", image, bytes, 4);
}

bool prepare_dw_smlad(Plan *p, Step *s) {
  DwParams d = dw_params(s, 2);
  smlad_tile(&d);
  d.c.weight_bytes = 2;
  d.c.w = pack_pairs(p, s, &d);
  return dw_done(p, s, &d);
}

/* ---- dw_scalar ---- */

bool match_dw_scalar(const Op *op, const Target *t) {
  (void)t;
  return dw_is_q8(op);
}

double cost_dw_scalar(const Op *op, const Target *t) {
  (void)t;
  return (double)op_macs(op) * 6;
}

/* [channel][tap], i8 or i16 */
static const Blob *pack_taps(Plan *p, Step *s, DwParams *d) {
  const ConvGeom *g = &d->c.g;
  d->words = g->kh * g->kw;
  int64_t bytes = d->words * g->oc * d->c.weight_bytes;
  int8_t *image = pack_image(p, bytes);
  for (int64_t i = 0; i < g->oc * d->words; i++)
    dw_store_weight(image, i, d->c.weight_bytes,
                    dw_weight(s->op, g, i / d->words, i % d->words));
  return plan_blob(p, s, "weights", image, bytes, p->target->simd_align);
}

bool prepare_dw_scalar(Plan *p, Step *s) {
  DwParams d = dw_params(s, 1);
  d.c.weight_bytes = dw_narrow_weights(s->op, &d.c.g) ? 1 : 2;
  d.c.w = pack_taps(p, s, &d);
  return dw_done(p, s, &d);
}
