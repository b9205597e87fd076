/* Polly by itself, before LLVM's own pipeline: the C API has no hook for it,
 * but LLVM's library contains it, and what it lacks is a pass builder that
 * Polly is registered with. Functions that it is to leave alone are not even
 * canonicalized, so that they stay what they are without it.
 *
 * The passes are spelled out, which needs no options of the process; and
 * values that loops carry stay in registers (no delicm, no optree): where
 * Polly 19 moves a vector into an array, it takes the type's own alignment for
 * granted, which arrays of the caller's do not have. */
#include <llvm-c/Error.h>
#include <llvm-c/TargetMachine.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/Error.h>
#include <llvm/Target/TargetMachine.h>
#include <polly/RegisterPasses.h>

#include "codegen/polly.h"

static const char passes[] =
    "early-cse,instcombine<no-verify-fixpoint>,simplifycfg,reassociate,"
    "loop(loop-rotate,indvars),instcombine<no-verify-fixpoint>,"
    "loop-simplify,lcssa,polly-prepare,"
    "scop(polly-simplify,polly-opt-isl,polly-codegen)";

extern "C" LLVMErrorRef polly_rearrange(LLVMModuleRef mod,
                                        LLVMTargetMachineRef tm) {
  llvm::PassBuilder builder(reinterpret_cast<llvm::TargetMachine *>(tm));
  polly::registerPollyPasses(builder);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager calls;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(calls);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, calls, modules);
  llvm::FunctionPassManager manager;
  if (llvm::Error err = builder.parsePassPipeline(manager, passes))
    return llvm::wrap(std::move(err));
  for (llvm::Function &fn : *llvm::unwrap(mod))
    if (!fn.isDeclaration() && !fn.hasFnAttribute("polly.skip.fn"))
      manager.run(fn, functions);
  return nullptr;
}
