/* Looks at values in the middle of a graph: a clone returns them, and nothing
 * else is computed. */
#include <string.h>

#include "compress/prune/private.h"
#include "passes/pass.h"

static int index_of(Value *const *v, int n, const Value *x) {
  for (int i = 0; i < n; i++)
    if (v[i] == x)
      return i;
  return -1;
}

/* Makes the values the clone's outputs. */
static void watch(Graph *g, const char *const *names, int n) {
  g->outputs.n = 0;
  for (int i = 0; i < n; i++) {
    Value *v = graph_find(g, names[i]);
    if (index_of(g->inputs.v, g->inputs.n, v) < 0 && !value_is_output(g, v))
      graph_output(g, v);
  }
}

static const float *find_buffer(const Probe *p, const Graph *g,
                                const Value *v) {
  int in = index_of(g->inputs.v, g->inputs.n, v);
  return in >= 0 ? p->in[in] : p->out[index_of(g->outputs.v, g->outputs.n, v)];
}

bool probe_open(Arena *a, const Graph *g, Engine *e, const Feed *f,
                const char *const *names, int n, Probe *out) {
  Graph *clone = graph_clone(a, g);
  PassOptions dce = {.passes = "dce"};
  watch(clone, names, n);
  *out = (Probe){.feed = f, .at = ARENA_ARRAY(a, const float *, n + 1)};
  if (!passes_run(clone, &dce, NULL))
    return false;
  out->in = exec_buffers(a, clone->inputs.v, clone->inputs.n);
  out->out = exec_buffers(a, clone->outputs.v, clone->outputs.n);
  for (int i = 0; i < n; i++)
    out->at[i] = find_buffer(out, clone, graph_find(clone, names[i]));
  if (clone->outputs.n)
    out->x = e->make(e, clone);
  return out->x || !clone->outputs.n;
}

bool probe_run(Probe *p, int64_t sample) {
  if (p->x)
    return feed_run(p->feed, sample, p->x, p->in, p->out);
  feed_sample(p->feed, sample, p->in);
  return true;
}

void probe_close(Probe *p) {
  if (p->x)
    p->x->free(p->x);
}
