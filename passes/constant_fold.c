/* Ops whose inputs are all constants are computed here, by the reference
 * interpreter's own evaluation: the results are its bytes. An op that makes
 * more than it reads (a pad, a broadcast) is computed only when that stays
 * small, but where it makes floats of stored weights: what reads these wants
 * to see them. Nor is one that would take long. */
#include "ir/exec.h"
#include "passes/rewrite.h"

enum { GROWTH_LIMIT = 4096, WORK_LIMIT = 1 << 28 };

static bool reads_constants(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !op->in[i]->init)
      return false;
  return op->nin > 0;
}

/* A dequantize, or a cast from a shorter float. */
static bool widens_stored(const Op *op) {
  DType from = op->in[0]->type->dtype;
  return op->kind == OP_dequantize ||
         (op->kind == OP_cast && (from == DT_f16 || from == DT_bf16));
}

static bool stays_small(const Op *op) {
  int64_t in = 0, out = 0;
  for (int i = 0; i < op->nin; i++)
    in += op->in[i] ? type_bytes(op->in[i]->type) : 0;
  for (int i = 0; i < op->nout; i++)
    out += type_bytes(op->out[i]->type);
  return out <= in + GROWTH_LIMIT || widens_stored(op);
}

/* Elements that windows look at. */
static int64_t window_work(const Op *op) {
  const Type *x = op->in[0]->type;
  const IntList *window = &op->attrs.window.window;
  int64_t n = type_count(op->out[0]->type);
  for (int d = 0; d < window->n; d++) {
    bool all = window->v[d] > x->dim[d];
    n = mul_saturating(n, all ? x->dim[d] : window->v[d]);
  }
  return n;
}

static bool is_quick(const Op *op) {
  bool has_window = op->kind == OP_window_sum || op->kind == OP_window_max ||
                    op->kind == OP_window_argmax;
  return (has_window ? window_work(op) : op_macs(op)) <= WORK_LIMIT;
}

static bool makes_output(const Graph *g, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    if (value_use_count(g, op->out[i]) > op->out[i]->uses.n)
      return true;
  return false;
}

static void fold(Graph *g, Op *op, Arena *scratch) {
  const void **in = ARENA_ARRAY(scratch, const void *, op->nin);
  void **out = ARENA_ARRAY(scratch, void *, op->nout);
  for (int i = 0; i < op->nin; i++)
    in[i] = op->in[i] ? op->in[i]->init->data : NULL;
  for (int i = 0; i < op->nout; i++)
    out[i] = arena_alloc(g->arena, (size_t)type_bytes(op->out[i]->type));
  op_eval(op, in, out);
  for (int i = 0; i < op->nout; i++) {
    Value *v = op->out[i];
    Value *folded = graph_const(g, v->name, v->type, out[i]);
    graph_replace_uses(g, v, folded);
    graph_swap_names(g, v, folded);
  }
}

bool pass_constant_fold(Graph *g, PassCtx *c) {
  for (Op *op = g->first, *next; op; op = next) {
    next = op->next;
    if (!reads_constants(op) || !stays_small(op) || !is_quick(op) ||
        makes_output(g, op))
      continue;
    fold(g, op, c->scratch);
    graph_remove_op(g, op);
    pass_stat(c, "ops computed", 1);
  }
  return true;
}
