/* See grid.h. */
#include "compress/recover/grid.h"

#include <math.h>

#include "compress/range.h"

static int mantissa_bits(float x) {
  int bits = 1;
  while (scale_up((double)x, bits) != x)
    bits++;
  return bits;
}

static int most_bits(int bits, const QuantParams *q) {
  for (int i = 0; q && i < q->nscale; i++) {
    int own = mantissa_bits(q->scale[i]);
    bits = own > bits ? own : bits;
  }
  return bits;
}

static bool is_clamp(const Op *op) {
  return op->kind == OP_relu || op->kind == OP_relu6 || op->kind == OP_min ||
         op->kind == OP_max;
}

/* Bytes that v is stored as, behind clamps; NULL: it isn't. */
static const Type *stored_as(const Value *v) {
  if (v->uses.n != 1)
    return NULL;
  const Op *op = v->uses.v[0].op;
  if (is_clamp(op))
    return stored_as(op->out[0]);
  return op->kind == OP_quantize && type_is_q8(op->out[0]->type)
             ? op->out[0]->type
             : NULL;
}

/* A single scale says little of how long they may be: the input's does too. */
Grid grid_of(const Layer *l) {
  const Type *x = layer_input_type(l);
  Grid g = {.bits = most_bits(1, l->weight->type->q)};
  if (!x || x->q->nscale != 1)
    return g;
  g.bits = most_bits(g.bits, x->q);
  g.in_scale = x->q->scale[0];
  g.y = stored_as(l->op->out[0]);
  return g;
}

float grid_up(const Grid *g, double scale) {
  return scale_for_sums(scale, g->bits, g->in_scale, g->y);
}

float grid_near(const Grid *g, double scale) {
  return grid_up(g, scale * (1 - ldexp(0.5, -g->bits)));
}
