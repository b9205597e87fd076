/* What cannot be served is told before anything is read or computed: options
 * that say nothing without another or beside one, and results that have no
 * place to go. */
#include "driver/cli.h"
#include "driver/graph_file.h"
#include "driver/output.h"

enum { NEEDS = 3 };
static const OptId no_option = OPT_COUNT;

/* In these commands `id` says something only with one of `needs`; with none of
 * them listed, never. The rule holds where `beside` is given. */
typedef struct Rule {
  unsigned commands;
  OptId beside, id, needs[NEEDS];
} Rule;

#define IN(command) (1u << CMD_##command)
#define BOUND (IN(quantize) | IN(prune))
#define WRITES (IN(quantize) | IN(prune) | IN(compress) | IN(calibrate))
#define ANY OPT_COUNT
#define WITH(a) {OPT_##a, OPT_COUNT, OPT_COUNT}
#define WITHOUT {OPT_COUNT, OPT_COUNT, OPT_COUNT}
/* clang-format off */
static const Rule rules[] = {
    {BOUND, ANY, OPT_eval_data, WITH(max_drop)},
    {BOUND, ANY, OPT_metric,    WITH(max_drop)},
    {BOUND, ANY, OPT_plot,      WITH(max_drop)},
    {BOUND, ANY, OPT_max_ram,   WITH(max_drop)},
    {BOUND, ANY, OPT_max_flash, WITH(max_drop)},
    {BOUND, ANY, OPT_max_macs,  WITH(max_drop)},
    {BOUND, ANY, OPT_samples,   WITH(data)},
    {IN(quantize), OPT_calibration, OPT_data, {OPT_recover, OPT_mixed, OPT_labels}},
    {IN(calibrate), OPT_merge, OPT_data,        WITHOUT},
    {IN(calibrate), OPT_merge, OPT_samples,     WITHOUT},
    {IN(calibrate), OPT_merge, OPT_seed,        WITHOUT},
    {IN(calibrate), OPT_merge, OPT_shard,       WITHOUT},
    {IN(calibrate), OPT_merge, OPT_preprocess,  WITHOUT},
    {IN(calibrate), OPT_merge, OPT_dim,         WITHOUT},
    {IN(calibrate), OPT_merge, OPT_bind,        WITHOUT},
    {IN(calibrate), OPT_merge, OPT_rounding,    WITHOUT},
    {IN(calibrate), OPT_merge, OPT_io_type,     WITHOUT},
    {IN(calibrate), OPT_merge, OPT_interpreter, WITHOUT},
};
/* clang-format on */

/* "--recover, --mixed or --labels" */
static const char *list_needs(Cli *cli, const Rule *r) {
  Str s = str_new(cli->arena);
  for (int i = 0; i < NEEDS && r->needs[i] != no_option; i++) {
    bool last = i + 1 == NEEDS || r->needs[i + 1] == no_option;
    str_printf(&s, "%s--%s",
               i == 0 ? ""
               : last ? " or "
                      : ", ",
               cli_spelling(r->needs[i]));
  }
  return str_cstr(&s);
}

static bool is_met(const Cli *cli, const Rule *r) {
  for (int i = 0; i < NEEDS; i++)
    if (r->needs[i] != no_option && cli_has(cli, r->needs[i]))
      return true;
  return false;
}

static void break_rule(Cli *cli, const Rule *r) {
  const char *id = cli_spelling(r->id);
  if (r->beside == no_option)
    diag_error(cli->diag, E0001, (Loc){0}, "--%s is for --%s", id,
               cli_spelling(r->needs[0]));
  else if (r->needs[0] == no_option)
    diag_error(cli->diag, E0001, (Loc){0}, "--%s takes no --%s",
               cli_spelling(r->beside), id);
  else
    diag_error(cli->diag, E0001, (Loc){0}, "--%s beside --%s is for %s", id,
               cli_spelling(r->beside), list_needs(cli, r));
}

static bool check_rules(Cli *cli) {
  bool ok = true;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    const Rule *r = &rules[i];
    if (!(r->commands >> cli->command & 1) || !cli_has(cli, r->id) ||
        (r->beside != no_option && !cli_has(cli, r->beside)) || is_met(cli, r))
      continue;
    break_rule(cli, r);
    ok = false;
  }
  return ok;
}

/* Of what takes long, that the result can be written in the end. */
static bool check_outputs(Cli *cli) {
  static const OptId outputs[] = {OPT_output, OPT_plot};
  bool is_model = BOUND >> cli->command & 1 || cli->command == CMD_compress;
  bool ok = !is_model || !cli_has(cli, OPT_output) ||
            graph_file_check(cli, cli->value[OPT_output]);
  for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
    if (WRITES >> cli->command & 1 && cli_has(cli, outputs[i]))
      ok = output_check(cli->arena, cli->diag, cli->value[outputs[i]]) && ok;
  return ok;
}

bool cli_check(Cli *cli) {
  bool ok = check_rules(cli);
  return check_outputs(cli) && ok;
}
