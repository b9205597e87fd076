/* --max-ram, --max-flash, --max-stack, --max-macs of `kiln compile`. */
#ifndef KILN_DRIVER_BUDGET_H
#define KILN_DRIVER_BUDGET_H

#include "driver/session.h"
#include "plan/budget.h"

/* The limits of the command line. false: E0001. */
bool budget_read(Cli *cli, Budgets *out);
/* Holds what was built against them. false: every limit that is exceeded is
 * an error with its consumers and the options that would help. */
bool budget_check(Cli *cli, const Built *b, const Budgets *limits);

#endif
