/* What is computed of one 8-bit value, element by element, becomes a table:
 *
 *   f(g(x))                        ->  lut x, { f(g(-128)), ..., f(g(127)) }
 *   quantize(d * logistic(d)), d = dequantize(x)  ->  lut x, { ... }
 *
 * with f, g any functions of one element, also in floats between a dequantize
 * and a quantize, and functions of several that read the same x or one number
 * known at compile time. There are 256 patterns: the reference interpreter
 * computes the chain on all of them, so the table holds its very bytes. One
 * that changes nothing, as of a dequantize and a quantize back, is none at all.
 *
 * Each value is traced up to the 8-bit value that it is a function of, its
 * source. Below a value of 8 bits that is read more than once a new chain
 * begins: it has to be made in any case. A table takes the place of at least
 * two ops; values between that others read, too, stay for those. */
#include <string.h>

#include "ir/exec.h"
#include "passes/rewrite.h"

enum { PATTERNS = 256, LONGEST_CHAIN = 64, LARGEST_SLICE = 256 };

typedef struct Chains {
  Graph *g;
  Arena *scratch;
  Value **source; /* by value id; NULL: a function of no 8-bit value */
  int *length;    /* by value id: ops between it and its source */
  int known;      /* entries of these */
} Chains;

/* The ops between a source and a result, operands before their readers. */
typedef ARRAY(Op *) Slice;

static bool has_one_scale(const Type *t) {
  return !t->q || (t->q->axis < 0 && !t->q->codebook);
}

static bool is_byte(const Value *v) {
  return (v->type->dtype == DT_i8 || v->type->dtype == DT_u8) &&
         has_one_scale(v->type);
}

static bool is_elementwise(const Op *op) {
  return op->nout == 1 && has_one_scale(op->out[0]->type) &&
         (op_info(op->kind)->traits & (T_UNARY | T_MAP));
}

/* A constant operand that is the same for every element. */
static bool is_parameter(const Op *op, const Value *v) {
  return v->init && has_one_scale(v->type) &&
         (type_count(v->type) == 1 || op->kind == OP_lut);
}

/* What a chain through v starts from: v's source or, of 8 bits, itself. */
static Value *origin(const Chains *c, Value *v) {
  bool traced = v->id < c->known && c->source[v->id];
  return traced ? c->source[v->id] : is_byte(v) ? v : NULL;
}

/* The one value that op's result is a function of, or NULL. */
static Value *source_of(const Chains *c, const Op *op) {
  Value *source = NULL;
  for (int i = 0; i < op->nin && is_elementwise(op); i++) {
    Value *v = op->in[i];
    if (v && is_parameter(op, v))
      continue;
    Value *from = v && !v->init ? origin(c, v) : NULL;
    if (!from || (source && source != from))
      return NULL;
    source = from;
  }
  bool fits = source && type_same_shape(source->type, op->out[0]->type);
  return fits ? source : NULL;
}

static void trace(Chains *c, const Op *op) {
  Value *y = op->nout == 1 ? op->out[0] : NULL, *source = source_of(c, op);
  if (!source || (is_byte(y) && value_use_count(c->g, y) > 1))
    return;
  int length = 1;
  for (int i = 0; i < op->nin; i++)
    if (c->length[op->in[i]->id] >= length)
      length = c->length[op->in[i]->id] + 1;
  if (length > LONGEST_CHAIN)
    return;
  c->source[y->id] = source;
  c->length[y->id] = length;
}

/* --- what a table would replace ---------------------------------------- */

static bool in_slice(const Slice *s, const Op *op) {
  for (int i = 0; i < s->n; i++)
    if (s->v[i] == op)
      return true;
  return false;
}

/* Adds op and what leads to it from `source`; stops when it is too much. */
static void collect(Chains *c, Slice *s, Op *op, const Value *source) {
  if (s->n > LARGEST_SLICE || in_slice(s, op))
    return;
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] != source && !op->in[i]->init)
      collect(c, s, op->in[i]->def, source);
  ARRAY_PUSH(c->scratch, s, op);
}

static int uses_in(const Slice *s, const bool *goes, const Value *v) {
  int n = 0;
  for (int i = 0; i < s->n; i++)
    for (int k = 0; k < s->v[i]->nin && goes[i]; k++)
      n += s->v[i]->in[k] == v;
  return n;
}

/* How many ops a table in place of the last would leave without a reader. */
static int ops_replaced(Chains *c, const Slice *s) {
  bool *goes = ARENA_ARRAY(c->scratch, bool, s->n);
  int n = 0;
  for (int i = s->n - 1; i >= 0; i--) {
    const Value *y = s->v[i]->out[0];
    goes[i] = i == s->n - 1 || uses_in(s, goes, y) == value_use_count(c->g, y);
    n += goes[i];
  }
  return n;
}

/* --- the table --------------------------------------------------------- */

/* A stand-in for a value of the chain: one element a pattern. */
typedef struct Column {
  Type type;
  Value value;
  void *data;
} Column;

static void column_set(Column *c, Arena *a, const Value *v) {
  c->type = *v->type;
  c->type.rank = 1;
  c->type.dim[0] = PATTERNS;
  c->value = (Value){.type = &c->type};
  c->data = arena_alloc(a, (size_t)type_bytes(&c->type));
}

/* Operand v of s->v[i]: a column before it, or a constant. */
static int column_of(const Slice *s, const Value *v) {
  for (int i = 0; i < s->n; i++)
    if (s->v[i]->out[0] == v)
      return i + 1;
  return 0;
}

/* One number without the dimensions that only a broadcast looks at. */
static Value *scalar(Arena *a, const Value *v) {
  Value *s = arena_dup(a, v, sizeof *v);
  s->type = type_with_shape(a, v->type, 0, NULL);
  return s;
}

static void eval_column(Arena *a, const Slice *s, Column *columns, int i) {
  Op probe = *s->v[i];
  Value *out[] = {&columns[i + 1].value};
  Value **in = ARENA_ARRAY(a, Value *, probe.nin);
  const void **data = ARENA_ARRAY(a, const void *, probe.nin);
  for (int k = 0; k < probe.nin; k++) {
    const Value *v = probe.in[k];
    Column *from = &columns[column_of(s, v)];
    bool is_scalar = v->init && type_count(v->type) == 1;
    in[k] = is_scalar ? scalar(a, v) : v->init ? probe.in[k] : &from->value;
    data[k] = v->init ? v->init->data : from->data;
  }
  probe.in = in;
  probe.out = out;
  op_eval(&probe, data, &columns[i + 1].data);
}

/* What the slice makes of the source's values, the least first. */
static const void *table_of(Chains *c, const Slice *s, const Value *source) {
  Column *columns = ARENA_ARRAY(c->scratch, Column, s->n + 1);
  column_set(&columns[0], c->scratch, source);
  uint8_t *pattern = columns[0].data;
  for (int i = 0; i < PATTERNS; i++)
    pattern[i] = (uint8_t)(i + dtype_min(source->type->dtype));
  for (int i = 0; i < s->n; i++) {
    column_set(&columns[i + 1], c->scratch, s->v[i]->out[0]);
    eval_column(c->scratch, s, columns, i);
  }
  const Column *last = &columns[s->n];
  return arena_dup(c->g->arena, last->data, (size_t)type_bytes(&last->type));
}

static bool can_be_element(const Type *t) {
  int bits = dtype_bits(t->dtype);
  return bits == 8 || bits == 16 || bits == 32;
}

/* Does the table give back every value of the source? */
static bool is_identity(const Type *source, const Type *y,
                        const uint8_t *table) {
  if (!type_equal(source, y))
    return false;
  for (int i = 0; i < PATTERNS; i++)
    if (table[i] != (uint8_t)(i + dtype_min(source->dtype)))
      return false;
  return true;
}

static void put_table(Chains *c, const Slice *s, Op *op, Value *source) {
  Graph *g = c->g;
  Value *y = op->out[0];
  const void *table = table_of(c, s, source);
  const int64_t patterns = PATTERNS;
  if (is_identity(source->type, y->type, table) &&
      rewrite_replace(g, y, source))
    return;
  const Type *t = type_with_shape(g->arena, y->type, 1, &patterns);
  const char *name = arena_printf(g->arena, "%s/table", y->name);
  Value *in[] = {source, graph_const(g, name, t, table)};
  Op *lut = graph_op(g, op, OP_lut, NULL, 2, in, 1, &y->type, NULL, op->loc);
  graph_replace_uses(g, y, lut->out[0]);
  if (!value_is_output(g, lut->out[0]))
    graph_swap_names(g, y, lut->out[0]);
}

/* A table in place of op and of as much as leads to it. */
static int tabulate(Chains *c, Op *op) {
  Value *y = op->nout == 1 ? op->out[0] : NULL;
  Value *source = y ? source_of(c, op) : NULL;
  Slice s = {0};
  if (!source || !can_be_element(y->type) || !value_use_count(c->g, y))
    return 0;
  collect(c, &s, op, source);
  int replaced = s.n <= LARGEST_SLICE ? ops_replaced(c, &s) : 0;
  if (replaced < 2)
    return 0;
  put_table(c, &s, op, source);
  return replaced;
}

bool pass_lut_activation(Graph *g, PassCtx *ctx) {
  int n = g->values.n, replaced = 0, tables = 0;
  Chains c = {g, ctx->scratch, ARENA_ARRAY(ctx->scratch, Value *, n),
              ARENA_ARRAY(ctx->scratch, int, n), n};
  for (Op *op = g->first; op; op = op->next)
    trace(&c, op);
  for (Op *op = g->last, *prev; op; op = prev) {
    prev = op->prev;
    int ops = tabulate(&c, op);
    replaced += ops;
    tables += ops > 0;
    rewrite_remove_if_dead(g, op);
  }
  pass_stat(ctx, "tables made", tables);
  pass_stat(ctx, "ops replaced", replaced);
  return true;
}
