/* Shared by the light kernels: lut, quantize, binary, pool, mean, softmax,
 * move. They compute in the stored domain: what a buffer holds, which may be
 * the model's values moved by 128. */
#ifndef KILN_PLAN_KERNELS_LIGHT_H
#define KILN_PLAN_KERNELS_LIGHT_H

#include "ir/requant.h"
#include "plan/plan.h"
#include "plan/requant_table.h"

/* Stored minus model's value: 0, 128 or -128. */
int32_t stored_delta(const Buffer *b);
/* The stored type's lowest value: -128 or 0. */
int32_t stored_min(const Buffer *b);
/* clamp, zero point of a spec in the units of the stored output. */
Requant stored_requant(const Requant *r, const Buffer *out);

/* Bytes, one for each stored pattern of the input, that a one-operand op
 * with 8-bit operand makes of it: 256 elements of the output's stored type.
 * `out` may be of any type. */
void stored_table(const Step *s, int input, void *table);

/* A monotone step function in one multiplication:
 *   y = clamp((acc * m + c) >> k, lo, hi)
 * in 32 bits without overflow, or with `wide` in 64. */
enum { SHIFT_ANY = 62 };
typedef struct LinearStep {
  bool wide;
  int32_t m;
  int64_t c;
  int k;
  int32_t lo, hi;
  bool clamps; /* false: no reachable acc leaves lo..hi */
} LinearStep;

/* A non-decreasing function to solve for; slope is its steepness between the
 * clamps. */
typedef struct StepSpec {
  int32_t (*f)(const void *ctx, int64_t acc);
  const void *ctx;
  double slope;
  int64_t lo, hi; /* reachable accumulators */
} StepSpec;

/* Constants that agree with the spec on every reachable accumulator, proven
 * at the thresholds, with k <= k_max. false: none were found. */
bool linear_step(LinearStep *out, const StepSpec *spec, bool wide, int k_max);
int32_t linear_step_apply(const LinearStep *s, int64_t acc);

/* How sums become outputs: the linear form where it can be proven, else a
 * form of requant_form.h. */
typedef struct SumStep {
  bool is_linear;
  LinearStep linear;
  int32_t offset; /* added to acc before rq */
  RequantPlan rq;
  RequantTables rt;
} SumStep;

/* y = spec(acc + offset) for acc in lo..hi; the spec is in stored units. */
SumStep sum_step(Plan *p, Step *s, const Requant *spec, int32_t offset,
                 int64_t lo, int64_t hi);

/* Lanes of i32 arithmetic on bytes: whole registers of bytes where widening
 * is free of lane crossing, one register of words on MVE; 0 = scalar. */
int byte_lanes(const Target *t);
/* Bits of accumulators that hold the sum of n stored bytes: 16, or 32; on MVE
 * always 32, as its halves of a register don't come apart cheaply. */
int sum_bits(const Target *t, int64_t n);
/* "qs8", with the stored type's signedness, an optional form, and lanes. */
void set_variant(Plan *p, Step *s, const char *form, int vector_bytes);

#endif
