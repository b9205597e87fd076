/* Private to packing: bytes that are 4-bit integers times small multiples,
 * one for each group of inputs of an output, wherever the kernel's order has
 * them. */
#ifndef KILN_PLAN_PACKED_GROUPS_H
#define KILN_PLAN_PACKED_GROUPS_H

#include "plan/packed.h"

typedef struct Groups {
  int64_t rows;      /* of the weave that share multiples */
  int64_t count;     /* of multiples */
  uint8_t *multiple; /* 1 .. 16 (count) */
} Groups;

/* The largest groups that w's image is in; bytes that they take, INT64_MAX:
 * it is in none. */
int64_t packed_groups_find(Arena *a, const PackSource *w, Groups *out);
/* All bytes of the image. */
int64_t packed_source_bytes(const PackSource *w);
Packed packed_groups_make(Plan *p, Step *s, const PackSource *w,
                          const Groups *z);

#endif
