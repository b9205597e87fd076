/* What this machine can execute, asked of the processor and the operating
 * system bit by bit, never of the CPU's name. */
#include "plan/target.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

/* One capability: a bit of a CPUID register. */
typedef struct CpuBit {
  unsigned leaf;
  enum { REG_B, REG_C } reg;
  int bit;
} CpuBit;

/* clang-format off */
static const CpuBit v2_bits[] = {
  {1, REG_C, 0},  /* sse3 */
  {1, REG_C, 9},  /* ssse3 */
  {1, REG_C, 13}, /* cmpxchg16b */
  {1, REG_C, 19}, /* sse4.1 */
  {1, REG_C, 20}, /* sse4.2 */
  {1, REG_C, 23}, /* popcnt */
  {0x80000001, REG_C, 0}, /* lahf in 64-bit mode */
};
static const CpuBit v3_bits[] = {
  {1, REG_C, 12}, /* fma */
  {1, REG_C, 22}, /* movbe */
  {1, REG_C, 27}, /* osxsave */
  {1, REG_C, 28}, /* avx */
  {1, REG_C, 29}, /* f16c */
  {7, REG_B, 3},  /* bmi1 */
  {7, REG_B, 5},  /* avx2 */
  {7, REG_B, 8},  /* bmi2 */
  {0x80000001, REG_C, 5}, /* lzcnt */
};
static const CpuBit vnni_bits[] = {
  {7, REG_B, 16}, /* avx512f */
  {7, REG_B, 17}, /* avx512dq */
  {7, REG_B, 28}, /* avx512cd */
  {7, REG_B, 30}, /* avx512bw */
  {7, REG_B, 31}, /* avx512vl */
  {7, REG_C, 11}, /* avx512vnni */
};
/* clang-format on */

/* A tier needs all of the one before, its bits, and that the operating
 * system saves its registers (a mask of XCR0). */
static const struct {
  int vector_bytes;
  const CpuBit *bits;
  size_t nbits;
  unsigned xcr0;
} tiers[] = {
    {16, v2_bits, sizeof v2_bits / sizeof *v2_bits, 0},
    {32, v3_bits, sizeof v3_bits / sizeof *v3_bits, 0x6},
    {64, vnni_bits, sizeof vnni_bits / sizeof *vnni_bits, 0xe6},
};

static bool cpu_has(const CpuBit *c) {
  unsigned r[4] = {0};
  if (!__get_cpuid_count(c->leaf, 0, &r[0], &r[1], &r[2], &r[3]))
    return false;
  return r[c->reg == REG_B ? 1 : 2] >> c->bit & 1;
}

/* Only after osxsave was seen. */
static unsigned read_xcr0(void) {
  unsigned lo, hi;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  return lo;
}

/* Widest vectors whose tier this machine has; 0 = not even the first. */
static int host_vector_bytes(void) {
  int have = 0;
  for (size_t t = 0; t < sizeof tiers / sizeof *tiers; t++) {
    for (size_t i = 0; i < tiers[t].nbits; i++)
      if (!cpu_has(&tiers[t].bits[i]))
        return have;
    if (tiers[t].xcr0 && (read_xcr0() & tiers[t].xcr0) != tiers[t].xcr0)
      return have;
    have = tiers[t].vector_bytes;
  }
  return have;
}

bool target_runs_here(const Target *t) {
  return t->arch == ARCH_x86_64 && t->vector_bytes <= host_vector_bytes();
}

#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

/* What LLVM takes for granted of cores from a level of Armv8 on, and of those
 * with matrix products. */
static const struct {
  int level;
  bool matrices;
  unsigned long first, second;
} arm_needs[] = {
    {2, false,
     HWCAP_ASIMDDP | HWCAP_ATOMICS | HWCAP_ASIMDRDM | HWCAP_FPHP |
         HWCAP_ASIMDHP | HWCAP_CRC32,
     0},
    {4, false,
     HWCAP_JSCVT | HWCAP_FCMA | HWCAP_LRCPC | HWCAP_ILRCPC | HWCAP_DIT |
         HWCAP_USCAT | HWCAP_FLAGM | HWCAP_ASIMDFHM | HWCAP_PACA,
     0},
    {5, false, HWCAP_SB | HWCAP_SSBS | HWCAP_SHA3,
     HWCAP2_FRINT | HWCAP2_FLAGM2},
    {4, true, 0, HWCAP2_I8MM | HWCAP2_BF16 | HWCAP2_RNG},
};

bool target_runs_here(const Target *t) {
  unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
  if (t->arch != ARCH_aarch64)
    return false;
  for (size_t i = 0; i < sizeof arm_needs / sizeof *arm_needs; i++) {
    bool needed = t->arm_level >= arm_needs[i].level &&
                  (!arm_needs[i].matrices || t->dot == DOT_smmla);
    if (needed && ((first & arm_needs[i].first) != arm_needs[i].first ||
                   (second & arm_needs[i].second) != arm_needs[i].second))
      return false;
  }
  return true;
}

#elif defined(__riscv) && __riscv_xlen == 64

bool target_runs_here(const Target *t) { return t->arch == ARCH_riscv64; }

#elif defined(__ARM_ARCH_7A__) && defined(__ARM_NEON)

bool target_runs_here(const Target *t) {
  return t->arch == ARCH_arm && strstr(t->triple, "-linux-");
}

#else

bool target_runs_here(const Target *t) {
  (void)t;
  return false;
}

#endif

/* Wider vectors are better, then the later dot kind; of equals the first
 * row, which assumes least. */
const Target *target_host(void) {
  const Target *best = NULL;
  for (int i = 0; i < target_count; i++) {
    const Target *t = &target_table[i];
    if (target_runs_here(t) &&
        (!best || t->vector_bytes > best->vector_bytes || t->dot > best->dot))
      best = t;
  }
  return best;
}
