/* kiln run: the compiled object (or the interpreter), in this process, on
 * arrays in files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "driver/samples.h"
#include "driver/session.h"
#include "support/file.h"

/* Which input "NAME=FILE" is for, NAME= cut off; else the next one. */
static int input_index(const Graph *g, const char **spec, int next) {
  for (int i = 0; i < g->inputs.n; i++) {
    const char *name = g->inputs.v[i]->name;
    size_t n = strlen(name);
    if (strncmp(*spec, name, n) == 0 && (*spec)[n] == '=') {
      *spec += n + 1;
      return i;
    }
  }
  return next;
}

static bool read_input(Cli *cli, const Value *v, const char *path,
                       const void **in) {
  NdArray x;
  int64_t count;
  if (!npy_read(cli->arena, cli->diag, path, &x))
    return false;
  if (sample_matches(&x, v->type, &count) && count == 1) {
    *in = x.data;
    return true;
  }
  Str type = str_new(cli->arena);
  type_print(&type, v->type);
  return diag_error(cli->diag, E0701, (Loc){.file = path},
                    "%s where input %s is %s", nd_text(cli->arena, &x), v->name,
                    str_cstr(&type));
}

static bool read_inputs(Cli *cli, const Graph *g, const void **in) {
  int next = 0;
  for (int i = 0; i < cli->given.n; i++) {
    const char *spec = cli->given.v[i].value;
    if (cli->given.v[i].id != OPT_input)
      continue;
    int k = input_index(g, &spec, next);
    if (k >= g->inputs.n)
      return diag_error(cli->diag, E0001, (Loc){0},
                        "--input: the model has %d inputs", g->inputs.n);
    if (!read_input(cli, g->inputs.v[k], spec, &in[k]))
      return false;
    next = k + 1;
  }
  for (int i = 0; i < g->inputs.n; i++)
    if (!in[i])
      return diag_error(cli->diag, E0001, (Loc){0}, "no --input for input %s",
                        g->inputs.v[i]->name);
  return true;
}

static bool write_outputs(Cli *cli, const Graph *g, const char *dir,
                          void *const *out) {
  if (mkdir(dir, 0777) != 0 && errno != EEXIST)
    return diag_error(cli->diag, E0003, (Loc){.file = dir},
                      "cannot make the folder: %s", strerror(errno));
  for (int i = 0; i < g->outputs.n; i++) {
    const Type *t = g->outputs.v[i]->type;
    NdArray x = {.type = sample_elem(t->dtype),
                 .rank = t->rank,
                 .data = out[i],
                 .bytes = (size_t)type_bytes(t)};
    memcpy(x.dim, t->dim, sizeof t->dim);
    char *name = arena_printf(cli->arena, "out_%d.npy", i);
    if (!npy_write(cli->diag, path_join(cli->arena, dir, name), &x))
      return false;
  }
  return true;
}

bool command_run(Cli *cli) {
  const char *dir = cli->value[OPT_output];
  if (!dir)
    return diag_error(cli->diag, E0001, (Loc){0},
                      "run needs --output, a folder");
  Graph *g = session_load(cli);
  const void **in = g ? ARENA_ARRAY(cli->arena, const void *, g->inputs.n) : 0;
  if (!g || !read_inputs(cli, g, in) || !session_optimize(cli, g, NULL))
    return false;
  Executor *e = session_executor(cli, g);
  if (!e)
    return false;
  void **out = sample_buffers(cli->arena, g->outputs.v, g->outputs.n);
  bool ok = e->run(e, in, out) && write_outputs(cli, g, dir, out);
  e->free(e);
  return ok;
}
