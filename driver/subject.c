#include "driver/subject.h"

#include <string.h>

bool subject_new(Cli *cli, const Graph *g, const Target *t, BuildKind kind,
                 Subject *out) {
  *out = (Subject){0};
  if (!session_build(cli, g, t, kind, EMIT_object, NULL, &out->built))
    return false;
  if (target_runs_here(t)) {
    out->exec = jit_new(out->built.plan, &out->built.emitted);
    return out->exec != NULL;
  }
  if (kind == BUILD_keep_all)
    out->arena = arena_alloc(cli->arena, (size_t)out->built.plan->arena_bytes);
  return true;
}

void subject_free(Subject *s) {
  if (s->exec)
    s->exec->free(s->exec);
  s->exec = NULL;
}

bool subject_fits(const Subject *s) {
  return s->exec || qemu_fits(s->built.plan, &s->built.emitted);
}

void subject_set_tier(Subject *s, int tier) {
  if (s->exec)
    jit_set_tier(s->exec, tier);
  else
    s->built.emitted.tier = tier + 1;
}

static bool run_under_qemu(Subject *s, const void *const *in,
                           void *const *out) {
  const Plan *p = s->built.plan;
  int64_t told = qemu_stack_bound(p, &s->built.emitted), took;
  if (!qemu_run(p, &s->built.emitted, 1, in, out, s->arena, &took, &s->tier))
    return false;
  return took <= told ||
         diag_error(p->diag, E0901, (Loc){.file = p->graph->file},
                    "the run took %lld bytes of stack, not %lld",
                    (long long)took, (long long)told);
}

bool subject_run(Subject *s, const void *const *in, void *const *out) {
  s->in = in;
  s->out = out;
  if (!s->exec)
    return run_under_qemu(s, in, out);
  s->exec->reset(s->exec);
  bool ok = s->exec->run(s->exec, in, out);
  if (s->built.emitted.open_tier)
    s->tier = jit_tier(s->exec);
  return ok;
}

/* Where a buffer's bytes are after a run under qemu. */
static const uint8_t *stored_bytes(const Subject *s, const Buffer *b) {
  switch (b->place) {
  case PLACE_arena:
    return s->arena + b->offset;
  case PLACE_input:
    return (const uint8_t *)s->in[b->index] + b->offset;
  case PLACE_output:
    return (const uint8_t *)s->out[b->index] + b->offset;
  case PLACE_state:
  case PLACE_const:
    break;
  }
  return NULL;
}

const void *subject_value(Subject *s, const Value *v, Arena *scratch) {
  if (s->exec)
    return jit_value(s->exec, v);
  const Buffer *b = s->built.plan->of_value[v->id];
  const uint8_t *stored = b ? stored_bytes(s, b) : NULL;
  if (!stored || !buffer_flipped(b))
    return stored;
  size_t n = (size_t)type_bytes(v->type);
  uint8_t *flipped = arena_alloc(scratch, n);
  for (size_t i = 0; i < n; i++)
    flipped[i] = stored[i] ^ 0x80u;
  return flipped;
}
