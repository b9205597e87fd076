/* kiln ops: ops.def's rows with what each model format calls them; with
 * --format the operators of a format with what they become. */
#include <stdlib.h>
#include <string.h>

#include "driver/list.h"
#include "frontend/frontend.h"
#include "ir/graph.h"

/* An operator of a format and the versions of it that become one thing. */
typedef struct Source {
  const char *format, *op;
  int from, to;      /* to = 0: the newest */
  const char *ir_op; /* "several" when there is no single one */
} Source;

typedef struct Sources {
  Arena *arena;
  ARRAY(Source) of;
} Sources;

static bool joins(const Source *s, const Source *next) {
  return strcmp(s->op, next->op) == 0 && strcmp(s->ir_op, next->ir_op) == 0 &&
         s->to && s->to + 1 == next->from;
}

static void add_source(void *ctx, const char *format, const char *op,
                       int min_version, int max_version, const char *ir_op) {
  Sources *s = ctx;
  Source next = {format, op, min_version, max_version,
                 ir_op ? ir_op : "several"};
  Source *last = s->of.n ? &s->of.v[s->of.n - 1] : NULL;
  if (last && joins(last, &next)) {
    last->to = max_version;
    return;
  }
  next.op = arena_strdup(s->arena, op);
  ARRAY_PUSH(s->arena, &s->of, next);
}

/* "5", "1-3", "7+" */
static const char *versions(Arena *a, const Source *s) {
  return s->to == 0         ? arena_printf(a, "%d+", s->from)
         : s->to == s->from ? arena_printf(a, "%d", s->from)
                            : arena_printf(a, "%d-%d", s->from, s->to);
}

/* "tflite CONV_2D v1-5, ..." */
static const char *sources_of(const Sources *s, const char *ir_op) {
  Str list = str_new(s->arena);
  for (int i = 0; i < s->of.n; i++) {
    const Source *x = &s->of.v[i];
    if (strcmp(x->ir_op, ir_op) == 0)
      str_printf(&list, "%s%s %s v%s", list.n ? ", " : "", x->format, x->op,
                 versions(s->arena, x));
  }
  return str_cstr(&list);
}

static bool list_ops(Cli *cli) {
  static const char *const heading[] = {"op", "from", "about"};
  Sources sources = {.arena = cli->arena};
  Table t = table_new(cli->arena, 3, heading);
  tflite_ops_visit(add_source, &sources);
  onnx_ops_visit(add_source, &sources);
  for (int k = 0; k < OP_COUNT; k++) {
    const OpInfo *info = op_info((OpKind)k);
    table_add(&t, (const char *[]){info->name, sources_of(&sources, info->name),
                                   info->doc});
  }
  list_print(cli, &t,
             "# Operators\n\nKiln's operators and the operators of model "
             "formats (with their versions) that become them, printed by\n"
             "`kiln ops --markdown`; `kiln ops --format=onnx` and "
             "`--format=tflite` list those of a format.");
  return true;
}

static int by_name(const void *x, const void *y) {
  const Source *a = x, *b = y;
  int order = strcmp(a->op, b->op);
  return order ? order : a->from - b->from;
}

static const struct {
  const char *name, *head;
  void (*visit)(OpVisit visit, void *ctx);
} formats[] = {
    {"onnx", "# ONNX operators", onnx_ops_visit},
    {"tflite", "# TFLite operators", tflite_ops_visit},
};

static bool list_format(Cli *cli, const char *name) {
  static const char *const heading[] = {"operator", "versions", "becomes"};
  size_t f = 0, n = sizeof formats / sizeof *formats;
  while (f < n && strcmp(formats[f].name, name) != 0)
    f++;
  if (f == n)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "--format: '%s' is none of onnx, tflite", name);
  Sources s = {.arena = cli->arena};
  Table t = table_new(cli->arena, 3, heading);
  formats[f].visit(add_source, &s);
  qsort(s.of.v, (size_t)s.of.n, sizeof *s.of.v, by_name);
  for (int i = 0; i < s.of.n; i++)
    table_add(&t,
              (const char *[]){s.of.v[i].op, versions(cli->arena, &s.of.v[i]),
                               s.of.v[i].ir_op});
  list_print(cli, &t, formats[f].head);
  return true;
}

bool command_ops(Cli *cli) {
  const char *format = cli->value[OPT_format];
  return format ? list_format(cli, format) : list_ops(cli);
}
