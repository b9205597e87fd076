/* map:
 *   for outer dimensions: for i in the innermost:
 *     y[i] = f(a[i], b[i], c[i])
 * An operand that stays the same in the innermost loop is loaded before it.
 */
#include "plan/kernels/map.h"

#include "codegen/kernels/light.h"
#include "codegen/kernels/map_functions.h"
#include "codegen/kernels/tail.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "ir/map.h"

typedef struct Map {
  const MapParams *p;
  const Op *op;
  DType out_type;
  DType in_type[MAP_OPERANDS];
  int64_t flip[MAP_OPERANDS]; /* select: by how stored forms differ */
  Val in[MAP_OPERANDS];       /* first elements of the run */
  Val same[MAP_OPERANDS];     /* operands without a step, scalar */
  Val out;
} Map;

/* select moves its second and third operand as they are. */
static bool moves(const Map *m, int i) {
  return m->op->kind == OP_select && i > 0;
}

static Val load(Cg *g, const Map *m, int i, Val p, int lanes) {
  if (moves(m, i))
    return ll_xorc(g, plain_load_bits(g, m->in_type[i], p, lanes), m->flip[i]);
  return plain_load(g, m->in_type[i], p, lanes);
}

static Val computed(Cg *g, const Map *m, const Val *x) {
  const Op *op = m->op;
  if (op->kind == OP_select)
    return ll_select(g, ll_trunc(g, x[0], g->i1), x[1], x[2]);
  if (op->kind == OP_cast)
    return plain_cast(g, m->in_type[0], m->out_type, op->attrs.cast.saturate,
                      x[0]);
  return map_function(g, op, x[0], x[1]);
}

static Val address(Cg *g, Val base, Val i, DType t) {
  return ll_gep(g, base, ll_mulc(g, i, plain_bytes(t)));
}

static void map_block(Cg *g, void *ctx, Val i, int lanes) {
  const Map *m = ctx;
  Val x[MAP_OPERANDS] = {0};
  for (int k = 0; k < m->p->nin; k++)
    x[k] = m->same[k]
               ? ll_splat(g, m->same[k], lanes)
               : load(g, m, k, address(g, m->in[k], i, m->in_type[k]), lanes);
  Val y = computed(g, m, x);
  Val to = address(g, m->out, i, m->out_type);
  if (tail_any(g))
    tail_apply(g, &y, &(TailAt){.p = to, .n = lanes ? lanes : 1, .join = 1});
  if (m->op->kind == OP_select)
    plain_store_bits(g, m->out_type, y, to);
  else
    plain_store(g, m->out_type, y, to);
}

/* Steps of the contiguous output's outer dimensions. */
static void output_steps(const MapParams *p, int64_t *step) {
  int64_t n = 1;
  for (int d = p->ndim - 1; d >= 0; d--) {
    step[d] = n;
    n *= p->dim[d];
  }
}

static Val run_start(Cg *g, Val base, const DimLoops *outer,
                     const int64_t *step, DType t) {
  return address(g, base, dims_offset(g, outer, step), t);
}

static void begin_operands(Cg *g, Map *m, const Step *s, const StepArgs *a,
                           const DimLoops *outer) {
  int last = m->p->ndim - 1;
  for (int i = 0; i < m->p->nin; i++) {
    m->in_type[i] = s->in[i]->type->dtype;
    m->flip[i] =
        buffer_flipped(s->in[i]) != buffer_flipped(s->out[0]) ? 128 : 0;
    m->in[i] = run_start(g, a->in[i], outer, m->p->stride[i], m->in_type[i]);
    if (m->p->stride[i][last] == 0 && m->p->dim[last] > 1)
      m->same[i] = load(g, m, i, m->in[i], 0);
  }
}

void lower_map(Cg *g, const Step *s, const StepArgs *a) {
  const MapParams *p = s->params;
  int last = p->ndim - 1;
  int64_t step[MAX_RANK];
  if (type_count(s->out[0]->type) == 0)
    return;
  if (!p->lanes && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  output_steps(p, step);
  DimLoops outer = dims_begin(g, p->dim, last);
  Map m = {.p = p, .op = s->op, .out_type = s->out[0]->type->dtype};
  m.out = run_start(g, a->out[0], &outer, step, m.out_type);
  begin_operands(g, &m, s, a, &outer);
  for_blocks(g, p->dim[last], p->lanes, map_block, &m);
  dims_end(g, &outer);
}
