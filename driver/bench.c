/* kiln bench: how long the object takes here, in this process; where that
 * goes, layer by layer; and how near it is to what the machine can do. */
#include "driver/bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/samples.h"
#include "support/clock.h"

/* A sample is to last at least so long. */
static const double sample_seconds = 10e-6;
enum { MOST_SAMPLES = 1 << 20, LEAST_SAMPLES = 5, WARM_UP = 3 };

/* One of those that run in turn, so that all see the same noise. */
typedef struct Entrant {
  Executor *exec;
  void **out;
  int64_t batch;
  ARRAY(double) seconds;
} Entrant;

/* ---- timing ---- */

static bool run_batch(Entrant *e, const void *const *in, int64_t batch,
                      double *seconds) {
  double start = clock_seconds();
  for (int64_t i = 0; i < batch; i++)
    if (!e->exec->run(e->exec, in, e->out))
      return false;
  *seconds = (clock_seconds() - start) / (double)batch;
  return true;
}

static bool warm_up(Entrant *e, const void *const *in) {
  double seconds = 1;
  for (int i = 0; i < WARM_UP; i++)
    if (!run_batch(e, in, 1, &seconds))
      return false;
  double batch = seconds > 0 ? sample_seconds / seconds : 1000;
  e->batch = batch < 1 ? 1 : batch > 1000 ? 1000 : (int64_t)batch + 1;
  return true;
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static Timing timing(const Entrant *e) {
  int n = e->seconds.n;
  qsort(e->seconds.v, (size_t)n, sizeof *e->seconds.v, by_size);
  return (Timing){e->seconds.v[0], e->seconds.v[n / 2],
                  e->seconds.v[(int)(0.99 * (n - 1))], n, e->batch};
}

/* All entrants in turn for that many seconds. */
static bool race(Cli *cli, Entrant *e, int n, const void *const *in,
                 double seconds) {
  for (int i = 0; i < n; i++)
    if (!warm_up(&e[i], in))
      return false;
  double end = clock_seconds() + seconds;
  for (int s = 0; s < MOST_SAMPLES; s++) {
    for (int i = 0; i < n; i++) {
      double took;
      if (!run_batch(&e[i], in, e[i].batch, &took))
        return false;
      ARRAY_PUSH(cli->arena, &e[i].seconds, took);
    }
    if (s + 1 >= LEAST_SAMPLES && clock_seconds() > end)
      break;
  }
  return true;
}

/* ---- steps ---- */

/* The ticks of all that time say what a tick is. */
bool bench_time_steps(Executor *e, const void *const *in, void *const *out,
                      double seconds, Bench *b) {
  int n = b->plan->steps.n;
  const uint64_t *clocks = jit_clocks(e);
  for (int i = 0; i < n; i++)
    b->step[i] = 1e30;
  if (!e->run(e, in, out))
    return false;
  double start = clock_seconds(), now = start;
  uint64_t first = clocks[n];
  while (now < start + seconds) {
    if (!e->run(e, in, out))
      return false;
    for (int i = 0; i < n; i++) {
      double ticks = (double)(clocks[i + 1] - clocks[i]);
      b->step[i] = ticks < b->step[i] ? ticks : b->step[i];
    }
    now = clock_seconds();
  }
  double tick = (now - start) / (double)(clocks[n] - first);
  for (int i = 0; i < n; i++) {
    b->step[i] *= tick;
    b->step_sum += b->step[i];
  }
  return true;
}

/* Steps are those of the tier that is chosen here. */
static bool bench_steps(Cli *cli, const Graph *g, const Target *t,
                        const void *const *in, double seconds, Bench *b) {
  Built built;
  if (!session_build(cli, g, t, BUILD_clocks, EMIT_object, NULL, &built))
    return false;
  Executor *e = jit_new(built.plan, &built.emitted);
  if (!e)
    return false;
  b->plan = built.plan;
  b->step = ARENA_ARRAY(cli->arena, double, built.plan->steps.n + 1);
  void **out = exec_buffers(cli->arena, g->outputs.v, g->outputs.n);
  bool ok = bench_time_steps(e, in, out, seconds, b);
  e->free(e);
  return ok;
}

/* ---- the command ---- */

/* As from the start: in the race each ran as often as it could, and state goes
 * from run to run. */
static bool run_anew(Entrant *e, const void *const *in) {
  e->exec->reset(e->exec);
  return e->exec->run(e->exec, in, e->out);
}

static bool same_outputs(const Graph *g, void *const *a, void *const *b) {
  for (int i = 0; i < g->outputs.n; i++)
    if (memcmp(a[i], b[i], (size_t)type_bytes(g->outputs.v[i]->type)) != 0)
      return false;
  return true;
}

static bool bench_objects(Cli *cli, const Graph *g, const Built *built,
                          const void *const *in, double seconds, Bench *b) {
  Entrant e[2] = {{.exec = jit_new(built->plan, &built->emitted)}, {0}};
  if (e[0].exec && b->against)
    e[1].exec = rival_new(cli, b->against, built);
  int n = b->against ? 2 : 1;
  for (int i = 0; i < n; i++)
    e[i].out = exec_buffers(cli->arena, g->outputs.v, g->outputs.n);
  bool ok = e[0].exec && e[n - 1].exec && race(cli, e, n, in, seconds);
  if (ok)
    b->own = timing(&e[0]);
  if (ok && n > 1) {
    b->other = timing(&e[1]);
    ok = run_anew(&e[0], in) && run_anew(&e[1], in);
    b->same = ok && same_outputs(g, e[0].out, e[1].out);
  }
  for (int i = 0; i < n; i++)
    if (e[i].exec)
      e[i].exec->free(e[i].exec);
  return ok;
}

static bool get_seconds(Cli *cli, double *out) {
  const char *s = cli->value[OPT_seconds];
  char *end = NULL;
  *out = s ? strtod(s, &end) : 1;
  if (!s || (end != s && *end == 0 && *out > 0 && *out <= 3600))
    return true;
  return diag_error(cli->diag, E0001, (Loc){0},
                    "--seconds: '%s' is no number above 0, up to 3600", s);
}

static bool runs_here(Cli *cli, const Target *t) {
  if (target_best_tier(t))
    return true;
  diag_error(cli->diag, E0304, (Loc){0},
             "this machine can't run code for %s itself", t->name);
  diag_hint(cli->diag, "bench times objects; emulators have no time");
  return false;
}

double bench_part_of_peak(const Bench *b, const Step *s, double seconds) {
  bool floats = s->op->nin && dtype_is_float(s->op->in[0]->type->dtype);
  double peak = floats ? b->peak_float : b->peak_int;
  int64_t macs = step_macs(s);
  return peak > 0 && seconds > 0 ? 1e-9 * (double)macs / seconds / peak : 0;
}

/* What one core does at most, times the cores that there are for threads. */
static bool measure_peaks(Cli *cli, const Target *row, Bench *b) {
  if (!codegen_peak(row, false, cli->diag, &b->peak_int) ||
      !codegen_peak(row, true, cli->diag, &b->peak_float))
    return false;
  int threads = b->plan->opt.threads, have = (int)sysconf(_SC_NPROCESSORS_ONLN);
  b->cores = threads > have ? have : threads;
  b->cores = b->cores < 1 ? 1 : b->cores;
  b->peak_int *= b->cores;
  b->peak_float *= b->cores;
  return true;
}

bool command_bench(Cli *cli) {
  Bench b = {.against = cli->value[OPT_against]};
  double seconds;
  int64_t seed;
  const Target *t = session_target(cli);
  if (!t || !runs_here(cli, t) || !get_seconds(cli, &seconds) ||
      !cli_int(cli, OPT_seed, 1, &seed))
    return false;
  const Target *row = target_best_tier(t);
  Graph *g = session_load(cli);
  if (!g || !session_has_memory(cli, g) || !session_optimize(cli, g, NULL))
    return false;
  Built built;
  if (!session_build(cli, g, t, BUILD_product, EMIT_object | EMIT_header, NULL,
                     &built))
    return false;
  void **in = exec_buffers(cli->arena, g->inputs.v, g->inputs.n);
  sample_random(g, (uint64_t)seed, in);
  const void *const *given = (const void *const *)in;
  if (!bench_objects(cli, g, &built, given, seconds, &b) ||
      !bench_steps(cli, g, row, given, seconds / 2, &b) ||
      !measure_peaks(cli, row, &b))
    return false;
  if (cli_has(cli, OPT_json))
    bench_print_json(cli, &b);
  else
    bench_print(cli, &b);
  return true;
}
