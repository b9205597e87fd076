/* LLVM's code generators by target row, and text or module -> bytes. */
#include <llvm-c/Analysis.h>
#include <llvm-c/ErrorHandling.h>
#include <llvm-c/IRReader.h>
#include <llvm-c/Support.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/emit.h"

/* LLVM calls this where it can't go on; it must not return. */
static void llvm_fatal(const char *reason) {
  fprintf(stderr, "kiln: error E0901: LLVM: %s\n", reason);
  exit(EXIT_INTERNAL);
}

#define INIT_TARGET(T)                                                         \
  (LLVMInitialize##T##TargetInfo(), LLVMInitialize##T##Target(),               \
   LLVMInitialize##T##TargetMC(), LLVMInitialize##T##AsmPrinter(),             \
   LLVMInitialize##T##AsmParser())

/* LLVM 19 moves an MVE scatter store with a write-back four times too far when
 * its offsets are counted in bytes, as ours are. */
static void set_options(void) {
  static const char *const options[] = {"kiln",
                                        "-enable-arm-maskedgatscat=false"};
  LLVMParseCommandLineOptions(2, options, "");
}

static void init_llvm(void) {
  static bool done;
  if (done)
    return;
  done = true;
  LLVMInstallFatalErrorHandler(llvm_fatal);
  INIT_TARGET(X86);
  INIT_TARGET(AArch64);
  INIT_TARGET(ARM);
  INIT_TARGET(RISCV);
  INIT_TARGET(WebAssembly);
  set_options();
}

static LLVMCodeGenOptLevel codegen_level(int opt_level) {
  static const LLVMCodeGenOptLevel level[] = {
      LLVMCodeGenLevelNone, LLVMCodeGenLevelLess, LLVMCodeGenLevelDefault,
      LLVMCodeGenLevelAggressive};
  return level[opt_level];
}

LLVMTargetMachineRef machine_new(const Target *t, int opt_level, Diag *d) {
  init_llvm();
  LLVMTargetRef target;
  char *why = NULL;
  if (LLVMGetTargetFromTriple(t->triple, &target, &why)) {
    diag_error(d, E0304, (Loc){0}, "%s: %s", t->triple, why);
    LLVMDisposeMessage(why);
    return NULL;
  }
  LLVMTargetMachineOptionsRef o = LLVMCreateTargetMachineOptions();
  LLVMTargetMachineOptionsSetCPU(o, t->cpu);
  LLVMTargetMachineOptionsSetFeatures(o, t->features);
  LLVMTargetMachineOptionsSetABI(o, t->abi);
  LLVMTargetMachineOptionsSetCodeGenOptLevel(o, codegen_level(opt_level));
  LLVMTargetMachineOptionsSetRelocMode(
      o, t->position_independent ? LLVMRelocPIC : LLVMRelocStatic);
  LLVMTargetMachineRef tm =
      LLVMCreateTargetMachineWithOptions(target, t->triple, o);
  LLVMDisposeTargetMachineOptions(o);
  if (!tm)
    diag_error(d, E0304, (Loc){0}, "LLVM has no code generator for %s",
               t->triple);
  return tm;
}

static void describe_module(LLVMTargetMachineRef tm, LLVMModuleRef mod,
                            const Target *t, const char *name) {
  LLVMSetModuleIdentifier(mod, name, strlen(name));
  LLVMSetSourceFileName(mod, name, strlen(name));
  LLVMSetTarget(mod, t->triple);
  LLVMTargetDataRef layout = LLVMCreateTargetDataLayout(tm);
  LLVMSetModuleDataLayout(mod, layout);
  LLVMDisposeTargetData(layout);
}

LLVMModuleRef machine_module(LLVMTargetMachineRef tm, LLVMContextRef ctx,
                             const Target *t, const char *name) {
  LLVMModuleRef mod = LLVMModuleCreateWithNameInContext(name, ctx);
  describe_module(tm, mod, t, name);
  return mod;
}

LLVMModuleRef machine_parse(LLVMTargetMachineRef tm, LLVMContextRef ctx,
                            const Target *t, const char *name, const char *text,
                            Diag *d) {
  LLVMMemoryBufferRef buf =
      LLVMCreateMemoryBufferWithMemoryRangeCopy(text, strlen(text), name);
  LLVMModuleRef mod;
  char *why = NULL;
  if (LLVMParseIRInContext(ctx, buf, &mod, &why)) {
    diag_error(d, E0901, (Loc){0}, "IR text of %s: %s", name, why);
    LLVMDisposeMessage(why);
    return NULL;
  }
  describe_module(tm, mod, t, name);
  return mod;
}

bool machine_emit(LLVMTargetMachineRef tm, LLVMModuleRef mod,
                  LLVMCodeGenFileType kind, Arena *a, Diag *d, Bytes *out) {
  LLVMMemoryBufferRef buf;
  char *why = NULL;
  if (LLVMTargetMachineEmitToMemoryBuffer(tm, mod, kind, &why, &buf)) {
    diag_error(d, E0901, (Loc){0}, "LLVM: %s", why);
    LLVMDisposeMessage(why);
    return false;
  }
  out->bytes = LLVMGetBufferSize(buf);
  out->data = arena_dup(a, LLVMGetBufferStart(buf), out->bytes);
  LLVMDisposeMemoryBuffer(buf);
  return true;
}

/* LLVMAttributeFunctionIndex is a negative enumerator of an unsigned type. */
static const LLVMAttributeIndex on_function =
    (LLVMAttributeIndex)LLVMAttributeFunctionIndex;

static void add_string(LLVMContextRef ctx, Val fn, const char *key,
                       const char *value) {
  LLVMAttributeRef attr = LLVMCreateStringAttribute(
      ctx, key, (unsigned)strlen(key), value, (unsigned)strlen(value));
  LLVMAddAttributeAtIndex(fn, on_function, attr);
}

static void add_flag(LLVMContextRef ctx, Val fn, const char *name) {
  unsigned kind = LLVMGetEnumAttributeKindForName(name, strlen(name));
  LLVMAddAttributeAtIndex(fn, on_function,
                          LLVMCreateEnumAttribute(ctx, kind, 0));
}

void function_attributes(LLVMContextRef ctx, const Target *t, bool for_size,
                         Val fn) {
  add_flag(ctx, fn, "nounwind");
  add_flag(ctx, fn, "noredzone"); /* would be stack that no frame shows */
  add_string(ctx, fn, "no-builtins", "");
  add_string(ctx, fn, "frame-pointer", "none");
  add_string(ctx, fn, "target-cpu", t->cpu);
  if (*t->features)
    add_string(ctx, fn, "target-features", t->features);
  if (t->vector_bytes == 64) {
    add_string(ctx, fn, "prefer-vector-width", "512");
    add_string(ctx, fn, "min-legal-vector-width", "512");
  }
  if (for_size)
    add_flag(ctx, fn, "optsize");
}

void function_stays_scalar(LLVMContextRef ctx, Val fn) {
  add_flag(ctx, fn, "noimplicitfloat");
}

void function_reports_frame(LLVMContextRef ctx, Val fn) {
  add_string(ctx, fn, "warn-stack-size", "0");
}
