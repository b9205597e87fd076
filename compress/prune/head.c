/* The head of a classifier, made good together: the last convolution, with a
 * sum and a clamp behind it or not, then the mean over places, then a dense
 * layer. Solved one after the other, each gives what it gave; what the model
 * returns leaves more freedom than that.
 *
 * With f the dense layer's weights, m = 1 where the clamp lets through, and x
 * the convolution's columns, the change D of its weights changes result q of
 * sample s by
 *
 *   sum_o f_qo D_o z_so,   z_so = mean over places of m x,
 *
 * to first order. D makes up for what the results lost, e, and costs
 * D_o H D_o^T, what it changes of the convolution's own results (H = mean of
 * x x^T). The least of both is
 *
 *   D_o^T = H^-1 sum_sq a_sq f_qo z_so,   (K + ridge) a = e,
 *   K_sq,s'q' = sum_o f_qo f_q'o z_so^T H^-1 z_s'o,
 *
 * a Gauss-Newton step by way of its dual, which is as large as there are
 * samples and results; solved by conjugate gradients. Which ridge is right,
 * and whether the step does good, each half of the samples says of what the
 * other half makes. */
#include <math.h>
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/private.h"

enum { SAMPLES_MOST = 512, ITERATIONS = 100 };
/* Of H's mean diagonal; parts of K's mean diagonal; of the residual. */
#define DAMP 0.01
static const double ridges[] = {10, 3, 1, 0.3};
enum { RIDGES = sizeof ridges / sizeof *ridges };
#define PRECISION 1e-4
/* No larger heads: elements of z, and of all G. */
#define ELEMENTS_MOST ((int64_t)1 << 25)

typedef struct Head {
  Pruner *p;
  Arena *arena;
  Layer *conv, *dense;
  const Value *clamped; /* what the mean is taken of */
  double lo, hi;        /* its clamp */
  int64_t samples, outputs, results;
  int64_t *output; /* (outputs) those of conv that stay */
  double *f;       /* (results, outputs) */
  float *z;        /* (outputs, samples, n) */
  double *h;       /* (n, n), then its factor */
  double *g;       /* (outputs, samples, samples): z^T H^-1 z */
  double *lost;    /* (samples, results) */
  double *room;    /* (samples, 2) */
} Head;

/* ---- is there one ---- */

/* The only reader's operand is all that it is for. */
static bool is_inner(const Graph *g, const Value *v) {
  return v->def && v->uses.n == 1 && value_use_count(g, v) == 1;
}

static bool is_mean_over_places(const Op *op) {
  const Type *x = op->in[0]->type;
  const IntList *axes = &op->attrs.axes.axes;
  return op->kind == OP_mean && x->rank == 4 && x->dim[0] == 1 &&
         axes->n == 2 && axes->v[0] + axes->v[1] == 3 &&
         axes->v[0] * axes->v[1] == 2;
}

/* What is averaged for v; NULL. */
static const Value *averaged(const Graph *g, const Value *v) {
  while (is_inner(g, v) && v->def->kind == OP_reshape)
    v = v->def->in[0];
  if (!is_inner(g, v) || !is_mean_over_places(v->def))
    return NULL;
  v = v->def->in[0];
  return is_inner(g, v) ? v : NULL;
}

static Layer *layer_that_makes(Pruner *p, const Value *v) {
  for (int i = 0; i < p->layers.n; i++)
    if (is_inner(p->work, v) && p->layers.v[i].op == v->def)
      return &p->layers.v[i];
  return NULL;
}

static bool find_conv(Head *h) {
  const Op *op = h->clamped->def;
  Act act = ACT_none;
  h->conv = layer_that_makes(h->p, h->clamped);
  if (h->conv && op->kind == OP_conv2d)
    act = op->attrs.conv.act;
  else if (op->kind == OP_add) {
    act = op->attrs.act.act;
    for (int i = 0; i < 2 && !h->conv; i++)
      if (type_same_shape(op->in[i]->type, h->clamped->type))
        h->conv = layer_that_makes(h->p, op->in[i]);
  }
  h->lo = act == ACT_none ? -HUGE_VAL : 0;
  h->hi = act == ACT_relu6 ? 6 : HUGE_VAL;
  return h->conv && h->conv->op->kind == OP_conv2d && h->conv->groups == 1 &&
         layer_is_solved(h->conv) &&
         (act == ACT_none || act == ACT_relu || act == ACT_relu6);
}

static bool find_head(Pruner *p, Head *h) {
  Layer *last = &p->layers.v[p->layers.n - 1];
  *h = (Head){.p = p, .dense = last};
  if (last->op->kind != OP_fully_connected || last->shared ||
      type_count(last->op->out[0]->type) != last->tied->outputs)
    return false;
  h->clamped = averaged(p->work, last->op->in[0]);
  return h->clamped && find_conv(h) &&
         last->tied->inputs == h->conv->tied->outputs;
}

/* ---- what is known of it ---- */

static bool make_room(Head *h) {
  Arena *a = h->arena;
  const Layer *l = h->conv;
  int64_t samples = h->p->feed->samples;
  h->samples = samples < SAMPLES_MOST ? samples : SAMPLES_MOST;
  h->results = h->dense->tied->outputs;
  h->output = ARENA_ARRAY(a, int64_t, l->tied->outputs);
  for (int64_t o = 0; o < l->tied->outputs; o++)
    if (!output_is_gone(h->p, l, o))
      h->output[h->outputs++] = o;
  int64_t most = l->n > h->samples ? l->n : h->samples;
  if (h->outputs * h->samples * most > ELEMENTS_MOST)
    return false;
  h->z = ARENA_ARRAY(a, float, h->outputs * h->samples * l->n);
  h->h = ARENA_ARRAY(a, double, (int64_t)l->n * l->n);
  h->g = ARENA_ARRAY(a, double, h->outputs * h->samples * h->samples);
  h->lost = ARENA_ARRAY(a, double, h->samples * h->results);
  h->room = ARENA_ARRAY(a, double, h->samples * 2);
  h->f = ARENA_ARRAY(a, double, h->results * h->outputs);
  for (int64_t q = 0; q < h->results; q++)
    for (int64_t i = 0; i < h->outputs; i++)
      h->f[q * h->outputs + i] =
          (double)h->dense->w[weight_at(h->dense, q, h->output[i])];
  return true;
}

/* Sample s: x what conv reads, y what the mean reads. */
static void add_sample(Head *h, int64_t s, const float *x, const float *y,
                       float *row) {
  const Layer *l = h->conv;
  int64_t takes = input_places(h->p, l);
  for (int64_t j = 0; j < takes; j++) {
    input_row(l, x, 0, input_place(l, takes, s, j), row);
    gram_add(h->h, l->n, row);
  }
  for (int64_t place = 0; place < l->rows; place++) {
    input_row(l, x, 0, place, row);
    for (int64_t i = 0; i < h->outputs; i++) {
      double value = (double)y[place * l->tied->outputs + h->output[i]];
      float *z = h->z + (i * h->samples + s) * l->n;
      for (int c = 0; value > h->lo && value < h->hi && c < l->n; c++)
        z[c] += row[c] / (float)l->rows;
    }
  }
}

static bool gather(Head *h) {
  Pruner *p = h->p;
  const char *result = h->dense->name;
  const char *names[] = {h->conv->op->in[0]->name, h->clamped->name, result};
  float *row = ARENA_ARRAY(h->arena, float, h->conv->n);
  Probe is = {0}, was = {0};
  bool ok = probe_open(h->arena, p->work, p->engine, p->feed, names, 3, &is) &&
            probe_open(h->arena, p->g, p->engine, p->feed, &result, 1, &was);
  for (int64_t s = 0; ok && s < h->samples; s++) {
    int64_t sample = s * p->feed->samples / h->samples;
    ok = probe_run(&is, sample) && probe_run(&was, sample);
    for (int64_t q = 0; ok && q < h->results; q++)
      h->lost[s * h->results + q] = (double)was.at[0][q] - (double)is.at[2][q];
    if (ok)
      add_sample(h, s, is.at[0], is.at[1], row);
  }
  probe_close(&is);
  probe_close(&was);
  return ok;
}

/* Columns that went are no longer there: z has zeros for them. */
static bool factor_metric(Head *h) {
  int n = h->conv->n;
  double trace = 0;
  gram_mirror(h->h, n);
  for (int i = 0; i < n; i++)
    trace += h->h[(ptrdiff_t)i * n + i];
  for (int i = 0; i < n; i++)
    h->h[(ptrdiff_t)i * n + i] += DAMP * trace / n;
  return trace > 0 && spd_factor(h->h, n);
}

static double dot(const double *x, const float *y, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++)
    sum += x[i] * (double)y[i];
  return sum;
}

static void fill_gram(Head *h) {
  int n = h->conv->n;
  int64_t samples = h->samples;
  double *y = ARENA_ARRAY(h->arena, double, samples *n);
  for (int64_t o = 0; o < h->outputs; o++) {
    const float *z = h->z + o * samples * n;
    double *g = h->g + o * samples * samples;
    for (int64_t i = 0; i < samples * n; i++)
      y[i] = (double)z[i];
    spd_solve(h->h, n, y, (int)samples);
    for (int64_t s = 0; s < samples; s++)
      for (int64_t t = 0; t <= s; t++)
        g[s * samples + t] = g[t * samples + s] = dot(y + s * n, z + t * n, n);
  }
}

/* ---- the dual ---- */

/* Samples of one half, or all. */
typedef struct Part {
  int64_t first, step;
} Part;

/* to (samples, results) = K a over all samples, from those of the part. */
static void multiply(const Head *h, Part part, const double *a, double *to) {
  int64_t n = h->samples, results = h->results;
  double *in = h->room, *out = h->room + n;
  memset(to, 0, (size_t)(n * results) * sizeof *to);
  for (int64_t o = 0; o < h->outputs; o++) {
    const double *f = h->f + o, *g = h->g + o * n * n;
    memset(out, 0, (size_t)n * sizeof *out);
    for (int64_t s = part.first; s < n; s += part.step) {
      in[s] = 0;
      for (int64_t q = 0; q < results; q++)
        in[s] += a[s * results + q] * f[q * h->outputs];
      for (int64_t t = 0; t < n; t++)
        out[t] += in[s] * g[s * n + t];
    }
    for (int64_t t = 0; t < n; t++)
      for (int64_t q = 0; q < results; q++)
        to[t * results + q] += out[t] * f[q * h->outputs];
  }
}

static double mean_diagonal(const Head *h) {
  double sum = 0;
  for (int64_t o = 0; o < h->outputs; o++) {
    double f = 0, g = 0;
    for (int64_t q = 0; q < h->results; q++)
      f += h->f[q * h->outputs + o] * h->f[q * h->outputs + o];
    for (int64_t s = 0; s < h->samples; s++)
      g += h->g[(o * h->samples + s) * h->samples + s];
    sum += f * g;
  }
  return sum / (double)(h->samples * h->results);
}

static double inner(const Head *h, Part part, const double *a,
                    const double *b) {
  double sum = 0;
  for (int64_t s = part.first; s < h->samples; s += part.step)
    for (int64_t q = s * h->results; q < (s + 1) * h->results; q++)
      sum += a[q] * b[q];
  return sum;
}

/* b += by * a, of the part. */
static void add(const Head *h, Part part, double by, const double *a,
                double *b) {
  for (int64_t s = part.first; s < h->samples; s += part.step)
    for (int64_t q = s * h->results; q < (s + 1) * h->results; q++)
      b[q] += by * a[q];
}

/* (K + ridge) a = lost on the part's samples, by conjugate gradients; a is 0
 * elsewhere. */
static void solve(const Head *h, Part part, double ridge, double *a) {
  Arena *own = arena_new();
  int64_t count = h->samples * h->results;
  double *r = ARENA_ARRAY(own, double, count);
  double *d = ARENA_ARRAY(own, double, count);
  double *kd = ARENA_ARRAY(own, double, count);
  memset(a, 0, (size_t)count * sizeof *a);
  add(h, part, 1, h->lost, r);
  add(h, part, 1, r, d);
  double rr = inner(h, part, r, r), least = PRECISION * PRECISION * rr;
  for (int i = 0; i < ITERATIONS && rr > least; i++) {
    multiply(h, part, d, kd);
    add(h, part, ridge, d, kd);
    double step = rr / inner(h, part, d, kd), was = rr;
    add(h, part, step, d, a);
    add(h, part, -step, kd, r);
    rr = inner(h, part, r, r);
    add(h, part, rr / was - 1, d, d);
    add(h, part, 1, r, d);
  }
  arena_free(own);
}

/* What is left on each half of what the other half says. */
static double cross_error(const Head *h, double ridge, double *a, double *ka) {
  double sum = 0;
  for (int64_t half = 0; half < 2; half++) {
    Part from = {half, 2}, on = {1 - half, 2};
    solve(h, from, ridge, a);
    multiply(h, from, a, ka);
    for (int64_t s = on.first; s < h->samples; s += on.step)
      for (int64_t q = s * h->results; q < (s + 1) * h->results; q++)
        sum += (h->lost[q] - ka[q]) * (h->lost[q] - ka[q]);
  }
  return sum;
}

/* 0: none does good. */
static double best_ridge(const Head *h, double *a, double *ka) {
  double scale = mean_diagonal(h), best = 0;
  double least = inner(h, (Part){0, 1}, h->lost, h->lost);
  for (int i = 0; i < RIDGES && scale > 0; i++) {
    double error = cross_error(h, ridges[i] * scale, a, ka);
    if (error < least) {
      least = error;
      best = ridges[i] * scale;
    }
  }
  return best;
}

/* ---- the step ---- */

static void change_output(Head *h, int64_t i, const double *a, double *d) {
  Layer *l = h->conv;
  memset(d, 0, (size_t)l->n * sizeof *d);
  for (int64_t s = 0; s < h->samples; s++) {
    const float *z = h->z + (i * h->samples + s) * l->n;
    double by = 0;
    for (int64_t q = 0; q < h->results; q++)
      by += a[s * h->results + q] * h->f[q * h->outputs + i];
    for (int c = 0; c < l->n; c++)
      d[c] += by * (double)z[c];
  }
  spd_solve(h->h, l->n, d, 1);
  for (int c = 0; c < l->n - 1; c++)
    if (!column_is_gone(h->p, l, 0, c))
      l->w[weight_at(l, h->output[i], c)] += (float)d[c];
  for (int64_t b = h->output[i]; b < l->nb; b += l->tied->outputs)
    l->b[b] += (float)d[l->n - 1];
}

static void take_step(Head *h) {
  int64_t count = h->samples * h->results;
  double *a = ARENA_ARRAY(h->arena, double, count);
  double *ka = ARENA_ARRAY(h->arena, double, count);
  double *d = ARENA_ARRAY(h->arena, double, h->conv->n);
  fill_gram(h);
  double ridge = best_ridge(h, a, ka);
  if (!(ridge > 0))
    return;
  solve(h, (Part){0, 1}, ridge, a);
  for (int64_t i = 0; i < h->outputs; i++)
    change_output(h, i, a, d);
}

bool prune_solve_head(Pruner *p) {
  Head h;
  if (!find_head(p, &h))
    return true;
  h.arena = arena_new();
  bool ok = true;
  if (make_room(&h)) {
    ok = gather(&h);
    if (ok && factor_metric(&h))
      take_step(&h);
  }
  arena_free(h.arena);
  return ok;
}
