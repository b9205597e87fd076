/* The memory plans of all models beside their lower bounds, for a small core
 * and a host. Nine of ten have to meet the bound (to 1.00), each within a
 * second.
 *
 *   test_shared_memory            the test; prints the table
 *   test_shared_memory --write    the same, and writes docs/memory.md
 *   test_shared_memory PART...    rows of the models with such a part in
 *                                 their name */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "frontend/frontend.h"
#include "passes/pass.h"
#include "plan/arena.h"
#include "support/file.h"
#include "tests/testing.h"

enum { SKIPPED = 77, TARGETS = 2 };
static const double seconds_wanted = 1;

/* The first row is for size. */
static const char *const target_names[TARGETS] = {"cortex-m4",
                                                  "x86-64-avx512vnni"};

typedef struct Measure {
  bool planned;
  int64_t bound, bytes;
  double seconds; /* of the placement alone */
} Measure;

typedef struct Row {
  const char *name; /* below models/ */
  int64_t io;       /* bytes of inputs and outputs */
  int steps;
  Measure of[TARGETS];
} Row;

typedef struct Suite {
  Arena *arena;
  ARRAY(Row) rows;
} Suite;

/* ---- finding ---- */

static bool has_extension(const char *path, const char *e) {
  size_t n = strlen(path), k = strlen(e);
  return n > k && strcmp(path + n - k, e) == 0;
}

/* The models in models/below and the folders in it; below is "" or ends with
 * a slash. */
static void find_models(Suite *s, const char *models, const char *below) {
  DIR *dir = opendir(path_join(s->arena, models, below));
  for (struct dirent *e; dir && (e = readdir(dir));) {
    char *name = arena_printf(s->arena, "%s%s", below, e->d_name);
    struct stat st;
    if (e->d_name[0] == '.' || strcmp(name, "must-reject") == 0 ||
        stat(path_join(s->arena, models, name), &st) != 0)
      continue;
    Row r = {.name = name};
    if (S_ISDIR(st.st_mode))
      find_models(s, models, arena_printf(s->arena, "%s/", name));
    else if (has_extension(name, ".tflite") || has_extension(name, ".onnx"))
      ARRAY_PUSH(s->arena, &s->rows, r);
  }
  if (dir)
    closedir(dir);
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const Row *)a)->name, ((const Row *)b)->name);
}

/* ---- measuring ---- */

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t bytes_of(Value *const *v, int n) {
  int64_t bytes = 0;
  for (int i = 0; i < n; i++)
    bytes += type_bytes(v[i]->type);
  return bytes;
}

static void measure(Row *r, const char *path, int target) {
  Arena *a = arena_new();
  Diag *d = diag_new(a);
  ImportOptions import = {.rounding = ROUND_COUNT};
  PassOptions passes = {0};
  PlanOptions opt = {.for_size = target == 0};
  Graph *g = model_load(a, d, path, &import);
  const Target *t = target_find(a, d, target_names[target], NULL, NULL, NULL);
  Plan *p = g && passes_run(g, &passes, NULL) ? plan_new(a, g, t, &opt) : NULL;
  if (p) {
    double start = now();
    plan_arena(p);
    r->of[target] =
        (Measure){true, p->arena_lower_bound, p->arena_bytes, now() - start};
    r->steps = p->steps.n;
    r->io = bytes_of(g->inputs.v, g->inputs.n) +
            bytes_of(g->outputs.v, g->outputs.n);
  }
  arena_free(a);
}

static void measure_row(Suite *s, Row *r) {
  const char *folder = path_join(s->arena, shared_dir(), "models");
  for (int t = 0; t < TARGETS; t++)
    measure(r, path_join(s->arena, folder, r->name), t);
}

/* ---- the page ---- */

static double ratio_of(const Measure *m) {
  return m->bound ? (double)m->bytes / (double)m->bound : 1;
}

static void add_row(Str *out, const Row *r) {
  if (!r->of[0].planned && !r->of[1].planned)
    return;
  str_printf(out, "| %s | %d | %lld |", r->name, r->steps, (long long)r->io);
  for (int t = 0; t < TARGETS; t++) {
    const Measure *m = &r->of[t];
    if (m->planned)
      str_printf(out, " %lld | %lld | %.2f |", (long long)m->bound,
                 (long long)m->bytes, ratio_of(m));
    else
      str_add(out, " | | |");
  }
  str_add(out, "\n");
}

/* Of all plans. */
typedef struct Verdict {
  int plans, met;
  double slowest;
} Verdict;

static Verdict verdict_of(const Suite *s) {
  Verdict v = {0};
  for (int i = 0; i < s->rows.n; i++)
    for (int t = 0; t < TARGETS; t++) {
      const Measure *m = &s->rows.v[i].of[t];
      v.plans += m->planned;
      v.met += m->planned && m->bytes == m->bound;
      v.slowest = m->seconds > v.slowest ? m->seconds : v.slowest;
    }
  return v;
}

static void add_table(Str *out, const Suite *s) {
  str_add(out, "| model | steps | inputs and outputs | M4: bound | plan | "
               "ratio | host: bound | plan | ratio |\n"
               "|---|--:|--:|--:|--:|--:|--:|--:|--:|\n");
  for (int i = 0; i < s->rows.n; i++)
    add_row(out, &s->rows.v[i]);
}

/* What TensorFlow Lite Micro takes, its own structures and the tensors of
 * inputs and outputs among it. */
static const struct {
  const char *name;
  int64_t bytes;
} others[] = {
    {"mlperf-tiny/kws_ref_model.tflite", 22820},
    {"mlperf-tiny/vww_96_int8.tflite", 100708},
    {"mlperf-tiny/pretrainedResnet_quant.tflite", 54996},
    {"mlperf-tiny/ad01_int8.tflite", 2580},
    {"mlperf-tiny/str_ww_ref_model.tflite", 16596},
};

static void add_others(Str *out, const Suite *s) {
  str_add(out, "| model | arena | with inputs and outputs | TFLite Micro |\n"
               "|---|--:|--:|--:|\n");
  for (size_t k = 0; k < sizeof others / sizeof *others; k++)
    for (int i = 0; i < s->rows.n; i++) {
      const Row *r = &s->rows.v[i];
      if (strcmp(r->name, others[k].name) == 0 && r->of[0].planned)
        str_printf(out, "| %s | %lld | %lld | %lld |\n", r->name,
                   (long long)r->of[0].bytes,
                   (long long)(r->of[0].bytes + r->io),
                   (long long)others[k].bytes);
    }
}

static const char about[] =
    "# Memory\n\n"
    "The arena of every model that compiles, planned for Cortex-M4 with `-Os` "
    "and for\nx86-64 with AVX-512 VNNI, in bytes. Inputs and outputs are the "
    "caller's,\nscratch is in the arena. The bound is the most that must "
    "coexist at one "
    "step: the blocks live there,\nless what the kernel lets its output share "
    "with inputs that die. No placement of\nthese blocks needs less. The "
    "order of the steps is the `schedule` pass's.\n\n"
    "`kiln inspect --memory --target=T` draws a plan step by step, `compile "
    "--report`\nwrites it as JSON.\n\n"
    "Written by `build/tests/test_shared_memory --write`, which also tests "
    "that nine of\nten plans meet their bound, each within a second.\n\n";

static void add_page(Str *out, const Suite *s) {
  Verdict v = verdict_of(s);
  str_add(out, about);
  str_add(out, "## Beside TFLite Micro, Cortex-M4\n\n");
  add_others(out, s);
  str_add(out, "\n## All models\n\n");
  add_table(out, s);
  str_printf(out, "\n%d of %d plans meet their bound; the slowest took %s.\n",
             v.met, v.plans,
             v.slowest < 0.1              ? "less than 0.1 s"
             : v.slowest < seconds_wanted ? "less than a second"
                                          : "too long");
}

static bool write_page(const Suite *s) {
  Str page = str_new(s->arena);
  add_page(&page, s);
  return file_write(KILN_SOURCE_DIR "/docs/memory.md", page.s, page.n,
                    diag_new(s->arena));
}

/* ---- the verdict ---- */

static bool judge(const Suite *s) {
  Verdict v = verdict_of(s);
  Str table = str_new(s->arena);
  add_table(&table, s);
  fputs(str_cstr(&table), stdout);
  printf("%d of %d plans meet their bound, slowest %.3f s\n", v.met, v.plans,
         v.slowest);
  return v.met * 10 >= v.plans * 9 && v.slowest < seconds_wanted;
}

static bool is_wanted(const Row *r, char **words) {
  for (; *words; words++)
    if (strstr(r->name, *words))
      return true;
  return false;
}

int main(int argc, char **argv) {
  Suite s = {.arena = arena_new()};
  bool write = argc == 2 && strcmp(argv[1], "--write") == 0, ok = true;
  if (access(shared_dir(), R_OK) != 0) {
    printf("skipped: %s is not there\n", shared_dir());
    return SKIPPED;
  }
  find_models(&s, path_join(s.arena, shared_dir(), "models"), "");
  qsort(s.rows.v, (size_t)s.rows.n, sizeof *s.rows.v, by_name);
  for (int i = 0; i < s.rows.n; i++)
    if (argc == 1 || write || is_wanted(&s.rows.v[i], argv + 1))
      measure_row(&s, &s.rows.v[i]);
  ok = judge(&s) || (argc > 1 && !write);
  if (write)
    ok &= write_page(&s);
  arena_free(s.arena);
  return !ok;
}
