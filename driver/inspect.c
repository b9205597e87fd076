/* kiln inspect: what a model consists of and costs; with --target also what
 * each operator of the optimized model runs as; with --pruning what became of
 * its channels, with --memory what lies where, with --proofs what is proven of
 * its sums. */
#include <string.h>

#include "driver/memory.h"
#include "driver/proofs.h"
#include "driver/pruning.h"
#include "driver/session.h"
#include "driver/table.h"

static const char *const heading[] = {">index",        "op",   "type",  ">macs",
                                      ">weight_bytes", "name", "kernel"};
enum { COLUMNS = 7, WITHOUT_KERNEL = 6 };

static const char *type_text(Arena *a, const Type *t) {
  Str s = str_new(a);
  type_print(&s, t);
  return str_cstr(&s);
}

/* The kernel of op in the plan; "" where it needs none (views). */
static const char *kernel_of(const Plan *p, const Op *op) {
  for (int i = 0; p && i < p->steps.n; i++)
    if (p->steps.v[i]->op == op)
      return p->steps.v[i]->variant;
  return "";
}

static Table op_table(Arena *a, const Graph *g, const Plan *p, bool clip) {
  Table t = table_new(a, p ? COLUMNS : WITHOUT_KERNEL, heading);
  int index = 0;
  for (const Op *op = g->first; op; op = op->next) {
    const Value *out = op->out[0];
    const char *name = clip ? table_name(a, out->name) : out->name;
    table_add(&t, (const char *[]){
                      table_number(a, index++), op_info(op->kind)->name,
                      type_text(a, out->type), table_number(a, op_macs(op)),
                      table_number(a, op_weight_bytes(op)), name,
                      kernel_of(p, op)});
  }
  return t;
}

typedef struct Totals {
  int64_t macs, weight_bytes;
} Totals;

static Totals totals_of(const Graph *g) {
  Totals t = {0};
  for (const Op *op = g->first; op; op = op->next) {
    t.macs += op_macs(op);
    t.weight_bytes += op_weight_bytes(op);
  }
  return t;
}

static json_object *shape_json(const Type *t) {
  json_object *shape = json_object_new_array();
  for (int i = 0; i < t->rank; i++)
    json_object_array_add(shape, json_object_new_int64(t->dim[i]));
  return shape;
}

static json_object *value_json(const Value *v) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "name", json_text(v->name));
  json_object_object_add(o, "dtype", json_text(dtype_name(v->type->dtype)));
  json_object_object_add(o, "shape", shape_json(v->type));
  if (type_is_quantized(v->type)) {
    json_object_object_add(o, "scale", json_real((double)type_scale(v->type)));
    json_object_object_add(o, "zero_point",
                           json_object_new_int(type_zero_point(v->type)));
  }
  json_object_object_add(o, "bytes",
                         json_object_new_int64(type_bytes(v->type)));
  return o;
}

static json_object *values_json(Value *const *v, int n) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < n; i++)
    json_object_array_add(list, value_json(v[i]));
  return list;
}

static void print_json(Arena *a, const Graph *g, const Plan *p) {
  Totals totals = totals_of(g);
  Table ops = op_table(a, g, p, false);
  json_object *o = json_object_new_object();
  json_object_object_add(o, "name", json_text(g->name));
  json_object_object_add(o, "file", json_text(g->file));
  json_object_object_add(o, "rounding", json_text(rounding_name(g->rounding)));
  json_object_object_add(o, "macs", json_object_new_int64(totals.macs));
  json_object_object_add(o, "weight_bytes",
                         json_object_new_int64(totals.weight_bytes));
  json_object_object_add(o, "inputs", values_json(g->inputs.v, g->inputs.n));
  json_object_object_add(o, "outputs", values_json(g->outputs.v, g->outputs.n));
  if (p)
    json_object_object_add(o, "arena_bytes",
                           json_object_new_int64(p->arena_bytes));
  json_object_object_add(o, "ops", table_json(&ops));
  json_print(o, stdout);
}

static void print_values(Arena *a, const char *kind, Value *const *v, int n) {
  for (int i = 0; i < n; i++)
    printf("%s %s: %s\n", kind, v[i]->name, type_text(a, v[i]->type));
}

static void print_text(Arena *a, const Graph *g, const Plan *p) {
  Totals totals = totals_of(g);
  Table ops = op_table(a, g, p, true);
  printf("model %s, rounding %s\n", g->name, rounding_name(g->rounding));
  print_values(a, "input ", g->inputs.v, g->inputs.n);
  print_values(a, "output", g->outputs.v, g->outputs.n);
  printf("%d operators, %lld MACs, %lld bytes of weights\n\n", g->nop,
         (long long)totals.macs, (long long)totals.weight_bytes);
  table_print(&ops, stdout);
}

/* The plan for --target of the optimized graph; *p stays NULL without. */
static bool make_plan(Cli *cli, Graph *g, Plan **p) {
  *p = NULL;
  if (!cli_has(cli, OPT_target) && !cli_has(cli, OPT_mcpu))
    return true;
  *p = session_plan(cli, g);
  return *p != NULL;
}

/* What is printed in place of the operators. */
static const struct View {
  OptId option;
  bool (*print)(Cli *cli, Graph *g);
} views[] = {
    {OPT_pruning, print_pruning},
    {OPT_memory, print_memory},
    {OPT_proofs, print_proofs},
};

/* The one that is asked for, or NULL; false: several are, reported. */
static bool find_view(Cli *cli, const struct View **view) {
  *view = NULL;
  for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
    if (!cli_has(cli, views[i].option))
      continue;
    if (*view) {
      diag_error(cli->diag, E0001, (Loc){0},
                 "--pruning, --memory and --proofs exclude each other");
      return false;
    }
    *view = &views[i];
  }
  return true;
}

bool command_inspect(Cli *cli) {
  Plan *p;
  const struct View *view;
  Graph *g = find_view(cli, &view) ? session_load(cli) : NULL;
  if (g && view)
    return view->print(cli, g);
  if (!g || !make_plan(cli, g, &p))
    return false;
  if (cli_has(cli, OPT_json))
    print_json(cli->arena, g, p);
  else
    print_text(cli->arena, g, p);
  return true;
}
