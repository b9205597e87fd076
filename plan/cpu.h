/* What a row's code asks of the machine it runs on, as data: fields of CPUID,
 * of the registers that the operating system saves, or of AArch64's ID
 * registers, and the least that each must hold. Two read it: this process
 * (target_runs_here), and the code by which an object with tiers chooses
 * (codegen/tiers.c). Processors are asked bit by bit, never by name. */
#ifndef KILN_PLAN_CPU_H
#define KILN_PLAN_CPU_H

#include <stdbool.h>
#include <stdint.h>

typedef enum CpuWord {
  CPU_leaves,
  CPU_leaf1_ecx,
  CPU_leaf7_eax,
  CPU_leaf7_ebx,
  CPU_leaf7_ecx,
  CPU_leaf7_edx,
  CPU_leaf7_1_eax,
  CPU_extended_leaves,
  CPU_extended1_ecx,
  CPU_xcr0,      /* registers that the system saves */
  CPU_permitted, /* of those, the ones that this process may use */
  CPU_isar0,
  CPU_isar1,
  CPU_pfr0,
  CPU_WORDS
} CpuWord;

/* word >> shift, its `bits` low bits, must be at least that; bits 0: nothing.
 */
typedef struct CpuNeed {
  CpuWord word;
  int shift, bits;
  uint32_t least;
} CpuNeed;

typedef enum CpuReader {
  CPU_BY_cpuid,
  CPU_BY_xgetbv,    /* XCR0, the low half */
  CPU_BY_permitted, /* Linux' arch_prctl(ARCH_GET_XCOMP_PERM); 0: none */
  CPU_BY_mrs        /* which Linux does for programs */
} CpuReader;

/* Where a word comes from. */
typedef struct CpuSource {
  CpuReader reader;
  uint32_t leaf, subleaf;
  int reg;          /* of cpuid: 0 eax, 1 ebx, 2 ecx, 3 edx */
  const char *name; /* of an ID register, as any assembler knows it */
  CpuNeed guard;    /* else it is not read, and 0 */
} CpuSource;
extern const CpuSource cpu_sources[CPU_WORDS];

enum { CPU_MOST_NEEDS = 16 };
typedef struct CpuNeeds {
  const struct CpuNeeds *base; /* what it builds on; or NULL */
  CpuNeed need[CPU_MOST_NEEDS];
} CpuNeeds;

extern const CpuNeeds cpu_x86_v2, cpu_x86_v3, cpu_x86_avxvnni,
    cpu_x86_avx512vnni, cpu_x86_amx;
extern const CpuNeeds cpu_aarch64_dotprod, cpu_aarch64_i8mm, cpu_aarch64_v82,
    cpu_aarch64_v84_i8mm, cpu_aarch64_v85;

/* Does this machine meet them? NULL: yes. Only for needs of its own
 * architecture. */
bool cpu_meets(const CpuNeeds *needs);

#endif
