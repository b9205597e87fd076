/* Private to frontend/onnx: makers of ops that move elements by indices.
 * Indices are i32 or i64. */
#ifndef KILN_FRONTEND_ONNX_INDEX_H
#define KILN_FRONTEND_ONNX_INDEX_H

#include "frontend/onnx/build.h"

/* Slices of x along axis: [x before axis, index, x after axis]. */
Value *b_gather(Node *n, Value *x, int axis, Value *index);
Value *b_gather_elements(Node *n, Value *x, int axis, Value *index);
Value *b_gather_nd(Node *n, Value *x, int batch_dims, Value *index);
Value *b_scatter_nd(Node *n, Reduction r, Value *x, Value *index,
                    Value *updates);
/* 0, 1, .. along dimension `axis` of `rank`, all others 1; of type t. */
Value *b_positions(Node *n, DType t, int64_t count, int axis, int rank);
/* x with dimension `from` moved to `to`. */
Value *b_move(Node *n, Value *x, int from, int to);
/* Integers as indices: i64, or i32 as they are. */
Value *b_index(Node *n, Value *x);

#endif
