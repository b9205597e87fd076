/* The life of a plan, in order:
 *
 *     names      C identifiers for the model and its tensors
 *     placement  which bytes the caller owns, which are views (place.c)
 *     steps      one a computing op and one a copy, with the cheapest kernel
 *     prepare    each kernel packs its weights and says what scratch it needs
 *     memory     lifetimes, in-place distances, arena offsets (memory.c)
 *
 * All ops without a kernel are reported at once. */
#include "plan/plan.h"

#include <string.h>

#include "ir/text.h"
#include "plan/kernel.h"
#include "plan/memory.h"
#include "plan/name.h"
#include "plan/place.h"

static void name_all(Plan *p) {
  const Graph *g = p->graph;
  NameSet set = {.arena = p->arena};
  p->name = name_prefix(p->arena, p->opt.name ? p->opt.name : g->name);
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
  s->index = p->steps.n;
  s->in = ARENA_ARRAY(p->arena, Buffer *, op->nin);
  s->out = ARENA_ARRAY(p->arena, Buffer *, op->nout);
  ARRAY_PUSH(p->arena, &p->steps, s);
  return s;
}

static void step_of_op(Plan *p, const Op *op) {
  Step *s = step_new(p, op);
  for (int i = 0; i < op->nin; i++)
    s->in[i] = op->in[i] ? p->of_value[op->in[i]->id] : NULL;
  for (int i = 0; i < op->nout; i++)
    s->out[i] = p->of_value[op->out[i]->id];
}

/* A copy stands for no op of the graph: it gets a reshape of its own, from
 * the value to itself. */
static void step_of_copy(Plan *p, const Copy *c) {
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
  s->out[0] = c->to;
}

static void make_steps(Plan *p, const Copies *copies) {
  for (int i = 0; i < copies->before.n; i++)
    step_of_copy(p, &copies->before.v[i]);
  for (const Op *op = p->graph->first; op; op = op->next)
    if (!op_is_view(p, op))
      step_of_op(p, op);
  for (int i = 0; i < copies->after.n; i++)
    step_of_copy(p, &copies->after.v[i]);
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

static bool select_kernels(Plan *p) {
  bool ok = true;
  for (int i = 0; i < p->steps.n; i++) {
    Step *s = p->steps.v[i];
    s->kernel = kernel_select(s->op, p->target);
    if (!s->kernel)
      ok = no_kernel(p, s->op);
  }
  return ok;
}

static void step_symbol(Plan *p, Step *s) {
  const char *dot = s->variant ? "." : "";
  s->symbol = arena_printf(p->arena, "%s.%s_%d%s%s", p->name,
                           op_info(s->op->kind)->name, s->index, dot,
                           s->variant ? s->variant : "");
}

static bool prepare_steps(Plan *p) {
  bool ok = true;
  for (int i = 0; i < p->steps.n; i++) {
    Step *s = p->steps.v[i];
    if (s->kernel->prepare(p, s))
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
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    for (int k = 0; k < s->op->nout; k++)
      touch(s->out[k], i, true);
    for (int k = 0; k < s->op->nin; k++)
      touch(s->in[k], i, false);
  }
  for (int i = 0; p->opt.keep_all && i < p->buffers.n; i++)
    p->buffers.v[i]->last = p->steps.n - 1;
}

/* The memory problem, block by block. */
typedef struct Layout {
  Arena *scratch;
  ARRAY(MemBlock) blocks; /* times: 2 i while step i reads, 2 i + 1 after */
  ARRAY(MemOverlap) overlaps;
  int *of_buffer; /* by buffer id */
  int *of_step;   /* scratch, by step index */
} Layout;

static int add_block(Layout *l, int64_t bytes, int first, int last) {
  MemBlock b = {.bytes = bytes, .first = first, .last = last};
  ARRAY_PUSH(l->scratch, &l->blocks, b);
  return l->blocks.n - 1;
}

static bool in_arena(const Buffer *b) {
  return b->place == PLACE_arena && !b->base && b->first >= 0;
}

/* A step that reads all its inputs first leaves their bytes to its output. */
static int born(const Plan *p, const Buffer *b) {
  return 2 * b->first + p->steps.v[b->first]->reads_first;
}

static int dies(const Plan *p, const Buffer *b) {
  int last = 2 * b->last + p->opt.keep_all;
  return last > born(p, b) ? last : born(p, b);
}

static void add_blocks(Plan *p, Layout *l) {
  l->of_buffer = ARENA_ARRAY(l->scratch, int, p->buffers.n);
  l->of_step = ARENA_ARRAY(l->scratch, int, p->steps.n);
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    if (in_arena(b))
      l->of_buffer[i] = add_block(l, b->bytes, born(p, b), dies(p, b));
  }
  for (int i = 0; i < p->steps.n; i++) {
    int64_t bytes = p->steps.v[i]->scratch_bytes;
    l->of_step[i] = bytes ? add_block(l, bytes, 2 * i, 2 * i + 1) : -1;
  }
}

/* How far before the dying block `in` the step's output may start: all its
 * operands that lie there have to allow it. */
static int64_t step_distance(const Step *s, const Buffer *in) {
  int64_t distance = 0;
  for (int i = 0; i < s->op->nin; i++) {
    if (!s->in[i] || buffer_root(s->in[i]) != in)
      continue;
    int64_t d = s->kernel->overlap(s, i);
    if (d == OVERLAP_NONE)
      return d;
    d -= s->in[i]->base_offset;
    distance = d > distance ? d : distance;
  }
  return distance;
}

static void add_overlaps(Layout *l, const Step *s) {
  Buffer *out = s->op->nout == 1 ? s->out[0] : NULL;
  if (!out || !in_arena(out) || out->first != s->index)
    return;
  for (int i = 0; i < s->op->nin; i++) {
    Buffer *in = s->in[i] ? buffer_root(s->in[i]) : NULL;
    if (!in || !in_arena(in) || in->last != s->index)
      continue;
    int64_t d = step_distance(s, in);
    MemOverlap o = {l->of_buffer[in->id], l->of_buffer[out->id], d};
    if (d != OVERLAP_NONE)
      ARRAY_PUSH(l->scratch, &l->overlaps, o);
  }
}

static void take_offsets(Plan *p, const Layout *l) {
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (in_arena(b))
      b->offset = l->blocks.v[l->of_buffer[i]].offset;
  }
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (b->base)
      b->offset = b->base->offset + b->base_offset;
  }
  for (int i = 0; i < p->steps.n; i++)
    if (l->of_step[i] >= 0)
      p->steps.v[i]->scratch_offset = l->blocks.v[l->of_step[i]].offset;
}

static void plan_arena(Plan *p) {
  Layout l = {.scratch = arena_new()};
  add_blocks(p, &l);
  for (int i = 0; !p->opt.keep_all && i < p->steps.n; i++)
    add_overlaps(&l, p->steps.v[i]);
  p->arena_bytes =
      memory_plan(l.scratch, l.blocks.v, l.blocks.n, l.overlaps.v, l.overlaps.n,
                  p->arena_align, &p->arena_lower_bound);
  take_offsets(p, &l);
  arena_free(l.scratch);
}

Plan *plan_new(Arena *a, const Graph *g, const Target *t,
               const PlanOptions *opt) {
  Plan *p = ARENA_NEW(a, Plan);
  p->arena = a;
  p->diag = g->diag;
  p->graph = g;
  p->target = t;
  p->opt = *opt;
  p->arena_align = t->simd_align;
  name_all(p);
  Copies copies = {0};
  place_values(p, &copies);
  make_steps(p, &copies);
  if (!select_kernels(p) || !prepare_steps(p))
    return NULL;
  find_lifetimes(p);
  plan_arena(p);
  return p;
}

/* Tables of several layers are often the same (an exp table, unit
 * multipliers): equal bytes are in the object once. */
static const Blob *blob_add(Plan *p, const Blob *b) {
  for (int i = 0; i < p->blobs.n; i++) {
    const Blob *have = p->blobs.v[i];
    if (have->bytes == b->bytes && have->align >= b->align &&
        (b->bytes == 0 || memcmp(have->data, b->data, (size_t)b->bytes) == 0))
      return have;
  }
  const Blob *kept = arena_dup(p->arena, b, sizeof *b);
  ARRAY_PUSH(p->arena, &p->blobs, kept);
  return kept;
}

const Blob *plan_blob(Plan *p, Step *s, const char *what, const void *data,
                      int64_t bytes, int align) {
  Blob b = {.data = data, .bytes = bytes, .align = align};
  b.symbol = arena_printf(p->arena, "%s.%s_%d.%s", p->name,
                          op_info(s->op->kind)->name, s->index, what);
  int before = p->blobs.n;
  const Blob *kept = blob_add(p, &b);
  if (p->blobs.n > before)
    s->blob_bytes += bytes;
  return kept;
}

const Blob *plan_const_blob(Plan *p, Buffer *b) {
  if (!b->blob) {
    Blob blob = {.data = b->value->init->data,
                 .bytes = b->bytes,
                 .align = p->target->simd_align};
    blob.symbol = arena_printf(p->arena, "%s.const_%d", p->name, p->blobs.n);
    b->blob = blob_add(p, &blob);
  }
  return b->blob;
}
