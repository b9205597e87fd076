/* The per-channel constants of a requantization as blobs of the object. */
#ifndef KILN_PLAN_REQUANT_TABLE_H
#define KILN_PLAN_REQUANT_TABLE_H

#include "plan/plan.h"
#include "plan/requant_form.h"

/* NULL where the form does not use it, or where one constant serves all
 * channels and stands in the code. */
typedef struct RequantTables {
  const Blob *a, *b;                /* f32 (padded) */
  const Blob *multiplier, *shift;   /* i32 (padded) */
  const Blob *offset;               /* i64 (padded) */
  const Blob *high;                 /* (padded) pairs of i32: multiplier, add */
  const Blob *split, *below, *turn; /* i32 (padded) */
  const Blob *patch[RQ_MOST_PATCHES]; /* i32 (padded); if not listed */
  const Blob *list, *list_at;         /* i32 (patches, lanes); i32 (vectors + 1)
                                         where each vector's patches begin */
  const Blob *threshold;              /* i32 (padded, hi - lo) */
} RequantTables;

/* `padded` >= rp->channels entries each; those past the end repeat the last
 * channel, so that code may compute whole vectors. */
RequantTables requant_tables(Plan *p, Step *s, const RequantPlan *rp,
                             int padded);
/* The same with entry i for channel order[i]; lists for vectors of so many
 * lanes, of which the entries are a multiple. */
RequantTables requant_tables_ordered(Plan *p, Step *s, const RequantPlan *rp,
                                     int entries, const int32_t *order,
                                     int lanes);

#endif
