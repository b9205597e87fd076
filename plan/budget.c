/* The figures of a product, and for each a list of shares in it. */
#include "plan/budget.h"

#include <stdlib.h>

#include "plan/peak.h"

enum { SHARES = 5, NAME_WIDTH = 40 };

/* A line of a list: so much of the figure, and who takes it. */
typedef struct Share {
  int64_t amount;
  const char *text;
} Share;
typedef struct Shares {
  const Plan *plan;
  const ObjectSizes *sizes;
  const char *title; /* a line above, or NULL */
  ARRAY(Share) list;
} Shares;

static void add_share(Shares *s, int64_t amount, const char *text) {
  if (amount > 0)
    ARRAY_PUSH(s->plan->arena, &s->list, ((Share){amount, text}));
}

static const char *grouped(Arena *a, int64_t x) {
  Str s = str_new(a);
  str_add_grouped(&s, x);
  return str_cstr(&s);
}

/* Names out of the model are untrusted; whoever prints them spells control
 * characters out. */
static void add_name(Str *s, const Value *v) {
  str_add(s, " '");
  str_add_clipped(s, v->name, NAME_WIDTH);
  str_add(s, "'");
}

static const char *block_text(Arena *a, const PeakBlock *b) {
  if (!b->buffer)
    return b->role;
  Str s = str_new(a);
  Type shape = *b->buffer->value->type;
  shape.q = NULL;
  str_add(&s, b->role);
  add_name(&s, b->buffer->value);
  str_add(&s, " ");
  type_print(&s, &shape);
  return str_cstr(&s);
}

static const char *step_text(Arena *a, const Step *step) {
  Str s = str_new(a);
  str_printf(&s, "step %d %s", step->index, step_op_name(a, step));
  if (step->op->nout)
    add_name(&s, step->out[0]->value);
  return str_cstr(&s);
}

static int64_t figure_ram(const Plan *p, const ObjectSizes *sizes) {
  return p->arena_bytes + p->state_bytes + sizes->data_bytes;
}

static void list_ram(Shares *s) {
  const Plan *p = s->plan->fullest;
  Arena *a = p->arena;
  Peak peak = plan_peak(p);
  if (peak.step)
    s->title = arena_printf(
        a,
        "arena %s (at least %s), state %s; fullest in %s, where %s are used:",
        grouped(a, p->arena_bytes), grouped(a, p->arena_lower_bound),
        grouped(a, p->state_bytes), step_text(a, peak.step),
        grouped(a, peak.bytes));
  for (int i = 0; i < peak.blocks.n; i++)
    add_share(s, peak.blocks.v[i].bytes, block_text(a, &peak.blocks.v[i]));
}

static int64_t figure_flash(const Plan *p, const ObjectSizes *sizes) {
  (void)p;
  return sizes->flash_bytes;
}

/* Returns what the steps of p come to. */
static int64_t list_steps(Shares *s, const Plan *p) {
  Arena *a = p->arena;
  int64_t sum = 0;
  for (int i = 0; i < p->steps.n; i++) {
    const Step *step = p->steps.v[i];
    int64_t bytes = step->code_bytes + step->blob_bytes;
    sum += bytes;
    add_share(s, bytes,
              arena_printf(a, "%s%s%s: code %s, constants %s",
                           p->tier ? p->tier : "", p->tier ? " " : "",
                           step_text(a, step), grouped(a, step->code_bytes),
                           grouped(a, step->blob_bytes)));
  }
  return sum;
}

static void list_flash(Shares *s) {
  int64_t rest = s->sizes->flash_bytes;
  for (int i = 0; i < s->plan->tiers.n; i++)
    rest -= list_steps(s, s->plan->tiers.v[i]);
  add_share(s, rest, "entry, shared tables and routines");
}

static int64_t figure_stack(const Plan *p, const ObjectSizes *sizes) {
  (void)p;
  int64_t parallel = sizes->parallel_stack_bytes;
  return parallel > sizes->stack_bytes ? parallel : sizes->stack_bytes;
}

static void list_stack(Shares *s) {
  s->title = "frames; those marked * call each other down to the bound:";
  for (int i = 0; i < s->sizes->functions.n; i++) {
    const FunctionSize *f = &s->sizes->functions.v[i];
    add_share(s, f->stack_bytes,
              arena_printf(s->plan->arena, "%c %s", f->deepest ? '*' : ' ',
                           f->symbol));
  }
}

static int64_t figure_macs(const Plan *p, const ObjectSizes *sizes) {
  (void)sizes;
  int64_t sum = 0;
  for (int i = 0; i < p->steps.n; i++)
    sum += step_macs(p->steps.v[i]);
  return sum;
}

static void list_macs(Shares *s) {
  for (int i = 0; i < s->plan->steps.n; i++) {
    const Step *step = s->plan->steps.v[i];
    add_share(s, step_macs(step), step_text(s->plan->arena, step));
  }
}

const BudgetRow budget_table[BUDGET_COUNT] = {
#define BUDGET(name, code, unit, about) {#name, code, unit, about},
#include "plan/budget.def"
#undef BUDGET
};

static const struct {
  int64_t (*figure)(const Plan *p, const ObjectSizes *sizes);
  void (*list)(Shares *s);
} functions[BUDGET_COUNT] = {
#define BUDGET(name, code, unit, about) {figure_##name, list_##name},
#include "plan/budget.def"
#undef BUDGET
};

int64_t budget_figure(BudgetKind k, const Plan *p, const ObjectSizes *sizes) {
  return functions[k].figure(p, sizes);
}

/* The amounts right-aligned to the first, which is the widest. */
static void print_shares(Str *out, const Shares *s) {
  Arena *a = s->plan->arena;
  int width = 0;
  for (int i = 0; i < s->list.n && i < SHARES; i++) {
    const char *amount = grouped(a, s->list.v[i].amount);
    int n = 0;
    while (amount[n])
      n++;
    width = i == 0 ? n : width;
    str_printf(out, "%s%*s  %s", i || s->title ? "\n" : "", width, amount,
               s->list.v[i].text);
  }
}

static int compare_shares(const void *a, const void *b) {
  const Share *x = a, *y = b;
  return (x->amount < y->amount) - (x->amount > y->amount);
}

void budget_consumers(Str *out, BudgetKind k, const Plan *p,
                      const ObjectSizes *sizes) {
  Shares s = {.plan = p, .sizes = sizes};
  functions[k].list(&s);
  if (s.list.n)
    qsort(s.list.v, (size_t)s.list.n, sizeof *s.list.v, compare_shares);
  if (s.title)
    str_add(out, s.title);
  print_shares(out, &s);
}
