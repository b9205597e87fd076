/* What a compilation came to: totals and one row a step, as JSON for tools
 * and as a table for people. */
#include <json-c/json.h>
#include <stdio.h>

#include "plan/budget.h"
#include "plan/peak.h"
#include "plan/polly.h"
#include "plan/proof.h"
#include "plan/pruning.h"
#include "plan/tune.h"

/* Names come from the model and may be any bytes. */
static const char *clean(const Plan *p, const char *s) {
  Str text = str_new(p->arena);
  str_add_utf8(&text, s);
  return str_cstr(&text);
}

static void put_text(json_object *o, const char *key, const char *s) {
  json_object_object_add(o, key, s ? json_object_new_string(s) : NULL);
}

static void put_int(json_object *o, const char *key, int64_t x) {
  json_object_object_add(o, key, json_object_new_int64(x));
}

/* To three decimals. */
static void put_real(json_object *o, const char *key, double x) {
  char s[32];
  snprintf(s, sizeof s, "%.3f", x);
  json_object_object_add(o, key, json_object_new_double_s(x, s));
}

static json_object *shape_json(const Type *t) {
  json_object *shape = json_object_new_array();
  for (int i = 0; i < t->rank; i++)
    json_object_array_add(shape, json_object_new_int64(t->dim[i]));
  return shape;
}

/* Shapes of the operands that are computed. */
static json_object *shapes_json(Buffer *const *b, int n) {
  json_object *shapes = json_object_new_array();
  for (int i = 0; i < n; i++)
    if (b[i] && b[i]->place != PLACE_const)
      json_object_array_add(shapes, shape_json(b[i]->value->type));
  return shapes;
}

static json_object *block_json(const Plan *p, const PeakBlock *b) {
  json_object *o = json_object_new_object();
  put_text(o, "role", b->role);
  put_text(o, "name", b->buffer ? clean(p, b->buffer->value->name) : NULL);
  put_int(o, "offset", b->offset);
  put_int(o, "bytes", b->bytes);
  return o;
}

static json_object *blocks_json(const Plan *p, const Peak *peak) {
  json_object *blocks = json_object_new_array();
  for (int i = 0; i < peak->blocks.n; i++)
    json_object_array_add(blocks, block_json(p, &peak->blocks.v[i]));
  return blocks;
}

/* What might have computed op, each with the cost model's cycles; and what a
 * tuning has measured of it. */
static json_object *choice_json(const Plan *p, const Op *op) {
  json_object *o = json_object_new_object();
  json_object *cycles = json_object_new_object();
  for (int i = 0; i < K_COUNT; i++) {
    const Kernel *k = &kernel_table[i];
    if (k->match(op, p->target))
      put_real(cycles, k->name, k->cost(op, p->target));
  }
  json_object_object_add(o, "cycles", cycles);
  const TunedLayer *l = tune_find(p->arena, p->opt.tuning, p->target, op);
  if (l) {
    put_int(o, "vectors", l->choice.vectors);
    put_real(o, "us", l->us);
    put_real(o, "usual_us", l->usual_us);
  }
  return o;
}

/* What a step's op and its kernel are, apart from others in the step. */
static void put_kernel(json_object *o, const Plan *p, const Step *s) {
  put_text(o, "kernel", s->kernel->name);
  put_text(o, "variant", s->variant);
  put_int(o, "vector_bytes", s->vector_bytes);
  put_text(o, "requant", s->note);
  if (p->opt.polly)
    put_text(o, "polly", polly_word(p, s));
  if (s->op->remark)
    put_text(o, "remark", s->op->remark);
  if (s->op->pruned)
    json_object_object_add(o, "pruning", pruning_json(p->arena, s->op));
  if (proof_applies(s->op))
    json_object_object_add(o, "proof", proof_json(s->op));
  json_object_object_add(o, "choice", choice_json(p, s->op));
}

static int64_t weights_of(const Op *op) {
  return op->nin > 1 && op->in[1]->init ? type_count(op->in[1]->type) : 0;
}

/* null: has none. */
static json_object *weights_json(const StoredWeights *w, int64_t weights) {
  if (!w->form)
    return NULL;
  json_object *o = json_object_new_object();
  put_text(o, "form", w->form);
  put_int(o, "bytes", w->bytes);
  put_real(o, "bits", weights ? 8 * (double)w->bytes / (double)weights : 0);
  put_real(o, "zeros", w->zeros);
  put_text(o, "remark", w->remark);
  return o;
}

static json_object *front_json(const Plan *p, const Step *s) {
  json_object *o = json_object_new_object();
  put_text(o, "name", clean(p, s->front->out[0]->value->name));
  put_text(o, "op", op_info(s->front->op->kind)->name);
  put_kernel(o, p, s->front);
  put_int(o, "band_rows", s->band_rows);
  return o;
}

/* Among threads; null: by the caller alone. */
static json_object *split_json(const Split *split) {
  if (!split->parts)
    return NULL;
  json_object *o = json_object_new_object();
  put_text(o, "by", split_axis_name(split->axis));
  put_int(o, "units", split->units);
  put_int(o, "parts", split->parts);
  put_int(o, "part_bytes", split->part_bytes);
  return o;
}

static json_object *layer_json(const Plan *p, const Step *s) {
  json_object *o = json_object_new_object();
  put_text(o, "name", clean(p, s->out[0]->value->name));
  put_text(o, "op", step_op_name(p->arena, s));
  put_kernel(o, p, s);
  if (s->front)
    json_object_object_add(o, "front", front_json(p, s));
  if (s->alone)
    put_text(o, "alone", s->alone);
  put_text(o, "symbol", s->symbol);
  put_int(o, "macs", step_macs(s));
  put_int(o, "weight_bytes", step_weight_bytes(s));
  json_object_object_add(o, "weights",
                         weights_json(&s->weights, weights_of(s->op)));
  put_int(o, "packed_bytes", s->blob_bytes);
  put_int(o, "code_bytes", s->code_bytes);
  put_int(o, "scratch_bytes", s->scratch_bytes);
  if (p->opt.threads)
    json_object_object_add(o, "split", split_json(&s->split));
  Peak blocks = plan_peak_at(p, s);
  put_int(o, "arena_used", blocks.bytes);
  json_object_object_add(o, "arena", blocks_json(p, &blocks));
  json_object_object_add(o, "in", shapes_json(s->in, s->nin));
  json_object_object_add(o, "out", shapes_json(s->out, s->op->nout));
  return o;
}

static int64_t weight_bytes(const Plan *p) {
  int64_t sum = 0;
  for (int i = 0; i < p->steps.n; i++)
    sum += step_weight_bytes(p->steps.v[i]);
  return sum;
}

static void put_totals(json_object *o, const Plan *p, const ObjectSizes *z) {
  put_text(o, "model", clean(p, p->graph->name));
  put_text(o, "name", p->name);
  put_text(o, "target", p->whole->name);
  put_text(o, "triple", p->target->triple);
  put_text(o, "cpu", p->target->cpu);
  put_text(o, "rounding", rounding_name(p->graph->rounding));
  put_int(o, "macs", budget_figure(BUDGET_macs, p, z));
  put_int(o, "weight_bytes", weight_bytes(p));
  put_int(o, "code_bytes", z->code_bytes);
  put_int(o, "rodata_bytes", z->rodata_bytes);
  put_int(o, "flash_bytes", z->flash_bytes);
  put_int(o, "arena_bytes", p->arena_bytes);
  put_int(o, "arena_lower_bound", p->fullest->arena_lower_bound);
  put_int(o, "arena_bound_layer", p->fullest->bound_step);
  put_int(o, "arena_io_bytes", p->arena_bytes + plan_io_bytes(p));
  put_int(o, "arena_align", p->arena_align);
  put_int(o, "state_bytes", p->state_bytes);
  put_int(o, "stack_bytes", z->stack_bytes);
  put_int(o, "data_bytes", z->data_bytes);
  if (p->opt.threads) {
    put_int(o, "threads", p->opt.threads);
    put_int(o, "parallel_stack_bytes", z->parallel_stack_bytes);
  }
}

static json_object *layers_json(const Plan *p) {
  json_object *layers = json_object_new_array();
  for (int i = 0; i < p->steps.n; i++)
    json_object_array_add(layers, layer_json(p, p->steps.v[i]));
  return layers;
}

static json_object *tiers_json(const ObjectSizes *sizes) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < sizes->tiers.n; i++) {
    const TierSize *z = &sizes->tiers.v[i];
    json_object *o = json_object_new_object();
    put_text(o, "tier", z->plan->tier);
    put_text(o, "target", z->plan->target->name);
    put_int(o, "code_bytes", z->code_bytes);
    put_int(o, "rodata_bytes", z->rodata_bytes);
    put_int(o, "shared_bytes", z->shared_bytes);
    json_object_object_add(o, "layers", layers_json(z->plan));
    json_object_array_add(list, o);
  }
  return list;
}

/* null when nothing lies in the arena. */
static json_object *peak_json(const Plan *p) {
  Peak peak = plan_peak(p->fullest);
  if (!peak.step)
    return NULL;
  json_object *o = json_object_new_object();
  put_int(o, "layer", peak.step->index);
  put_int(o, "bytes", peak.bytes);
  json_object_object_add(o, "blocks", blocks_json(p, &peak));
  return o;
}

static json_object *functions_json(const ObjectSizes *sizes) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < sizes->functions.n; i++) {
    const FunctionSize *f = &sizes->functions.v[i];
    json_object *o = json_object_new_object();
    put_text(o, "symbol", f->symbol);
    put_int(o, "code_bytes", f->code_bytes);
    put_int(o, "stack_bytes", f->stack_bytes);
    json_object_object_add(o, "deepest", json_object_new_boolean(f->deepest));
    json_object_array_add(list, o);
  }
  return list;
}

static json_object *budgets_json(const Plan *p, const ObjectSizes *sizes,
                                 const Budgets *limits) {
  json_object *all = json_object_new_object();
  for (int k = 0; k < BUDGET_COUNT; k++) {
    if (limits->limit[k] == NO_LIMIT)
      continue;
    json_object *o = json_object_new_object();
    put_int(o, "used", budget_figure((BudgetKind)k, p, sizes));
    put_int(o, "limit", limits->limit[k]);
    json_object_object_add(all, budget_table[k].name, o);
  }
  return all;
}

void report_json(Str *out, const Plan *p, const ObjectSizes *sizes,
                 const Budgets *limits) {
  json_object *o = json_object_new_object();
  put_totals(o, p, sizes);
  json_object_object_add(o, "layers", layers_json(p));
  if (sizes->tiers.n)
    json_object_object_add(o, "tiers", tiers_json(sizes));
  json_object_object_add(o, "pruning", pruning_total_json(p->graph));
  json_object_object_add(o, "peak", peak_json(p));
  json_object_object_add(o, "functions", functions_json(sizes));
  json_object_object_add(o, "budgets", budgets_json(p, sizes, limits));
  str_add(out, json_object_to_json_string_ext(
                   o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
                          JSON_C_TO_STRING_NOSLASHESCAPE));
  str_add(out, "\n");
  json_object_put(o);
}

/* A table whose columns are as wide as their widest cell. */
enum { COLUMNS = 8 };
typedef struct Row {
  const char *cell[COLUMNS];
} Row;
typedef struct Table {
  ARRAY(Row) rows;
  int width[COLUMNS];
} Table;

static const bool right_aligned[COLUMNS] = {true, false, false, false,
                                            true, true,  true,  false};

static void table_add(Arena *a, Table *t, Row r) {
  for (int i = 0; i < COLUMNS; i++) {
    int n = 0;
    while (r.cell[i][n])
      n++;
    t->width[i] = n > t->width[i] ? n : t->width[i];
  }
  ARRAY_PUSH(a, &t->rows, r);
}

static void table_print(Str *out, const Table *t) {
  for (int r = 0; r < t->rows.n; r++) {
    for (int i = 0; i < COLUMNS; i++) {
      const char *cell = t->rows.v[r].cell[i];
      if (i + 1 == COLUMNS)
        str_printf(out, "  %s\n", cell);
      else if (right_aligned[i])
        str_printf(out, "%s%*s", i ? "  " : "", t->width[i], cell);
      else
        str_printf(out, "%s%-*s", i ? "  " : "", t->width[i], cell);
    }
  }
}

static const char *grouped(Arena *a, int64_t x) {
  Str s = str_new(a);
  str_add_grouped(&s, x);
  return str_cstr(&s);
}

static const char *stored_type(Arena *a, const Buffer *b) {
  Str s = str_new(a);
  str_printf(&s, "%s[", dtype_name(b->type->dtype));
  for (int i = 0; i < b->type->rank; i++)
    str_printf(&s, "%s%lld", i ? "," : "", (long long)b->type->dim[i]);
  str_add(&s, "]");
  return str_cstr(&s);
}

static Row step_row(const Plan *p, const Step *s) {
  Arena *a = p->arena;
  const Buffer *first = s->op->nout ? s->out[0] : NULL;
  return (Row){{
      arena_printf(a, "%d", s->index),
      step_op_name(a, s),
      s->kernel->name,
      s->variant ? s->variant : "",
      grouped(a, step_macs(s)),
      grouped(a, step_weight_bytes(s)),
      grouped(a, s->code_bytes),
      first ? stored_type(a, first) : "",
  }};
}

/* What passes could not do, and why. */
static void put_remarks(Str *out, const Plan *p) {
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    if (s->op->remark)
      str_printf(out, "float  %d %s: %s\n", s->index,
                 op_info(s->op->kind)->name, s->op->remark);
  }
}

static void put_arena(Str *out, const Plan *head) {
  const Plan *p = head->fullest;
  Arena *a = p->arena;
  Peak peak = plan_peak(p);
  str_printf(out, "arena  %s bytes (at least %s; with inputs and outputs %s)",
             grouped(a, p->arena_bytes), grouped(a, p->arena_lower_bound),
             grouped(a, p->arena_bytes + plan_io_bytes(p)));
  if (peak.step)
    str_printf(out, ", fullest in step %d", peak.step->index);
  if (p->tier)
    str_printf(out, " of %s", p->tier);
  str_add(out, "\n");
}

static void put_budgets(Str *out, const Plan *p, const ObjectSizes *sizes,
                        const Budgets *limits) {
  for (int k = 0; k < BUDGET_COUNT; k++) {
    const BudgetRow *row = &budget_table[k];
    if (limits->limit[k] != NO_LIMIT)
      str_printf(out, "budget %s: %s of %s%s\n", row->name,
                 grouped(p->arena, budget_figure((BudgetKind)k, p, sizes)),
                 grouped(p->arena, limits->limit[k]), row->unit);
  }
}

static void put_tiers(Str *out, Arena *a, const ObjectSizes *sizes) {
  for (int i = 0; i < sizes->tiers.n; i++) {
    const TierSize *z = &sizes->tiers.v[i];
    str_printf(out,
               "tier   %s (%s): code %s, constants %s, %s of them shared\n",
               z->plan->tier, z->plan->target->name, grouped(a, z->code_bytes),
               grouped(a, z->rodata_bytes), grouped(a, z->shared_bytes));
  }
  if (sizes->data_bytes)
    str_printf(out, "data   %s bytes\n", grouped(a, sizes->data_bytes));
}

static void put_sizes(Str *out, const Plan *p, const ObjectSizes *sizes) {
  Arena *a = p->arena;
  str_printf(out, "MACs   %s\n",
             grouped(a, budget_figure(BUDGET_macs, p, sizes)));
  str_printf(out, "flash  %s bytes (code %s, constants %s)\n",
             grouped(a, sizes->flash_bytes), grouped(a, sizes->code_bytes),
             grouped(a, sizes->rodata_bytes));
  put_tiers(out, a, sizes);
  put_arena(out, p);
  put_remarks(out, p);
  if (p->graph->states.n)
    str_printf(out, "state  %s bytes\n", grouped(a, p->state_bytes));
  str_printf(out, "stack  %s bytes", grouped(a, sizes->stack_bytes));
  if (p->opt.threads)
    str_printf(out, "; by %s_run_parallel %s, parallel_for aside", p->name,
               grouped(a, sizes->parallel_stack_bytes));
  str_add(out, "\n");
}

static void put_steps(Str *out, const Plan *p) {
  Table t = {.width = {0}};
  Row head = {
      {"", "op", "kernel", "variant", "MACs", "weights", "code", "output"}};
  table_add(p->arena, &t, head);
  for (int i = 0; i < p->steps.n; i++)
    table_add(p->arena, &t, step_row(p, p->steps.v[i]));
  if (p->tier)
    str_printf(out, "tier %s\n", p->tier);
  table_print(out, &t);
}

void report_text(Str *out, const Plan *p, const ObjectSizes *sizes,
                 const Budgets *limits) {
  str_printf(out, "%s for %s, rounding %s\n", p->name, p->whole->name,
             rounding_name(p->graph->rounding));
  for (int i = 0; i < p->tiers.n; i++)
    put_steps(out, p->tiers.v[i]);
  pruning_text(out, p->graph);
  proof_text(out, p->graph);
  put_sizes(out, p, sizes);
  put_budgets(out, p, sizes, limits);
}
