/* Loading a model with inputs at hand: what the importer asks for is taken
 * from them, until it asks for nothing more that they have. What was said
 * about attempts that lacked something is dropped. */
#include <string.h>

#include "frontend/frontend.h"

typedef struct Grants {
  Arena *arena;
  ARRAY(ImportDim) dims;
  ARRAY(ImportBind) binds;
} Grants;

static ImportBind *find_bind(ImportBind *v, int n, const char *name) {
  for (int i = 0; i < n; i++)
    if (v[i].name && v[i].type && strcmp(v[i].name, name) == 0)
      return &v[i];
  return NULL;
}

static bool has_dim(const Grants *g, const char *name) {
  for (int i = 0; i < g->dims.n; i++)
    if (strcmp(g->dims.v[i].name, name) == 0)
      return true;
  return false;
}

/* True when `want` could be met and was not before. */
static bool grant(Grants *g, const ImportWant *want, ImportBind *have) {
  bool whole = want->axis < 0;
  if (whole && !find_bind(g->binds.v, g->binds.n, want->input)) {
    have->used = true;
    ARRAY_PUSH(g->arena, &g->binds, *have);
    return true;
  }
  if (whole || want->axis >= have->type->rank || has_dim(g, want->dim))
    return false;
  ImportDim dim = {want->dim, have->type->dim[want->axis]};
  ARRAY_PUSH(g->arena, &g->dims, dim);
  return true;
}

static bool grant_all(Grants *g, const ImportWants *wants, ImportBind *have,
                      int n) {
  bool any = false;
  for (int i = 0; i < wants->n; i++) {
    ImportBind *found = find_bind(have, n, wants->v[i].input);
    any |= found && grant(g, &wants->v[i], found);
  }
  return any;
}

static int find_name(const ImportNames *names, const char *name) {
  int i = 0;
  while (i < names->n && strcmp(names->v[i], name) != 0)
    i++;
  return i;
}

static void name_all(ImportBind *have, int n, const ImportNames *inputs) {
  int next = 0;
  for (int i = 0; i < n; i++) {
    if (have[i].name)
      next = find_name(inputs, have[i].name);
    else if (next < inputs->n)
      have[i].name = inputs->v[next];
    next++;
  }
}

static Grants grants_new(Arena *a, const ImportOptions *opt) {
  Grants g = {.arena = a};
  for (int i = 0; i < opt->ndim; i++)
    ARRAY_PUSH(a, &g.dims, opt->dim[i]);
  for (int i = 0; i < opt->nbind; i++)
    ARRAY_PUSH(a, &g.binds, opt->bind[i]);
  return g;
}

Graph *model_load_with(Arena *a, Diag *d, const char *path,
                       const ImportOptions *opt, ImportBind *have, int n) {
  ImportOptions o = *opt;
  Grants grants = grants_new(a, opt);
  for (;;) {
    ImportWants wants = {0};
    ImportNames inputs = {0};
    Diag *attempt = diag_new(a);
    o.dim = grants.dims.v;
    o.ndim = grants.dims.n;
    o.bind = grants.binds.v;
    o.nbind = grants.binds.n;
    o.wants = &wants;
    o.inputs = &inputs;
    Graph *g = model_load(a, attempt, path, &o);
    name_all(have, n, &inputs);
    if (grant_all(&grants, &wants, have, n))
      continue;
    diag_append(d, attempt);
    if (g)
      g->diag = d;
    return g;
  }
}
