/* C identifiers from the names in model files. */
#ifndef KILN_PLAN_NAME_H
#define KILN_PLAN_NAME_H

#include "support/array.h"

/* Names given so far. Two that differ only in case clash, because macros
 * are made of them in upper case. */
typedef struct NameSet {
  Arena *arena;
  ARRAY(const char *) taken;
} NameSet;

/* The prefix of everything that a header declares: `raw` as letters, digits
 * and single inner underscores; "model" when nothing is left. It is always
 * followed by an underscore, so keywords may stand here. */
const char *name_prefix(Arena *a, const char *raw);

/* A struct member: as name_prefix, and neither a keyword of C or C++ nor a
 * name of the C library, nor in `set`; `kind` ("input") goes in front of
 * what could not stand alone, a number behind what is taken. It is added to
 * the set. Depends on nothing but the arguments. */
const char *name_member(NameSet *set, const char *raw, const char *kind);

#endif
