/* The most that a core can do: sums in registers, enough of them that none
 * waits for itself, and no memory in between.
 *
 *   for turn: for i < sums: sum[i] += dot(x, w)
 *
 * x is hidden from LLVM each time, or it would compute the product once, and
 * carried from turn to turn, or it would do so before the loop. */
#include <string.h>

#include "codegen/emit.h"
#include "codegen/loaded.h"
#include "codegen/nest.h"
#include "codegen/targets/dot.h"
#include "support/clock.h"

enum { TURNS = 1 << 14, CALLS = 40, DATA_BYTES = 256 };

typedef void PeakFn(void *data);

/* What a turn is made of. */
typedef struct Peak {
  Cg g;
  const DotOps *ops; /* NULL: f32 */
  ConvParams shape;  /* as far as ops look */
  int sums;
} Peak;

/* x hidden as number i: LLVM takes equal code for equal values. */
static Val hidden(Cg *g, Val x, int i) {
  Ty t = LLVMTypeOf(x), fn = LLVMFunctionType(t, &t, 1, 0);
  const char *text = arena_printf(g->arena, "# %d", i);
  Val code = LLVMGetInlineAsm(fn, text, strlen(text), "=v,0", 4, 0, 0,
                              LLVMInlineAsmDialectATT, 0);
  return LLVMBuildCall2(g->b, fn, code, &x, 1, "");
}

static Val hidden_mac(Peak *p, int i, Val sum, Val x, Val w) {
  Cg *g = &p->g;
  x = hidden(g, x, i);
  if (p->ops)
    return p->ops->mac(g, &p->shape, sum, x, w);
  Ty over[] = {LLVMTypeOf(sum)};
  return ll_intrinsic(g, "llvm.fma", over, 1, (Val[]){x, w, sum}, 3);
}

static void lower_peak(Peak *p) {
  Cg *g = &p->g;
  Ty types[] = {g->ptr};
  Val fn = cg_function(g, "peak", g->void_, types, 1);
  Val data = LLVMGetParam(fn, 0), init[NEST_MAX_CARRY], next[NEST_MAX_CARRY];
  Ty sum = ll_vec(p->ops ? g->i32 : g->f32, p->shape.lanes);
  Val x =
      p->ops ? p->ops->inputs(g, &p->shape, data, 1) : ll_load(g, sum, data, 1);
  if (p->ops && p->ops->pick)
    x = p->ops->pick(g, x, x, 0);
  Val w = p->ops ? p->ops->weights(g, &p->shape, data) : x;
  for (int i = 0; i < p->sums; i++)
    init[i] = LLVMConstNull(sum);
  int n = p->sums;
  init[n] = x;
  Loop l = loop_begin_carry(g, 0, TURNS, 1, n + 1, init);
  for (int i = 0; i < n; i++)
    next[i] = hidden_mac(p, i, l.carry[i], l.carry[n], w);
  next[n] = hidden(g, l.carry[n], n);
  loop_end(g, &l, next);
  for (int i = 0; i < n; i++)
    ll_store(g, ll_hide(g, l.carry[i]), data, 1);
  LLVMBuildRetVoid(g->b);
}

static double least_seconds(PeakFn *fn) {
  static _Alignas(64) unsigned char data[DATA_BYTES];
  double least = 1e9;
  for (int i = 0; i < CALLS; i++) {
    double start = clock_seconds();
    fn(data);
    double took = clock_seconds() - start;
    least = took < least ? took : least;
  }
  return least;
}

static bool measure(Peak *p, LLVMTargetMachineRef tm, double *seconds) {
  Bytes object;
  PeakFn *fn;
  lower_peak(p);
  if (!cg_verify(&p->g, p->g.mod) ||
      !machine_emit(tm, p->g.mod, LLVMObjectFile, p->g.arena, p->g.diag,
                    &object))
    return false;
  Loaded *l = loaded_new(p->g.diag, E0901, object, "peak", NULL);
  bool ok = l && loaded_symbol(l, "peak", &fn);
  if (ok)
    *seconds = least_seconds(fn);
  loaded_free(l);
  return ok;
}

bool codegen_peak(const Target *t, bool floats, Diag *d, double *gmacs) {
  int group = floats ? 1 : dot_group(t->dot);
  Peak p = {.ops = floats ? NULL : dot_ops(t->dot),
            .shape = {.lanes = t->vector_bytes / 4, .in_type = DT_i8}};
  *gmacs = 0;
  if (!p.shape.lanes || (floats ? !t->fma : !p.ops))
    return true;
  p.sums = t->nvregs > 16 ? 24 : 12;
  LLVMTargetMachineRef tm = machine_new(t, 2, d);
  if (!tm)
    return false;
  cg_begin(&p.g, t, tm, LLVMContextCreate(), "peak");
  p.g.arena = arena_new();
  p.g.diag = d;
  double seconds = 0;
  bool ok = measure(&p, tm, &seconds);
  if (ok)
    *gmacs = 1e-9 * (double)TURNS * p.sums * p.shape.lanes * group / seconds;
  cg_end(&p.g);
  arena_free(p.g.arena);
  LLVMDisposeTargetMachine(tm);
  return ok;
}
