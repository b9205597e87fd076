/* The module of a plan: one internal function a step, which gets the
 * addresses of its buffers and knows everything else, and the public
 * functions of the header:
 *
 *   int NAME_run(const NAME_in *in, const NAME_out *out, void *arena)
 *     no null, aligned arena, no overlap, or 1, 2, 3
 *     step_0(addresses...); step_1(...); ...
 *   int NAME_run_parallel(in, out, arena, parallel_for, ctx): parallel.c
 *   void NAME_reset(void *state)
 *
 * With tiers it checks, and calls one function of each,
 *
 *   NAME.TIER.run(in, out, arena)
 *
 * Both structs hold only pointers, so they are loaded as arrays. What the
 * checks of run have established is what the steps' noalias relies on. */
#include "codegen/module.h"

#include "codegen/lower.h"
#include "codegen/nest.h"

#include <assert.h>
#include <string.h>

static const LowerFn lower_table[K_COUNT] = {
#define KERNEL(name, match, cost, prepare, overlap, summary) lower_##name,
#include "plan/kernels.def"
#undef KERNEL
};

enum { ARGS_MAX = sizeof((StepArgs){0}.in) / sizeof(Val) };

/* Blobs and packed constants are known to the step; all else is passed. */
static bool is_passed(const Buffer *b) { return b && b->place != PLACE_const; }

static const Buffer *operand(const Step *s, int i) {
  return i < s->nin ? s->in[i] : s->out[i - s->nin];
}

static void add_scratch(Params *ps, const Step *s, int slot, int64_t offset,
                        int64_t bytes, int64_t stride) {
  Buffer b = {.place = PLACE_arena,
              .offset = s->scratch_offset + offset,
              .bytes = bytes};
  if (bytes)
    ps->v[ps->n++] = (Param){b, slot, true, stride};
}

/* What all parts share in slot n, what each has for itself in slot n + 1;
 * without a copy there is only that, as a whole in slot n. */
static void add_scratches(Params *ps, const Step *s, int n) {
  const Split *split = &s->split;
  if (!split->parts) {
    add_scratch(ps, s, n, 0, s->scratch_bytes, 0);
    return;
  }
  add_scratch(ps, s, n, 0, split->own_offset, 0);
  add_scratch(ps, s, n + (split->stage_parts > 0), split->own_offset,
              split->own_bytes, split->part_bytes);
}

static Params step_params(Cg *g, const Step *s) {
  int n = s->nin + s->op->nout;
  Params ps = {ARENA_ARRAY(g->arena, Param, n + 2), 0};
  for (int i = 0; i < n; i++)
    if (is_passed(operand(s, i)))
      ps.v[ps.n++] = (Param){*operand(s, i), i, i >= s->nin, 0};
  add_scratches(&ps, s, n);
  return ps;
}

static bool disjoint(const Buffer *a, const Buffer *b) {
  if (a->place != b->place || a->index != b->index)
    return true;
  return a->offset + a->bytes <= b->offset || b->offset + b->bytes <= a->offset;
}

static bool is_noalias(const Params *ps, int i) {
  for (int k = 0; k < ps->n; k++)
    if (k != i && (ps->v[i].written || ps->v[k].written) &&
        !disjoint(&ps->v[i].buffer, &ps->v[k].buffer))
      return false;
  return true;
}

/* Largest power of two that divides x, at most `most`. */
static int64_t common_align(int64_t x, int64_t most) {
  int64_t low = x & -x;
  return low && low < most ? low : most;
}

static int64_t buffer_align(const Plan *p, const Buffer *b) {
  bool own = b->place == PLACE_arena || b->place == PLACE_state;
  int bits = b->type ? dtype_bits(b->type->dtype) : 8;
  return common_align(b->offset, own ? p->arena_align : (bits + 7) / 8);
}

static int64_t param_align(const Plan *p, const Param *param) {
  int64_t align = buffer_align(p, &param->buffer);
  return param->stride ? common_align(param->stride, align) : align;
}

static void add_attribute(Cg *g, Val fn, LLVMAttributeIndex at,
                          const char *name, int64_t value) {
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LLVMAddAttributeAtIndex(
      fn, at, LLVMCreateEnumAttribute(g->ctx, kind, (uint64_t)value));
}

static void describe_params(Cg *g, Val fn, const Params *ps) {
  for (int i = 0; i < ps->n; i++) {
    const Buffer *b = &ps->v[i].buffer;
    LLVMAttributeIndex at = (LLVMAttributeIndex)i + 1;
    add_attribute(g, fn, at, "nonnull", 0);
    add_attribute(g, fn, at, "noundef", 0);
    add_attribute(g, fn, at, "align", param_align(g->plan, &ps->v[i]));
    int64_t bytes = ps->v[i].stride ? ps->v[i].stride : b->bytes;
    if (bytes > 0)
      add_attribute(g, fn, at, "dereferenceable", bytes);
    if (is_noalias(ps, i))
      add_attribute(g, fn, at, "noalias", 0);
  }
}

static StepArgs step_args(Cg *g, const Step *s, Val fn, const Params *ps) {
  int nin = s->nin, nout = s->op->nout;
  Val *v = ARENA_ARRAY(g->arena, Val, nin + nout + 2);
  for (int i = 0; i < ps->n; i++)
    v[ps->v[i].slot] = LLVMGetParam(fn, (unsigned)i);
  for (int i = 0; i < nin; i++)
    if (s->in[i] && s->in[i]->place == PLACE_const && s->in[i]->blob)
      v[i] = ll_gepc(g, ll_blob(g, s->in[i]->blob), s->in[i]->offset);
  StepArgs args = {
      .tail = v, .scratch = v[nin + nout], .own = v[nin + nout + 1]};
  args.parts = op_info(s->op->kind)->nout < 0 ? v + nin : v;
  for (int i = 0; i < nin && i < ARGS_MAX; i++)
    args.in[i] = v[i];
  for (int i = 0; i < nout && i < ARGS_MAX; i++)
    args.out[i] = v[nin + i];
  return args;
}

/* The function of a step, or of the copy that goes before it. What is split
 * takes the units that it is to do behind the pointers. */
static Val step_function(Cg *g, const Step *s, const Params *ps, SplitAxis axis,
                         const char *symbol) {
  Ty *types = ARENA_ARRAY(g->arena, Ty, ps->n + 2);
  for (int i = 0; i < ps->n; i++)
    types[i] = g->ptr;
  types[ps->n] = types[ps->n + 1] = g->idx;
  Val fn = cg_function(g, symbol, g->void_, types, ps->n + (axis ? 2 : 0));
  LLVMSetLinkage(fn, LLVMInternalLinkage);
  add_attribute(g, fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                "noinline", 0);
  describe_params(g, fn, ps);
  if (s->polly)
    cg_let_polly(fn);
  StepArgs args = step_args(g, s, fn, ps);
  args.axis = axis;
  args.first = axis ? LLVMGetParam(fn, (unsigned)ps->n) : NULL;
  args.last = axis ? LLVMGetParam(fn, (unsigned)ps->n + 1) : NULL;
  g->step = s;
  g->args = &args;
  if (axis == SPLIT_stage)
    lower_stage(g, s, &args);
  else
    lower_table[s->kernel - kernel_table](g, s, &args);
  LLVMBuildRetVoid(g->b);
  g->args = NULL;
  return fn;
}

static StepCode step_code(Cg *g, const Step *s) {
  StepCode c = {.step = s, .params = step_params(g, s)};
  if (s->split.stage_parts)
    c.stage = step_function(g, s, &c.params, SPLIT_stage,
                            arena_printf(g->arena, "%s.stage", s->symbol));
  c.fn = step_function(g, s, &c.params, s->split.axis, s->symbol);
  return c;
}

static Val buffer_address(Cg *g, const Bases *base, const Buffer *b) {
  switch (b->place) {
  case PLACE_arena:
    return ll_gepc(g, base->arena, b->offset);
  case PLACE_input:
    return ll_gepc(g, base->in[b->index], b->offset);
  case PLACE_output:
    return ll_gepc(g, base->out[b->index], b->offset);
  case PLACE_state:
    return ll_gepc(g, base->state, b->offset);
  case PLACE_const: /* never passed */
    break;
  }
  assert(0);
  return NULL;
}

void call_part(Cg *g, const Bases *base, Val fn, const Params *ps,
               const Part *part) {
  int n = ps->n;
  Val *args = ARENA_ARRAY(g->arena, Val, n + 2);
  for (int i = 0; i < n; i++) {
    args[i] = buffer_address(g, base, &ps->v[i].buffer);
    if (ps->v[i].stride && part->index)
      args[i] = ll_gep(g, args[i], ll_mulc(g, part->index, ps->v[i].stride));
  }
  if (part->first) {
    args[n++] = part->first;
    args[n++] = part->last;
  }
  LLVMBuildCall2(g->b, LLVMGlobalGetValueType(fn), fn, args, (unsigned)n, "");
}

static Part all_units(Cg *g, int64_t units) {
  return (Part){.first = ll_idx(g, 0), .last = ll_idx(g, units)};
}

void call_step(Cg *g, const Bases *base, const StepCode *c) {
  const Split *split = &c->step->split;
  Part stage = all_units(g, split->stage_units);
  Part all = split->parts ? all_units(g, split->units) : (Part){0};
  if (c->stage)
    call_part(g, base, c->stage, &c->params, &stage);
  call_part(g, base, c->fn, &c->params, &all);
}

/* The status checks; each group jumps to the common return when it fails. */
typedef struct Checks {
  LLVMBasicBlockRef fail;
  Val status; /* phi in fail */
} Checks;

static void check(Cg *g, Checks *c, Val bad, int status) {
  if (!bad)
    return;
  LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef next = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "ok");
  LLVMBuildCondBr(g->b, bad, c->fail, next);
  LLVMAddIncoming(c->status, (Val[]){ll_i32(g, status)}, &from, 1);
  LLVMPositionBuilderAtEnd(g->b, next);
}

/* a | b, where NULL is false. */
static Val either(Cg *g, Val a, Val b) { return a ? ll_or(g, a, b) : b; }

static Val is_null(Cg *g, Val p) { return LLVMBuildIsNull(g->b, p, ""); }

static Val address(Cg *g, Val p) {
  return LLVMBuildPtrToInt(g->b, p, g->idx, "");
}

static Val is_misaligned(Cg *g, Val p, int align) {
  Val low = ll_and(g, address(g, p), ll_idx(g, align - 1));
  return ll_icmp(g, LLVMIntNE, low, ll_idx(g, 0));
}

/* Memory of the caller, for the overlap check. */
typedef struct Region {
  Val p, bytes;
  bool read_only; /* two such may overlap */
} Region;

/* Modular differences need no care for the end of the address space. */
static Val overlap(Cg *g, const Region *a, const Region *b) {
  Val x = address(g, a->p), y = address(g, b->p);
  Val after = ll_icmp(g, LLVMIntULT, ll_sub(g, y, x), a->bytes);
  Val before = ll_icmp(g, LLVMIntULT, ll_sub(g, x, y), b->bytes);
  return ll_or(g, after, before);
}

/* Outputs of which any two are compared in the open; of more, in loops. */
enum { FEW_OUTPUTS = 24 };

static Region region(Cg *g, Val p, int64_t bytes, bool read_only) {
  return (Region){p, ll_idx(g, bytes), read_only};
}

/* Everything of the caller's but the outputs where they are many; how many
 * regions. */
static int caller_regions(Cg *g, const Bases *base, Region *r) {
  const Plan *p = g->plan;
  const Graph *graph = p->graph;
  int n = 0, nout = graph->outputs.n;
  for (int i = 0; i < graph->inputs.n; i++)
    r[n++] = region(g, base->in[i], type_bytes(graph->inputs.v[i]->type), true);
  for (int i = 0; i < nout && nout <= FEW_OUTPUTS; i++)
    r[n++] =
        region(g, base->out[i], type_bytes(graph->outputs.v[i]->type), false);
  if (p->arena_bytes)
    r[n++] = region(g, base->arena, p->arena_bytes, false);
  if (p->state_bytes)
    r[n++] = region(g, base->state, p->state_bytes, false);
  return n;
}

/* The sizes of all outputs, as words of an address' size. */
static const Blob *output_sizes(Cg *g, int width) {
  const Graph *graph = g->plan->graph;
  int n = graph->outputs.n;
  uint8_t *bytes = arena_alloc(g->arena, (size_t)(n * width));
  for (int i = 0; i < n; i++)
    for (int b = 0; b < width; b++)
      bytes[i * width + b] =
          (uint8_t)(type_bytes(graph->outputs.v[i]->type) >> 8 * b);
  Blob *blob = ARENA_NEW(g->arena, Blob);
  *blob = (Blob){arena_printf(g->arena, "%s.output_bytes", g->plan->name),
                 bytes, n * width, width};
  return blob;
}

/* Output i, as the struct of outputs has it. */
static Region output_region(Cg *g, Val out, Val sizes, Val i, int width) {
  Val at = ll_mulc(g, i, width);
  return (Region){ll_load(g, g->ptr, ll_gep(g, out, at), width),
                  ll_load(g, g->idx, ll_gep(g, sizes, at), width), false};
}

/* for each output a: for each region r: does it overlap a?
 *                    for each other output b: does it overlap a? */
static Val outputs_overlap(Cg *g, Val out, const Region *r, int n) {
  int64_t nout = g->plan->graph->outputs.n;
  int width = g->target->pointer_bits / 8;
  Val sizes = ll_blob(g, output_sizes(g, width)),
      bad = LLVMConstInt(g->i1, 0, 0);
  Loop i = loop_begin_carry(g, 0, nout, 1, 1, &bad);
  Region a = output_region(g, out, sizes, i.i, width);
  bad = i.carry[0];
  for (int k = 0; k < n; k++)
    bad = ll_or(g, bad, overlap(g, &a, &r[k]));
  Loop k = loop_begin_carry(g, 0, nout, 1, 1, &bad);
  Region b = output_region(g, out, sizes, k.i, width);
  Val other = ll_icmp(g, LLVMIntNE, i.i, k.i);
  bad = ll_or(g, k.carry[0], ll_and(g, other, overlap(g, &a, &b)));
  loop_end(g, &k, &bad);
  loop_end(g, &i, &k.carry[0]);
  return i.carry[0];
}

static Val any_overlap(Cg *g, const Bases *base, Val out) {
  const Graph *graph = g->plan->graph;
  Region *r =
      ARENA_ARRAY(g->arena, Region, graph->inputs.n + graph->outputs.n + 2);
  int n = caller_regions(g, base, r);
  Val bad = NULL;
  for (int i = 0; i < n; i++)
    for (int k = i + 1; k < n; k++)
      if (!(r[i].read_only && r[k].read_only))
        bad = either(g, bad, overlap(g, &r[i], &r[k]));
  return graph->outputs.n > FEW_OUTPUTS
             ? either(g, bad, outputs_overlap(g, out, r, n))
             : bad;
}

static Val load_member(Cg *g, Val members, int i) {
  int bytes = g->target->pointer_bits / 8;
  return ll_load(g, g->ptr, ll_gepc(g, members, (int64_t)i * bytes), bytes);
}

/* Loads the members of both structs; returns whether any is null. */
static Val load_members(Cg *g, Bases *base, Val in, Val out) {
  const Plan *p = g->plan;
  int nin = p->graph->inputs.n, nout = p->graph->outputs.n;
  base->in = ARENA_ARRAY(g->arena, Val, nin);
  base->out = ARENA_ARRAY(g->arena, Val, nout);
  Val bad = NULL;
  for (int i = 0; i < nin; i++) {
    base->in[i] = load_member(g, in, i);
    bad = either(g, bad, is_null(g, base->in[i]));
  }
  for (int i = 0; i < nout; i++) {
    base->out[i] = load_member(g, out, i);
    bad = either(g, bad, is_null(g, base->out[i]));
  }
  if (p->state_bytes) {
    base->state = load_member(g, in, nin);
    bad = either(g, bad, is_null(g, base->state));
  }
  return bad;
}

/* Status 1, 2 and 3; leaves the builder where all is well. */
static void check_arguments(Cg *g, Checks *c, Bases *base) {
  const Plan *p = g->plan;
  Val in = LLVMGetParam(g->fn, 0), out = LLVMGetParam(g->fn, 1);
  base->arena = LLVMGetParam(g->fn, 2);
  Val null = ll_or(g, is_null(g, in), is_null(g, out));
  if (p->arena_bytes)
    null = ll_or(g, null, is_null(g, base->arena));
  check(g, c, null, 1);
  check(g, c, load_members(g, base, in, out), 1);
  Val bad = NULL;
  if (p->arena_bytes && p->arena_align > 1)
    bad = is_misaligned(g, base->arena, p->arena_align);
  if (p->state_bytes && p->arena_align > 1)
    bad = either(g, bad, is_misaligned(g, base->state, p->arena_align));
  check(g, c, bad, 2);
  check(g, c, any_overlap(g, base, out), 3);
}

/* On AArch64 user code may not read the cycle counter. */
void note_clock(Cg *g, const Bases *base, int i) {
  if (!g->plan->opt.clocks)
    return;
  const char *counter = g->target->arch == ARCH_aarch64
                            ? "llvm.readsteadycounter"
                            : "llvm.readcyclecounter";
  Val at = ll_gepc(g, base->arena, g->plan->clocks_offset + 8 * (int64_t)i);
  ll_store(g, ll_intrinsic(g, counter, NULL, 0, NULL, 0), at, 8);
}

/* The steps of a tier, or all there are, in the function under construction.
 */
static void call_steps(Cg *g, const Bases *base, const StepCode *code) {
  int n = g->plan->steps.n;
  for (int i = 0; i < n; i++) {
    note_clock(g, base, i);
    call_step(g, base, &code[i]);
  }
  note_clock(g, base, n);
}

Bases run_begin(Cg *g, const char *name, int extra) {
  Ty types[RUN_PARAMS] = {g->ptr, g->ptr, g->ptr, g->ptr, g->ptr};
  cg_function(g, arena_printf(g->arena, "%s_%s", g->plan->name, name), g->i32,
              types, 3 + extra);
  LLVMBasicBlockRef entry = LLVMGetInsertBlock(g->b);
  Checks c = {LLVMAppendBasicBlockInContext(g->ctx, g->fn, "fail"), NULL};
  LLVMPositionBuilderAtEnd(g->b, c.fail);
  c.status = LLVMBuildPhi(g->b, g->i32, "status");
  LLVMBuildRet(g->b, c.status);
  LLVMPositionBuilderAtEnd(g->b, entry);
  if (extra)
    check(g, &c, is_null(g, LLVMGetParam(g->fn, 3)), 1);
  Bases base = {0};
  check_arguments(g, &c, &base);
  return base;
}

/* NAME.TIER.run, of arguments that have been checked, and of run_parallel. */
static Val tier_function(Cg *g, const StepCode *code, const char *name,
                         int extra) {
  Ty types[RUN_PARAMS] = {g->ptr, g->ptr, g->ptr, g->ptr, g->ptr};
  Parallel parallel = extra ? parallel_new(g, code) : (Parallel){NULL};
  Val fn =
      cg_function(g, arena_printf(g->arena, "%s.%s", g->plan->prefix, name),
                  g->void_, types, 3 + extra);
  LLVMSetLinkage(fn, LLVMInternalLinkage);
  add_attribute(g, fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                "noinline", 0);
  Bases base = {.arena = LLVMGetParam(fn, 2)};
  load_members(g, &base, LLVMGetParam(fn, 0), LLVMGetParam(fn, 1));
  if (extra)
    parallel_steps(g, &base, code, &parallel);
  else
    call_steps(g, &base, code);
  LLVMBuildRetVoid(g->b);
  return fn;
}

/* `code`: all that there is; or, of each tier, its function `run`. */
static void run_function(Cg *g, const StepCode *code, Val *run) {
  Bases base = run_begin(g, "run", 0);
  if (run)
    tier_dispatch(g, run, 3);
  else
    call_steps(g, &base, code);
  LLVMBuildRet(g->b, ll_i32(g, 0));
}

static void run_parallel_function(Cg *g, const StepCode *code, Val *run) {
  Parallel parallel = run ? (Parallel){NULL} : parallel_new(g, code);
  Bases base = run_begin(g, "run_parallel", 2);
  if (run)
    tier_dispatch(g, run, 5);
  else
    parallel_steps(g, &base, code, &parallel);
  LLVMBuildRet(g->b, ll_i32(g, 0));
}

/* A state's first bytes; without an initial value its zero points. */
static Val initial_state(Cg *g, const State *s) {
  const Type *t = s->in->type;
  int64_t n = type_bytes(t), zero = type_zero_point(t);
  uint8_t *bytes = arena_alloc(g->arena, (size_t)n);
  int width = dtype_bits(t->dtype) / 8;
  if (s->init)
    memcpy(bytes, s->init->init->data, (size_t)n);
  else
    for (int64_t i = 0; width && type_is_quantized(t) && i < n; i++)
      bytes[i] = (uint8_t)(zero >> (i % width * 8));
  Blob *blob = ARENA_NEW(g->arena, Blob);
  *blob = (Blob){arena_printf(g->arena, "%s.state%d", g->plan->name, s->in->id),
                 bytes, n, g->target->simd_align};
  return ll_blob(g, blob);
}

static void reset_function(Cg *g) {
  const Plan *p = g->plan;
  Ty types[1] = {g->ptr};
  cg_function(g, arena_printf(g->arena, "%s_reset", p->name), g->void_, types,
              1);
  Bases base = {.state = LLVMGetParam(g->fn, 0)};
  for (int i = 0; i < p->graph->states.n; i++) {
    const State *s = &p->graph->states.v[i];
    Val to = buffer_address(g, &base, p->of_value[s->in->id]);
    Val from = initial_state(g, s);
    Loop l = loop_begin(g, 0, type_bytes(s->in->type), 1);
    ll_store(g, ll_load(g, g->i8, ll_gep(g, from, l.i), 1), ll_gep(g, to, l.i),
             1);
    loop_end(g, &l, NULL);
  }
  LLVMBuildRetVoid(g->b);
}

/* A section for each function and constant, so that a linker can drop and
 * place them one by one. */
static void set_sections(Cg *g) {
  for (Val v = LLVMGetFirstFunction(g->mod); v; v = LLVMGetNextFunction(v))
    if (LLVMCountBasicBlocks(v))
      LLVMSetSection(v, arena_printf(g->arena, ".text.%s",
                                     LLVMGetValueName2(v, &(size_t){0})));
  for (Val v = LLVMGetFirstGlobal(g->mod); v; v = LLVMGetNextGlobal(v))
    if (LLVMIsGlobalConstant(v))
      LLVMSetSection(v, arena_printf(g->arena, ".rodata.%s",
                                     LLVMGetValueName2(v, &(size_t){0})));
}

static StepCode *step_codes(Cg *g) {
  const Plan *p = g->plan;
  StepCode *code = ARENA_ARRAY(g->arena, StepCode, p->steps.n + 1);
  for (int i = 0; i < p->steps.n; i++)
    code[i] = step_code(g, p->steps.v[i]);
  return code;
}

/* Every tier is compiled as if it were alone; what is seen from outside is
 * for the first of them, which all machines have. */
bool lower_module(Cg *g) {
  Plan *head = g->plan;
  int errors = diag_error_count(g->diag), n = head->tiers.n;
  Val *run = n > 1 ? ARENA_ARRAY(g->arena, Val, n) : NULL;
  Val *parallel = n > 1 ? ARENA_ARRAY(g->arena, Val, n) : NULL;
  StepCode *code = NULL;
  for (int i = 0; i < n; i++) {
    g->plan = head->tiers.v[i];
    g->target = g->plan->target;
    code = step_codes(g);
    if (run)
      run[i] = tier_function(g, code, "run", 0);
    if (run && head->opt.threads)
      parallel[i] = tier_function(g, code, "run_parallel", 2);
  }
  g->plan = head;
  g->target = head->target;
  run_function(g, code, run);
  if (head->opt.threads)
    run_parallel_function(g, code, parallel);
  if (head->state_bytes)
    reset_function(g);
  if (g->target->arch != ARCH_wasm32)
    set_sections(g);
  return diag_error_count(g->diag) == errors;
}
