/* Permutations of dimensions, for passes that move transposes. A transpose
 * with p gives y with dim i of y = dim p[i] of x. */
#ifndef KILN_PASSES_PERMUTE_H
#define KILN_PASSES_PERMUTE_H

#include "ir/graph.h"

IntList perm_inverse(const IntList *p);
bool perm_equal(const IntList *p, const IntList *q);

/* t's dims other than 1 keep their order: transposing moves no byte. */
bool perm_is_view(const IntList *p, const Type *t);

/* t transposed by p; a quantized axis moves along. */
const Type *perm_type(Arena *a, const IntList *p, const Type *t);

/* The elements of a list with one entry a dimension, transposed by p; empty
 * lists stay empty. */
IntList perm_list(const IntList *p, const IntList *list);

/* Where a transpose of x ends up behind an op that takes the dims of `gone`
 * (bits, of x's own dims) away: the order of those that are left. */
IntList perm_without(const IntList *p, unsigned gone);

/* A reshape behind a transpose. On success reshape(transpose(x, p), y) is
 * transpose(reshape(x, *shape), *perm): every dimension or run of dimensions
 * that the reshape splits or joins also lies together in x. */
bool perm_through_reshape(const IntList *p, const Type *x, const Type *y,
                          IntList *shape, IntList *perm);

#endif
