/* NAME_run_parallel: the steps of NAME_run in their order, those that are
 * split (plan/split.h) by the caller's own threads.
 *
 *   int NAME_run_parallel(in, out, arena, parallel_for, ctx)
 *     the checks of run; parallel_for not null, or 1
 *     data = {arena, state, inputs.., outputs..}
 *     step_0(addresses...)
 *     parallel_for(ctx, parts, step_1.part, data)
 *     ...
 *   void step_1.part(data, i)
 *     step_1(addresses from data..., first unit, last unit of part i)
 *
 * parallel_for returns when all parts are done, so steps see what those
 * before them wrote. Parts write different bytes, but where a kernel's last
 * tile does some outputs of the one before again: those are the same. */
#include "codegen/module.h"

static int64_t pointer_bytes(const Cg *g) {
  return g->target->pointer_bits / 8;
}

/* The slots of `data`, in order. */
static Val *data_slots(const Cg *g, Bases *b, int i) {
  int nin = g->plan->graph->inputs.n;
  return i == 0        ? &b->arena
         : i == 1      ? &b->state
         : i - 2 < nin ? &b->in[i - 2]
                       : &b->out[i - 2 - nin];
}

static int data_count(const Cg *g) {
  return 2 + g->plan->graph->inputs.n + g->plan->graph->outputs.n;
}

static Val store_bases(Cg *g, Val data, Bases *base) {
  for (int i = 0; i < data_count(g); i++) {
    Val p = *data_slots(g, base, i);
    if (p)
      ll_store(g, p, ll_gepc(g, data, i * pointer_bytes(g)),
               (int)pointer_bytes(g));
  }
  return data;
}

/* What a part does not need is never used, and so goes. */
static Bases load_bases(Cg *g, Val data) {
  Bases b = {0};
  b.in = ARENA_ARRAY(g->arena, Val, g->plan->graph->inputs.n);
  b.out = ARENA_ARRAY(g->arena, Val, g->plan->graph->outputs.n);
  for (int i = 0; i < data_count(g); i++)
    *data_slots(g, &b, i) =
        ll_load(g, g->ptr, ll_gepc(g, data, i * pointer_bytes(g)),
                (int)pointer_bytes(g));
  return b;
}

/* The first unit of part i: the parts before it have units / parts each, the
 * first units % parts of them one more. */
static Val first_unit(Cg *g, Val i, int64_t units, int parts) {
  Val args[] = {i, ll_idx(g, units % parts)};
  Val more = ll_intrinsic(g, "llvm.umin", &g->idx, 1, args, 2);
  return ll_add(g, ll_mulc(g, i, units / parts), more);
}

/* NAME.part: what a thread calls. */
static Val part_function(Cg *g, const StepCode *c, Val fn, int64_t units,
                         int parts) {
  size_t n;
  const char *name = LLVMGetValueName2(fn, &n);
  Ty types[2] = {g->ptr, g->i32};
  Val thunk = cg_function(g, arena_printf(g->arena, "%s.part", name), g->void_,
                          types, 2);
  LLVMSetLinkage(thunk, LLVMInternalLinkage);
  Bases base = load_bases(g, LLVMGetParam(thunk, 0));
  Val i = LLVMGetParam(thunk, 1);
  if (g->idx != g->i32)
    i = ll_zext(g, i, g->idx);
  Part part = {.index = fn == c->stage ? NULL : i,
               .first = first_unit(g, i, units, parts),
               .last = first_unit(g, ll_addc(g, i, 1), units, parts)};
  call_part(g, &base, fn, &c->params, &part);
  LLVMBuildRetVoid(g->b);
  return thunk;
}

/* What run_parallel was given. */
typedef struct Caller {
  Val parallel_for, ctx, data;
} Caller;

static void call_parts(Cg *g, const Caller *by, Val thunk, int parts) {
  Ty types[4] = {g->ptr, g->i32, g->ptr, g->ptr};
  Val args[4] = {by->ctx, ll_i32(g, parts), thunk, by->data};
  LLVMBuildCall2(g->b, LLVMFunctionType(g->void_, types, 4, 0),
                 by->parallel_for, args, 4, "");
}

/* The functions that threads call, NULL where a step is not split. */
typedef struct Thunks {
  Val fn, stage;
} Thunks;

static Thunks thunks_of(Cg *g, const StepCode *c) {
  const Split *s = &c->step->split;
  Thunks t = {0};
  if (s->parts)
    t.fn = part_function(g, c, c->fn, s->units, s->parts);
  if (s->stage_parts > 1)
    t.stage = part_function(g, c, c->stage, s->stage_units, s->stage_parts);
  return t;
}

static void call_split(Cg *g, const Caller *by, const Bases *base,
                       const StepCode *c, const Thunks *t) {
  const Split *s = &c->step->split;
  if (t->stage) {
    call_parts(g, by, t->stage, s->stage_parts);
  } else if (c->stage) {
    Part all = {.first = ll_idx(g, 0), .last = ll_idx(g, s->stage_units)};
    call_part(g, base, c->stage, &c->params, &all);
  }
  call_parts(g, by, t->fn, s->parts);
}

/* A variable in the first block, and so of the frame that all have. */
static Val fixed_room(Cg *g, Ty type) {
  LLVMBasicBlockRef at = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef entry = LLVMGetEntryBasicBlock(g->fn);
  Val first = LLVMGetFirstInstruction(entry);
  if (first)
    LLVMPositionBuilderBefore(g->b, first);
  else
    LLVMPositionBuilderAtEnd(g->b, entry);
  Val room = LLVMBuildAlloca(g->b, type, "data");
  LLVMPositionBuilderAtEnd(g->b, at);
  return room;
}

Parallel parallel_new(Cg *g, const StepCode *code) {
  int n = g->plan->steps.n;
  Parallel p = {ARENA_ARRAY(g->arena, Thunks, n + 1)};
  for (int i = 0; i < n; i++)
    p.thunks[i] = thunks_of(g, &code[i]);
  return p;
}

void parallel_steps(Cg *g, const Bases *base, const StepCode *code,
                    const Parallel *p) {
  int n = g->plan->steps.n;
  const Thunks *t = p->thunks;
  Ty slots = LLVMArrayType2(g->ptr, (uint64_t)data_count(g));
  Caller by = {LLVMGetParam(g->fn, 3), LLVMGetParam(g->fn, 4), NULL};
  by.data = fixed_room(g, slots);
  Bases b = *base;
  store_bases(g, by.data, &b);
  for (int i = 0; i < n; i++) {
    note_clock(g, base, i);
    if (t[i].fn)
      call_split(g, &by, base, &code[i], &t[i]);
    else
      call_step(g, base, &code[i]);
  }
  note_clock(g, base, n);
}
