/* polly.cpp: the only C++ of the tree. */
#ifndef KILN_CODEGEN_POLLY_H
#define KILN_CODEGEN_POLLY_H

#include <llvm-c/Error.h>
#include <llvm-c/TargetMachine.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Rearranges the loops of mod's functions, but of those that have the
 * attribute "polly.skip.fn"; before LLVM's own passes. */
LLVMErrorRef polly_rearrange(LLVMModuleRef mod, LLVMTargetMachineRef tm);

#ifdef __cplusplus
}
#endif
#endif
