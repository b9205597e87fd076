/* Attributes as data: the fields of an op's attribute struct, for whatever
 * treats all ops alike (text form, comparison, JSON). Made from attrs.def. */
#ifndef KILN_IR_ATTRS_H
#define KILN_IR_ATTRS_H

#include "ir/graph.h"

typedef enum AttrType {
  AT_Int,
  AT_Word,
  AT_Bool,
  AT_Float,
  AT_Act,
  AT_Reduction,
  AT_Int2,
  AT_Int4,
  AT_IntList
} AttrType;

typedef struct AttrField {
  const char *name;
  AttrType type;
  size_t offset;     /* in Attrs */
  int default_value; /* of every element; lists are empty by default */
} AttrField;

/* The fields of k's attributes in order of declaration, `*n` of them;
 * none for ops without attributes. */
const AttrField *attr_fields(OpKind k, int *n);

/* Where the field lies in `a`: an Int *, Bool *, ... as type says. */
void *attr_at(Attrs *a, const AttrField *f);
const void *attr_at_const(const Attrs *a, const AttrField *f);

/* Field by field; a list differs when its length or an element does. */
bool attr_equal(const AttrField *f, const Attrs *a, const Attrs *b);

#endif
