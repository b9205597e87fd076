/* Exact k-means in one dimension (Wang, Song: Ckmeans.1d.dp, R Journal 2011)
 * over a fixed grid of bins, by dynamic programming: what j clusters cost up
 * to bin b is the least over the bin where the last one begins. The best
 * beginning never falls as b grows, so each half of the bins is searched
 * between its neighbours' bests. No chance is involved. */
#include "compress/codebook.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "support/arena.h"

enum { BINS = 1024, EDGE = 127 };

/* Sums over the bins before each: of weights, and of weights times x and
 * x^2. */
typedef struct Sums {
  double w[BINS + 1], wx[BINS + 1], wxx[BINS + 1];
} Sums;

typedef struct Search {
  Sums sums;
  double cost[2][BINS + 1];                /* of the first b bins */
  uint16_t begin[CODEBOOK_MOST][BINS + 1]; /* of the last cluster of them */
} Search;

static int bin_of(float x) {
  float at = (x + (float)EDGE) * ((float)(BINS - 1) / (2 * (float)EDGE));
  return (int)fminf(fmaxf(rintf(at), 0), BINS - 1);
}

static void sum_up(Sums *s, const float *x, const float *weight, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    int b = bin_of(x[i]) + 1;
    double w = (double)weight[i], v = (double)x[i];
    s->w[b] += w;
    s->wx[b] += w * v;
    s->wxx[b] += w * v * v;
  }
  for (int b = 1; b <= BINS; b++) {
    s->w[b] += s->w[b - 1];
    s->wx[b] += s->wx[b - 1];
    s->wxx[b] += s->wxx[b - 1];
  }
}

/* Squared distances of bins from .. to - 1 from their mean. */
static double spread(const Sums *s, int from, int to) {
  double w = s->w[to] - s->w[from], wx = s->wx[to] - s->wx[from];
  double all = s->wxx[to] - s->wxx[from];
  return w > 0 ? fmax(all - wx * wx / w, 0) : 0;
}

/* Costs with one cluster more, `last`, of bins lo .. hi; their last clusters
 * begin within from .. to. */
static void extend(Search *s, int last, int lo, int hi, int from, int to) {
  if (lo > hi)
    return;
  const double *before = s->cost[(last + 1) % 2];
  int b = (lo + hi) / 2, best = from;
  double least = INFINITY;
  for (int i = from; i <= to && i <= b; i++) {
    double cost = before[i] + spread(&s->sums, i, b);
    if (cost < least) {
      least = cost;
      best = i;
    }
  }
  s->cost[last % 2][b] = least;
  s->begin[last][b] = (uint16_t)best;
  extend(s, last, lo, b - 1, from, best);
  extend(s, last, b + 1, hi, best, to);
}

static void cluster(Search *s, int k) {
  for (int b = 0; b <= BINS; b++)
    s->cost[0][b] = spread(&s->sums, 0, b);
  for (int last = 1; last < k; last++)
    extend(s, last, 0, BINS, 0, BINS);
}

static int by_value(const void *a, const void *b) {
  return *(const int8_t *)a - *(const int8_t *)b;
}

/* The means of the clusters, equal ones once. */
static int means(const Search *s, int k, int8_t *book) {
  int n = 0, end = BINS, kept = 0;
  for (int j = k - 1; j >= 0; j--) {
    int from = j ? s->begin[j][end] : 0;
    double w = s->sums.w[end] - s->sums.w[from];
    if (w > 0)
      book[n++] = (int8_t)rint((s->sums.wx[end] - s->sums.wx[from]) / w);
    end = from;
  }
  if (!n)
    book[n++] = 0;
  qsort(book, (size_t)n, sizeof *book, by_value);
  for (int i = 0; i < n; i++)
    if (!kept || book[kept - 1] != book[i])
      book[kept++] = book[i];
  return kept;
}

static bool is_sparse(const float *x, int64_t n) {
  int64_t zeros = 0;
  for (int64_t i = 0; i < n; i++)
    zeros += x[i] == 0;
  return zeros > 0 && zeros >= n / 4;
}

int codebook_find(const float *x, const float *weight, int64_t n, int k,
                  int8_t *book) {
  Arena *scratch = arena_new();
  Search *s = ARENA_NEW(scratch, Search);
  sum_up(&s->sums, x, weight, n);
  cluster(s, k);
  int entries = means(s, k, book);
  arena_free(scratch);
  if (is_sparse(x, n))
    book[codebook_index(book, entries, 0)] = 0;
  return entries;
}

int codebook_index(const int8_t *book, int k, float x) {
  int best = 0;
  for (int i = 1; i < k; i++)
    if (fabsf(x - (float)book[i]) < fabsf(x - (float)book[best]))
      best = i;
  return best;
}
