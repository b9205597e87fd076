/* Growable arrays in an arena: `ARRAY(Op *) ops;` is {v, n, cap}, all zero
 * when empty. Growing copies; the old storage stays in the arena. */
#ifndef KILN_SUPPORT_ARRAY_H
#define KILN_SUPPORT_ARRAY_H

#include "support/arena.h"

#define ARRAY(T)                                                               \
  struct {                                                                     \
    T *v;                                                                      \
    int n, cap;                                                                \
  }

/* Makes room for one element more; returns the storage, moved or not. */
void *array_grow(Arena *a, void *v, int n, int *cap, size_t elem_bytes);

#define ARRAY_PUSH(arena, arr, x)                                              \
  ((arr)->v =                                                                  \
       array_grow((arena), (arr)->v, (arr)->n, &(arr)->cap, sizeof *(arr)->v), \
   (arr)->v[(arr)->n++] = (x))

#endif
