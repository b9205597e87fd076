/* products: dimensions, steps, blocks. */
#include "plan/kernels/products.h"

#include "ir/map.h"
#include "plan/conv.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

static bool is_byte(const Value *v) {
  return v->type->dtype == DT_i8 || v->type->dtype == DT_u8;
}

static int64_t depth(const Op *op) {
  const Type *a = op->in[0]->type, *w = op->in[1]->type;
  return op->kind == OP_matmul ? a->dim[a->rank - 1] : w->dim[1];
}

static bool is_quantized(const Op *op) {
  const Value *bias = op->kind == OP_matmul ? NULL : op_in(op, 2);
  return type_is_q8(op->in[0]->type) && is_byte(op->in[1]) &&
         type_is_q8(op->out[0]->type) && depth(op) <= SUMS_MOST &&
         (!bias || bias->type->dtype == DT_i32) && !conv_has_q8_types(op);
}

static bool is_plain(const Op *op, const Target *t) {
  DType type = op->in[0]->type->dtype;
  return op->kind == OP_matmul && op_is_plain(op) && type != DT_f32 &&
         plain_fits(t, type);
}

bool match_products(const Op *op, const Target *t) {
  return (op->kind == OP_matmul || op->kind == OP_fully_connected) &&
         (is_plain(op, t) || is_quantized(op));
}

/* More than where b is packed. */
double cost_products(const Op *op, const Target *t) {
  int lanes = t->vector_bytes / 4;
  return 4 * (double)op_macs(op) / (lanes ? lanes : 1);
}

/* ---- steps ---- */

/* Steps of t, whose last two dimensions are rows and columns, along y's
 * dimensions; where t has 1, or none, it stays. */
static ProductSteps steps_of(const Type *t, const Type *y) {
  ProductSteps s = {{0}, 0, 0};
  int64_t step = 1;
  for (int d = 1; d <= t->rank; d++) {
    int64_t dim = t->dim[t->rank - d], by = dim == 1 ? 0 : step;
    if (d == 1)
      s.column = by;
    else if (d == 2)
      s.row = by;
    else
      s.lead[y->rank - d] = by;
    step *= dim;
  }
  return s;
}

static void matmul_steps(ProductParams *q, const Op *op) {
  const Type *y = op->out[0]->type;
  q->m = y->dim[y->rank - 2];
  q->n = y->dim[y->rank - 1];
  q->ndim = y->rank - 2;
  for (int d = 0; d < q->ndim; d++)
    q->dim[d] = y->dim[d];
  q->a = steps_of(op->in[0]->type, y);
  q->b = steps_of(op->in[1]->type, y);
  q->y = steps_of(y, y);
  for (int i = 2; i < 4; i++) {
    if (!op_in(op, i))
      continue;
    *(i == 2 ? &q->za : &q->zb) = steps_of(op->in[i]->type, y);
    *(i == 2 ? &q->za_operand : &q->zb_operand) = i;
  }
}

static void dense_steps(ProductParams *q, const Op *op) {
  q->n = op->in[1]->type->dim[0];
  q->m = type_count(op->out[0]->type) / q->n;
  q->a = (ProductSteps){.row = q->k, .column = 1};
  q->b = (ProductSteps){.row = 1, .column = q->k};
  q->y = (ProductSteps){.row = q->n, .column = 1};
  q->has_bias = op_in(op, 2) != NULL;
}

static void choose_block(ProductParams *q, const Step *s, const Target *t) {
  enum { REGISTERS = 2 };
  DType acc = is_byte(s->op->in[0]) ? DT_i32 : s->op->in[0]->type->dtype;
  int lanes = plain_lanes(t, &acc, 1);
  int most = t->dot == DOT_vmladava ? lanes : REGISTERS * lanes;
  q->lanes = q->b.column == 1 && q->n >= 4 ? most : 0;
  q->rows = q->lanes && q->m >= PRODUCT_ROWS ? PRODUCT_ROWS : 1;
}

bool prepare_products(Plan *p, Step *s) {
  ProductParams *q = ARENA_NEW(p->arena, ProductParams);
  q->za_operand = q->zb_operand = -1;
  q->k = depth(s->op);
  if (s->op->kind == OP_matmul)
    matmul_steps(q, s->op);
  else
    dense_steps(q, s->op);
  choose_block(q, s, p->target);
  q->ends = sum_ends(p, s, q->n, q->k);
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i] && s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  s->params = q;
  set_variant(p, s, "products", q->lanes ? p->target->vector_bytes : 0);
  return true;
}
