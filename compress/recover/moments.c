/* See moments.h. Rows come in batches: the sums of a batch are floats, so
 * that they are computed in vectors, and go into doubles then. */
#include "compress/recover/moments.h"

#include <string.h>

enum {
  BATCH = 32,          /* rows whose sums are floats */
  LANES = 32,          /* columns at a time */
  MOST_COLUMNS = 1536, /* of a block */
  LEAST_ROWS = 2048,   /* for products */
  MOST_ROWS = 8192,
  MEAN_ROWS = 16384 /* for means alone */
};

/* One group of one layer in the making. */
typedef struct Gather {
  const Layer *l;
  Moments *m;
  int64_t group;
  MomentsInput *input;
  void *ctx, *model;
  int64_t samples, step;
  float *row;   /* [BATCH][k] */
  float *drift; /* [BATCH][k], of d */
  float *part;  /* [BATCH][columns of the largest block, up to LANES] */
  float *left;  /* likewise, of d */
  int n;        /* rows in the batch */
} Gather;

static int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* ---- blocks ---- */

/* All taps of the channels from `first` on, `channels` of them. */
static Block block_make(Arena *a, const Layer *l, int64_t first,
                        int64_t channels, bool with_drift) {
  int64_t taps = l->k / l->depth, n = 0;
  int64_t *column = ARENA_ARRAY(a, int64_t, taps *channels);
  for (int64_t t = 0; t < taps; t++)
    for (int64_t c = 0; c < channels; c++)
      column[n++] = t * l->depth + first + c;
  double *gram = ARENA_ARRAY(a, double, n *n);
  double *drift = with_drift ? ARENA_ARRAY(a, double, n *n) : NULL;
  return (Block){(int)n, column, gram, drift};
}

static void make_blocks(Arena *a, const Layer *l, Moments *m, bool with_drift) {
  int64_t taps = l->k / l->depth, channels = MOST_COLUMNS / taps;
  channels = channels < 1 ? 1 : channels > l->depth ? l->depth : channels;
  m->nblock = (int)((l->depth + channels - 1) / channels);
  m->block = ARENA_ARRAY(a, Block, l->groups * m->nblock);
  for (int64_t i = 0; i < l->groups * m->nblock; i++) {
    int64_t first = i % m->nblock * channels;
    int64_t n = l->depth - first < channels ? l->depth - first : channels;
    m->block[i] = block_make(a, l, first, n, with_drift);
  }
}

/* ---- sums ---- */

/* to[j..] += the sum over a batch of left[.] right[.][j..], LANES of j;
 * `width` is that of a row of both. */
static void add_products(const float *left, const float *right, int64_t width,
                         int64_t j, double *to, int64_t n) {
  float sum[LANES] = {0};
  for (int r = 0; r < BATCH; r += 4) {
    const float *l = left + r * width, *x = right + r * width + j;
    float l0 = l[0], l1 = l[width], l2 = l[2 * width], l3 = l[3 * width];
    for (int c = 0; c < LANES; c++)
      sum[c] += (l0 * x[c] + l1 * x[width + c]) +
                (l2 * x[2 * width + c] + l3 * x[3 * width + c]);
  }
  for (int c = 0; c < LANES && j + c < n; c++)
    to[j + c] += (double)sum[c];
}

/* A batch's columns of a block; rows that are not there are 0. */
static void take_columns(const Gather *g, const Block *b, const float *row,
                         float *to) {
  int64_t width = padded(b->n);
  memset(to, 0, (size_t)(BATCH * width) * sizeof *to);
  for (int r = 0; r < g->n; r++)
    for (int i = 0; i < b->n; i++)
      to[r * width + i] = row[r * g->l->k + b->column[i]];
}

static void add_block(const Gather *g, const Block *b) {
  int64_t width = padded(b->n), n = b->n;
  take_columns(g, b, g->row, g->part);
  if (b->drift)
    take_columns(g, b, g->drift, g->left);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = i / LANES * LANES; j < n; j += LANES)
      add_products(g->part + i, g->part, width, j, b->gram + i * n, n);
    for (int64_t j = 0; j < n && b->drift; j += LANES)
      add_products(g->left + i, g->part, width, j, b->drift + i * n, n);
  }
}

static void add_mean(const Gather *g, const float *row, double *mean) {
  int64_t k = g->m->k;
  for (int r = 0; r < g->n; r++)
    for (int64_t j = 0; j < k; j++)
      mean[g->group * k + j] += (double)row[r * k + j];
}

static void add_batch(Gather *g) {
  Moments *m = g->m;
  add_mean(g, g->row, m->mean);
  if (g->model)
    add_mean(g, g->drift, m->drift_mean);
  for (int i = 0; i < m->nblock; i++)
    add_block(g, &m->block[g->group * m->nblock + i]);
  g->n = 0;
}

/* The mean, and both halves of the products. */
static void finish(Moments *m) {
  double rows = (double)m->rows;
  for (int64_t i = 0; i < m->groups * m->k; i++) {
    m->mean[i] /= rows;
    m->drift_mean[i] /= rows;
  }
  for (int64_t b = 0; b < m->groups * m->nblock; b++) {
    double *gram = m->block[b].gram, *drift = m->block[b].drift;
    int64_t n = m->block[b].n;
    for (int64_t i = 0; i < n * n && drift; i++)
      drift[i] /= rows;
    for (int64_t i = 0; i < n; i++)
      for (int64_t j = i; j < n; j++) {
        gram[i * n + j] /= rows;
        gram[j * n + i] = gram[i * n + j];
      }
  }
}

/* ---- rows ---- */

/* Every step-th row of all samples; odd, so that it meets all columns of an
 * image. */
static int64_t step_of(const Layer *l, int64_t samples, int64_t want) {
  int64_t all = l->rows * samples;
  return all > want ? all / want | 1 : 1;
}

static void take_row(Gather *g, const float *x, const float *model,
                     int64_t row) {
  int64_t k = g->l->k;
  float *to = g->row + g->n * k, *drift = g->drift + g->n * k;
  layer_row(g->l, x, row, g->group, to);
  if (model) {
    layer_row(g->l, model, row, g->group, drift);
    for (int64_t j = 0; j < k; j++)
      drift[j] -= to[j];
  }
  if (++g->n == BATCH)
    add_batch(g);
}

static void take_rows(Gather *g) {
  for (int64_t s = 0, row = 0; s < g->samples; s++, row -= g->l->rows) {
    const float *x = g->input(g->ctx, s);
    const float *model = g->model ? g->input(g->model, s) : NULL;
    for (; row < g->l->rows; row += g->step)
      take_row(g, x, model, row);
  }
  add_batch(g);
}

static void gather(Arena *a, Gather *g) {
  Arena *scratch = arena_new();
  const Layer *l = g->l;
  Moments *m = g->m;
  int64_t n = m->groups * m->k;
  int64_t width = padded(l->k < MOST_COLUMNS ? l->k : MOST_COLUMNS + LANES);
  m->rows = (l->rows * g->samples + g->step - 1) / g->step;
  m->samples = g->samples;
  m->mean = ARENA_ARRAY(a, double, n);
  m->drift_mean = ARENA_ARRAY(a, double, n);
  g->row = ARENA_ARRAY(scratch, float, BATCH * l->k);
  g->drift = ARENA_ARRAY(scratch, float, BATCH * l->k);
  g->part = ARENA_ARRAY(scratch, float, BATCH *width);
  g->left = ARENA_ARRAY(scratch, float, BATCH *width);
  for (g->group = 0; g->group < l->groups; g->group++)
    take_rows(g);
  finish(m);
  arena_free(scratch);
}

Moments means_of(Arena *a, const Layer *l, MomentsInput *input, void *ctx,
                 int64_t samples) {
  Moments m = {.groups = l->groups, .k = l->k};
  Gather g = {.l = l, .m = &m, .input = input, .ctx = ctx, .samples = samples};
  g.step = step_of(l, samples, MEAN_ROWS);
  gather(a, &g);
  return m;
}

Moments moments_of(Arena *a, const Layer *l, MomentsInput *input, void *ctx,
                   void *model, int64_t samples) {
  Moments m = {.groups = l->groups, .k = l->k};
  Gather g = {l, &m, .input = input, .ctx = ctx, .model = model};
  int64_t want = 8 * l->k;
  want = want < LEAST_ROWS ? LEAST_ROWS : want > MOST_ROWS ? MOST_ROWS : want;
  g.samples = samples;
  g.step = step_of(l, samples, want);
  make_blocks(a, l, &m, model != NULL);
  gather(a, &g);
  return m;
}

static void center(const Block *b, double *products, const double *left,
                   const double *right) {
  for (int64_t i = 0, n = b->n; i < n && products; i++)
    for (int64_t j = 0; j < n; j++)
      products[i * n + j] -= left[b->column[i]] * right[b->column[j]];
}

void moments_center(Moments *m) {
  for (int64_t i = 0; i < m->groups * m->nblock; i++) {
    const Block *b = &m->block[i];
    const double *mean = m->mean + i / m->nblock * m->k;
    center(b, b->gram, mean, mean);
    center(b, b->drift, m->drift_mean + i / m->nblock * m->k, mean);
  }
}
