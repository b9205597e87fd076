/* What comes into a layer of the float graph and of the pruned one, as far as
 * that is solved, at the same places of the same samples; and what its
 * outputs should be. */
#include <math.h>
#include <string.h>

#include "compress/linear.h"
#include "compress/prune/rows.h"

/* The sum that alone reads the layer's result (the model does not return it),
 * when it is a plain one; NULL: there is none. */
static const Op *sum_behind(const Layer *l) {
  const Value *y = l->op->out[0];
  bool alone = y->uses.n == 1 && value_use_count(l->op->graph, y) == 1;
  const Op *sum = alone ? y->uses.v[0].op : NULL;
  return sum && sum->kind == OP_add && act_of_layer(l) == ACT_none &&
                 type_same_shape(sum->out[0]->type, y->type)
             ? sum
             : NULL;
}

/* The sum's other operand. */
static Value *other_of(const Layer *l, const Op *sum) {
  Value *v = sum ? sum->in[1 - l->op->out[0]->uses.v[0].index] : NULL;
  bool fits = v && v->def && type_same_shape(v->type, l->op->out[0]->type);
  return fits ? v : NULL;
}

Act act_of_layer(const Layer *l) {
  switch (l->op->kind) {
  case OP_fully_connected:
    return l->op->attrs.dense.act;
  case OP_conv2d:
  case OP_depthwise_conv2d:
    return l->op->attrs.conv.act;
  default:
    return ACT_none;
  }
}

static void make_room(Rows *r, const Pruner *p) {
  const Layer *l = r->layer;
  int64_t outputs = l->tied->outputs;
  int64_t most = input_places(p, l) * input_samples(p, l);
  r->x = ARENA_ARRAY(r->arena, float, most * l->groups * l->n);
  r->want = ARENA_ARRAY(r->arena, float, most *outputs);
  r->base = ARENA_ARRAY(r->arena, float, most *outputs);
  for (int half = 0; half < 2; half++) {
    r->h[half] = ARENA_ARRAY(r->arena, double, l->groups * l->n * l->n);
    r->r[half] = ARENA_ARRAY(r->arena, double, outputs * l->n);
  }
}

/* W x of one output. */
static double own_result(const Layer *l, int64_t o, const float *x) {
  const float *w = l->ordered + o * l->n;
  double sum = 0;
  for (int c = 0; c < l->n - 1; c++)
    sum += (double)w[c] * (double)x[c];
  return sum;
}

void rows_add_wanted(double *r, int n, double want, const float *x) {
  for (int i = 0; i < n; i++)
    r[i] += want * (double)x[i];
}

/* Output o at a place: what it shall be, less the bias and what is summed. */
static void add_output(Rows *r, const Probe *is, const Probe *was, int64_t o,
                       int64_t place, const float *x) {
  const Layer *l = r->layer;
  int64_t at = r->n * l->tied->outputs + o, y = place * l->tied->outputs + o;
  double lost = 0, base = l->b ? (double)l->own_b[o] : 0;
  if (r->other) {
    double whole = (double)was->at[1][y];
    double now = r->other_is_solved ? (double)is->at[1][y] : whole;
    lost = whole - now;
    base += now;
  }
  r->want[at] = (float)(own_result(l, o, x) + lost);
  r->base[at] = (float)base;
}

static void add_place(Rows *r, const Probe *is, const Probe *was, int half,
                      int64_t place, float *x) {
  const Layer *l = r->layer;
  int64_t group = l->tied->group;
  for (int64_t k = 0; k < l->groups; k++) {
    float *x2 = r->x + (r->n * l->groups + k) * l->n;
    input_row(l, was->at[0], k, place, x);
    input_row(l, is->at[0], k, place, x2);
    gram_add(r->h[half] + k * l->n * l->n, l->n, x2);
    for (int64_t o = k * group; o < (k + 1) * group; o++) {
      if (output_is_gone(r->p, l, o))
        continue;
      add_output(r, is, was, o, place, x);
      rows_add_wanted(r->r[half] + o * l->n, l->n,
                      (double)r->want[r->n * l->tied->outputs + o], x2);
    }
  }
  r->n++;
}

static bool gather(Rows *r, Probe *is, Probe *was) {
  Pruner *p = r->p;
  int64_t takes = input_places(p, r->layer);
  float *x = ARENA_ARRAY(r->arena, float, r->layer->n);
  for (int64_t k = 0; k < input_samples(p, r->layer); k++) {
    int64_t s = input_sample(p, r->layer, k);
    if (!probe_run(is, s) || !probe_run(was, s))
      return false;
    for (int64_t j = 0; j < takes; j++)
      add_place(r, is, was, (int)(k & 1), input_place(r->layer, takes, s, j),
                x);
  }
  return true;
}

bool rows_take(Pruner *p, Layer *l, Arena *a, Rows *out) {
  const Op *sum = sum_behind(l);
  *out = (Rows){.p = p, .layer = l, .arena = a, .other = other_of(l, sum)};
  out->act = act_of_layer(l);
  if (out->other) {
    out->act = sum->attrs.act.act;
    out->other_is_solved = out->other->def->index < l->op->index;
  }
  const char *names[] = {l->op->in[0]->name,
                         out->other ? out->other->name : NULL};
  int n = out->other ? 2 : 1;
  Probe is = {0}, was = {0};
  make_room(out, p);
  bool ok = probe_open(a, p->work, p->engine, p->feed, names, n, &is) &&
            probe_open(a, p->g, p->engine, p->feed, names, n, &was) &&
            gather(out, &is, &was);
  probe_close(&is);
  probe_close(&was);
  for (int half = 0; half < 2; half++)
    for (int64_t k = 0; k < l->groups; k++)
      gram_mirror(out->h[half] + k * l->n * l->n, l->n);
  return ok;
}
