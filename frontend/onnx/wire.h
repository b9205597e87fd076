/* A bounds-checked reader of protobuf's wire format over bytes in memory.
 * Nothing in the file is believed: every tag, varint and length is checked
 * against the range that it lies in. The first violation is reported (E0102:
 * what was being read, at which byte, why not) and sets `bad`; from then on
 * every read gives nothing, so that callers check `bad` once after a group of
 * reads.
 *
 * A message is a range of bytes. It is read one level deep into a struct by a
 * table of its fields; messages inside stay ranges until their turn comes, so
 * that the depth of a file costs no stack here.
 *
 * Format: https://protobuf.dev/programming-guides/encoding */
#ifndef KILN_FRONTEND_ONNX_WIRE_H
#define KILN_FRONTEND_ONNX_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/array.h"
#include "support/diag.h"

typedef struct Pb {
  const uint8_t *data; /* borrowed */
  size_t bytes;
  Arena *arena; /* for what repeated fields are collected in */
  Diag *diag;
  const char *file; /* for locations */
  bool bad;         /* something was wrong; it has been reported */
} Pb;

/* n bytes from byte pos on, inside of the file. */
typedef struct PbSpan {
  size_t pos, n;
} PbSpan;

typedef enum PbWire {
  PB_VARINT = 0,
  PB_FIXED64 = 1,
  PB_BYTES = 2, /* with a length in front */
  PB_FIXED32 = 5
} PbWire;

/* Kinds of fields, and the members that hold them. */
typedef struct PbInt { /* varint: the last one counts */
  bool has;
  int64_t v;
} PbInt;
typedef float PbFloat;   /* fixed32 */
typedef PbSpan PbBytes;  /* string or message; n = 0 when absent */
typedef struct PbSpans { /* the same, repeated */
  PbSpan *v;
  int n, cap;
} PbSpans;
/* Repeated numbers as they stand in the file: packed ones are one range of
 * any number of them, others one range each. */
typedef struct PbNums {
  PbSpan *v;
  int n, cap;
  PbWire wire; /* of the numbers themselves */
} PbNums;

typedef enum PbKind { PK_Int, PK_Float, PK_Bytes, PK_Spans, PK_Nums } PbKind;

typedef struct PbField {
  PbKind kind;
  uint32_t number;
  PbWire wire;      /* of PK_Nums: the numbers themselves */
  const char *name; /* "op_type" */
  size_t offset;    /* of the member in the struct */
} PbField;

/* Reports E0102 for byte `at` unless something was reported before; returns
 * false. */
bool pb_corrupt(Pb *pb, size_t at, const char *what, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Reads one message, for people a `what`, into `out`, which is all zero: fields
 * that are in the table by it, all others are checked and skipped. */
bool pb_read(Pb *pb, PbSpan message, const char *what, const PbField *fields,
             int nfield, void *out);

/* Steps through repeated numbers. */
typedef struct PbCursor {
  const PbNums *nums;
  int chunk;
  size_t at; /* in the chunk */
} PbCursor;
/* The bits of the next number; false at the end, or when it is bad. */
bool pb_next(Pb *pb, PbCursor *c, uint64_t *bits);

/* How much of a file says that it is of a format: whether its first fields,
 * up to where it is cut off, are all among `fields`. */
bool pb_looks_like(const uint8_t *data, size_t bytes, const PbField *fields,
                   int nfield);

#endif
