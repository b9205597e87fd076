/* kiln quantize: a float model, and data like that it will see, to a model of
 * small integers. */
#include <string.h>

#include "compress/prepare.h"
#include "compress/recover/recover.h"
#include "compress/sensitivity.h"
#include "driver/account.h"
#include "driver/data.h"
#include "driver/engine.h"
#include "driver/graph_file.h"
#include "driver/progress.h"
#include "driver/search.h"
#include "driver/session.h"
#include "driver/table.h"
#include "ir/hash.h"

/* ---- options ---- */

/* Options that are keys of a layer's scheme. */
static const OptId scheme_options[] = {
    OPT_weights,   OPT_activations,        OPT_per_tensor,
    OPT_symmetric, OPT_asymmetric_weights, OPT_scale_bits,
    OPT_group};

/* `prefix` is what stands before the key on the command line. */
static bool bad_key(Cli *cli, const char *prefix, const char *key,
                    const char *value, const char *expected) {
  if (!expected)
    return diag_error(cli->diag, E0001, (Loc){0}, "%sthere is no '%s'", prefix,
                      key);
  return diag_error(cli->diag, E0001, (Loc){0}, "%s%s takes %s, not '%s'",
                    prefix, key, expected, value);
}

static bool check_fit(Cli *cli, const char *prefix, const LayerScheme *s) {
  const char *why = scheme_misfit(s);
  return !why || diag_error(cli->diag, E0001, (Loc){0}, "%s%s", prefix, why);
}

static bool read_base(Cli *cli, LayerScheme *s) {
  bool ok = true;
  for (size_t i = 0; i < sizeof scheme_options / sizeof *scheme_options; i++) {
    OptId id = scheme_options[i];
    const char *expected, *value = cli->value[id];
    if (value && !scheme_set(s, cli_spelling(id), value, &expected))
      ok = bad_key(cli, "--", cli_spelling(id), value, expected);
  }
  return ok && check_fit(cli, "", s);
}

/* One KEY or KEY=VALUE of --layer. */
static bool read_word(Cli *cli, char *word, LayerScheme *s) {
  char *equals = strchr(word, '=');
  const char *expected, *value = equals ? equals + 1 : "";
  if (equals)
    *equals = 0;
  return scheme_set(s, word, value, &expected) ||
         bad_key(cli, "--layer: ", word, value, expected);
}

/* NAME=KEY=VALUE,KEY,...; groups of the other layers stay where they fit. */
static bool read_layer(Cli *cli, const char *text, Scheme *s) {
  const char *equals = strchr(text, '=');
  if (!equals || equals == text || !equals[1 + strspn(equals + 1, ",")])
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--layer: '%s' is not NAME=SCHEME", text);
  SchemeRow row = {arena_strndup(cli->arena, text, (size_t)(equals - text)),
                   s->base};
  char *words = arena_strdup(cli->arena, equals + 1), *rest;
  bool ok = true;
  for (char *w = strtok_r(words, ",", &rest); w; w = strtok_r(NULL, ",", &rest))
    ok = read_word(cli, w, &row.scheme) && ok;
  if (row.scheme.group == s->base.group && scheme_misfit(&row.scheme))
    row.scheme.group = 0;
  ARRAY_PUSH(cli->arena, &s->rows, row);
  return ok && check_fit(cli, "--layer: ", &row.scheme);
}

static bool keep_float(Cli *cli, const char *text, Scheme *s) {
  char *names = arena_strdup(cli->arena, text), *rest;
  int before = s->rows.n;
  for (char *n = strtok_r(names, ",", &rest); n; n = strtok_r(NULL, ",", &rest))
    ARRAY_PUSH(
        cli->arena, &s->rows,
        ((SchemeRow){n, {WEIGHTS_f32, ACTIVATIONS_f32, .per_tensor = false}}));
  return s->rows.n > before ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--keep-float: '%s' names no layer", text);
}

static bool wants_ranges(const Scheme *s) {
  bool wants = activation_is_integer(s->base.activations);
  for (int i = 0; i < s->rows.n; i++)
    wants |= activation_is_integer(s->rows.v[i].scheme.activations);
  return wants;
}

/* What is about ranges, where there are any. */
static bool check_wanted(Cli *cli, const Scheme *s) {
  static const OptId about[] = {OPT_calibration, OPT_method};
  bool ok = true;
  for (size_t i = 0; i < sizeof about / sizeof *about; i++)
    if (cli_has(cli, about[i]) && !wants_ranges(s))
      ok = diag_error(cli->diag, E0001, (Loc){0},
                      "--%s is about ranges of activations, which %s ones have "
                      "none of",
                      cli_spelling(about[i]),
                      activation_form_name(s->base.activations));
  return ok;
}

static bool read_scheme(Cli *cli, Scheme *s) {
  *s = scheme_default();
  bool ok = read_base(cli, &s->base);
  const char *method = cli->value[OPT_method];
  const char *steps = cli->value[OPT_recover];
  s->corrects_biases = !steps || strcmp(steps, "none") != 0;
  if (method && !range_rule_parse(method, &s->rule))
    ok = diag_error(cli->diag, E0001, (Loc){0},
                    "--method: '%s' is no way to find a range", method);
  for (int i = 0; i < cli->given.n; i++) {
    const OptUse *use = &cli->given.v[i];
    if (use->id == OPT_layer)
      ok = read_layer(cli, use->value, s) && ok;
    else if (use->id == OPT_keep_float)
      ok = keep_float(cli, use->value, s) && ok;
  }
  return ok && check_wanted(cli, s);
}

static bool is_named(const Graph *g, const char *layer) {
  for (const Op *op = g->first; op; op = op->next)
    if (scheme_names(layer, op))
      return true;
  return false;
}

static const char *nearest_result(Cli *cli, const Graph *g, const char *name) {
  ARRAY(const char *) names = {0};
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++)
      ARRAY_PUSH(cli->arena, &names, op->out[i]->name);
  return nearest_name(name, names.v, sizeof *names.v, names.n);
}

static bool check_layers(Cli *cli, const Graph *g, const Scheme *s) {
  bool ok = true;
  for (int i = 0; i < s->rows.n; i++) {
    const char *layer = s->rows.v[i].layer;
    if (is_named(g, layer))
      continue;
    ok = diag_error(cli->diag, E0001, (Loc){.file = g->file},
                    "no operator or result is called '%s'", layer);
    const char *near = nearest_result(cli, g, layer);
    if (near)
      diag_hint(cli->diag, "did you mean '%s'?", near);
  }
  return ok;
}

/* ---- ranges ---- */

static void step(void *progress, int64_t done, int64_t total) {
  progress_step(progress, done, total);
}

static bool observe(Cli *cli, const Graph *g, Calibration *out) {
  Feed feed;
  if (!data_open(cli, g, &feed))
    return false;
  Progress progress = progress_begin("calibrating");
  CalibrationProgress told = {step, &progress};
  bool ok = calibrate(cli->arena, g, engine_new(cli), &feed, (Shard){1, 1},
                      &told, out);
  progress_end(&progress);
  return ok;
}

/* Of --calibration, or of --data now. */
static bool get_ranges(Cli *cli, const Graph *g, const Scheme *s,
                       Calibration *out) {
  const char *file = cli->value[OPT_calibration];
  *out = (Calibration){0};
  if (!wants_ranges(s))
    return true;
  if (file)
    return calibration_read(cli->arena, cli->diag, file, out);
  if (cli->value[OPT_data])
    return observe(cli, g, out);
  return diag_error(cli->diag, E0001, (Loc){0},
                    "quantize needs --data or --calibration: ranges of the "
                    "activations");
}

/* --calibration, which is read wherever ranges are asked for, once. */
static bool check_calibration(Cli *cli, const Graph *g, const Scheme *s) {
  const char *file = cli->value[OPT_calibration];
  Calibration c;
  return !file || !wants_ranges(s) ||
         (calibration_read(cli->arena, cli->diag, file, &c) &&
          calibration_check(cli->diag, &c, g));
}

/* ---- recovery ---- */

typedef struct Quantizing {
  Cli *cli;
  const Graph *f; /* prepared; what --calibration is about */
  const Scheme *scheme;
  QuantizeReport *report;
} Quantizing;

/* Of a graph that a step of recovery has changed, ranges are observed. */
static Graph *quantize_once(void *ctx, const Graph *f) {
  const Quantizing *z = ctx;
  Calibration c;
  bool is_changed = graph_hash(f) != graph_hash(z->f);
  bool observes = is_changed && wants_ranges(z->scheme);
  *z->report = (QuantizeReport){0};
  return (observes ? observe(z->cli, f, &c)
                   : get_ranges(z->cli, f, z->scheme, &c))
             ? quantize_graph(z->cli->arena, f, z->scheme, &c, z->report)
             : NULL;
}

static Graph *quantize(Cli *cli, const Graph *f, const Scheme *s,
                       QuantizeReport *report, Recovery *r) {
  const char *steps = cli->value[OPT_recover];
  Quantizing z = {cli, f, s, report};
  Feed feed;
  *r = (Recovery){.arena = cli->arena, .quantize = quantize_once, .ctx = &z};
  if (!steps || !strcmp(steps, "none"))
    return quantize_once(&z, f);
  if (s->base.activations == ACTIVATIONS_dynamic)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--recover knows no layers whose ranges are taken at run "
                      "time"),
           NULL;
  if (!recover_check(cli->diag, steps) || !data_open(cli, f, &feed))
    return NULL;
  r->engine = engine_new(cli);
  r->feed = &feed;
  return recover_run(r, f, steps);
}

static Table recovery_table(Cli *cli, const Recovery *r) {
  static const char *const heading[] = {"step", ">layers", ">error before",
                                        ">after", "kept"};
  Arena *a = cli->arena;
  Table t = table_new(a, 5, heading);
  for (int i = 0; i < r->notes.n; i++) {
    const RecoveryNote *n = &r->notes.v[i];
    const char *cells[] = {n->step, table_number(a, n->changed),
                           arena_printf(a, "%.6f", n->before),
                           arena_printf(a, "%.6f", n->after),
                           n->kept ? "yes" : "no"};
    table_add(&t, cells);
  }
  return t;
}

/* ---- mixed precision ---- */

enum { SCANNED = 32 }; /* samples */

/* --mixed: more bits for the layers that want them. */
static bool spare_layers(Cli *cli, const Graph *g, Scheme *s) {
  int64_t n;
  Feed feed;
  Calibration c;
  LayerErrors errors = {0};
  if (!cli_int(cli, OPT_mixed, 0, &n) || !n)
    return !diag_error_count(cli->diag);
  if (n > sensitivity_layers(g))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--mixed=%lld: the model has only %lld layers with "
                      "weights",
                      (long long)n, (long long)sensitivity_layers(g));
  if (!cli->value[OPT_data])
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--mixed needs --data, samples to compare");
  if (!get_ranges(cli, g, s, &c) || !data_open(cli, g, &feed))
    return false;
  Progress progress = progress_begin("measuring layers");
  SensitivityScan scan = {.f = g,
                          .scheme = s,
                          .ranges = &c,
                          .engine = engine_new(cli),
                          .feed = &feed,
                          .samples =
                              feed.samples < SCANNED ? feed.samples : SCANNED,
                          .step = step,
                          .ctx = &progress};
  bool ok = sensitivity_scan(cli->arena, &scan, &errors);
  progress_end(&progress);
  if (ok)
    scheme_spare(cli->arena, s, g, &errors, n);
  return ok;
}

/* ---- the report ---- */

static const char *weights_text(Cli *cli, const QuantizedOp *op) {
  const LayerScheme *s = &op->scheme;
  if (!op->has_weights)
    return "";
  if (s->weights == WEIGHTS_f32)
    return "float";
  const char *name = weight_form_name(s->weights);
  return op->group ? arena_printf(cli->arena, "%s per %d", name, op->group)
                   : arena_printf(cli->arena, "%s%s", name,
                                  s->per_tensor ? "" : " per channel");
}

static Table layers_table(Cli *cli, const QuantizeReport *r) {
  static const char *const heading[] = {"result",      "operator", "weights",
                                        "activations", ">bytes",   "note"};
  Arena *a = cli->arena;
  Table t = table_new(a, 6, heading);
  for (int i = 0; i < r->ops.n; i++) {
    const QuantizedOp *op = &r->ops.v[i];
    const char *cells[] = {
        cli_has(cli, OPT_json) ? op->name : table_name(a, op->name),
        op_info(op->kind)->name,
        weights_text(cli, op),
        op->why ? "float" : activation_form_name(op->scheme.activations),
        table_number(a, op->bytes),
        op->why};
    table_add(&t, cells);
  }
  return t;
}

typedef struct Totals {
  int integer, real;
  int64_t parameters, bytes;
} Totals;

static Totals totals_of(const QuantizeReport *r) {
  Totals t = {0};
  for (int i = 0; i < r->ops.n; i++) {
    const QuantizedOp *op = &r->ops.v[i];
    *(op->why ? &t.real : &t.integer) += 1;
    t.parameters += op->parameters;
    t.bytes += op->bytes;
  }
  return t;
}

static void print_json(const Table *table, const Table *recovery,
                       const Totals *t, const Table *sums) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "layers", table_json(table));
  json_object_object_add(o, "recovery", table_json(recovery));
  json_object_object_add(o, "integer", json_object_new_int(t->integer));
  json_object_object_add(o, "float", json_object_new_int(t->real));
  json_object_object_add(o, "parameters", json_object_new_int64(t->parameters));
  json_object_object_add(o, "bytes", json_object_new_int64(t->bytes));
  json_object_object_add(o, "account", table_json(sums));
  json_print(o, stdout);
}

static void print_report(Cli *cli, const QuantizeReport *r,
                         const Recovery *recovery, const Account *account) {
  Table table = layers_table(cli, r), steps = recovery_table(cli, recovery);
  Table sums = account_table(cli->arena, account);
  Totals t = totals_of(r);
  if (cli_has(cli, OPT_json)) {
    print_json(&table, &steps, &t, &sums);
    return;
  }
  table_print(&table, stdout);
  if (recovery->notes.n)
    table_print(&steps, stdout);
  printf("%d operators on integers, %d on floats; %lld parameters in %lld "
         "bytes, %.2f bits each\n",
         t.integer, t.real, (long long)t.parameters, (long long)t.bytes,
         t.parameters ? 8 * (double)t.bytes / (double)t.parameters : 0);
  printf("\n");
  table_print(&sums, stdout);
}

/* Both models beside each other; nothing where the model itself is printed. */
static bool report_both(Cli *cli, const Graph *f, const Graph *g,
                        const QuantizeReport *report,
                        const Recovery *recovery) {
  const char *path = cli->value[OPT_output];
  bool scored = cli_has(cli, OPT_data) && cli_has(cli, OPT_labels);
  Account account;
  Feed feed;
  if (strcmp(path, "-") == 0)
    return true;
  if ((scored && !data_open(cli, f, &feed)) ||
      !account_make(cli, f, g, scored ? &feed : NULL, path, &account))
    return false;
  print_report(cli, report, recovery, &account);
  return true;
}

bool command_quantize(Cli *cli) {
  if (search_is_asked(cli))
    return search_command(cli, SEARCH_quantize);
  const char *path = cli->value[OPT_output];
  Scheme scheme;
  bool ok = read_scheme(cli, &scheme);
  if (!path)
    ok = diag_error(cli->diag, E0001, (Loc){0},
                    "quantize needs --output, a file");
  Graph *f = ok ? session_float(cli) : NULL;
  QuantizeReport report = {0};
  Recovery recovery;
  if (!f || !check_layers(cli, f, &scheme) ||
      !check_calibration(cli, f, &scheme) || !spare_layers(cli, f, &scheme))
    return false;
  Graph *g = quantize(cli, f, &scheme, &report, &recovery);
  return g && graph_file_write(cli, g, path, TEXT_LARGE) &&
         report_both(cli, f, g, &report, &recovery);
}
