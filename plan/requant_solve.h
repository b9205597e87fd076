/* What the files that solve for a form's constants share; private to them. */
#ifndef KILN_PLAN_REQUANT_SOLVE_H
#define KILN_PLAN_REQUANT_SOLVE_H

#include "plan/requant_form.h"

/* Thresholds of one channel inside its range: acc[i] is T_(first + i). */
typedef struct Steps {
  int n;
  int32_t first;
  int64_t acc[256];
} Steps;

/* The real factor that a spec stands for. */
double requant_factor(const Requant *r);

/* Does the plan's form, as far as channel c's constants are set, agree with
 * the spec on the whole range? */
bool requant_agrees(const RequantPlan *p, int c, const Requant *r, AccRange in,
                    const Steps *s);

/* The least t >= 0 with lo <= a t mod m <= hi, or -1; 0 <= a, lo, hi < m,
 * lo <= hi. */
int64_t first_multiple(int64_t a, int64_t m, int64_t lo, int64_t hi);

/* RF_bits (requant_bits.c): the constants of channel c, with p->patches and,
 * where p->below is there, with two sides; and what code computes. */
bool bits_solve(RequantPlan *p, int c, const Requant *r, AccRange in,
                const Steps *s);
int64_t bits_apply(const RequantPlan *p, int c, int64_t acc);

#endif
