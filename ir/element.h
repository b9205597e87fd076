/* Single elements of a tensor's dense bytes, as bits. Types
 * below a byte are packed, lowest bits first; multi-byte elements are
 * little-endian whatever the host is. */
#ifndef KILN_IR_ELEMENT_H
#define KILN_IR_ELEMENT_H

#include <stdint.h>

#include "ir/types.h"

/* Element i; the bits above dtype_bits are zero. */
uint64_t element_load(DType t, const void *data, int64_t i);
/* Sets element i; a sub-byte element must have been zero. */
void element_store(DType t, void *data, int64_t i, uint64_t bits);

/* Floating-point bits <-> value; f16 and bf16 round half to even, what is
 * too large becomes infinite, NaN the one with only the quiet bit set. */
double element_to_double(DType t, uint64_t bits);
uint64_t element_from_double(DType t, double x);

/* q of element i of a quantized tensor of at most 32 bits: its integer, or
 * the entry of the codebook that it is the index of (which is there). */
int32_t element_quantized(const Type *t, const void *data, int64_t i);

/* Sign-extended value of a signed integer's bits. */
int64_t element_to_int(DType t, uint64_t bits);

/* The number that element i is, whatever its type; no scale is looked at,
 * integers beyond 2^53 are rounded. */
double element_real(DType t, const void *data, int64_t i);

#endif
