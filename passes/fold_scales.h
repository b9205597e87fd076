/* Private to fold-scales: its parts, and what they share. */
#ifndef KILN_PASSES_FOLD_SCALES_H
#define KILN_PASSES_FOLD_SCALES_H

#include "passes/rewrite.h"

/* The dequantize op that makes v; NULL when there is none. */
Op *dequantize_of(const Value *v);
/* Has v one reader, and that no graph output? */
bool read_once(const Graph *g, const Value *v);
/* An op before `at`, with its rounding. */
Value *insert_op(Graph *g, Op *at, OpKind kind, const Attrs *attrs, int nin,
                 Value *const *in, const Type *type);
/* v holds what op's only output held; op is left without use. */
void replace_output(Graph *g, Op *op, Value *v);

/* fold_blocks.c: makes bytes of weights in blocks. Returns of how many. */
int fold_blocks(Graph *g);

/* fold_moves.c: brings dequantize ops down and quantize ops up through ops
 * that move elements, until they meet computing ones. All of it exact.
 * Returns how often it did. */
int fold_moves(Graph *g);

#endif
