/* Recorded runs: what another runtime answered.
 *
 * --golden: one array an input and an output, found by name (in_0, in0,
 * in:NAME, NAME with '/' as '_'; out_ likewise), else in the order of the
 * file; with a leading axis, that many samples.
 * --layers: for several inputs, every operator's outputs in the order of the
 * model file: INPUT/in0, INPUT/op3_CONV_2D_out0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver/progress.h"
#include "driver/samples.h"
#include "driver/verify.h"
#include "ir/array.h"

static bool is_numbered_input(const char *name) {
  int number;
  return sscanf(name, "in_%d", &number) == 1 ||
         sscanf(name, "in%d", &number) == 1;
}

/* Members that are inputs, as an importer takes them: "in:NAME", or in order
 * "in_0", "in1". */
static int recorded_inputs(Cli *cli, const Npz *z, ImportBind *have) {
  int n = 0;
  for (int i = 0; i < z->n; i++) {
    const char *name = z->v[i].name;
    bool named = str_has_prefix(name, "in:");
    if (!named && !is_numbered_input(name))
      continue;
    have[n++] =
        (ImportBind){.name = named ? name + 3 : NULL,
                     .type = array_type(cli->arena, &z->v[i].array, DT_COUNT),
                     .data = z->v[i].array.data};
  }
  return n;
}

Graph *verify_load(Verify *v) {
  Cli *cli = v->cli;
  const char *golden = cli->value[OPT_golden];
  Npz z;
  if (!golden)
    return session_load(cli);
  if (!npz_read(cli->arena, cli->diag, golden, &z))
    return NULL;
  ImportBind *have = ARENA_ARRAY(cli->arena, ImportBind, z.n + 1);
  return session_load_with(cli, have, recorded_inputs(cli, &z, have));
}

static bool bad_recording(Verify *v, const char *path, const char *member,
                          const NdArray *x, const Type *t) {
  Str type = str_new(v->cli->arena);
  type_print(&type, t);
  return diag_error(v->cli->diag, E0701, (Loc){.file = path, .what = member},
                    "%s does not hold samples of %s", nd_text(v->cli->arena, x),
                    str_cstr(&type));
}

/* The spellings of value `name`, number i of kind "in" or "out". */
static const NpzMember *find_by_name(Arena *a, const Npz *z, const char *kind,
                                     const char *name, int i) {
  char *flat = arena_strdup(a, name);
  for (char *p = flat; *p; p++)
    *p = *p == '/' ? '_' : *p;
  const char *const spellings[] = {arena_printf(a, "%s_%d", kind, i),
                                   arena_printf(a, "%s%d", kind, i),
                                   arena_printf(a, "%s:%s", kind, name),
                                   arena_printf(a, "%s:%s", kind, flat),
                                   name,
                                   flat};
  for (size_t s = 0; s < sizeof spellings / sizeof *spellings; s++)
    for (int m = 0; m < z->n; m++)
      if (strcmp(z->v[m].name, spellings[s]) == 0)
        return &z->v[m];
  return NULL;
}

typedef struct Golden {
  const NpzMember **in, **out; /* (graph's inputs), (outputs) */
  int64_t samples;
} Golden;

static bool find_members(Verify *v, const Npz *z, Golden *g) {
  const Graph *m = v->ref;
  Arena *a = v->cli->arena;
  int n = m->inputs.n + m->outputs.n;
  const NpzMember **all = ARENA_ARRAY(a, const NpzMember *, n);
  int found = 0;
  for (int i = 0; i < m->inputs.n; i++)
    all[i] = find_by_name(a, z, "in", m->inputs.v[i]->name, i);
  for (int i = 0; i < m->outputs.n; i++)
    all[m->inputs.n + i] = find_by_name(a, z, "out", m->outputs.v[i]->name, i);
  for (int i = 0; i < n; i++)
    found += all[i] != NULL;
  for (int i = 0; i < n && found < n && z->n == n; i++)
    all[i] = &z->v[i];
  g->in = all;
  g->out = all + m->inputs.n;
  return found == n || z->n == n;
}

/* Are the arrays samples of the values, all equally many? */
static bool check_members(Verify *v, const char *path, Golden *g) {
  const Graph *m = v->ref;
  g->samples = -1;
  for (int i = 0; i < m->inputs.n + m->outputs.n; i++) {
    const Type *t = i < m->inputs.n ? m->inputs.v[i]->type
                                    : m->outputs.v[i - m->inputs.n]->type;
    int64_t count;
    if (!sample_matches(&g->in[i]->array, t, &count))
      return bad_recording(v, path, g->in[i]->name, &g->in[i]->array, t);
    if (g->samples >= 0 && count != g->samples)
      return diag_error(v->cli->diag, E0701,
                        (Loc){.file = path, .what = g->in[i]->name},
                        "%lld samples, but %lld in the arrays before",
                        (long long)count, (long long)g->samples);
    g->samples = count;
  }
  return true;
}

static const void *sample_of(Arena *a, const NpzMember *m, const Type *t,
                             int64_t i) {
  return array_bytes_from(a, &m->array, i * type_count(t), t);
}

static bool golden_sample(Verify *v, const Golden *g, int64_t s) {
  const Graph *m = v->ref;
  Arena *a = v->cli->arena;
  const void **in = ARENA_ARRAY(a, const void *, m->inputs.n);
  for (int i = 0; i < m->inputs.n; i++)
    in[i] = sample_of(a, g->in[i], m->inputs.v[i]->type, s);
  if (!verify_sample(v, arena_printf(a, "golden %lld", (long long)s), in))
    return false;
  for (int i = 0; i < m->outputs.n; i++) {
    const Value *out = m->outputs.v[i];
    if (!verify_output(v, i, sample_of(a, g->out[i], out->type, s)))
      return false;
  }
  return true;
}

bool verify_golden(Verify *v, const char *path) {
  Npz z;
  Golden g;
  if (!npz_read(v->cli->arena, v->cli->diag, path, &z))
    return false;
  if (!find_members(v, &z, &g))
    return diag_error(v->cli->diag, E0701, (Loc){.file = path},
                      "no arrays of the names of all inputs and outputs, and "
                      "not as many arrays as these");
  if (!check_members(v, path, &g))
    return false;
  Progress progress = progress_begin("verifying recorded samples");
  bool ok = true;
  for (int64_t s = 0; s < g.samples && ok; s++) {
    ok = golden_sample(v, &g, s);
    progress_step(&progress, s + 1, g.samples);
  }
  progress_end(&progress);
  return ok;
}

/* "rand0/op3_CONV_2D_out1" taken apart. */
typedef struct LayerName {
  size_t group; /* length of "rand0" */
  int input;    /* of "in0", else -1 */
  int op, out;
} LayerName;

static bool parse_layer(const char *name, LayerName *l) {
  const char *slash = strchr(name, '/');
  const char *tail = strstr(name, "_out");
  *l = (LayerName){.input = -1};
  if (!slash)
    return false;
  l->group = (size_t)(slash - name);
  if (sscanf(slash, "/in%d", &l->input) == 1)
    return true;
  for (const char *p = tail; p; p = strstr(p + 1, "_out"))
    tail = p;
  return tail && sscanf(slash, "/op%d_", &l->op) == 1 &&
         sscanf(tail, "_out%d", &l->out) == 1;
}

/* Output `out` of the file's operator number `op`: importers write "op 3
 * CONV_2D ..." into the location. NULL when nothing stands for it. */
static const Value *layer_value(const Graph *g, int op, int out) {
  for (const Op *o = g->first; o; o = o->next) {
    int number;
    if (o->loc.what && sscanf(o->loc.what, "op %d ", &number) == 1 &&
        number == op)
      return out < o->nout ? o->out[out] : NULL;
  }
  return NULL;
}

static bool same_group(const char *name, const char *group, size_t n) {
  return strncmp(name, group, n) == 0 && name[n] == '/';
}

static bool group_inputs(Verify *v, const char *path, const Npz *z, int first,
                         const LayerName *of, const void **in) {
  const Graph *m = v->ref;
  const char *group = z->v[first].name;
  int found = 0;
  for (int k = first; k < z->n; k++) {
    LayerName l;
    int64_t count;
    const NpzMember *x = &z->v[k];
    if (!same_group(x->name, group, of->group) || !parse_layer(x->name, &l) ||
        l.input < 0 || l.input >= m->inputs.n)
      continue;
    const Type *t = m->inputs.v[l.input]->type;
    if (!sample_matches(&x->array, t, &count) || count != 1)
      return bad_recording(v, path, x->name, &x->array, t);
    found += !in[l.input];
    in[l.input] = x->array.data;
  }
  return found == m->inputs.n ||
         diag_error(v->cli->diag, E0701, (Loc){.file = path, .what = group},
                    "%d of %d inputs are recorded", found, m->inputs.n);
}

/* Operators that the importer made nothing of (a constant's own
 * dequantization) have no counterpart: told, not compared. */
static bool group_layer(Verify *v, const char *path, const NpzMember *x,
                        const LayerName *l) {
  int64_t count;
  const Value *value = layer_value(v->ref, l->op, l->out);
  if (!value) {
    diag_note(v->cli->diag, (Loc){.file = path, .what = x->name},
              "not compared: no operator of the model stands for it");
    return true;
  }
  if (!sample_matches(&x->array, value->type, &count) || count != 1)
    return bad_recording(v, path, x->name, &x->array, value->type);
  return verify_recorded(v, value, x->array.data);
}

static bool layer_group(Verify *v, const char *path, const Npz *z, int first,
                        const LayerName *of) {
  Arena *a = v->cli->arena;
  const char *name = z->v[first].name;
  const void **in = ARENA_ARRAY(a, const void *, v->ref->inputs.n);
  if (!group_inputs(v, path, z, first, of, in) ||
      !verify_sample(v, arena_strndup(a, name, of->group), in))
    return false;
  for (int k = first; k < z->n; k++) {
    LayerName l;
    if (same_group(z->v[k].name, name, of->group) &&
        parse_layer(z->v[k].name, &l) && l.input < 0 &&
        !group_layer(v, path, &z->v[k], &l))
      return false;
  }
  return true;
}

static bool starts_group(const Npz *z, int k, const LayerName *l) {
  for (int i = 0; i < k; i++)
    if (same_group(z->v[i].name, z->v[k].name, l->group))
      return false;
  return true;
}

bool verify_layers(Verify *v, const char *path) {
  Npz z;
  if (!npz_read(v->cli->arena, v->cli->diag, path, &z))
    return false;
  Progress progress = progress_begin("verifying recorded layers");
  int64_t before = v->recorded;
  bool ok = true;
  for (int k = 0; k < z.n && ok; k++) {
    LayerName l;
    if (parse_layer(z.v[k].name, &l) && starts_group(&z, k, &l))
      ok = layer_group(v, path, &z, k, &l);
    progress_step(&progress, k + 1, z.n);
  }
  progress_end(&progress);
  if (ok && v->recorded == before)
    return diag_error(v->cli->diag, E0701, (Loc){.file = path},
                      "no recorded layers (INPUT/opN_NAME_outM) in it");
  return ok;
}
