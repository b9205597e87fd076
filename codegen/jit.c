/* The object that ships, loaded into this process by LLVM's ORC and called
 * as its users call it: pointers in arrays, a memory block as arena. */
#include "codegen/codegen.h"

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Target.h>
#include <stdlib.h>
#include <string.h>

typedef int RunFn(const void *const *in, void *const *out, void *arena);
typedef void ResetFn(void *state);

typedef struct Jit {
  Executor base;
  const Plan *plan;
  LLVMOrcLLJITRef lljit;
  RunFn *run;
  ResetFn *reset;
  uint8_t *arena, *state;
  const void **in; /* members of NAME_in: inputs, then the state */
  void **out;      /* as of the last run */
  uint8_t *value;  /* what jit_value returned last, if it made that */
} Jit;

enum { GARBAGE = 0xa5 };

/* Memory in whole multiples of the alignment, full of garbage, so that code
 * which relies on zeros shows. */
static uint8_t *new_block(int64_t bytes, int align) {
  size_t unit = align < 16 ? 16 : (size_t)align;
  size_t size = ((size_t)bytes / unit + 1) * unit;
  uint8_t *p = aligned_alloc(unit, size);
  if (p)
    memset(p, GARBAGE, size);
  return p;
}

static void jit_free(Executor *e) {
  Jit *j = (Jit *)e;
  if (j->lljit)
    LLVMConsumeError(LLVMOrcDisposeLLJIT(j->lljit));
  free(j->arena);
  free(j->state);
  free(j->in);
  free(j->out);
  free(j->value);
  free(j);
}

static void jit_reset(Executor *e) {
  Jit *j = (Jit *)e;
  if (j->reset)
    j->reset(j->state);
}

static bool jit_run(Executor *e, const void *const *in, void *const *out) {
  static const char *const reason[] = {"", "null pointer", "misaligned arena",
                                       "buffers overlap"};
  Jit *j = (Jit *)e;
  const Graph *g = j->plan->graph;
  memcpy(j->in, in, (size_t)g->inputs.n * sizeof *in);
  memcpy(j->out, out, (size_t)g->outputs.n * sizeof *out);
  j->in[g->inputs.n] = j->state;
  int status = j->run(j->in, j->out, j->arena);
  if (status == 0)
    return true;
  return diag_error(j->plan->diag, E0901, (Loc){0}, "%s_run returned %d (%s)",
                    j->plan->name, status,
                    status > 0 && status < 4 ? reason[status] : "unknown");
}

static bool fail(const Plan *p, LLVMErrorRef err) {
  char *why = LLVMGetErrorMessage(err);
  diag_error(p->diag, E0901, (Loc){0}, "loading the object: %s", why);
  LLVMDisposeErrorMessage(why);
  return false;
}

/* ISO C has no cast from an object's address to a function's. */
static bool lookup(Jit *j, const char *suffix, void *fn) {
  LLVMOrcExecutorAddress at = 0;
  const char *name =
      arena_printf(j->plan->arena, "%s_%s", j->plan->name, suffix);
  LLVMErrorRef err = LLVMOrcLLJITLookup(j->lljit, &at, name);
  if (err)
    return fail(j->plan, err);
  uintptr_t bits = (uintptr_t)at;
  memcpy(fn, &bits, sizeof bits);
  return true;
}

static bool load(Jit *j, Bytes object) {
  LLVMInitializeNativeTarget();
  LLVMErrorRef err = LLVMOrcCreateLLJIT(&j->lljit, NULL);
  if (err)
    return fail(j->plan, err);
  LLVMMemoryBufferRef buf = LLVMCreateMemoryBufferWithMemoryRangeCopy(
      object.data, object.bytes, j->plan->name);
  err = LLVMOrcLLJITAddObjectFile(j->lljit,
                                  LLVMOrcLLJITGetMainJITDylib(j->lljit), buf);
  if (err)
    return fail(j->plan, err);
  if (!lookup(j, "run", &j->run))
    return false;
  return !j->plan->state_bytes || lookup(j, "reset", &j->reset);
}

Executor *jit_new(const Plan *p, const Emitted *e) {
  Jit *j = calloc(1, sizeof *j);
  if (!j) {
    diag_error(p->diag, E0005, (Loc){0}, "out of memory");
    return NULL;
  }
  j->base = (Executor){"object", jit_run, jit_reset, jit_free};
  j->plan = p;
  j->arena = new_block(p->arena_bytes, p->arena_align);
  j->state = new_block(p->state_bytes, p->arena_align);
  j->in = calloc((size_t)p->graph->inputs.n + 1, sizeof *j->in);
  j->out = calloc((size_t)p->graph->outputs.n + 1, sizeof *j->out);
  bool memory = j->arena && j->state && j->in && j->out;
  if (!memory)
    diag_error(p->diag, E0005, (Loc){.file = p->graph->file},
               "no memory for an arena of %lld bytes",
               (long long)p->arena_bytes);
  if (!memory || !load(j, e->object)) {
    jit_free(&j->base);
    return NULL;
  }
  jit_reset(&j->base);
  return &j->base;
}

static const uint8_t *buffer_bytes(const Jit *j, const Buffer *b) {
  switch (b->place) {
  case PLACE_arena:
    return j->arena + b->offset;
  case PLACE_input:
    return j->in[b->index] ? (const uint8_t *)j->in[b->index] + b->offset
                           : NULL;
  case PLACE_output:
    return j->out[b->index] ? (uint8_t *)j->out[b->index] + b->offset : NULL;
  case PLACE_state:
    return j->state + b->offset;
  case PLACE_const:
    return b->value->init ? b->value->init->data : NULL;
  }
  return NULL;
}

const void *jit_value(Executor *e, const Value *v) {
  Jit *j = (Jit *)e;
  const Buffer *b = j->plan->of_value[v->id];
  const uint8_t *bytes = b ? buffer_bytes(j, b) : NULL;
  if (!bytes || b->place == PLACE_const || !buffer_flipped(b))
    return bytes;
  size_t n = (size_t)type_bytes(v->type);
  free(j->value);
  j->value = malloc(n ? n : 1);
  for (size_t i = 0; j->value && i < n; i++)
    j->value[i] = bytes[i] ^ 0x80;
  return j->value;
}
