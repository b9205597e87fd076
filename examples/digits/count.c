/* A qemu plugin that counts the guest instructions executed at addresses
 * from..to, and how they divide into calls from outside:
 *
 *   -plugin ./libcount.so,from=0x100000,to=0x200000
 *
 * At exit it prints one line: calls, all instructions, the least and the
 * most of one call. Debian ships no qemu-plugin.h; the declarations are
 * those of version 1 of qemu's plugin interface (docs/devel/tcg-plugins). */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Block Block;
typedef struct Insn Insn;
typedef void Visit(unsigned cpu, void *context);
enum { NO_REGISTERS = 0, INLINE_ADD_U64 = 0 };

size_t qemu_plugin_tb_n_insns(const Block *block);
Insn *qemu_plugin_tb_get_insn(const Block *block, size_t i);
uint64_t qemu_plugin_insn_vaddr(const Insn *insn);
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id,
                                           void (*f)(uint64_t, Block *));
void qemu_plugin_register_vcpu_tb_exec_cb(Block *block, Visit *f, int registers,
                                          void *context);
void qemu_plugin_register_vcpu_insn_exec_inline(Insn *insn, int operation,
                                                void *counter, uint64_t by);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*f)(uint64_t, void *),
                                    void *context);

/* What qemu looks for. */
extern int qemu_plugin_version;
int qemu_plugin_version = 1;
int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

static uint64_t from, to = UINT64_MAX;
static uint64_t count; /* instructions */
static uint64_t calls, least = UINT64_MAX, most;
static uint64_t call_start; /* count when the call began */
static bool inside;

static void leave(unsigned cpu, void *context) {
  (void)cpu, (void)context;
  if (!inside)
    return;
  uint64_t n = count - call_start;
  least = n < least ? n : least;
  most = n > most ? n : most;
  inside = false;
}

static void enter(unsigned cpu, void *context) {
  (void)cpu, (void)context;
  if (inside)
    return;
  inside = true;
  calls++;
  call_start = count;
}

static bool counted(const Insn *insn) {
  uint64_t at = qemu_plugin_insn_vaddr(insn);
  return at >= from && at < to;
}

/* A block of straight code never crosses into or out of the range: the
 * program's parts lie far apart. */
static void translate(uint64_t id, Block *block) {
  size_t n = qemu_plugin_tb_n_insns(block);
  (void)id;
  bool in = n && counted(qemu_plugin_tb_get_insn(block, 0));
  qemu_plugin_register_vcpu_tb_exec_cb(block, in ? enter : leave, NO_REGISTERS,
                                       NULL);
  for (size_t i = 0; in && i < n; i++)
    qemu_plugin_register_vcpu_insn_exec_inline(
        qemu_plugin_tb_get_insn(block, i), INLINE_ADD_U64, &count, 1);
}

static void finish(uint64_t id, void *context) {
  (void)id;
  leave(0, context);
  fprintf(stderr,
          "%" PRIu64 " calls, %" PRIu64 " instructions, %" PRIu64 " to %" PRIu64
          " a call\n",
          calls, count, calls ? least : 0, most);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv) {
  (void)info;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "from=", 5) == 0)
      from = strtoull(argv[i] + 5, NULL, 0);
    else if (strncmp(argv[i], "to=", 3) == 0)
      to = strtoull(argv[i] + 3, NULL, 0);
    else
      return -1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_atexit_cb(id, finish, NULL);
  return 0;
}
