/* How many outputs' weights are unpacked at a time where a kernel gathers the
 * windows of a tile and then computes all outputs of it: as many as there is
 * room for, and in the last pass those that are left. Every further pass
 * gathers the windows again. */
#include "plan/kernels/conv.h"

enum { UNPACKING = 5, LEAST_OUTPUTS = 8 };

/* The most outputs whose weights fit: all, or a multiple of `unit` and of 8
 * bytes, of which no less than a unit is left for the last pass; 0: too few. */
static int64_t pass_that_fits(const PassSource *w, int64_t oc,
                              int64_t available) {
  int64_t step = w->unit;
  if (w->bytes <= available)
    return oc;
  while (step * w->row % 8)
    step *= 2;
  int64_t pass = available / w->row / step * step;
  while (pass >= LEAST_OUTPUTS && oc % pass && oc % pass < w->unit)
    pass -= step;
  return pass >= LEAST_OUTPUTS && pass < oc ? pass : 0;
}

bool conv_pack_passes(Plan *p, Step *s, ConvParams *c, const PassSource *w) {
  int64_t available = arena_spare(p, s) - w->scratch, oc = c->g.oc;
  if (available < 0)
    available = 0;
  int64_t pass = pass_that_fits(w, oc, available);
  if (!pass || c->g.groups > 1)
    pass = oc;
  int64_t bytes = (w->bytes + 1) / 2 * 2;
  PackSource from = {.image = w->image,
                     .block_bytes = pass == oc ? bytes : w->row * pass,
                     .blocks = ceil_div(oc, pass),
                     .weave = w->weave,
                     .time = w->time,
                     .unpacking = UNPACKING,
                     .available = available};
  from.last_bytes = bytes - from.block_bytes * (from.blocks - 1);
  from.scratch = from.block_bytes;
  c->packed = plan_pack(p, s, &from);
  if (c->packed.form)
    c->pass = pass;
  return c->packed.form;
}
