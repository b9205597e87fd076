/* Private to frontend/onnx: makers of ops with inferred types. Each appends
 * one op to the graph, or evaluates it where all operands are constants, and
 * returns its value; NULL when the node is bad. What is wrong with operands
 * is reported at the node. Tensors without elements are constants, too: no
 * op ever reads one.
 *
 * Computing makers see stored values: the quantization of an operand is
 * dropped first (b_plain), as ONNX's types do not have any. */
#ifndef KILN_FRONTEND_ONNX_BUILD_H
#define KILN_FRONTEND_ONNX_BUILD_H

#include "frontend/onnx/node.h"

/* A shape. */
typedef struct Dims {
  int rank;
  int64_t v[MAX_RANK];
} Dims;

Dims dims_of(const Value *v);
Dims dims_make(int rank, const int64_t *v);
int64_t dims_count(Dims d); /* saturating */
bool dims_equal(Dims a, Dims b);
/* Without the axes of the mask, or with 1 in their place. */
Dims dims_reduce(Dims d, unsigned axes, bool keep);
Dims dims_insert(Dims d, int axis, int64_t extent);
const char *dims_text(Node *n, Dims d); /* "[1,3]" */

const Type *b_type(Node *n, DType dtype, Dims d);
/* x's element type and quantization in another shape. */
const Type *b_like(Node *n, const Value *x, Dims d);

/* One op with outputs of the given types. All other makers end here. */
bool b_op(Node *n, OpKind kind, const Attrs *attrs, int nin, Value *const *in,
          int nout, const Type *const *types, Value **out);
Value *b_op1(Node *n, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in, const Type *type);

/* A constant, or one that is dequantized and moved: passes compute it. */
bool b_is_known(const Value *v);

/* --- constants --------------------------------------------------------- */
Value *b_const(Node *n, const Type *t, const void *data); /* borrowed */
/* A scalar of a dtype, rounded to it. */
Value *b_scalar(Node *n, DType dtype, double x);
Value *b_ints(Node *n, int count, const int64_t *v);   /* i64[count] */
Value *b_floats(Node *n, Dims d, const float *v);      /* f32, copied */
Value *b_fill(Node *n, DType dtype, Dims d, double x); /* all x */
/* Whether a table of that many numbers may be made, or it would be too much
 * (reported). */
bool b_afford(Node *n, int64_t count);
int64_t *b_table(Node *n, int64_t count); /* all 0; NULL: may not */
Value *b_iota(Node *n, int64_t count);    /* i64: 0, 1, .. */

/* --- moving ------------------------------------------------------------ */
Value *b_plain(Node *n, Value *x); /* without quantization */
Value *b_quant(Node *n, Value *x, const QuantParams *q); /* with this one */
Value *b_reshape(Node *n, Value *x, Dims d);
Value *b_transpose(Node *n, Value *x, const int *perm);
Value *b_swap(Node *n, Value *x, int a, int b); /* transposes two axes */
Value *b_concat(Node *n, int axis, int count, Value *const *v);
/* begin, extent and stride of every dimension; stride NULL: 1. */
Value *b_slice(Node *n, Value *x, const int64_t *begin, Dims extent,
               const int64_t *stride);
/* `extent` indices of one axis from `begin` on. */
Value *b_slice1(Node *n, Value *x, int axis, int64_t begin, int64_t extent);
Value *b_reverse(Node *n, Value *x, int axis);
/* value: a stored element, for floats its bits. */
Value *b_pad(Node *n, Value *x, const int64_t *before, const int64_t *after,
             int64_t value);
Value *b_squeeze(Node *n, Value *x, unsigned axes);
Value *b_unsqueeze(Node *n, Value *x, int axis); /* a 1 before dim `axis` */
/* With dimensions of 1 in front up to the rank. */
Value *b_rank(Node *n, Value *x, int rank);
/* As [rows, columns], columns from `axis` on. */
Value *b_matrix(Node *n, Value *x, int axis);
Value *b_expand(Node *n, Value *x, Dims d); /* broadcast to d */

/* --- computing --------------------------------------------------------- */
Value *b_unary(Node *n, OpKind kind, Value *x);
/* Also comparisons, which make bool. */
Value *b_binary(Node *n, OpKind kind, Value *a, Value *b);
/* The same with a number in place of b, or of a. */
Value *b_binary_k(Node *n, OpKind kind, Value *a, double b);
Value *b_k_binary(Node *n, OpKind kind, double a, Value *b);
Value *b_select(Node *n, Value *c, Value *a, Value *b);
Value *b_cast(Node *n, Value *x, DType to); /* ONNX: wraps, truncates */
Value *b_cast_saturate(Node *n, Value *x, DType to);
Value *b_clamp(Node *n, Value *x, double lo, double hi);
Value *b_reduce(Node *n, OpKind kind, Value *x, unsigned axes, bool keep);
Value *b_mean(Node *n, Value *x, unsigned axes, bool keep);
/* Along one axis, by reshaping it to the end. */
Value *b_softmax(Node *n, Value *x, int axis);
Value *b_matmul(Node *n, Value *a, Value *b); /* numpy's rules */
/* x [.., K] times w [N, K] transposed, plus bias [N] or NULL. */
Value *b_dense(Node *n, Value *x, Value *w, Value *bias);

/* The shape that all broadcast to; reported when they don't. */
bool b_broadcast_dims(Node *n, Dims a, Dims b, Dims *out);
/* The shape of a times b, of two dimensions or more each: those in front
 * broadcast. Reported when they don't, or a's columns are not b's rows. */
bool b_product_dims(Node *n, Dims a, Dims b, Dims *out);

#endif
