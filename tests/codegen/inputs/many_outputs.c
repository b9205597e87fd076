/* Status 3 for every pair of many_outputs.py's outputs, and each with the
 * input. */
#include "many.h"

#include <stdio.h>
#include <string.h>

enum { OUTPUTS = 40, ROOM = 128 };

static int8_t x[ROOM], y[OUTPUTS][ROOM];
static void *at[OUTPUTS];

static int run(void) {
  const many_in in = {x};
  many_out out;
  memcpy(&out, at, sizeof out);
  return many_run(&in, &out, 0);
}

int main(void) {
  int wrong = 0;
  for (int i = 0; i < OUTPUTS; i++)
    at[i] = y[i];
  x[0] = 5;
  wrong += run() != 0 || y[3][3] != (5 ^ 3) || y[39][39] != (5 ^ 39);
  for (int i = 0; i < OUTPUTS; i++) {
    at[i] = x;
    wrong += run() != 3;
    for (int k = 0; k < OUTPUTS; k++) {
      at[i] = y[k] + k; /* the last byte of k, if it is another one */
      wrong += run() != (i == k ? 0 : 3);
      at[i] = y[k] + k + 1;
      wrong += run() != 0;
    }
    at[i] = y[i];
  }
  printf("%d wrong\n", wrong);
  return wrong != 0;
}
