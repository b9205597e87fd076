/* Private to frontend/onnx: one node being imported, and what the import
 * functions of operators read it by. */
#ifndef KILN_FRONTEND_ONNX_NODE_H
#define KILN_FRONTEND_ONNX_NODE_H

#include "frontend/onnx/import.h"

/* onnx_<fn>: imports one node of an operator. */
typedef void OnnxFn(Node *n);
#define ONNX(domain, name, since, until, nmin, nmax, nout, fn, kind)           \
  OnnxFn onnx_##fn;
#include "frontend/onnx/ops.def"
#undef ONNX

/* The operators that are imported, one row for each meaning (ops.def). */
typedef struct OnnxRow {
  const char *domain; /* "" for ai.onnx */
  const char *name;
  int since, until; /* versions of the operator set; ONNX_OPEN: the newest */
  int nin_min, nin_max; /* inputs; -1: any number */
  int nout_max;         /* outputs; -1: any number */
  OnnxFn *import;
  OpKind kind; /* OP_COUNT: made of several */
} OnnxRow;

enum { ONNX_OPEN = 0, ONNX_NEWEST = 28, ONNX_OLDEST = 1 };

/* The row of an operator at a version. NULL: none; *known says whether there
 * is one for other versions. */
const OnnxRow *onnx_row(const char *domain, const char *name, int64_t version,
                        bool *known);

/* What is known of an operator that is not imported (refused.def). */
typedef struct OnnxRefusal {
  const char *domain, *name; /* "" for all others of the domain */
  const char *reason, *hint;
} OnnxRefusal;
const OnnxRefusal *onnx_refusal(const char *domain, const char *name);

typedef struct NodeAttr {
  const char *name;
  OnnxAttribute proto;
  bool used;
} NodeAttr;

struct Node {
  Import *im;
  Scope *scope;
  const OnnxRow *row;
  const char *op, *domain;
  int64_t opset; /* version of the domain's operator set */
  Loc loc;       /* "node 3 Conv 'conv1' (opset 13)" */
  const char *name;
  int nin, nout;
  Value **in;   /* (nin) NULL where absent */
  Tensor **out; /* (nout) NULL where absent */
  Value **made; /* (nout) what the import function makes */
  NodeAttr *attr;
  int nattr;
  bool bad; /* something was reported */
};

/* --- reporting: E0302 and E0201 at the node; always false -------------- */
bool node_refuse(Node *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool node_invalid(Node *n, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* E0303: v would have to be known at compile time as it decides `what`. The
 * inputs of the model that it comes from are recorded as to be bound. */
bool node_unknown(Node *n, const Value *v, const char *what);

/* --- inputs and outputs ------------------------------------------------ */
Value *node_in(const Node *n, int i);    /* NULL: absent */
bool node_has_out(const Node *n, int i); /* somebody may read it */
void node_out(Node *n, int i, Value *v); /* v may be NULL in a bad node */

/* --- attributes: the default when absent ------------------------------- */
bool attr_has(Node *n, const char *name);
int64_t attr_int(Node *n, const char *name, int64_t absent);
float attr_float(Node *n, const char *name, float absent);
bool attr_bool(Node *n, const char *name, bool absent);
const char *attr_string(Node *n, const char *name, const char *absent);
/* Index of the attribute's string in a list that ends with NULL; refused
 * when it is none of them. absent: the first. */
int attr_choice(Node *n, const char *name, const char *const *choices);
/* An element type; DT_COUNT: absent, or none of ours, which is reported. */
DType attr_dtype(Node *n, const char *name);
Value *attr_tensor(Node *n, const char *name); /* a constant; or NULL */
PbSpan attr_graph(Node *n, const char *name);  /* pos = 0: absent */
/* Says that an attribute needs no reading. */
void attr_ignore(Node *n, const char *name);

/* Integers, from attributes or constants. */
typedef struct Ints {
  int n;
  const int64_t *v;
} Ints;
/* n = 0 and v = NULL when absent. */
Ints attr_ints(Node *n, const char *name);
typedef struct Floats {
  int n;
  const float *v;
} Floats;
Floats attr_floats(Node *n, const char *name);
typedef struct Strings {
  int n;
  const char *const *v;
} Strings;
Strings attr_strings(Node *n, const char *name);

/* --- constant operands ------------------------------------------------- */
/* A constant integer tensor of any rank; n = 0 and v = NULL when it is
 * absent or unknown (reported). */
Ints const_ints(Node *n, const Value *v, const char *what);
/* Exactly one integer / number; `absent` where v is NULL. */
int64_t const_int(Node *n, const Value *v, const char *what, int64_t absent);
double const_number(Node *n, const Value *v, const char *what, double absent);
Floats const_floats(Node *n, const Value *v, const char *what);
/* Attribute up to some version, input from then on: input i when it is
 * there, else the attribute. *has: given at all. */
Ints ints_of(Node *n, int i, const char *name, bool *has);

/* -rank .. rank-1 to 0 .. rank-1. */
int axis_of(Node *n, int64_t axis, int rank);
/* A set of axes as bits; all of them when none are given. */
unsigned axes_of(Node *n, Ints axes, int rank);

/* Imports one node (node.c). */
bool import_node(Scope *s, PbSpan span, int index);

/* control.c: what has bodies. */
/* Makes a body's nodes part of the graph, with `in` for its inputs; its
 * (nout) outputs, NULL where the node is bad. */
Value **body_import(Node *n, PbSpan span, int nin, Value *const *in, int nout);
bool functions_index(Import *im, const PbSpans *functions);
/* Reads the model's function that n calls; false: there is none. */
bool function_find(const Node *n, PbSpan overload, OnnxFunction *f);
bool import_function(Node *n, const OnnxFunction *f);

#endif
