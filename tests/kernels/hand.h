/* Plans without a model: for tests of what surrounds the kernels. */
#ifndef KILN_TESTS_KERNELS_HAND_H
#define KILN_TESTS_KERNELS_HAND_H

#include <assert.h>
#include <string.h>

#include "codegen/emit.h"

static inline const Target *hand_target(const char *name) {
  for (int i = 0; i < target_count; i++)
    if (strcmp(target_table[i].name, name) == 0)
      return &target_table[i];
  assert(0);
  return NULL;
}

/* A plan named "m" over inputs and outputs of the graph, with no steps. */
static inline Plan *hand_plan(Graph *g, const Target *t, const char **in_name,
                              const char **out_name) {
  Plan *p = ARENA_NEW(g->arena, Plan);
  p->arena = g->arena;
  p->diag = g->diag;
  p->graph = g;
  p->target = p->whole = t;
  p->name = p->prefix = "m";
  p->head = p;
  ARRAY_PUSH(g->arena, &p->tiers, p);
  p->in_name = in_name;
  p->out_name = out_name;
  p->arena_align = t->simd_align;
  return p;
}

static inline Graph *hand_graph(Arena *a) {
  return graph_new(a, diag_new(a), "m");
}

/* The object of LLVM assembly, compiled for t as it stands. */
static inline Bytes hand_object(Arena *a, const Target *t, const char *text,
                                Diag *d) {
  LLVMTargetMachineRef tm = machine_new(t, 2, d);
  LLVMContextRef ctx = LLVMContextCreate();
  LLVMModuleRef mod = machine_parse(tm, ctx, t, "m", text, d);
  Bytes object = {0};
  for (Val f = mod ? LLVMGetFirstFunction(mod) : NULL; f;
       f = LLVMGetNextFunction(f))
    if (LLVMCountBasicBlocks(f))
      function_attributes(ctx, t, false, f);
  if (mod) {
    machine_emit(tm, mod, LLVMObjectFile, a, d, &object);
    LLVMDisposeModule(mod);
  }
  LLVMContextDispose(ctx);
  LLVMDisposeTargetMachine(tm);
  return object;
}

#endif
