/* One inference on fixed input between two marks, for cortex_m.py: built with
 * MODEL_H, RUN, ARENA_BYTES, IN_BYTES and OUT_BYTES, beside start.c of
 * ../shared/bench-mcu, which prints and exits. */
#include MODEL_H

void puts0(const char *s);
void put_u32(uint32_t x);
void bench_begin(void);
void bench_end(void);
int main(void);

static __attribute__((aligned(64))) unsigned char arena[ARENA_BYTES + 1];
static int8_t input[IN_BYTES];
static int8_t output[OUT_BYTES];

__attribute__((noinline)) void bench_begin(void) { __asm__ volatile(""); }
__attribute__((noinline)) void bench_end(void) { __asm__ volatile(""); }

static void fill_input(void) {
  uint32_t s = 12345;
  for (int i = 0; i < IN_BYTES; i++) {
    s = s * 1664525u + 1013904223u;
    input[i] = (int8_t)(s >> 24);
  }
}

static uint32_t output_hash(void) {
  uint32_t h = 2166136261u;
  for (int i = 0; i < OUT_BYTES; i++)
    h = (h ^ (uint8_t)output[i]) * 16777619u;
  return h;
}

int main(void) {
  const void *const in[] = {input};
  void *const out[] = {output};
  int status;
  fill_input();
  bench_begin();
  status = RUN((const void *)in, (const void *)out, arena);
  bench_end();
  puts0("fnv1a ");
  put_u32(output_hash());
  puts0("\n");
  return status;
}
