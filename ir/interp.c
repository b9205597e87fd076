/* The reference interpreter: every op in order, each value in a buffer of
 * its own, so that an observer may look at all of them. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ops/eval.h"

typedef struct Interp {
  Executor exec; /* first: an Executor * is an Interp * */
  Arena *arena;
  const Graph *graph;
  const void **data; /* (values by id) what each value reads as */
  void **buffer;     /* (values by id) NULL for inputs and constants */
  void **carry;      /* (states) next content, type_bytes(states[i].in) */
  ExecObserve observe;
  void *ctx;
} Interp;

typedef void (*EvalFn)(const Eval *e);

static const EvalFn eval_table[OP_COUNT] = {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc) eval_##name,
#include "ir/ops.def"
#undef OP
};

void op_eval(const Op *op, const void *const *in, void *const *out) {
  Arena *scratch = arena_new();
  Eval e = {op, in, out, scratch};
  eval_table[op->kind](&e);
  arena_free(scratch);
}

static size_t value_bytes(const Value *v) {
  return (size_t)type_bytes(v->type);
}

static void run_op(Interp *ip, const Op *op) {
  Arena *scratch = arena_new();
  const void **in = ARENA_ARRAY(scratch, const void *, op->nin);
  void **out = ARENA_ARRAY(scratch, void *, op->nout);
  for (int i = 0; i < op->nin; i++)
    in[i] = op->in[i] ? ip->data[op->in[i]->id] : NULL;
  for (int i = 0; i < op->nout; i++)
    out[i] = ip->buffer[op->out[i]->id];
  op_eval(op, in, out);
  if (ip->observe)
    ip->observe(ip->ctx, op, out);
  arena_free(scratch);
}

/* All reads before all writes: one state may be the source of another. */
static void step_states(Interp *ip) {
  const Graph *g = ip->graph;
  for (int i = 0; i < g->states.n; i++) {
    const Value *from = g->states.v[i].out;
    memcpy(ip->carry[i], ip->data[from->id], value_bytes(from));
  }
  for (int i = 0; i < g->states.n; i++) {
    const Value *to = g->states.v[i].in;
    memcpy(ip->buffer[to->id], ip->carry[i], value_bytes(to));
  }
}

static bool interp_run(Executor *exec, const void *const *in,
                       void *const *out) {
  Interp *ip = (Interp *)exec;
  const Graph *g = ip->graph;
  for (int i = 0; i < g->inputs.n; i++)
    ip->data[g->inputs.v[i]->id] = in[i];
  for (const Op *op = g->first; op; op = op->next)
    run_op(ip, op);
  for (int i = 0; i < g->outputs.n; i++) {
    const Value *v = g->outputs.v[i];
    memcpy(out[i], ip->data[v->id], value_bytes(v));
  }
  step_states(ip);
  return true;
}

/* Every element the zero point; zero bytes where there is none. */
static void fill_zero(const Type *t, void *data) {
  memset(data, 0, (size_t)type_bytes(t));
  int32_t zero = type_zero_point(t);
  size_t elem = zero ? (size_t)dtype_bits(t->dtype) / 8 : 0;
  for (int64_t i = 0; elem && i < type_count(t); i++)
    memcpy((char *)data + (size_t)i * elem, &zero, elem);
}

static void interp_reset(Executor *exec) {
  Interp *ip = (Interp *)exec;
  for (int i = 0; i < ip->graph->states.n; i++) {
    const State *s = &ip->graph->states.v[i];
    void *data = ip->buffer[s->in->id];
    if (s->init)
      memcpy(data, s->init->init->data, value_bytes(s->in));
    else
      fill_zero(s->in->type, data);
  }
}

static void interp_free(Executor *exec) {
  Interp *ip = (Interp *)exec;
  arena_free(ip->arena);
}

static void give_buffer(Interp *ip, const Value *v) {
  ip->buffer[v->id] = arena_alloc(ip->arena, value_bytes(v));
  ip->data[v->id] = ip->buffer[v->id];
}

Executor *interp_new(const Graph *g, ExecObserve observe, void *ctx) {
  Arena *a = arena_new();
  Interp *ip = ARENA_NEW(a, Interp);
  ip->exec = (Executor){"interpreter", interp_run, interp_reset, interp_free};
  ip->arena = a;
  ip->graph = g;
  ip->observe = observe;
  ip->ctx = ctx;
  ip->data = ARENA_ARRAY(a, const void *, g->values.n);
  ip->buffer = ARENA_ARRAY(a, void *, g->values.n);
  ip->carry = ARENA_ARRAY(a, void *, g->states.n);
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (v && v->init)
      ip->data[i] = v->init->data;
    else if (v && v->def)
      give_buffer(ip, v);
  }
  for (int i = 0; i < g->states.n; i++) {
    give_buffer(ip, g->states.v[i].in);
    ip->carry[i] = arena_alloc(a, value_bytes(g->states.v[i].in));
  }
  interp_reset(&ip->exec);
  return &ip->exec;
}

void **exec_buffers(Arena *a, Value *const *values, int n) {
  void **buffers = ARENA_ARRAY(a, void *, n);
  for (int i = 0; i < n; i++)
    buffers[i] = arena_alloc(a, (size_t)type_bytes(values[i]->type));
  return buffers;
}
