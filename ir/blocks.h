/* Weights of 4 bits in groups: integers whose scales are of blocks along the
 * inputs, each a small multiple of one scale for each output channel,
 *
 *   scale[o][block] = m[o][block] unit[o]
 *
 * are (q - zero) m of one byte with scale unit[o], and the same real numbers:
 * a float holds the scales exactly, so that unit[o], their greatest common
 * divisor, is found again by integers alone, whoever wrote them. (Scales of
 * scales: llama.cpp's k-quants; there they are no integers.) */
#ifndef KILN_IR_BLOCKS_H
#define KILN_IR_BLOCKS_H

#include "ir/types.h"

/* The channels of a type in blocks: its dimension 0, or, where blocks are
 * along that, the last. -1: they are along its only one. */
int blocks_channel_axis(const Type *t);
/* Which channel element `at` is of, row-major. */
int64_t blocks_channel(const Type *t, int64_t at);
/* And entry e of its scales: the channels' dimension is whole. */
int64_t blocks_entry_channel(const Type *t, int64_t e);
/* Of each channel the largest float of which all its scales are multiples; 0:
 * they are so far apart that no 64 bits hold them. Float array in `a`. */
const float *blocks_units(Arena *a, const Type *t);
/* The type with which `data` of type t, in blocks, is the same real numbers in
 * i8 with one scale a channel, and these in *bytes; NULL: it is not. */
const Type *blocks_as_bytes(Arena *a, const Type *t, const void *data,
                            const int8_t **bytes);

#endif
