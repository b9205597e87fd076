/* conv_words, dw_words: convolutions and dense layers of 16-bit activations
 * and weights of 8 bits or 16, on any target.
 *
 *   for image, group, block of outputs, y, tile of pixels:
 *     acc[p][v] = bias[v]
 *     for run of the window, for k in run by `group`:
 *       for v: w = weights(v)
 *       for p: x = inputs(source[p][k .. k + group))
 *         for v: acc[p][v] += dot(x, w[v])
 *     for p, for v: store(step(acc[p][v]))
 *
 * A v is a vector of outputs, or one where the target multiplies in scalars.
 * Where the proof (plan/proof.h) has sums that leave 32 bits, acc is of 64 and
 * `chunk` products at a time are added in 32 first, which that many always
 * fit. Of depthwise layers a v is a vector of channels, k the taps. */
#ifndef KILN_PLAN_KERNELS_CONV_WORDS_H
#define KILN_PLAN_KERNELS_CONV_WORDS_H

#include "plan/conv.h"
#include "plan/word_step.h"

/* How products are summed; by the target's Dot. */
typedef enum WordDot {
  WORD_DOT_scalar,   /* group 1 */
  WORD_DOT_smlad,    /* group 4, two instructions */
  WORD_DOT_vmladava, /* group 8, a vector's products into one sum */
  WORD_DOT_widen,    /* vectors, group 1 */
  WORD_DOT_pmaddwd,  /* vectors, group 2 */
  WORD_DOT_vpdpwssd  /* the same, added at once */
} WordDot;

typedef struct WordsParams {
  ConvParams c; /* geometry, stage, tile; c.w: the weights [group of
                   channels][block][tap][k / group][v][lane][group], smlad's
                   bytes by fours in the order 0, 2, 1, 3 */
  WordDot dot;
  bool wide;        /* accumulators of 64 bits */
  int64_t fits;     /* products of any k that a word holds */
  int64_t chunk;    /* with `wide`: neighbours in a run that are added in a
                       word, which holds these; whole groups */
  const Blob *bias; /* i32, with `wide` i64, as many as step's tables have */
  WordStep step;
} WordsParams;

/* Is op a layer on 16-bit activations, all of whose steps can be computed? */
bool words_match(const Op *op);
/* Bias and step; all else is complete. `padded` channels of the last group are
 * computed. */
void words_finish(Plan *p, Step *s, WordsParams *m, int64_t padded);
/* wide, fits and c.weight_bytes, for the weights of c.g. */
void words_measure(WordsParams *m, const Op *op);
/* Element `at` of an image of weights of so many bytes. */
void words_put(int8_t *image, int64_t at, int bytes, int32_t w);
/* step->params, scratch, variant. */
bool words_done(Plan *p, Step *s, const WordsParams *m);

#endif
