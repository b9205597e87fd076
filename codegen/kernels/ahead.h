/* Weights that no cache of the core holds from run to run: while a block of
 * them works, its tiles ask for the next one, each turn of their innermost
 * loop for a few bytes further on. Behind the last block lie, as a rule, the
 * weights of the next layer. */
#ifndef KILN_CODEGEN_KERNELS_AHEAD_H
#define KILN_CODEGEN_KERNELS_AHEAD_H

#include "codegen/ll.h"

typedef struct Ahead {
  Val next;     /* the next block; NULL: nothing is asked for */
  int64_t turn; /* bytes to move on by in a turn */
  int64_t tile; /* ... in a tile */
} Ahead;

/* For blocks of `bytes` that lie one behind the other, of which each works
 * through `tiles` tiles of `turns` turns; `block` is the one at work. */
Ahead ahead_begin(Cg *g, Val block, int64_t bytes, int64_t tiles,
                  int64_t turns);
/* Where tile number `tile` (idx) asks first. */
Val ahead_tile(Cg *g, const Ahead *a, Val tile);
/* Asks for the line at `at`; where the next turn does. */
Val ahead_ask(Cg *g, int64_t turn, Val at);

#endif
