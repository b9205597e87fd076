/* Private to quantizing: weights of 4 bits in groups. */
#ifndef KILN_COMPRESS_QUANTIZE_GROUPS_H
#define KILN_COMPRESS_QUANTIZE_GROUPS_H

#include "ir/types.h"

/* A channel's scale is a float of so many bits that its products by any
 * multiple are floats, too (ir/blocks.h). */
float groups_unit(float scale);
/* The largest multiple of a channel's scale that a group of weights may have:
 * each of them times that is a byte. With pow2 multiples are powers of 2. */
int groups_most(bool asymmetric, bool pow2);

typedef struct GroupRule {
  int group;          /* inputs that share a scale */
  bool asymmetric;    /* with zero points */
  bool pow2;          /* scales are powers of two */
  const float *least; /* of each channel's scale; (channels) */
} GroupRule;

/* The type, of i4 in blocks, for weights x of type t, f32, whose output
 * channels lie along `axis` and whose inputs along `inputs`. */
const Type *groups_find(Arena *a, const Type *t, const float *x, int axis,
                        int inputs, const GroupRule *rule);
/* The axis of the inputs of weights whose output channels lie along `axis`;
 * -1: groups of so many are a whole channel's, or so small that they are not
 * worth their scales, or the weights have no such axis. */
int groups_axis(const Type *t, int axis, int group);

#endif
