/* Single weights, blocks of them, or all but N of M successive ones become
 * zero, where they lie.
 *
 * How much goes of each layer is what a threshold on the magnitudes of all
 * weights together would take. Which weights: those of least w^2 / H^-1_cc,
 * what the layer loses without them when the others of the row make up for it
 * (OBS), in rounds in which ever more go; after each round what stays is
 * solved for anew, every output over its own columns. Frantar and Alistarh,
 * "SparseGPT", 2023, make one walk over the columns of that; the rounds are
 * those of Zhu and Gupta, "To prune, or not to prune", 2017. Without samples
 * the least magnitudes go. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/private.h"

enum { ROUNDS = 4 };
#define PART_MOST 0.98

/* ---- shares ---- */

static int compare_floats(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

/* The magnitudes of a layer's weights that may become zero; how many. */
static int64_t magnitudes(const Pruner *p, const Layer *l, float *out) {
  int64_t n = 0;
  for (int64_t o = 0; !l->shared && o < l->tied->outputs; o++)
    for (int c = 0; !output_is_gone(p, l, o) && c < l->n - 1; c++)
      if (!column_is_gone(p, l, o / l->tied->group, c))
        out[n++] = fabsf(l->own[weight_at(l, o, c)]);
  return n;
}

static float threshold_of(const Pruner *p, float *all, double part) {
  int64_t n = 0;
  for (int i = 0; i < p->layers.n; i++)
    n += magnitudes(p, &p->layers.v[i], all + n);
  qsort(all, (size_t)n, sizeof *all, compare_floats);
  return n ? all[(int64_t)(part * (double)n)] : 0;
}

void zeros_share(Pruner *p) {
  const PruneZeros *z = &p->opt->zeros;
  if (!(z->part > 0))
    return;
  Arena *a = arena_new();
  int64_t count = 1;
  for (int i = 0; i < p->layers.n; i++)
    count += p->layers.v[i].nw;
  float *all = ARENA_ARRAY(a, float, count);
  float least = threshold_of(p, all, z->part);
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    int64_t n = magnitudes(p, l, all), below = 0;
    for (int64_t k = 0; k < n; k++)
      below += all[k] < least;
    double part = n ? (double)below / (double)n : 0;
    l->part = l->shared          ? 0
              : z->n             ? z->part
              : part < PART_MOST ? part
                                 : PART_MOST;
  }
  arena_free(a);
}

/* ---- which ---- */

/* What stays of a weight group: outputs, and columns tap by tap. */
typedef struct Field {
  int64_t outputs;
  int n;        /* columns of the group, and the constant */
  int64_t *row; /* (rows) outputs */
  int64_t rows;
  int *at;          /* (columns) */
  int columns, run; /* run: of one tap */
  double *score;    /* (outputs, n) */
  bool *zero;       /* (outputs, n) */
} Field;

static Field field_of(Arena *a, const Pruner *p, const Layer *l, int64_t k) {
  Field f = {.outputs = l->tied->group, .n = l->n};
  f.at = ARENA_ARRAY(a, int, l->n);
  f.score = ARENA_ARRAY(a, double, f.outputs * l->n);
  f.zero = ARENA_ARRAY(a, bool, f.outputs * l->n);
  for (int c = 0; c < l->n - 1; c++)
    if (!column_is_gone(p, l, k, c))
      f.at[f.columns++] = c;
  f.run = f.columns / (int)l->tied->taps;
  f.row = ARENA_ARRAY(a, int64_t, f.outputs);
  for (int64_t o = 0; o < f.outputs; o++)
    if (!output_is_gone(p, l, k * f.outputs + o))
      f.row[f.rows++] = o;
  return f;
}

typedef struct Scored {
  double score;
  int64_t i;
} Scored;

static int compare_scores(const void *a, const void *b) {
  const Scored *x = a, *y = b;
  if (x->score != y->score)
    return x->score < y->score ? -1 : 1;
  return (x->i > y->i) - (x->i < y->i);
}

/* `length` weights from column `first` of a row on: the least `n` of them. */
static void zero_least(Field *f, int64_t row, int first, int length, int n,
                       Scored *room) {
  for (int i = 0; i < length; i++) {
    int64_t at = f->row[row] * f->n + f->at[first + i];
    room[i] = (Scored){f->score[at], at};
  }
  qsort(room, (size_t)length, sizeof *room, compare_scores);
  for (int i = 0; i < n; i++)
    f->zero[room[i].i] = true;
}

static void zero_n_of_m(Arena *a, Field *f, int m, int goes) {
  Scored *room = ARENA_ARRAY(a, Scored, m);
  for (int64_t row = 0; row < f->rows; row++)
    for (int tap = 0; tap < f->columns; tap += f->run)
      for (int i = 0; i < f->run; i += m) {
        int length = f->run - i < m ? f->run - i : m;
        zero_least(f, row, tap + i, length, goes * length / m, room);
      }
}

/* Blocks at the end of a row or run are smaller. */
typedef struct Blocks {
  int rows, cols;
  int64_t down, across; /* how many, of one tap */
} Blocks;

static double visit_block(Field *f, const Blocks *b, int64_t index, bool set) {
  int64_t tap = index / (b->down * b->across),
          in = index % (b->down * b->across);
  int64_t first_row = in / b->across * b->rows,
          first = in % b->across * b->cols;
  double sum = 0;
  int n = 0;
  for (int64_t r = first_row; r < first_row + b->rows && r < f->rows; r++)
    for (int64_t c = first; c < first + b->cols && c < f->run; c++) {
      int64_t at = f->row[r] * f->n + f->at[tap * f->run + c];
      sum += f->score[at];
      f->zero[at] |= set;
      n++;
    }
  return sum / n;
}

static void zero_blocks(Arena *a, Field *f, int rows, int cols, double part) {
  Blocks b = {rows, cols, (f->rows + rows - 1) / rows,
              (f->run + cols - 1) / cols};
  int64_t n = f->run ? b.down * b.across * (f->columns / f->run) : 0;
  Scored *all = ARENA_ARRAY(a, Scored, n);
  for (int64_t i = 0; i < n; i++)
    all[i] = (Scored){visit_block(f, &b, i, false), i};
  qsort(all, (size_t)n, sizeof *all, compare_scores);
  for (int64_t i = 0; i < (int64_t)(part * (double)n + 0.5); i++)
    visit_block(f, &b, all[i].i, true);
}

/* The `share` (0 .. 1) of what shall go in the end. */
static void choose_zeros(Arena *a, const Pruner *p, const Layer *l, Field *f,
                         double share) {
  const PruneZeros *z = &p->opt->zeros;
  if (z->n)
    zero_n_of_m(a, f, z->m, (int)ceil(share * (z->m - z->n)));
  else
    zero_blocks(a, f, z->rows ? z->rows : 1, z->cols ? z->cols : 1,
                share * l->part);
}

/* ---- by magnitude ---- */

static void zero_group(Pruner *p, Layer *l, int64_t k) {
  Arena *a = arena_new();
  Field f = field_of(a, p, l, k);
  for (int64_t o = 0; o < f.outputs; o++)
    for (int i = 0; i < f.columns; i++)
      f.score[o * f.n + f.at[i]] =
          fabs((double)l->w[weight_at(l, k * f.outputs + o, f.at[i])]);
  choose_zeros(a, p, l, &f, 1);
  for (int64_t o = 0; o < f.outputs; o++)
    for (int c = 0; c < l->n - 1; c++)
      if (f.zero[o * f.n + c])
        l->w[weight_at(l, k * f.outputs + o, c)] = 0;
  arena_free(a);
}

void zeros_by_magnitude(Pruner *p, bool unsolved) {
  for (int i = 0; i < p->layers.n; i++) {
    Layer *l = &p->layers.v[i];
    for (int64_t k = 0; l->part > 0 && k < l->groups; k++)
      if (!unsolved || !layer_is_solved(l))
        zero_group(p, l, k);
  }
}

/* ---- by what the layer loses ---- */

/* The diagonal of the inverse of what the columns' moments are; of columns
 * that went, and where there is none, 1. */
static double *inverse_diagonal(Arena *a, const Field *f, const System *s,
                                double damp) {
  double *d = ARENA_ARRAY(a, double, s->n), trace = 0;
  double *h = ARENA_ARRAY(a, double, (int64_t)f->columns * f->columns);
  for (int i = 0; i < s->n; i++)
    d[i] = 1;
  for (int i = 0; i < f->columns; i++)
    trace += s->h[(ptrdiff_t)f->at[i] * s->n + f->at[i]];
  double ridge = trace > 0 ? damp * trace / f->columns : 1;
  for (int i = 0; i < f->columns; i++)
    for (int j = 0; j < f->columns; j++)
      h[(ptrdiff_t)i * f->columns + j] =
          s->h[(ptrdiff_t)f->at[i] * s->n + f->at[j]] + (i == j ? ridge : 0);
  if (f->columns && spd_invert(h, f->columns))
    for (int i = 0; i < f->columns; i++)
      d[f->at[i]] = h[(ptrdiff_t)i * f->columns + i];
  return d;
}

void zeros_solve(const Pruner *p, const Layer *l, int64_t k, const System *s,
                 double damp, double *w) {
  Arena *a = arena_new();
  Field f = field_of(a, p, l, k);
  const double *d = inverse_diagonal(a, &f, s, damp);
  for (int round = 1; round <= ROUNDS; round++) {
    double left = 1 - (double)round / (double)ROUNDS;
    for (int64_t o = 0; o < f.outputs; o++)
      for (int i = 0; i < f.columns; i++) {
        double x = w[o * f.n + f.at[i]];
        f.score[o * f.n + f.at[i]] = x * x / d[f.at[i]];
      }
    memset(f.zero, 0, (size_t)(f.outputs * f.n) * sizeof *f.zero);
    choose_zeros(a, p, l, &f, 1 - left * left * left);
    system_solve(p, l, k, s, damp, f.zero, w);
  }
  arena_free(a);
}
