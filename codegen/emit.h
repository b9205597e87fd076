/* What the files that turn a plan into bytes share; private to codegen/. */
#ifndef KILN_CODEGEN_EMIT_H
#define KILN_CODEGEN_EMIT_H

#include <llvm-c/TargetMachine.h>

#include "codegen/codegen.h"
#include "codegen/ll.h"
#include "codegen/object.h"

/* machine.c: LLVM's code generator for a target. NULL: errors in d. */
LLVMTargetMachineRef machine_new(const Target *t, int opt_level, Diag *d);
/* Object or assembly of `mod`, which is used up by it: emit a clone when it
 * is needed again. Bytes are in `a`. */
bool machine_emit(LLVMTargetMachineRef tm, LLVMModuleRef mod,
                  LLVMCodeGenFileType kind, Arena *a, Diag *d, Bytes *out);
/* An empty module for the machine, called `name` in its file symbol. */
LLVMModuleRef machine_module(LLVMTargetMachineRef tm, LLVMContextRef ctx,
                             const Target *t, const char *name);
/* Parses IR text (our own: an error is an internal one) as such a module. */
LLVMModuleRef machine_parse(LLVMTargetMachineRef tm, LLVMContextRef ctx,
                            const Target *t, const char *name, const char *text,
                            Diag *d);

/* Attributes that every function of an object carries. */
void function_attributes(LLVMContextRef ctx, const Target *t, bool for_size,
                         Val fn);

/* cg.c: a module under construction for t, in context c, which it owns from
 * now on. The caller sets plan, arena, diag, for_size. */
void cg_begin(Cg *g, const Target *t, LLVMTargetMachineRef tm, LLVMContextRef c,
              const char *name);
void cg_end(Cg *g); /* one that never began: nothing */
/* A function with its entry block, which the builder is left in. */
Val cg_function(Cg *g, const char *name, Ty result, Ty *types, int n);
/* Lets Polly rearrange the loops of a function, which else it may not. */
void cg_let_polly(Val fn);
/* Is the module sound? Else E0901. */
bool cg_verify(Cg *g, LLVMModuleRef mod);

/* Makes LLVM tell its context's diagnostic handler fn's frame size. */
void function_reports_frame(LLVMContextRef ctx, Val fn);

/* template.c: adds `text` with ^0 ... ^9 replaced by args. */
void template_add(Str *out, const char *text, const char *const *args);

/* libcalls.c: IR text of the routine `name` that instruction selection may
 * call, in the form for t; NULL: there is none of that name. */
const char *libcall_text(Arena *a, const Target *t, const char *name);
/* soft_float.c: the same of floats, with ^0 in place of the name. */
const char *soft_float_text(const char *name);

/* check.c: the promises about an emitted object, of which one for tests may
 * show its tier. false: E0902 in d. */
bool object_check(const ObjectFile *o, const Plan *p, bool open_tier);
/* Names that a linker defines for every module of the target. */
bool is_linker_symbol(const Target *t, const char *symbol);

/* Bytes of stack that each function takes by itself, as LLVM reports them
 * while emitting; functions without a frame are absent. */
typedef struct Frame {
  const char *function;
  int64_t bytes;
} Frame;
typedef struct Frames {
  Arena *arena;
  ARRAY(Frame) list;
} Frames;

/* stack.c: what the functions take of the stack, each by itself and along
 * the deepest chain of calls from `entry`: fills out->functions (arena `a`)
 * and out->stack_bytes. false: recursion (E0901 in d). */
bool stack_measure(const ObjectFile *o, const Frames *frames, const Target *t,
                   const char *entry, Arena *a, Diag *d, ObjectSizes *out);

/* header.c */
void header_write(Str *out, const Plan *p, const ObjectSizes *sizes);

#endif
