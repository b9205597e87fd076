/* Scales of groups as multiples of their channel's (ir/blocks.h). The
 * channel's is tried from where the group of the largest range fills its grid
 * down to where that is cut to half of it; each group has the multiple of
 * least square error, and the channel the scale of least sum of those. */
#include "compress/quantize_groups.h"

#include <math.h>

#include "compress/range.h"
#include "ir/blocks.h"
#include "ir/element.h"

enum { BITS = 4, UNIT_BITS = 20, TRIED = 8, OF = 16, LEAST_INPUTS = 16 };

float groups_unit(float scale) {
  int e;
  float m = frexpf(scale, &e);
  return ldexpf(rintf(ldexpf(m, UNIT_BITS)), e - UNIT_BITS);
}

int groups_most(bool asymmetric, bool pow2) {
  return asymmetric || pow2 ? 8 : 15;
}

int groups_axis(const Type *t, int axis, int group) {
  int inputs = axis == 0 ? t->rank - 1 : axis - 1;
  bool matrix = t->rank == 2, rows = t->rank == 4 && axis == 0;
  if (!group || !(matrix || rows) || t->dim[inputs] < LEAST_INPUTS)
    return -1;
  bool whole = type_count(t) / t->dim[axis] <= group;
  return whole ? -1 : inputs;
}

/* The weights, group by group. */
typedef struct Groups {
  const GroupRule *rule;
  QuantForm form;
  QuantParams *q;
  const float *x; /* in the order of groups */
  int64_t *start; /* (nscale + 1) */
} Groups;

static void gather(Arena *a, Groups *g, const Type *t, const float *x) {
  int64_t n = type_count(t), *at = ARENA_ARRAY(a, int64_t, g->q->nscale + 1);
  float *to = ARENA_ARRAY(a, float, n);
  g->start = ARENA_ARRAY(a, int64_t, g->q->nscale + 1);
  for (int64_t i = 0; i < n; i++)
    g->start[type_entry(t, i) + 1]++;
  for (int e = 0; e < g->q->nscale; e++)
    at[e + 1] = g->start[e + 1] += g->start[e];
  for (int64_t i = 0; i < n; i++)
    to[at[type_entry(t, i)]++] = x[i];
  g->x = to;
}

static Range range_of(const Groups *g, int64_t e) {
  Range r = {0, 0};
  for (int64_t i = g->start[e]; i < g->start[e + 1]; i++)
    r = (Range){fminf(r.lo, g->x[i]), fmaxf(r.hi, g->x[i])};
  return r;
}

static float level_of(const QuantParams *q, float scale, int32_t zero,
                      float x) {
  float v = rintf(x / scale) + (float)zero;
  return fminf(fmaxf(v, (float)q->qmin), (float)q->qmax);
}

static int32_t zero_for(const Groups *g, Range r, float scale) {
  if (g->form.symmetric)
    return 0;
  return (int32_t)level_of(g->q, scale, (int32_t)g->q->qmin, -r.lo);
}

static double error_of(const Groups *g, int64_t e, float scale, int32_t zero) {
  double sum = 0;
  for (int64_t i = g->start[e]; i < g->start[e + 1]; i++) {
    float v = level_of(g->q, scale, zero, g->x[i]) - (float)zero;
    double d = (double)(g->x[i] - scale * v);
    sum += d * d;
  }
  return sum;
}

/* Group e's best multiple of unit; its error. */
static double choose(const Groups *g, int64_t e, float unit, float *scale,
                     int32_t *zero) {
  double least = INFINITY;
  Range r = range_of(g, e);
  int most = groups_most(!g->form.symmetric, g->rule->pow2);
  for (int m = 1; m <= most; m = g->rule->pow2 ? 2 * m : m + 1) {
    float s = unit * (float)m;
    int32_t z = zero_for(g, r, s);
    double error = error_of(g, e, s, z);
    if (error >= least)
      continue;
    least = error;
    *scale = s;
    *zero = z;
  }
  return least;
}

/* The groups of one channel. */
typedef struct Entries {
  int64_t first, step, n;
} Entries;

static int64_t entry(const Entries *c, int64_t i) {
  return c->first + i * c->step;
}

/* The unit with which the group of the largest range fills its grid. */
static float widest_unit(const Groups *g, const Entries *c) {
  float most = 0;
  for (int64_t i = 0; i < c->n; i++) {
    Range r = range_of(g, entry(c, i));
    if (r.lo < r.hi)
      most = fmaxf(most, quant_of_range(r, &g->form).scale);
  }
  most /= (float)groups_most(!g->form.symmetric, g->rule->pow2);
  return fmaxf(most, 0x1p-64f);
}

static void choose_channel(const Groups *g, const Entries *c, float least_unit,
                           float *scale, int32_t *zero) {
  float widest = widest_unit(g, c), best = 0;
  double least = INFINITY;
  for (int i = 0; i < (g->rule->pow2 ? 1 : TRIED); i++) {
    float part = (float)(OF - i) / (float)OF;
    float unit = groups_unit(fmaxf(widest * part, least_unit));
    double sum = 0;
    for (int64_t k = 0; k < c->n; k++)
      sum +=
          choose(g, entry(c, k), unit, &scale[entry(c, k)], &zero[entry(c, k)]);
    best = sum < least ? unit : best;
    least = fmin(sum, least);
  }
  for (int64_t k = 0; k < c->n; k++)
    (void)choose(g, entry(c, k), best, &scale[entry(c, k)], &zero[entry(c, k)]);
}

const Type *groups_find(Arena *a, const Type *t, const float *x, int axis,
                        int inputs, const GroupRule *rule) {
  QuantForm form = {.bits = BITS,
                    .is_signed = true,
                    .symmetric = !rule->asymmetric,
                    .scale_bits = rule->pow2 ? 1 : 24};
  int64_t n = t->dim[inputs], channels = t->dim[axis];
  QuantParams q = {.axis = inputs,
                   .block = (int)(rule->group < n ? rule->group : n),
                   .qmin = dtype_min(DT_i4),
                   .qmax = dtype_max(DT_i4)};
  Type shape = {.rank = t->rank, .q = &q};
  for (int d = 0; d < t->rank; d++)
    shape.dim[d] = t->dim[d];
  q.nscale = (int)type_entries(&shape);
  float *scale = ARENA_ARRAY(a, float, q.nscale);
  int32_t *zero = ARENA_ARRAY(a, int32_t, q.nscale);
  Groups g = {.rule = rule, .form = form, .q = &q};
  gather(a, &g, &shape, x);
  int64_t each = q.nscale / channels;
  for (int64_t c = 0; c < channels; c++) {
    Entries own =
        axis ? (Entries){c, channels, each} : (Entries){c * each, 1, each};
    choose_channel(&g, &own, rule->least[c], scale, zero);
  }
  q.scale = scale;
  q.zero_point = zero;
  return type_with_dtype(a, t, DT_i4, &q);
}
