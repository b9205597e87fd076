/* The kernel table, from kernels.def, and the choice of a row for an op. */
#include "plan/kernel.h"

const Kernel kernel_table[K_COUNT] = {
#define KERNEL(name, match, cost, prepare, overlap, summary)                   \
  {#name, match, cost, prepare, overlap, summary},
#include "plan/kernels.def"
#undef KERNEL
};

int64_t overlap_none(const Step *s, int input) {
  (void)s;
  (void)input;
  return OVERLAP_NONE;
}

/* With elements that grow (a dequantize) the output's end would run ahead
 * of the input's; such a row wants both ends flush, which is a distance. */
int64_t overlap_in_place(const Step *s, int input) {
  int64_t grows = s->out[0]->bytes - s->in[input]->bytes;
  return grows > 0 ? grows : 0;
}

const Kernel *kernel_select(const Op *op, const Target *t) {
  const Kernel *best = NULL;
  double best_cost = 0;
  for (int i = 0; i < K_COUNT; i++) {
    const Kernel *k = &kernel_table[i];
    if (!k->match(op, t))
      continue;
    double cost = k->cost(op, t);
    if (!best || cost < best_cost) {
      best = k;
      best_cost = cost;
    }
  }
  return best;
}
