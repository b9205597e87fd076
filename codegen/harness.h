/* The program around a model that qemu runs; private to codegen/. */
#ifndef KILN_CODEGEN_HARNESS_H
#define KILN_CODEGEN_HARNESS_H

#include "codegen/codegen.h"

/* Memory of an emulated microcontroller board. */
typedef struct Board {
  const char *machine;      /* qemu's -M */
  int64_t code, code_bytes; /* vectors first; must be where it boots */
  int64_t data, data_bytes; /* constants too: weights are large */
} Board;

typedef struct Harness {
  const Plan *plan;
  const Board *board; /* NULL: a Linux process */
  int samples;
  bool open_tier;     /* of Emitted; then the tier is written last ... */
  int tier;           /* ... and set to this first */
  bool keep_arena;    /* write the arena at the end */
  int64_t stack_room; /* painted to find out how much is used */
} Harness;

/* Exit statuses of the program: 0, STATUS_RUN + the status of run, or one
 * of the others. */
enum { STATUS_RUN = 100, STATUS_IO = 110, STATUS_FAULT = 111 };

/* The program as LLVM assembly. It reads `samples` times all inputs and
 * writes all outputs as often; then the stack used (a word), then the arena.
 * A process does so on standard input and output, a board on the files "in"
 * and "out" through semihosting. */
const char *harness_text(Arena *a, const Harness *h);
/* The linker script for a board. */
const char *harness_script(Arena *a, const Harness *h);
/* Bytes of data memory that the program itself takes on a board. */
int64_t harness_bytes(const Plan *p);

#endif
