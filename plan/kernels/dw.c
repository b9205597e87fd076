/* dw_smlad, dw_scalar: depthwise convolutions through a strip, by pairs of
 * rows and one multiply at a time; and what all dw_* kernels share. */
#include "plan/kernels/dw.h"

#include <string.h>

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

/* Rows are the height, unless only columns have taps to pair; a single column
 * of outputs is better taken as a row, along which tiles have several. */
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
  d->turned = (g->kh == 1 && g->oh > 1 && g->kw > 1) ||
              (g->kw == 1 && g->ow == 1 && g->kh > 1);
  d->turned = d->turned && d->pair == 2;
  d->row = d->turned ? x : y;
  d->col = d->turned ? y : x;
}

/* Tap at a place of the window of output row `out` of a tile. */
static int64_t tap_at(const DwAxis *a, int64_t out, int64_t row) {
  int64_t at = row - out * a->stride;
  bool is_tap = at >= 0 && at < a->extent && at % a->dilation == 0;
  return is_tap ? at / a->dilation : -1;
}

/* Word that holds taps `low` and `high`, or (-1) any with the other; made if
 * there is none. */
static int word_of(DwTaps *t, int64_t low, int64_t high) {
  for (int i = 0; i < t->words; i++)
    if ((low < 0 || t->tap[i][0] == low) && (high < 0 || t->tap[i][1] == high))
      return i;
  t->tap[t->words][0] = low;
  t->tap[t->words][1] = high;
  return t->words++;
}

/* One tap may be half of a word of two, so those come first. */
static DwUse use_of(DwTaps *t, const int64_t *tap) {
  if (tap[0] >= 0 && tap[1] >= 0)
    return (DwUse){.word = word_of(t, tap[0], tap[1]), .both = true};
  if (tap[0] < 0 && tap[1] < 0)
    return (DwUse){.word = -1};
  int x = tap[0] < 0;
  for (int w = 0; w < 2; w++)
    for (int i = 0; i < t->words; i++)
      if (t->tap[i][w] == tap[x])
        return (DwUse){.word = i, .x = x, .w = w};
  return (DwUse){.word = word_of(t, tap[x], -1), .x = x};
}

DwTaps dw_taps(Arena *a, const DwParams *d) {
  int64_t rows = (d->tile_rows - 1) * d->row.stride + d->row.extent;
  DwTaps t = {.pairs = (int)ceil_div(rows, 2)};
  t.tap = arena_alloc(a, (size_t)t.pairs * DW_TILE_ROWS * sizeof *t.tap);
  t.use = arena_alloc(a, (size_t)t.pairs * sizeof *t.use);
  for (int both = 1; both >= 0; both--)
    for (int p = 0; p < t.pairs; p++)
      for (int r = 0; r < d->tile_rows; r++) {
        int64_t tap[] = {tap_at(&d->row, r, 2 * p),
                         tap_at(&d->row, r, 2 * p + 1)};
        if (both == (tap[0] >= 0 && tap[1] >= 0))
          t.use[p][r] = use_of(&t, tap);
      }
  return t;
}

/* Tap of the window at tap `row` of the rows, `col` of the columns. */
static int64_t window_tap(const DwParams *d, int64_t row, int64_t col) {
  return d->turned ? col * d->c.g.kw + row : row * d->c.g.kw + col;
}

int64_t dw_record_head(const DwParams *d) {
  return d->c.rq.form == RF_high ? 12 : 4;
}

/* Weights of a channel, less their zero points, to w. */
typedef void (*PackFn)(const Op *op, const DwParams *d, int64_t channel,
                       int8_t *w);

/* [channel]: see DwParams.record */
static const Blob *pack_records(Plan *p, Step *s, DwParams *d, int64_t weights,
                                const int32_t *bias, PackFn pack) {
  int64_t oc = d->c.g.oc, head = dw_record_head(d);
  bool high = d->c.rq.form == RF_high;
  d->record = head + (weights + 3) / 4 * 4;
  int8_t *image = pack_image(p, oc * d->record);
  for (int64_t o = 0; o < oc; o++) {
    int8_t *at = image + o * d->record;
    memcpy(at, &bias[o], sizeof *bias);
    if (high) {
      memcpy(at + 4, &d->c.rq.multiplier[o], 4);
      memcpy(at + 8, &d->c.rq.add[o], 4);
    }
    pack(s->op, d, o, at + head);
  }
  return plan_blob(p, s, "channels", image, oc * d->record, 4);
}

static bool dw_done(Plan *p, Step *s, DwParams *d, int64_t weights,
                    PackFn pack) {
  ConvParams *c = &d->c;
  const int32_t *bias = conv_biases(p, s, c, target_conv_forms(p->target));
  if (c->rq.form != RF_high)
    c->rt = requant_tables(p, s, &c->rq, (int)c->g.oc);
  c->w = pack_records(p, s, d, weights, bias, pack);
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

int64_t overlap_dw(const Step *s, int input) {
  const DwParams *d = s->params;
  return input == 0 && d->in_place ? OVERLAP_SAME : OVERLAP_NONE;
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
  bool small = d->row.taps == 1 || d->row.taps * d->col.taps <= 12;
  d->tile_cols =
      even_part(d->col.out, !small                                  ? 1
                            : d->row.taps == 1 && d->tile_rows == 1 ? 4
                                                                    : 3);
}

/* [word][column][2], or of windows of one row [column], i16 */
static void pack_words(const Op *op, const DwParams *d, int64_t channel,
                       int8_t *w) {
  Arena *scratch = arena_new();
  DwTaps t = dw_taps(scratch, d);
  int64_t cols = d->col.taps, step = d->row.taps == 1 ? 1 : 2;
  for (int64_t i = 0; i < t.words * cols * step; i++) {
    int64_t tap = t.tap[i / step / cols][i % step];
    if (tap >= 0)
      dw_store_weight(
          w, i, 2,
          dw_weight(op, &d->c.g, channel, window_tap(d, tap, i / step % cols)));
  }
  arena_free(scratch);
}

bool prepare_dw_smlad(Plan *p, Step *s) {
  DwParams d = dw_params(s, 2);
  smlad_tile(&d);
  int64_t taps = dw_taps(p->arena, &d).words * d.col.taps;
  return dw_done(p, s, &d, taps * (d.row.taps == 1 ? 2 : 4), pack_words);
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

/* [tap], i8 or i16 */
static void pack_taps(const Op *op, const DwParams *d, int64_t channel,
                      int8_t *w) {
  for (int64_t i = 0; i < d->row.taps * d->col.taps; i++)
    dw_store_weight(w, i, d->c.weight_bytes,
                    dw_weight(op, &d->c.g, channel, i));
}

bool prepare_dw_scalar(Plan *p, Step *s) {
  DwParams d = dw_params(s, 1);
  d.c.weight_bytes = dw_narrow_weights(s->op, &d.c.g) ? 1 : 2;
  return dw_done(p, s, &d, d.row.taps * d.col.taps * d.c.weight_bytes,
                 pack_taps);
}
