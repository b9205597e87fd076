/* What kiln bench has timed, as text and as JSON. */
#include <stdio.h>

#include "driver/bench.h"
#include "driver/table.h"

static int64_t all_macs(const Bench *b) {
  int64_t sum = 0;
  for (int i = 0; i < b->plan->steps.n; i++)
    sum += step_macs(b->plan->steps.v[i]);
  return sum;
}

static double gmacs(double macs, double seconds) {
  return seconds > 0 ? 1e-9 * macs / seconds : 0;
}

/* Seconds that all would take at the machine's peak; what it says nothing of
 * counts as nothing. */
static double seconds_at_peak(const Bench *b) {
  double sum = 0;
  for (int i = 0; i < b->plan->steps.n; i++)
    sum += bench_part_of_peak(b, b->plan->steps.v[i], 1);
  return sum;
}

static const char *real(Arena *a, double x, int digits) {
  return arena_printf(a, "%.*f", digits, x);
}

/* Nothing where there is nothing to say. */
static const char *maybe(Arena *a, double x, int digits) {
  return x > 0 ? real(a, x, digits) : "";
}

/* ---- text ---- */

static void add_entrant(Table *t, const Bench *b, const char *name,
                        const Timing *x) {
  Arena *a = t->arena;
  const char *cells[] = {name,
                         real(a, 1e6 * x->min, 2),
                         real(a, 1e6 * x->median, 2),
                         real(a, 1e6 * x->p99, 2),
                         maybe(a, gmacs((double)all_macs(b), x->min), 1),
                         maybe(a, 100 * seconds_at_peak(b) / x->min, 1),
                         table_number(a, x->samples * x->batch)};
  table_add(t, cells);
}

static void print_entrants(Cli *cli, const Bench *b) {
  static const char *const headings[] = {"object",  ">min us", ">median us",
                                         ">p99 us", ">GMAC/s", ">% of peak",
                                         ">runs"};
  Table t = table_new(cli->arena, 7, headings);
  add_entrant(&t, b, b->plan->name, &b->own);
  if (b->against)
    add_entrant(&t, b, b->against, &b->other);
  table_print(&t, stdout);
  if (b->against)
    printf("ratio %.3f (%s / %s, min); %s\n", b->other.min / b->own.min,
           b->against, b->plan->name,
           b->same ? "same outputs" : "the outputs differ");
}

static Table steps_table(Cli *cli, const Bench *b) {
  static const char *const headings[] = {
      ">step", "op", "kernel", "variant", ">us", ">%", ">GMAC/s", ">% of peak"};
  Arena *a = cli->arena;
  Table t = table_new(a, 8, headings);
  for (int i = 0; i < b->plan->steps.n; i++) {
    const Step *s = b->plan->steps.v[i];
    double us = b->step[i], part = bench_part_of_peak(b, s, us);
    const char *cells[] = {table_number(a, i),
                           step_op_name(a, s),
                           s->kernel->name,
                           s->variant,
                           real(a, 1e6 * us, 2),
                           real(a, 100 * us / b->step_sum, 1),
                           maybe(a, gmacs((double)step_macs(s), us), 1),
                           maybe(a, 100 * part, 1)};
    table_add(&t, cells);
  }
  return t;
}

void bench_print(Cli *cli, const Bench *b) {
  printf("%s on %s, %.2f MMAC", b->plan->name, b->plan->target->name,
         1e-6 * (double)all_macs(b));
  if (b->plan->opt.threads)
    printf(", %d threads", b->plan->opt.threads);
  const char *whose = b->cores > 1 ? "these cores'" : "this core's";
  if (b->peak_int > 0)
    printf("; %s peak is %.0f GMAC/s", whose, b->peak_int);
  if (b->peak_float > 0)
    printf(", of floats %.0f", b->peak_float);
  printf("\n\n");
  print_entrants(cli, b);
  printf("\nSteps, each at its least:\n");
  Table t = steps_table(cli, b);
  table_print(&t, stdout);
}

/* ---- JSON ---- */

static void add(json_object *o, const char *key, json_object *value) {
  json_object_object_add(o, key, value);
}

static json_object *timing_json(const Timing *x) {
  json_object *o = json_object_new_object();
  add(o, "min_us", json_real(1e6 * x->min));
  add(o, "median_us", json_real(1e6 * x->median));
  add(o, "p99_us", json_real(1e6 * x->p99));
  add(o, "runs", json_object_new_int64(x->samples * x->batch));
  return o;
}

static json_object *steps_json(Cli *cli, const Bench *b) {
  json_object *list = json_object_new_array();
  for (int i = 0; i < b->plan->steps.n; i++) {
    const Step *s = b->plan->steps.v[i];
    json_object *o = json_object_new_object();
    add(o, "op", json_text(step_op_name(cli->arena, s)));
    add(o, "kernel", json_text(s->kernel->name));
    add(o, "variant", json_text(s->variant));
    add(o, "us", json_real(1e6 * b->step[i]));
    add(o, "share", json_real(b->step[i] / b->step_sum));
    add(o, "macs", json_object_new_int64(step_macs(s)));
    add(o, "part_of_peak", json_real(bench_part_of_peak(b, s, b->step[i])));
    json_object_array_add(list, o);
  }
  return list;
}

void bench_print_json(Cli *cli, const Bench *b) {
  json_object *o = json_object_new_object();
  add(o, "model", json_text(b->plan->name));
  add(o, "target", json_text(b->plan->target->name));
  add(o, "macs", json_object_new_int64(all_macs(b)));
  if (b->plan->opt.threads)
    add(o, "threads", json_object_new_int64(b->plan->opt.threads));
  add(o, "peak_gmacs", json_real(b->peak_int));
  add(o, "peak_float_gmacs", json_real(b->peak_float));
  add(o, "part_of_peak", json_real(seconds_at_peak(b) / b->own.min));
  add(o, "object", timing_json(&b->own));
  if (b->against) {
    json_object *other = timing_json(&b->other);
    add(other, "object", json_text(b->against));
    add(other, "same_outputs", json_object_new_boolean(b->same));
    add(o, "against", other);
  }
  add(o, "steps", steps_json(cli, b));
  json_print(o, stdout);
}
