/* What this machine can execute. */
#include "plan/target.h"

#include <string.h>

static bool arch_is_here(const Target *t) {
#if defined(__x86_64__)
  return t->arch == ARCH_x86_64;
#elif defined(__aarch64__) && defined(__linux__)
  return t->arch == ARCH_aarch64;
#elif defined(__riscv) && __riscv_xlen == 64
  return t->arch == ARCH_riscv64;
#elif defined(__ARM_ARCH_7A__) && defined(__ARM_NEON)
  return t->arch == ARCH_arm && strstr(t->triple, "-linux-");
#else
  (void)t;
  return false;
#endif
}

bool target_runs_here(const Target *t) {
  return arch_is_here(t) && cpu_meets(t->needs);
}

/* Wider vectors are better, then the later dot kind, then tiles. */
static bool is_better(const Target *t, const Target *than) {
  if (t->vector_bytes != than->vector_bytes)
    return t->vector_bytes > than->vector_bytes;
  return t->dot != than->dot ? t->dot > than->dot : t->tiles > than->tiles;
}

/* Of equals the first row, which assumes least. */
const Target *target_host(void) {
  const Target *best = NULL;
  for (int i = 0; i < target_count; i++) {
    const Target *t = &target_table[i];
    if (target_runs_here(t) && (!best || is_better(t, best)))
      best = t;
  }
  return best;
}
