/* kiln eval: a classifier's top-1 and top-5 over a data set. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "driver/data.h"
#include "driver/engine.h"
#include "driver/progress.h"
#include "driver/session.h"
#include "driver/table.h"
#include "ir/array.h"

enum { TOP = 5 };

typedef struct Eval {
  const Graph *g;
  const Type *out;
  Feed feed;
  Labels labels;
  int64_t classes;
  int64_t top1, top5;
  double seconds; /* in the executor */
} Eval;

/* Classes that come before `label`: with a larger score, or the same and a
 * smaller number. */
static int64_t rank_of(const NdArray *scores, int64_t classes, int64_t label) {
  int64_t before = 0;
  double own = nd_real(scores, label);
  for (int64_t c = 0; c < classes; c++) {
    double x = nd_real(scores, c);
    before += x > own || (x == own && c < label);
  }
  return before;
}

static bool check_model(Cli *cli, Eval *e) {
  Loc loc = {.file = e->g->file};
  if (e->g->inputs.n != 1 || e->g->outputs.n != 1)
    return diag_error(cli->diag, E0302, loc,
                      "eval is for models of one input and one output");
  e->out = e->g->outputs.v[0]->type;
  e->classes = type_count(e->out);
  return true;
}

static bool check_labels(Cli *cli, const Eval *e) {
  for (int64_t i = 0; i < e->labels.n; i++)
    if (e->labels.v[i] < 0 || e->labels.v[i] >= e->classes)
      return diag_error(cli->diag, E0701, (Loc){.file = cli->value[OPT_labels]},
                        "label %lld is class %lld, the model has %lld",
                        (long long)i, (long long)e->labels.v[i],
                        (long long)e->classes);
  return e->labels.n || diag_error(cli->diag, E0001, (Loc){0},
                                   "eval needs --data and --labels");
}

static bool read_data(Cli *cli, Eval *e) {
  return data_open(cli, e->g, &e->feed) &&
         data_labels(cli, &e->feed, &e->labels) && check_labels(cli, e);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool eval_sample(Eval *e, Executor *x, int64_t i, void *in, void *out) {
  const void *const inputs[] = {in};
  void *const outputs[] = {out};
  NdArray scores = {.type = array_elem(e->out->dtype), .data = out};
  feed_sample(&e->feed, i, &in);
  x->reset(x);
  double start = now();
  bool ok = x->run(x, inputs, outputs);
  e->seconds += now() - start;
  int64_t rank = ok ? rank_of(&scores, e->classes, e->labels.v[i]) : 0;
  e->top1 += rank < 1;
  e->top5 += rank < TOP;
  return ok;
}

static bool eval_all(Cli *cli, Eval *e, Executor *x) {
  void *in =
      arena_alloc(cli->arena, (size_t)type_bytes(e->g->inputs.v[0]->type));
  void *out = arena_alloc(cli->arena, (size_t)type_bytes(e->out));
  Progress progress = progress_begin("evaluating");
  bool ok = true;
  for (int64_t i = 0; i < e->feed.samples && ok; i++) {
    ok = eval_sample(e, x, i, in, out);
    progress_step(&progress, i + 1, e->feed.samples);
  }
  progress_end(&progress);
  return ok;
}

static void print_json(const Eval *e, const char *executor) {
  double n = (double)e->feed.samples;
  json_object *o = json_object_new_object();
  json_object_object_add(o, "model", json_text(e->g->name));
  json_object_object_add(o, "executor", json_text(executor));
  json_object_object_add(o, "samples", json_object_new_int64(e->feed.samples));
  json_object_object_add(o, "classes", json_object_new_int64(e->classes));
  json_object_object_add(o, "top1",
                         json_object_new_double((double)e->top1 / n));
  if (e->classes > TOP)
    json_object_object_add(o, "top5",
                           json_object_new_double((double)e->top5 / n));
  json_object_object_add(o, "microseconds",
                         json_object_new_double(1e6 * e->seconds / n));
  json_print(o, stdout);
}

static void print_rate(const char *what, int64_t hits, int64_t n) {
  printf("%s %.2f %% (%lld of %lld)\n", what, 100 * (double)hits / (double)n,
         (long long)hits, (long long)n);
}

static void print_text(const Eval *e, const char *executor) {
  print_rate("top-1", e->top1, e->feed.samples);
  if (e->classes > TOP)
    print_rate("top-5", e->top5, e->feed.samples);
  printf("%.1f us an inference (%s)\n",
         1e6 * e->seconds / (double)e->feed.samples, executor);
}

bool command_eval(Cli *cli) {
  Graph *g = session_load(cli);
  Eval e = {.g = g};
  if (!g || !session_has_memory(cli, g) || !check_model(cli, &e) ||
      !read_data(cli, &e) || !session_optimize(cli, g, NULL))
    return false;
  Engine *engine = engine_new(cli);
  Executor *x = engine->make(engine, g);
  bool ok = x && eval_all(cli, &e, x);
  if (ok && cli_has(cli, OPT_json))
    print_json(&e, x->name);
  else if (ok)
    print_text(&e, x->name);
  if (x)
    x->free(x);
  return ok;
}
