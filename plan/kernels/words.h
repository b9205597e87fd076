/* word_pair, word_unary: elementwise functions of 16-bit values, as they are
 * defined.
 *
 *   real     y = round half even(f(float(a) sa, float(b) sb) / sy), with the
 *            float f: rounding=onnx
 *   sum      y = out(in[0](a << left) +- in[1](b << left))
 *   product  y = out(a * b)
 *   steps    y = below(x) where x < 0, else above(x)
 *   sigmoid  interpolated in a table (ir/fixed16.h) */
#ifndef KILN_PLAN_KERNELS_WORDS_H
#define KILN_PLAN_KERNELS_WORDS_H

#include "plan/kernels/map.h"
#include "plan/word_step.h"

typedef enum WordForm {
  WORD_real,
  WORD_sum,
  WORD_product,
  WORD_steps,
  WORD_sigmoid
} WordForm;

typedef struct WordsMap {
  WordForm form;
  MapParams shape;
  DType in_type[2], out_type; /* stored */
  int32_t lo, hi;             /* stored clamps */
  float scale[2], out_scale;  /* real */
  bool far;                   /* its results may be 2^22 steps and more */
  int32_t zero[2], out_zero;  /* stored */
  int left;                   /* sum */
  bool subtract;
  WordStep in[2];     /* sum; steps: below and above */
  WordStep out;       /* sum, product */
  int64_t multiplier; /* sigmoid: Scale16 */
  int shift;
  const Blob *table; /* i32 (SIGMOID16_POINTS) */
} WordsMap;

#endif
