/* The harness's text is put together of three parts: what the program talks
 * to (Linux or semihosting), what is common (get, put, fill, measure), and
 * the main loop over this model's tensors. Inputs and outputs lie one
 * element off any alignment, because the interface promises to take that.
 *
 * Holes: ^0 the type of a word, ^1 its bytes, ^2 model name, ^3 stack room,
 * ^4 reads the stack pointer, ^5 .. ^7 by part. */
#include "codegen/harness.h"

#include "codegen/emit.h"

/* clang-format off */

static const char process_text[] =
    /* ^5 instruction, ^6 its constraints, ^7 call, numbers in ^8 */
    "define void @_start() naked noreturn {\n"
    "  call void asm sideeffect \"^7 harness_main\", \"\"()\n"
    "  unreachable\n"
    "}\n"
    "define internal ^0 @system(^0 %k, ^0 %a, ^0 %b, ^0 %c) noinline {\n"
    "  %r = call ^0 asm sideeffect \"^5\", \"^6,~{memory}\""
    "(^0 %k, ^0 %a, ^0 %b, ^0 %c)\n"
    "  ret ^0 %r\n"
    "}\n"
    "define internal void @begin() {\n  ret void\n}\n";

/* Numbers of read, write and exit. */
static const char process_calls[] =
    "define internal ^0 @read(ptr %p, ^0 %n) {\n"
    "  %a = ptrtoint ptr %p to ^0\n"
    "  %r = call ^0 @system(^0 ^5, ^0 0, ^0 %a, ^0 %n)\n"
    "  ret ^0 %r\n"
    "}\n"
    "define internal ^0 @write(ptr %p, ^0 %n) {\n"
    "  %a = ptrtoint ptr %p to ^0\n"
    "  %r = call ^0 @system(^0 ^6, ^0 1, ^0 %a, ^0 %n)\n"
    "  ret ^0 %r\n"
    "}\n"
    "define internal void @quit(^0 %status) noreturn {\n"
    "  call ^0 @system(^0 ^7, ^0 %status, ^0 0, ^0 0)\n"
    "  unreachable\n"
    "}\n";

/* Semihosting: SYS_OPEN 1, SYS_WRITE 5, SYS_READ 6, SYS_EXIT_EXTENDED 32.
 * ^5: bits that CPACR needs for the core's float and vector units. */
static const char board_text[] =
    "@__stack_top = external global i8\n"
    "@vectors = constant [16 x ptr] [ptr @__stack_top, ptr @reset,"
    " ptr @fault, ptr @fault, ptr @fault, ptr @fault, ptr @fault, ptr @fault,"
    " ptr @fault, ptr @fault, ptr @fault, ptr @fault, ptr @fault, ptr @fault,"
    " ptr @fault, ptr @fault], section \".vectors\"\n"
    "@name.in = internal constant [3 x i8] c\"in\\00\"\n"
    "@name.out = internal constant [4 x i8] c\"out\\00\"\n"
    "@file.in = internal global i32 0\n"
    "@file.out = internal global i32 0\n"
    "@block = internal global [3 x i32] zeroinitializer\n"
    "define internal i32 @host(i32 %op, i32 %a, i32 %b, i32 %c) noinline {\n"
    "  store volatile i32 %a, ptr @block\n"
    "  store volatile i32 %b, ptr getelementptr (i8, ptr @block, i32 4)\n"
    "  store volatile i32 %c, ptr getelementptr (i8, ptr @block, i32 8)\n"
    "  %r = call i32 asm sideeffect \"bkpt #0xab\","
    " \"={r0},{r0},{r1},~{memory}\"(i32 %op, ptr @block)\n"
    "  ret i32 %r\n"
    "}\n"
    "define internal void @begin() {\n"
    "  %i = ptrtoint ptr @name.in to i32\n"
    "  %o = ptrtoint ptr @name.out to i32\n"
    "  %f = call i32 @host(i32 1, i32 %i, i32 1, i32 2)\n"
    "  store i32 %f, ptr @file.in\n"
    "  %g = call i32 @host(i32 1, i32 %o, i32 5, i32 3)\n"
    "  store i32 %g, ptr @file.out\n"
    "  ret void\n"
    "}\n"
    "define internal i32 @read(ptr %p, i32 %n) {\n"
    "  %f = load i32, ptr @file.in\n"
    "  %a = ptrtoint ptr %p to i32\n"
    "  %left = call i32 @host(i32 6, i32 %f, i32 %a, i32 %n)\n"
    "  %r = sub i32 %n, %left\n"
    "  ret i32 %r\n"
    "}\n"
    "define internal i32 @write(ptr %p, i32 %n) {\n"
    "  %f = load i32, ptr @file.out\n"
    "  %a = ptrtoint ptr %p to i32\n"
    "  %left = call i32 @host(i32 5, i32 %f, i32 %a, i32 %n)\n"
    "  %r = sub i32 %n, %left\n"
    "  ret i32 %r\n"
    "}\n"
    "define internal void @quit(i32 %status) noreturn {\n"
    "  call i32 @host(i32 32, i32 131110, i32 %status, i32 0)\n"
    "  unreachable\n"
    "}\n"
    "define void @fault() noreturn {\n"
    "  call void @quit(i32 111)\n"
    "  unreachable\n"
    "}\n"
    "define void @reset() noreturn {\n"
    "  %old = load volatile i32, ptr inttoptr (i32 -536810104 to ptr)\n"
    "  %new = or i32 %old, ^5\n"
    "  store volatile i32 %new, ptr inttoptr (i32 -536810104 to ptr)\n"
    "  call void asm sideeffect \"dsb\\0Aisb\", \"~{memory}\"()\n"
    "  call void @harness_main()\n"
    "  unreachable\n"
    "}\n";

/* ^5 get or put, ^6 read or write */
static const char transfer_text[] =
    "define internal void @^5(ptr %p, ^0 %n) noinline {\n"
    "entry:\n"
    "  br label %loop\n"
    "loop:\n"
    "  %q = phi ptr [ %p, %entry ], [ %q2, %more ]\n"
    "  %left = phi ^0 [ %n, %entry ], [ %left2, %more ]\n"
    "  %end = icmp eq ^0 %left, 0\n"
    "  br i1 %end, label %done, label %go\n"
    "go:\n"
    "  %r = call ^0 @^6(ptr %q, ^0 %left)\n"
    "  %ok = icmp sgt ^0 %r, 0\n"
    "  br i1 %ok, label %more, label %bad\n"
    "more:\n"
    "  %q2 = getelementptr i8, ptr %q, ^0 %r\n"
    "  %left2 = sub ^0 %left, %r\n"
    "  br label %loop\n"
    "bad:\n"
    "  call void @quit(^0 110)\n"
    "  unreachable\n"
    "done:\n"
    "  ret void\n"
    "}\n";

/* A parallel_for that does the parts one after the other, the last first. */
static const char backwards_text[] =
    "define internal void @backwards(ptr %ctx, i32 %count, ptr %body,"
    " ptr %data) noinline {\n"
    "entry:\n"
    "  br label %loop\n"
    "loop:\n"
    "  %i = phi i32 [ %count, %entry ], [ %part, %loop ]\n"
    "  %part = sub i32 %i, 1\n"
    "  call void %body(ptr %data, i32 %part)\n"
    "  %more = icmp ugt i32 %part, 0\n"
    "  br i1 %more, label %loop, label %done\n"
    "done:\n"
    "  ret void\n"
    "}\n";
/* How the model is run. */
static const char run_text[] = "_run(ptr @in, ptr @out, ptr @arena)";
static const char run_parallel_text[] =
    "_run_parallel(ptr @in, ptr @out, ptr @arena, ptr @backwards, ptr null)";

/* The pattern is 0xa5 in every byte. ^6: as above */
static const char common_text[] =
    "@deepest = internal global ^0 0\n"
    "define internal void @fill(^0 %from, ^0 %to) noinline {\n"
    "entry:\n"
    "  br label %loop\n"
    "loop:\n"
    "  %a = phi ^0 [ %from, %entry ], [ %a2, %loop ]\n"
    "  %p = inttoptr ^0 %a to ptr\n"
    "  store volatile ^0 ^5, ptr %p\n"
    "  %a2 = add ^0 %a, ^1\n"
    "  %more = icmp ult ^0 %a2, %to\n"
    "  br i1 %more, label %loop, label %done\n"
    "done:\n"
    "  ret void\n"
    "}\n"
    "define internal i32 @measure() noinline {\n"
    "entry:\n"
    "  %sp = call ^0 asm sideeffect \"^4\", \"=r\"()\n"
    "  %low = sub ^0 %sp, ^3\n"
    "  br label %paint\n"
    "paint:\n"
    "  %a = phi ^0 [ %low, %entry ], [ %a2, %paint ]\n"
    "  %p = inttoptr ^0 %a to ptr\n"
    "  store volatile ^0 ^5, ptr %p\n"
    "  %a2 = add ^0 %a, ^1\n"
    "  %more = icmp ult ^0 %a2, %sp\n"
    "  br i1 %more, label %paint, label %go\n"
    "go:\n"
    "  %status = call i32 @^2^6\n"
    "  br label %scan\n"
    "scan:\n"
    "  %b = phi ^0 [ %low, %go ], [ %b2, %scan ]\n"
    "  %q = inttoptr ^0 %b to ptr\n"
    "  %x = load volatile ^0, ptr %q\n"
    "  %b2 = add ^0 %b, ^1\n"
    "  %same = icmp eq ^0 %x, ^5\n"
    "  %inside = icmp ult ^0 %b2, %sp\n"
    "  %next = and i1 %same, %inside\n"
    "  br i1 %next, label %scan, label %found\n"
    "found:\n"
    "  %used = sub ^0 %sp, %b\n"
    "  %old = load ^0, ptr @deepest\n"
    "  %deeper = icmp ugt ^0 %used, %old\n"
    "  %new = select i1 %deeper, ^0 %used, ^0 %old\n"
    "  store ^0 %new, ptr @deepest\n"
    "  ret i32 %status\n"
    "}\n";

static const char main_head[] =
    "define void @harness_main() noinline noreturn {\n"
    "entry:\n"
    "  %slot = alloca i64\n"
    "  %low = ptrtoint ptr @arena to ^0\n"
    "  %high = add ^0 %low, ^5\n"
    "  call void @begin()\n";
static const char main_loop[] =
    "  br label %sample\n"
    "sample:\n"
    "  %s = phi i32 [ 0, %entry ], [ %s2, %ok ]\n"
    "  call void @fill(^0 %low, ^0 %high)\n";
static const char main_run[] =
    "  %status = call i32 @measure()\n"
    "  %good = icmp eq i32 %status, 0\n"
    "  br i1 %good, label %ok, label %bad\n"
    "bad:\n"
    "  %code = add i32 %status, 100\n"
    "  %wide = zext i32 %code to i64\n"
    "  store i64 %wide, ptr %slot\n"
    "  %word = load ^0, ptr %slot\n"
    "  call void @quit(^0 %word)\n"
    "  unreachable\n"
    "ok:\n";
static const char main_tail[] =
    "  %s2 = add i32 %s, 1\n"
    "  %more = icmp ult i32 %s2, ^5\n"
    "  br i1 %more, label %sample, label %done\n"
    "done:\n"
    "  call void @put(ptr @deepest, ^0 ^1)\n";
static const char main_end[] =
    "  call void @quit(^0 0)\n"
    "  unreachable\n"
    "}\n";

/* What differs between processors in a Linux process. */
static const struct {
  Arch arch;
  const char *trap, *constraints, *call, *read, *write, *exit, *sp;
} systems[] = {
  {ARCH_x86_64, "syscall",
   "={rax},{rax},{rdi},{rsi},{rdx},~{rcx},~{r11}", "call",
   "0", "1", "60", "movq %rsp, $0"},
  {ARCH_aarch64, "svc #0", "={x0},{x8},{x0},{x1},{x2}", "bl",
   "63", "64", "93", "mov $0, sp"},
  {ARCH_arm, "svc #0", "={r0},{r7},{r0},{r1},{r2}", "bl",
   "3", "4", "1", "mov $0, sp"},
  {ARCH_riscv64, "ecall", "={x10},{x17},{x10},{x11},{x12}", "call",
   "63", "64", "93", "mv $0, sp"},
};
/* clang-format on */

enum { NSYSTEM = sizeof systems / sizeof *systems, MEMORY_ALIGN = 64 };

static int system_of(const Target *t) {
  for (int i = 0; i < NSYSTEM; i++)
    if (systems[i].arch == t->arch)
      return i;
  return -1;
}

/* The text being written, with the holes that all parts share. */
typedef struct Writer {
  Str out;
  Arena *arena;
  const Harness *h;
  const char *hole[10];
} Writer;

static const char *number(Writer *w, int64_t x) {
  return arena_printf(w->arena, "%lld", (long long)x);
}

static void part(Writer *w, const char *text, const char *a, const char *b,
                 const char *c) {
  w->hole[5] = a;
  w->hole[6] = b;
  w->hole[7] = c;
  template_add(&w->out, text, w->hole);
}

static int64_t round_up(int64_t x, int64_t unit) {
  return (x + unit - 1) / unit * unit;
}

/* Whole words and at least one, so that filling is simple. */
static int64_t block_bytes(int64_t bytes) { return round_up(bytes + 1, 8); }

static int64_t element_bytes(const Type *t) {
  return (dtype_bits(t->dtype) + 7) / 8;
}

static void add_block(Writer *w, const char *name, int64_t bytes, int align) {
  str_printf(&w->out,
             "@%s = internal global [%lld x i8] zeroinitializer, align %d\n",
             name, (long long)bytes, align);
}

static void add_tensors(Writer *w, const char *kind, Value *const *v, int n,
                        bool state) {
  for (int i = 0; i < n; i++)
    add_block(w, arena_printf(w->arena, "%s.%d", kind, i),
              element_bytes(v[i]->type) + type_bytes(v[i]->type), MEMORY_ALIGN);
  int members = n + state;
  str_printf(&w->out, "@%s = internal constant [%d x ptr] [", kind, members);
  for (int i = 0; i < n; i++)
    str_printf(&w->out, "%sptr getelementptr (i8, ptr @%s.%d, i32 %lld)",
               i ? ", " : "", kind, i, (long long)element_bytes(v[i]->type));
  if (state)
    str_printf(&w->out, "%sptr @state", n ? ", " : "");
  str_add(&w->out, "]\n");
}

static void add_data(Writer *w) {
  const Plan *p = w->h->plan;
  add_block(w, "arena", block_bytes(p->arena_bytes), p->arena_align);
  if (p->state_bytes)
    add_block(w, "state", p->state_bytes, p->arena_align);
  add_tensors(w, "in", p->graph->inputs.v, p->graph->inputs.n,
              p->state_bytes > 0);
  add_tensors(w, "out", p->graph->outputs.v, p->graph->outputs.n, false);
}

/* Calls get or put on every tensor. */
static void add_transfers(Writer *w, const char *call, const char *kind,
                          Value *const *v, int n) {
  for (int i = 0; i < n; i++)
    str_printf(&w->out,
               "  call void @%s(ptr getelementptr (i8, ptr @%s.%d, i32 %lld),"
               " %s %lld)\n",
               call, kind, i, (long long)element_bytes(v[i]->type), w->hole[0],
               (long long)type_bytes(v[i]->type));
}

static void add_main(Writer *w) {
  const Plan *p = w->h->plan;
  const Graph *g = p->graph;
  if (p->state_bytes)
    part(w, "declare void @^2_reset(ptr)\n", "", "", "");
  if (w->h->open_tier)
    part(w, "@^2_tier = external global i32\n", "", "", "");
  part(w, main_head, number(w, block_bytes(p->arena_bytes)), "", "");
  if (p->target->tiles == TILES_amx) /* asks Linux for them: kiln_amx.h */
    part(w, "  call ^0 @system(^0 158, ^0 4131, ^0 18, ^0 0)\n", "", "", "");
  if (w->h->open_tier)
    part(w, "  store i32 ^5, ptr @^2_tier\n", number(w, w->h->tier), "", "");
  if (p->state_bytes)
    part(w, "  call void @^2_reset(ptr @state)\n", "", "", "");
  part(w, main_loop, "", "", "");
  add_transfers(w, "get", "in", g->inputs.v, g->inputs.n);
  part(w, main_run, "", "", "");
  add_transfers(w, "put", "out", g->outputs.v, g->outputs.n);
  part(w, main_tail, number(w, w->h->samples), "", "");
  if (w->h->keep_arena)
    part(w, "  call void @put(ptr @arena, ^0 ^5)\n", number(w, p->arena_bytes),
         "", "");
  if (w->h->open_tier)
    part(w, "  call void @put(ptr @^2_tier, ^0 4)\n", "", "", "");
  part(w, main_end, "", "", "");
}

static void add_environment(Writer *w, int system) {
  const Target *t = w->h->plan->target;
  if (w->h->board) {
    part(w, board_text, t->fpu ? "15728640" : "0", "", "");
    return;
  }
  part(w, process_text, systems[system].trap, systems[system].constraints,
       systems[system].call);
  part(w, process_calls, systems[system].read, systems[system].write,
       systems[system].exit);
}

const char *harness_text(Arena *a, const Harness *h) {
  const Target *t = h->plan->target;
  bool wide = t->pointer_bits == 64;
  int system = system_of(t);
  if (system < 0)
    return NULL;
  Writer w = {str_new(a),
              a,
              h,
              {wide ? "i64" : "i32", wide ? "8" : "4", h->plan->name}};
  w.hole[3] = number(&w, h->stack_room);
  w.hole[4] = systems[system].sp;
  add_data(&w);
  add_environment(&w, system);
  part(&w, transfer_text, "get", "read", "");
  part(&w, transfer_text, "put", "write", "");
  bool parallel = h->plan->opt.threads > 0;
  part(&w,
       parallel ? "declare i32 @^2_run_parallel(ptr, ptr, ptr, ptr, ptr)\n"
                : "declare i32 @^2_run(ptr, ptr, ptr)\n",
       "", "", "");
  if (parallel)
    part(&w, backwards_text, "", "", "");
  part(&w, common_text, wide ? "-6510615555426900571" : "-1515870811",
       parallel ? run_parallel_text : run_text, "");
  add_main(&w);
  return str_cstr(&w.out);
}

/* Room on top of what is painted, for the harness's own frames. */
enum { OWN_STACK = 4096 };

const char *harness_script(Arena *a, const Harness *h) {
  static const char text[] =
      "MEMORY {\n"
      "  CODE (rx) : ORIGIN = ^0, LENGTH = ^1\n"
      "  DATA (rwx) : ORIGIN = ^2, LENGTH = ^3\n"
      "}\n"
      "SECTIONS {\n"
      "  .text : { KEEP(*(.vectors)) *(.text .text.*) } > CODE\n"
      "  .ARM.exidx : { *(.ARM.exidx .ARM.exidx.*) } > CODE\n"
      "  .rodata : { *(.rodata .rodata.*) } > DATA\n"
      "  .bss (NOLOAD) : { *(.bss .bss.* COMMON) . = ALIGN(16);\n"
      "    . = . + ^4; __stack_top = .; } > DATA\n"
      "}\n";
  const Board *b = h->board;
  const char *hole[] = {
      arena_printf(a, "%lld", (long long)b->code),
      arena_printf(a, "%lld", (long long)b->code_bytes),
      arena_printf(a, "%lld", (long long)b->data),
      arena_printf(a, "%lld", (long long)b->data_bytes),
      arena_printf(a, "%lld",
                   (long long)round_up(h->stack_room + OWN_STACK, 16))};
  Str s = str_new(a);
  template_add(&s, text, hole);
  return str_cstr(&s);
}

int64_t harness_bytes(const Plan *p) {
  const Graph *g = p->graph;
  int64_t n = block_bytes(p->arena_bytes) + p->state_bytes;
  for (int i = 0; i < g->inputs.n; i++)
    n += type_bytes(g->inputs.v[i]->type) + 2 * MEMORY_ALIGN;
  for (int i = 0; i < g->outputs.n; i++)
    n += type_bytes(g->outputs.v[i]->type) + 2 * MEMORY_ALIGN;
  return n + OWN_STACK + 2 * p->arena_align;
}
