/* Which steps' loops Polly may rearrange. */
#ifndef KILN_PLAN_POLLY_H
#define KILN_PLAN_POLLY_H

#include "plan/plan.h"

/* By opt.polly and the step's kernel. */
bool polly_may(const Plan *p, const Step *s);
/* "rearranges", or why it does not; for the report, with the option. */
const char *polly_word(const Plan *p, const Step *s);

#endif
