/* Tables of words, printed for people, for docs/ and for machines. */
#ifndef KILN_DRIVER_TABLE_H
#define KILN_DRIVER_TABLE_H

#include <json-c/json.h>
#include <stdio.h>

#include "support/array.h"
#include "support/str.h"

/* Headings are also the keys in JSON. One that begins with '>' is a column
 * of numbers: aligned to the right, numbers in JSON. */
typedef struct Table {
  Arena *arena;
  int columns;
  const char *const *heading; /* (columns) */
  ARRAY(const char **) rows;  /* (columns) each; NULL is an empty cell */
} Table;

Table table_new(Arena *a, int columns, const char *const *heading);
/* Copies the pointers, not the words. */
void table_add(Table *t, const char *const *cells);
/* Cells, in the arena: a number; a name that is cut where it is long (JSON has
 * whole names). */
const char *table_number(Arena *a, int64_t x);
const char *table_name(Arena *a, const char *name);
void table_print(const Table *t, FILE *out);
void table_print_markdown(const Table *t, FILE *out);
/* An array of objects, the caller's. */
json_object *table_json(const Table *t);
void json_print(json_object *o, FILE *out); /* and lets go of it */
/* Valid UTF-8 whatever s is; NULL gives null. */
json_object *json_text(const char *s);
/* JSON has no infinite numbers and no NaN: null for those. */
json_object *json_real(double x);

#endif
