/* kiln passes: the pass table. */
#include "driver/list.h"
#include "passes/pass.h"

static const char *const heading[] = {"pass", "class", "default", "about"};

bool command_passes(Cli *cli) {
  Table t = table_new(cli->arena, 4, heading);
  for (int i = 0; i < pass_count; i++) {
    const Pass *p = &pass_table[i];
    table_add(&t, (const char *[]){p->name, pass_class_name(p->class_),
                                   p->in_default ? "yes" : "no", p->summary});
  }
  list_print(cli, &t,
             "# Passes\n\nThe pass table in the order of the default "
             "pipeline, printed by `kiln passes --markdown`. The class says\n"
             "what a pass may change: `exact` nothing, `reassoc` float "
             "results within a tolerance, `requant` integer\n"
             "results by at most one step.");
  return true;
}
