/* Gathering: the model runs with its float values as outputs. Where those
 * take too many bytes they are looked at in groups, each in a run over all
 * samples that computes only what the group needs. */
#include "compress/calibration.h"

#include <string.h>

#include "compress/calibration_private.h"
#include "ir/hash.h"
#include "passes/pass.h"

static const int64_t usual_group_bytes = (int64_t)256 << 20;

typedef struct Observation {
  const Graph *g;
  Engine *engine;
  const Feed *feed;
  const CalibrationProgress *progress;
  Calibration *c;
  int64_t group_bytes;
  ARRAY(Value *)
  values;              /* f32, of ops; their statistics are behind those of
                          the inputs */
  int inputs;          /* f32 */
  int64_t done, total; /* runs */
} Observation;

/* Values from..to-1 in one run. */
typedef struct Group {
  int from, to;
  Graph *g; /* the clone that gives them */
  Executor *x;
  void **in, **out; /* its buffers */
} Group;

static bool is_float(const Value *v) { return v->type->dtype == DT_f32; }

/* ---- one group ---- */

static Graph *group_graph(Arena *a, const Observation *o, const Group *group) {
  const PassOptions used_only = {.passes = "dce"};
  Graph *c = graph_clone(a, o->g);
  c->outputs.n = 0;
  for (int i = group->from; i < group->to; i++)
    graph_output(c, graph_find(c, o->values.v[i]->name));
  return passes_run(c, &used_only, NULL) ? c : NULL;
}

static bool group_open(Arena *a, const Observation *o, Group *group) {
  group->g = group_graph(a, o, group);
  group->x = group->g ? o->engine->make(o->engine, group->g) : NULL;
  if (!group->x)
    return false;
  group->in = exec_buffers(a, group->g->inputs.v, group->g->inputs.n);
  group->out = exec_buffers(a, group->g->outputs.v, group->g->outputs.n);
  return true;
}

static bool observe_sample(const Observation *o, const Group *group,
                           int64_t sample) {
  TensorStats *stats = o->c->tensors.v;
  if (!feed_run(o->feed, sample, group->x, group->in, group->out))
    return false;
  for (int i = 0, t = 0; i < o->g->inputs.n && group->from == 0; i++)
    if (is_float(o->g->inputs.v[i]))
      stats_observe(&stats[t++], group->in[i]);
  for (int i = group->from; i < group->to; i++)
    stats_observe(&stats[o->inputs + i], group->out[i - group->from]);
  return true;
}

static bool observe_group(Observation *o, int from, int to) {
  Arena *scratch = arena_new();
  Group group = {.from = from, .to = to};
  bool ok = group_open(scratch, o, &group);
  for (int64_t i = 0; i < o->c->observed && ok; i++) {
    ok = observe_sample(o, &group, o->c->index[i]);
    if (o->progress)
      o->progress->step(o->progress->ctx, ++o->done, o->total);
  }
  if (group.x)
    group.x->free(group.x);
  arena_free(scratch);
  return ok;
}

/* ---- all ---- */

/* Where the group that begins with value `from` ends. */
static int group_end(const Observation *o, int from) {
  int64_t bytes = 0;
  int to = from;
  while (to < o->values.n &&
         (to == from ||
          bytes + type_bytes(o->values.v[to]->type) <= o->group_bytes))
    bytes += type_bytes(o->values.v[to++]->type);
  return to;
}

static bool observe_all(Observation *o) {
  for (int from = 0; from < o->values.n; from = group_end(o, from))
    o->total += o->c->observed;
  for (int from = 0, to; from < o->values.n; from = to) {
    to = group_end(o, from);
    if (!observe_group(o, from, to))
      return false;
  }
  return true;
}

static void add_tensor(Arena *a, Calibration *c, const Value *v) {
  ARRAY_PUSH(a, &c->tensors,
             stats_new(a, arena_strdup(a, v->name), v->type, c->observed));
}

static void add_tensors(Arena *a, Observation *o) {
  for (int i = 0; i < o->g->inputs.n; i++)
    if (is_float(o->g->inputs.v[i]))
      add_tensor(a, o->c, o->g->inputs.v[i]);
  o->inputs = o->c->tensors.n;
  for (const Op *op = o->g->first; op; op = op->next)
    for (int i = 0; i < op->nout; i++)
      if (is_float(op->out[i])) {
        ARRAY_PUSH(a, &o->values, op->out[i]);
        add_tensor(a, o->c, op->out[i]);
      }
}

static void take_shard(Arena *a, Shard shard, Calibration *c) {
  c->index = ARENA_ARRAY(a, int64_t, c->samples);
  for (int64_t s = shard.k - 1; s < c->samples; s += shard.n)
    c->index[c->observed++] = s;
}

static void warn_nonfinite(const Graph *g, const Calibration *c) {
  for (int i = 0; i < c->tensors.n; i++) {
    const TensorStats *t = &c->tensors.v[i];
    if (t->nonfinite)
      diag_warning(g->diag, (Loc){.file = g->file, .what = t->name},
                   "%lld elements are infinite or no numbers; they count "
                   "nowhere",
                   (long long)t->nonfinite);
  }
}

bool calibrate_in_groups(Arena *a, const Graph *g, Engine *e, const Feed *f,
                         Shard shard, int64_t group_bytes,
                         const CalibrationProgress *progress,
                         Calibration *out) {
  *out = (Calibration){.model = arena_strdup(a, g->name),
                       .hash = graph_hash(g),
                       .samples = f->samples};
  Observation o = {.g = g,
                   .engine = e,
                   .feed = f,
                   .progress = progress,
                   .c = out,
                   .group_bytes = group_bytes};
  take_shard(a, shard, out);
  add_tensors(a, &o);
  if (f->samples > STAT_MAX_SAMPLES)
    return diag_error(g->diag, E0701, (Loc){.file = g->file},
                      "%lld samples are more than a calibration can hold, %d",
                      (long long)f->samples, STAT_MAX_SAMPLES);
  if (!o.values.n)
    return diag_error(g->diag, E0302, (Loc){.file = g->file},
                      "no operator computes f32: there is nothing to "
                      "calibrate");
  if (!observe_all(&o))
    return false;
  warn_nonfinite(g, out);
  return true;
}

bool calibrate(Arena *a, const Graph *g, Engine *e, const Feed *f, Shard shard,
               const CalibrationProgress *progress, Calibration *out) {
  return calibrate_in_groups(a, g, e, f, shard, usual_group_bytes, progress,
                             out);
}

const TensorStats *calibration_find(const Calibration *c, const char *name) {
  for (int i = 0; i < c->tensors.n; i++)
    if (strcmp(c->tensors.v[i].name, name) == 0)
      return &c->tensors.v[i];
  return NULL;
}
