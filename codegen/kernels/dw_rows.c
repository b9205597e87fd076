/* dw_rows: 3x3 depthwise from rows interleaved once, in place.
 *
 *   for image, block of channels, y by 2 (or 1 where rows are strided):
 *     row[4] = source[y - pad ..], rows of zero points outside
 *     for x:
 *       i[2] = interleave(row[0 .. 3][x + 2 - pad])
 *       acc[row] = bias
 *       for column, row: acc[row] += dot(i[column], w[row][column])
 *       store(requant(acc[0])), store(requant(acc[1]))
 *       i[0] = i[1], i[1] = i[2]
 *
 * Interleaving four rows makes a dword a channel's column of four bytes. With
 * the weights (w0 w1 w2 0) it gives output row y, with (0 w0 w1 w2) row y + 1.
 * Where registers hold no more than the columns of two outputs, x goes by 2 and
 * each vector of weights is loaded for both. Three rows (one of outputs) are
 * interleaved by even and by odd channels. Few channels: a vector is several
 * pixels, x is a vector, and the columns beside it are shifts of it and its
 * neighbours; where every second pixel counts, even and odd ones are parted
 * first. NEON, whose vectors are short, takes eight channels, the last of which
 * may be of the block before, too. What comes in at a time, a pixel or such a
 * vector or a pair of them, is a unit of the row. */
#include "codegen/kernels/band.h"
#include "codegen/kernels/interleave.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"
#include "plan/kernels/dw.h"

enum { MOST_PARTS = 4, TAPS = 3, MOST_UNROLL = 6, MOST_AT_ONCE = 2 };

/* Four bytes of four rows in c->join registers: of four, j has the channels
 * 4j .. 4j + 3 of every 16, or those of conv_parted_channel. */
typedef struct Column {
  Val part[MOST_PARTS];
} Column;

/* One block of channels. */
typedef struct Rows {
  const ConvParams *c;
  int lanes;    /* bytes of a vector */
  int rows;     /* of output at a time */
  int at_once;  /* outputs of a row, which share the weights that are loaded */
  int many;     /* of them, those that exist */
  int64_t live; /* channels that exist; pixels * oc of several pixels */
  Val w, entry; /* weights; first entry of the tables */
  Val channel;  /* the first of the block */
  Val row[4];   /* of input, at the block */
  Val out;      /* of the first row, at the block */
  Val zeros;    /* a row of zero points, NULL where no row is outside */
} Rows;

/* ---- columns ---- */

/* A vector of zero points, as stored. */
static Val zero_bytes(Cg *g, const Rows *r) {
  const Stage *st = &r->c->stage;
  return ll_const_splat(g, g->i8, st->fill ^ st->xor, r->lanes);
}

/* The rows' vectors `at` bytes on, of which n bytes exist. The fourth row of
 * one output row, whose weights are zero, is the third. */
static void load_rows(Cg *g, const Rows *r, Val at, int64_t n, Val t[4]) {
  Ty ty = ll_vec(g->i8, r->lanes);
  int flip = r->c->stage.xor ;
  for (int i = 0; i < 4; i++) {
    if (i == 3 && r->rows == 1) {
      t[3] = t[2];
      return;
    }
    t[i] = zero_bytes(g, r);
    Val p = ll_gep(g, r->row[i], at);
    if (n > 0)
      t[i] = n < r->lanes ? ll_load_masked(g, ty, p, n, t[i])
                          : ll_load(g, ty, p, 1);
    if (flip)
      t[i] = LLVMBuildXor(g->b, t[i], ll_const_splat(g, g->i8, flip, r->lanes),
                          "");
  }
}

/* Of three rows, even channels and odd ones: a word of the third row has its
 * channel in one byte, and the weights of the other are zero. */
static Column interleave_parted(Cg *g, const Val t[4]) {
  Column col;
  int n = ll_lanes(t[0]);
  Ty halves = ll_vec(g->i16, n / 2), words = ll_vec(g->i32, n / 4);
  Val pairs[] = {x86_merge_odd(g, t[0], t[1]), x86_merge_even(g, t[1], t[0])};
  Val third = ll_bitcast(g, t[2], halves);
  for (int j = 0; j < MOST_PARTS; j++) {
    Val pair = ll_bitcast(g, pairs[j / 2], halves);
    col.part[j] = ll_bitcast(g, x86_unpack(g, pair, third, j % 2), words);
  }
  return col;
}

static Column interleave(Cg *g, const Val t[4]) {
  Column col;
  interleave_rows(g, t, col.part);
  return col;
}

/* Of the pixels of two neighbouring vectors the even ones, or the odd. */
static Val every_second(Cg *g, const Rows *r, Val a, Val b, int odd) {
  int mask[64], pixel = (int)r->c->pixel;
  for (int i = 0; i < r->lanes; i++)
    mask[i] = (2 * (i / pixel) + odd) * pixel + i % pixel;
  return ll_shuffle(g, a, b, mask, r->lanes);
}

/* The columns of even and of odd pixels of two vectors, n bytes of them. */
static void load_pair(Cg *g, const Rows *r, Val at, int64_t n, Column pair[2]) {
  Val low[4], high[4], t[4];
  load_rows(g, r, at, n, low);
  load_rows(g, r, ll_addc(g, at, r->lanes), n - r->lanes, high);
  for (int odd = 0; odd < 2; odd++) {
    for (int i = 0; i < 4; i++)
      t[i] = every_second(g, r, low[i], high[i], odd);
    pair[odd] = interleave(g, t);
  }
}

static bool is_pairs(const ConvParams *c) {
  return c->pixels > 1 && c->g.sw == 2;
}

/* Bytes from unit to unit. */
static int64_t unit_bytes(const ConvParams *c) {
  return c->pixels * c->pixel * (is_pairs(c) ? 2 : 1);
}

/* Bytes that exist of unit u, wherever that is. */
static int64_t unit_live(const Rows *r, int64_t u) {
  const ConvParams *c = r->c;
  int64_t left = c->pitch - u * unit_bytes(c), all = unit_bytes(c);
  if (u < 0 || left <= 0)
    return 0;
  return c->pixels == 1 ? r->live : left < all ? left : all;
}

/* The column of unit u, or its two columns; where u is no constant, it is
 * one that exists as a whole. */
static void load_unit(Cg *g, const Rows *r, Val u, Column *col) {
  const ConvParams *c = r->c;
  int64_t n = c->pixels == 1 ? r->live : unit_bytes(c);
  if (LLVMIsAConstantInt(u))
    n = unit_live(r, LLVMConstIntGetSExtValue(u));
  Val at = ll_mulc(g, u, unit_bytes(c)), t[4];
  if (is_pairs(c)) {
    load_pair(g, r, at, n, col);
    return;
  }
  load_rows(g, r, at, n, t);
  bool known = LLVMIsConstant(t[0]); /* one zero point, in any order */
  *col = c->parted && !known ? interleave_parted(g, t) : interleave(g, t);
}

/* Lanes n .. of a, then those of b. */
static Val shift_lanes(Cg *g, Val a, Val b, int n) {
  int lanes = ll_lanes(a), mask[64];
  if (n == 0 || n == lanes)
    return n ? b : a;
  for (int i = 0; i < lanes; i++)
    mask[i] = n + i;
  return ll_shuffle(g, a, b, mask, lanes);
}

/* The column n bytes behind a, of a and its neighbour b. */
static Column between(Cg *g, const Column *a, const Column *b, int64_t n) {
  Column col;
  for (int j = 0; j < MOST_PARTS; j++) {
    int from = j + (int)(n / 4);
    col.part[j] =
        shift_lanes(g, a->part[from % 4], b->part[from % 4], from / 4 * 4);
  }
  return col;
}

/* Columns that the next output has too. */
static int carried(const ConvParams *c) {
  return c->pixels > 1 ? 2 : TAPS - (int)c->g.sw;
}

/* The first unit that output x is the first to need. */
static int64_t new_unit(const ConvParams *c, int64_t x) {
  if (c->pixels > 1)
    return x + 1;
  return x * c->g.sw - c->g.pl + carried(c);
}

/* The columns of output x, whose new units are from u on; `have` moves. */
static void next_columns(Cg *g, const Rows *r, Val u, Column *have,
                         Column col[TAPS]) {
  const ConvParams *c = r->c;
  int kept = carried(c);
  Column all[TAPS + 1];
  for (int k = 0; k < kept; k++)
    all[k] = have[k];
  for (int k = kept; k < TAPS; k++)
    load_unit(g, r, ll_addc(g, u, k - kept), &all[k]);
  for (int k = 0; k < TAPS; k++)
    col[k] = all[k];
  if (is_pairs(c)) { /* even, odd, the next even and odd */
    col[2] = between(g, &all[0], &all[2], c->pixel);
    have[0] = all[2];
    have[1] = all[3];
    return;
  }
  if (c->pixels > 1) {
    col[0] = between(g, &all[0], &all[1], r->lanes - c->pixel);
    col[2] = between(g, &all[1], &all[2], c->pixel);
  }
  for (int k = 0; k < kept; k++)
    have[k] = all[TAPS - kept + k];
}

/* ---- outputs ---- */

/* acc += dot(x, w) of four bytes in each lane. */
static Val mac_bytes(Cg *g, Val acc, Val x, Val w) {
  if (g->target->arch == ARCH_aarch64)
    return neon_sdot(g, acc, x, w);
  return x86_vpdpbusd(g, acc, x, w);
}

/* Bytes of a register's accumulators. */
static int64_t part_bytes(const Rows *r) { return r->lanes * 4 / r->c->join; }

/* Part j of the sums of r->many outputs, whose columns are col, in one row:
 * their weights from w on. */
static void sum_part(Cg *g, const Rows *r, Column (*col)[TAPS], Val w, int j,
                     Val acc[][MOST_PARTS]) {
  Ty t = LLVMTypeOf(acc[0][j]);
  for (int k = 0; k < TAPS; k++) {
    int64_t at = (int64_t)k * r->lanes * 4 + j * part_bytes(r);
    Val weights = ll_load(g, t, ll_gepc(g, w, at), 16);
    for (int v = 0; v < r->many; v++)
      if (!LLVMIsNull(col[v][k].part[j]))
        acc[v][j] = mac_bytes(g, acc[v][j], col[v][k].part[j], weights);
  }
}

/* Row `row` of r->many outputs, the first at `to`, n bytes of each, with
 * weights and entries of tables from there on; a sum of them. */
static Val store_row(Cg *g, const Rows *r, Column (*col)[TAPS], int row, Val w,
                     Val entry, Val to, int64_t n) {
  const ConvParams *c = r->c;
  Val acc[MOST_AT_ONCE][MOST_PARTS];
  Ty t = ll_vec(g->i32, (int)part_bytes(r) / 4);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, entry, 4));
  for (int j = 0; j < c->join; j++) {
    Val start = ll_load(g, t, ll_gepc(g, bias, j * part_bytes(r)), 16);
    for (int v = 0; v < r->many; v++)
      acc[v][j] = start;
    sum_part(g, r, col, w, j, acc);
  }
  Val sum = acc[0][0];
  for (int v = 0; v < r->many; v++)
    conv_store_joined(g, c, acc[v], entry,
                      ll_gepc(g, to, (row * c->g.ow + v * c->pixels) * c->g.oc),
                      n);
  return sum;
}

/* All rows of r->many outputs. Where registers cannot hold all weights, those
 * of a row are loaded behind the row before: else LLVM loads and spills
 * them. */
static void store_outputs(Cg *g, const Rows *r, Column (*col)[TAPS], Val to,
                          int64_t n) {
  Val behind = col[r->many - 1][TAPS - 1].part[0], w = r->w, entry = r->entry;
  for (int row = 0; row < r->rows; row++) {
    if (r->at_once > 1) {
      w = ll_after(g, w, &behind, 1);
      entry = ll_after(g, entry, &behind, 1);
    }
    Val at = ll_gepc(g, w, (int64_t)row * TAPS * r->lanes * 4);
    behind = store_row(g, r, col, row, at, entry, to, n);
  }
}

/* `many` output vectors from x on, those that exist. */
static void some_vectors(Cg *g, const Rows *all, Val x, int many,
                         Column *have) {
  const ConvParams *c = all->c;
  Rows r = *all;
  r.many = many;
  Column col[MOST_AT_ONCE][TAPS];
  int64_t step = c->pixels * c->g.oc, n = r.live;
  if (LLVMIsAConstantInt(x) && c->pixels > 1) {
    int64_t left = c->g.ow * c->g.oc - LLVMConstIntGetSExtValue(x) * step;
    n = left < n ? left : n;
  }
  for (int v = 0; v < many; v++) {
    Val u = ll_mulc(g, ll_addc(g, x, v), c->pixels > 1 ? 1 : c->g.sw);
    next_columns(g, &r, ll_addc(g, u, new_unit(c, 0)), have, col[v]);
  }
  store_outputs(g, &r, col, ll_gep(g, r.out, ll_mulc(g, x, step)), n);
}

/* Are all units that output x is the first to need there as a whole? */
static bool is_plain(const Rows *r, int64_t x) {
  const ConvParams *c = r->c;
  int64_t first = new_unit(c, x), last = first;
  if (c->pixels == 1)
    last = x * c->g.sw - c->g.pl + TAPS - 1;
  return first >= 0 && (last + 1) * unit_bytes(c) <= c->pitch &&
         (x + 1) * c->pixels <= c->g.ow;
}

static int flatten(const Column *have, int n, int parts, Val *flat) {
  for (int i = 0; i < n * parts; i++)
    flat[i] = have[i / parts].part[i % parts];
  return n * parts;
}

static void unflatten(const Val *flat, int n, int parts, Column *have) {
  for (int i = 0; i < n * parts; i++)
    have[i / parts].part[i % parts] = flat[i];
}

/* Outputs at once, with weights that are loaded for them: where the registers
 * hold the columns of two, but not all weights beside those of one. */
static int outputs_at_once(const Cg *g, const Rows *r) {
  const ConvParams *c = r->c;
  int most = g->target->nvregs - 3 * MOST_PARTS;
  int weights = r->rows * TAPS * c->join, column = c->join;
  bool holds = weights + TAPS * column <= most;
  bool fits = (TAPS + (int)c->g.sw) * column <= most;
  return !g->for_size && c->pixels == 1 && !holds && fits ? MOST_AT_ONCE : 1;
}

/* Turns of a loop in one, of n that there are. */
static int unrolled(const Cg *g, const Rows *r, int64_t n) {
  int most = MOST_UNROLL / r->at_once;
  if (g->for_size || n < 1)
    return 1;
  if (n <= most)
    return (int)n;
  int unroll = (int)largest_divisor(n, most);
  return unroll * r->at_once < TAPS ? 4 / r->at_once : unroll;
}

/* Outputs from x on, as many as a whole number of turns takes of n; how many
 * those are. Unrolled, so that the carried columns change their places and
 * not their registers. */
static int64_t plain_vectors(Cg *g, const Rows *r, int64_t x, int64_t n,
                             Column *have) {
  int step = unrolled(g, r, n / r->at_once) * r->at_once;
  int64_t many = n / step * step;
  if (!many)
    return 0;
  Val state[TAPS * MOST_PARTS];
  int kept = carried(r->c), parts = r->c->join;
  int flat = flatten(have, kept, parts, state);
  Loop l = loop_begin_carry(g, x, x + many, step, flat, state);
  unflatten(l.carry, kept, parts, have);
  for (int u = 0; u < step; u += r->at_once)
    some_vectors(g, r, ll_addc(g, l.i, u), r->at_once, have);
  flatten(have, kept, parts, state);
  loop_end(g, &l, state);
  unflatten(l.carry, kept, parts, have);
  return many;
}

/* Outputs x to `end`, spelled out; the first behind them. */
static int64_t spelled_vectors(Cg *g, const Rows *r, int64_t x, int64_t end,
                               Column *have) {
  while (x < end) {
    int many = end - x < r->at_once ? (int)(end - x) : r->at_once;
    some_vectors(g, r, ll_idx(g, x), many, have);
    x += many;
  }
  return x;
}

/* A row of outputs, or a pair: those at its ends are spelled out. */
static void row_vectors(Cg *g, const Rows *r) {
  const ConvParams *c = r->c;
  int64_t total = (c->g.ow + c->pixels - 1) / c->pixels, first = 0, end;
  int kept = carried(c);
  Column have[TAPS];
  if (is_pairs(c))
    load_unit(g, r, ll_idx(g, 0), have);
  else
    for (int k = 0; k < kept; k++)
      load_unit(g, r, ll_idx(g, new_unit(c, 0) - kept + k), &have[k]);
  while (first < total && !is_plain(r, first))
    first = first + r->at_once < total ? first + r->at_once : total;
  spelled_vectors(g, r, 0, first, have);
  for (end = first; end < total && is_plain(r, end);)
    end++;
  first += plain_vectors(g, r, first, end - first, have);
  spelled_vectors(g, r, first, total, have);
}

/* ---- rows ---- */

/* Row `i` of the window of output row y. */
static Val input_row(Cg *g, const Rows *r, Val src, Val y, int i) {
  const ConvParams *c = r->c;
  Val row = ll_addc(g, ll_mulc(g, y, c->g.sh), i - c->g.pt);
  return ll_gep(g, conv_row(g, c, src, row, c->pitch, r->zeros), r->channel);
}

/* `rows` rows of outputs from y on, to rows `at` .. of im->out. */
static void some_rows(Cg *g, const Rows *all, const ConvImage *im, Val y,
                      Val at, int rows) {
  Rows r = *all;
  r.rows = rows;
  r.at_once = outputs_at_once(g, &r);
  for (int i = 0; i < rows + TAPS - 1; i++)
    r.row[i] = input_row(g, &r, im->src, y, i);
  r.out = ll_gep(g, conv_output(g, r.c, im->out, at, ll_idx(g, 0)), r.channel);
  row_vectors(g, &r);
}

/* Has a part an odd number of rows, or the whole? */
static bool splits_oddly(const Split *s) {
  return s->units % (2 * s->parts) != 0;
}

/* Rows first .. last - 1 of a step that is split by them, and what a pair
 * leaves of them by itself. */
static void part_of_rows(Cg *g, const Rows *r, const Band *b) {
  Val first = g->args->first, n = ll_sub(g, g->args->last, first);
  int rows = dw_rows_at_once(r->c);
  Val turns = rows > 1 ? ll_lshrc(g, n, 1) : n;
  Loop l = loop_begin_between(g, ll_idx(g, 0), turns, 1, 0, NULL);
  Val y = ll_add(g, first, ll_mulc(g, l.i, rows));
  some_rows(g, r, &b->im, y, y, rows);
  loop_end(g, &l, NULL);
  if (rows == 1 || !splits_oddly(&g->step->split))
    return;
  Val odd = ll_and(g, n, ll_idx(g, 1));
  Loop last = loop_begin_between(g, ll_idx(g, 0), odd, 1, 0, NULL);
  y = ll_addc(g, g->args->last, -1);
  some_rows(g, r, &b->im, y, y, 1);
  loop_end(g, &last, NULL);
}

/* All rows of a band in one block of channels, the first of which is
 * `channel`, with the tables from `first` on. */
static void block_rows(Cg *g, Rows *r, const Band *b, Val first, Val channel) {
  const ConvParams *c = r->c;
  int rows = dw_rows_at_once(c);
  int64_t left = b->rows % rows, whole = b->rows - left;
  r->w =
      ll_gep(g, ll_blob(g, c->w), ll_mulc(g, first, (int64_t)rows * TAPS * 4));
  r->entry = first;
  r->channel = channel;
  if (g->args->axis == SPLIT_rows) {
    part_of_rows(g, r, b);
    return;
  }
  if (whole) {
    Loop y = loop_begin(g, 0, whole, rows);
    some_rows(g, r, &b->im, ll_add(g, b->y, y.i), y.i, rows);
    loop_end(g, &y, NULL);
  }
  if (left)
    some_rows(g, r, &b->im, ll_addc(g, b->y, whole), ll_idx(g, whole), 1);
}

Val dw_rows_zeros(Cg *g, const ConvParams *c, Val scratch) {
  const Rows r = {.c = c, .lanes = c->lanes};
  int64_t bytes = dw_rows_scratch(c);
  if (!bytes)
    return NULL;
  Loop l = loop_begin(g, 0, bytes, r.lanes);
  ll_store(g, zero_bytes(g, &r), ll_gep(g, scratch, l.i), 1);
  loop_end(g, &l, NULL);
  return scratch;
}

void dw_rows_band(Cg *g, const ConvParams *c, Val zeros, const Band *b) {
  Rows r = {.c = c, .lanes = c->lanes, .zeros = zeros};
  int64_t whole = c->blocks * c->lanes;
  if (c->blocks) {
    r.live = r.lanes;
    Loop l = loop_begin(g, 0, whole, c->lanes);
    block_rows(g, &r, b, l.i, l.i);
    loop_end(g, &l, NULL);
  }
  r.lanes = dw_rows_tail(c);
  if (r.lanes) {
    r.live = c->in_order ? c->lanes : c->g.oc - whole;
    block_rows(g, &r, b, ll_idx(g, whole), ll_idx(g, c->g.oc - r.live));
  }
}

void lower_dw_rows(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Val zeros = dw_rows_zeros(g, c, a->scratch);
  ConvImage im = conv_image_begin(g, c, a);
  Band all = {.im = im, .y = ll_idx(g, 0), .rows = c->g.oh};
  dw_rows_band(g, c, zeros, &all);
  conv_image_end(g, &im);
}
