/* See figures.h. */
#include "compress/figures.h"

enum { MULTIPLE_BITS = 4 }; /* of a block's scale: ir/blocks.h */

/* Bits that tell one of n entries from the others. */
static int index_bits(int n) {
  int bits = 1;
  while (bits < 8 && 1 << bits < n)
    bits++;
  return bits;
}

static int element_bits(const Type *t) {
  return t->q && t->q->codebook ? index_bits(t->q->ncode)
                                : dtype_bits(t->dtype);
}

/* What a model learns, unlike indices, axes and scales. */
static bool is_parameter(const Value *v) {
  return dtype_is_float(v->type->dtype) || v->type->q;
}

/* The weights of a layer, where they are known, through what widens them. */
static const Value *weights_of(const Op *op) {
  const Value *w = op_macs(op) && op->nin > 1 ? op->in[1] : NULL;
  while (w && w->def && w->def->nin == 1)
    w = w->def->in[0];
  return w && w->init ? w : NULL;
}

void figures_count(const Graph *g, Figures *out) {
  out->parameters = out->weights = out->weight_bits = 0;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (v && v->init && value_use_count(g, v) && is_parameter(v))
      out->parameters += type_count(v->type);
  }
  for (const Op *op = g->first; op; op = op->next) {
    const Value *w = weights_of(op);
    if (!w)
      continue;
    out->weights += type_count(w->type);
    out->weight_bits += type_count(w->type) * element_bits(w->type);
    if (w->type->q && w->type->q->block)
      out->weight_bits += MULTIPLE_BITS * w->type->q->nscale;
  }
}
