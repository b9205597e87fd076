/* dw_f32_rows: depthwise in place, a tile of rows x pixels of one vector of
 * channels.
 *
 *   for image, y by rows:
 *     row[i] = source[y * stride - pad + i], a row of zeros outside
 *     for x by pixels, vector of channels v:
 *       acc[r][p] = bias[v]
 *       for i: x[..] = row[i][the columns under the tile][v]
 *         for r, ky with i under them: for kx, p:
 *           acc[r][p] = fma(x[p * stride + kx], w[ky][kx][v], acc[r][p])
 *       for r, p: store(act(acc[r][p]))
 *
 * Tiles at the ends of a row are spelled out, with zeros for columns outside.
 * Where a few channels of neighbouring pixels fill a vector, it stands for
 * several pixels. */
#include "codegen/kernels/band.h"
#include "codegen/kernels/real_tile.h"
#include "codegen/lower.h"
#include "codegen/real.h"
#include "plan/kernels/conv_f32.h"

enum { MOST_ROWS = 32, MOST_COLUMNS = 64 };

typedef struct Rows {
  const ConvParams *c;
  int rows; /* of outputs at a time */
  Ty vec;
  int64_t vector; /* pixels of one */
  int64_t tap;    /* bytes of a tap's weights */
  Val zeros;      /* a row of them, NULL where no row is outside */
  Val w, bias;
  Val row[MOST_ROWS]; /* of the input */
  Val out;            /* of the first row */
} Rows;

/* A tile: its first pixel, and where that is known. */
typedef struct Spot {
  Val x;
  bool is_known;
  int64_t at;
  Val channel; /* the first of its vector */
} Spot;

/* Elements that a vector `column` pixels right of the tile's first output has
 * to the left of the row, and those that it has in it. */
static int64_t elements_before(const Rows *r, int64_t pixel) {
  return pixel < 0 ? -pixel * r->c->pixel : 0;
}

static int64_t elements_inside(const Rows *r, int64_t pixel) {
  const ConvParams *c = r->c;
  int64_t end = pixel + r->vector;
  end = end < c->g.iw ? end : c->g.iw;
  int64_t n = (end - (pixel < 0 ? 0 : pixel)) * c->pixel;
  return n < 0 ? 0 : n;
}

/* Lanes `before` .. `before + n - 1` from p on, the others 0. */
static Val load_some(Cg *g, const Rows *r, Val p, int64_t before, int64_t n) {
  int lanes = r->c->lanes, mask[64];
  Val v = LLVMConstNull(r->vec);
  for (int part = lanes, at = 0; part; part /= 2) {
    if (n - at < part)
      continue;
    Val some = ll_load(g, ll_vec(g->f32, part > 1 ? part : 0),
                       ll_gepc(g, p, 4L * at), 4);
    if (part == 1) {
      v = ll_insert(g, v, some, (int)before + at);
    } else {
      for (int i = 0; i < lanes; i++)
        mask[i] = i < part ? i : 0;
      some = ll_shuffle(g, some, some, mask, lanes);
      for (int i = 0; i < lanes; i++) {
        int from = i - (int)before - at;
        mask[i] = from >= 0 && from < part ? lanes + from : i;
      }
      v = ll_shuffle(g, v, some, mask, lanes);
    }
    at += part;
  }
  return v;
}

/* The vector at p, which is that of channel 0. */
static Val at_channel(Cg *g, const Rows *r, Val p, const Spot *s) {
  return ll_load(g, r->vec, ll_gep(g, p, ll_mulc(g, s->channel, 4)), 4);
}

/* The vector of input row i at `column`, counted from the first one that the
 * window of the tile's first output has. */
static Val load_column(Cg *g, const Rows *r, const Spot *s, int i,
                       int64_t column) {
  const ConvParams *c = r->c;
  int64_t pixel = s->at * c->g.sw + column - c->g.pl;
  int64_t lanes = r->vector > 1 ? c->lanes : r->vector * c->pixel;
  int64_t inside = s->is_known ? elements_inside(r, pixel) : lanes;
  if (!inside)
    return LLVMConstNull(r->vec);
  if (inside < lanes) {
    int64_t before = elements_before(r, pixel);
    pixel = pixel < 0 ? 0 : pixel;
    return load_some(g, r, ll_gepc(g, r->row[i], pixel * c->pixel * 4), before,
                     inside);
  }
  Val p = ll_gep(g, r->row[i], ll_mulc(g, s->x, c->g.sw * c->pixel * 4));
  p = ll_gepc(g, p, (column - c->g.pl) * c->pixel * 4);
  return at_channel(g, r, p, s);
}

/* What the taps of window row ky, over input row i, give output row r. */
static void tap_row(Cg *g, const Rows *r, const Spot *s, int i, int64_t ky,
                    Val column[MOST_COLUMNS], Val *acc) {
  const ConvParams *c = r->c;
  for (int64_t kx = 0; kx < c->g.kw; kx++) {
    Val w = ll_gepc(g, r->w, (ky * c->g.kw + kx) * r->tap);
    w = at_channel(g, r, w, s);
    for (int p = 0; p < c->pixels; p++) {
      int64_t at = p * r->vector * c->g.sw + kx * c->g.dw;
      if (!column[at])
        column[at] = load_column(g, r, s, i, at);
      acc[p] = real_fma(g, column[at], w, acc[p]);
    }
  }
}

/* Rows of the input under a tile. */
static int64_t rows_under(const Rows *r) {
  const ConvGeom *g = &r->c->g;
  return (r->rows - 1) * g->sh + (g->kh - 1) * g->dh + 1;
}

static void one_vector(Cg *g, const Rows *r, const Spot *s) {
  const ConvParams *c = r->c;
  Val acc[2 * REAL_TILE_MAX];
  Val bias = at_channel(g, r, r->bias, s);
  for (int k = 0; k < r->rows * c->pixels; k++)
    acc[k] = bias;
  for (int i = 0; i < rows_under(r); i++) {
    Val column[MOST_COLUMNS] = {NULL};
    for (int y = 0; y < r->rows; y++) {
      int64_t below = i - y * c->g.sh;
      if (below >= 0 && below % c->g.dh == 0 && below / c->g.dh < c->g.kh)
        tap_row(g, r, s, i, below / c->g.dh, column, acc + y * c->pixels);
    }
  }
  RealTile t = {.pixels = c->pixels,
                .vectors = 1,
                .lanes = c->lanes,
                .elem = g->f32,
                .bytes = 4};
  int64_t pixel = c->g.oc * c->out_bytes;
  Val out = ll_gep(g, r->out, ll_mulc(g, s->x, pixel));
  out = ll_gep(g, out, ll_mulc(g, s->channel, c->out_bytes));
  for (int y = 0; y < r->rows; y++)
    real_tile_store(g, &t, c->act, ll_gepc(g, out, y * c->g.ow * pixel),
                    r->vector * pixel, c->lanes, acc + y * c->pixels);
}

static void one_tile(Cg *g, const Rows *r, Spot s) {
  const ConvParams *c = r->c;
  int64_t channels = c->g.oc > c->lanes ? c->g.oc : c->lanes;
  Tiles b = tiles_begin(g, channels, c->lanes);
  s.channel = b.at;
  one_vector(g, r, &s);
  tiles_end(g, &b);
}

/* Are all columns of the tile at x inside? */
static bool is_plain(const Rows *r, int64_t x, int64_t size) {
  const ConvGeom *g = &r->c->g;
  int64_t first = x * g->sw - g->pl;
  int64_t last = first + (size - 1) * g->sw + (g->kw - 1) * g->dw;
  return first >= 0 && last < g->iw && x + size <= g->ow;
}

static void known_tile(Cg *g, const Rows *r, int64_t x, int64_t size) {
  if (x + size > r->c->g.ow)
    x = r->c->g.ow - size;
  one_tile(g, r, (Spot){.x = ll_idx(g, x), .is_known = true, .at = x});
}

/* Rows of outputs, from end to end. */
static void all_tiles(Cg *g, const Rows *r) {
  int64_t size = r->c->pixels * r->vector, x = 0, end, ow = r->c->g.ow;
  for (; x < ow && !is_plain(r, x, size); x += size)
    known_tile(g, r, x, size);
  for (end = x; end < ow && is_plain(r, end, size);)
    end += size;
  if (x < end) {
    Loop l = loop_begin(g, x, end, size);
    one_tile(g, r, (Spot){.x = l.i});
    loop_end(g, &l, NULL);
  }
  for (x = end; x < ow; x += size)
    known_tile(g, r, x, size);
}

/* Row i under output row y. */
static Val input_row(Cg *g, const Rows *r, Val src, Val y, int i) {
  const ConvParams *c = r->c;
  Val row = ll_addc(g, ll_mulc(g, y, c->g.sh), i - c->g.pt);
  return conv_row(g, c, src, row, c->pitch * 4, r->zeros);
}

/* Rows lo .. hi - 1 of a band, `rows` at a time. */
static void some_rows(Cg *g, const Rows *all, const Band *b, int64_t lo,
                      int64_t hi, int rows) {
  Rows r = *all;
  r.rows = rows;
  if (lo >= hi)
    return;
  Loop y = loop_begin_part(g, SPLIT_rows, lo, hi, rows, r.c->rows);
  Val first = ll_add(g, b->y, y.i);
  for (int i = 0; i < rows_under(&r); i++)
    r.row[i] = input_row(g, &r, b->im.src, first, i);
  r.out = conv_output(g, r.c, b->im.out, y.i, ll_idx(g, 0));
  all_tiles(g, &r);
  loop_end(g, &y, NULL);
}

Val dw_f32_rows_zeros(Cg *g, const ConvParams *c, Val scratch) {
  int64_t bytes = dw_f32_rows_scratch(c), step = c->lanes * 4;
  int64_t whole = bytes / step * step;
  if (!bytes)
    return NULL;
  if (whole) {
    Loop l = loop_begin(g, 0, whole, step);
    ll_store(g, LLVMConstNull(ll_vec(g->f32, c->lanes)),
             ll_gep(g, scratch, l.i), 4);
    loop_end(g, &l, NULL);
  }
  for (int64_t at = whole; at < bytes; at += 4)
    ll_store(g, ll_f32(g, 0), ll_gepc(g, scratch, at), 4);
  return scratch;
}

static void band_rows(Cg *g, const Rows *r, const Band *b) {
  int64_t whole = b->rows / r->c->rows * r->c->rows;
  some_rows(g, r, b, 0, whole, r->c->rows);
  some_rows(g, r, b, whole, b->rows, 1);
}

/* Weights and biases that are not known yet are at `w`, `bias`. */
static Rows rows_of(Cg *g, const ConvParams *c, Val zeros, Val w, Val bias) {
  Rows r = {.c = c, .vec = ll_vec(g->f32, c->lanes), .zeros = zeros};
  r.vector = dw_f32_vector_pixels(c);
  r.tap = 4 * (c->lanes > c->g.oc ? c->lanes : c->g.oc);
  r.w = c->w ? ll_blob(g, c->w) : w;
  r.bias = c->bias ? ll_blob(g, c->bias) : bias;
  return r;
}

void dw_f32_rows_band(Cg *g, const ConvParams *c, Val zeros, const Band *b) {
  Rows r = rows_of(g, c, zeros, NULL, NULL);
  band_rows(g, &r, b);
}

void lower_dw_f32_rows(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Val zeros = dw_f32_rows_zeros(g, c, a->scratch);
  Rows r = rows_of(g, c, zeros, a->in[1], a->in[2]);
  ConvImage im = conv_image_begin(g, c, a);
  Band all = {.im = im, .y = ll_idx(g, 0), .rows = c->g.oh};
  band_rows(g, &r, &all);
  conv_image_end(g, &im);
}
