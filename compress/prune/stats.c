/* What comes into each layer on the samples: second moments of the columns
 * that its outputs read, and how often each is not zero.
 *
 * A layer of many places (an image's pixels) is looked at in some of them: as
 * many over all samples as settle its columns. Which ones is a hash of sample
 * and number, so that two runs see the same. */
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/private.h"

enum { ROWS_LEAST = 12000, ROWS_A_COLUMN = 24 };

static int64_t rows_wanted(const Layer *l) {
  int64_t rows = (int64_t)l->n * ROWS_A_COLUMN;
  return rows > ROWS_LEAST ? rows : ROWS_LEAST;
}

int64_t input_samples(const Pruner *p, const Layer *l) {
  int64_t rows = rows_wanted(l);
  return rows < p->feed->samples ? rows : p->feed->samples;
}

int64_t input_places(const Pruner *p, const Layer *l) {
  int64_t samples = input_samples(p, l);
  int64_t takes = (rows_wanted(l) + samples - 1) / samples;
  return takes < l->rows ? takes : l->rows;
}

int64_t input_sample(const Pruner *p, const Layer *l, int64_t s) {
  return s * p->feed->samples / input_samples(p, l);
}

/* Is the sample one of those that are looked at? */
static bool is_seen(const Pruner *p, const Layer *l, int64_t sample) {
  int64_t n = input_samples(p, l);
  int64_t next = (sample * n + p->feed->samples - 1) / p->feed->samples;
  return next < n && input_sample(p, l, next) == sample;
}

/* The finalizer of SplitMix64. */
static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

int64_t input_place(const Layer *l, int64_t takes, int64_t sample, int64_t j) {
  if (takes == l->rows)
    return j;
  uint64_t seed = mix((uint64_t)sample * 0x9e3779b97f4a7c15u + (uint64_t)j + 1);
  return (int64_t)(seed % (uint64_t)l->rows);
}

/* ---- rows ---- */

/* (row of the image or -1, of a tap) */
static int64_t tap_at(int64_t out, int64_t tap, int64_t stride,
                      int64_t dilation, int64_t pad, int64_t extent) {
  int64_t at = out * stride + tap * dilation - pad;
  return at < extent ? at : -1;
}

static void conv_row(const Layer *l, const float *x, int64_t k, int64_t r,
                     float *row) {
  const ConvAttrs *a = &l->op->attrs.conv;
  const int64_t *in = l->op->in[0]->type->dim, *w = l->op->in[1]->type->dim;
  const int64_t *out = l->op->out[0]->type->dim;
  int64_t inputs = l->tied->inputs, ox = r % out[2], oy = r / out[2] % out[1];
  const float *image = x + r / (out[1] * out[2]) * in[1] * in[2] * in[3];
  for (int64_t t = 0; t < l->tied->taps; t++, row += inputs) {
    int64_t iy = tap_at(oy, t / w[2], a->stride.v[0], a->dilation.v[0],
                        a->pad.v[0], in[1]);
    int64_t ix = tap_at(ox, t % w[2], a->stride.v[1], a->dilation.v[1],
                        a->pad.v[2], in[2]);
    if (iy < 0 || ix < 0)
      memset(row, 0, (size_t)inputs * sizeof *row);
    else
      memcpy(row, image + (iy * in[2] + ix) * in[3] + k * inputs,
             (size_t)inputs * sizeof *row);
  }
}

static bool is_dense(const Layer *l) {
  return l->op->kind == OP_fully_connected || l->op->kind == OP_matmul;
}

void input_row(const Layer *l, const float *x, int64_t k, int64_t r,
               float *row) {
  if (is_dense(l))
    memcpy(row, x + r * l->tied->inputs, (size_t)l->tied->inputs * sizeof *row);
  else
    conv_row(l, x, k, r, row);
  row[l->n - 1] = 1;
}

/* ---- moments ---- */

static void begin(Pruner *p, Layer *l) {
  int64_t all = l->groups * l->n;
  l->m = (Moments){.sum = ARENA_ARRAY(p->arena, double, all),
                   .sum2 = ARENA_ARRAY(p->arena, double, all),
                   .live = ARENA_ARRAY(p->arena, double, all)};
  if (l->n <= COLUMNS_MAX)
    l->m.h = ARENA_ARRAY(p->arena, double, all * l->n);
}

static void add_row(Layer *l, int64_t k, const float *row) {
  int64_t first = k * l->n;
  for (int i = 0; i < l->n; i++) {
    double x = (double)row[i];
    l->m.sum[first + i] += x;
    l->m.sum2[first + i] += x * x;
    l->m.live[first + i] += x != 0;
  }
  if (l->m.h)
    gram_add(l->m.h + first * l->n, l->n, row);
}

static void add_sample(Pruner *p, Layer *l, const float *x, int64_t sample,
                       float *row) {
  int64_t takes = input_places(p, l);
  for (int64_t j = 0; j < takes; j++) {
    int64_t r = input_place(l, takes, sample, j);
    for (int64_t k = 0; k < l->groups; k++) {
      input_row(l, x, k, r, row);
      add_row(l, k, row);
    }
    l->m.count++;
  }
}

static int most_columns(const Pruner *p) {
  int most = 0;
  for (int i = 0; i < p->layers.n; i++)
    most = p->layers.v[i].n > most ? p->layers.v[i].n : most;
  return most;
}

static bool sees_any(const Pruner *p, int64_t sample) {
  for (int i = 0; i < p->layers.n; i++)
    if (is_seen(p, &p->layers.v[i], sample))
      return true;
  return false;
}

static bool run_samples(Pruner *p, Probe *probe) {
  float *row = ARENA_ARRAY(p->arena, float, most_columns(p));
  for (int64_t s = 0; s < p->feed->samples; s++) {
    if (sees_any(p, s) && !probe_run(probe, s))
      return false;
    for (int i = 0; i < p->layers.n; i++)
      if (is_seen(p, &p->layers.v[i], s))
        add_sample(p, &p->layers.v[i], probe->at[i], s, row);
  }
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    for (int64_t k = 0; l->m.h && k < l->groups; k++)
      gram_mirror(l->m.h + k * l->n * l->n, l->n);
  }
  return true;
}

bool prune_stats(Pruner *p) {
  const char **names = ARENA_ARRAY(p->arena, const char *, p->layers.n);
  for (int i = 0; i < p->layers.n; i++) {
    begin(p, &p->layers.v[i]);
    names[i] = p->layers.v[i].op->in[0]->name;
  }
  Probe probe;
  bool ok = probe_open(p->arena, p->g, p->engine, p->feed, names, p->layers.n,
                       &probe) &&
            run_samples(p, &probe);
  probe_close(&probe);
  return ok;
}
