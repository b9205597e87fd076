/* What the command line tells importers: --rounding, --dim NAME=N, --bind
 * NAME=FILE; and loading with it. */
#include <stdlib.h>
#include <string.h>

#include "driver/session.h"
#include "ir/array.h"

typedef struct Options {
  Cli *cli;
  ImportOptions import;
  ARRAY(ImportDim) dims;
  ARRAY(ImportBind) binds;
} Options;

static bool get_rounding(Cli *cli, Rounding *out) {
  const char *s = cli->value[OPT_rounding];
  *out = s ? rounding_find(s) : ROUND_COUNT;
  if (s && *out != ROUND_tflite && *out != ROUND_tflm)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--rounding: '%s' is none of tflite, tflm", s);
  return true;
}

/* Splits NAME=VALUE at the last '=': names may have one, values do not. */
static bool split(Cli *cli, const OptUse *use, const char **name,
                  const char **value) {
  const char *eq = strrchr(use->value, '=');
  if (!eq || eq == use->value || !eq[1])
    return diag_error(cli->diag, E0001, (Loc){0}, "--%s: '%s' is not NAME=%s",
                      cli_spelling(use->id), use->value,
                      use->id == OPT_dim ? "N" : "FILE");
  *name = arena_strndup(cli->arena, use->value, (size_t)(eq - use->value));
  *value = eq + 1;
  return true;
}

static bool take_dim(Options *o, const OptUse *use) {
  ImportDim d;
  const char *value;
  char *end;
  if (!split(o->cli, use, &d.name, &value))
    return false;
  d.value = strtoll(value, &end, 10);
  if (*end || d.value < 1 || d.value > INT32_MAX)
    return diag_error(o->cli->diag, E0001, (Loc){0},
                      "--dim: '%s' is not a number from 1", value);
  ARRAY_PUSH(o->cli->arena, &o->dims, d);
  return true;
}

bool import_array(Cli *cli, const char *name, const char *path,
                  ImportBind *out) {
  NdArray x;
  if (!npy_read(cli->arena, cli->diag, path, &x))
    return false;
  *out = (ImportBind){.name = name,
                      .type = array_type(cli->arena, &x, DT_COUNT),
                      .data = x.data};
  return out->type ||
         diag_error(cli->diag, E0701, (Loc){.file = path},
                    "%s is the content of no input", nd_text(cli->arena, &x));
}

static bool take_bind(Options *o, const OptUse *use) {
  ImportBind b;
  const char *name, *path;
  if (!split(o->cli, use, &name, &path) ||
      !import_array(o->cli, name, path, &b))
    return false;
  ARRAY_PUSH(o->cli->arena, &o->binds, b);
  return true;
}

static bool take_options(Options *o) {
  bool ok = get_rounding(o->cli, &o->import.rounding);
  for (int i = 0; i < o->cli->given.n; i++) {
    const OptUse *use = &o->cli->given.v[i];
    ok &= use->id == OPT_dim    ? take_dim(o, use)
          : use->id == OPT_bind ? take_bind(o, use)
                                : true;
  }
  o->import.dim = o->dims.v;
  o->import.ndim = o->dims.n;
  o->import.bind = o->binds.v;
  o->import.nbind = o->binds.n;
  return ok;
}

static Graph *load(Cli *cli, const char *path, ImportBind *have, int n) {
  Options o = {.cli = cli};
  Graph *g = NULL;
  if (take_options(&o))
    g = model_load_with(cli->arena, cli->diag, path, &o.import, have, n);
  return g && session_preprocess(cli, g) && session_io_type(cli, g) ? g : NULL;
}

Graph *session_load_with(Cli *cli, ImportBind *have, int n) {
  return load(cli, cli->args.v[0], have, n);
}

Graph *session_load_file(Cli *cli, const char *path) {
  return load(cli, path, NULL, 0);
}

Graph *session_load(Cli *cli) { return session_load_with(cli, NULL, 0); }
