/* What bench/mcu.c needs of a board, as a Linux process on AArch64: start,
 * output and exit by system calls, without a C library. */
#include <stdint.h>

int main(void);
void puts0(const char *s);
void put_u32(uint32_t x);
void *memcpy(void *to, const void *from, unsigned long n);
void *memset(void *to, int x, unsigned long n);

enum { SYS_write = 64, SYS_exit = 93 };

static long call(long number, long a, long b, long c) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}

void puts0(const char *s) {
  long n = 0;
  while (s[n])
    n++;
  call(SYS_write, 1, (long)s, n);
}

void put_u32(uint32_t x) {
  char text[12], *p = text + sizeof text - 1;
  for (*p = 0; p == text + sizeof text - 1 || x; x /= 10)
    *--p = (char)('0' + x % 10);
  puts0(p);
}

/* Compilers call these of themselves. */
void *memcpy(void *to, const void *from, unsigned long n) {
  for (unsigned long i = 0; i < n; i++)
    ((volatile char *)to)[i] = ((const char *)from)[i];
  return to;
}

void *memset(void *to, int x, unsigned long n) {
  for (unsigned long i = 0; i < n; i++)
    ((volatile char *)to)[i] = (char)x;
  return to;
}

__attribute__((noreturn)) void _start(void);

void _start(void) {
  call(SYS_exit, main(), 0, 0);
  for (;;)
    ;
}
