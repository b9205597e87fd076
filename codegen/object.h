/* Reads an object file just emitted: sections, symbols and the calls between
 * functions, from ELF (32 and 64 bits, little-endian) and wasm alike. Every
 * offset is checked. */
#ifndef KILN_CODEGEN_OBJECT_H
#define KILN_CODEGEN_OBJECT_H

#include "codegen/codegen.h"

typedef enum ObjKind {
  OBJ_CODE,
  OBJ_RODATA,   /* loaded and read only: constants, unwind tables */
  OBJ_WRITABLE, /* .data, .bss, whatever a program could change */
  OBJ_INIT,     /* arrays of constructors or destructors */
  OBJ_OTHER     /* not loaded: symbol tables, notes, attributes */
} ObjKind;

/* A section of an ELF; of a wasm object each function body and each data
 * segment counts as one, imports as none. */
typedef struct ObjSection {
  const char *name;
  ObjKind kind;
  int64_t bytes;
} ObjSection;

enum { OBJ_UNDEFINED = -1, OBJ_NOWHERE = -2 /* absolute, file name */ };

typedef struct ObjSymbol {
  const char *name;
  int section; /* or OBJ_UNDEFINED, OBJ_NOWHERE */
  bool global; /* visible to other objects */
  bool function;
} ObjSymbol;

/* A place in section `from` refers to section `to`. */
typedef struct ObjEdge {
  int from, to;
} ObjEdge;

typedef struct ObjectFile {
  ARRAY(ObjSection) sections;
  ARRAY(ObjSymbol) symbols;
  ARRAY(ObjEdge) edges;
} ObjectFile;

/* false: E0901 in d; names point into arena memory. */
bool object_read(Arena *a, Bytes object, ObjectFile *out, Diag *d);
bool object_read_wasm(Arena *a, Bytes object, ObjectFile *out, Diag *d);

/* Index of the section that defines `symbol`, -1 when none does. */
int object_find(const ObjectFile *o, const char *symbol);

#endif
