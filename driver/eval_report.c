/* What kiln eval has measured, as text and as JSON. */
#include <stdio.h>

#include "driver/eval.h"
#include "driver/table.h"

static Arena *arena_of(const Eval *e) { return e->own.g->arena; }

static int64_t samples_of(const Eval *e) { return e->own.feed.samples; }

/* ---- text ---- */

static void print_value(const Eval *e, int i, const Evaluated *x) {
  const Measured *m = &x->measured[i];
  if (metric_is_part(e->metric[i]))
    printf("%.2f %% (%lld of %lld)", 100 * m->value, (long long)m->hits,
           (long long)samples_of(e));
  else
    printf("%.6g", m->value);
}

/* Metrics of labels are the other model's, too. */
static void print_metric(const Eval *e, int i) {
  printf("%s ", metric_name(arena_of(e), e->metric[i]));
  print_value(e, i, &e->own);
  if (e->against && metric_wants_labels(e->metric[i])) {
    printf("; %s: ", e->against);
    print_value(e, i, &e->other);
  }
  printf("\n");
}

static double microseconds(const Eval *e) {
  return 1e6 * e->own.time.seconds / (double)samples_of(e);
}

void eval_print(const Eval *e) {
  const Feed *f = &e->own.feed;
  for (int i = 0; i < e->n; i++)
    print_metric(e, i);
  for (int i = 0; i < f->g->inputs.n; i++)
    printf("input %s: %.4g to %.4g\n", f->in[i].name, e->spans[i].lo,
           e->spans[i].hi);
  printf("%.1f us an inference (%s)\n", microseconds(e), e->own.time.executor);
}

/* ---- JSON ---- */

static void add(json_object *o, const char *key, json_object *value) {
  json_object_object_add(o, key, value);
}

/* "top1", "mean_difference" */
static const char *key_of(const Eval *e, int i) {
  char *key = arena_strdup(arena_of(e), metric_name(arena_of(e), e->metric[i]));
  char *to = key;
  for (const char *p = key; *p; p++)
    if (*p != '-' || e->metric[i].kind != METRIC_top)
      *to++ = *p == '-' ? '_' : *p;
  *to = 0;
  return key;
}

static void add_metrics(const Eval *e, const Evaluated *x, bool only_labels,
                        json_object *o) {
  for (int i = 0; i < e->n; i++)
    if (!only_labels || metric_wants_labels(e->metric[i]))
      add(o, key_of(e, i), json_real(x->measured[i].value));
}

static json_object *inputs_json(const Eval *e) {
  const Feed *f = &e->own.feed;
  json_object *list = json_object_new_array();
  for (int i = 0; i < f->g->inputs.n; i++) {
    json_object *o = json_object_new_object();
    add(o, "name", json_text(f->in[i].name));
    add(o, "lo", json_real(e->spans[i].lo));
    add(o, "hi", json_real(e->spans[i].hi));
    json_object_array_add(list, o);
  }
  return list;
}

void eval_print_json(const Eval *e) {
  json_object *o = json_object_new_object();
  add(o, "model", json_text(e->own.g->name));
  add(o, "executor", json_text(e->own.time.executor));
  add(o, "samples", json_object_new_int64(samples_of(e)));
  if (e->labels.n)
    add(o, "classes", json_object_new_int64(metric_classes(e->outputs)));
  add_metrics(e, &e->own, false, o);
  add(o, "inputs", inputs_json(e));
  if (e->against) {
    json_object *other = json_object_new_object();
    add(other, "model", json_text(e->against));
    add_metrics(e, &e->other, true, other);
    add(o, "against", other);
  }
  add(o, "microseconds", json_real(microseconds(e)));
  json_print(o, stdout);
}
