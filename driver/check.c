/* kiln check: is the model supported on the target? Every obstacle is an
 * error: of the importer, and if there is none, of the plan. */
#include "driver/session.h"
#include "driver/table.h"

static void print_json(const Graph *g, const Plan *p) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "model", json_text(g->name));
  json_object_object_add(o, "target", json_text(p->target->name));
  json_object_object_add(o, "supported", json_object_new_boolean(true));
  json_object_object_add(o, "operators", json_object_new_int(g->nop));
  json_object_object_add(o, "arena_bytes",
                         json_object_new_int64(p->arena_bytes));
  json_print(o, stdout);
}

bool command_check(Cli *cli) {
  const Target *t = session_target(cli);
  Graph *g = t ? session_load(cli) : NULL;
  if (!g || !session_optimize(cli, g, NULL))
    return false;
  Plan *p = plan_new(cli->arena, g, t, &(PlanOptions){0});
  if (p && cli_has(cli, OPT_json))
    print_json(g, p);
  else if (p)
    printf("%s is supported on %s: %d operators, %lld bytes of arena\n",
           g->name, t->name, g->nop, (long long)p->arena_bytes);
  return p;
}
