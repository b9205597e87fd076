/* The tables of cpu.h, and this machine's answers to them. */
#include "plan/cpu.h"

#include <stddef.h>

/* clang-format off */
const CpuSource cpu_sources[CPU_WORDS] = {
  [CPU_leaves]          = { CPU_BY_cpuid, .leaf = 0, .reg = 0 },
  [CPU_leaf1_ecx]       = { CPU_BY_cpuid, .leaf = 1, .reg = 2 },
  [CPU_leaf7_eax]       = { CPU_BY_cpuid, .leaf = 7, .reg = 0 },
  [CPU_leaf7_ebx]       = { CPU_BY_cpuid, .leaf = 7, .reg = 1 },
  [CPU_leaf7_ecx]       = { CPU_BY_cpuid, .leaf = 7, .reg = 2 },
  [CPU_leaf7_edx]       = { CPU_BY_cpuid, .leaf = 7, .reg = 3 },
  [CPU_leaf7_1_eax]     = { CPU_BY_cpuid, .leaf = 7, .subleaf = 1, .reg = 0 },
  [CPU_extended_leaves] = { CPU_BY_cpuid, .leaf = 0x80000000, .reg = 0 },
  [CPU_extended1_ecx]   = { CPU_BY_cpuid, .leaf = 0x80000001, .reg = 2 },
  [CPU_xcr0]            = { CPU_BY_xgetbv,
                            .guard = { CPU_leaf1_ecx, 27, 1, 1 } }, /* osxsave */
  [CPU_permitted]       = { CPU_BY_permitted,
                            .guard = { CPU_xcr0, 17, 2, 3 } }, /* tiles */
  [CPU_isar0] = { CPU_BY_mrs, .name = "S3_0_C0_C6_0" }, /* id_aa64isar0_el1 */
  [CPU_isar1] = { CPU_BY_mrs, .name = "S3_0_C0_C6_1" }, /* id_aa64isar1_el1 */
  [CPU_pfr0]  = { CPU_BY_mrs, .name = "S3_0_C0_C4_0" }, /* id_aa64pfr0_el1 */
};

/* A leaf that does not exist reads as another one: its number is asked for
 * first. */
const CpuNeeds cpu_x86_v2 = { NULL, {
  { CPU_leaf1_ecx, 0, 1, 1 },  /* sse3 */
  { CPU_leaf1_ecx, 9, 1, 1 },  /* ssse3 */
  { CPU_leaf1_ecx, 13, 1, 1 }, /* cmpxchg16b */
  { CPU_leaf1_ecx, 19, 1, 1 }, /* sse4.1 */
  { CPU_leaf1_ecx, 20, 1, 1 }, /* sse4.2 */
  { CPU_leaf1_ecx, 23, 1, 1 }, /* popcnt */
  { CPU_extended_leaves, 0, 32, 0x80000001 },
  { CPU_extended1_ecx, 0, 1, 1 }, /* lahf in 64-bit mode */
} };
const CpuNeeds cpu_x86_v3 = { &cpu_x86_v2, {
  { CPU_leaf1_ecx, 12, 1, 1 },     /* fma */
  { CPU_leaf1_ecx, 22, 1, 1 },     /* movbe */
  { CPU_leaf1_ecx, 28, 1, 1 },     /* avx */
  { CPU_leaf1_ecx, 29, 1, 1 },     /* f16c */
  { CPU_extended1_ecx, 5, 1, 1 },  /* lzcnt */
  { CPU_leaves, 0, 32, 7 },
  { CPU_leaf7_ebx, 3, 1, 1 },      /* bmi1 */
  { CPU_leaf7_ebx, 5, 1, 1 },      /* avx2 */
  { CPU_leaf7_ebx, 8, 1, 1 },      /* bmi2 */
  { CPU_xcr0, 1, 2, 3 },           /* xmm, ymm */
} };
const CpuNeeds cpu_x86_avxvnni = { &cpu_x86_v3, {
  { CPU_leaf7_eax, 0, 32, 1 },
  { CPU_leaf7_1_eax, 4, 1, 1 }, /* avx-vnni */
} };
const CpuNeeds cpu_x86_avx512vnni = { &cpu_x86_v3, {
  { CPU_leaf7_ebx, 16, 2, 3 }, /* avx512f, dq */
  { CPU_leaf7_ebx, 28, 1, 1 }, /* avx512cd */
  { CPU_leaf7_ebx, 30, 2, 3 }, /* avx512bw, vl */
  { CPU_leaf7_ecx, 11, 1, 1 }, /* avx512vnni */
  { CPU_xcr0, 5, 3, 7 },       /* masks, zmm */
} };
const CpuNeeds cpu_x86_amx = { &cpu_x86_avx512vnni, {
  { CPU_leaf7_edx, 24, 2, 3 }, /* amx-tile, amx-int8 */
  { CPU_xcr0, 17, 2, 3 },      /* tile configuration, tiles */
  { CPU_permitted, 18, 1, 1 },
} };

const CpuNeeds cpu_aarch64_dotprod = { NULL, {
  { CPU_isar0, 44, 4, 1 },
} };
const CpuNeeds cpu_aarch64_i8mm = { &cpu_aarch64_dotprod, {
  { CPU_isar1, 52, 4, 1 },
} };
/* What LLVM takes for granted of cores of Armv8.2 with dot products, of Armv8.4
 * and of Armv8.5. */
const CpuNeeds cpu_aarch64_v82 = { &cpu_aarch64_dotprod, {
  { CPU_isar0, 16, 4, 1 }, /* crc32 */
  { CPU_isar0, 20, 4, 2 }, /* atomics */
  { CPU_isar0, 28, 4, 1 }, /* rdm */
  { CPU_pfr0, 16, 4, 1 },  /* half floats */
  { CPU_pfr0, 20, 4, 1 },  /* ... in vectors */
} };
static const CpuNeeds cpu_aarch64_v84 = { &cpu_aarch64_v82, {
  { CPU_isar1, 4, 8, 1 },  /* signed pointers, of either kind */
  { CPU_isar1, 12, 4, 1 }, /* jscvt */
  { CPU_isar1, 16, 4, 1 }, /* fcma */
  { CPU_isar1, 20, 4, 2 }, /* lrcpc with offsets */
  { CPU_isar0, 48, 4, 1 }, /* fhm */
  { CPU_isar0, 52, 4, 1 }, /* flagm */
  { CPU_pfr0, 48, 4, 1 },  /* dit */
} };
const CpuNeeds cpu_aarch64_v84_i8mm = { &cpu_aarch64_v84, {
  { CPU_isar1, 52, 4, 1 },
  { CPU_isar1, 44, 4, 1 }, /* bf16 */
  { CPU_isar0, 60, 4, 1 }, /* rng */
} };
const CpuNeeds cpu_aarch64_v85 = { &cpu_aarch64_v84, {
  { CPU_isar0, 52, 4, 2 }, /* flagm2 */
  { CPU_isar0, 32, 4, 1 }, /* sha3 */
  { CPU_isar1, 32, 4, 1 }, /* frint */
  { CPU_isar1, 36, 4, 1 }, /* sb */
} };
/* clang-format on */

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t cpuid_word(const CpuSource *s) {
  unsigned r[4] = {0};
  __cpuid_count(s->leaf, s->subleaf, r[0], r[1], r[2], r[3]);
  return r[s->reg];
}

static uint64_t read_xcr0(void) {
  unsigned lo, hi;
  __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
  return lo;
}

static uint64_t read_permitted(void) {
#if defined(__linux__)
  enum { ARCH_PRCTL = 158, ARCH_GET_XCOMP_PERM = 0x1022 };
  uint64_t mask = 0;
  long status;
  __asm__ volatile("syscall"
                   : "=a"(status)
                   : "0"((long)ARCH_PRCTL), "D"((long)ARCH_GET_XCOMP_PERM),
                     "S"(&mask)
                   : "rcx", "r11", "memory");
  return status == 0 ? mask : 0;
#else
  return 0;
#endif
}

static uint64_t read_source(CpuWord w) {
  const CpuSource *s = &cpu_sources[w];
  return s->reader == CPU_BY_cpuid    ? cpuid_word(s)
         : s->reader == CPU_BY_xgetbv ? read_xcr0()
                                      : read_permitted();
}

#elif defined(__aarch64__) && defined(__linux__)

#define ID_REGISTER(word, name)                                                \
  static uint64_t read_##word(void) {                                          \
    uint64_t x;                                                                \
    __asm__("mrs %0, " name : "=r"(x));                                        \
    return x;                                                                  \
  }
ID_REGISTER(isar0, "S3_0_C0_C6_0")
ID_REGISTER(isar1, "S3_0_C0_C6_1")
ID_REGISTER(pfr0, "S3_0_C0_C4_0")

static uint64_t read_source(CpuWord w) {
  static uint64_t (*const readers[CPU_WORDS])(void) = {
      [CPU_isar0] = read_isar0,
      [CPU_isar1] = read_isar1,
      [CPU_pfr0] = read_pfr0,
  };
  return readers[w] ? readers[w]() : 0;
}

#else

static uint64_t read_source(CpuWord w) {
  (void)w;
  return 0;
}

#endif

static bool need_met(const CpuNeed *n);

static uint64_t cpu_word(CpuWord w) {
  return need_met(&cpu_sources[w].guard) ? read_source(w) : 0;
}

static bool need_met(const CpuNeed *n) {
  if (!n->bits)
    return true;
  uint64_t field = cpu_word(n->word) >> n->shift & ((1ull << n->bits) - 1);
  return field >= n->least;
}

bool cpu_meets(const CpuNeeds *needs) {
  if (!needs)
    return true;
  if (!cpu_meets(needs->base))
    return false;
  for (int i = 0; i < CPU_MOST_NEEDS; i++)
    if (!need_met(&needs->need[i]))
      return false;
  return true;
}
