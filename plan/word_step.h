/* The step functions of layers with 16-bit activations, as their definitions
 * (ir/requant.h) stand: 65 535 thresholds a channel are too many to search for
 * cheaper forms. What is decided here is which of a definition's steps the
 * reachable accumulators leave out, and the tables.
 *
 *   f32_even, f32_sum  in float, rounded by an addition
 *   double             the two roundings, saturating where it can happen
 *   single, wide       (acc * m + 2^(s-1)) >> s in 64 bits
 *   f64_away           in integers, as few targets have doubles: with the
 *                      factor M 2^-k, M of 53 bits, the product P = |acc| M
 *                      is exact. A double of it is P rounded to 53 bits, and
 *                      that reaches the half before y where P does less half
 *                      an ulp of P (a tie goes to the half, which is even):
 *                      y = (P + 2^(k-1) + 2^(bits(P) - 54)) >> k, the last
 *                      term only where P has more than 53 bits. */
#ifndef KILN_PLAN_WORD_STEP_H
#define KILN_PLAN_WORD_STEP_H

#include "plan/plan.h"
#include "plan/requant_form.h"

enum { WORD_STEP_TABLES = 3 };

typedef struct WordStep {
  RequantKind kind;
  int channels; /* 1 = one for all */
  /* (channels) Words of the channels:
   *   f32_even  bits of the factor        f32_sum       and of the bias
   *   double    multiplier, shift         single, wide  m, s
   *   f64_away  M's low word, its high word, k */
  int32_t *word[WORD_STEP_TABLES];
  /* The same as i32 (padded), past the last channel repeating it; NULL where
   * there is one for all. */
  const Blob *table[WORD_STEP_TABLES];
  int limit; /* accumulators are saturated to this many bits first; 0: not */
  bool left; /* double: some shift is to the left and may saturate */
  bool tall; /* double: half of what is shifted out may lead beyond a word */
  bool far;  /* floats: some are beyond 2^22, where adding does not round;
                clamped before it */
  int32_t zero_point, lo, hi; /* stored */
} WordStep;

/* Is there such arithmetic for every accumulator of the range? */
bool word_step_fits(const Requant *spec, AccRange range);
/* Steps that fit, in stored units of the output; all specs share kind,
 * zero_point, lo and hi. `padded` >= channels entries. */
WordStep word_step(Plan *p, Step *s, int channels, const Requant *spec,
                   const AccRange *range, int64_t padded);
/* What code computes of acc, in C. */
int32_t word_step_apply(const WordStep *w, int channel, int64_t acc);
const char *word_step_name(const WordStep *w);

#endif
