/* Private to frontend/tflite: makers of ops, for operators that become
 * several. Each appends one op with an inferred type and returns its value;
 * errors stick: what goes wrong is reported at the operator, which is bad
 * from then on, and makers do nothing for a bad operator (and take NULL), so
 * that import functions need no branches for it. */
#ifndef KILN_FRONTEND_TFLITE_BUILD_H
#define KILN_FRONTEND_TFLITE_BUILD_H

#include "frontend/tflite/import.h"

/* A shape. */
typedef struct Dims {
  int rank;
  int64_t v[MAX_RANK];
} Dims;

Dims t_dims(const Value *v);
Dims t_type_dims(const Type *t);
/* Without the axes of the mask, or with 1 in their place. */
Dims t_dims_reduce(Dims d, unsigned axes, bool keep);
/* d with `extent` as a new dimension before `axis`; reported when that is
 * one too many. */
Dims t_dims_insert(TflOp *o, Dims d, int axis, int64_t extent);

/* x's element type and quantization in another shape. */
const Type *t_like(TflOp *o, const Value *x, Dims d);
const Type *t_type(TflOp *o, DType dtype, Dims d);

/* One op with outputs of the given types. All other makers end here. What is
 * computed of constants is one where that is shape arithmetic: then later
 * operators can read it. */
bool t_ops(TflOp *o, OpKind kind, const Attrs *attrs, int nin, Value *const *in,
           int nout, const Type *const *types, Value **out);
Value *t_op(TflOp *o, OpKind kind, const Attrs *attrs, int nin,
            Value *const *in, const Type *type);

/* --- constants --------------------------------------------------------- */
Value *t_const(TflOp *o, const Type *t, const void *data); /* borrowed */
Value *t_number(TflOp *o, DType dtype, double x);          /* a scalar */
/* i32, copied; as a list, or in another shape. */
Value *t_ints(TflOp *o, int64_t n, const int32_t *v);
Value *t_floats(TflOp *o, Dims d, const float *v); /* copied */

/* --- computing --------------------------------------------------------- */
Value *t_unary(TflOp *o, OpKind kind, Value *x);
/* Also comparisons, which make bool. */
Value *t_binary(TflOp *o, OpKind kind, Value *a, Value *b);
/* A number in place of b, or of a. */
Value *t_binary_k(TflOp *o, OpKind kind, Value *a, double b);
Value *t_k_binary(TflOp *o, OpKind kind, double a, Value *b);
Value *t_select(TflOp *o, Value *c, Value *a, Value *b);
Value *t_cast(TflOp *o, Value *x, DType to); /* floats saturate, ints wrap */
Value *t_clamp(TflOp *o, Value *x, double lo, double hi);
Value *t_act(TflOp *o, Value *x, Act act);
/* Along the axes of the mask. */
Value *t_reduce(TflOp *o, OpKind kind, Value *x, unsigned axes, bool keep);

Value *t_matmul(TflOp *o, Value *a, Value *b, Value *zero_point);

/* --- moving ------------------------------------------------------------ */
/* The stored elements with other parameters; NULL: as plain numbers. */
Value *t_retype(TflOp *o, Value *x, const QuantParams *q);
Value *t_reshape(TflOp *o, Value *x, Dims d);
Value *t_transpose(TflOp *o, Value *x, const int *perm);
Value *t_transpose_last(TflOp *o, Value *x); /* the last two dimensions */
Value *t_concat(TflOp *o, int axis, int n, Value *const *v);
/* Every dimension's begin, extent and stride; stride NULL: all 1. */
Value *t_slice(TflOp *o, Value *x, const int64_t *begin, Dims extent,
               const int64_t *stride);
Value *t_reverse(TflOp *o, Value *x, unsigned axes);
Value *t_gather(TflOp *o, Value *x, Value *indices, int axis);
Value *t_broadcast(TflOp *o, Value *x, Dims d);
/* value: a stored element; for floats only 0. */
Value *t_pad(TflOp *o, Value *x, const int64_t *before, const int64_t *after,
             int64_t value);

/* v becomes output i of the operator; its shape is held against the file's,
 * which may leave it out for the first output. */
void t_finish(TflOp *o, int i, Value *v);
/* The same for the only output; whether the operator is sound. */
bool t_done(TflOp *o, Value *v);
/* The same for v = [rows, columns], which the file may give with other
 * leading dimensions. */
bool t_done_rows(TflOp *o, Value *v);

#endif
