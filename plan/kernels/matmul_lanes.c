/* matmul_lanes: shapes, signs, the reach of the sums. */
#include "plan/kernels/matmul_lanes.h"

#include "ir/map.h"
#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/light.h"
#include "plan/kernels/matmul.h"
#include "plan/kernels/sums.h"

static int panel_columns(const Target *t) {
  return PANEL_VECTORS * (t->vector_bytes / 4);
}

/* The target's instruction for one row at a time. */
static Dot row_dot(const Target *t) {
  return t->dot == DOT_smmla ? DOT_sdot : t->dot;
}

static bool is_byte_tensor(const Value *v) {
  return type_is_q8(v->type) && v->type->q->axis < 0;
}

bool match_matmul_lanes(const Op *op, const Target *t) {
  Dot dot = row_dot(t);
  if (op->kind != OP_matmul || op_is_plain(op) || !t->vector_bytes ||
      (dot != DOT_vpdpbusd && dot != DOT_sdot && dot != DOT_pmaddwd))
    return false;
  const Type *a = op->in[0]->type, *y = op->out[0]->type;
  return is_byte_tensor(op->in[0]) && is_byte_tensor(op->in[1]) &&
         is_byte_tensor(op->out[0]) && a->dim[a->rank - 1] <= SUMS_MOST &&
         (t->masks || y->dim[y->rank - 1] % panel_columns(t) == 0);
}

/* The products, and b gone over once to lay it out. */
double cost_matmul_lanes(const Op *op, const Target *t) {
  int columns = panel_columns(t);
  const Type *y = op->out[0]->type;
  double all = (double)ceil_div(y->dim[y->rank - 1], columns) * columns;
  double padded = all / (double)y->dim[y->rank - 1];
  double macs = (double)op_macs(op) * padded;
  double rows = (double)y->dim[y->rank - 2];
  int64_t lanes = t->vector_bytes / 4 * dot_group(t->dot);
  return macs / (double)lanes * (1 + 2 / rows);
}

static void set_shape(MatmulLanes *q, const Op *op) {
  const Type *a = op->in[0]->type, *y = op->out[0]->type;
  q->m = y->dim[y->rank - 2];
  q->n = y->dim[y->rank - 1];
  q->k = a->dim[a->rank - 1];
  q->ndim = y->rank - 2;
  for (int d = 0; d < q->ndim; d++)
    q->dim[d] = y->dim[d];
  matmul_batch_steps(a, y, q->a_step);
  matmul_batch_steps(op->in[1]->type, y, q->b_step);
}

/* Stored bytes as the instruction's sign: what changes, and the zero point. */
static int change_sign(const Buffer *b, DType want, int32_t *zero) {
  *zero = type_zero_point(b->type);
  if (b->type->dtype == want)
    return 0;
  *zero += want == DT_u8 ? 128 : -128;
  return 0x80;
}

static void set_signs(MatmulLanes *q, const Step *s) {
  q->c.widens = q->c.dot == DOT_pmaddwd;
  q->c.in_type = q->c.widens                ? s->in[0]->type->dtype
                 : q->c.dot == DOT_vpdpbusd ? DT_u8
                                            : DT_i8;
  q->a_xor = change_sign(s->in[0], q->c.in_type, &q->a_zero);
  q->b_xor = change_sign(s->in[1], DT_i8, &q->b_zero);
  q->copies = q->a_xor || q->k % q->c.group || q->c.widens;
  q->elem = q->c.widens ? 2 : 1;
  q->pitch =
      q->copies ? ceil_div(q->k, q->c.group) * q->c.group * q->elem : q->k;
}

/* k times the least and the largest product. */
static AccRange reach(const MatmulLanes *q) {
  int64_t a_least = q->c.in_type == DT_u8 ? 0 : -128, most = 0, least = 0;
  for (int i = 0; i < 4; i++) {
    int64_t a = a_least + (i & 1 ? 255 : 0) - q->a_zero;
    int64_t b = (i & 2 ? 127 : -128) - q->b_zero;
    most = a * b > most ? a * b : most;
    least = a * b < least ? a * b : least;
  }
  return (AccRange){q->k * least, q->k * most};
}

static void set_requant(Plan *p, Step *s, MatmulLanes *q) {
  Requant r = requant_of(s->op, 0), spec = stored_requant(&r, s->made);
  AccRange range = reach(q);
  unsigned forms = target_conv_forms(p->target);
  if (range.hi >> (30 - (r.shift > 0 ? r.shift : 0)) != 0)
    forms &= ~(1u << RF_double);
  q->c.out_type = s->made->type->dtype;
  q->c.rq = requant_plan(p->arena, 1, &spec, &range, forms);
  q->c.rt = requant_tables(p, s, &q->c.rq, 1);
  q->start = requant_plan_start(&q->c.rq, 0);
}

static void set_tile(MatmulLanes *q, const Target *t) {
  int registers = t->nvregs - 2 - PANEL_VECTORS;
  q->c.lanes = t->vector_bytes / 4;
  q->c.dot = row_dot(t);
  q->c.group = dot_group(q->c.dot);
  q->c.vectors = PANEL_VECTORS;
  q->c.pixels = even_part(q->m, registers / PANEL_VECTORS);
  q->c.join = t->arch == ARCH_x86_64 ? PANEL_VECTORS : 1;
}

static int64_t aligned(int64_t bytes) { return (bytes + 63) / 64 * 64; }

static void set_scratch(MatmulLanes *q, Step *s) {
  int64_t columns = PANEL_VECTORS * q->c.lanes;
  int64_t deep = ceil_div(q->k, q->c.group) * q->c.group;
  q->at_weights = q->copies ? aligned(q->m * q->pitch) : 0;
  q->at_columns = q->at_weights + aligned(deep * columns * q->elem);
  q->at_rows = q->at_columns + aligned(4 * columns);
  s->scratch_bytes = q->at_rows + aligned(4 * q->m);
}

bool prepare_matmul_lanes(Plan *p, Step *s) {
  MatmulLanes *q = ARENA_NEW(p->arena, MatmulLanes);
  set_shape(q, s->op);
  set_tile(q, p->target);
  set_signs(q, s);
  set_requant(p, s, q);
  set_scratch(q, s);
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  s->params = q;
  s->vector_bytes = p->target->vector_bytes;
  s->variant = arena_printf(
      p->arena, "q%s_%dx%dc%d_%s", q->c.in_type == DT_u8 ? "u8" : "s8",
      q->c.pixels, PANEL_VECTORS * q->c.lanes, q->c.group, dot_name(q->c.dot));
  s->note = requant_form_name(q->c.rq.form);
  return true;
}
