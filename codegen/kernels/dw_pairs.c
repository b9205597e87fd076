/* dw_pairs: depthwise on pmaddwd, from rows interleaved by twos.
 *
 *   for image, block of channels:
 *     lines of the first pass but one
 *     for pass k of output rows:
 *       line k + lines - 1 = interleave(rows 2k .., 2k + 1 .. of the input)
 *       for group of channels, x (or some of them):
 *         acc[row] = bias
 *         for line, column, row: acc[row] += pmaddwd(line[x + column], w)
 *         store(requant(acc[row]))
 *
 * With the weights (w0 w1), (w2 0) of a column two lines give output row y,
 * with (0 w0), (w1 w2) row y + 1. Few channels: a vector is several pixels. */
#include "plan/kernels/dw_pairs.h"

#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { MOST_ACCS = 8, MOST_UNROLL = 4 };

/* One block of channels. */
typedef struct Pairs {
  const PairsParams *q;
  Val ring, zeros; /* NULL: no row is outside */
  Val src, out;    /* of the image */
  Val group;       /* the block's first */
} Pairs;

/* ---- lines ---- */

static int32_t zero_pair(const ConvParams *c) {
  uint32_t z = (uint16_t)c->in_zero;
  return (int32_t)(z << 16 | z);
}

/* Columns from `from` to below `to` of every line of the ring. */
static void fill_columns(Cg *g, const Pairs *r, int64_t from, int64_t to) {
  const PairsParams *q = r->q;
  enum { DWORDS = 4 };
  if (from >= to)
    return;
  Val fill = ll_const_splat(g, g->i32, zero_pair(&q->c), DWORDS);
  for (int line = 0; line < q->lines; line++) {
    Val at = ll_gepc(g, r->ring, line * q->line_bytes + from * q->pixel * 4);
    Loop l = loop_begin(g, 0, (to - from) * q->pixel, DWORDS);
    ll_store(g, fill, ll_gep(g, at, ll_mulc(g, l.i, 4)), 4);
    loop_end(g, &l, NULL);
  }
}

static void fill_zeros(Cg *g, const Pairs *r) {
  const PairsParams *q = r->q;
  if (!q->zeros)
    return;
  int n = (int)largest_divisor(q->zeros, 16);
  Loop l = loop_begin(g, 0, q->zeros, n);
  for (int i = 0; i < n; i++)
    ll_store(g, ll_i8(g, q->c.in_zero), ll_gep(g, r->zeros, ll_addc(g, l.i, i)),
             1);
  loop_end(g, &l, NULL);
}

/* n bytes of each of two rows, at most 16, as words to `to`. */
static void interleave(Cg *g, const ConvParams *c, const Val row[2], Val at,
                       Val to, int n) {
  Ty bytes = ll_vec(g->i8, n);
  Val a = ll_load(g, bytes, ll_gep(g, row[0], at), 1);
  Val b = ll_load(g, bytes, ll_gep(g, row[1], at), 1);
  int part = n < 8 ? n : 8, mask[16];
  for (int first = 0; first < n; first += part) {
    for (int i = 0; i < 2 * part; i++)
      mask[i] = first + i / 2 + i % 2 * n;
    Val words =
        ll_extend(g, ll_shuffle(g, a, b, mask, 2 * part), c->in_type, g->i16);
    ll_store(g, words, ll_gepc(g, to, first * 4), 4);
  }
}

/* The first channel of a group. */
static Val group_channel(Cg *g, const PairsParams *q, Val group) {
  const ConvParams *c = &q->c;
  Val at = ll_mulc(g, group, c->lanes);
  if (c->pixels > 1 || c->g.oc % c->lanes == 0)
    return at;
  return ll_intrinsic(g, "llvm.umin", &g->idx, 1,
                      (Val[]){at, ll_idx(g, c->g.oc - c->lanes)}, 2);
}

/* Row i of line `line`. */
static Val input_row(Cg *g, const Pairs *r, Val line, int i) {
  const ConvParams *c = &r->q->c;
  Val y = ll_addc(g, ll_mulc(g, line, 2), i - c->g.pt);
  return conv_row(g, c, r->src, y, c->pitch, r->zeros);
}

static Val line_at(Cg *g, const Pairs *r, Val line) {
  Val slot = LLVMBuildURem(g->b, line, ll_idx(g, r->q->lines), "");
  return ll_gep(g, r->ring, ll_mulc(g, slot, r->q->line_bytes));
}

/* All bytes of the rows side by side. */
static void line_of_all(Cg *g, const PairsParams *q, const Val row[2], Val to) {
  int64_t n = q->inside * q->c.g.ic;
  int part = 16;
  while (part > n)
    part /= 2;
  Tiles t = tiles_begin(g, n, part);
  interleave(g, &q->c, row, t.at, ll_gep(g, to, ll_mulc(g, t.at, 4)), part);
  tiles_end(g, &t);
}

/* Those of the block's groups. */
static void line_of_block(Cg *g, const Pairs *r, const Val row[2], Val to) {
  const PairsParams *q = r->q;
  Loop x = loop_begin(g, 0, q->inside, 1);
  Loop i = loop_begin(g, 0, q->block, 1);
  Val channel = group_channel(g, q, ll_add(g, r->group, i.i));
  Val at = ll_add(g, ll_mulc(g, x.i, q->c.pixel), channel);
  Val dword = ll_add(g, ll_mulc(g, x.i, q->pixel), ll_mulc(g, i.i, q->c.lanes));
  interleave(g, &q->c, row, at, ll_gep(g, to, ll_mulc(g, dword, 4)),
             q->c.lanes);
  loop_end(g, &i, NULL);
  loop_end(g, &x, NULL);
}

static void make_line(Cg *g, const Pairs *r, Val line) {
  const PairsParams *q = r->q;
  Val row[2] = {input_row(g, r, line, 0), input_row(g, r, line, 1)};
  Val to = ll_gepc(g, line_at(g, r, line), q->c.g.pl * q->pixel * 4);
  if (q->c.pixels > 1)
    line_of_all(g, q, row, to);
  else
    line_of_block(g, r, row, to);
}

/* ---- outputs ---- */

/* Outputs of a pass in one group of channels. */
typedef struct Row {
  const Val *line; /* at the group's channels */
  Val w, bias, entry;
  Val out;
  int rows; /* of output */
} Row;

static int part_lanes(const ConvParams *c) { return c->lanes / c->join; }

static void mac_column(Cg *g, const PairsParams *q, const Row *t, int line,
                       int64_t column, Val at, Val w, Val *acc) {
  const ConvParams *c = &q->c;
  Ty words = ll_vec(g->i16, 2 * part_lanes(c));
  for (int j = 0; j < c->join; j++) {
    int64_t dword = j * part_lanes(c);
    Val x = ll_load(g, words, ll_gepc(g, at, dword * 4), 4);
    for (int row = 0; row < t->rows; row++) {
      if (!pairs_takes(&c->g, row, line))
        continue;
      int64_t slot = (row * q->lines + line) * c->g.kw + column;
      Val weights =
          ll_load(g, words, ll_gepc(g, w, (slot * c->lanes + dword) * 4), 16);
      Val *sum = &acc[row * c->join + j];
      *sum = ll_add(g, *sum, x86_pmaddwd(g, x, weights));
    }
  }
}

/* The sums of pixel x, or of those from it on that share a vector. */
static void pixel_sums(Cg *g, const PairsParams *q, const Row *t, Val x,
                       Val *acc) {
  const ConvParams *c = &q->c;
  Val w = ll_hide(g, t->w); /* else all weights are loaded before the loop */
  for (int i = 0; i < t->rows * c->join; i++)
    acc[i] = ll_load(
        g, ll_vec(g->i32, part_lanes(c)),
        ll_gepc(g, t->bias, (int64_t)(i % c->join) * part_lanes(c) * 4), 4);
  for (int line = 0; line < q->lines; line++)
    for (int64_t k = 0; k < c->g.kw; k++) {
      Val at = ll_gep(g, t->line[line], ll_mulc(g, x, c->g.sw * q->pixel * 4));
      mac_column(g, q, t, line, k, ll_gepc(g, at, k * c->g.dw * q->pixel * 4),
                 w, acc);
    }
}

/* `n` pixels from x on, or vectors of them, of every row. */
static void some_pixels(Cg *g, const PairsParams *q, const Row *t, Val x,
                        int n) {
  const ConvParams *c = &q->c;
  Val acc[MOST_ACCS];
  for (int i = 0; i < n; i++)
    pixel_sums(g, q, t, ll_addc(g, x, i * c->pixels),
               acc + i * t->rows * c->join);
  int64_t pitch = (t->rows > 1 ? c->g.ow : c->pixels) * c->g.oc;
  conv_store_apart(g, c, acc, n * t->rows, pitch, t->entry,
                   ll_gep(g, t->out, ll_mulc(g, x, c->g.oc)));
}

/* One row of outputs goes by twos, so that as many sums are stored at once. */
static void all_pixels(Cg *g, const PairsParams *q, const Row *t) {
  const ConvParams *c = &q->c;
  int64_t total = c->g.ow / c->pixels, at_once = t->rows > 1 ? 1 : 2;
  int64_t turns = total / at_once, done = turns * at_once;
  int64_t unroll = g->for_size ? 1 : largest_divisor(turns, MOST_UNROLL);
  if (turns) {
    Loop l = loop_begin(g, 0, turns, unroll);
    for (int64_t u = 0; u < unroll; u++)
      some_pixels(g, q, t, ll_mulc(g, ll_addc(g, l.i, u), at_once * c->pixels),
                  (int)at_once);
    loop_end(g, &l, NULL);
  }
  if (done < total)
    some_pixels(g, q, t, ll_idx(g, done * c->pixels), 1);
  if (c->g.ow % c->pixels)
    some_pixels(g, q, t, ll_idx(g, c->g.ow - c->pixels), 1);
}

/* Pass k: its last line, then `rows` rows of outputs from y on. */
static void one_pass(Cg *g, const Pairs *r, Val k, Val y, int rows) {
  const PairsParams *q = r->q;
  const ConvParams *c = &q->c;
  Val line[MOST_ACCS], at[MOST_ACCS];
  make_line(g, r, ll_addc(g, k, q->lines - 1));
  for (int j = 0; j < q->lines; j++)
    line[j] = line_at(g, r, ll_addc(g, k, j));
  Loop i = loop_begin(g, 0, q->block, 1);
  Val group = ll_add(g, r->group, i.i);
  for (int j = 0; j < q->lines; j++)
    at[j] = ll_gep(g, line[j], ll_mulc(g, i.i, c->lanes * 4));
  Row t = {.line = at, .rows = rows, .entry = ll_mulc(g, group, c->lanes)};
  t.w = ll_gep(g, ll_blob(g, c->w),
               ll_mulc(g, group, q->rows * pairs_weight_bytes(q)));
  t.bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, t.entry, 4));
  t.out = ll_gep(g, conv_output(g, c, r->out, y, ll_idx(g, 0)),
                 group_channel(g, q, group));
  all_pixels(g, q, &t);
  loop_end(g, &i, NULL);
}

/* The first pass that this function makes. */
static Val first_pass(Cg *g) {
  return g->args->axis == SPLIT_rows ? g->args->first : ll_idx(g, 0);
}

static void block_passes(Cg *g, const Pairs *r) {
  const PairsParams *q = r->q;
  int64_t whole = q->c.g.oh / q->rows, passes = pairs_passes(q);
  for (int j = 0; j + 1 < q->lines; j++)
    make_line(g, r, ll_addc(g, first_pass(g), j));
  if (whole) {
    Loop k = loop_begin_part(g, SPLIT_rows, 0, whole, 1, 1);
    one_pass(g, r, k.i, ll_mulc(g, k.i, q->rows), q->rows);
    loop_end(g, &k, NULL);
  }
  if (whole < passes) {
    Loop k = loop_begin_part(g, SPLIT_rows, whole, passes, 1, 1);
    one_pass(g, r, k.i, ll_mulc(g, k.i, q->rows), 1);
    loop_end(g, &k, NULL);
  }
}

void lower_dw_pairs(Cg *g, const Step *s, const StepArgs *a) {
  const PairsParams *q = s->params;
  const ConvParams *c = &q->c;
  Pairs r = {.q = q, .ring = a->scratch};
  if (q->zeros)
    r.zeros = ll_gepc(g, a->scratch, q->lines * q->line_bytes);
  fill_zeros(g, &r);
  fill_columns(g, &r, 0, c->g.pl);
  fill_columns(g, &r, c->g.pl + q->inside, q->columns);
  ConvImage im = conv_image_begin(g, c, a);
  r.src = im.src;
  r.out = im.out;
  Loop b = loop_begin(g, 0, q->groups, q->block);
  r.group = b.i;
  block_passes(g, &r);
  loop_end(g, &b, NULL);
  conv_image_end(g, &im);
}
