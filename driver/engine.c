/* See engine.h. An executor owns an arena, where its plan and its object lie:
 * a search makes many. */
#include "driver/engine.h"

#include <stdlib.h>

#include "driver/session.h"

typedef struct CompilerEngine {
  Engine base;
  Cli *cli;
} CompilerEngine;

typedef struct Compiled {
  Executor base;
  Executor *object;
  Arena *arena;
} Compiled;

static bool compiled_run(Executor *e, const void *const *in, void *const *out) {
  Compiled *c = (Compiled *)e;
  return c->object->run(c->object, in, out);
}

static void compiled_reset(Executor *e) {
  Compiled *c = (Compiled *)e;
  c->object->reset(c->object);
}

static void compiled_free(Executor *e) {
  Compiled *c = (Compiled *)e;
  c->object->free(c->object);
  arena_free(c->arena);
}

static Executor *load(const Cli *cli, Arena *a, const Graph *g) {
  Cli own = *cli;
  own.arena = a;
  const Target *t = target_find(a, cli->diag, "host", NULL, NULL, NULL);
  Built built;
  if (!t ||
      !session_build(&own, g, t, BUILD_product, EMIT_object, NULL, &built))
    return NULL;
  return jit_new(built.plan, &built.emitted);
}

static Executor *compile(const Cli *cli, const Graph *g) {
  Arena *a = arena_new();
  Compiled *c = ARENA_NEW(a, Compiled);
  c->base = (Executor){"object", compiled_run, compiled_reset, compiled_free};
  c->arena = a;
  c->object = load(cli, a, g);
  if (c->object)
    return &c->base;
  arena_free(a);
  return NULL;
}

static Executor *engine_make(Engine *e, const Graph *g) {
  Cli *cli = ((CompilerEngine *)e)->cli;
  return cli_has(cli, OPT_interpreter) ? interp_new(g, NULL, NULL)
                                       : compile(cli, g);
}

Engine *engine_new(Cli *cli) {
  CompilerEngine *e = ARENA_NEW(cli->arena, CompilerEngine);
  *e = (CompilerEngine){{engine_make}, cli};
  return &e->base;
}
