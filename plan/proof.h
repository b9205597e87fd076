/* What the sums of a convolution or dense layer can come to: interval
 * analysis with the real weights, every input element anywhere in its type's
 * storage range.
 *
 *   sum[c] = bias[c] + sum_k (x[k] - zx) (w[c,k] - zw[c])
 *
 * Kernels accumulate in 32 bits where that is shown to be enough, else
 * conv_wide does in 64; requantization is proven over these ranges; what
 * saturates by accident, nothing does. `kiln inspect --proofs` and --report
 * print it. */
#ifndef KILN_PLAN_PROOF_H
#define KILN_PLAN_PROOF_H

#include <json-c/json.h>

#include "plan/conv.h"

typedef struct Proof {
  int64_t channels;
  AccRange sum; /* of all channels */
  int bits;     /* of a two's complement number that holds every sum */
  /* Neighbours along k, of all channels: x86's pmaddubsw adds the products
   * of two u8 with two s8 and saturates at 16 bits. */
  int64_t pairs, narrow_pairs; /* narrow: these never saturate */
  /* Channels no sum of which is stored below, above the clamp's ends: there
   * the clamp does nothing. */
  int64_t low_dead, high_dead;
} Proof;

/* Is op a layer of 8- or 16-bit activations on known 8- or 16-bit weights and
 * biases? Else there is nothing to prove. */
bool proof_applies(const Op *op);
Proof proof_of(const Op *op);
/* Of one output channel, in 64 bits. */
AccRange proof_sums(const Op *op, const ConvGeom *g, int64_t c);
/* Does every sum fit 32 bits? op as for proof_applies. */
bool proof_fits_i32(const Op *op);

/* For --report: of one layer; of all, in a line; nothing where there is
 * nothing to prove. */
json_object *proof_json(const Op *op);
void proof_text(Str *out, const Graph *g);

#endif
