/* Targets as data: one row a CPU (target.c). Code asks the row, never the
 * name. */
#ifndef KILN_PLAN_TARGET_H
#define KILN_PLAN_TARGET_H

#include <stdbool.h>

#include "plan/cpu.h"
#include "support/diag.h"
#include "support/str.h"

typedef enum Arch {
  ARCH_x86_64,
  ARCH_aarch64,
  ARCH_arm, /* Thumb and A32 */
  ARCH_riscv64,
  ARCH_wasm32
} Arch;

/* How 8-bit products are summed into 32 bits. `group` of dot_info() is how
 * many consecutive k one 32-bit lane takes. */
typedef enum Dot {
  DOT_scalar,   /* no vectors: one multiply at a time */
  DOT_widen,    /* vectors: sign-extend, multiply, add; group 1 */
  DOT_smull,    /* NEON: pairs of i16 products of bytes, added up; group 4 */
  DOT_pmaddwd,  /* x86: pairs of i16; group 2 */
  DOT_vpdpbusd, /* AVX-512 VNNI: u8 x s8, no saturation; group 4 */
  DOT_sdot,     /* Armv8.2: s8 x s8; group 4 */
  DOT_smmla,    /* Armv8.6: 2 x 8 s8 by 8 x 2; group 8 */
  DOT_smlad,    /* Armv7E-M DSP: pairs of i16 in a word */
  DOT_vmladava  /* MVE: 16 s8 products into one scalar */
} Dot;

/* Matrix registers: 16 rows of 64 bytes, u8 x s8. */
typedef enum TileKind {
  TILES_none,
  TILES_amx,
  TILES_emulated /* in vpdpbusd and scratch; no row, for tests of kernels */
} TileKind;

/* How 8-bit activations lie in the arena: as the model has them, or all
 * signed, or all unsigned (values and zero points move by 128). */
typedef enum ActSign {
  ACT_SIGN_any,
  ACT_SIGN_signed,
  ACT_SIGN_unsigned
} ActSign;

/* Forms that may stand for a requant step function when proven equal to it
 * (plan/requant_form.h), bit set of 1 << RequantForm. */
typedef struct Target Target;

/* A row as part of an object that has code for several (plan/tiers.c). */
typedef struct Tier {
  const char *name; /* "avx512vnni", a part of symbols */
  const Target *row;
} Tier;

struct Target {
  const char *name;     /* preset, "cortex-m4" */
  const char *triple;   /* normalized LLVM triple */
  const char *cpu;      /* LLVM -mcpu */
  const char *features; /* LLVM feature string */
  const char *abi;      /* LLVM ABI name, "" = default */
  const char *gcc;      /* matching gcc / clang flags, for the header */
  Arch arch;
  int pointer_bits;
  int vector_bytes; /* 0 = no vectors */
  int nvregs;       /* vector (or general) registers */
  Dot dot;
  ActSign act;
  unsigned requant; /* allowed forms, 1 << RF_x */
  bool fpu;         /* f32 in hardware */
  bool fma;         /* f32 multiply-add with one rounding in hardware */
  bool f64;         /* doubles in hardware */
  bool flushes;     /* f32 vectors take subnormals for zero */
  bool mul64;       /* 32 x 32 -> 64 multiply in hardware */
  bool masks;       /* vector stores of any of their bytes */
  TileKind tiles;
  bool asks_ahead; /* prefetches weights that no cache of the core holds */
  bool position_independent;
  int conv_pixels;    /* register tile of conv kernels: pixels ... */
  int conv_vectors;   /* ... x vectors (or channels) of outputs */
  int cache;          /* bytes of the core's own data cache; 0: unknown, none */
  int simd_align;     /* alignment of weights and of the arena */
  const char *runner; /* how verify runs it: "host", "qemu-aarch64",
                         "mps2-an386", NULL = cannot */
  const CpuNeeds *needs; /* what its code asks of a machine of its kind; NULL:
                            nothing that programs could ask about */
  const char *summary;
  const Tier *tiers; /* of a family, whose other members are those of the
                        first: what its objects have code for */
  int ntiers;        /* 0: is none */
};

extern const Target target_table[];
extern const int target_count;

/* A preset by name ("host" is the best row that this machine can run, by
 * CPUID), refined by gcc's -mcpu= -mfpu= -mfloat-abi= (each may be NULL).
 * NULL: error E0304 in d. Result is in the arena or in the table. */
const Target *target_find(Arena *a, Diag *d, const char *preset,
                          const char *mcpu, const char *mfpu,
                          const char *mfloat_abi);
/* The target with the tiers that `list` names, "v2,avx512vnni", one of them
 * the first of the family; NULL: with its own. NULL: error E0304 in d. */
const Target *target_pick_tiers(Arena *a, Diag *d, const Target *t,
                                const char *list);
/* The family of that name with all of its tiers; NULL: is none, or one of a
 * single row unless tiers are picked. */
const Target *target_family(Arena *a, const char *name);
/* The i-th of those that target_family knows; NULL behind the last. */
const Target *target_family_at(Arena *a, int i);
/* The best of its tiers that runs here, or the row itself; NULL: none does.
 */
const Target *target_best_tier(const Target *t);
/* Can this process execute the target's code directly? A family's where it
 * can that of the first tier. */
bool target_runs_here(const Target *t);
/* The best row that it can; NULL when there is none. */
const Target *target_host(void);
/* Bits of RequantForm that it has instructions for. */
unsigned target_requant_forms(const Target *t);
/* The same for kernels whose accumulators start from the biases that
 * conv_finish makes, so that the form may have a say in them. */
unsigned target_conv_forms(const Target *t);
/* Lanes of its f32 vectors; 0 = none. */
int target_f32_lanes(const Target *t);
/* Has it instructions between f16 and f32, subnormals included? */
bool target_converts_f16(const Target *t);
/* Is every f32 result that of the interpreter, bit for bit? Else sums may
 * differ by 1e-5 of the largest. */
bool target_f32_exact(const Target *t);
/* Consecutive k per lane of a dot kind: 1, 2, 4 or 8 (vmladava: 16). */
int dot_group(Dot dot);
const char *dot_name(Dot dot);

#endif
