/* What direct_int and matmul_int share: products of bytes summed in 32 bits,
 * zero points that are constants or operands, sums stored or requantized. */
#ifndef KILN_PLAN_KERNELS_SUMS_H
#define KILN_PLAN_KERNELS_SUMS_H

#include "plan/plan.h"
#include "plan/requant_table.h"

typedef struct SumEnds {
  bool requantizes;
  int32_t a_zero;      /* of input 0, where it is no operand */
  int32_t b_zero;      /* of input 1, where it is one constant */
  const Blob *b_zeros; /* i32 (channels); NULL: b_zero */
  RequantPlan rq;
  RequantTables rt;
} SumEnds;

/* The most products that stay within 32 bits. */
enum { SUMS_MOST = 32768 };

/* For an op on bytes with types' zero points: those of inputs 0 and 1 as they
 * are stored, the requantization of sums of k products and a bias. For one on
 * plain types nothing but zeros. */
SumEnds sum_ends(Plan *p, Step *s, int64_t channels, int64_t k);

#endif
