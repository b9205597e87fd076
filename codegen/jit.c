/* The object that ships, loaded into this process and called as its users
 * call it: pointers in arrays, a memory block as arena. */
#include "codegen/loaded.h"
#include "runtime/kiln_pthread.h"

#include <stdlib.h>
#include <string.h>

typedef int RunFn(const void *const *in, void *const *out, void *arena);
typedef void ParallelFor(void *ctx, int count, kiln_body *body, void *data);
typedef int ParallelFn(const void *const *in, void *const *out, void *arena,
                       ParallelFor *parallel_for, void *ctx);
typedef void ResetFn(void *state);

typedef struct Jit {
  Executor base;
  const Plan *plan; /* of an object from elsewhere: of the same model */
  Product product;
  Loaded *object;
  RunFn *run;
  ParallelFn *run_parallel; /* in place of it, of plans for threads: ... */
  kiln_pool pool;           /* ... these; ... */
  PartOrder order;          /* ... in this */
  ResetFn *reset;
  volatile int32_t *tier; /* of an object that shows it; else NULL */
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
  if (j->run_parallel)
    kiln_pool_stop(&j->pool);
  loaded_free(j->object);
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

/* A parallel_for without threads. */
static void backwards(void *ctx, int count, kiln_body *body, void *data) {
  (void)ctx;
  for (int i = count - 1; i >= 0; i--)
    body(data, i);
}

static int run_object(Jit *j) {
  if (!j->run_parallel || j->order == ORDER_whole)
    return j->run(j->in, j->out, j->arena);
  return j->run_parallel(j->in, j->out, j->arena,
                         j->order == ORDER_pool ? kiln_pool_for : backwards,
                         &j->pool);
}

static bool jit_run(Executor *e, const void *const *in, void *const *out) {
  static const char *const reason[] = {"", "null pointer", "misaligned arena",
                                       "buffers overlap"};
  Jit *j = (Jit *)e;
  const Graph *g = j->plan->graph;
  memcpy(j->in, in, (size_t)g->inputs.n * sizeof *in);
  memcpy(j->out, out, (size_t)g->outputs.n * sizeof *out);
  j->in[g->inputs.n] = j->state;
  int status = run_object(j);
  if (status == 0)
    return true;
  return diag_error(j->plan->diag, E0901, (Loc){0}, "%s_run returned %d (%s)",
                    j->product.name, status,
                    status > 0 && status < 4 ? reason[status] : "unknown");
}

static bool lookup(Jit *j, const char *suffix, void *fn) {
  const char *name =
      arena_printf(j->plan->arena, "%s_%s", j->product.name, suffix);
  return loaded_symbol(j->object, name, fn);
}

static bool load_parallel(Jit *j) {
  int threads = j->product.threads;
  if (!threads)
    return true;
  if (!lookup(j, "run_parallel", &j->run_parallel))
    return false;
  kiln_pool_start(&j->pool, threads);
  return true;
}

static bool load(Jit *j, DiagCode code) {
  j->object = loaded_new(j->plan->diag, code, j->product.object,
                         j->product.name, j->product.file);
  return j->object && lookup(j, "run", &j->run) && load_parallel(j) &&
         (!j->product.state_bytes || lookup(j, "reset", &j->reset)) &&
         (!j->product.open_tier || lookup(j, "tier", &j->tier));
}

static bool allocate(Jit *j) {
  const Product *p = &j->product;
  const Graph *g = j->plan->graph;
  j->arena = new_block(p->arena_bytes, p->align);
  j->state = new_block(p->state_bytes, p->align);
  j->in = calloc((size_t)g->inputs.n + 1, sizeof *j->in);
  j->out = calloc((size_t)g->outputs.n + 1, sizeof *j->out);
  return (j->arena && j->state && j->in && j->out) ||
         diag_error(j->plan->diag, E0005, (Loc){.file = g->file},
                    "no memory for an arena of %lld bytes",
                    (long long)p->arena_bytes);
}

static Executor *new(const Plan *plan, const Product *product, DiagCode code) {
  Jit *j = calloc(1, sizeof *j);
  if (!j) {
    diag_error(plan->diag, E0005, (Loc){0}, "out of memory");
    return NULL;
  }
  j->base = (Executor){"object", jit_run, jit_reset, jit_free};
  j->plan = plan;
  j->product = *product;
  if (!allocate(j) || !load(j, code)) {
    jit_free(&j->base);
    return NULL;
  }
  jit_reset(&j->base);
  return &j->base;
}

Executor *jit_new(const Plan *p, const Emitted *e) {
  Product product = {.name = p->name,
                     .object = e->object,
                     .arena_bytes = p->arena_bytes,
                     .state_bytes = p->state_bytes,
                     .align = p->arena_align,
                     .threads = p->opt.threads,
                     .open_tier = e->open_tier};
  return new (p, &product, E0901);
}

Executor *jit_new_product(const Plan *plan, const Product *product) {
  return new (plan, product, E0002);
}

void jit_set_order(Executor *e, PartOrder order) { ((Jit *)e)->order = order; }

void jit_set_tier(Executor *e, int i) { *((Jit *)e)->tier = i + 1; }

int jit_tier(Executor *e) { return *((Jit *)e)->tier - 1; }

const uint64_t *jit_clocks(Executor *e) {
  const Jit *j = (Jit *)e;
  return (const uint64_t *)(const void *)(j->arena + j->plan->clocks_offset);
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
