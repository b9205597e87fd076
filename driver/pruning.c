/* kiln inspect --pruning: per layer the channels of its result, its MACs and
 * bytes before prune-channels and behind it, and why channels that nobody
 * needs had to stay. */
#include "driver/pruning.h"

#include "driver/table.h"
#include "plan/pruning.h"

static const char *const heading[] = {
    "name",         ">channels",     ">channels_left", ">macs",
    ">macs_left",   ">weight_bytes", ">weights_left",  ">bias_bytes",
    ">biases_left", "stays"};
enum { COLUMNS = 10 };

static const char *stays_text(Arena *a, const Pruned *p) {
  Str s = str_new(a);
  for (int i = 0; i < p->stays.n; i++) {
    str_add(&s, i ? "; " : "");
    pruning_add_stay(&s, &p->stays.v[i]);
  }
  return str_cstr(&s);
}

static void add_row(Table *t, const char *name, const LayerCost *before,
                    const LayerCost *after, const char *stays) {
  Arena *a = t->arena;
  table_add(t, (const char *[]){name, table_number(a, before->channels),
                                table_number(a, after->channels),
                                table_number(a, before->macs),
                                table_number(a, after->macs),
                                table_number(a, before->weight_bytes),
                                table_number(a, after->weight_bytes),
                                table_number(a, before->bias_bytes),
                                table_number(a, after->bias_bytes), stays});
}

static void print_table(Arena *a, const Graph *g) {
  Table t = table_new(a, COLUMNS, heading);
  LayerCost before, after;
  for (const Op *op = g->first; op; op = op->next) {
    if (!op->pruned)
      continue;
    pruning_layer(op, &before, &after);
    add_row(&t, table_name(a, op->out[0]->name), &before, &after,
            stays_text(a, op->pruned));
  }
  pruning_total(g, &before, &after);
  add_row(&t, "all", &before, &after, NULL);
  table_print(&t, stdout);
}

static void print_json(Arena *a, const Graph *g) {
  json_object *o = pruning_total_json(g);
  json_object *layers = json_object_new_array();
  for (const Op *op = g->first; op; op = op->next) {
    if (!op->pruned)
      continue;
    json_object *layer = pruning_json(a, op);
    json_object_object_add(layer, "name", json_text(op->out[0]->name));
    json_object_array_add(layers, layer);
  }
  json_object_object_add(o, "layers", layers);
  json_print(o, stdout);
}

bool print_pruning(Cli *cli, Graph *g) {
  if (!session_optimize(cli, g, NULL))
    return false;
  (cli_has(cli, OPT_json) ? print_json : print_table)(cli->arena, g);
  return true;
}
