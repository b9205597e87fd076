/* Private to quantizing: which values of a float graph are stored as integers,
 * and in which types. */
#ifndef KILN_COMPRESS_QUANTIZE_PLACES_H
#define KILN_COMPRESS_QUANTIZE_PLACES_H

#include "compress/quantize_roles.h"

/* A value that is stored as integers. */
typedef struct Place {
  bool used;
  bool whole; /* all that reads the value reads the integers */
  const LayerScheme *scheme;
  struct Place *shares; /* the place whose range it has; NULL: its own */
  bool joined;          /* range is that of what this place is joined to */
  Range range;
  const QuantParams *q;
} Place;

typedef struct Places {
  Arena *scratch;
  Graph *g;
  const Scheme *scheme;
  const Calibration *ranges;
  const Roles *roles;
  int n;     /* values that were there; new ones have other ids */
  Place *at; /* (n), by value id */
  bool ok;
} Places;

typedef ARRAY(Value *) Values;

/* false: E0701, a range is missing. */
bool places_find(Arena *scratch, Graph *g, const Scheme *s,
                 const Calibration *c, const Roles *r, Places *out);
/* Where what v holds is stored: v itself, or what moves and inner operators
 * made it of. Constants and what is no f32 are nowhere. */
void place_roots(const Places *p, Value *v, Values *out);
/* The place of v; NULL: it has none. */
const Place *place_at(const Places *p, const Value *v);
/* v's own range under s: what it is made by, and whether that has a known
 * range, counts. */
Range place_range(Places *p, const Value *v, const LayerScheme *s);
/* The parameters in which an operator of scheme s reads v: *own, those of its
 * place, or, where that is of another element type, those of v's range. */
const QuantParams *place_read(Places *p, Value *v, const LayerScheme *s,
                              bool *own);

#endif
