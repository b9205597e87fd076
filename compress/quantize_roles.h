/* Private to quantizing: which operators of a float graph become integer
 * ones, and why the others don't. */
#ifndef KILN_COMPRESS_QUANTIZE_ROLES_H
#define KILN_COMPRESS_QUANTIZE_ROLES_H

#include "compress/scheme.h"

typedef enum Role {
  ROLE_other, /* has no result of f32 */
  ROLE_move,  /* passes elements on: result and operands share their scale */
  ROLE_heavy, /* multiplies by weights, or two activations */
  ROLE_light, /* any other with an integer form */
  ROLE_inner, /* its result is never stored: the operator behind it takes it in,
                 as a clamp or as a part of its table */
  ROLE_dynamic, /* multiplies bytes whose range is taken at run time */
  ROLE_float
} Role;

enum { NEW_OP = -1 }; /* index of an op that was not there before */

typedef struct Roles {
  const Graph *g;
  const Scheme *scheme;
  Role *role;                /* by op->index */
  const char **why;          /* by op->index, for ROLE_float */
  const LayerScheme **layer; /* by op->index */
  Value **source; /* by value id: what it is a function of, element by
                     element, through inner operators; or NULL */
} Roles;

/* In the scratch arena a. g is numbered. */
Roles roles_find(Arena *a, const Graph *g, const Scheme *s);
/* quantize_recurrent.c: activations of 16 bits for the steps of recurrences,
 * in r->layer, by the roles of kinds. */
void widen_recurrences(Arena *a, Roles *r);
Role role_of(const Roles *r, const Op *op); /* ROLE_other for NULL */
bool role_is_integer(Role role);            /* heavy or light */
/* Is v computed and taken in at once, never stored? */
bool value_is_inner(const Roles *r, const Value *v);
/* Does a clamp alone read v, what an integer operator makes? */
bool value_is_clamped(const Roles *r, const Value *v);
/* Does op, or what it passes v on to, compute on integers? */
bool op_wants(const Roles *r, const Op *op, bool heavy);
/* Does an integer operator read v, through moves and inner ones too? `heavy`:
 * of the heavy ones only. */
bool value_is_wanted(const Roles *r, const Value *v, bool heavy);
/* The operand that holds weights: 1 of heavy operators where it is a constant,
 * else -1. */
int op_weights(const Op *op);

#endif
