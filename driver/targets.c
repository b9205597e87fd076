/* kiln targets: plan's target rows. */
#include "driver/list.h"
#include "plan/target.h"

static const char *const heading[] = {
    "target", "cpu", ">vector bits", "dot product", "verified on", "about"};

bool command_targets(Cli *cli) {
  Table t = table_new(cli->arena, 6, heading);
  for (int i = 0; i < target_count; i++) {
    const Target *row = &target_table[i];
    char *bits = arena_printf(cli->arena, "%d", 8 * row->vector_bytes);
    table_add(&t,
              (const char *[]){row->name, row->cpu, bits, dot_name(row->dot),
                               row->runner, row->summary});
  }
  if (cli_has(cli, OPT_names) && target_host())
    puts("host");
  list_print(cli, &t,
             "# Targets\n\nWhat `--target=` takes, printed by `kiln targets "
             "--markdown`. `host` stands for the best of them that the\n"
             "machine at hand can run.");
  return true;
}
