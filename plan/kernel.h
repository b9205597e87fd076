/* The functions behind the rows of kernels.def, and the choice among them.
 * match_, cost_, prepare_ and overlap_ functions are in plan/conv*.c and
 * plan/kernels/. */
#ifndef KILN_PLAN_KERNEL_H
#define KILN_PLAN_KERNEL_H

#include "plan/plan.h"

#define KERNEL(name, match, cost, prepare, overlap, summary)                   \
  bool match(const Op *op, const Target *t);                                   \
  double cost(const Op *op, const Target *t);                                  \
  bool prepare(Plan *p, Step *s);                                              \
  int64_t overlap(const Step *s, int input);
#include "plan/kernels.def"
#undef KERNEL

/* The output touches no input: kernels that read an element after they have
 * written others. */
int64_t overlap_none(const Step *s, int input);
/* Elementwise in ascending order: an output element is written only after
 * the input elements up to its index were read, and none of those is read
 * again (no tail that redoes the last full vector). Elements may grow. */
int64_t overlap_in_place(const Step *s, int input);

/* The output touches no input, but that of a front as far as its rows allow
 * (plan/band.h). */
int64_t overlap_band(const Step *s, int input);

/* Convolutions that gather the windows of each tile before they write its
 * outputs: see plan/kernels/conv_patch.c. */
int64_t overlap_conv_patch(const Step *s, int input);

/* The cheapest kernel of those that match; NULL when there is none. Of
 * equals the first row. */
const Kernel *kernel_select(const Op *op, const Target *t);

#endif
