/* kiln eval: a classifier's top-1 and top-5 over a data set. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "driver/progress.h"
#include "driver/samples.h"
#include "driver/session.h"
#include "driver/table.h"
#include "ir/element.h"

enum { TOP = 5 };

typedef struct Eval {
  const Graph *g;
  const Type *in, *out;
  NdArray data;
  Labels labels;
  int64_t samples, classes;
  int64_t top1, top5;
  double seconds; /* in the executor */
} Eval;

/* One element of the data as the input takes it. Bytes of the input's own
 * type stay; pixels move to the other signedness; reals go through the
 * input's scale. */
static int64_t to_integer(const Type *t, const NdArray *x, int64_t i) {
  double real = nd_real(x, i);
  bool is_real = x->type == ELEM_f32 || x->type == ELEM_f64;
  if (x->type == ELEM_u8 && t->dtype == DT_i8)
    return (int64_t)real - 128;
  if (x->type == ELEM_i8 && t->dtype == DT_u8)
    return (int64_t)real + 128;
  if (is_real && t->q)
    real = round(real / (double)type_scale(t)) + type_zero_point(t);
  double lo = (double)dtype_min(t->dtype), hi = (double)dtype_max(t->dtype);
  return (int64_t)fmin(fmax(real, lo), hi);
}

static void convert(const Type *t, const NdArray *x, int64_t first, void *out) {
  int64_t n = type_count(t);
  size_t width = elem_bytes(x->type);
  if (x->type == sample_elem(t->dtype)) {
    memcpy(out, (const char *)x->data + (size_t)first * width,
           (size_t)n * width);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (t->dtype == DT_f32)
      ((float *)out)[i] = (float)nd_real(x, first + i);
    else
      element_store(t->dtype, out, i, (uint64_t)to_integer(t, x, first + i));
  }
}

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
  e->in = e->g->inputs.v[0]->type;
  e->out = e->g->outputs.v[0]->type;
  e->classes = type_count(e->out);
  if (dtype_bits(e->in->dtype) != 8 && e->in->dtype != DT_f32 &&
      e->in->dtype != DT_i16)
    return diag_error(cli->diag, E0302, loc,
                      "eval feeds i8, u8, i16 and f32, not %s",
                      dtype_name(e->in->dtype));
  return true;
}

/* NaN can't be converted to an integer. */
static bool check_finite(Cli *cli, const Eval *e) {
  if (e->in->dtype == DT_f32)
    return true;
  for (int64_t i = 0; i < nd_count(&e->data); i++)
    if (isnan(nd_real(&e->data, i)))
      return diag_error(cli->diag, E0701, (Loc){.file = cli->value[OPT_data]},
                        "element %lld is not a number", (long long)i);
  return true;
}

/* Samples along the first axis, one sample as a whole, or (of one axis) all
 * elements in a row. */
static bool is_divisible(const NdArray *x, int64_t one) {
  int64_t all = nd_count(x);
  return one > 0 && all > 0 &&
         (all == one ||
          (x->rank == 1 ? all % one == 0 : x->rank && all / x->dim[0] == one));
}

static bool check_data(Cli *cli, Eval *e) {
  Loc loc = {.file = cli->value[OPT_data]};
  int64_t one = type_count(e->in), all = nd_count(&e->data);
  if (!is_divisible(&e->data, one))
    return diag_error(cli->diag, E0701, loc,
                      "%s does not divide into samples of %lld elements",
                      nd_text(cli->arena, &e->data), (long long)one);
  e->samples = all / one;
  if (e->labels.n != e->samples)
    return diag_error(cli->diag, E0701, loc, "%lld samples, but %lld labels",
                      (long long)e->samples, (long long)e->labels.n);
  for (int64_t i = 0; i < e->labels.n; i++)
    if (e->labels.v[i] < 0 || e->labels.v[i] >= e->classes)
      return diag_error(cli->diag, E0701, (Loc){.file = cli->value[OPT_labels]},
                        "label %lld is class %lld, the model has %lld",
                        (long long)i, (long long)e->labels.v[i],
                        (long long)e->classes);
  return check_finite(cli, e);
}

static bool read_data(Cli *cli, Eval *e) {
  const char *data = cli->value[OPT_data], *labels = cli->value[OPT_labels];
  if (!data || !labels)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "eval needs --data and --labels");
  return data_read(cli->arena, cli->diag, data, &e->data) &&
         labels_read(cli->arena, cli->diag, labels, &e->labels) &&
         check_data(cli, e);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool eval_sample(Eval *e, Executor *x, int64_t i, void *in, void *out) {
  const void *const inputs[] = {in};
  void *const outputs[] = {out};
  NdArray scores = {.type = sample_elem(e->out->dtype), .data = out};
  convert(e->in, &e->data, i * type_count(e->in), in);
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
  void *in = arena_alloc(cli->arena, (size_t)type_bytes(e->in));
  void *out = arena_alloc(cli->arena, (size_t)type_bytes(e->out));
  Progress progress = progress_begin("evaluating");
  bool ok = true;
  for (int64_t i = 0; i < e->samples && ok; i++) {
    ok = eval_sample(e, x, i, in, out);
    progress_step(&progress, i + 1, e->samples);
  }
  progress_end(&progress);
  return ok;
}

static void print_json(const Eval *e, const char *executor) {
  double n = (double)e->samples;
  json_object *o = json_object_new_object();
  json_object_object_add(o, "model", json_text(e->g->name));
  json_object_object_add(o, "executor", json_text(executor));
  json_object_object_add(o, "samples", json_object_new_int64(e->samples));
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
  print_rate("top-1", e->top1, e->samples);
  if (e->classes > TOP)
    print_rate("top-5", e->top5, e->samples);
  printf("%.1f us an inference (%s)\n", 1e6 * e->seconds / (double)e->samples,
         executor);
}

bool command_eval(Cli *cli) {
  Graph *g = session_load(cli);
  Eval e = {.g = g};
  if (!g || !session_has_memory(cli, g) || !check_model(cli, &e) ||
      !read_data(cli, &e) || !session_optimize(cli, g, NULL))
    return false;
  Executor *x = session_executor(cli, g);
  bool ok = x && eval_all(cli, &e, x);
  if (ok && cli_has(cli, OPT_json))
    print_json(&e, x->name);
  else if (ok)
    print_text(&e, x->name);
  if (x)
    x->free(x);
  return ok;
}
