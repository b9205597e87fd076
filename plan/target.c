/* The target rows. Tiles are what fits the registers with operands to spare;
 * a row without vectors still gets every kernel, by the portable ones.
 * Activations lie signed wherever the dot instruction sign-extends or takes
 * s8 x s8, so that sxtb16, vmovl.s8 and pmovsxbw serve every layer alike;
 * only vpdpbusd wants them unsigned. */
#include "plan/target.h"

#include "plan/requant_form.h"

/* Forms of requantization: all can compare and split a multiply, 64-bit
 * products want a wide multiplier, their upper words one that adds to those,
 * the float forms a vector FMA. */
enum {
  RQ_FORMS_NARROW = 1 << RF_double | 1 << RF_table,
  RQ_FORMS_WIDE = RQ_FORMS_NARROW | 1 << RF_single,
  RQ_FORMS_HIGH = RQ_FORMS_WIDE | 1 << RF_high,
  RQ_FORMS_FMA = RQ_FORMS_WIDE | 1 << RF_f32 | 1 << RF_bits
};

#define X86_64_COMMON                                                          \
  .triple = "x86_64-unknown-linux-gnu", .abi = "", .arch = ARCH_x86_64,        \
  .pointer_bits = 64, .fpu = true, .f64 = true, .mul64 = true,                 \
  .position_independent = true, .cache = 32 << 10, .runner = "host"

#define AARCH64_COMMON                                                         \
  .triple = "aarch64-unknown-linux-gnu", .abi = "", .arch = ARCH_aarch64,      \
  .pointer_bits = 64, .vector_bytes = 16, .nvregs = 32,                        \
  .act = ACT_SIGN_signed, .requant = RQ_FORMS_FMA | RF_QUICK_DOUBLE,           \
  .fpu = true, .fma = true, .f64 = true, .mul64 = true,                        \
  .position_independent = true, .conv_pixels = 4, .conv_vectors = 4,           \
  .simd_align = 16, .runner = "qemu-aarch64"

#define CORTEX_M_COMMON                                                        \
  .features = "", .abi = "", .arch = ARCH_arm, .pointer_bits = 32,             \
  .act = ACT_SIGN_signed

/* Scalar cores: general registers that a loop can hold values in. */
#define CORTEX_M_SCALAR                                                        \
  CORTEX_M_COMMON, .vector_bytes = 0, .nvregs = 13, .conv_pixels = 2,          \
      .conv_vectors = 2, .simd_align = 4

/* clang-format off */
const Target target_table[] = {
  { .name = "x86-64-v2", .cpu = "x86-64-v2", .features = "",
    X86_64_COMMON,
    .gcc = "-march=x86-64-v2", .needs = &cpu_x86_v2,
    .vector_bytes = 16, .nvregs = 16, .dot = DOT_pmaddwd,
    .act = ACT_SIGN_signed, .requant = RQ_FORMS_WIDE,
    .conv_pixels = 3, .conv_vectors = 2, .simd_align = 16,
    .summary = "x86-64 with SSE4.2 (2009 on)" },
  { .name = "x86-64-v3", .cpu = "x86-64-v3", .features = "",
    X86_64_COMMON,
    .gcc = "-march=x86-64-v3", .needs = &cpu_x86_v3,
    .vector_bytes = 32, .nvregs = 16, .dot = DOT_pmaddwd,
    .act = ACT_SIGN_signed, .requant = RQ_FORMS_FMA, .fma = true,
    .asks_ahead = true,
    .conv_pixels = 3, .conv_vectors = 2, .simd_align = 32,
    .summary = "x86-64 with AVX2 and FMA (2013 on)" },
  { .name = "x86-64-avxvnni", .cpu = "x86-64-v3", .features = "+avxvnni",
    X86_64_COMMON,
    .gcc = "-march=x86-64-v3 -mavxvnni", .needs = &cpu_x86_avxvnni,
    .vector_bytes = 32, .nvregs = 16, .dot = DOT_vpdpbusd,
    .act = ACT_SIGN_unsigned, .requant = RQ_FORMS_FMA, .fma = true,
    .conv_pixels = 3, .conv_vectors = 4, .simd_align = 32,
    .summary = "x86-64 with AVX-VNNI (Alder Lake, Zen 5 on)" },
  { .name = "x86-64-avx512vnni", .cpu = "cascadelake",
    .features = "-prefer-256-bit",
    X86_64_COMMON,
    .gcc = "-march=cascadelake", .needs = &cpu_x86_avx512vnni,
    .vector_bytes = 64, .nvregs = 32, .dot = DOT_vpdpbusd,
    .act = ACT_SIGN_unsigned, .requant = RQ_FORMS_FMA, .fma = true,
    .masks = true, .asks_ahead = true,
    .conv_pixels = 5, .conv_vectors = 4, .simd_align = 64,
    .summary = "x86-64 with AVX-512 VNNI (Cascade Lake, Zen 4 on)" },
  { .name = "x86-64-amx", .cpu = "cascadelake",
    .features = "-prefer-256-bit,+amx-tile,+amx-int8",
    X86_64_COMMON,
    .gcc = "-march=cascadelake -mamx-tile -mamx-int8", .needs = &cpu_x86_amx,
    .vector_bytes = 64, .nvregs = 32, .dot = DOT_vpdpbusd,
    .act = ACT_SIGN_unsigned, .requant = RQ_FORMS_FMA, .fma = true,
    .masks = true, .tiles = TILES_amx, .asks_ahead = true,
    .conv_pixels = 5, .conv_vectors = 4, .simd_align = 64,
    .summary = "x86-64 with AMX for bytes (Sapphire Rapids on)" },

  { .name = "aarch64", .cpu = "generic", .features = "+neon",
    AARCH64_COMMON,
    .gcc = "-march=armv8-a",
    .dot = DOT_smull,
    .summary = "Armv8-A with NEON, any core" },
  { .name = "aarch64-dotprod", .cpu = "generic", .features = "+neon,+dotprod",
    AARCH64_COMMON,
    .gcc = "-march=armv8-a+dotprod", .needs = &cpu_aarch64_dotprod,
    .dot = DOT_sdot,
    .summary = "Armv8-A with dot products, any core" },
  { .name = "aarch64-i8mm", .cpu = "generic",
    .features = "+neon,+dotprod,+i8mm",
    AARCH64_COMMON,
    .gcc = "-march=armv8.2-a+dotprod+i8mm", .needs = &cpu_aarch64_i8mm,
    .dot = DOT_smmla,
    .summary = "Armv8-A with matrix products of bytes, any core" },
  { .name = "cortex-a53", .cpu = "cortex-a53", .features = "",
    AARCH64_COMMON, .cache = 32 << 10,
    .gcc = "-mcpu=cortex-a53",
    .dot = DOT_smull,
    .summary = "Armv8-A with NEON, in order (Raspberry Pi 3)" },
  { .name = "cortex-a72", .cpu = "cortex-a72", .features = "",
    AARCH64_COMMON, .cache = 32 << 10,
    .gcc = "-mcpu=cortex-a72",
    .dot = DOT_smull,
    .summary = "Armv8-A with NEON (Raspberry Pi 4)" },
  /* LLVM's models of both: a pair of q registers takes longer to load than
     two, or more operations */
  { .name = "cortex-a55", .cpu = "cortex-a55", .features = "+slow-paired-128",
    AARCH64_COMMON, .cache = 32 << 10,
    .gcc = "-mcpu=cortex-a55",
    .dot = DOT_sdot, .needs = &cpu_aarch64_v82,
    .summary = "Armv8.2-A with dot products, in order" },
  { .name = "cortex-a76", .cpu = "cortex-a76", .features = "+slow-paired-128",
    AARCH64_COMMON, .cache = 64 << 10,
    .gcc = "-mcpu=cortex-a76",
    .dot = DOT_sdot, .needs = &cpu_aarch64_v82,
    .summary = "Armv8.2-A with dot products (Raspberry Pi 5)" },
  { .name = "neoverse-n1", .cpu = "neoverse-n1", .features = "",
    AARCH64_COMMON, .cache = 64 << 10,
    .gcc = "-mcpu=neoverse-n1",
    .dot = DOT_sdot, .needs = &cpu_aarch64_v82,
    .summary = "Armv8.2-A server core (Graviton2, Altra)" },
  { .name = "apple-m1", .cpu = "apple-m1", .features = "",
    AARCH64_COMMON, .cache = 128 << 10,
    .gcc = "-mcpu=apple-m1",
    .dot = DOT_sdot, .needs = &cpu_aarch64_v85,
    .summary = "Armv8.5-A with dot products, under Linux" },
  /* vectors of 16 bytes do all, and frames in units of SVE's have no size */
  { .name = "neoverse-v1", .cpu = "neoverse-v1", .features = "-sve",
    AARCH64_COMMON, .cache = 64 << 10,
    .gcc = "-mcpu=neoverse-v1",
    .dot = DOT_smmla, .needs = &cpu_aarch64_v84_i8mm,
    .summary = "Armv8.4-A with matrix products of bytes (Graviton3)" },

  { .name = "cortex-m0plus", .cpu = "cortex-m0plus",
    .triple = "thumbv6m-unknown-none-eabi",
    CORTEX_M_COMMON,
    .gcc = "-mcpu=cortex-m0plus -mthumb -mfloat-abi=soft",
    .vector_bytes = 0, .nvregs = 8, .dot = DOT_scalar,
    .requant = RQ_FORMS_NARROW,
    .fpu = false, .mul64 = false,
    .conv_pixels = 1, .conv_vectors = 2, .simd_align = 4,
    .runner = "mps2-an385",
    .summary = "Armv6-M: 32-bit multiply, no divide, no FPU" },
  { .name = "cortex-m3", .cpu = "cortex-m3",
    .triple = "thumbv7m-unknown-none-eabi",
    CORTEX_M_SCALAR,
    .gcc = "-mcpu=cortex-m3 -mthumb -mfloat-abi=soft",
    .dot = DOT_scalar, .requant = RQ_FORMS_HIGH,
    .fpu = false, .mul64 = true,
    .runner = "mps2-an385",
    .summary = "Armv7-M, no FPU" },
  { .name = "cortex-m4", .cpu = "cortex-m4",
    .triple = "thumbv7em-unknown-none-eabihf",
    CORTEX_M_SCALAR,
    .gcc = "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard",
    .dot = DOT_smlad, .requant = RQ_FORMS_HIGH,
    .fpu = true, .fma = true, .mul64 = true,
    .runner = "mps2-an386",
    .summary = "Armv7E-M with DSP and FPU" },
  { .name = "cortex-m7", .cpu = "cortex-m7",
    .triple = "thumbv7em-unknown-none-eabihf",
    CORTEX_M_SCALAR,
    .gcc = "-mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard",
    .dot = DOT_smlad, .requant = RQ_FORMS_HIGH,
    .fpu = true, .fma = true, .f64 = true, .mul64 = true,
    .runner = "mps2-an500",
    .summary = "Armv7E-M, dual issue, with DSP and FPU" },
  { .name = "cortex-m33", .cpu = "cortex-m33",
    .triple = "thumbv8m.main-unknown-none-eabihf",
    CORTEX_M_SCALAR,
    .gcc = "-mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard",
    .dot = DOT_smlad, .requant = RQ_FORMS_HIGH,
    .fpu = true, .fma = true, .mul64 = true,
    .runner = "mps2-an505",
    .summary = "Armv8-M Mainline with DSP and FPU" },
  { .name = "cortex-m55", .cpu = "cortex-m55",
    .triple = "thumbv8.1m.main-unknown-none-eabihf",
    CORTEX_M_COMMON,
    .gcc = "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard",
    .vector_bytes = 16, .nvregs = 8, .dot = DOT_vmladava,
    .requant = RQ_FORMS_WIDE,
    .fpu = true, .fma = true, .f64 = true, .flushes = true, .mul64 = true,
    .conv_pixels = 4, .conv_vectors = 1, .simd_align = 16,
    .runner = "mps3-an547",
    .summary = "Armv8.1-M with MVE (Helium)" },

  { .name = "armv7-neon", .cpu = "cortex-a9", .features = "",
    .triple = "armv7-unknown-linux-gnueabihf", .abi = "",
    .gcc = "-march=armv7-a -mfpu=neon -mfloat-abi=hard",
    .arch = ARCH_arm, .pointer_bits = 32,
    .vector_bytes = 16, .nvregs = 16, .dot = DOT_widen,
    .act = ACT_SIGN_signed, .requant = RQ_FORMS_WIDE,
    .fpu = true, .f64 = true, .flushes = true, .mul64 = true,
    .position_independent = true,
    .conv_pixels = 4, .conv_vectors = 2, .simd_align = 16,
    .runner = "qemu-arm",
    .summary = "Armv7-A with NEON (Cortex-A7, A9, A15)" },
  { .name = "riscv64", .cpu = "generic-rv64",
    .features = "+m,+a,+f,+d,+c,+zicsr,+zifencei",
    .triple = "riscv64-unknown-linux-gnu", .abi = "lp64d",
    .gcc = "-march=rv64gc -mabi=lp64d",
    .arch = ARCH_riscv64, .pointer_bits = 64,
    .vector_bytes = 0, .nvregs = 28, .dot = DOT_scalar,
    .act = ACT_SIGN_signed, .requant = RQ_FORMS_WIDE,
    .fpu = true, .fma = true, .f64 = true, .mul64 = true,
    .position_independent = true,
    .conv_pixels = 3, .conv_vectors = 4, .simd_align = 16,
    .runner = "qemu-riscv64",
    .summary = "RV64GC, no vector extension" },
  { .name = "wasm32", .cpu = "generic", .features = "+simd128",
    .triple = "wasm32-unknown-unknown", .abi = "",
    .gcc = "--target=wasm32 -msimd128",
    .arch = ARCH_wasm32, .pointer_bits = 32,
    .vector_bytes = 16, .nvregs = 16, .dot = DOT_widen,
    .act = ACT_SIGN_signed, .requant = RQ_FORMS_WIDE,
    .fpu = true, .f64 = true, .mul64 = true, .position_independent = false,
    .conv_pixels = 4, .conv_vectors = 2, .simd_align = 16,
    .runner = NULL,
    .summary = "WebAssembly with 128-bit SIMD" },
};
/* clang-format on */
const int target_count = (int)(sizeof target_table / sizeof *target_table);

static const struct {
  const char *name;
  int group;
} dots[] = {[DOT_scalar] = {"scalar", 1},     [DOT_widen] = {"widen", 1},
            [DOT_smull] = {"smull", 4},       [DOT_pmaddwd] = {"pmaddwd", 2},
            [DOT_vpdpbusd] = {"vpdpbusd", 4}, [DOT_sdot] = {"sdot", 4},
            [DOT_smmla] = {"smmla", 8},       [DOT_smlad] = {"smlad", 2},
            [DOT_vmladava] = {"vmladava", 16}};

int dot_group(Dot dot) { return dots[dot].group; }
const char *dot_name(Dot dot) { return dots[dot].name; }

unsigned target_requant_forms(const Target *t) {
  return target_conv_forms(t) & ~(1u << RF_bits | 1u << RF_high);
}

unsigned target_conv_forms(const Target *t) {
  return t->requant | (t->fpu ? 1u << RF_even : (unsigned)RF_SOFT_EVEN);
}

int target_f32_lanes(const Target *t) {
  return t->fpu ? t->vector_bytes / 4 : 0;
}

/* x86-64-v3 has F16C, whose conversions no mode of the core changes. */
bool target_converts_f16(const Target *t) {
  return t->arch == ARCH_aarch64 || (t->arch == ARCH_x86_64 && t->fma);
}

bool target_f32_exact(const Target *t) { return t->fma && !t->flushes; }
