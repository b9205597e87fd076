/* dw_smlad and dw_scalar: depthwise convolutions, one channel at a time.
 *
 *   fill the strip with the zero point
 *   for image, input channel:
 *     copy the rows that the first two bands share
 *     for band, block of columns:
 *       copy the other rows that the band takes
 *       for output channel of the input channel, tile row, tile column:
 *         tile: see below
 *       move the rows that the next band shares to the front
 *
 * The strip keeps rows by pairs, elements of both side by side. In a lone
 * band its padding stays as it was filled; in others rows above and below the
 * image are filled again. */
#include "codegen/kernels/conv.h"
#include "codegen/kernels/light.h"
#include "codegen/kernels/tail.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"
#include "plan/depthwise.h"

enum { MAX_TILE = 4, MAX_WORDS = 256, FEW = 24 };

/* What is being computed. */
typedef struct Dw {
  const DwParams *d;
  Val strip;
  Val src, out;   /* of the image, at the channel */
  Val row, block; /* first output row and column of the band's block */
} Dw;

/* ---- the strip ---- */

static int elem_bytes(const DwParams *d) { return d->pair; }

static int64_t strip_offset(const DwParams *d, int64_t row, int64_t col) {
  return row / d->pair * dw_strip_pitch(d) +
         (col * d->pair + row % d->pair) * elem_bytes(d);
}

static Val strip_row(Cg *g, const Dw *w, Val row) {
  const DwParams *d = w->d;
  if (d->pair == 1)
    return ll_gep(g, w->strip, ll_mulc(g, row, dw_strip_pitch(d)));
  Val pair =
      ll_gep(g, w->strip, ll_mulc(g, ll_lshrc(g, row, 1), dw_strip_pitch(d)));
  Val half = ll_and(g, row, ll_idx(g, 1));
  return ll_gep(g, pair, ll_mulc(g, half, elem_bytes(d)));
}

static Val strip_elem(Cg *g, const DwParams *d, Val byte) {
  return d->pair == 1 ? byte : ll_extend(g, byte, d->c.in_type, g->i16);
}

static void strip_put(Cg *g, const DwParams *d, Val row, int64_t col, Val x) {
  int bytes = elem_bytes(d);
  ll_store(g, x, ll_gepc(g, row, col * d->pair * bytes), bytes);
}

static Val zero_elem(Cg *g, const DwParams *d) {
  return strip_elem(g, d, ll_i8(g, d->c.in_zero));
}

/* A loop over n elements, a few to a turn, and the rest behind. */
typedef void (*SpanFn)(Cg *g, const DwParams *d, Val dst, Val src, int64_t n);

static void span(Cg *g, const DwParams *d, Val dst, Val src, int64_t n,
                 SpanFn fn) {
  bool block = d->block < d->col.out; /* short, and copied often */
  int64_t unroll = block ? 16 : g->for_size ? 4 : 8;
  int64_t whole = n / unroll * unroll;
  int64_t step = (int64_t)d->pair * elem_bytes(d);
  if (whole) {
    Loop l = loop_begin(g, 0, whole, unroll);
    fn(g, d, ll_gep(g, dst, ll_mulc(g, l.i, step)),
       src ? ll_gep(g, src, ll_mulc(g, l.i, d->col.in_step)) : NULL, unroll);
    loop_end(g, &l, NULL);
  }
  fn(g, d, ll_gepc(g, dst, whole * step),
     src ? ll_gepc(g, src, whole * d->col.in_step) : NULL, n - whole);
}

static void copy_span(Cg *g, const DwParams *d, Val dst, Val src, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    Val byte = ll_load(g, g->i8, ll_gepc(g, src, i * d->col.in_step), 1);
    strip_put(g, d, dst, i, strip_elem(g, d, byte));
  }
}

static void fill_span(Cg *g, const DwParams *d, Val dst, Val src, int64_t n) {
  (void)src;
  for (int64_t i = 0; i < n; i++)
    strip_put(g, d, dst, i, zero_elem(g, d));
}

/* Columns of the strip that lie in the image, when it has all of them. */
typedef struct Inside {
  int64_t first, n;
} Inside;

static Inside columns_inside(const DwParams *d) {
  const DwAxis *c = &d->col;
  int64_t last =
      c->pad + c->in < d->strip_cols ? c->pad + c->in : d->strip_cols;
  int64_t first = c->pad < last ? c->pad : last;
  return (Inside){first, last - first};
}

/* A row of a block at the image's border: elements one by one, those outside
 * made of one inside. */
static void copy_clipped(Cg *g, const DwParams *d, Val dst, Val src, Val x0) {
  Loop l = loop_begin(g, 0, d->strip_cols, 1);
  Val x = ll_add(g, x0, l.i);
  Val in = ll_icmp(g, LLVMIntULT, x, ll_idx(g, d->col.in));
  Val at = ll_mulc(g, ll_select(g, in, x, ll_idx(g, 0)), d->col.in_step);
  Val byte = ll_load(g, g->i8, ll_gep(g, src, at), 1);
  Val to = ll_gep(g, dst, ll_mulc(g, l.i, (int64_t)d->pair * elem_bytes(d)));
  strip_put(g, d, to, 0,
            ll_select(g, in, strip_elem(g, d, byte), zero_elem(g, d)));
  loop_end(g, &l, NULL);
}

static void copy_block(Cg *g, const Dw *w, Val dst, Val src) {
  const DwParams *d = w->d;
  Val x0 = ll_addc(g, ll_mulc(g, w->block, d->col.stride), -d->col.pad);
  Val whole = ll_icmp(g, LLVMIntULE, x0, ll_idx(g, d->col.in - d->strip_cols));
  Guard in = guard_begin(g, whole);
  span(g, d, dst, ll_gep(g, src, ll_mulc(g, x0, d->col.in_step)), d->strip_cols,
       copy_span);
  guard_end(g, &in, 0, NULL, NULL);
  Guard out = guard_begin(g, LLVMBuildNot(g->b, whole, ""));
  copy_clipped(g, d, dst, src, x0);
  guard_end(g, &out, 0, NULL, NULL);
}

static void copy_row(Cg *g, const Dw *w, Val dst, Val input_row) {
  const DwParams *d = w->d;
  Val src = ll_gep(g, w->src, ll_mulc(g, input_row, d->row.in_step));
  if (d->block < d->col.out) {
    copy_block(g, w, dst, src);
    return;
  }
  Inside in = columns_inside(d);
  dst = ll_gepc(g, dst, strip_offset(d, 0, in.first));
  src = ll_gepc(g, src, (in.first - d->col.pad) * d->col.in_step);
  span(g, d, dst, src, in.n, copy_span);
}

static void fill_row(Cg *g, const Dw *w, Val dst) {
  Inside in = w->d->block < w->d->col.out ? (Inside){0, w->d->strip_cols}
                                          : columns_inside(w->d);
  span(g, w->d, ll_gepc(g, dst, strip_offset(w->d, 0, in.first)), NULL, in.n,
       fill_span);
}

/* Rows first .. last - 1 of the strip, whose row 0 is row `top` of the
 * image. */
static void stage_rows(Cg *g, const Dw *w, Val top, int64_t first,
                       int64_t last) {
  const DwAxis *r = &w->d->row;
  if (first >= last)
    return;
  Loop l = loop_begin(g, first, last, 1);
  Val row = ll_add(g, top, l.i), dst = strip_row(g, w, l.i);
  Val in = ll_icmp(g, LLVMIntULT, row, ll_idx(g, r->in));
  Guard inside = guard_begin(g, in);
  copy_row(g, w, dst, row);
  guard_end(g, &inside, 0, NULL, NULL);
  Guard outside = guard_begin(g, LLVMBuildNot(g->b, in, ""));
  fill_row(g, w, dst);
  guard_end(g, &outside, 0, NULL, NULL);
  loop_end(g, &l, NULL);
}

/* A few rows from strip row `first` on, their places known. */
static void copy_few(Cg *g, const Dw *w, Val strip, Val src, int64_t first,
                     int64_t n) {
  const DwParams *d = w->d;
  Inside in = columns_inside(d);
  src = ll_gepc(g, src, (in.first - d->col.pad) * d->col.in_step);
  for (int64_t i = 0; i < n; i++)
    copy_span(g, d, ll_gepc(g, strip, strip_offset(d, first + i, in.first)),
              ll_gepc(g, src, i * d->row.in_step), in.n);
}

/* The rows of a lone band that lie in the image. */
static void stage_image(Cg *g, const Dw *w) {
  const DwParams *d = w->d;
  const DwAxis *r = &d->row;
  int64_t have = r->pad + r->in, cols = columns_inside(d).n;
  int64_t last = have < d->strip_rows ? have : d->strip_rows;
  int64_t first = r->pad, n = last - first;
  if (n <= 0 || !cols)
    return;
  int64_t few = FEW / cols / 2 * 2;
  few = few < n ? few : n;
  if (few < 2 || g->for_size) {
    Loop l = loop_begin(g, first, last, 1);
    copy_row(g, w, strip_row(g, w, l.i), ll_addc(g, l.i, -r->pad));
    loop_end(g, &l, NULL);
    return;
  }
  int64_t turns = n / few;
  Loop l = loop_begin(g, 0, turns, 1);
  Val strip = ll_gep(g, w->strip, ll_mulc(g, l.i, strip_offset(d, few, 0)));
  copy_few(g, w, strip, ll_gep(g, w->src, ll_mulc(g, l.i, few * r->in_step)),
           first, few);
  loop_end(g, &l, NULL);
  copy_few(g, w, ll_gepc(g, w->strip, turns * strip_offset(d, few, 0)),
           ll_gepc(g, w->src, turns * few * r->in_step), first,
           n - turns * few);
}

static bool is_lone(const DwParams *d) {
  return d->bands == 1 && d->block == d->col.out;
}

static void stage_band(Cg *g, const Dw *w, Val band) {
  const DwParams *d = w->d;
  Val top = ll_addc(g, ll_mulc(g, band, dw_band_step(d)), -d->row.pad);
  if (is_lone(d))
    stage_image(g, w);
  else
    stage_rows(g, w, top, d->carried, d->strip_rows);
}

static void carry_rows(Cg *g, const Dw *w) {
  const DwParams *d = w->d;
  if (!d->carried)
    return;
  int64_t at = strip_offset(d, dw_band_step(d), 0);
  int64_t pairs = (d->carried + d->pair - 1) / d->pair;
  int align = at % 4 == 0 ? 4 : at % 2 == 0 ? 2 : 1;
  emit_copy(g, w->strip, ll_gepc(g, w->strip, at), pairs * dw_strip_pitch(d),
            align, false);
}

/* ---- a tile ---- */

typedef struct Tile {
  Val x;      /* strip: its first row and column */
  Val record; /* constants of the channel */
  Val channel;
  Val out;    /* its first output */
  Val second; /* bytes to its second row; 0 where that does not exist */
  int cols;
} Tile;

static Val first_sum(Cg *g, Val record) {
  return ll_load(g, g->i32, record, 4);
}

/* Constants of a channel's requantization, where they stand in its record. */
typedef struct Requantizer {
  Val multiplier, add;
} Requantizer;

static Requantizer requantizer(Cg *g, const DwParams *d, Val record) {
  if (d->c.rq.form != RF_high)
    return (Requantizer){0};
  return (Requantizer){ll_load(g, g->i32, ll_gepc(g, record, 4), 4),
                       ll_load(g, g->i32, ll_gepc(g, record, 8), 4)};
}

static void store_output(Cg *g, const DwParams *d, const Tile *t,
                         const Requantizer *r, Val acc, Val p) {
  const ConvParams *c = &d->c;
  Val y = r->multiplier ? vec_requant_by(g, &c->rq, acc, r->multiplier, r->add)
                        : vec_requant(g, &c->rq, &c->rt, acc, t->channel);
  tail_apply(g, &y, &(TailAt){.p = p, .n = 1, .join = 1});
  vec_store8(g, y, p);
}

/* The second row first: where there is none the first one goes over it. */
static void store_tile(Cg *g, const DwParams *d, const Tile *t, Val record,
                       const Val *acc) {
  Requantizer q = requantizer(g, d, record);
  for (int r = d->tile_rows - 1; r >= 0; r--) {
    Val row = r ? ll_gep(g, t->out, t->second) : t->out;
    for (int i = 0; i < t->cols; i++)
      store_output(g, d, t, &q, acc[r * t->cols + i],
                   ll_gepc(g, row, i * d->col.out_step));
  }
}

/* Multiplies input column x by tap k of a row's word; windows of one row have
 * the taps of two columns in a word. */
static Val column_mac(Cg *g, const DwParams *d, DwUse u, int64_t k, Val x,
                      Val *loaded, Val weights, Val acc) {
  int64_t n = u.word * d->col.taps + k;
  if (d->row.taps == 1) {
    n = k / 2;
    u.w = (int)(k % 2);
  }
  Val *word = &loaded[n];
  if (!*word)
    *word = ll_load(g, g->i32, ll_gepc(g, weights, 4 * n), 4);
  return u.both ? arm_smlad(g, x, *word, acc)
                : arm_smlaxy(g, x, u.x, *word, u.w, acc);
}

/* smlad: one pair of rows of the strip.
 *
 *   for column: x = both rows of the column
 *     for output column that takes it, output row: acc += x . w
 */
static void pair_macs(Cg *g, const DwParams *d, int cols, Val strip,
                      const DwUse *use, Val weights, Val *acc) {
  Val loaded[MAX_WORDS] = {0};
  int64_t last = (cols - 1) * d->col.stride + d->col.extent;
  for (int64_t at = 0; at < last; at++) {
    Val x = NULL;
    for (int i = 0; i < cols; i++) {
      int64_t off = at - i * d->col.stride, k = off / d->col.dilation;
      if (off < 0 || off >= d->col.extent || off % d->col.dilation)
        continue;
      if (!x)
        x = ll_load(g, g->i32, ll_gepc(g, strip, strip_offset(d, 0, at)), 4);
      for (int r = 0; r < d->tile_rows; r++)
        if (use[r].word >= 0)
          acc[r * cols + i] = column_mac(g, d, use[r], k, x, loaded, weights,
                                         acc[r * cols + i]);
    }
  }
}

/* Weights are loaded anew in every tile, and for every pair of rows. */
static void tile_smlad(Cg *g, const DwParams *d, const Tile *t) {
  int n = d->tile_rows * t->cols;
  DwTaps taps = dw_taps(g->arena, d);
  Val acc[MAX_TILE * DW_TILE_ROWS];
  Val record = ll_hide(g, t->record);
  Val w = ll_gepc(g, record, dw_record_head(d));
  for (int i = 0; i < n; i++)
    acc[i] = first_sum(g, record);
  for (int p = 0; p < taps.pairs; p++) {
    Val strip = ll_gepc(g, t->x, strip_offset(d, 2 * p, 0));
    pair_macs(g, d, t->cols, strip, taps.use[p], w, acc);
    w = ll_after(g, w, acc, n);
  }
  store_tile(g, d, t, ll_after(g, record, acc, n), acc);
}

static Val load_weight(Cg *g, const DwParams *d, Val w) {
  Ty t = d->c.weight_bytes == 1 ? g->i8 : g->i16;
  return ll_sext(g, ll_load(g, t, w, d->c.weight_bytes), g->i32);
}

/* scalar: acc += x * w for a tap of the window; weights from w on. */
static Val tap_mac(Cg *g, const DwParams *d, Val x, Val w, Val acc) {
  Val in = ll_extend(g, ll_load(g, g->i8, x, 1), d->c.in_type, g->i32);
  return ll_add(g, acc, ll_mul(g, in, load_weight(g, d, w)));
}

/* Small windows are spelled out. */
static Val few_taps(Cg *g, const DwParams *d, const Tile *t, Val w, Val acc) {
  const DwAxis *r = &d->row, *c = &d->col;
  for (int64_t i = 0; i < r->taps * c->taps; i++) {
    int64_t at =
        strip_offset(d, i / c->taps * r->dilation, i % c->taps * c->dilation);
    acc = tap_mac(g, d, ll_gepc(g, t->x, at),
                  ll_gepc(g, w, i * d->c.weight_bytes), acc);
  }
  return acc;
}

static Val many_taps(Cg *g, const DwParams *d, const Tile *t, Val w, Val acc) {
  const DwAxis *r = &d->row, *c = &d->col;
  int64_t row_bytes = c->taps * d->c.weight_bytes;
  Loop y = loop_begin_carry(g, 0, r->taps, 1, 1, &acc);
  Val x_row = ll_gep(g, t->x, ll_mulc(g, y.i, strip_offset(d, r->dilation, 0)));
  Val w_row = ll_gep(g, w, ll_mulc(g, y.i, row_bytes));
  Loop x = loop_begin_carry(g, 0, c->taps, 1, 1, y.carry);
  Val next = tap_mac(
      g, d, ll_gep(g, x_row, ll_mulc(g, x.i, strip_offset(d, 0, c->dilation))),
      ll_gep(g, w_row, ll_mulc(g, x.i, d->c.weight_bytes)), x.carry[0]);
  loop_end(g, &x, &next);
  loop_end(g, &y, x.carry);
  return y.carry[0];
}

static void tile_scalar(Cg *g, const DwParams *d, const Tile *t) {
  bool few = d->row.taps * d->col.taps <= FEW;
  Val w = ll_gepc(g, t->record, dw_record_head(d));
  Val acc = first_sum(g, t->record);
  acc = few ? few_taps(g, d, t, w, acc) : many_taps(g, d, t, w, acc);
  store_tile(g, d, t, t->record, &acc);
}

typedef void (*TileFn)(Cg *g, const DwParams *d, const Tile *t);

/* ---- the nest ---- */

/* The tile at column `col` of the row of tiles at t. */
static Tile tile_at(Cg *g, const DwParams *d, const Tile *t, Val col) {
  Tile at = *t;
  at.x = ll_gep(g, t->x, ll_mulc(g, col, strip_offset(d, 0, d->col.stride)));
  at.out = ll_gep(g, t->out, ll_mulc(g, col, d->col.out_step));
  return at;
}

/* Tiles of a row of them: `turn` counts those of the band, `row` is its first
 * row of output. A rest of columns makes a narrower tile, or for size one that
 * overlaps the last. */
static void tile_row(Cg *g, const Dw *w, Tile t, Val turn, Val row, TileFn fn) {
  const DwParams *d = w->d;
  int64_t step = d->tile_rows * d->row.stride, rest = d->block % d->tile_cols;
  t.second = ll_idx(g, d->row.out_step);
  if (d->row.out % d->tile_rows) {
    Val last = ll_icmp(g, LLVMIntEQ, row, ll_idx(g, d->row.out - 1));
    t.second = ll_select(g, last, ll_idx(g, 0), t.second);
  }
  t.x =
      ll_gep(g, w->strip, ll_mulc(g, turn, step / d->pair * dw_strip_pitch(d)));
  t.out = ll_gep(g, t.out, ll_mulc(g, row, d->row.out_step));
  t.out = ll_gep(g, t.out, ll_mulc(g, w->block, d->col.out_step));
  t.cols = d->tile_cols;
  Tiles x = tiles_begin(g, g->for_size ? d->block : d->block - rest, t.cols);
  Tile at = tile_at(g, d, &t, x.at);
  fn(g, d, &at);
  tiles_end(g, &x);
  if (!rest || g->for_size)
    return;
  t.cols = (int)rest;
  at = tile_at(g, d, &t, ll_idx(g, d->block - rest));
  fn(g, d, &at);
}

/* The band's outputs of input channel `from`. */
static void band_outputs(Cg *g, const Dw *w, Val from, Val band, TileFn fn) {
  const DwParams *d = w->d;
  const ConvParams *c = &d->c;
  Loop m = loop_begin(g, 0, c->g.mult, 1);
  Tile t = {.channel = ll_add(g, ll_mulc(g, from, c->g.mult), m.i)};
  t.out = ll_gep(g, w->out, t.channel);
  t.record = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, t.channel, d->record));
  Loop turn = loop_begin(g, 0, d->turns, 1);
  Val row = ll_add(g, ll_mulc(g, band, d->turns), turn.i);
  tile_row(g, w, t, turn.i, ll_mulc(g, row, d->tile_rows), fn);
  loop_end(g, &turn, NULL);
  loop_end(g, &m, NULL);
}

static void channel_bands(Cg *g, Dw *w, Val channel, TileFn fn) {
  const DwParams *d = w->d;
  stage_rows(g, w, ll_idx(g, -d->row.pad), 0, d->carried);
  Loop band = loop_begin(g, 0, d->bands, 1);
  Loop block = loop_begin(g, 0, d->col.out, d->block);
  w->block = block.i;
  stage_band(g, w, band.i);
  band_outputs(g, w, channel, band.i, fn);
  loop_end(g, &block, NULL);
  carry_rows(g, w);
  loop_end(g, &band, NULL);
}

static void lower_strip(Cg *g, const Step *s, const StepArgs *a, TileFn fn) {
  const DwParams *d = s->params;
  const ConvGeom *q = &d->c.g;
  Dw w = {.d = d, .strip = a->scratch};
  uint64_t zero = (uint64_t)d->c.in_zero & (d->pair == 2 ? 0xffff : 0xff);
  emit_fill(g, w.strip, dw_strip_bytes(d) / elem_bytes(d), elem_bytes(d), zero,
            4);
  Loop n = loop_begin(g, 0, q->n, 1);
  Loop c = loop_begin(g, 0, q->ic, 1);
  Val in = ll_gep(g, a->in[0], ll_mulc(g, n.i, q->ih * q->iw * q->ic));
  w.src = ll_gep(g, in, c.i);
  w.out = ll_gep(g, a->out[0], ll_mulc(g, n.i, q->oh * q->ow * q->oc));
  channel_bands(g, &w, c.i, fn);
  loop_end(g, &c, NULL);
  loop_end(g, &n, NULL);
}

void lower_dw_smlad(Cg *g, const Step *s, const StepArgs *a) {
  lower_strip(g, s, a, tile_smlad);
}

void lower_dw_scalar(Cg *g, const Step *s, const StepArgs *a) {
  lower_strip(g, s, a, tile_scalar);
}
