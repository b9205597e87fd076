/* kiln ops: ops.def's rows with what each model format calls them. */
#include <string.h>

#include "driver/list.h"
#include "frontend/frontend.h"
#include "ir/graph.h"

static const char *const heading[] = {"op", "from", "about"};

typedef struct Sources {
  Arena *arena;
  Str of[OP_COUNT]; /* "tflite CONV_2D 1-5, ..." */
} Sources;

static void add_source(void *ctx, const char *format, const char *op,
                       int min_version, int max_version, const char *ir_op) {
  Sources *s = ctx;
  OpKind kind = op_find(ir_op);
  if (kind == OP_COUNT)
    return;
  Str *list = &s->of[kind];
  if (list->n)
    str_add(list, ", ");
  str_printf(list, "%s %s", format, op);
  if (min_version == max_version)
    str_printf(list, " v%d", min_version);
  else
    str_printf(list, " v%d-%d", min_version, max_version);
}

bool command_ops(Cli *cli) {
  Sources *sources = ARENA_NEW(cli->arena, Sources);
  Table t = table_new(cli->arena, 3, heading);
  for (int k = 0; k < OP_COUNT; k++)
    sources->of[k] = str_new(cli->arena);
  tflite_ops_visit(add_source, sources);
  for (int k = 0; k < OP_COUNT; k++) {
    const OpInfo *info = op_info((OpKind)k);
    table_add(
        &t, (const char *[]){info->name, str_cstr(&sources->of[k]), info->doc});
  }
  list_print(cli, &t,
             "# Operators\n\nKiln's operators and the operators of model "
             "formats (with their versions) that become them, printed by\n"
             "`kiln ops --markdown`.");
  return true;
}
