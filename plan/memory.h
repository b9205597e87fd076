/* Static memory planning: byte offsets for blocks with lifetimes. */
#ifndef KILN_PLAN_MEMORY_H
#define KILN_PLAN_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "support/arena.h"

typedef struct MemBlock {
  int64_t bytes;
  int first, last; /* live over these steps, both included */
  int64_t offset;  /* result; a multiple of the alignment */
} MemBlock;

/* Block `out` may start at any offset <= offset(in) - distance although both
 * are live at one step (the last of in, the first of out). */
typedef struct MemOverlap {
  int in, out;
  int64_t distance; /* >= 0 */
  bool same;        /* only at offset(in) itself; then distance is 0 */
} MemOverlap;

/* The largest sum of bytes that must coexist under those distances, and the
 * first step at which they do. */
typedef struct MemBound {
  int64_t bytes;
  int step;
} MemBound;

/* Fills offsets, returns the bytes needed; no placement needs less than the
 * bound. */
int64_t memory_plan(Arena *scratch, MemBlock *blocks, int nblock,
                    const MemOverlap *overlaps, int noverlap, int align,
                    MemBound *bound);

#endif
