/* The float pipeline: the default one without what is about integers
 * (fold-scales, lut-activation, order-dense), about a target's memory
 * (schedule), or about inputs whose order the quantized model settles itself
 * (fold-inputs). Calibration, quantization and pruning all begin behind it,
 * so that they speak of the same tensors.
 *
 * Results that a pass made without a name have a number, which depends on how
 * many values there were; here they get one that tells of their layer and is
 * the same for a model and its text: that of the operator in the model file
 * (its Loc), the kind of op and its activation. */
#include "compress/prepare.h"

#include <string.h>

#include "ir/attrs.h"

static const char *activation(const Op *op) {
  int n;
  const AttrField *f = attr_fields(op->kind, &n);
  for (int i = 0; i < n; i++)
    if (f[i].type == AT_Act)
      return act_name(*(const Act *)attr_at_const(&op->attrs, &f[i]));
  return act_name(ACT_none);
}

/* "'conv1'" of "node 3 Conv 'conv1' (opset 17)" without its quotes; else
 * empty. */
static const char *place(Arena *a, const Op *op) {
  const char *from = op->loc.what ? strchr(op->loc.what, '\'') : NULL;
  const char *to = from ? strrchr(from + 1, '\'') : NULL;
  return to ? arena_strndup(a, from + 1, (size_t)(to - from - 1)) : "";
}

static const char *telling_name(Arena *a, const Op *op) {
  const char *where = place(a, op), *act = activation(op);
  bool acts = strcmp(act, act_name(ACT_none)) != 0;
  return arena_printf(a, "%s%s%s%s%s", where, *where ? "/" : "",
                      op_info(op->kind)->name, acts ? "_" : "",
                      acts ? act : "");
}

/* "62", or "62_1" where there was a "62". */
static bool is_number(const char *name) {
  return *name != '_' && name[strspn(name, "0123456789_")] == 0;
}

/* Names that were there before stay, numbers too. */
static void name_results(Graph *g, const Graph *before) {
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++)
      if (is_number(op->out[i]->name) && !graph_find(before, op->out[i]->name))
        graph_rename(g, op->out[i], telling_name(g->arena, op));
}

bool prepare_float(Graph *g, const PassOptions *how) {
  PassOptions opt = *how;
  Arena *scratch = arena_new();
  const Graph *before = graph_clone(scratch, g);
  opt.passes = "canonicalize,sink-transposes,constant-fold,fuse-pad,"
               "fold-batch-norm,fuse-activation,prune-channels,"
               "prune-channels-float,cse,dce";
  opt.allow = PASS_reassoc;
  bool ok = passes_run(g, &opt, NULL);
  if (ok)
    name_results(g, before);
  arena_free(scratch);
  return ok;
}
