/* Which arithmetic stands for a requant step function, with its constants,
 * proven equal at compile time over the reachable accumulators. */
#ifndef KILN_PLAN_REQUANT_FORM_H
#define KILN_PLAN_REQUANT_FORM_H

#include "ir/requant.h"
#include "plan/target.h"

/* y = clamp(form(acc), lo, hi), with zero_point inside the form. */
typedef enum RequantForm {
  /* The accumulator is a float's mantissa from the start: with x the float
   * of the bits start + acc, near 1.5 * 2^23, fma(x, a, b) has the bits
   * 0x4b400000 + y; y fits 16 bits before it is clamped. `start` is whoever
   * makes the accumulator's to add. Before that, 1 is added to bits that are
   * one of `patch`; bits below `split` get `below` more, and what comes of
   * them `turn` (plan/requant_bits.c). */
  RF_bits,
  /* trunc(fma((float)acc, a, copysign(b, acc))) + zero_point */
  RF_f32,
  /* round half even((float)acc * a + b) + zero_point, each step a float; b
   * may be left out. The definition of rounding=onnx itself. */
  RF_even,
  /* the two roundings spelled out: high multiply, rounding shift;
   * multiplier and shift of the spec */
  RF_double,
  /* (((start + acc) * multiplier >> 32) + add) >> (shift - 32): the upper
   * word of a product, with zero point in add; `start` and shift as in RF_bits
   * and RF_single */
  RF_high,
  /* (acc * multiplier + offset) >> shift, 64-bit product, zero point in
   * offset; one shift for all channels, 32 <= shift < 62 */
  RF_single,
  /* lo + number of thresholds <= acc; nothing but compares */
  RF_table,
  RF_COUNT
} RequantForm;
/* Bits of the float 1.5 * 2^23, and of the first and the last with its ulp,
 * which is 1. */
enum {
  RQ_BITS = 0x4b400000,
  RQ_BITS_LEAST = 0x4b000000,
  RQ_BITS_MOST = 0x4b7fffff
};
/* Of the forms that are allowed: RF_even, but after all others of a few
 * instructions, as floats are done in software; and RF_double right behind
 * the shortest, as both its roundings are instructions. */
enum { RF_SOFT_EVEN = 1 << RF_COUNT, RF_QUICK_DOUBLE = 2 << RF_COUNT };
enum { RQ_MOST_PATCHES = 4 };

typedef struct RequantPlan {
  RequantForm form;
  int channels;   /* entries of the arrays; 1 = one for all */
  float *a, *b;   /* RF_bits, RF_f32, RF_even (channels); b NULL: none */
  int32_t *start; /* RF_bits, RF_high (channels) */
  int patches;    /* RF_bits: how many of ... */
  int32_t *patch[RQ_MOST_PATCHES]; /* ... (channels); 0 is none */
  int32_t *split, *below, *turn;   /* RF_bits (channels); or NULL */
  bool limited;        /* RF_even: what is rounded is at least -2^22 first;
                          RF_bits: start + acc is clamped to RQ_BITS_LEAST
                          .. RQ_BITS_MOST first */
  int32_t *multiplier; /* RF_double, RF_single, RF_high (channels) */
  int32_t *add;        /* RF_high (channels) */
  int odd_up;          /* RF_high: odd channels come to it times 2^odd_up, and
                          that far is their `add` shifted in tables */
  int32_t *shift;      /* RF_double (channels), as in Requant */
  int64_t *offset;     /* RF_single (channels) */
  int single_shift;    /* RF_single, RF_high */
  int32_t *threshold;  /* RF_table (channels, hi - lo), ascending */
  int32_t zero_point, lo, hi;
  int64_t acc_max; /* largest |acc| reachable, of all channels */
} RequantPlan;

/* Reachable accumulators of one channel, both ends included. */
typedef struct AccRange {
  int64_t lo, hi;
} AccRange;

/* The cheapest form of `allowed` (bits 1 << RF_x; RF_table is always
 * allowed) that equals every spec[c] on range[c]. All specs share lo, hi
 * and zero_point. */
RequantPlan requant_plan(Arena *a, int channels, const Requant *spec,
                         const AccRange *range, unsigned allowed);
/* What code in the chosen form computes of acc (`start` not yet added), in C:
 * for proofs and tests. */
int32_t requant_plan_apply(const RequantPlan *p, int channel, int64_t acc);
/* What accumulators of the channel start with; 0 where the form has none. */
int32_t requant_plan_start(const RequantPlan *p, int channel);
const char *requant_form_name(RequantForm f);

#endif
