/* What the eval_ functions share. Each evaluates one op of a verified graph
 * on dense buffers: the specification of the op in C, written for clarity.
 * Integers are widened first, so that a loop nest is written once for all
 * storage types. */
#ifndef KILN_IR_OPS_EVAL_H
#define KILN_IR_OPS_EVAL_H

#include "ir/exec.h"
#include "ir/requant.h"

typedef struct Eval {
  const Op *op;
  const void *const *in; /* (op->nin), NULL where absent */
  void *const *out;      /* (op->nout) */
  Arena *scratch;        /* gone after the op */
} Eval;

#define OP(name, attrs, member, nmin, nmax, nout, traits, doc)                 \
  void eval_##name(const Eval *e);
#include "ir/ops.def"
#undef OP

const Type *eval_in_type(const Eval *e, int i);
const Type *eval_out_type(const Eval *e);
bool eval_is_float(const Eval *e); /* of output 0 */

/* All elements of an i8, u8, i16 or i32 tensor as int32; and minus
 * `zero_point`. In the evaluation's scratch arena. */
int32_t *eval_ints(const Eval *e, int i);
int32_t *eval_ints_centred(const Eval *e, int i, int32_t zero_point);
/* Stores values that fit output 0's type: i8, u8 or i16. */
void eval_store(const Eval *e, const int32_t *y);

/* Row-major strides in elements. */
void eval_strides(const Type *t, int64_t stride[MAX_RANK]);
/* Steps `index` through t's shape in row-major order; false after the last. */
bool eval_next(const Type *t, int64_t index[MAX_RANK]);

/* For ops that move elements of any type: zero bytes in all outputs; n
 * elements of input i, from `from`, to output j, from `to`. */
void eval_clear(const Eval *e);
void eval_copy(const Eval *e, int j, int64_t to, int i, int64_t from,
               int64_t n);

/* A fused activation on a float. */
float eval_act(Act act, float x);
double eval_act_f64(Act act, double x);
/* The bias operand (input 2) of every output channel; zeros when absent. */
int64_t *eval_bias(const Eval *e, int64_t channels);
const float *eval_bias_float(const Eval *e, int64_t channels);
/* Step function of every output channel, (channels). */
Requant *eval_requants(const Eval *e, int64_t channels);

#endif
