/* kiln run: the compiled object (or the interpreter), in this process, on
 * arrays in files. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "driver/engine.h"
#include "driver/samples.h"
#include "driver/session.h"
#include "ir/array.h"
#include "support/file.h"

/* One --input. */
typedef struct Feed {
  const char *name; /* NULL: the next one */
  const char *path;
  NdArray array;
} Feed;

typedef struct Feeds {
  ARRAY(Feed) of;
} Feeds;

/* [NAME=]FILE; a file may have '=' in its name, too. */
static Feed split_spec(Arena *a, const char *spec) {
  const char *eq = strrchr(spec, '=');
  if (!eq || access(spec, F_OK) == 0)
    return (Feed){.path = spec};
  return (Feed){.name = arena_strndup(a, spec, (size_t)(eq - spec)),
                .path = eq + 1};
}

static bool read_feeds(Cli *cli, Feeds *out) {
  for (int i = 0; i < cli->given.n; i++) {
    if (cli->given.v[i].id != OPT_input)
      continue;
    Feed f = split_spec(cli->arena, cli->given.v[i].value);
    if (!npy_read(cli->arena, cli->diag, f.path, &f.array))
      return false;
    ARRAY_PUSH(cli->arena, &out->of, f);
  }
  return true;
}

/* Loads the model for them; those that became constants are taken out. */
static Graph *load(Cli *cli, Feeds *feeds) {
  int n = feeds->of.n, kept = 0;
  ImportBind *have = ARENA_ARRAY(cli->arena, ImportBind, n + 1);
  for (int i = 0; i < n; i++) {
    const Feed *f = &feeds->of.v[i];
    have[i] = (ImportBind){.name = f->name,
                           .type = array_type(cli->arena, &f->array, DT_COUNT),
                           .data = f->array.data};
  }
  Graph *g = session_load_with(cli, have, n);
  for (int i = 0; i < n; i++) {
    Feed f = feeds->of.v[i];
    f.name = have[i].name;
    if (!have[i].used)
      feeds->of.v[kept++] = f;
  }
  feeds->of.n = kept;
  return g;
}

/* Input of that name; NULL: none. */
static const Value *find_input(const Graph *g, const char *name) {
  for (int i = 0; i < g->inputs.n; i++)
    if (strcmp(g->inputs.v[i]->name, name) == 0)
      return g->inputs.v[i];
  return NULL;
}

/* A feed without a name is for the input behind that of the feed before. */
static bool name_feeds(Cli *cli, const Graph *g, Feeds *feeds) {
  int next = 0;
  for (int i = 0; i < feeds->of.n; i++) {
    Feed *f = &feeds->of.v[i];
    if (f->name && !find_input(g, f->name))
      return diag_error(cli->diag, E0001, (Loc){0},
                        "--input: the model has no input %s", f->name);
    for (int k = 0; f->name && k < g->inputs.n; k++)
      next = strcmp(g->inputs.v[k]->name, f->name) == 0 ? k : next;
    if (next >= g->inputs.n)
      return diag_error(cli->diag, E0001, (Loc){0},
                        "--input: the model has %d inputs", g->inputs.n);
    f->name = g->inputs.v[next++]->name;
  }
  return true;
}

static bool take_feed(Cli *cli, const Value *v, const Feed *f,
                      const void **in) {
  int64_t count;
  if (sample_matches(&f->array, v->type, &count) && count == 1) {
    *in = array_bytes(cli->arena, &f->array, v->type);
    return true;
  }
  Str type = str_new(cli->arena);
  type_print(&type, v->type);
  return diag_error(cli->diag, E0701, (Loc){.file = f->path},
                    "%s where input %s is %s", nd_text(cli->arena, &f->array),
                    v->name, str_cstr(&type));
}

static bool take_feeds(Cli *cli, const Graph *g, const Feeds *feeds,
                       const void **in) {
  for (int i = 0; i < g->inputs.n; i++) {
    const Value *v = g->inputs.v[i];
    for (int k = 0; k < feeds->of.n; k++)
      if (strcmp(feeds->of.v[k].name, v->name) == 0 &&
          !take_feed(cli, v, &feeds->of.v[k], &in[i]))
        return false;
    if (!in[i])
      return diag_error(cli->diag, E0001, (Loc){0}, "no --input for input %s",
                        v->name);
  }
  return true;
}

static bool write_outputs(Cli *cli, const Graph *g, const char *dir,
                          void *const *out) {
  if (mkdir(dir, 0777) != 0 && errno != EEXIST)
    return diag_error(cli->diag, E0003, (Loc){.file = dir},
                      "cannot make the folder: %s", strerror(errno));
  for (int i = 0; i < g->outputs.n; i++) {
    const Type *t = g->outputs.v[i]->type;
    NdArray x = array_of(cli->arena, t, out[i]);
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
  Feeds feeds = {0};
  Graph *g = read_feeds(cli, &feeds) ? load(cli, &feeds) : NULL;
  const void **in = g ? ARENA_ARRAY(cli->arena, const void *, g->inputs.n) : 0;
  if (!g || !session_has_memory(cli, g) || !name_feeds(cli, g, &feeds) ||
      !take_feeds(cli, g, &feeds, in) || !session_optimize(cli, g, NULL))
    return false;
  Engine *engine = engine_new(cli);
  Executor *e = engine->make(engine, g);
  if (!e)
    return false;
  void **out = exec_buffers(cli->arena, g->outputs.v, g->outputs.n);
  bool ok = e->run(e, in, out) && write_outputs(cli, g, dir, out);
  e->free(e);
  return ok;
}
