/* Runs a model under qemu: harness text -> object (by LLVM, for the very
 * target), linked with the model's object by ld.lld, run with its input and
 * output as files in a temporary folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codegen/emit.h"
#include "codegen/harness.h"
#include "codegen/process.h"
#include "support/file.h"

/* clang-format off */
/* Maps as of qemu 7.2 (hw/arm/mps2.c, mps2-tz.c). Boards with TrustZone boot
 * in the secure state with everything secure but aliased. */
static const Board boards[] = {
  {"mps2-an385", 0x00000000, 4 << 20, 0x21000000, 16 << 20},
  {"mps2-an386", 0x00000000, 4 << 20, 0x21000000, 16 << 20},
  {"mps2-an500", 0x00000000, 4 << 20, 0x60000000, 16 << 20},
  {"mps2-an505", 0x10000000, 4 << 20, 0x80000000, 16 << 20},
  {"mps3-an547", 0x00000000, 512 << 10, 0x60000000, 256 << 20},
};
/* clang-format on */

static const Board *board_find(const Target *t) {
  for (size_t i = 0; t->runner && i < sizeof boards / sizeof *boards; i++)
    if (strcmp(boards[i].machine, t->runner) == 0)
      return &boards[i];
  return NULL;
}

enum {
  STACK_ROOM = 8192, /* painted beyond the bound that is held to the test */
  CODE_ROOM = 8192,  /* of the harness */
  SECONDS_START = 120,
  SECONDS_SAMPLE = 60
};

/* A parallel_for of the harness has a frame, too. */
int64_t qemu_stack_bound(const Plan *p, const Emitted *e) {
  enum { PARALLEL_FOR = 96 };
  const ObjectSizes *z = &e->sizes;
  return p->opt.threads ? z->parallel_stack_bytes + PARALLEL_FOR
                        : z->stack_bytes;
}

bool qemu_fits(const Plan *p, const Emitted *e) {
  const Board *b = board_find(p->target);
  if (!b)
    return true;
  int64_t data = e->sizes.rodata_bytes + harness_bytes(p) +
                 qemu_stack_bound(p, e) + STACK_ROOM;
  return e->sizes.code_bytes + CODE_ROOM <= b->code_bytes &&
         data <= b->data_bytes;
}

/* One start of qemu. */
typedef struct Run {
  const Plan *plan;
  const Emitted *emitted;
  Harness harness;
  Arena *arena; /* the plan's: messages borrow paths */
  Diag *diag;
  const char *dir;
  const char *linker, *emulator; /* emulator NULL: run it directly */
} Run;

static bool write_file(Run *r, const char *name, const void *data,
                       size_t bytes) {
  const char *path = path_join(r->arena, r->dir, name);
  FILE *f = fopen(path, "wb");
  bool ok = f && fwrite(data, 1, bytes, f) == bytes;
  if (f)
    ok = fclose(f) == 0 && ok;
  return ok || diag_error(r->diag, E0003, (Loc){.file = path}, "write failed");
}

/* All inputs of a sample together. */
static bool write_inputs(Run *r, const void *const *in) {
  const Graph *g = r->plan->graph;
  const char *path = path_join(r->arena, r->dir, "in");
  FILE *f = fopen(path, "wb");
  bool ok = f != NULL;
  for (int s = 0; ok && s < r->harness.samples; s++)
    for (int i = 0; ok && i < g->inputs.n; i++) {
      size_t n = (size_t)type_bytes(g->inputs.v[i]->type);
      const char *from = (const char *)in[i] + (size_t)s * n;
      ok = fwrite(from, 1, n, f) == n;
    }
  if (f)
    ok = fclose(f) == 0 && ok;
  return ok || diag_error(r->diag, E0003, (Loc){.file = path}, "write failed");
}

static bool compile_harness(Run *r, Bytes *out) {
  const Target *t = r->plan->target;
  const char *text = harness_text(r->arena, &r->harness);
  LLVMTargetMachineRef tm = machine_new(t, 2, r->diag);
  if (!text || !tm)
    return false;
  LLVMContextRef ctx = LLVMContextCreate();
  LLVMModuleRef mod = machine_parse(tm, ctx, t, "harness", text, r->diag);
  bool ok = mod != NULL;
  for (Val f = ok ? LLVMGetFirstFunction(mod) : NULL; f;
       f = LLVMGetNextFunction(f))
    if (LLVMCountBasicBlocks(f))
      function_attributes(ctx, t, false, f);
  ok = ok && machine_emit(tm, mod, LLVMObjectFile, r->arena, r->diag, out);
  if (mod)
    LLVMDisposeModule(mod);
  LLVMContextDispose(ctx);
  LLVMDisposeTargetMachine(tm);
  return ok;
}

/* What a program said on its standard error, for messages. */
static const char *last_words(Run *r, const char *name) {
  MappedFile f;
  if (!file_map(path_join(r->arena, r->dir, name), &f, diag_new(r->arena)))
    return "";
  size_t n = f.bytes < 400 ? f.bytes : 400;
  const char *s = arena_strndup(r->arena, (const char *)f.data, n);
  file_unmap(&f);
  return s;
}

static bool link_program(Run *r) {
  const char *const process[] = {r->linker, "-o",        "program", "-e",
                                 "_start",  "harness.o", "model.o", NULL};
  const char *const board[] = {r->linker,   "-o", "program", "-T",
                               "script.ld", "-e", "reset",   "harness.o",
                               "model.o",   NULL};
  Process p = {.argv = r->harness.board ? board : process,
               .dir = r->dir,
               .err = "link.err",
               .timeout_s = SECONDS_START};
  return process_run(&p) == 0 ||
         diag_error(r->diag, E0901, (Loc){0}, "ld.lld failed: %s",
                    last_words(r, "link.err"));
}

static bool build_program(Run *r) {
  Bytes harness;
  if (!compile_harness(r, &harness) ||
      !write_file(r, "harness.o", harness.data, harness.bytes) ||
      !write_file(r, "model.o", r->emitted->object.data,
                  r->emitted->object.bytes))
    return false;
  if (r->harness.board) {
    const char *script = harness_script(r->arena, &r->harness);
    if (!write_file(r, "script.ld", script, strlen(script)))
      return false;
  }
  return link_program(r);
}

static const char *exit_reason(int status) {
  switch (status) {
  case -1:
    return "crashed or took too long";
  case STATUS_IO:
    return "could not read its input or write its output";
  case STATUS_FAULT:
    return "ran into a fault";
  case STATUS_RUN + 1:
    return "run returned 1 (null pointer)";
  case STATUS_RUN + 2:
    return "run returned 2 (misaligned arena)";
  case STATUS_RUN + 3:
    return "run returned 3 (buffers overlap)";
  default:
    return "stopped with an unknown status";
  }
}

static int start_program(Run *r) {
  const char *program = path_join(r->arena, r->dir, "program");
  const char *const direct[] = {program, NULL};
  const char *const user[] = {r->emulator, program, NULL};
  const char *const board[] = {r->emulator,
                               "-M",
                               r->harness.board ? r->harness.board->machine
                                                : "",
                               "-display",
                               "none",
                               "-serial",
                               "none",
                               "-monitor",
                               "none",
                               "-semihosting-config",
                               "enable=on,target=native",
                               "-kernel",
                               program,
                               NULL};
  Process p = {.argv = r->harness.board ? board
                       : r->emulator    ? user
                                        : direct,
               .dir = r->dir,
               .in = r->harness.board ? NULL : "in",
               .out = r->harness.board ? NULL : "out",
               .err = "run.err",
               .timeout_s =
                   SECONDS_START + SECONDS_SAMPLE * r->harness.samples};
  return process_run(&p);
}

static bool run_program(Run *r) {
  int status = start_program(r);
  return status == 0 ||
         diag_error(r->diag, E0901, (Loc){0}, "%s under %s: %s (%d) %s",
                    r->plan->name, r->plan->target->runner, exit_reason(status),
                    status, last_words(r, "run.err"));
}

static int64_t output_bytes(const Graph *g) {
  int64_t n = 0;
  for (int i = 0; i < g->outputs.n; i++)
    n += type_bytes(g->outputs.v[i]->type);
  return n;
}

/* Takes apart what the program wrote. */
static bool read_outputs(Run *r, void *const *out, void *arena_out,
                         int64_t *stack, int *tier) {
  const Graph *g = r->plan->graph;
  MappedFile f;
  if (!file_map(path_join(r->arena, r->dir, "out"), &f, r->diag))
    return false;
  int samples = r->harness.samples, word = r->plan->target->pointer_bits / 8;
  size_t arena = arena_out ? (size_t)r->plan->arena_bytes : 0;
  size_t note = r->harness.open_tier ? 4 : 0;
  size_t expected =
      (size_t)samples * (size_t)output_bytes(g) + (size_t)word + arena + note;
  bool ok = f.bytes == expected;
  const uint8_t *p = f.data;
  for (int s = 0; ok && s < samples; s++)
    for (int i = 0; i < g->outputs.n; i++) {
      size_t n = (size_t)type_bytes(g->outputs.v[i]->type);
      memcpy((char *)out[i] + (size_t)s * n, p, n);
      p += n;
    }
  int64_t used = 0;
  for (int i = 0; ok && i < word; i++)
    used |= (int64_t)p[i] << (8 * i);
  if (ok && stack)
    *stack = used;
  if (ok && arena)
    memcpy(arena_out, p + word, arena);
  if (ok && note && tier)
    *tier = p[(size_t)word + arena] - 1;
  file_unmap(&f);
  return ok ||
         diag_error(r->diag, E0901, (Loc){0},
                    "%s under %s wrote %zu bytes instead of %zu", r->plan->name,
                    r->plan->target->runner, f.bytes, expected);
}

static bool missing(Run *r, const char *tool, const char *package) {
  diag_error(r->diag, E0004, (Loc){0}, "%s was not found", tool);
  diag_hint(r->diag, "install the package %s", package);
  return false;
}

static bool find_tools(Run *r) {
  const Target *t = r->plan->target;
  static const char *const linkers[] = {"ld.lld-19", "ld.lld", NULL};
  r->linker = tool_find(r->arena, linkers, "/usr/lib/llvm-19/bin");
  if (!r->linker)
    return missing(r, "ld.lld", "lld-19");
  if (strcmp(t->runner, "host") == 0)
    return target_runs_here(t) ||
           diag_error(r->diag, E0304, (Loc){0},
                      "this machine cannot run %s code", t->name);
  const char *name = r->harness.board ? "qemu-system-arm" : t->runner;
  const char *const names[] = {name, NULL};
  r->emulator = tool_find(r->arena, names, NULL);
  return r->emulator ||
         missing(r, name, r->harness.board ? "qemu-system-arm" : "qemu-user");
}

static bool check_runner(Run *r) {
  const Target *t = r->plan->target;
  if (!t->runner)
    return diag_error(r->diag, E0304, (Loc){0}, "no emulator runs %s", t->name);
  if (!qemu_fits(r->plan, r->emitted))
    return diag_error(
        r->diag, E0304, (Loc){0},
        "%s does not fit the emulated board %s: flash %lld, arena %lld bytes",
        r->plan->name, t->runner, (long long)r->emitted->sizes.flash_bytes,
        (long long)r->plan->arena_bytes);
  return find_tools(r);
}

bool qemu_run(const Plan *p, const Emitted *e, int samples,
              const void *const *in, void *const *out, void *arena_out,
              int64_t *stack, int *tier) {
  Run r = {.plan = p,
           .emitted = e,
           .arena = p->arena,
           .diag = p->diag,
           .harness = {.plan = p,
                       .board = board_find(p->target),
                       .samples = samples,
                       .open_tier = e->open_tier,
                       .tier = e->tier,
                       .keep_arena = arena_out != NULL}};
  r.harness.stack_room = (qemu_stack_bound(p, e) + STACK_ROOM) / 16 * 16;
  bool ok = check_runner(&r);
  r.dir = ok ? temp_dir_new(r.arena, p->diag) : NULL;
  ok = r.dir && build_program(&r) && write_inputs(&r, in) && run_program(&r) &&
       read_outputs(&r, out, arena_out, stack, tier);
  if (r.dir)
    temp_dir_free(r.dir);
  return ok;
}
