/* Private to ir/: what the infer_ functions share. One function a row of
 * ops.def checks an op's operands, attributes and quantization and gives the
 * shape that its first output must have. op_verify has already checked arity,
 * the types by themselves (1 <= dim, at most TYPE_MAX_BYTES, sound
 * quantization) and that integer attributes fit 32 bits, so sums of a few of
 * them and of dims cannot overflow; products can. */
#ifndef KILN_IR_INFER_H
#define KILN_IR_INFER_H

#include "ir/graph.h"

#define TYPE_MAX_BYTES ((int64_t)1 << 40)

typedef struct Shape {
  int rank;
  int64_t dim[MAX_RANK];
} Shape;

typedef bool InferFn(const Op *op, Shape *out);

#define OP(name, attrs, member, nmin, nmax, nout, traits, doc)                 \
  InferFn infer_##name;
#include "ir/ops.def"
#undef OP

/* How an op computes, by the types of its data operands. */
typedef enum Form {
  FORM_bad,
  FORM_f32,
  FORM_q8, /* i8 or u8, one scale and zero point */
  FORM_q16 /* i16, one scale, zero point 0 */
} Form;

/* Reports "<op>: <message>" at op's location with its line as excerpt;
 * false. */
bool op_error(const Op *op, DiagCode code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* "%x : i8[1,4] q(0.5, 3)", or "@w : ...", for messages. */
const char *value_text(const Op *op, const Value *v);

/* The common form of inputs 0 .. n-1 and output 0; FORM_bad: reported. */
Form check_form(const Op *op, int n);
bool check_rank(const Op *op, const Value *v, int rank);
/* Same element type and quantization; a per-tensor scale may be off by 1e-6
 * as in TFLite, which copies the bytes all the same. */
bool check_same_element(const Op *op, const Value *a, const Value *b);
/* The same for in[0] and out[0], where a quantized axis of in[0] has become
 * dimension `to` of out[0]. */
bool check_moved_element(const Op *op, int to);
bool check_min(const Op *op, const char *attr, const int64_t *v, int n,
               int64_t min);
bool check_axis(const Op *op, int64_t axis, int rank);

Shape shape_of(const Value *v);
bool shape_equal(const Shape *a, const Shape *b);

#endif
