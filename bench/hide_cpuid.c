/* Holds a process to AVX2: preloaded, it makes CPUID fault (arch_prctl, Linux
 * on Intel from Ivy Bridge on: cpuid_fault in /proc/cpuinfo) and answers it
 * without AVX-512, AVX-VNNI and AMX. For runtimes without a switch for that. */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ARCH_SET_CPUID = 0x1012, LEAF_FEATURES = 7 };

/* Of leaf 7: subleaf, register (a, b, c, d), bits that are hidden. */
static const struct {
  unsigned subleaf, reg, bits;
} hidden[] = {
    {0, 1, 0xdc230000u}, /* F, DQ, IFMA, PF, ER, CD, BW, VL */
    {0, 2, 0x00005842u}, /* VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ */
    {0, 3, 0x03c0010cu}, /* 4VNNIW, 4FMAPS, VP2INTERSECT, FP16, AMX */
    {1, 0, 0x00a00030u}, /* AVX-VNNI, BF16, AMX-FP16, AVX-IFMA */
    {1, 3, 0x00080530u}, /* AVX-VNNI-INT8, NE-CONVERT, INT16, AVX10 */
};

static long set_cpuid(unsigned long allowed) {
  return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed);
}

static void answer(unsigned leaf, unsigned subleaf, unsigned r[4]) {
  set_cpuid(1);
  __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
  set_cpuid(0);
  for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
    if (leaf == LEAF_FEATURES && subleaf == hidden[i].subleaf)
      r[hidden[i].reg] &= ~hidden[i].bits;
}

static void on_fault(int signal_number, siginfo_t *info, void *context) {
  static const unsigned char cpuid[] = {0x0f, 0xa2};
  static const int regs[] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX};
  greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
  (void)info;
  if (memcmp((const void *)(uintptr_t)g[REG_RIP], cpuid, sizeof cpuid) != 0) {
    signal(signal_number, SIG_DFL); /* a fault of its own: again, and die */
    return;
  }
  unsigned r[4];
  answer((unsigned)g[REG_RAX], (unsigned)g[REG_RCX], r);
  for (int i = 0; i < 4; i++)
    g[regs[i]] = (greg_t)r[i];
  g[REG_RIP] += sizeof cpuid;
}

__attribute__((constructor)) static void hide(void) {
  struct sigaction action = {.sa_sigaction = on_fault,
                             .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  if (sigaction(SIGSEGV, &action, NULL) || set_cpuid(0))
    abort(); /* rather than a figure of something else */
}
