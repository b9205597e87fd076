/* kiln targets: plan's target rows. */
#include "driver/list.h"
#include "plan/target.h"

static const char *const heading[] = {
    "target", "cpu", ">vector bits", "dot product", "verified on", "about"};

/* Of a family, what is the same in all of its tiers. */
static void add_row(Arena *a, Table *t, const Target *row) {
  bool one = !row->ntiers;
  char *bits = arena_printf(a, "%d", 8 * row->vector_bytes);
  table_add(t, (const char *[]){row->name, one ? row->cpu : "", one ? bits : "",
                                one ? dot_name(row->dot) : "", row->runner,
                                row->summary});
}

bool command_targets(Cli *cli) {
  Table t = table_new(cli->arena, 6, heading);
  const Target *family;
  for (int i = 0; (family = target_family_at(cli->arena, i)); i++)
    add_row(cli->arena, &t, family);
  for (int i = 0; i < target_count; i++)
    add_row(cli->arena, &t, &target_table[i]);
  if (cli_has(cli, OPT_names) && target_host())
    puts("host");
  list_print(cli, &t,
             "# Targets\n\nWhat `--target=` takes, printed by `kiln targets "
             "--markdown`. `host` stands for the best of them that the\n"
             "machine at hand can run.");
  return true;
}
