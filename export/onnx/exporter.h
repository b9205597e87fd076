/* Private to export/onnx: how values become tensors.
 *
 * A value may exist as several tensors, each a *form* of it: its dimensions in
 * some order (tensor dim i is dim perm[i] of the value), stored or, of
 * quantized values, as the real numbers they stand for. What computes a value
 * binds its first form; others are made where somebody wants them, by a
 * Transpose or DequantizeLinear, once. A transpose in the IR so costs nothing:
 * the forms of its result are those of its operand under other perms.
 *
 * Constants, and what is dequantized, cast or transposed of them, have no
 * form until somebody wants one: weights get the layout of the operator that
 * reads them. */
#ifndef KILN_EXPORT_ONNX_EXPORTER_H
#define KILN_EXPORT_ONNX_EXPORTER_H

#include "export/onnx/wire.h"
#include "ir/graph.h"

typedef IntList Perm;

typedef struct Form {
  const char *name;
  Perm perm;
  bool real; /* of a quantized value: dequantized */
} Form;
typedef ARRAY(Form) Forms;

typedef struct Exporter {
  Arena *arena;
  Diag *diag;
  const Graph *g;
  Str nodes, tensors; /* fields of a GraphProto */
  Forms *forms;       /* by value id */
  bool *named;        /* by value id: a tensor has the value's name */
  bool *params;       /* by value id: its scale and zero point are there */
} Exporter;

/* Writes what op computes, or reports E0306 and returns false. */
typedef bool ExportFn(Exporter *x, const Op *op);
#define EXPORT(kind, fn, operator) bool export_##fn(Exporter *x, const Op *op);
#include "export/onnx/ops.def"
#undef EXPORT
/* The operator in op's row. */
const char *export_name(const Op *op);
/* E0306: "KIND ... has no counterpart in ONNX"; false. */
bool export_refuse(const Exporter *x, const Op *op, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* --- perms (form.c) ---------------------------------------------------- */
Perm perm_identity(int rank);
bool perm_is_identity(const Perm *p);
/* [0, 3, 1, 2] */
Perm perm_channels_first(void);
/* The dimension of a tensor that is dim `axis` of its value. */
int perm_place(const Perm *p, int axis);
/* A list with an entry a dimension, in the tensor's order. */
void perm_apply(const Perm *p, const int64_t *of_value, int64_t *out);

/* --- forms (form.c) ---------------------------------------------------- */
/* The tensor of v in that layout: what is stored; or its real numbers. */
const char *form_stored(Exporter *x, Value *v, const Perm *p);
const char *form_real(Exporter *x, Value *v, const Perm *p);
/* The layout that v has anyway; of constants: the value's own. */
Perm form_perm(const Exporter *x, const Value *v);
/* Has v no form but what is wanted of it: a constant, or made of one? */
bool form_is_lazy(const Value *v);
/* Says that v is there, as the tensor that form_name gave. */
void form_bind(Exporter *x, const Value *v, const char *name, const Perm *p);
/* The name for v, computed in that layout. */
const char *form_name(Exporter *x, const Value *v, const Perm *p);
/* "BASE/WORD", of its own: no two calls share both. */
const char *form_word(const Exporter *x, const char *base, const char *word);

/* --- results (result.c) ------------------------------------------------ */
/* What an operator on real numbers writes for result v, before activation and
 * quantization follow. */
typedef struct Result {
  const char *name;
  const char *clamped; /* what the activation makes of it; NULL: none */
  const char *end;     /* v itself */
  const Value *v;
  Perm perm;
  Act act;
} Result;
Result result_begin(Exporter *x, const Value *v, const Perm *p, Act act);
void result_end(Exporter *x, const Result *r);
/* For an op on real numbers that is one node: result_begin with op's
 * activation, the node, result_end. */
bool result_node(Exporter *x, const Op *op, const Perm *p, int nin,
                 const char *const *in, int nattr, const Attr *attrs);
/* The same for a result whose stored elements the operator gives. */
bool stored_node(Exporter *x, const Op *op, const Perm *p, int nin,
                 const char *const *in, int nattr, const Attr *attrs);
Act act_of(const Op *op);
void clip_node(Exporter *x, DType t, double lo, double hi, const char *in,
               const char *out);
/* Parameters of v's type as initializers, and the nodes with them; tensors in
 * layout p. */
void quantize_node(Exporter *x, const Value *v, const Perm *p, const char *in,
                   const char *out);
void dequantize_node(Exporter *x, const Value *v, const Perm *p, const char *in,
                     const char *out);
/* By the parameters of t, in its own layout. */
void dequantize_as(Exporter *x, const Type *t, const char *in, const char *out);

/* --- nodes (model.c) --------------------------------------------------- */
void node(Exporter *x, const char *op, int nin, const char *const *in,
          const char *out, int nattr, const Attr *attrs);

#endif
