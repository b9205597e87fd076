/* The order of ops as a problem of its own: ops that give and free blocks of
 * bytes. Private to passes/schedule*.c and its test. */
#ifndef KILN_PASSES_SCHEDULE_H
#define KILN_PASSES_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "support/array.h"

/* Bytes that an op makes and others read: live from its op to the last one
 * that reads them. */
typedef struct ScheduleBlock {
  int64_t bytes;
  bool live_in;  /* there before the first op */
  bool live_out; /* needed after the last one */
} ScheduleBlock;

typedef ARRAY(int) IntArray;
typedef struct ScheduleOp {
  IntArray before; /* ops that come earlier */
  IntArray reads;  /* blocks */
  IntArray over;   /* of those: what it makes may lie over one that dies */
  IntArray makes;  /* blocks */
} ScheduleOp;

typedef struct Schedule {
  int nop, nblock;
  ScheduleOp *op; /* (nop) in an order that is possible */
  ScheduleBlock *block;
} Schedule;

typedef struct ScheduleResult {
  int *order;          /* (nop) op by place */
  int64_t given, peak; /* most bytes live at one op: as given, in `order` */
  int64_t bound;       /* no order needs less; == peak: proven least */
} ScheduleResult;

/* The order of the least peak, or the given one where none is better. All
 * from the scratch arena. */
ScheduleResult schedule_order(Arena *scratch, const Schedule *s);

#endif
