/* kiln eval: how good a model is on a data set, by labels, by targets, or
 * beside another model. */
#include "driver/eval.h"

#include <string.h>

#include "driver/data.h"
#include "driver/engine.h"
#include "driver/progress.h"
#include "driver/session.h"

static bool usage_error(Cli *cli, const char *what, const char *why) {
  return diag_error(cli->diag, E0001, (Loc){0}, "%s %s", what, why);
}

/* ---- models ---- */

static int find_output(const Graph *g, const char *name) {
  for (int i = 0; i < g->outputs.n; i++)
    if (strcmp(g->outputs.v[i]->name, name) == 0)
      return i;
  return -1;
}

static bool choose_output(Cli *cli, Evaluated *x) {
  const Graph *g = x->g;
  const char *name = cli->value[OPT_output_name];
  x->output = name ? find_output(g, name) : g->outputs.n == 1 ? 0 : -1;
  if (x->output >= 0)
    return true;
  Str names = str_new(cli->arena);
  for (int i = 0; i < g->outputs.n; i++)
    str_printf(&names, "%s%s", i ? ", " : "", g->outputs.v[i]->name);
  diag_error(cli->diag, E0001, (Loc){.file = g->file},
             name ? "no output is called '%s'"
                  : "the model has several outputs%s",
             name ? name : "");
  diag_hint(cli->diag, "--output chooses one of %s", str_cstr(&names));
  return false;
}

/* What one model's inputs do not say of preprocessing, the other's do. */
static void share_preprocess(Cli *cli, const Graph *from, Graph *to) {
  for (int i = 0; i < to->inputs.n && i < from->inputs.n; i++) {
    Value *v = to->inputs.v[i];
    const Preprocess *p = from->inputs.v[i]->preprocess;
    if (!v->preprocess && p && !preprocess_misfit(cli->arena, p, v->type))
      v->preprocess = p;
  }
}

static bool load_other(Cli *cli, Eval *e) {
  e->against = cli->value[OPT_against];
  if (!e->against)
    return true;
  Graph *g = session_load_file(cli, e->against);
  e->other.g = g;
  if (!g || !session_has_memory(cli, g))
    return false;
  share_preprocess(cli, g, e->own.g);
  share_preprocess(cli, e->own.g, g);
  return g->outputs.n == 1 || choose_output(cli, &e->other);
}

static bool open_feeds(Cli *cli, Eval *e) {
  Evaluated *x = &e->other;
  if (!data_open(cli, e->own.g, &e->own.feed))
    return false;
  if (!e->against)
    return true;
  int64_t n = type_count(x->g->outputs.v[x->output]->type);
  if (n != e->outputs)
    return diag_error(cli->diag, E0001, (Loc){.file = e->against},
                      "the output has %lld elements, that of %s %lld",
                      (long long)n, e->own.g->file, (long long)e->outputs);
  return feed_for(cli->diag, &e->own.feed, x->g, &x->feed);
}

static bool load_models(Cli *cli, Eval *e) {
  Evaluated *x = &e->own;
  x->g = session_load(cli);
  if (!x->g || !session_has_memory(cli, x->g) || !choose_output(cli, x))
    return false;
  e->outputs = type_count(x->g->outputs.v[x->output]->type);
  return load_other(cli, e);
}

/* ---- metrics ---- */

static bool add_metric(Cli *cli, Eval *e, const char *name, size_t n) {
  if (e->n == EVAL_MAX_METRICS)
    return usage_error(cli, "--metric:", "there are too many");
  if (metric_find(name, n, &e->metric[e->n++]))
    return true;
  return diag_error(cli->diag, E0001, (Loc){0},
                    "--metric: '%.*s' is none of %s", (int)n, name,
                    metric_names(cli->arena));
}

static bool take_metrics(Cli *cli, Eval *e) {
  const char *s = cli->value[OPT_metric];
  while (s) {
    size_t n = strcspn(s, ",");
    if (!add_metric(cli, e, s, n))
      return false;
    s = s[n] ? s + n + 1 : NULL;
  }
  return true;
}

static void default_metrics(Eval *e) {
  if (e->labels.n)
    e->metric[e->n++] = (MetricSpec){METRIC_top, 1};
  if (e->labels.n && e->outputs > 5)
    e->metric[e->n++] = (MetricSpec){METRIC_top, 5};
  if (e->against)
    e->metric[e->n++] = (MetricSpec){.kind = METRIC_agreement};
  if (!e->against && !e->labels.n)
    e->metric[e->n++] = (MetricSpec){.kind = METRIC_mse};
  if (!e->labels.n || e->against)
    e->metric[e->n++] = (MetricSpec){.kind = METRIC_cos};
  if (e->against) {
    e->metric[e->n++] = (MetricSpec){.kind = METRIC_mean_difference};
    e->metric[e->n++] = (MetricSpec){.kind = METRIC_max_difference};
  }
}

/* Each needs something to compare with. */
static bool check_metrics(Cli *cli, const Eval *e) {
  bool ok = true;
  for (int i = 0; i < e->n; i++) {
    bool labels = metric_wants_labels(e->metric[i]);
    const char *name = metric_name(cli->arena, e->metric[i]);
    if (!metric_fits(e->metric[i], metric_classes(e->outputs)))
      ok = usage_error(cli, name, "is more than there are classes");
    if (labels && !e->labels.n)
      ok = usage_error(cli, name, "needs --labels with classes");
    if (!labels && !e->against && !e->truth.want)
      ok = usage_error(cli, name, "needs --against, or targets as --labels");
  }
  return ok;
}

/* ---- what is compared with ---- */

/* Does --labels hold outputs, not classes? */
static bool are_targets(Cli *cli, const Eval *e) {
  const char *spec = cli->value[OPT_labels];
  if (!spec || e->against)
    return false;
  for (int i = 0; i < e->n; i++)
    if (!metric_wants_labels(e->metric[i]))
      return true;
  return !e->n && data_is_targets(cli, spec, e->outputs);
}

static bool read_truth(Cli *cli, Eval *e) {
  double *targets;
  if (!take_metrics(cli, e))
    return false;
  if (are_targets(cli, e)) {
    if (!data_targets(cli, &e->own.feed, e->outputs, &targets))
      return false;
    e->truth.want = targets;
  } else if (!data_labels(cli, &e->own.feed, &e->labels) ||
             !data_classes(cli, &e->labels, metric_classes(e->outputs))) {
    return false;
  }
  if (!e->labels.n && !e->against && !e->truth.want)
    return usage_error(cli, "eval needs --labels, or --against", "a model");
  e->truth.label = e->labels.n ? e->labels.v : NULL;
  if (!e->n)
    default_metrics(e);
  return check_metrics(cli, e);
}

/* ---- running ---- */

static void show_progress(void *ctx, int64_t done, int64_t total) {
  progress_step(ctx, done, total);
}

static Evaluation evaluation_of(const Evaluated *x, Engine *engine,
                                Progress *progress) {
  return (Evaluation){.g = x->g,
                      .engine = engine,
                      .feed = &x->feed,
                      .output = x->output,
                      .progress = show_progress,
                      .ctx = progress};
}

/* The other model's outputs are what is wanted; its own metrics are those of
 * labels. */
static bool run_other(Cli *cli, Eval *e, Engine *engine) {
  if (!e->against)
    return true;
  int64_t samples = e->own.feed.samples;
  double *out = ARENA_ARRAY(cli->arena, double, samples * e->outputs);
  Progress progress = progress_begin(e->against);
  Evaluation run = evaluation_of(&e->other, engine, &progress);
  bool ok =
      session_optimize(cli, e->other.g, NULL) && evaluate_outputs(&run, out);
  progress_end(&progress);
  e->truth.want = out;
  if (ok)
    evaluate_known(samples, e->outputs, out, &e->truth, e->metric, e->n,
                   e->other.measured);
  return ok;
}

static bool run_own(Cli *cli, Eval *e, Engine *engine) {
  Progress progress = progress_begin("evaluating");
  Evaluation run = evaluation_of(&e->own, engine, &progress);
  bool ok =
      session_optimize(cli, e->own.g, NULL) &&
      evaluate(&run, &e->truth, e->metric, e->n, e->own.measured, &e->own.time);
  progress_end(&progress);
  return ok;
}

static void look_at_inputs(Cli *cli, Eval *e) {
  const Feed *f = &e->own.feed;
  e->spans = ARENA_ARRAY(cli->arena, Span, f->g->inputs.n);
  for (int i = 0; i < f->g->inputs.n; i++)
    e->spans[i] = feed_span(f, i);
  feed_warn(cli->diag, f, e->spans);
}

bool command_eval(Cli *cli) {
  Eval e = {.n = 0};
  if (!load_models(cli, &e))
    return false;
  bool has_data = open_feeds(cli, &e);
  if (!read_truth(cli, &e) || !has_data)
    return false;
  look_at_inputs(cli, &e);
  Engine *engine = engine_new(cli);
  if (!run_other(cli, &e, engine) || !run_own(cli, &e, engine))
    return false;
  if (cli_has(cli, OPT_json))
    eval_print_json(&e);
  else
    eval_print(&e);
  return true;
}
