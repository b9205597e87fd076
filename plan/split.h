/* Splits: which steps NAME_run_parallel divides among threads, and how.
 *
 * A split step computes units first .. last - 1 of an outer loop of its
 * kernel, and every unit the same bytes wherever it is computed. The copy that
 * some kernels make of their input first ("staged") is split by itself, since
 * all parts read all of it. Scratch that one part alone works in is there
 * once for each. */
#ifndef KILN_PLAN_SPLIT_H
#define KILN_PLAN_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

/* The loops that kernels can divide. */
typedef enum SplitAxis {
  SPLIT_none,
  SPLIT_images, /* of a batch, or matrices */
  SPLIT_blocks, /* of output channels or columns */
  SPLIT_rows,   /* of outputs */
  SPLIT_tiles,  /* of pixels of a row, or of all rows */
  SPLIT_bands,  /* of rows, with a front */
  SPLIT_stage,  /* rows of the staged copy, one unit above and below them */
  SPLIT_COUNT
} SplitAxis;

typedef struct Split {
  SplitAxis axis;
  int parts;           /* 0: the step is not split */
  int64_t units;       /* that the loop takes */
  int stage_parts;     /* of the copy that goes before; 0: none goes */
  int64_t stage_units; /* its own */
  int64_t part_bytes;  /* of scratch: what each part has for itself, ... */
  int64_t own_offset;  /* ... the first of them here in scratch, ... */
  int64_t own_bytes;   /* ... and how much all of them */
} Split;

enum { SPLIT_MOST = 32 };

/* "rows", for the report. */
const char *split_axis_name(SplitAxis axis);

typedef struct Plan Plan;
typedef struct Step Step;
/* After prepare, before memory: sets the splits of all steps for
 * opt.threads. */
void split_steps(Plan *p);
/* Of a plan with memory: can the parts of s run at the same time, in any
 * order? */
bool split_holds(const Step *s);

#endif
