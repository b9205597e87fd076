/* kiln inspect --memory: the plan of the arena drawn step by step, a
 * character for a part of it, and what every block is. */
#include "driver/memory.h"

#include "driver/table.h"
#include "plan/peak.h"

enum { COLUMNS = 5, CELLS = 48, NAME_WIDTH = 24 };
static const char *const heading[COLUMNS] = {">step", "op", ">used", "arena",
                                             "blocks"};

/* 'i'nput, 'o'utput, 's'cratch, 'k'ept; '#' where two share the byte. */
static char at_byte(const Peak *peak, int64_t byte) {
  char found = '.';
  for (int i = 0; i < peak->blocks.n; i++) {
    const PeakBlock *b = &peak->blocks.v[i];
    if (b->offset <= byte && byte < b->offset + b->bytes)
      found = found == '.' ? b->role[0] : '#';
  }
  return found;
}

static const char *drawn(Arena *a, const Plan *p, const Peak *peak) {
  int cells = p->arena_bytes < CELLS ? (int)p->arena_bytes : CELLS;
  char *line = arena_alloc(a, CELLS + 1);
  for (int i = 0; i < cells; i++)
    line[i] = at_byte(peak, (2 * i + 1) * p->arena_bytes / (2 * cells));
  return line;
}

/* "input 0..1152 conv1, output 1152..2304 conv2" */
static const char *listed(Arena *a, const Peak *peak) {
  Str s = str_new(a);
  for (int i = 0; i < peak->blocks.n; i++) {
    const PeakBlock *b = &peak->blocks.v[i];
    str_printf(&s, "%s%s %lld..%lld", i ? ", " : "", b->role,
               (long long)b->offset, (long long)(b->offset + b->bytes));
    if (b->buffer) {
      str_add(&s, " ");
      str_add_clipped(&s, b->buffer->value->name, NAME_WIDTH);
    }
  }
  return str_cstr(&s);
}

static Table step_table(Arena *a, const Plan *p) {
  Table t = table_new(a, COLUMNS, heading);
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    Peak peak = plan_peak_at(p, s);
    table_add(&t, (const char *[]){arena_printf(a, "%d", i), step_op_name(a, s),
                                   table_number(a, peak.bytes),
                                   drawn(a, p, &peak), listed(a, &peak)});
  }
  return t;
}

static const char *step_words(Arena *a, const Plan *p, int index) {
  return arena_printf(a, "step %d, %s", index,
                      step_op_name(a, p->steps.v[index]));
}

static void print_text(Arena *a, const Plan *p, const Table *t) {
  Peak peak = plan_peak(p);
  printf("arena of %s for %s: %lld bytes in blocks aligned to %d\n", p->name,
         p->target->name, (long long)p->arena_bytes, p->arena_align);
  if (peak.step) {
    printf("fullest in %s: %lld bytes\n", step_words(a, p, peak.step->index),
           (long long)peak.bytes);
    printf("at least %lld bytes, which %s needs by itself\n\n",
           (long long)p->arena_lower_bound, step_words(a, p, p->bound_step));
  }
  table_print(t, stdout);
}

static void print_json(const Plan *p, const Table *t) {
  json_object *o = json_object_new_object();
  json_object_object_add(o, "arena_bytes",
                         json_object_new_int64(p->arena_bytes));
  json_object_object_add(o, "arena_lower_bound",
                         json_object_new_int64(p->arena_lower_bound));
  json_object_object_add(o, "bound_step", json_object_new_int(p->bound_step));
  json_object_object_add(o, "steps", table_json(t));
  json_print(o, stdout);
}

bool print_memory(Cli *cli, Graph *g) {
  Plan *p = session_plan(cli, g);
  if (!p)
    return false;
  Table t = step_table(cli->arena, p);
  if (cli_has(cli, OPT_json))
    print_json(p, &t);
  else
    print_text(cli->arena, p, &t);
  return true;
}
