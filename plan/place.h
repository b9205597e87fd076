/* Where every value's bytes live, and the copies that this takes. Private to
 * plan/. */
#ifndef KILN_PLAN_PLACE_H
#define KILN_PLAN_PLACE_H

#include "plan/plan.h"

/* Bytes that no op of the graph moves, to be moved by a step of their own. */
typedef struct Copy {
  Buffer *from, *to;
} Copy;

/* Those that read what the caller gave (inputs, constants, old state) run
 * before all other steps, the rest after them. */
typedef struct Copies {
  ARRAY(Copy) before, after;
} Copies;

/* Makes p->buffers and p->of_value: places, bases, stored types, sizes,
 * offsets in state; fills state_bytes. Arena offsets come later. */
void place_values(Plan *p, Copies *copies);

/* The buffer that b's bytes belong to: its base, or itself. */
Buffer *buffer_root(Buffer *b);
/* Do op's results lie in its operands' bytes, or its operands in its
 * result's? Then it is no step. After place_values. */
bool op_is_view(const Plan *p, const Op *op);

/* Byte offset of operand i in the output of a concat or pad, of output i in
 * the input of a split or slice; -1 where it is no contiguous part of it. */
int64_t part_of_output(const Op *op, int i);
int64_t part_of_input(const Op *op, int i);
/* Does `part` lie `at` bytes into `of`? */
bool buffer_is_part(const Buffer *part, const Buffer *of, int64_t at);

#endif
