/* Permission to use AMX, which Linux gives to processes that ask for it.
 * Objects with the tier `amx` only look whether there is one when they run for
 * the first time; a program that wants it calls kiln_amx_request() before, in
 * each process once (children have what their parent had at the fork; exec
 * loses it). C99 and C++, no library needed. */
#ifndef KILN_AMX_H
#define KILN_AMX_H

/* Asks for it. 1: the process has it; 0: this machine or its kernel has none to
 * give, or this is no Linux on x86-64. */
static inline int kiln_amx_request(void) {
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__)
  enum {
    KILN_AMX_PRCTL = 158,      /* arch_prctl */
    KILN_AMX_REQUEST = 0x1023, /* ARCH_REQ_XCOMP_PERM */
    KILN_AMX_TILES = 18        /* XTILEDATA */
  };
  long status;
  __asm__ volatile("syscall"
                   : "=a"(status)
                   : "0"((long)KILN_AMX_PRCTL), "D"((long)KILN_AMX_REQUEST),
                     "S"((long)KILN_AMX_TILES)
                   : "rcx", "r11", "memory");
  return status == 0;
#else
  return 0;
#endif
}

#endif
