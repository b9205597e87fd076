/* kiln compile: model -> NAME.o and NAME.h, and a summary of what the
 * product costs. */
#include <stdio.h>
#include <string.h>

#include "driver/budget.h"
#include "driver/graph_text.h"
#include "driver/output.h"
#include "driver/session.h"
#include "support/file.h"

/* Kinds of output: --emit word, EMIT_ bit, extension, where it lies in
 * Emitted. */
static const struct EmitRow {
  const char *word;
  unsigned bit;
  const char *extension;
  size_t offset;
} emit_rows[] = {
    {"obj", EMIT_object, ".o", offsetof(Emitted, object)},
    {"header", EMIT_header, ".h", offsetof(Emitted, header)},
    {"asm", EMIT_assembly, ".s", offsetof(Emitted, assembly)},
    {"llvm", EMIT_llvm, ".ll", offsetof(Emitted, llvm)},
};
enum { EMIT_ROWS = sizeof emit_rows / sizeof *emit_rows };

static const struct EmitRow *find_emit(const char *word, size_t n) {
  for (int i = 0; i < EMIT_ROWS; i++)
    if (strlen(emit_rows[i].word) == n &&
        strncmp(emit_rows[i].word, word, n) == 0)
      return &emit_rows[i];
  return NULL;
}

static bool get_emit(Cli *cli, unsigned *out) {
  const char *s = cli->value[OPT_emit];
  *out = s ? 0 : EMIT_object | EMIT_header;
  while (s) {
    size_t n = strcspn(s, ",");
    const struct EmitRow *row = find_emit(s, n);
    if (!row)
      return diag_error(cli->diag, E0001, (Loc){0},
                        "--emit: '%.*s' is none of obj, header, asm, llvm",
                        (int)n, s);
    *out |= row->bit;
    s = s[n] ? s + n + 1 : NULL;
  }
  return true;
}

/* Where files go without extension: -o, an ".o" cut off, else the model's
 * stem in the current folder. */
static const char *output_base(Cli *cli) {
  const char *path = cli->value[OPT_output];
  if (!path)
    return path_stem(cli->arena, cli->args.v[0]);
  size_t n = strlen(path);
  return str_has_suffix(path, ".o") ? arena_strndup(cli->arena, path, n - 2)
                                    : path;
}

static bool check_base(Cli *cli, const char *base, unsigned what) {
  size_t n = strlen(base);
  if (n == 0 || base[n - 1] == '/')
    return diag_error(cli->diag, E0001, (Loc){0},
                      "-o: '%s' has no name behind the folder", base);
  if (strcmp(base, "-") == 0 && (what & (what - 1)))
    return diag_error(cli->diag, E0001, (Loc){0},
                      "-o -: standard output takes one kind of --emit only");
  return true;
}

/* The C prefix: --name, else from -o, else (NULL) the graph's. */
static const char *c_name(Cli *cli, const char *base) {
  const char *slash = strrchr(base, '/');
  if (cli_has(cli, OPT_name) || !cli_has(cli, OPT_output) ||
      strcmp(base, "-") == 0)
    return cli->value[OPT_name];
  return slash ? slash + 1 : base;
}

static void print_summary(Cli *cli, const Built *b, const Budgets *limits,
                          const char *base) {
  Str text = str_new(cli->arena);
  if (cli_has(cli, OPT_json))
    report_json(&text, b->plan, &b->emitted.sizes, limits);
  else
    report_text(&text, b->plan, &b->emitted.sizes, limits);
  fputs(str_cstr(&text), strcmp(base, "-") == 0 ? stderr : stdout);
}

static bool write_all(Cli *cli, const Built *b, const Budgets *limits,
                      unsigned what, const char *base) {
  OutputFile files[EMIT_ROWS + 1];
  int n = 0;
  bool to_stdout = strcmp(base, "-") == 0;
  for (int i = 0; i < EMIT_ROWS; i++) {
    const struct EmitRow *row = &emit_rows[i];
    const Bytes *bytes =
        (const Bytes *)(const void *)((const char *)&b->emitted + row->offset);
    const char *extension = to_stdout ? "" : row->extension;
    if (what & row->bit)
      files[n++] =
          (OutputFile){arena_printf(cli->arena, "%s%s", base, extension),
                       bytes->data, bytes->bytes};
  }
  if (cli_has(cli, OPT_report)) {
    Str json = str_new(cli->arena);
    report_json(&json, b->plan, &b->emitted.sizes, limits);
    files[n++] = (OutputFile){cli->value[OPT_report], str_cstr(&json), json.n};
  }
  return output_write(cli->arena, cli->diag, files, n);
}

/* Emits, and writes what keeps to its budgets. As JSON the figures are
 * printed even when it does not. */
static bool build(Cli *cli, const Graph *g, const Target *target,
                  const Budgets *limits, unsigned what, const char *base) {
  Built built;
  if (!session_build(cli, g, target, BUILD_product, what | EMIT_object,
                     c_name(cli, base), &built))
    return false;
  bool within = budget_check(cli, &built, limits);
  bool ok = within && write_all(cli, &built, limits, what, base);
  if (ok || (!within && cli_has(cli, OPT_json)))
    print_summary(cli, &built, limits, base);
  return ok;
}

bool command_compile(Cli *cli) {
  unsigned what;
  bool stopped = false;
  Budgets limits;
  const char *base = output_base(cli);
  const Target *target = session_target(cli);
  if (!get_emit(cli, &what) || !check_base(cli, base, what) ||
      !budget_read(cli, &limits) || !target)
    return false;
  Graph *g = session_load(cli);
  if (!g || !session_optimize(cli, g, &stopped))
    return false;
  if (stopped)
    return graph_text_write(cli, g, "-", TEXT_ELIDED);
  return build(cli, g, target, &limits, what, base);
}
