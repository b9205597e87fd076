/* Plan -> module -> passes -> object, checked and measured. Routines that
 * instruction selection turns out to call are only known from the object,
 * so emission repeats, each time with the definitions of those that were
 * undefined, until nothing is. */
#include "codegen/emit.h"

#include <llvm-c/Linker.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/lower.h"
#include "codegen/polly.h"

/* One emission under way. */
typedef struct Emission {
  Cg g;
  LLVMTargetMachineRef tm;
  const CodegenOptions *opt;
  Frames frames;
  ObjectFile object;
  Bytes bytes;
  LLVMModuleRef libs; /* NULL: none needed so far */
  int nlib;
} Emission;

/* LLVM reports frames only in words, among remarks of other kinds:
 *   <unknown>:0:0: stack frame size (40) exceeds limit (0) in function 'f' */
static void on_diagnostic(LLVMDiagnosticInfoRef info, void *ctx) {
  Emission *e = ctx;
  Frames *f = &e->frames;
  char *text = LLVMGetDiagInfoDescription(info);
  if (LLVMGetDiagInfoSeverity(info) == LLVMDSError)
    diag_error(e->g.diag, E0901, (Loc){0}, "LLVM: %s", text);
  static const char key[] = "stack frame size (";
  const char *size = strstr(text, key), *name = strchr(text, '\'');
  if (size && name) {
    size_t n = strcspn(name + 1, "'");
    Frame frame = {arena_strndup(f->arena, name + 1, n),
                   strtoll(size + strlen(key), NULL, 10)};
    ARRAY_PUSH(f->arena, &f->list, frame);
  }
  LLVMDisposeMessage(text);
}

static bool emission_begin(Emission *e, Plan *p, const CodegenOptions *opt) {
  const Target *t = p->target;
  *e = (Emission){.opt = opt, .frames = {.arena = p->arena}};
  e->tm = machine_new(t, opt->opt_level, p->diag);
  if (!e->tm)
    return false;
  LLVMContextRef c = LLVMContextCreate();
  LLVMContextSetDiagnosticHandler(c, on_diagnostic, e);
  cg_begin(&e->g, t, e->tm, c, p->name);
  e->g.plan = p;
  e->g.arena = p->arena;
  e->g.diag = p->diag;
  e->g.for_size = opt->for_size;
  e->g.open_tier = opt->open_tier;
  return true;
}

static void emission_end(Emission *e) {
  if (e->libs)
    LLVMDisposeModule(e->libs);
  cg_end(&e->g);
  if (e->tm)
    LLVMDisposeTargetMachine(e->tm);
}

static bool any_polly(const Plan *p) {
  for (int i = 0; i < p->steps.n; i++)
    if (p->steps.v[i]->polly)
      return true;
  return false;
}

static bool failed(const Emission *e, const char *passes, LLVMErrorRef err) {
  char *why = LLVMGetErrorMessage(err);
  diag_error(e->g.diag, E0901, (Loc){0}, "%s: %s", passes, why);
  LLVMDisposeErrorMessage(why);
  return false;
}

static bool optimize(Emission *e, LLVMModuleRef mod) {
  static const char *const pipeline[] = {"default<O0>", "default<O1>",
                                         "default<O2>", "default<O3>"};
  LLVMPassBuilderOptionsRef o = LLVMCreatePassBuilderOptions();
  /* kernels unroll where it pays */
  LLVMPassBuilderOptionsSetLoopUnrolling(o, 0);
  const char *passes = pipeline[e->opt->opt_level];
  if (e->opt->for_size && e->opt->opt_level)
    passes = "default<Os>";
  LLVMErrorRef err = LLVMRunPasses(mod, passes, e->tm, o);
  LLVMDisposePassBuilderOptions(o);
  return !err || failed(e, passes, err);
}

static bool rearrange(Emission *e, LLVMModuleRef mod) {
  LLVMErrorRef err = any_polly(e->g.plan) ? polly_rearrange(mod, e->tm) : NULL;
  return !err || failed(e, "polly", err);
}

/* A copy of the routines found necessary so far, now that those that call
 * each other have met. */
static LLVMModuleRef internal_libs(const Emission *e) {
  LLVMModuleRef libs = LLVMCloneModule(e->libs);
  for (Val f = LLVMGetFirstFunction(libs); f; f = LLVMGetNextFunction(f))
    if (LLVMCountBasicBlocks(f))
      LLVMSetLinkage(f, LLVMInternalLinkage);
  return libs;
}

/* The module with these routines, for one use. */
static LLVMModuleRef module_for_emission(const Emission *e) {
  LLVMModuleRef mod = LLVMCloneModule(e->g.mod);
  if (e->libs)
    LLVMLinkModules2(mod, internal_libs(e));
  return mod;
}

static bool emit_as(Emission *e, LLVMCodeGenFileType kind, Bytes *out) {
  e->frames.list.n = 0;
  LLVMModuleRef mod = module_for_emission(e);
  bool ok = machine_emit(e->tm, mod, kind, e->g.arena, e->g.diag, out);
  LLVMDisposeModule(mod);
  return ok;
}

/* Makes the definitions of a routine's module fit for keeping: held by
 * llvm.compiler.used although nothing in the IR calls them. */
static void keep_functions(Emission *e, LLVMModuleRef mod) {
  ARRAY(Val) used = {0};
  for (Val f = LLVMGetFirstFunction(mod); f; f = LLVMGetNextFunction(f)) {
    if (!LLVMCountBasicBlocks(f))
      continue;
    function_attributes(e->g.ctx, e->g.target, true, f);
    function_reports_frame(e->g.ctx, f);
    if (e->g.target->arch != ARCH_wasm32)
      LLVMSetSection(f, arena_printf(e->g.arena, ".text.%s.%s", e->g.plan->name,
                                     LLVMGetValueName2(f, &(size_t){0})));
    ARRAY_PUSH(e->g.arena, &used, f);
  }
  Val list = LLVMConstArray2(e->g.ptr, used.v, (uint64_t)used.n);
  Val v = LLVMAddGlobal(mod, LLVMTypeOf(list), "llvm.compiler.used");
  LLVMSetInitializer(v, list);
  LLVMSetLinkage(v, LLVMAppendingLinkage);
  LLVMSetSection(v, "llvm.metadata");
}

static bool add_libcall(Emission *e, const char *name) {
  const Target *t = e->g.target;
  const char *text = libcall_text(e->g.arena, t, name);
  if (!text)
    return diag_error(e->g.diag, E0902, (Loc){0},
                      "the object needs '%s', which Kiln does not define",
                      name);
  LLVMModuleRef m =
      machine_parse(e->tm, e->g.ctx, t, e->g.plan->name, text, e->g.diag);
  if (!m)
    return false;
  keep_functions(e, m);
  if (!cg_verify(&e->g, m) || !optimize(e, m)) {
    LLVMDisposeModule(m);
    return false;
  }
  e->nlib++;
  if (!e->libs)
    e->libs = m;
  else
    LLVMLinkModules2(e->libs, m);
  return true;
}

static bool add_missing(Emission *e, bool *added) {
  *added = false;
  for (int i = 0; i < e->object.symbols.n; i++) {
    const ObjSymbol *s = &e->object.symbols.v[i];
    if (s->section != OBJ_UNDEFINED || is_linker_symbol(e->g.target, s->name))
      continue;
    if (!add_libcall(e, s->name))
      return false;
    *added = true;
  }
  return true;
}

/* Every round defines what the last one missed; a routine that was defined
 * can't be missing again, so rounds end. */
static bool emit_object(Emission *e) {
  bool more = true;
  while (more) {
    e->object = (ObjectFile){0};
    if (!emit_as(e, LLVMObjectFile, &e->bytes) ||
        !object_read(e->g.arena, e->bytes, &e->object, e->g.diag) ||
        !add_missing(e, &more))
      return false;
  }
  return object_check(&e->object, e->g.plan, e->opt->open_tier);
}

/* Bytes of the section that defines a symbol; 0: none does. */
static int64_t symbol_bytes(const Emission *e, const char *symbol) {
  int at = object_find(&e->object, symbol);
  return at < 0 ? 0 : e->object.sections.v[at].bytes;
}

/* Does another tier read the blob, too? */
static bool is_shared(const Plan *p, const Blob *b) {
  for (int i = 0; i < p->head->tiers.n; i++) {
    const Plan *other = p->head->tiers.v[i];
    for (int k = 0; other != p && k < other->blobs.n; k++)
      if (other->blobs.v[k]->symbol == b->symbol)
        return true;
  }
  return false;
}

/* Of all functions whose names begin so. */
static int64_t functions_bytes(const Emission *e, const char *prefix) {
  int64_t bytes = 0;
  for (int i = 0; i < e->object.symbols.n; i++) {
    const ObjSymbol *s = &e->object.symbols.v[i];
    if (s->function && s->section >= 0 && str_has_prefix(s->name, prefix))
      bytes += e->object.sections.v[s->section].bytes;
  }
  return bytes;
}

static TierSize measure_tier(Emission *e, const Plan *p) {
  TierSize z = {.plan = p};
  z.code_bytes = functions_bytes(e, arena_printf(e->g.arena, "%s.", p->prefix));
  for (int i = 0; i < p->steps.n; i++) {
    Step *s = p->steps.v[i];
    s->code_bytes = symbol_bytes(e, s->symbol);
  }
  for (int i = 0; i < p->blobs.n; i++) {
    int64_t bytes = symbol_bytes(e, p->blobs.v[i]->symbol);
    z.rodata_bytes += bytes;
    z.shared_bytes += is_shared(p, p->blobs.v[i]) ? bytes : 0;
  }
  return z;
}

static void measure_tiers(Emission *e, ObjectSizes *out) {
  const Plan *head = e->g.plan;
  for (int i = 0; i < head->tiers.n; i++) {
    TierSize z = measure_tier(e, head->tiers.v[i]);
    if (head->tiers.n > 1)
      ARRAY_PUSH(e->g.arena, &out->tiers, z);
  }
}

static bool measure(Emission *e, ObjectSizes *out) {
  *out = (ObjectSizes){0};
  for (int i = 0; i < e->object.sections.n; i++) {
    const ObjSection *s = &e->object.sections.v[i];
    out->code_bytes += s->kind == OBJ_CODE ? s->bytes : 0;
    out->rodata_bytes += s->kind == OBJ_RODATA ? s->bytes : 0;
    out->data_bytes += s->kind == OBJ_WRITABLE ? s->bytes : 0;
  }
  out->flash_bytes = out->code_bytes + out->rodata_bytes;
  measure_tiers(e, out);
  const Plan *p = e->g.plan;
  const char *entry = arena_printf(p->arena, "%s_run", p->name);
  ObjectSizes parallel = {0};
  if (p->opt.threads &&
      !stack_measure(&e->object, &e->frames, p->target,
                     arena_printf(p->arena, "%s_parallel", entry), p->arena,
                     p->diag, &parallel))
    return false;
  out->parallel_stack_bytes = parallel.stack_bytes;
  bool ok = stack_measure(&e->object, &e->frames, p->target, entry, p->arena,
                          p->diag, out);
  if (parallel.stack_bytes > out->stack_bytes)
    out->functions = parallel.functions; /* whose chain is deeper */
  return ok;
}

static bool build(Emission *e) {
  LLVMModuleRef mod = e->g.mod;
  return lower_module(&e->g) && cg_verify(&e->g, mod) && rearrange(e, mod) &&
         optimize(e, mod);
}

static void print_module(Emission *e, Bytes *out) {
  LLVMModuleRef mod = module_for_emission(e);
  char *text = LLVMPrintModuleToString(mod);
  out->bytes = strlen(text);
  out->data = arena_dup(e->g.arena, text, out->bytes);
  LLVMDisposeMessage(text);
  LLVMDisposeModule(mod);
}

static void print_header(Emission *e, Emitted *out) {
  Str s = str_new(e->g.arena);
  header_write(&s, e->g.plan, &out->sizes);
  out->header = (Bytes){str_cstr(&s), s.n};
}

static bool emit_all(Emission *e, unsigned what, Emitted *out) {
  if (!build(e) || !emit_object(e) || !measure(e, &out->sizes))
    return false;
  out->object = e->bytes;
  if (what & EMIT_header)
    print_header(e, out);
  if (what & EMIT_llvm)
    print_module(e, &out->llvm);
  return !(what & EMIT_assembly) ||
         emit_as(e, LLVMAssemblyFile, &out->assembly);
}

bool codegen_emit(Plan *p, const CodegenOptions *opt, unsigned what,
                  Emitted *out) {
  bool open = opt->open_tier || p->opt.caller_tier;
  *out = (Emitted){.open_tier = open && p->tiers.n > 1};
  Emission e;
  int before = diag_error_count(p->diag);
  bool ok = emission_begin(&e, p, opt) && emit_all(&e, what, out);
  emission_end(&e);
  return ok && diag_error_count(p->diag) == before;
}
