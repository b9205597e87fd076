/* The example on a Cortex-M4 without any library: vectors, and messages to
 * the debugger (or qemu) by semihosting. It has no initialized or zeroed
 * data, so there is nothing to prepare but the float unit. */
#include "classify.h"

enum { SYS_WRITE0 = 4, SYS_EXIT_EXTENDED = 0x20, APPLICATION_EXIT = 0x20026 };

/* Coprocessor access control register of Armv7-M: full access to the FPU. */
#define CPACR (*(volatile uint32_t *)0xE000ED88)
#define CPACR_FPU ((uint32_t)0xf << 20)

extern char stack_top[]; /* cortex_m4.ld */

static void semihost(int operation, const void *argument) {
  register int r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt #0xab" : "+r"(r0) : "r"(r1) : "memory");
}

static _Noreturn void quit(uint32_t status) {
  const uint32_t block[] = {APPLICATION_EXIT, status};
  semihost(SYS_EXIT_EXTENDED, block);
  for (;;)
    ;
}

static void print_number(int x) {
  char text[12];
  char *p = text + sizeof text - 1;
  *p = 0;
  do
    *--p = (char)('0' + x % 10);
  while ((x /= 10) > 0);
  semihost(SYS_WRITE0, p);
}

static _Noreturn void fault(void) {
  semihost(SYS_WRITE0, "fault\n");
  quit(1);
}

static _Noreturn void reset(void) {
  CPACR |= CPACR_FPU;
  __asm__ volatile("dsb\n\tisb" ::: "memory");
  print_number(test_set_correct());
  semihost(SYS_WRITE0, " of ");
  print_number(test_set_count());
  semihost(SYS_WRITE0, " digits right\n");
  quit(0);
}

/* The initial stack pointer, then the handlers of the core's exceptions. */
typedef union Vector {
  void *stack;
  void (*handler)(void);
} Vector;

extern const Vector vectors[16];
__attribute__((section(".vectors"), used)) const Vector vectors[16] = {
    {.stack = stack_top}, {.handler = reset}, {.handler = fault},
    {.handler = fault},   {.handler = fault}, {.handler = fault},
    {.handler = fault}};
