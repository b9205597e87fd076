/* kiln inspect --proofs: per convolution and dense layer of integers what its
 * sums can come to, with the real weights. */
#include "driver/proofs.h"

#include "driver/table.h"
#include "plan/proof.h"

static const char *const heading[] = {"name",
                                      "op",
                                      ">sum_min",
                                      ">sum_max",
                                      ">sum_bits",
                                      ">pairs",
                                      ">narrow_pairs",
                                      ">channels",
                                      ">dead_lower_clamps",
                                      ">dead_upper_clamps"};
enum { COLUMNS = 10 };

static void add_row(Table *t, const Op *op, const char *name) {
  Arena *a = t->arena;
  Proof p = proof_of(op);
  table_add(t, (const char *[]){
                   name, op_info(op->kind)->name, table_number(a, p.sum.lo),
                   table_number(a, p.sum.hi), table_number(a, p.bits),
                   table_number(a, p.pairs), table_number(a, p.narrow_pairs),
                   table_number(a, p.channels), table_number(a, p.low_dead),
                   table_number(a, p.high_dead)});
}

bool print_proofs(Cli *cli, Graph *g) {
  bool json = cli_has(cli, OPT_json);
  Table t = table_new(cli->arena, COLUMNS, heading);
  if (!session_optimize(cli, g, NULL))
    return false;
  for (const Op *op = g->first; op; op = op->next)
    if (proof_applies(op))
      add_row(&t, op,
              json ? op->out[0]->name : table_name(t.arena, op->out[0]->name));
  if (json)
    json_print(table_json(&t), stdout);
  else
    table_print(&t, stdout);
  return true;
}
