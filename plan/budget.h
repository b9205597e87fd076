/* What a product takes, what it may take, and who takes most of it. */
#ifndef KILN_PLAN_BUDGET_H
#define KILN_PLAN_BUDGET_H

#include "plan/plan.h"

typedef enum BudgetKind {
#define BUDGET(name, code, unit, about) BUDGET_##name,
#include "plan/budget.def"
#undef BUDGET
  BUDGET_COUNT
} BudgetKind;

typedef struct BudgetRow {
  const char *name;  /* "ram", as in --max-ram */
  DiagCode code;     /* of going over it */
  const char *unit;  /* " bytes" or "" */
  const char *about; /* what is counted */
} BudgetRow;
extern const BudgetRow budget_table[BUDGET_COUNT];

#define NO_LIMIT INT64_MAX
struct Budgets {
  int64_t limit[BUDGET_COUNT]; /* NO_LIMIT where there is none */
};

/* The figure that a limit is held against. */
int64_t budget_figure(BudgetKind k, const Plan *p, const ObjectSizes *sizes);

/* Adds lines, without a newline at the end, that tell who takes it: of ram
 * the blocks of the arena where that is fullest, of stack functions, else
 * layers; the largest first, at most 5. */
void budget_consumers(Str *out, BudgetKind k, const Plan *p,
                      const ObjectSizes *sizes);

#endif
