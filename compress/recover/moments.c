/* See moments.h. Rows come in batches: the sums of a batch are floats, so
 * that they are computed in vectors, and go into doubles then. */
#include "compress/recover/moments.h"

#include <string.h>

enum {
  BATCH = 32,          /* rows whose sums are floats */
  LANES = 32,          /* columns at a time */
  MOST_COLUMNS = 1536, /* of a block */
  LEAST_ROWS = 2048,
  MOST_ROWS = 8192
};

/* One group of one layer in the making. */
typedef struct Gather {
  const Layer *l;
  Moments *m;
  int64_t group;
  float *row;  /* [BATCH][k] */
  float *part; /* [BATCH][columns of the largest block, up to LANES] */
  int n;       /* rows in the batch */
} Gather;

static int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* ---- blocks ---- */

/* All taps of the channels from `first` on, `channels` of them. */
static Block block_make(Arena *a, const Layer *l, int64_t first,
                        int64_t channels) {
  int64_t taps = l->k / l->depth, n = 0;
  int64_t *column = ARENA_ARRAY(a, int64_t, taps *channels);
  for (int64_t t = 0; t < taps; t++)
    for (int64_t c = 0; c < channels; c++)
      column[n++] = t * l->depth + first + c;
  return (Block){(int)n, column, ARENA_ARRAY(a, double, n *n)};
}

static void make_blocks(Arena *a, const Layer *l, Moments *m) {
  int64_t taps = l->k / l->depth, channels = MOST_COLUMNS / taps;
  channels = channels < 1 ? 1 : channels > l->depth ? l->depth : channels;
  m->nblock = (int)((l->depth + channels - 1) / channels);
  m->block = ARENA_ARRAY(a, Block, l->groups * m->nblock);
  for (int64_t i = 0; i < l->groups * m->nblock; i++) {
    int64_t first = i % m->nblock * channels;
    int64_t n = l->depth - first < channels ? l->depth - first : channels;
    m->block[i] = block_make(a, l, first, n);
  }
}

/* ---- sums ---- */

/* to[i][j..] += the sum over a batch of part[.][i] part[.][j..], LANES of j;
 * `width` is that of a row of part. */
static void add_products(const float *part, int64_t width, int64_t i, int64_t j,
                         double *to, int64_t n) {
  float sum[LANES] = {0};
  for (int r = 0; r < BATCH; r += 4) {
    const float *p = part + r * width, *q = p + width, *s = q + width;
    const float *t = s + width;
    for (int c = 0; c < LANES; c++)
      sum[c] += (p[i] * p[j + c] + q[i] * q[j + c]) +
                (s[i] * s[j + c] + t[i] * t[j + c]);
  }
  for (int c = 0; c < LANES && j + c < n; c++)
    to[j + c] += (double)sum[c];
}

static void add_block(const Gather *g, const Block *b) {
  int64_t width = padded(b->n);
  memset(g->part, 0, (size_t)(BATCH * width) * sizeof *g->part);
  for (int r = 0; r < g->n; r++)
    for (int i = 0; i < b->n; i++)
      g->part[r * width + i] = g->row[r * g->l->k + b->column[i]];
  for (int64_t i = 0; i < b->n; i++)
    for (int64_t j = i / LANES * LANES; j < b->n; j += LANES)
      add_products(g->part, width, i, j, b->gram + i * b->n, b->n);
}

static void add_batch(Gather *g) {
  Moments *m = g->m;
  double *mean = m->mean + g->group * m->k;
  for (int r = 0; r < g->n; r++)
    for (int64_t j = 0; j < m->k; j++)
      mean[j] += (double)g->row[r * m->k + j];
  for (int i = 0; i < m->nblock; i++)
    add_block(g, &m->block[g->group * m->nblock + i]);
  g->n = 0;
}

/* The mean, and both halves of the products. */
static void finish(Moments *m) {
  double rows = (double)m->rows;
  for (int64_t i = 0; i < m->groups * m->k; i++)
    m->mean[i] /= rows;
  for (int64_t b = 0; b < m->groups * m->nblock; b++) {
    double *gram = m->block[b].gram;
    for (int64_t i = 0, n = m->block[b].n; i < n; i++)
      for (int64_t j = i; j < n; j++) {
        gram[i * n + j] /= rows;
        gram[j * n + i] = gram[i * n + j];
      }
  }
}

/* ---- rows ---- */

/* Every step-th row of all samples; odd, so that it meets all columns of an
 * image. */
static int64_t step_of(const Layer *l, int64_t samples, bool with_gram) {
  int64_t want = 8 * l->k, all = l->rows * samples;
  want = want < LEAST_ROWS ? LEAST_ROWS : want > MOST_ROWS ? MOST_ROWS : want;
  return with_gram && all > want ? all / want | 1 : 1;
}

static void take_rows(Gather *g, MomentsInput *input, void *ctx,
                      int64_t samples, int64_t step) {
  for (int64_t s = 0, row = 0; s < samples; s++, row -= g->l->rows) {
    const float *x = input(ctx, s);
    for (; row < g->l->rows; row += step) {
      layer_row(g->l, x, row, g->group, g->row + g->n * g->l->k);
      if (++g->n == BATCH)
        add_batch(g);
    }
  }
  add_batch(g);
}

Moments moments_of(Arena *a, const Layer *l, MomentsInput *input, void *ctx,
                   int64_t samples, bool with_gram) {
  Moments m = {.groups = l->groups, .k = l->k};
  int64_t step = step_of(l, samples, with_gram);
  Arena *scratch = arena_new();
  m.rows = (l->rows * samples + step - 1) / step;
  m.mean = ARENA_ARRAY(a, double, m.groups *m.k);
  if (with_gram)
    make_blocks(a, l, &m);
  int64_t width = padded(l->k < MOST_COLUMNS ? l->k : MOST_COLUMNS + LANES);
  Gather g = {.l = l, .m = &m};
  g.row = ARENA_ARRAY(scratch, float, BATCH * l->k);
  g.part = ARENA_ARRAY(scratch, float, BATCH *width);
  for (g.group = 0; g.group < l->groups; g.group++)
    take_rows(&g, input, ctx, samples, step);
  finish(&m);
  arena_free(scratch);
  return m;
}

void moments_center(Moments *m) {
  for (int64_t b = 0; b < m->groups * m->nblock; b++) {
    const Block *block = &m->block[b];
    const double *mean = m->mean + b / m->nblock * m->k;
    for (int64_t i = 0, n = block->n; i < n; i++)
      for (int64_t j = 0; j < n; j++)
        block->gram[i * n + j] -=
            mean[block->column[i]] * mean[block->column[j]];
  }
}
