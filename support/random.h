/* Numbers that look random and are the same on every machine. */
#ifndef KILN_SUPPORT_RANDOM_H
#define KILN_SUPPORT_RANDOM_H

#include <stdint.h>

/* splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number
 * generators, 2014); the state may begin as any number. */
uint64_t random_next(uint64_t *state);
/* 0 to n - 1, each as likely; n > 0. */
uint64_t random_below(uint64_t *state, uint64_t n);

#endif
