/* kiln ops: ops.def's rows with what each model format calls them. */
#include <stdlib.h>
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
  OpKind kind = ir_op ? op_find(ir_op) : OP_COUNT;
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

/* The table by Kiln's operators. */
static bool list_ops(Cli *cli) {
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

static const char *const format_heading[] = {"operator", "versions", "becomes"};

/* "5", "1-3", "7 and later" */
static const char *versions(Arena *a, int from, int to) {
  return to == 0      ? arena_printf(a, "%d and later", from)
         : to == from ? arena_printf(a, "%d", from)
                      : arena_printf(a, "%d-%d", from, to);
}

static void add_row(void *ctx, const char *format, const char *op,
                    int min_version, int max_version, const char *ir_op) {
  Table *t = ctx;
  (void)format;
  table_add(t, (const char *[]){arena_strdup(t->arena, op),
                                versions(t->arena, min_version, max_version),
                                ir_op ? ir_op : "several"});
}

static int by_name(const void *x, const void *y) {
  const char *const *const *a = x, *const *const *b = y;
  return strcmp((*a)[0], (*b)[0]);
}

static const struct {
  const char *name, *head;
  void (*visit)(OpVisit visit, void *ctx);
} formats[] = {
    {"onnx", "# ONNX operators", onnx_ops_visit},
    {"tflite", "# TFLite operators", tflite_ops_visit},
};

/* The table by a format's operators. */
static bool list_format(Cli *cli, const char *name) {
  Table t = table_new(cli->arena, 3, format_heading);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
    if (strcmp(formats[i].name, name) != 0)
      continue;
    formats[i].visit(add_row, &t);
    qsort(t.rows.v, (size_t)t.rows.n, sizeof *t.rows.v, by_name);
    list_print(cli, &t, formats[i].head);
    return true;
  }
  return diag_error(cli->diag, E0001, (Loc){0},
                    "--format: '%s' is none of onnx, tflite", name);
}

bool command_ops(Cli *cli) {
  const char *format = cli->value[OPT_format];
  return format ? list_format(cli, format) : list_ops(cli);
}
