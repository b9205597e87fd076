#include "codegen/emit.h"

#include <llvm-c/Analysis.h>

void cg_begin(Cg *g, const Target *t, LLVMTargetMachineRef tm, LLVMContextRef c,
              const char *name) {
  *g = (Cg){.target = t,
            .ctx = c,
            .mod = machine_module(tm, c, t, name),
            .b = LLVMCreateBuilderInContext(c),
            .void_ = LLVMVoidTypeInContext(c),
            .i1 = LLVMInt1TypeInContext(c),
            .i8 = LLVMInt8TypeInContext(c),
            .i16 = LLVMInt16TypeInContext(c),
            .i32 = LLVMInt32TypeInContext(c),
            .i64 = LLVMInt64TypeInContext(c),
            .f32 = LLVMFloatTypeInContext(c),
            .f64 = LLVMDoubleTypeInContext(c),
            .ptr = LLVMPointerTypeInContext(c, 0)};
  g->idx = t->pointer_bits == 64 ? g->i64 : g->i32;
}

void cg_end(Cg *g) {
  if (!g->b)
    return;
  LLVMDisposeBuilder(g->b);
  LLVMDisposeModule(g->mod);
  LLVMContextDispose(g->ctx);
}

static const char polly_skip[] = "polly.skip.fn";

void cg_let_polly(Val fn) {
  LLVMRemoveStringAttributeAtIndex(
      fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex, polly_skip,
      sizeof polly_skip - 1);
}

static void keep_polly_out(Cg *g, Val fn) {
  LLVMAddAttributeAtIndex(fn, (LLVMAttributeIndex)LLVMAttributeFunctionIndex,
                          LLVMCreateStringAttribute(g->ctx, polly_skip,
                                                    sizeof polly_skip - 1, "",
                                                    0));
}

Val cg_function(Cg *g, const char *name, Ty result, Ty *types, int n) {
  Ty t = LLVMFunctionType(result, types, (unsigned)n, 0);
  Val fn = LLVMAddFunction(g->mod, name, t);
  function_attributes(g->ctx, g->target, g->for_size, fn);
  function_reports_frame(g->ctx, fn);
  if (g->plan && g->plan->opt.polly)
    keep_polly_out(g, fn);
  g->fn = fn;
  LLVMBasicBlockRef entry = LLVMAppendBasicBlockInContext(g->ctx, fn, "entry");
  LLVMPositionBuilderAtEnd(g->b, entry);
  return fn;
}

bool cg_verify(Cg *g, LLVMModuleRef mod) {
  char *why = NULL;
  bool bad = LLVMVerifyModule(mod, LLVMReturnStatusAction, &why);
  if (bad)
    diag_error(g->diag, E0901, (Loc){0}, "invalid module: %s", why);
  LLVMDisposeMessage(why);
  return !bad;
}
