/* The strip of dw_smlad and dw_scalar: its size, and whether the output may
 * overwrite the input. See plan/depthwise.h.
 *
 * Output and input have the same channels, and the one that is being computed
 * is only overwritten by itself, pixel by pixel, when both start at the same
 * place (a later image's output lies lower by whole pixels). So it is enough
 * to compare pixels of one channel: after every band, or block, what has been
 * written has to end before what is still to be read begins. With whole rows
 * of output up to row y and of input up to row r done, this is
 *
 *   (y + 1) ow <= (r + 1) iw
 *
 * which holds where rows do not grow, as a window's last row is read before
 * its output is written. Blocks read rows again; then the first row that the
 * next window has in common with this one counts, so it takes a stride. */
#include "plan/kernels/dw.h"

#include "plan/kernels/conv.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- size ---- */

int64_t dw_band_step(const DwParams *d) {
  return d->turns * d->tile_rows * d->row.stride;
}

int64_t dw_strip_pitch(const DwParams *d) {
  return d->strip_cols * d->pair *
         (d->pair == 2 ? (int64_t)sizeof(int16_t) : 1);
}

int64_t dw_strip_bytes(const DwParams *d) {
  return ceil_div(d->strip_rows, d->pair) * dw_strip_pitch(d);
}

static int64_t covered(const DwAxis *a, int64_t out) {
  return (out - 1) * a->stride + a->extent;
}

static void set_strip(DwParams *d, int64_t turns, int64_t block) {
  int64_t all = ceil_div(d->row.out, d->tile_rows);
  d->turns = turns;
  d->bands = all / turns;
  d->block = block;
  d->strip_rows = covered(&d->row, turns * d->tile_rows);
  d->strip_cols = covered(&d->col, block);
  bool carries = d->bands > 1 && block == d->col.out;
  d->carried = carries ? max64(d->row.extent - d->row.stride, 0) : 0;
}

/* ---- in place ---- */

/* Offset of the last pixel of the first `cols` columns in row `row`. */
static int64_t last_written(const DwParams *d, int64_t row, int64_t cols) {
  int64_t there = min64(row, d->row.out - 1);
  return there * d->row.out_step + (cols - 1) * d->col.out_step;
}

/* Offset of the first pixel that windows from output (row, col) on take;
 * INT64_MAX: there is none. `next`: the first input row of windows below. */
static int64_t first_unread(const DwParams *d, int64_t row, int64_t col,
                            int64_t next) {
  const DwAxis *r = &d->row, *c = &d->col;
  int64_t first = next < r->in ? max64(next, 0) * r->in_step : INT64_MAX;
  if (col < c->out)
    first = min64(first, max64(row * r->stride - r->pad, 0) * r->in_step +
                             max64(col * c->stride - c->pad, 0) * c->in_step);
  return first;
}

static bool bands_in_place(const DwParams *d) {
  for (int64_t b = 0; b < d->bands; b++) {
    int64_t done = min64((b + 1) * d->turns * d->tile_rows, d->row.out);
    int64_t unread = b * dw_band_step(d) + d->strip_rows - d->row.pad;
    if (last_written(d, done - 1, d->col.out) >=
        first_unread(d, done, d->col.out, unread))
      return false;
  }
  return true;
}

static bool blocks_in_place(const DwParams *d) {
  for (int64_t t = 0; t < d->bands; t++) {
    int64_t row = t * d->tile_rows;
    int64_t next = row * d->row.stride + dw_band_step(d) - d->row.pad;
    if (t + 1 == d->bands)
      next = d->row.in;
    for (int64_t x = d->block; x <= d->col.out; x += d->block) {
      int64_t unread = first_unread(d, row, x, next);
      if (last_written(d, row + d->tile_rows - 1, x) >= unread ||
          (t && last_written(d, row - 1, d->col.out) >= unread))
        return false;
    }
  }
  return true;
}

static bool can_overwrite(const DwParams *d) {
  const DwAxis *r = &d->row, *c = &d->col;
  if (d->c.g.mult > 1 || (d->c.g.n > 1 && r->out * c->out > r->in * c->in))
    return false;
  return d->block == c->out ? bands_in_place(d) : blocks_in_place(d);
}

/* ---- choice ---- */

/* Bytes that all tensors in the arena fit at least. */
static int64_t largest_tensor(const Plan *p) {
  int64_t most = 0;
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    if (b->place == PLACE_arena)
      most = max64(most, b->bytes);
  }
  return most;
}

static int64_t arena_part(const Buffer *b) {
  return b->place == PLACE_arena ? b->bytes : 0;
}

/* What a strip may take: what is free beside the step's own tensors anyway,
 * and a little more, for speed up to a fifth of the arena. */
static int64_t strip_limit(const Plan *p, const Step *s) {
  enum { SPARE = 128 };
  int64_t arena = largest_tensor(p);
  int64_t own = max64(arena_part(s->in[0]), arena_part(s->out[0]));
  return arena - own + (p->opt.for_size ? SPARE : max64(SPARE, arena / 5));
}

void dw_choose_strip(const Plan *p, const Step *s, DwParams *d) {
  int64_t limit = strip_limit(p, s), all = ceil_div(d->row.out, d->tile_rows);
  for (int64_t turns = all; turns >= 1; turns--) {
    if (all % turns)
      continue;
    set_strip(d, turns, d->col.out);
    d->in_place = can_overwrite(d);
    if (dw_strip_bytes(d) <= limit)
      return;
  }
  DwParams blocks = *d;
  for (int64_t n = d->col.out - 1; n >= 1; n--) {
    if (d->col.out % n)
      continue;
    set_strip(&blocks, 1, n);
    if (dw_strip_bytes(&blocks) <= limit && can_overwrite(&blocks)) {
      *d = blocks;
      d->tile_cols = (int)min64(d->tile_cols, n);
      d->in_place = true;
      return;
    }
  }
}
