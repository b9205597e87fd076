/* See metric.h. */
#include "compress/metric.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/array.h"

typedef enum With { LABELS, WANTED } With;
typedef enum Better { LOWER, HIGHER } Better;
typedef enum Unit { NUMBER, PART } Unit;

static const struct {
  const char *name;
  With with;
  Better better;
  Unit unit;
} rows[METRIC_COUNT] = {
#define METRIC(name, with, better, unit, doc) {#name, with, better, unit},
#include "compress/metric.def"
#undef METRIC
};

/* What f1 counts of a class. */
typedef struct Confusion {
  int64_t hit, miss, wrong; /* true positives, false negatives and positives */
} Confusion;

struct Metric {
  Arena *arena;
  MetricSpec spec;
  int64_t outputs, classes, samples, hits;
  double sum, largest;
  Confusion *confusion;  /* (classes) of f1 */
  ARRAY(double) scores;  /* (samples, classes) of auc */
  ARRAY(int64_t) labels; /* (samples) of auc */
};

/* ---- names ---- */

static bool is_name(const char *row, const char *name, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (row[i] != (name[i] == '-' ? '_' : name[i]))
      return false;
  return !row[n];
}

/* top5 and top-5. */
static bool find_top(const char *name, size_t n, MetricSpec *out) {
  static const char top[] = "top";
  size_t at = sizeof top - 1;
  if (n <= at || memcmp(name, top, at) != 0)
    return false;
  at += name[at] == '-';
  int64_t k = 0;
  size_t digits = 0;
  for (; at < n && name[at] >= '0' && name[at] <= '9' && digits < 9; digits++)
    k = 10 * k + (name[at++] - '0');
  *out = (MetricSpec){METRIC_top, k};
  return at == n && k > 0;
}

bool metric_find(const char *name, size_t n, MetricSpec *out) {
  for (int i = METRIC_top + 1; i < METRIC_COUNT; i++)
    if (n <= strlen(rows[i].name) && is_name(rows[i].name, name, n)) {
      *out = (MetricSpec){.kind = (MetricKind)i};
      return true;
    }
  return find_top(name, n, out);
}

bool metric_fits(MetricSpec m, int64_t classes) {
  return m.kind != METRIC_top || m.k <= classes;
}

const char *metric_name(Arena *a, MetricSpec m) {
  if (m.kind == METRIC_top)
    return arena_printf(a, "top-%lld", (long long)m.k);
  char *name = arena_strdup(a, rows[m.kind].name);
  for (char *p = name; *p; p++)
    *p = *p == '_' ? '-' : *p;
  return name;
}

const char *metric_names(Arena *a) {
  Str s = str_new(a);
  str_add(&s, "top1, top2, ...");
  for (int i = METRIC_top + 1; i < METRIC_COUNT; i++)
    str_printf(&s, ", %s", metric_name(a, (MetricSpec){.kind = (MetricKind)i}));
  return str_cstr(&s);
}

bool metric_wants_labels(MetricSpec m) { return rows[m.kind].with == LABELS; }

bool metric_is_part(MetricSpec m) { return rows[m.kind].unit == PART; }

double metric_drop(MetricSpec m, double from, double to) {
  return rows[m.kind].better == HIGHER ? from - to : to - from;
}

int64_t metric_classes(int64_t outputs) { return outputs == 1 ? 2 : outputs; }

/* ---- one sample ---- */

static double score_of(const double *out, int64_t outputs, int64_t c) {
  double x = outputs == 1 && c == 0 ? 1 - out[0] : out[outputs == 1 ? 0 : c];
  return isnan(x) ? -INFINITY : x;
}

/* Classes that come before c: with a higher score, or the same and a lower
 * number. What is not a number comes behind everything. */
static int64_t rank_of(const Metric *m, const double *out, int64_t c) {
  int64_t before = 0;
  double own = score_of(out, m->outputs, c);
  if (own == -INFINITY)
    return m->classes;
  for (int64_t i = 0; i < m->classes; i++) {
    double x = score_of(out, m->outputs, i);
    before += x > own || (x == own && i < c);
  }
  return before;
}

int64_t metric_decision(const double *out, int64_t outputs) {
  int64_t best = 0;
  for (int64_t c = 1; c < metric_classes(outputs); c++)
    if (score_of(out, outputs, c) > score_of(out, outputs, best))
      best = c;
  return best;
}

static void add_prediction(Metric *m, const double *out, int64_t label) {
  int64_t best = metric_decision(out, m->outputs);
  if (best == label) {
    m->confusion[label].hit++;
    return;
  }
  m->confusion[label].miss++;
  m->confusion[best].wrong++;
}

/* Of two classes, class 1 as far as it is above class 0. */
static void add_scores(Metric *m, const double *out, int64_t label) {
  for (int64_t c = 0; c < m->classes; c++) {
    double x = score_of(out, m->outputs, c);
    if (m->classes == 2 && c == 1)
      x -= score_of(out, m->outputs, 0);
    ARRAY_PUSH(m->arena, &m->scores, isnan(x) ? -INFINITY : x);
  }
  ARRAY_PUSH(m->arena, &m->labels, label);
}

/* Two vectors of zeros have the same direction. */
static double cosine(const double *x, const double *y, int64_t n) {
  double xx = 0, yy = 0, xy = 0;
  for (int64_t i = 0; i < n; i++) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
  }
  if (xx == 0 || yy == 0)
    return xx == yy;
  return xy / (sqrt(xx) * sqrt(yy));
}

/* Sum over elements of |x - y|, or of its square; the largest |x - y| of all
 * samples in *largest. */
static double difference(const double *x, const double *y, int64_t n,
                         bool squared, double *largest) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) {
    double d = fabs(x[i] - y[i]);
    sum += squared ? d * d : d;
    if (!(d <= *largest) && !isnan(*largest))
      *largest = d;
  }
  return sum;
}

Metric *metric_begin(Arena *a, MetricSpec spec, int64_t outputs) {
  Metric *m = ARENA_NEW(a, Metric);
  *m = (Metric){.arena = a,
                .spec = spec,
                .outputs = outputs,
                .classes = metric_classes(outputs)};
  if (spec.kind == METRIC_f1)
    m->confusion = ARENA_ARRAY(a, Confusion, m->classes);
  return m;
}

void metric_add(Metric *m, const double *out, int64_t label,
                const double *want) {
  int64_t n = m->outputs;
  m->samples++;
  switch (m->spec.kind) {
  case METRIC_top:
    m->hits += rank_of(m, out, label) < m->spec.k;
    break;
  case METRIC_f1:
    add_prediction(m, out, label);
    break;
  case METRIC_auc:
    add_scores(m, out, label);
    break;
  case METRIC_cos:
    m->sum += cosine(out, want, n);
    break;
  case METRIC_agreement:
    m->hits +=
        metric_decision(out, n) == (want ? metric_decision(want, n) : label);
    break;
  case METRIC_mse:
  case METRIC_mean_difference:
  case METRIC_max_difference:
    m->sum +=
        difference(out, want, n, m->spec.kind == METRIC_mse, &m->largest) /
        (double)n;
    break;
  case METRIC_COUNT:
    break;
  }
}

/* ---- all samples ---- */

static double f1_of(const Confusion *c) {
  return 2 * (double)c->hit / (double)(2 * c->hit + c->miss + c->wrong);
}

static double f1_value(const Metric *m) {
  double sum = 0;
  int64_t n = 0;
  for (int64_t c = m->classes == 2; c < m->classes; c++) {
    const Confusion *x = &m->confusion[c];
    if (x->hit + x->miss + x->wrong == 0)
      continue;
    sum += f1_of(x);
    n++;
  }
  return n ? sum / (double)n : 0;
}

typedef struct Scored {
  double score;
  bool positive;
} Scored;

static int by_score(const void *a, const void *b) {
  double x = ((const Scored *)a)->score, y = ((const Scored *)b)->score;
  return (x > y) - (x < y);
}

/* Pairs of a positive and a negative in which the positive is higher, equal
 * ones counted half; over all pairs (Mann, Whitney 1947). -1: there are
 * none. */
static double area(Scored *s, int64_t n) {
  int64_t below = 0, twice = 0, positives = 0;
  qsort(s, (size_t)n, sizeof *s, by_score);
  for (int64_t i = 0, j; i < n; i = j) {
    int64_t hit = 0;
    for (j = i; j < n && s[j].score == s[i].score; j++)
      hit += s[j].positive;
    twice += hit * (2 * below + (j - i - hit));
    below += j - i - hit;
    positives += hit;
  }
  return positives && below
             ? (double)twice / (2 * (double)positives * (double)below)
             : -1;
}

static double auc_value(const Metric *m) {
  Arena *scratch = arena_new();
  Scored *s = ARENA_ARRAY(scratch, Scored, m->labels.n);
  double sum = 0;
  int64_t n = 0;
  for (int64_t c = m->classes == 2; c < m->classes; c++) {
    for (int64_t i = 0; i < m->labels.n; i++)
      s[i] = (Scored){m->scores.v[i * m->classes + c], m->labels.v[i] == c};
    double x = area(s, m->labels.n);
    sum += x < 0 ? 0 : x;
    n += x >= 0;
  }
  arena_free(scratch);
  return n ? sum / (double)n : 0;
}

double metric_value(const Metric *m) {
  double n = m->samples ? (double)m->samples : 1;
  switch (m->spec.kind) {
  case METRIC_top:
  case METRIC_agreement:
    return (double)m->hits / n;
  case METRIC_f1:
    return f1_value(m);
  case METRIC_auc:
    return auc_value(m);
  case METRIC_max_difference:
    return m->largest;
  case METRIC_cos:
  case METRIC_mse:
  case METRIC_mean_difference:
    return m->sum / n;
  case METRIC_COUNT:
    break;
  }
  return 0;
}

int64_t metric_hits(const Metric *m) { return m->hits; }
