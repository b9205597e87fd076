/* How many outputs' weights are unpacked at a time where a kernel gathers the
 * windows of a tile and then computes all outputs of it: as many as there is
 * room for. Every further pass gathers the windows again. */
#include "plan/kernels/conv.h"

enum { UNPACKING = 5, LEAST_OUTPUTS = 8 };

/* The largest divisor of oc, a multiple of `unit` or oc itself, whose weights
 * fit; 0: there is none. */
static int64_t pass_that_fits(const PassSource *w, int64_t oc,
                              int64_t available) {
  for (int64_t pass = oc; pass >= 1; pass--) {
    bool divides = oc % pass == 0 && (pass == oc || pass % w->unit == 0);
    bool even = pass == oc || w->bytes / oc * pass % 2 == 0;
    if (divides && even && w->bytes / oc * pass <= available)
      return pass >= LEAST_OUTPUTS || pass == oc ? pass : 0;
  }
  return 0;
}

bool conv_pack_passes(Plan *p, Step *s, ConvParams *c, const PassSource *w) {
  int64_t available = arena_spare(p, s) - w->scratch, oc = c->g.oc;
  if (available < 0)
    available = 0;
  int64_t pass = pass_that_fits(w, oc, available);
  bool in_passes = w->bytes % oc == 0 && c->g.groups == 1;
  if (!pass || !in_passes)
    pass = oc;
  PackSource from = {.image = w->image,
                     .block_bytes = pass == oc ? (w->bytes + 1) / 2 * 2
                                               : w->bytes / oc * pass,
                     .blocks = oc / pass,
                     .weave = w->weave,
                     .time = w->time,
                     .unpacking = UNPACKING,
                     .available = available};
  from.scratch = from.block_bytes;
  c->packed = plan_pack(p, s, &from);
  if (c->packed.form)
    c->pass = pass;
  return c->packed.form;
}
