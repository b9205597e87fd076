/* How an object with several tiers chooses. The tables of plan/cpu.h become
 *
 *   NAME_run:  t = word, or choose() where that is 0
 *              switch (t): NAME.v2.run(..), NAME.v3.run(..), ...
 *   choose:    each register that a tier asks about, once, as its guard says
 *              met[needs] = fields are large enough, and met[base]
 *              word = 1 + the last tier whose needs are met
 *
 * Whoever asks gets the same answer, so the word is written without order by
 * as many as come. The first tier is what machines have to have. Where the
 * caller chooses there is no choose(): 0 is the first tier, too. */
#include "codegen/emit.h"
#include "codegen/lower.h"
#include "codegen/module.h"

#include <string.h>

/* choose() under construction. */
typedef struct Choice {
  Cg *g;
  Val word[CPU_WORDS]; /* i32 or i64; NULL: not read yet */
  const CpuNeeds *needs[2 * CPU_WORDS];
  Val met[2 * CPU_WORDS]; /* i1, of needs */
  int n;
} Choice;

static Val call_asm(Cg *g, Ty result, const char *text, const char *constraints,
                    Val *args, unsigned n) {
  Ty types[4];
  for (unsigned i = 0; i < n; i++)
    types[i] = LLVMTypeOf(args[i]);
  Ty fn = LLVMFunctionType(result, types, n, 0);
  Val code =
      LLVMGetInlineAsm(fn, text, strlen(text), constraints, strlen(constraints),
                       1, 0, LLVMInlineAsmDialectATT, 0);
  return LLVMBuildCall2(g->b, fn, code, args, n, "");
}

static Val read_cpuid(Cg *g, const CpuSource *s) {
  Ty regs = LLVMStructTypeInContext(
      g->ctx, (Ty[]){g->i32, g->i32, g->i32, g->i32}, 4, 0);
  Val args[] = {ll_i32(g, s->leaf), ll_i32(g, s->subleaf)};
  Val r = call_asm(g, regs, "cpuid", "={ax},={bx},={cx},={dx},0,2", args, 2);
  return LLVMBuildExtractValue(g->b, r, (unsigned)s->reg, "");
}

static Val read_xcr0(Cg *g) {
  Ty regs = LLVMStructTypeInContext(g->ctx, (Ty[]){g->i32, g->i32}, 2, 0);
  Val args[] = {ll_i32(g, 0)};
  Val r = call_asm(g, regs, "xgetbv", "={ax},={dx},{cx}", args, 1);
  return LLVMBuildExtractValue(g->b, r, 0, "");
}

/* A kernel that does not know the question writes nothing. */
static Val read_permitted(Cg *g) {
  enum { ARCH_PRCTL = 158, ARCH_GET_XCOMP_PERM = 0x1022 };
  Val mask = LLVMBuildAlloca(g->b, g->i64, "");
  ll_store(g, ll_i64(g, 0), mask, 8);
  Val args[] = {ll_i64(g, ARCH_PRCTL), ll_i64(g, ARCH_GET_XCOMP_PERM), mask};
  call_asm(g, g->i64, "syscall", "={ax},0,{di},{si},~{rcx},~{r11},~{memory}",
           args, 3);
  return LLVMBuildTrunc(g->b, ll_load(g, g->i64, mask, 8), g->i32, "");
}

static Val read_source(Cg *g, const CpuSource *s) {
  switch (s->reader) {
  case CPU_BY_cpuid:
    return read_cpuid(g, s);
  case CPU_BY_xgetbv:
    return read_xcr0(g);
  case CPU_BY_permitted:
    return read_permitted(g);
  case CPU_BY_mrs:
    break;
  }
  return call_asm(g, g->i64, arena_printf(g->arena, "mrs $0, %s", s->name),
                  "=r", NULL, 0);
}

static Val need_met(Choice *c, const CpuNeed *n);

/* if (guard) x = read() else x = 0 */
static Val read_guarded(Choice *c, const CpuSource *s) {
  Cg *g = c->g;
  Val met = need_met(c, &s->guard);
  LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef ask = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "ask");
  LLVMBasicBlockRef on = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "on");
  LLVMBuildCondBr(g->b, met, ask, on);
  LLVMPositionBuilderAtEnd(g->b, ask);
  Val x = read_source(g, s);
  LLVMBuildBr(g->b, on);
  LLVMPositionBuilderAtEnd(g->b, on);
  Val phi = LLVMBuildPhi(g->b, LLVMTypeOf(x), "");
  LLVMAddIncoming(phi, (Val[]){x, LLVMConstNull(LLVMTypeOf(x))},
                  (LLVMBasicBlockRef[]){ask, from}, 2);
  return phi;
}

static Val cpu_word(Choice *c, CpuWord w) {
  const CpuSource *s = &cpu_sources[w];
  if (!c->word[w])
    c->word[w] = s->guard.bits ? read_guarded(c, s) : read_source(c->g, s);
  return c->word[w];
}

static Val need_met(Choice *c, const CpuNeed *n) {
  Cg *g = c->g;
  Val x = ll_lshrc(g, cpu_word(c, n->word), n->shift);
  Ty t = LLVMTypeOf(x);
  Val mask = LLVMConstInt(t, (1ull << n->bits) - 1, 0);
  return ll_icmp(g, LLVMIntUGE, ll_and(g, x, mask),
                 LLVMConstInt(t, n->least, 0));
}

/* NULL stands for true. */
static Val needs_met(Choice *c, const CpuNeeds *needs) {
  Val met = NULL;
  for (int i = 0; i < c->n; i++)
    if (c->needs[i] == needs)
      return c->met[i];
  if (needs && needs->base)
    met = needs_met(c, needs->base);
  for (int i = 0; needs && i < CPU_MOST_NEEDS; i++)
    if (needs->need[i].bits) {
      Val m = need_met(c, &needs->need[i]);
      met = met ? ll_and(c->g, met, m) : m;
    }
  c->needs[c->n] = needs;
  return c->met[c->n++] = met;
}

/* Where the tier is noted, 1 more than its index. */
static Val tier_word(Cg *g) {
  bool open = g->open_tier || g->plan->opt.caller_tier;
  const char *name =
      arena_printf(g->arena, open ? "%s_tier" : "%s.tier", g->plan->name);
  Val word = LLVMGetNamedGlobal(g->mod, name);
  if (word) /* of another function that chooses */
    return word;
  word = LLVMAddGlobal(g->mod, g->i32, name);
  LLVMSetInitializer(word, ll_i32(g, 0));
  LLVMSetAlignment(word, 4);
  LLVMSetSection(word, arena_printf(g->arena, ".bss.%s", name));
  if (!open)
    LLVMSetLinkage(word, LLVMInternalLinkage);
  return word;
}

/* The function that asks the machine, notes the tier in the word and returns
 * what it noted. */
static Val tier_choice(Cg *g, Val word) {
  const Plan *p = g->plan;
  Val fn = cg_function(g, arena_printf(g->arena, "%s.choose", p->name), g->i32,
                       NULL, 0);
  LLVMSetLinkage(fn, LLVMInternalLinkage);
  Choice c = {.g = g};
  Val best = ll_i32(g, 1);
  for (int i = 1; i < p->tiers.n; i++) {
    Val met = needs_met(&c, p->tiers.v[i]->target->needs);
    best = met ? ll_select(g, met, ll_i32(g, i + 1), best) : ll_i32(g, i + 1);
  }
  Val store = LLVMBuildStore(g->b, best, word);
  LLVMSetAlignment(store, 4);
  LLVMSetOrdering(store, LLVMAtomicOrderingMonotonic);
  LLVMBuildRet(g->b, best);
  return fn;
}

static Val load_word(Cg *g, Val word) {
  Val t = LLVMBuildLoad2(g->b, g->i32, word, "");
  LLVMSetAlignment(t, 4);
  LLVMSetOrdering(t, LLVMAtomicOrderingMonotonic);
  return t;
}

/* choose(), beside the function under construction. */
static Val other_function(Cg *g, Val word) {
  Val fn = g->fn,
      have = LLVMGetNamedFunction(
          g->mod, arena_printf(g->arena, "%s.choose", g->plan->name));
  if (have)
    return have;
  LLVMBasicBlockRef here = LLVMGetInsertBlock(g->b);
  Val choose = tier_choice(g, word);
  g->fn = fn;
  LLVMPositionBuilderAtEnd(g->b, here);
  return choose;
}

/* The word, or what choose() makes of it. */
static Val chosen(Cg *g, Val word) {
  Val choose = other_function(g, word), t = load_word(g, word);
  LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef ask = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "ask");
  LLVMBasicBlockRef on = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "on");
  LLVMBuildCondBr(g->b, ll_icmp(g, LLVMIntEQ, t, ll_i32(g, 0)), ask, on);
  LLVMPositionBuilderAtEnd(g->b, ask);
  Val asked =
      LLVMBuildCall2(g->b, LLVMGlobalGetValueType(choose), choose, NULL, 0, "");
  LLVMBuildBr(g->b, on);
  LLVMPositionBuilderAtEnd(g->b, on);
  Val phi = LLVMBuildPhi(g->b, g->i32, "tier");
  LLVMAddIncoming(phi, (Val[]){t, asked}, (LLVMBasicBlockRef[]){from, ask}, 2);
  return phi;
}

void tier_dispatch(Cg *g, Val *run, int params) {
  int n = g->plan->tiers.n;
  Val fn = g->fn, word = tier_word(g);
  Val t = g->plan->opt.caller_tier ? load_word(g, word) : chosen(g, word);
  LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(g->ctx, fn, "done");
  LLVMBasicBlockRef first = LLVMAppendBasicBlockInContext(g->ctx, fn, "first");
  Val sw = LLVMBuildSwitch(g->b, t, first, (unsigned)n - 1);
  Val args[RUN_PARAMS];
  LLVMGetParams(fn, args);
  for (int i = 0; i < n; i++) {
    LLVMBasicBlockRef block =
        i ? LLVMAppendBasicBlockInContext(g->ctx, fn, "tier") : first;
    if (i)
      LLVMAddCase(sw, ll_i32(g, i + 1), block);
    LLVMPositionBuilderAtEnd(g->b, block);
    LLVMBuildCall2(g->b, LLVMGlobalGetValueType(run[i]), run[i], args,
                   (unsigned)params, "");
    LLVMBuildBr(g->b, done);
  }
  LLVMPositionBuilderAtEnd(g->b, done);
}
