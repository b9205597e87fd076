/* kiln calibrate: a model's float tensors on data, in one run or in parts. */
#include <stdlib.h>
#include <string.h>

#include "compress/calibration.h"
#include "compress/range.h"
#include "driver/data.h"
#include "driver/engine.h"
#include "driver/progress.h"
#include "driver/session.h"
#include "driver/table.h"
#include "support/file.h"

/* ---- --ranges ---- */

static const char *range_text(Arena *a, Range r) {
  return arena_printf(a, "%.4g..%.4g", (double)r.lo, (double)r.hi);
}

static void print_ranges(Cli *cli, const Calibration *c) {
  enum { COLUMNS = 1 + RANGE_COUNT };
  const QuantForm form = {.bits = 8, .is_signed = true, .scale_bits = 24};
  const char *cells[COLUMNS] = {"tensor"};
  for (int m = 0; m < RANGE_COUNT; m++)
    cells[1 + m] = range_method_name((RangeMethod)m);
  bool json = cli_has(cli, OPT_json);
  Table t = table_new(cli->arena, COLUMNS,
                      arena_dup(cli->arena, cells, sizeof cells));
  for (int i = 0; i < c->tensors.n; i++) {
    const TensorStats *s = &c->tensors.v[i];
    cells[0] = json ? s->name : table_name(cli->arena, s->name);
    for (int m = 0; m < RANGE_COUNT; m++) {
      const RangeRule rule = {.method = (RangeMethod)m};
      cells[1 + m] = range_text(cli->arena, calibration_range(s, &rule, &form));
    }
    table_add(&t, cells);
  }
  if (json)
    json_print(table_json(&t), stdout);
  else
    table_print(&t, stdout);
}

/* ---- from a model ---- */

static bool get_shard(Cli *cli, Shard *out) {
  const char *s = cli->value[OPT_shard];
  *out = (Shard){1, 1};
  if (!s)
    return true;
  char *end;
  out->k = strtoll(s, &end, 10);
  out->n = *end == '/' ? strtoll(end + 1, &end, 10) : 0;
  return (!*end && out->k >= 1 && out->k <= out->n) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--shard: '%s' is not K/N with K from 1 to N", s);
}

static bool open_feed(Cli *cli, const Graph *g, Shard shard, Feed *out) {
  if (!data_open(cli, g, out))
    return false;
  return shard.k <= out->samples ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--shard %lld/%lld: there are %lld samples",
                    (long long)shard.k, (long long)shard.n,
                    (long long)out->samples);
}

static void show_progress(void *ctx, int64_t done, int64_t total) {
  progress_step(ctx, done, total);
}

static bool observe(Cli *cli, Calibration *out) {
  Shard shard;
  Feed feed;
  Graph *g = get_shard(cli, &shard) ? session_float(cli) : NULL;
  if (!g || !open_feed(cli, g, shard, &feed))
    return false;
  Progress progress = progress_begin("calibrating");
  const CalibrationProgress shown = {show_progress, &progress};
  bool ok =
      calibrate(cli->arena, g, engine_new(cli), &feed, shard, &shown, out);
  progress_end(&progress);
  return ok;
}

/* ---- from parts ---- */

static bool merge(Cli *cli, Calibration *out) {
  int n = cli->args.n;
  Calibration *parts = ARENA_ARRAY(cli->arena, Calibration, n);
  bool ok = true;
  for (int i = 0; i < n; i++)
    ok &= calibration_read(cli->arena, cli->diag, cli->args.v[i], &parts[i]);
  return ok && calibration_merge(cli->arena, cli->diag, parts, n, out);
}

static bool write_text(Cli *cli, const Calibration *c) {
  const char *path = cli->value[OPT_output];
  Str text = str_new(cli->arena);
  if (!path)
    return true;
  calibration_print(&text, c);
  return file_write(path, text.s, text.n, cli->diag);
}

/* What would be computed for nothing, or left out. */
static bool check_options(Cli *cli) {
  bool merges = cli_has(cli, OPT_merge);
  if (!cli_has(cli, OPT_output) && !cli_has(cli, OPT_ranges))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "calibrate needs --output or --ranges");
  if (!merges && cli->args.n > 1) {
    diag_error(cli->diag, E0001, (Loc){0}, "calibrate takes one MODEL");
    diag_hint(cli->diag, "--merge puts calibrations together");
    return false;
  }
  const char *path = cli->value[OPT_output];
  return !path || strcmp(path, "-") != 0 || !cli_has(cli, OPT_ranges) ||
         diag_error(cli->diag, E0001, (Loc){0},
                    "--ranges are printed where --output=- writes: give "
                    "--output a file");
}

bool command_calibrate(Cli *cli) {
  Calibration c;
  if (!check_options(cli) ||
      !(cli_has(cli, OPT_merge) ? merge(cli, &c) : observe(cli, &c)) ||
      !write_text(cli, &c))
    return false;
  if (cli_has(cli, OPT_ranges))
    print_ranges(cli, &c);
  return true;
}
