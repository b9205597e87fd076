/* The ONNX project's own tests: 1130 of single operators, and those of its
 * backend suite. Each is imported, compiled, run in a process of its own (a
 * crash counts, and ends nothing else) and compared with what it expects;
 * the first line of every result is one of
 *
 *   passed   the object answers what is expected, with the interpreter's bytes
 *   refused  not supported, for the reason given
 *   wrong    another answer, or a valid model called invalid
 *   crashed  died, hung, or an internal error
 *
 * The test passes when nothing is wrong or crashed, nine of ten cases that
 * ONNX Runtime passes pass, and docs/coverage.md has these results.
 *
 *   test_shared_onnx_nodes            the test
 *   test_shared_onnx_nodes --write    the same, and writes docs/coverage.md
 *   test_shared_onnx_nodes NAME...    results of the cases with such a part in
 *                                     their name; "" is part of every name */
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/shared/onnx_case.h"
#include "tests/testing.h"

enum { SKIPPED = 77, TIME_LIMIT = 60, WANTED_PERCENT = 90 };

/* Of ../shared/models: the folder inside of each, and what it holds. */
typedef struct Archive {
  const char *path, *folder, *title;
  bool networks; /* FOLDER/NAME.onnx instead of FOLDER/NAME/model.onnx */
} Archive;

static const Archive archives[] = {
    {"onnx-node-tests/node-tests.tar.gz", "node", "operators", false},
    {"onnx-backend-data/simple.tar.gz", "simple", "simple", false},
    {"onnx-backend-data/pytorch-operator.tar.gz", "pytorch-operator",
     "PyTorch operators", false},
    {"onnx-backend-data/pytorch-converted.tar.gz", "pytorch-converted",
     "PyTorch layers", false},
    {"onnx-backend-data/light.tar.gz", "light", "networks", true},
};
enum { ARCHIVES = sizeof archives / sizeof *archives };

typedef struct Case {
  const Archive *archive;
  const char *name, *folder, *model;
  const char *opset, *ops; /* "" where the index has none */
  bool reference;          /* ONNX Runtime passes it */
  pid_t pid;
  Result result;
} Case;

typedef struct Suite {
  Arena *arena;
  const char *temp; /* folder */
  ARRAY(Case) cases;
} Suite;

static const char *const outcome_names[OUTCOMES] = {"passed", "refused",
                                                    "wrong", "crashed"};

static void fatal(const char *what, const char *of) {
  fprintf(stderr, "onnx_nodes: %s %s\n", what, of);
  exit(1);
}

/* ---- finding the cases ---- */

static void run_program(char *const *argv) {
  int status;
  pid_t pid = fork();
  if (pid == 0) {
    execvp(argv[0], argv);
    _exit(127);
  }
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
    fatal("failed:", argv[0]);
}

static void unpack(const Suite *s, const Archive *archive) {
  char *argv[] = {
      arena_strdup(s->arena, "tar"),
      arena_strdup(s->arena, "xzf"),
      arena_printf(s->arena, "%s/models/%s", shared_dir(), archive->path),
      arena_strdup(s->arena, "-C"),
      arena_strdup(s->arena, s->temp),
      NULL};
  run_program(argv);
}

static bool is_case(const Archive *archive, const char *name) {
  return archive->networks ? str_has_suffix(name, ".onnx") : name[0] != '.';
}

static void add_case(Suite *s, const Archive *archive, const char *name) {
  Arena *a = s->arena;
  Case c = {.archive = archive, .opset = "", .ops = ""};
  const char *folder = arena_printf(a, "%s/%s", s->temp, archive->folder);
  c.name = archive->networks ? path_stem(a, name) : arena_strdup(a, name);
  c.folder = path_join(a, folder, c.name);
  c.model = archive->networks ? path_join(a, folder, name)
                              : path_join(a, c.folder, "model.onnx");
  ARRAY_PUSH(a, &s->cases, c);
}

static void add_archive(Suite *s, const Archive *archive) {
  struct dirent **list;
  unpack(s, archive);
  const char *folder =
      arena_printf(s->arena, "%s/%s", s->temp, archive->folder);
  int n = scandir(folder, &list, NULL, alphasort);
  if (n < 0)
    fatal("cannot list", folder);
  for (int i = 0; i < n; i++) {
    if (is_case(archive, list[i]->d_name))
      add_case(s, archive, list[i]->d_name);
    free(list[i]);
  }
  free(list);
}

/* Cuts the next field off. */
static const char *field(Arena *a, const char **line) {
  size_t n = strcspn(*line, "\t\n");
  const char *s = arena_strndup(a, *line, n);
  *line += n + ((*line)[n] == '\t');
  return s;
}

static Case *find_case(Suite *s, const char *name) {
  for (int i = 0; i < s->cases.n; i++)
    if (s->cases.v[i].archive == archives &&
        strcmp(s->cases.v[i].name, name) == 0)
      return &s->cases.v[i];
  return NULL;
}

/* test, opset, ops, rtol, atol, bytes, what ONNX Runtime does */
static void read_index(Suite *s) {
  MappedFile f;
  Diag *d = diag_new(s->arena);
  if (!file_map(arena_printf(s->arena, "%s/models/onnx-node-tests/index.tsv",
                             shared_dir()),
                &f, d))
    fatal("no index", "");
  const char *at = arena_strndup(s->arena, (const char *)f.data, f.bytes);
  while (*at) {
    const char *fields[7];
    for (int i = 0; i < 7; i++)
      fields[i] = field(s->arena, &at);
    at += *at == '\n';
    Case *c = find_case(s, fields[0]);
    if (!c)
      continue;
    c->opset = fields[1];
    c->ops = fields[2];
    c->reference = strcmp(fields[6], "pass") == 0;
  }
}

/* ---- running them ---- */

static Result run_sets(CaseRun *r, const Case *c) {
  Result result = case_result(WRONG, "it has no data");
  if (c->archive->networks)
    return case_try(r, NULL, arena_printf(r->arena, "%s_output", c->folder));
  for (int k = 0;; k++) {
    char *set = arena_printf(r->arena, "%s/test_data_set_%d", c->folder, k);
    if (access(set, R_OK) != 0)
      return result;
    r->diag = diag_new(r->arena);
    result = case_try(r, path_join(r->arena, set, "input"),
                      path_join(r->arena, set, "output"));
    if (result.outcome != PASSED)
      return result;
  }
}

static char *result_path(const Suite *s, const Case *c) {
  return arena_printf(s->arena, "%s/result-%d", s->temp, (int)(c - s->cases.v));
}

/* See CASE_ATOL_NOISY. */
static bool is_noisy(const Case *c) {
  return str_has_prefix(c->name, "test_dft_inverse");
}

/* In the child: the outcome's digit, then the reason. */
static void child(const Suite *s, const Case *c) {
  Arena *a = arena_new();
  CaseRun r = {.arena = a,
               .diag = diag_new(a),
               .model = c->model,
               .interpret = !c->archive->networks,
               .noisy = is_noisy(c)};
  struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  alarm(TIME_LIMIT);
  int null = open("/dev/null", O_WRONLY);
  dup2(null, STDOUT_FILENO);
  Result result = run_sets(&r, c);
  FILE *f = fopen(result_path(s, c), "wb");
  if (!f)
    _exit(1);
  fprintf(f, "%d%s", (int)result.outcome, result.why);
  fclose(f);
  _exit(0);
}

static Result read_result(const Suite *s, const Case *c, int status) {
  MappedFile f;
  if (WIFSIGNALED(status))
    return case_result(CRASHED,
                       WTERMSIG(status) == SIGALRM ? "it hangs" : "signal");
  if (WEXITSTATUS(status) != 0 ||
      !file_map(result_path(s, c), &f, diag_new(s->arena)) || !f.bytes)
    return case_result(CRASHED, "it exits in the middle");
  Result r = {(Outcome)(f.data[0] - '0'),
              arena_strndup(s->arena, (const char *)f.data + 1, f.bytes - 1)};
  file_unmap(&f);
  return r;
}

static void wait_for_one(Suite *s) {
  int status;
  pid_t pid = wait(&status);
  if (pid < 0)
    fatal("lost", "a child");
  for (int i = 0; i < s->cases.n; i++)
    if (s->cases.v[i].pid == pid)
      s->cases.v[i].result = read_result(s, &s->cases.v[i], status);
}

static void run_all(Suite *s) {
  long workers = sysconf(_SC_NPROCESSORS_ONLN);
  long running = 0;
  for (int i = 0; i < s->cases.n; i++) {
    if (running == workers) {
      wait_for_one(s);
      running--;
    }
    Case *c = &s->cases.v[i];
    c->pid = fork();
    if (c->pid == 0)
      child(s, c);
    if (c->pid < 0)
      fatal("cannot fork for", c->name);
    running++;
  }
  while (running-- > 0)
    wait_for_one(s);
}

/* ---- docs/coverage.md ---- */

typedef struct Count {
  int of[OUTCOMES], all;
} Count;

static void count(Count *c, const Result *r) {
  c->of[r->outcome]++;
  c->all++;
}

static void add_row(Str *page, const char *title, const Count *c) {
  str_printf(page, "| %s | %d |", title, c->all);
  for (int o = 0; o < OUTCOMES; o++)
    str_printf(page, " %d |", c->of[o]);
  str_add(page, "\n");
}

static Count count_archive(const Suite *s, const Archive *archive) {
  Count n = {0};
  for (int i = 0; i < s->cases.n; i++)
    if (s->cases.v[i].archive == archive)
      count(&n, &s->cases.v[i].result);
  return n;
}

static Count count_reference(const Suite *s) {
  Count n = {0};
  for (int i = 0; i < s->cases.n; i++)
    if (s->cases.v[i].reference)
      count(&n, &s->cases.v[i].result);
  return n;
}

static void add_counts(Str *page, const Suite *s) {
  str_add(page, "| tests | all | passed | refused | wrong | crashed |\n"
                "| --- | ---: | ---: | ---: | ---: | ---: |\n");
  for (int i = 0; i < ARCHIVES; i++) {
    Count n = count_archive(s, &archives[i]);
    add_row(page, archives[i].title, &n);
    if (i == 0) {
      n = count_reference(s);
      add_row(page, "of these, ONNX Runtime passes", &n);
    }
  }
}

/* A cell of a table: one line without bars. */
static void add_cell(Str *page, const char *text) {
  str_add(page, "| ");
  for (; *text; text++) {
    const char c = *text == '\n' ? ' ' : *text;
    str_add(page, c == '|' ? "\\" : "");
    str_add_bytes(page, &c, 1);
  }
  str_add(page, " ");
}

/* A reason without this machine's name, which is at its end. */
static const char *without_target(const Suite *s, const char *why) {
  const char *on = strstr(why, " on x86-64-");
  return on ? arena_strndup(s->arena, why, (size_t)(on - why)) : why;
}

static void add_cases(Str *page, const Suite *s, Outcome outcome) {
  int n = 0;
  for (int i = 0; i < s->cases.n; i++) {
    const Case *c = &s->cases.v[i];
    if (c->result.outcome != outcome)
      continue;
    if (n++ == 0)
      str_printf(page,
                 "\n## %c%s\n\n| test | opset | operators | reason |\n"
                 "| --- | --- | --- | --- |\n",
                 outcome_names[outcome][0] - 'a' + 'A',
                 outcome_names[outcome] + 1);
    add_cell(page,
             arena_printf(s->arena, "%s/%s", c->archive->folder, c->name));
    add_cell(page, c->opset);
    add_cell(page, c->ops);
    add_cell(page, without_target(s, c->result.why));
    str_add(page, "|\n");
  }
}

static Str make_page(const Suite *s) {
  Str page = str_new(s->arena);
  str_add(&page,
          "# ONNX coverage\n\n"
          "The ONNX project's tests, compiled for x86-64 and run: its tests "
          "of operators\n(onnx 1.23.2, opsets 1 to 28) and those of its "
          "backend suite. An answer within\nthe project's own tolerance "
          "passes, if the object has the interpreter's bytes (not asked\n"
          "of the networks). ONNX Runtime is 1.31.1. Noise that "
          "test_dft_inverse expects\nin place of zeros is not asked for: "
          "up to 2e-6.\n\n"
          "Written by `build/tests/test_shared_onnx_nodes --write`.\n\n");
  add_counts(&page, s);
  for (int o = REFUSED; o < OUTCOMES; o++)
    add_cases(&page, s, (Outcome)o);
  return page;
}

/* ---- the verdict ---- */

static bool complain(bool ok, const char *what) {
  if (!ok)
    printf("%s\n", what);
  return ok;
}

static bool is_current(const Suite *s, const Str *page) {
  MappedFile f;
  return file_map(KILN_SOURCE_DIR "/docs/coverage.md", &f,
                  diag_new(s->arena)) &&
         f.bytes == page->n && memcmp(f.data, page->s, page->n) == 0;
}

static void print_case(const Case *c) {
  printf("%s\t%s/%s\t%s\t%s\t%s\t%s\n", outcome_names[c->result.outcome],
         c->archive->folder, c->name, c->reference ? "reference" : "", c->opset,
         c->ops, c->result.why);
}

static bool judge(const Suite *s, bool write) {
  Str page = make_page(s), counts = str_new(s->arena);
  Count reference = count_reference(s);
  int bad = 0;
  for (int i = 0; i < s->cases.n; i++)
    if (s->cases.v[i].result.outcome >= WRONG) {
      bad++;
      print_case(&s->cases.v[i]);
    }
  add_counts(&counts, s);
  fputs(str_cstr(&counts), stdout);
  if (write && !file_write(KILN_SOURCE_DIR "/docs/coverage.md", page.s, page.n,
                           diag_new(s->arena)))
    fatal("cannot write", "docs/coverage.md");
  bool enough = reference.of[PASSED] * 100 >= reference.all * WANTED_PERCENT;
  bool ok = complain(!bad, "there are wrong answers or crashes");
  ok &= complain(enough, "too few cases pass that ONNX Runtime passes");
  ok &= complain(is_current(s, &page), "docs/coverage.md is not current: "
                                       "test_shared_onnx_nodes --write");
  return ok;
}

static bool is_wanted(const Case *c, char **words) {
  for (; *words; words++)
    if (strstr(c->name, *words))
      return true;
  return false;
}

/* Runs and prints the cases that are asked for. */
static void run_some(Suite *s, char **words) {
  int n = 0;
  for (int i = 0; i < s->cases.n; i++)
    if (is_wanted(&s->cases.v[i], words))
      s->cases.v[n++] = s->cases.v[i];
  s->cases.n = n;
  run_all(s);
  for (int i = 0; i < n; i++)
    print_case(&s->cases.v[i]);
}

static void remove_folder(const Suite *s) {
  char *argv[] = {arena_strdup(s->arena, "rm"), arena_strdup(s->arena, "-rf"),
                  arena_strdup(s->arena, s->temp), NULL};
  run_program(argv);
}

int main(int argc, char **argv) {
  char temp[] = "/tmp/kiln-onnx-XXXXXX";
  bool write = argc == 2 && strcmp(argv[1], "--write") == 0, ok = true;
  Suite s = {.arena = arena_new(), .temp = temp};
  if (access(shared_dir(), R_OK) != 0) {
    printf("skipped: %s is not there\n", shared_dir());
    return SKIPPED;
  }
  if (!mkdtemp(temp))
    fatal("cannot make", temp);
  for (int i = 0; i < ARCHIVES; i++)
    add_archive(&s, &archives[i]);
  read_index(&s);
  if (argc > 1 && !write) {
    run_some(&s, argv + 1);
  } else {
    run_all(&s);
    ok = judge(&s, write);
  }
  remove_folder(&s);
  arena_free(s.arena);
  return !ok;
}
