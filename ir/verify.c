/* Verification of whole graphs. What a model file can get wrong is reported
 * under E02xx (E0302 for what is sound but out of scope); a broken use list
 * or name table is a defect of ours, E0901. */
#include "ir/verify.h"

#include <math.h>

#include "ir/element.h"
#include "ir/infer.h"
#include "ir/text.h"

static DiagCode fault(const char **why, DiagCode code, const char *text) {
  if (why)
    *why = text;
  return code;
}

static DiagCode shape_fault(const Type *t, const char **why) {
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] < 0)
      return fault(why, E0201, "a dimension is negative");
  if (type_count(t) == 0)
    return fault(why, E0302, "it has no elements");
  if (type_bytes(t) > TYPE_MAX_BYTES)
    return fault(why, E0302, "it is larger than 2^40 bytes");
  return DIAG_CODE_COUNT;
}

static bool has_sound_axis(const Type *t, const QuantParams *q) {
  return q->axis == -1 ? !q->block
                       : q->axis >= 0 && q->axis < t->rank && q->block >= 0;
}

static DiagCode entry_fault(Arena *a, const QuantParams *q, int i,
                            const char **why) {
  float s = q->scale[i];
  int32_t z = q->zero_point[i];
  if (!isfinite(s) || s <= 0)
    return fault(why, E0202,
                 arena_printf(a, "scale %d is %g, must be finite and positive",
                              i, (double)s));
  int64_t lo = q->codebook ? INT8_MIN : q->qmin;
  int64_t hi = q->codebook ? INT8_MAX : q->qmax;
  if (z < lo || z > hi)
    return fault(why, E0202,
                 arena_printf(a, "zero point %d is %d, outside %lld..%lld", i,
                              (int)z, (long long)lo, (long long)hi));
  return DIAG_CODE_COUNT;
}

static DiagCode quant_fault(Arena *a, const Type *t, const char **why) {
  const QuantParams *q = t->q;
  if (!dtype_is_integer(t->dtype))
    return fault(why, E0202, "only integers can be quantized");
  if (!has_sound_axis(t, q))
    return fault(why, E0202, "the quantized axis or block does not exist");
  int64_t want = type_entries(t);
  if (q->nscale != want)
    return fault(why, E0202,
                 arena_printf(a, "it has %d scales, needs %lld", q->nscale,
                              (long long)want));
  if (q->qmin >= q->qmax || q->qmin < dtype_min(t->dtype) ||
      q->qmax > dtype_max(t->dtype))
    return fault(why, E0202, "the storage range is not one of its type");
  if (q->codebook && (q->ncode < 1 || q->ncode > 256))
    return fault(why, E0202, "a codebook has 1 to 256 entries");
  for (int i = 0; i < q->nscale; i++) {
    DiagCode code = entry_fault(a, q, i, why);
    if (code != DIAG_CODE_COUNT)
      return code;
  }
  return DIAG_CODE_COUNT;
}

DiagCode type_fault(Arena *a, const Type *t, const char **why) {
  if (t->dtype >= DT_COUNT)
    return fault(why, E0201, "unknown element type");
  DiagCode code = shape_fault(t, why);
  if (code == DIAG_CODE_COUNT && t->q)
    code = quant_fault(a, t, why);
  return code;
}

static bool graph_error(const Graph *g, DiagCode code, const Value *v,
                        const char *text) {
  Str s = str_new(g->arena);
  value_print(&s, v);
  str_add(&s, " : ");
  type_print(&s, v->type);
  return diag_error(g->diag, code, (Loc){.file = g->file}, "%s: %s",
                    str_cstr(&s), text);
}

static bool is_input(const Graph *g, const Value *v) {
  for (int i = 0; i < g->inputs.n; i++)
    if (g->inputs.v[i] == v)
      return true;
  for (int i = 0; i < g->states.n; i++)
    if (g->states.v[i].in == v)
      return true;
  return false;
}

static bool owns(const Graph *g, const Value *v) {
  return v->id >= 0 && v->id < g->values.n && g->values.v[v->id] == v;
}

/* Is every index of a constant an entry of its codebook? */
static bool verify_indices(const Graph *g, const Value *v) {
  const Type *t = v->type;
  for (int64_t i = 0; t->q && t->q->codebook && i < type_count(t); i++)
    if (element_load(t->dtype, v->init->data, i) >= (uint64_t)t->q->ncode)
      return graph_error(g, E0202, v,
                         arena_printf(g->arena,
                                      "element %lld is no index of the %d "
                                      "entries of its codebook",
                                      (long long)i, t->q->ncode));
  return true;
}

/* Inputs, constants and states; op_verify sees to what ops make. */
static bool verify_source(const Graph *g, const Value *v) {
  const char *why;
  DiagCode code = type_fault(g->arena, v->type, &why);
  if (code != DIAG_CODE_COUNT)
    return graph_error(g, code, v, why);
  if (v->init)
    return v->init->data ? verify_indices(g, v)
                         : graph_error(g, E0201, v, "has no data");
  return is_input(g, v) || graph_error(g, E0901, v, "comes from nowhere");
}

static bool verify_uses(const Graph *g, const Value *v, int operands) {
  bool ok = v->uses.n == operands;
  for (int i = 0; i < v->uses.n && ok; i++) {
    Use u = v->uses.v[i];
    ok = u.op->graph == g && op_in(u.op, u.index) == v;
  }
  return ok || graph_error(g, E0901, v, "its use list is wrong");
}

/* How often each value is an operand, by id. */
static int *count_operands(const Graph *g, Arena *a) {
  int *n = ARENA_ARRAY(a, int, g->values.n);
  for (const Op *op = g->first; op; op = op->next)
    for (int i = 0; i < op->nin; i++)
      if (op->in[i] && owns(g, op->in[i]))
        n[op->in[i]->id]++;
  return n;
}

static bool verify_values(const Graph *g, Arena *scratch) {
  const int *operands = count_operands(g, scratch);
  bool ok = true;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (!v)
      continue;
    if (!v->def)
      ok &= verify_source(g, v);
    ok &= verify_uses(g, v, operands[i]);
    if (v->id != i || graph_find(g, v->name) != v)
      ok = graph_error(g, E0901, v, "its id or name is not its own");
  }
  return ok;
}

/* Operands exist before they are read. */
static bool verify_order(const Op *op, const bool *made) {
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (v && !owns(op->graph, v))
      return op_error(op, E0901, "operand %d is not of this graph", i);
    if (v && v->def && !made[v->id])
      return op_error(op, E0201, "%s is read before it is computed",
                      value_text(op, v));
  }
  return true;
}

static bool verify_ops(const Graph *g, Arena *scratch) {
  bool *made = ARENA_ARRAY(scratch, bool, g->values.n);
  bool ok = true;
  int n = 0;
  for (const Op *op = g->first; op; op = op->next, n++) {
    ok &= verify_order(op, made) && op_verify(op);
    for (int i = 0; i < op->nout; i++) {
      made[op->out[i]->id] = true;
      if (op->out[i]->def != op || op->out[i]->def_index != i)
        ok = op_error(op, E0901, "output %d has another producer", i);
    }
  }
  if (n != g->nop)
    ok = diag_error(g->diag, E0901, (Loc){.file = g->file},
                    "the op count is wrong");
  return ok;
}

static bool verify_state(const Graph *g, const State *s) {
  if (!s->out || !owns(g, s->out))
    return graph_error(g, E0201, s->in, "nothing is stored back to the state");
  if (!type_equal(s->in->type, s->out->type))
    return graph_error(g, E0201, s->out,
                       "its type is not that of the state it is stored to");
  if (s->init && (!s->init->init || !type_equal(s->in->type, s->init->type)))
    return graph_error(g, E0201, s->init,
                       "is no constant of the type of its state");
  return true;
}

bool graph_verify(const Graph *g) {
  Arena *scratch = arena_new();
  bool ok = verify_values(g, scratch);
  ok &= verify_ops(g, scratch);
  arena_free(scratch);
  for (int i = 0; i < g->states.n; i++)
    ok &= verify_state(g, &g->states.v[i]);
  if (g->outputs.n == 0)
    ok = diag_error(g->diag, E0201, (Loc){.file = g->file},
                    "the model has no output");
  for (int i = 0; i < g->outputs.n; i++)
    if (!owns(g, g->outputs.v[i]))
      ok = diag_error(g->diag, E0901, (Loc){.file = g->file},
                      "output %d is not of this graph", i);
  return ok;
}
