/* The pass table and the pipeline runner. */
#include "passes/pass.h"

#include <string.h>

#include "ir/text.h"
#include "support/clock.h"

const Pass pass_table[] = {
#define PASS(function, name, class_, in_default, summary)                      \
  {name, pass_##function, class_, summary, in_default},
#include "passes/passes.def"
#undef PASS
};
const int pass_count = sizeof pass_table / sizeof *pass_table;

const char *pass_class_name(PassClass c) {
  static const char *const names[] = {"exact", "reassoc", "requant"};
  return names[c];
}

static const Pass *find(const char *name, size_t n) {
  for (int i = 0; i < pass_count; i++)
    if (strlen(pass_table[i].name) == n &&
        strncmp(pass_table[i].name, name, n) == 0)
      return &pass_table[i];
  return NULL;
}

const Pass *pass_find(const char *name) { return find(name, strlen(name)); }

void pass_stat(PassCtx *c, const char *what, int64_t n) {
  if (n <= 0)
    return;
  c->changed++;
  for (int i = 0; i < c->stats.n; i++)
    if (strcmp(c->stats.v[i].pass, c->pass) == 0 &&
        strcmp(c->stats.v[i].what, what) == 0) {
      c->stats.v[i].n += n;
      return;
    }
  ARRAY_PUSH(c->arena, &c->stats, ((struct PassStat){c->pass, what, n}));
}

typedef ARRAY(const Pass *) PassList;

static bool unknown_pass(Diag *d, const char *flag, int n, const char *name) {
  diag_error(d, E0001, (Loc){0}, "--%s: there is no pass '%.*s'", flag, n,
             name);
  diag_hint(d, "`kiln passes` lists the passes");
  return false;
}

/* Splits "a,b" into passes; NULL and "" are none. */
static bool parse_list(Arena *a, Diag *d, const char *flag, const char *s,
                       PassList *out) {
  bool ok = true;
  while (s && *s) {
    size_t n = strcspn(s, ",");
    const Pass *p = find(s, n);
    if (p)
      ARRAY_PUSH(a, out, p);
    else
      ok = unknown_pass(d, flag, (int)n, s);
    s += n + (s[n] == ',');
  }
  return ok;
}

static bool list_has(const PassList *list, const Pass *p) {
  for (int i = 0; i < list->n; i++)
    if (list->v[i] == p)
      return true;
  return false;
}

/* The options with their lists read. */
typedef struct Pipeline {
  const PassOptions *opt;
  FILE *out;
  PassClass allow;
  PassList run, disabled, printed, stop;
} Pipeline;

static void add_defaults(Arena *a, PassClass allow, PassList *out) {
  for (int i = 0; i < pass_count; i++)
    if (pass_table[i].in_default && pass_table[i].class_ <= allow)
      ARRAY_PUSH(a, out, &pass_table[i]);
}

static bool check_classes(Pipeline *p, Diag *d) {
  bool ok = true;
  for (int i = 0; i < p->run.n; i++) {
    const Pass *pass = p->run.v[i];
    if (pass->class_ <= p->allow || list_has(&p->disabled, pass))
      continue;
    ok = diag_error(d, E0001, (Loc){0}, "pass %s is of class %s", pass->name,
                    pass_class_name(pass->class_));
    diag_hint(d, "--allow=%s permits it", pass_class_name(pass->class_));
  }
  return ok;
}

/* A pass to stop after that never runs would be a silent mistake. */
static bool check_stop(Pipeline *p, Diag *d) {
  for (int i = 0; i < p->stop.n; i++)
    if (!list_has(&p->run, p->stop.v[i]) ||
        list_has(&p->disabled, p->stop.v[i]))
      return diag_error(d, E0001, (Loc){0},
                        "--stop-after: pass %s is not in the pipeline",
                        p->stop.v[i]->name);
  return true;
}

static bool pipeline_make(Pipeline *p, Arena *a, Diag *d) {
  const PassOptions *o = p->opt;
  bool ok = parse_list(a, d, "passes", o->passes, &p->run);
  ok &= parse_list(a, d, "disable-pass", o->disable, &p->disabled);
  ok &= parse_list(a, d, "print-after", o->print_after, &p->printed);
  ok &= parse_list(a, d, "stop-after", o->stop_after, &p->stop);
  if (!o->passes)
    add_defaults(a, p->allow, &p->run);
  return ok && check_classes(p, d) && check_stop(p, d);
}

static void print_after(const Pipeline *p, const Pass *pass, const Graph *g,
                        bool changed, Arena *scratch) {
  bool asked = list_has(&p->printed, pass);
  if (!asked && !p->opt->print_after_all)
    return;
  if (!asked && !changed) {
    fprintf(p->out, "# after %s: unchanged\n", pass->name);
    return;
  }
  Str text = str_new(scratch);
  graph_print(&text, g, TEXT_ELIDED, NULL, NULL);
  fprintf(p->out, "# after %s\n%s\n", pass->name, str_cstr(&text));
}

/* A graph that does not verify behind a pass is the pass's fault. */
static bool verify_after(const Pass *pass, const Graph *g) {
  if (graph_verify(g))
    return true;
  return diag_error(g->diag, E0901, (Loc){.file = g->file},
                    "pass %s left an invalid graph", pass->name);
}

static bool run_one(const Pipeline *p, const Pass *pass, Graph *g, PassCtx *c) {
  c->scratch = arena_new();
  c->changed = 0;
  c->pass = pass->name;
  double start = clock_seconds();
  bool ok = pass->run(g, c);
  if (p->opt->time_passes)
    fprintf(p->out, "%8.3f ms  %s\n", 1e3 * (clock_seconds() - start),
            pass->name);
  if (p->opt->changed)
    *p->opt->changed += c->changed > 0;
  if (ok && p->opt->verify_each && c->changed)
    ok = verify_after(pass, g);
  if (ok)
    print_after(p, pass, g, c->changed > 0, c->scratch);
  arena_free(c->scratch);
  return ok;
}

static void print_stats(const Pipeline *p, const PassCtx *c) {
  for (int i = 0; i < c->stats.n; i++)
    fprintf(p->out, "%8lld  %s: %s\n", (long long)c->stats.v[i].n,
            c->stats.v[i].pass, c->stats.v[i].what);
}

static bool run_all(const Pipeline *p, Graph *g, PassCtx *c, bool *stopped) {
  for (int i = 0; i < p->run.n; i++) {
    const Pass *pass = p->run.v[i];
    if (list_has(&p->disabled, pass))
      continue;
    if (!run_one(p, pass, g, c))
      return false;
    if (list_has(&p->stop, pass)) {
      *stopped = true;
      return true;
    }
  }
  return true;
}

/* What is quantized in a model of rounding=onnx is defined in floats, which
 * fold-scales is made for. */
static PassClass allowed(const Graph *g, const PassOptions *opt) {
  return g->rounding == ROUND_onnx ? PASS_requant : opt->allow;
}

bool passes_run(Graph *g, const PassOptions *opt, bool *stopped) {
  bool unused;
  Arena *a = arena_new();
  PassCtx c = {.diag = g->diag, .arena = a};
  Pipeline p = {.opt = opt,
                .out = opt->out ? opt->out : stderr,
                .allow = allowed(g, opt)};
  stopped = stopped ? stopped : &unused;
  *stopped = false;
  bool ok = pipeline_make(&p, a, g->diag) && run_all(&p, g, &c, stopped);
  if (ok && opt->stats)
    print_stats(&p, &c);
  arena_free(a);
  return ok;
}
