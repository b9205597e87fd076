/* See band.h. */
#include "codegen/kernels/band.h"

#include "plan/kernel.h"

static bool is_real(const Step *s) {
  return s->front->kernel == &kernel_table[K_dw_f32_rows];
}

/* The band's rows of the front, stored as by a step of its own. */
static void front_rows(Cg *g, const Step *s, Val zeros, const Band *b) {
  g->step = s->front;
  if (is_real(s))
    dw_f32_rows_band(g, s->front->params, zeros, b);
  else
    dw_rows_band(g, s->front->params, zeros, b);
  g->step = s;
}

Bands bands_begin(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *front = s->front->params, *c = s->params;
  const ConvGeom *q = &front->g;
  int64_t in_bytes = q->ih * q->iw * q->ic * front->in_bytes;
  int64_t out_row = q->ow * conv_geom(s->op).oc * c->out_bytes;
  Val zeros = is_real(s) ? dw_f32_rows_zeros(g, front, a->scratch)
                         : dw_rows_zeros(g, front, a->scratch);
  Bands b = {.images = loop_begin_part(g, SPLIT_images, 0, q->n, 1, 1)};
  b.rows = tiles_begin_part(g, SPLIT_bands, q->oh, s->band_rows);
  Val scratch = ll_gepc(g, a->scratch, s->band_offset);
  Val in = ll_gep(g, a->in[0], ll_mulc(g, b.images.i, in_bytes));
  Val out = ll_gep(g, a->out[0], ll_mulc(g, b.images.i, q->oh * out_row));
  Band band = {
      .im = {.src = in, .out = scratch}, .y = b.rows.at, .rows = s->band_rows};
  front_rows(g, s, zeros, &band);
  b.im.src = scratch;
  b.im.out = ll_gep(g, out, ll_mulc(g, b.rows.at, out_row));
  return b;
}

void bands_end(Cg *g, Bands *b) {
  tiles_end(g, &b->rows);
  loop_end(g, &b->images, NULL);
}
