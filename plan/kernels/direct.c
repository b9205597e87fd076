/* direct_int, spread_f32: shapes, packed weights. */
#include "plan/kernels/direct.h"

#include "ir/map.h"
#include "plan/conv.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

static bool is_byte(const Value *v) {
  return v->type->dtype == DT_i8 || v->type->dtype == DT_u8;
}

static bool fits_index(const Op *op) {
  return type_bytes(op->in[0]->type) <= INT32_MAX &&
         type_bytes(op->in[1]->type) <= INT32_MAX &&
         type_bytes(op->out[0]->type) <= INT32_MAX;
}

/* Taps * channels of one group. */
static int64_t products(const Op *op) {
  const Type *w = op->in[1]->type;
  return type_count(w) / w->dim[0];
}

static bool is_quantized(const Op *op) {
  return type_is_q8(op->in[0]->type) && type_is_q8(op->out[0]->type) &&
         products(op) <= SUMS_MOST;
}

bool match_direct_int(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_conv2d && is_byte(op->in[0]) && is_byte(op->in[1]) &&
         (op_is_plain(op) || (is_quantized(op) && !conv_has_q8_types(op))) &&
         fits_index(op);
}

/* Offsets in one dimension stay within 31 bits. */
static bool spread_fits(const Op *op, int axis) {
  const ConvTransposeAttrs *a = &op->attrs.conv_transpose;
  int64_t in = op->in[0]->type->dim[1 + axis];
  int64_t out = op->out[0]->type->dim[1 + axis];
  int64_t taps = op->in[1]->type->dim[1 + axis];
  int64_t pad = a->pad.v[axis];
  return mul_saturating(in, a->stride.v[axis]) < INT32_MAX &&
         out + (pad < 0 ? -pad : pad) < INT32_MAX &&
         mul_saturating(taps, a->dilation.v[axis]) < INT32_MAX / 2;
}

bool match_spread_f32(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_conv_transpose2d && fits_index(op) &&
         spread_fits(op, 0) && spread_fits(op, 1);
}

/* Four times what packed pixels take. */
double cost_direct_int(const Op *op, const Target *t) {
  int lanes = t->vector_bytes / 4;
  return 4 * (double)op_macs(op) / (lanes ? lanes : 1);
}

double cost_spread_f32(const Op *op, const Target *t) {
  int lanes = target_f32_lanes(t);
  return 2 * (double)op_macs(op) / (lanes ? lanes : 1);
}

/* ---- weights ---- */

/* ky, kx, ic, oc of OHWI. */
static void plain_steps(DirectParams *m) {
  m->w_step[2] = 1;
  m->w_step[1] = m->ic;
  m->w_step[0] = m->x.taps * m->ic;
  m->w_step[3] = m->y.taps * m->w_step[0];
  m->w_group = m->oc * m->w_step[3];
}

static void packed_steps(DirectParams *m) {
  m->w_step[3] = 1;
  m->w_step[2] = m->oc;
  m->w_step[1] = m->ic * m->oc;
  m->w_step[0] = m->x.taps * m->w_step[1];
  m->w_group = m->y.taps * m->w_step[0];
}

static int32_t byte_at(const Value *v, int64_t i) {
  return v->type->dtype == DT_u8 ? ((const uint8_t *)v->init->data)[i]
                                 : ((const int8_t *)v->init->data)[i];
}

/* The weight's zero point, a constant operand or that of the type. */
static int32_t weight_zero(const Op *op, int64_t c) {
  const Value *z = op_in(op, 4);
  if (!z)
    return type_channel_zero_point(op->in[1]->type, c);
  return byte_at(z, type_count(z->type) == 1 ? 0 : c);
}

typedef void (*PutWeight)(const Op *op, void *to, int64_t i, int64_t from,
                          int64_t channel);

static void put_centred(const Op *op, void *to, int64_t i, int64_t from,
                        int64_t channel) {
  int32_t w = byte_at(op->in[1], from) - weight_zero(op, channel);
  ((int16_t *)to)[i] = (int16_t)w;
}

static void put_float(const Op *op, void *to, int64_t i, int64_t from,
                      int64_t channel) {
  (void)channel;
  ((float *)to)[i] = ((const float *)op->in[1]->init->data)[from];
}

static void pack(Plan *p, Step *s, DirectParams *m, DType t, PutWeight put) {
  int64_t count = type_count(s->op->in[1]->type), from = 0;
  int64_t bytes = count * dtype_bits(t) / 8;
  void *image = arena_alloc(p->arena, (size_t)bytes);
  packed_steps(m);
  for (int64_t o = 0; o < m->groups * m->oc; o++)
    for (int64_t ky = 0; ky < m->y.taps; ky++)
      for (int64_t kx = 0; kx < m->x.taps; kx++)
        for (int64_t i = 0; i < m->ic; i++) {
          int64_t to = o / m->oc * m->w_group + o % m->oc + ky * m->w_step[0] +
                       kx * m->w_step[1] + i * m->w_step[2];
          put(s->op, image, to, from++, o);
        }
  m->w_type = t;
  m->w = plan_blob(p, s, "w", image, bytes, p->target->simd_align);
}

/* ---- shapes ---- */

/* Is some tap's first or last pixel not there? */
static bool is_padded(const DirectAxis *a) {
  int64_t reach = (a->taps - 1) * a->dilation;
  return a->pad > 0 || (a->out - 1) * a->stride - a->pad + reach >= a->in;
}

static DirectAxis direct_axis(const Op *op, int axis) {
  DirectAxis a = {.out = op->out[0]->type->dim[1 + axis],
                  .in = op->in[0]->type->dim[1 + axis],
                  .taps = op->in[1]->type->dim[1 + axis]};
  if (op->kind == OP_conv2d) {
    const ConvAttrs *c = &op->attrs.conv;
    a.stride = c->stride.v[axis];
    a.dilation = c->dilation.v[axis];
    a.pad = c->pad.v[2 * axis];
    a.padded = is_padded(&a);
  } else {
    const ConvTransposeAttrs *c = &op->attrs.conv_transpose;
    a.stride = c->stride.v[axis];
    a.dilation = c->dilation.v[axis];
    a.pad = c->pad.v[axis];
    a.padded = true;
  }
  return a;
}

static DirectParams *direct_params(Plan *p, Step *s) {
  const Type *x = s->op->in[0]->type, *w = s->op->in[1]->type;
  DirectParams *m = ARENA_NEW(p->arena, DirectParams);
  m->n = x->dim[0];
  m->ic = w->dim[3];
  m->groups = x->dim[3] / m->ic;
  m->oc = w->dim[0] / m->groups;
  m->y = direct_axis(s->op, 0);
  m->x = direct_axis(s->op, 1);
  m->w_type = w->dtype;
  plain_steps(m);
  s->params = m;
  return m;
}

/* Operands but packed weights that are constants. */
static void keep_constants(Plan *p, Step *s, bool packed) {
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i] && s->in[i]->place == PLACE_const && !(packed && i == 1))
      plan_const_blob(p, s->in[i]);
}

/* Several registers of accumulators at a time. */
static int block_lanes(const Target *t, DType acc, int64_t oc) {
  enum { REGISTERS = 4 };
  int lanes = plain_lanes(t, &acc, 1);
  int blocks = t->dot == DOT_vmladava ? 1 : REGISTERS;
  while (blocks > 1 && lanes * blocks / 2 >= oc)
    blocks /= 2;
  return oc >= 4 ? lanes * blocks : 0;
}

bool prepare_direct_int(Plan *p, Step *s) {
  const Op *op = s->op;
  DirectParams *m = direct_params(p, s);
  const Value *zero = op_in(op, 4);
  bool packs = op->in[1]->init && (!zero || zero->init);
  keep_constants(p, s, packs);
  m->ends = sum_ends(p, s, m->groups * m->oc, products(op));
  if (packs) {
    pack(p, s, m, DT_i16, put_centred);
    m->lanes = block_lanes(p->target, DT_i32, m->oc);
  }
  set_variant(p, s, "direct", m->lanes ? p->target->vector_bytes : 0);
  return true;
}

bool prepare_spread_f32(Plan *p, Step *s) {
  DirectParams *m = direct_params(p, s);
  bool packs = s->op->in[1]->init != NULL;
  keep_constants(p, s, packs);
  if (packs) {
    pack(p, s, m, DT_f32, put_float);
    m->lanes = block_lanes(p->target, DT_f32, m->oc);
  }
  set_variant(p, s, "spread", m->lanes ? p->target->vector_bytes : 0);
  return true;
}
