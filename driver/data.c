#include "driver/data.h"

#include <stdlib.h>
#include <string.h>

#include "driver/session.h"

/* ---- --preprocess ---- */

/* Which input is meant; *spec goes behind "NAME: ". */
static Value *preprocessed_input(Cli *cli, Graph *g, const char **spec) {
  for (int i = 0; i < g->inputs.n; i++) {
    const char *name = g->inputs.v[i]->name;
    size_t n = strlen(name);
    if (strncmp(*spec, name, n) == 0 && (*spec)[n] == ':') {
      *spec += n + 1;
      return g->inputs.v[i];
    }
  }
  if (g->inputs.n == 1)
    return g->inputs.v[0];
  diag_error(cli->diag, E0001, (Loc){0},
             "--preprocess: '%s' names none of the %d inputs", *spec,
             g->inputs.n);
  for (int i = 0; i < g->inputs.n; i++)
    diag_hint(cli->diag, "one is --preprocess \"%s: %s\"", g->inputs.v[i]->name,
              *spec);
  return NULL;
}

static bool set_preprocess(Cli *cli, Graph *g, const char *spec) {
  Value *v = preprocessed_input(cli, g, &spec);
  Preprocess p;
  if (!v)
    return false;
  v->preprocess = NULL;
  spec += strspn(spec, " ");
  if (strcmp(spec, "none") == 0)
    return true;
  const char *why = preprocess_parse(cli->arena, spec, &p);
  if (!why)
    why = preprocess_misfit(cli->arena, &p, v->type);
  if (why)
    return diag_error(cli->diag, E0001, (Loc){0}, "--preprocess: %s", why);
  v->preprocess = preprocess_copy(g->arena, &p);
  return true;
}

bool session_preprocess(Cli *cli, Graph *g) {
  bool ok = true;
  for (int i = 0; i < cli->given.n; i++)
    if (cli->given.v[i].id == OPT_preprocess)
      ok = set_preprocess(cli, g, cli->given.v[i].value) && ok;
  return ok;
}

/* ---- --data, --labels ---- */

/* --samples: N, or FIRST:END. */
static bool get_samples(Cli *cli, FeedPick *out) {
  const char *s = cli->value[OPT_samples];
  char *end;
  if (!s || !strchr(s, ':'))
    return cli_int(cli, OPT_samples, 0, &out->samples) &&
           (!s || out->samples ||
            diag_error(cli->diag, E0001, (Loc){0},
                       "--samples: '%s' is none at all", s));
  out->first = strtoll(s, &end, 10);
  bool ok =
      *s >= '0' && *s <= '9' && *end == ':' && end[1] >= '0' && end[1] <= '9';
  if (ok)
    out->samples = strtoll(end + 1, &end, 10) - out->first;
  return (ok && !*end && out->samples > 0) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--samples: '%s' is neither a number nor FIRST:END", s);
}

static bool get_pick(Cli *cli, FeedPick *out) {
  int64_t seed;
  *out = (FeedPick){.random = cli_has(cli, OPT_seed)};
  if (!get_samples(cli, out) || !cli_int(cli, OPT_seed, 0, &seed))
    return false;
  out->seed = (uint64_t)seed;
  return !out->random || (out->samples && !out->first) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--seed is for --samples=N, which N to take");
}

static bool load(Cli *cli, OptId id, const Graph *g, const FeedPick *pick,
                 Feed *out) {
  const char **specs = ARENA_ARRAY(cli->arena, const char *, cli->given.n);
  int n = 0;
  for (int i = 0; i < cli->given.n; i++)
    if (cli->given.v[i].id == id)
      specs[n++] = cli->given.v[i].value;
  return feed_load(cli->diag, g, specs, n, pick, out);
}

/* Fewer samples than were asked for, once. */
static void tell_fewer(Cli *cli, const Feed *f) {
  if (!cli->told_fewer)
    diag_warning(
        cli->diag, (Loc){.file = f->in[0].from},
        "--samples=%s: there are %lld samples, %lld of which are taken",
        cli->value[OPT_samples], (long long)f->total, (long long)f->samples);
  cli->told_fewer = true;
}

bool data_open(Cli *cli, const Graph *g, Feed *out) {
  FeedPick pick;
  if (!get_pick(cli, &pick) || !load(cli, OPT_data, g, &pick, out))
    return false;
  if (g->inputs.n && out->samples < pick.samples)
    tell_fewer(cli, out);
  return true;
}

bool data_open_eval(Cli *cli, const Graph *g, Feed *out) {
  const FeedPick all = {0};
  return cli_has(cli, OPT_eval_data) ? load(cli, OPT_eval_data, g, &all, out)
                                     : data_open(cli, g, out);
}

static bool read_labels(Cli *cli, const Feed *f, Labels *out) {
  const char *spec = cli->value[OPT_labels];
  const ImageList *list = f->images;
  *out = (Labels){0};
  if (spec && list)
    return images_labels(cli->arena, cli->diag, spec, list, out);
  if (spec)
    return labels_read(cli->arena, cli->diag, spec, out);
  if (list)
    *out = (Labels){list->labels.v, list->labels.n};
  return true;
}

bool data_labels(Cli *cli, const Feed *f, Labels *out) {
  if (!read_labels(cli, f, out))
    return false;
  if (out->n && f->total && out->n != f->total)
    return diag_error(cli->diag, E0701, (Loc){.file = f->in[0].from},
                      "%lld samples, but %lld labels", (long long)f->total,
                      (long long)out->n);
  if (out->n && f->index)
    labels_pick(cli->arena, out, f->index, f->samples);
  return true;
}

bool data_classes(Cli *cli, const Labels *labels, int64_t classes) {
  for (int64_t i = 0; i < labels->n; i++)
    if (labels->v[i] < 0 || labels->v[i] >= classes)
      return diag_error(cli->diag, E0701, (Loc){.file = cli->value[OPT_labels]},
                        "label %lld is class %lld, the model has %lld",
                        (long long)i, (long long)labels->v[i],
                        (long long)classes);
  return true;
}

/* ---- targets ---- */

bool data_is_targets(Cli *cli, const char *spec, int64_t outputs) {
  NdArray x;
  return outputs > 1 && !labels_are_csv(cli->arena, spec) &&
         data_read(cli->arena, diag_new(cli->arena), spec, &x) && x.rank > 1 &&
         x.dim[0] > 0 && nd_count(&x) / x.dim[0] == outputs;
}

bool data_targets(Cli *cli, const Feed *f, int64_t outputs, double **out) {
  const char *spec = cli->value[OPT_labels];
  NdArray x;
  if (labels_are_csv(cli->arena, spec))
    return diag_error(cli->diag, E0701, (Loc){.file = spec},
                      "targets are an array, not a column of classes");
  if (!data_read(cli->arena, cli->diag, spec, &x))
    return false;
  if (f->total && nd_count(&x) != f->total * outputs)
    return diag_error(cli->diag, E0701, (Loc){.file = spec},
                      "%s are no targets of %lld samples of %lld outputs",
                      nd_text(cli->arena, &x), (long long)f->total,
                      (long long)outputs);
  *out = ARENA_ARRAY(cli->arena, double, f->samples *outputs);
  for (int64_t s = 0; s < f->samples; s++) {
    int64_t first = (f->index ? f->index[s] : s) * outputs;
    for (int64_t i = 0; i < outputs; i++)
      (*out)[s * outputs + i] = nd_real(&x, first + i);
  }
  return true;
}
