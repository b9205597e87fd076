#include "codegen/loaded.h"

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <llvm-c/Orc.h>
#include <llvm-c/Target.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Loaded {
  Diag *diag;
  DiagCode code;
  const char *file;
  LLVMOrcLLJITRef lljit;
  char cause[256]; /* what the session said before anything failed; or "" */
};

static bool fail(const Loaded *l, LLVMErrorRef err) {
  char *why = LLVMGetErrorMessage(err);
  diag_error(l->diag, l->code, (Loc){.file = l->file}, "loading the object: %s",
             *l->cause ? l->cause : why);
  LLVMDisposeErrorMessage(why);
  return false;
}

/* The session's own words, which it would print. */
static void keep_cause(void *loaded, LLVMErrorRef err) {
  Loaded *l = loaded;
  char *why = LLVMGetErrorMessage(err);
  if (!*l->cause)
    snprintf(l->cause, sizeof l->cause, "%s", why);
  LLVMDisposeErrorMessage(why);
}

static bool load(Loaded *l, Bytes object, const char *name) {
  LLVMInitializeNativeTarget();
  LLVMErrorRef err = LLVMOrcCreateLLJIT(&l->lljit, NULL);
  if (err)
    return fail(l, err);
  LLVMOrcExecutionSessionSetErrorReporter(
      LLVMOrcLLJITGetExecutionSession(l->lljit), keep_cause, l);
  LLVMMemoryBufferRef buf = LLVMCreateMemoryBufferWithMemoryRangeCopy(
      object.data, object.bytes, name);
  err = LLVMOrcLLJITAddObjectFile(l->lljit,
                                  LLVMOrcLLJITGetMainJITDylib(l->lljit), buf);
  return !err || fail(l, err);
}

Loaded *loaded_new(Diag *d, DiagCode code, Bytes object, const char *name,
                   const char *file) {
  Loaded *l = calloc(1, sizeof *l);
  if (!l) {
    diag_error(d, E0005, (Loc){0}, "out of memory");
    return NULL;
  }
  l->diag = d;
  l->code = code;
  l->file = file;
  if (load(l, object, name))
    return l;
  loaded_free(l);
  return NULL;
}

void loaded_free(Loaded *l) {
  if (l && l->lljit)
    LLVMConsumeError(LLVMOrcDisposeLLJIT(l->lljit));
  free(l);
}

/* ISO C has no cast from an object's address to a function's. */
bool loaded_symbol(Loaded *l, const char *symbol, void *fn) {
  LLVMOrcExecutorAddress at = 0;
  LLVMErrorRef err = LLVMOrcLLJITLookup(l->lljit, &at, symbol);
  if (err)
    return fail(l, err);
  uintptr_t bits = (uintptr_t)at;
  memcpy(fn, &bits, sizeof bits);
  return true;
}
