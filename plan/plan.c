/* The life of a plan, in order:
 *
 *     names      C identifiers for the model and its tensors
 *     placement  which bytes the caller owns, which are views (place.c)
 *     steps      one a computing op and one a copy, with the cheapest kernel;
 *                elementwise ops become tails of steps before them (fuse.c),
 *                depthwise layers fronts of those behind (band.c)
 *     lifetimes  the steps that write and read each value
 *     prepare    each kernel packs its weights and says what scratch it needs
 *     memory     in-place distances, arena offsets (arena.c, memory.c)
 *
 * All ops without a kernel are reported at once. */
#include "plan/plan.h"

#include <assert.h>
#include <string.h>

#include "ir/text.h"
#include "plan/arena.h"
#include "plan/band.h"
#include "plan/fuse.h"
#include "plan/kernel.h"
#include "plan/name.h"
#include "plan/place.h"
#include "plan/polly.h"
#include "plan/tune.h"

static void name_all(Plan *p) {
  const Graph *g = p->graph;
  NameSet set = {.arena = p->arena};
  p->name = name_prefix(p->arena, p->opt.name ? p->opt.name : g->name);
  p->prefix =
      p->tier ? arena_printf(p->arena, "%s.%s", p->name, p->tier) : p->name;
  p->in_name = ARENA_ARRAY(p->arena, const char *, g->inputs.n);
  p->out_name = ARENA_ARRAY(p->arena, const char *, g->outputs.n);
  for (int i = 0; i < g->inputs.n; i++)
    p->in_name[i] = name_member(&set, g->inputs.v[i]->name, "input");
  for (int i = 0; i < g->outputs.n; i++)
    p->out_name[i] = name_member(&set, g->outputs.v[i]->name, "output");
}

static Step *step_new(Plan *p, const Op *op) {
  Step *s = ARENA_NEW(p->arena, Step);
  s->op = op;
  Choice c = tune_choose(p, op);
  s->kernel = c.kernel;
  s->tile_vectors = c.vectors;
  s->nin = op->nin;
  s->in = ARENA_ARRAY(p->arena, Buffer *, op->nin);
  s->out = ARENA_ARRAY(p->arena, Buffer *, op->nout);
  s->tail_overlap = OVERLAP_NONE;
  return s;
}

static void step_add(Plan *p, Step *s) {
  s->index = p->steps.n;
  ARRAY_PUSH(p->arena, &p->steps, s);
}

static Step *step_of_op(Plan *p, const Op *op) {
  Step *s = step_new(p, op);
  for (int i = 0; i < op->nin; i++)
    s->in[i] = op->in[i] ? p->of_value[op->in[i]->id] : NULL;
  for (int i = 0; i < op->nout; i++)
    s->out[i] = p->of_value[op->out[i]->id];
  s->made = op->nout ? s->out[0] : NULL;
  return s;
}

/* A copy stands for no op of the graph: it gets a reshape of its own, from
 * the value to itself. */
static Step *step_of_copy(Plan *p, const Copy *c) {
  Value *v = arena_dup(p->arena, c->from->value, sizeof *v);
  Op *op = ARENA_NEW(p->arena, Op);
  op->kind = OP_reshape;
  op->attrs = attrs_default(OP_reshape);
  op->nin = op->nout = 1;
  op->in = ARENA_ARRAY(p->arena, Value *, 1);
  op->out = ARENA_ARRAY(p->arena, Value *, 1);
  op->graph = (Graph *)(uintptr_t)p->graph;
  op->in[0] = op->out[0] = v;
  op->loc = (Loc){.file = p->graph->file, .what = v->name};
  Step *s = step_new(p, op);
  s->in[0] = c->from;
  s->out[0] = s->made = c->to;
  return s;
}

static void make_steps(Plan *p, const Copies *copies) {
  Fusion *f = fusion_new(p);
  for (int i = 0; i < copies->before.n; i++)
    step_add(p, step_of_copy(p, &copies->before.v[i]));
  for (const Op *op = p->graph->first; op; op = op->next) {
    Step *s = op_is_view(p, op) ? NULL : step_of_op(p, op);
    if (s && !fuse_step(f, s) && !band_fuse(p, s))
      step_add(p, s);
  }
  for (int i = 0; i < copies->after.n; i++)
    step_add(p, step_of_copy(p, &copies->after.v[i]));
}

static bool no_kernel(const Plan *p, const Op *op) {
  Str line = str_new(p->arena);
  op_print(&line, op);
  diag_error(p->diag, E0305, op->loc,
             "%s: no kernel takes these types and attributes on %s",
             op_info(op->kind)->name, p->target->name);
  diag_excerpt(p->diag, "%s", str_cstr(&line));
  return false;
}

static bool have_kernels(const Plan *p) {
  bool ok = true;
  for (int i = 0; i < p->steps.n; i++)
    if (!p->steps.v[i]->kernel)
      ok = no_kernel(p, p->steps.v[i]->op);
  return ok;
}

const char *step_op_name(Arena *a, const Step *s) {
  const char *name = op_info(s->op->kind)->name;
  if (s->front)
    name = arena_printf(a, "%s+%s", op_info(s->front->op->kind)->name, name);
  for (int i = 0; i < s->tail.n; i++)
    name = arena_printf(a, "%s+%s", name,
                        op_info(s->tail.v[i].step->op->kind)->name);
  return name;
}

int64_t step_macs(const Step *s) {
  return op_macs(s->op) + (s->front ? op_macs(s->front->op) : 0);
}

int64_t step_weight_bytes(const Step *s) {
  return op_weight_bytes(s->op) +
         (s->front ? op_weight_bytes(s->front->op) : 0);
}

static void step_symbol(Plan *p, Step *s) {
  const char *dot = s->variant ? "." : "";
  s->symbol = arena_printf(p->arena, "%s.%s_%d%s%s", p->prefix,
                           step_op_name(p->arena, s), s->index, dot,
                           s->variant ? s->variant : "");
}

static bool prepare_tail(Plan *p, Step *s) {
  for (int i = 0; i < s->tail.n; i++) {
    Step *t = s->tail.v[i].step;
    if (!t->kernel->prepare(p, t))
      return false;
    s->blob_bytes += t->blob_bytes;
  }
  return true;
}

static bool prepare_kernel(Plan *p, Step *s) {
  return s->front ? band_prepare(p, s) : s->kernel->prepare(p, s);
}

static bool prepare_steps(Plan *p) {
  bool ok = true;
  for (int i = 0; i < p->steps.n; i++) {
    Step *s = p->steps.v[i];
    s->polly = polly_may(p, s);
    if (prepare_kernel(p, s) && prepare_tail(p, s))
      step_symbol(p, s);
    else
      ok = false;
  }
  return ok;
}

static void touch(Buffer *b, int step, bool write) {
  if (!b)
    return;
  if (b->first < 0 || (write && step < b->first))
    b->first = step;
  if (step > b->last)
    b->last = step;
  if (b->base)
    touch(b->base, step, write);
}

static void find_lifetimes(Plan *p) {
  for (int i = 0; i < p->buffers.n; i++)
    p->buffers.v[i]->first = p->buffers.v[i]->last = -1;
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    for (int k = 0; k < s->op->nout; k++)
      touch(s->out[k], i, true);
    for (int k = 0; k < s->nin; k++)
      touch(s->in[k], i, false);
  }
  for (int i = 0; p->opt.keep_all && i < p->buffers.n; i++)
    p->buffers.v[i]->last = p->steps.n - 1;
}

/* What 32-bit programs can address: sizes are signed there. */
static bool has_addresses(const Plan *p, int64_t bytes) {
  return p->target->pointer_bits > 32 || bytes <= INT32_MAX;
}

static bool values_have_addresses(Plan *p) {
  bool ok = true;
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    const Value *v = b->value;
    if (!b->base && !has_addresses(p, b->bytes))
      ok = diag_error(p->diag, E0304,
                      v->def ? v->def->loc
                             : (Loc){.file = p->graph->file, .what = v->name},
                      "'%s' takes %lld bytes, more than %s can address",
                      v->name, (long long)b->bytes, p->target->name);
  }
  return ok;
}

/* Behind everything else, so that the plan is that without clocks. */
static void place_clocks(Plan *p) {
  if (!p->opt.clocks)
    return;
  p->clocks_offset = (p->arena_bytes + 7) / 8 * 8;
  p->arena_bytes = p->clocks_offset + 8 * (p->steps.n + 1);
}

static bool arena_has_addresses(Plan *p) {
  int64_t bytes = p->arena_bytes + p->state_bytes;
  return has_addresses(p, bytes) ||
         diag_error(p->diag, E0304, (Loc){.file = p->graph->file},
                    "arena and state take %lld bytes, more than %s can address",
                    (long long)bytes, p->target->name);
}

static bool plan_one(Plan *p) {
  name_all(p);
  Copies copies = {0};
  place_values(p, &copies);
  make_steps(p, &copies);
  find_lifetimes(p);
  if (!values_have_addresses(p) || !have_kernels(p) || !prepare_steps(p))
    return false;
  find_lifetimes(p); /* bands read what their fronts do */
  split_steps(p);
  plan_arena(p);
  for (int i = 0; i < p->steps.n; i++)
    assert(split_holds(p->steps.v[i]));
  place_clocks(p);
  return arena_has_addresses(p);
}

/* One alignment, so that states lie alike. */
static int most_align(const Target *t) {
  int align = t->simd_align;
  for (int i = 0; i < t->ntiers; i++)
    if (t->tiers[i].row->simd_align > align)
      align = t->tiers[i].row->simd_align;
  return align;
}

/* One size, which does for each. */
static void join_arenas(Plan *head) {
  head->fullest = head;
  for (int i = 1; i < head->tiers.n; i++)
    if (head->tiers.v[i]->arena_bytes > head->fullest->arena_bytes)
      head->fullest = head->tiers.v[i];
  for (int i = 0; i < head->tiers.n; i++)
    head->tiers.v[i]->arena_bytes = head->fullest->arena_bytes;
}

Plan *plan_new(Arena *a, const Graph *g, const Target *t,
               const PlanOptions *opt) {
  const Tier alone = {NULL, t};
  const Tier *tiers = t->ntiers ? t->tiers : &alone;
  Plan *head = ARENA_NEW(a, Plan);
  for (int i = 0; i == 0 || i < t->ntiers; i++) {
    Plan *p = i ? ARENA_NEW(a, Plan) : head;
    *p = (Plan){.arena = a,
                .diag = g->diag,
                .graph = g,
                .target = tiers[i].row,
                .whole = t,
                .tier = t->ntiers > 1 ? tiers[i].name : NULL,
                .opt = *opt,
                .head = head,
                .arena_align = most_align(t)};
    if (!plan_one(p))
      return NULL;
    ARRAY_PUSH(a, &head->tiers, p);
    assert(p->state_bytes == head->state_bytes);
  }
  join_arenas(head);
  return head;
}

/* Tables of several layers are often the same (an exp table, unit
 * multipliers): equal bytes are in the object once. */
static const Blob *blob_equal(const Plan *p, const Blob *b, int align) {
  for (int i = 0; i < p->blobs.n; i++) {
    const Blob *have = p->blobs.v[i];
    if (have->bytes == b->bytes && have->align >= align &&
        (b->bytes == 0 || memcmp(have->data, b->data, (size_t)b->bytes) == 0))
      return have;
  }
  return NULL;
}

static bool has_symbol(const Plan *p, const char *symbol) {
  for (int i = 0; i < p->blobs.n; i++)
    if (strcmp(p->blobs.v[i]->symbol, symbol) == 0)
      return true;
  return false;
}

/* What an earlier tier has bears its name there; codegen makes one of both. */
static void share_symbol(const Plan *p, Blob *b) {
  const Plan *head = p->head;
  for (int i = 0; i < head->tiers.n; i++) {
    const Blob *have = blob_equal(head->tiers.v[i], b, 0);
    if (have && !has_symbol(p, have->symbol)) {
      b->symbol = have->symbol;
      return;
    }
  }
}

static const Blob *blob_add(Plan *p, const Blob *b) {
  const Blob *have = blob_equal(p, b, b->align);
  if (have)
    return have;
  Blob *kept = arena_dup(p->arena, b, sizeof *b);
  share_symbol(p, kept);
  assert(!has_symbol(p, kept->symbol)); /* code finds them by it */
  ARRAY_PUSH(p->arena, &p->blobs, kept);
  return kept;
}

const Blob *plan_blob(Plan *p, Step *s, const char *what, const void *data,
                      int64_t bytes, int align) {
  Blob b = {.data = data, .bytes = bytes, .align = align};
  const char *of = op_info(s->op->kind)->name;
  if (s->place)
    of = arena_printf(p->arena, "tail%d.%s", s->place, of);
  b.symbol =
      arena_printf(p->arena, "%s.%s_%d.%s", p->prefix, of, s->index, what);
  int before = p->blobs.n;
  const Blob *kept = blob_add(p, &b);
  if (p->blobs.n > before && kept->symbol == b.symbol)
    s->blob_bytes += bytes;
  return kept;
}

const Blob *plan_const_blob(Plan *p, Buffer *b) {
  if (!b->blob) {
    Blob blob = {.data = b->value->init->data,
                 .bytes = b->bytes,
                 .align = p->target->simd_align};
    blob.symbol = arena_printf(p->arena, "%s.const_%d", p->prefix, p->blobs.n);
    b->blob = blob_add(p, &blob);
  }
  return b->blob;
}

int64_t plan_io_bytes(const Plan *p) {
  const Graph *g = p->graph;
  int64_t bytes = 0;
  for (int i = 0; i < g->inputs.n; i++)
    bytes += type_bytes(g->inputs.v[i]->type);
  for (int i = 0; i < g->outputs.n; i++)
    bytes += type_bytes(g->outputs.v[i]->type);
  return bytes;
}
