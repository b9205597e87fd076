/* conv2d + relu -> conv2d { act=relu }, and so on. The op clamps its stored
 * result, the relu behind it clamps again: with the same parameters on both
 * sides the relu's own requantization is by 1, so one clamp to the
 * intersection of the intervals gives the same bytes. */
#include "passes/rewrite.h"

/* The intersection of two intervals, inner first; ACT_COUNT: none of ours. */
static const Act joined[ACT_COUNT][ACT_COUNT] = {
    /* clang-format off */
    /*                 none           relu           relu6          relu_n1_1      relu_0_1 */
    [ACT_none]      = {ACT_none,      ACT_relu,      ACT_relu6,     ACT_relu_n1_1, ACT_relu_0_1},
    [ACT_relu]      = {ACT_relu,      ACT_relu,      ACT_relu6,     ACT_relu_0_1,  ACT_relu_0_1},
    [ACT_relu6]     = {ACT_relu6,     ACT_relu6,     ACT_relu6,     ACT_relu_0_1,  ACT_relu_0_1},
    [ACT_relu_n1_1] = {ACT_relu_n1_1, ACT_relu_0_1,  ACT_relu_0_1,  ACT_relu_n1_1, ACT_relu_0_1},
    [ACT_relu_0_1]  = {ACT_relu_0_1,  ACT_relu_0_1,  ACT_relu_0_1,  ACT_relu_0_1,  ACT_relu_0_1},
    /* clang-format on */
};

/* Clamps of stored values join. Of floats there must be one only: a second
 * one would treat NaN and -0 as the first does not. */
static bool can_clamp(const Type *t, Act act) {
  return type_is_quantized(t) || (dtype_is_float(t->dtype) && act == ACT_none);
}

static bool fuse(Graph *g, Op *op) {
  Value *x = op->in[0];
  Act *act = x->def ? rewrite_activation(x->def) : NULL;
  if (!act || value_use_count(g, x) != 1 || !can_clamp(x->type, *act) ||
      !type_equal(x->type, op->out[0]->type))
    return false;
  *act = joined[*act][op->kind == OP_relu ? ACT_relu : ACT_relu6];
  bool was_output = value_is_output(g, op->out[0]);
  graph_replace_uses(g, op->out[0], x); /* swaps the names of outputs */
  if (!was_output)
    graph_swap_names(g, op->out[0], x);
  return true;
}

static const Rule rules[] = {
    {OP_relu, fuse, "activations fused"},
    {OP_relu6, fuse, "activations fused"},
};

bool pass_fuse_activation(Graph *g, PassCtx *c) {
  rewrite_graph(g, c, rules, sizeof rules / sizeof *rules);
  return true;
}
