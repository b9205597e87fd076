#include "support/random.h"

uint64_t random_next(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* The last numbers, which would make some remainders likelier, are left
 * out. */
uint64_t random_below(uint64_t *state, uint64_t n) {
  uint64_t end = UINT64_MAX - UINT64_MAX % n, x;
  do
    x = random_next(state);
  while (x >= end);
  return x % n;
}
