/* The graph: values, ops in topological order, constants, state. All edits
 * go through graph.c, which keeps use lists right. Everything lives in the
 * graph's arena. */
#ifndef KILN_IR_GRAPH_H
#define KILN_IR_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "ir/preprocess.h"
#include "ir/types.h"
#include "support/array.h"
#include "support/diag.h"

typedef enum OpKind {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc) OP_##name,
#include "ir/ops.def"
#undef OP
  OP_COUNT
} OpKind;

enum { T_UNARY = 1, T_COMMUTATIVE = 2, T_VIEW = 4, T_MOVE = 8, T_MAP = 16 };

/* Fused activation: clamps to the real interval, then to the storage range. */
typedef enum Act {
  ACT_none,
  ACT_relu,      /* [0, inf) */
  ACT_relu6,     /* [0, 6] */
  ACT_relu_n1_1, /* [-1, 1] */
  ACT_relu_0_1,  /* [0, 1] */
  ACT_COUNT
} Act;

/* What scatter makes of an element and an update to it. */
typedef enum Reduction {
  REDUCTION_none, /* the update; of several the last */
  REDUCTION_add,
  REDUCTION_mul,
  REDUCTION_min,
  REDUCTION_max,
  REDUCTION_COUNT
} Reduction;

/* Which specified step function turns accumulators into stored values;
 * section by section in docs/numerics.md. */
typedef enum Rounding {
  ROUND_tflite, /* LiteRT's reference kernels */
  ROUND_tflm,   /* TFLite Micro + CMSIS-NN */
  ROUND_onnx,   /* ONNX Runtime's QLinear kernels */
  ROUND_single, /* one rounding shift of the 64-bit product */
  ROUND_COUNT
} Rounding;

/* Field types of attrs.def. */
typedef int64_t Int;  /* of 32 bits, so that sums don't overflow */
typedef int64_t Word; /* an element's value or bits: any */
typedef bool Bool;
typedef float Float;
typedef struct Int2 {
  int64_t v[2];
} Int2;
typedef struct Int4 {
  int64_t v[4];
} Int4;
typedef struct IntList {
  int n;
  int64_t v[MAX_RANK];
} IntList;

#define F(type, name, def) type name;
#define ATTRS(name, fields)                                                    \
  typedef struct name {                                                        \
    fields                                                                     \
  } name;
#include "ir/attrs.def"
#undef ATTRS
#undef F

typedef union Attrs {
  NoAttrs none;
  ConvAttrs conv;
  DenseAttrs dense;
  ActAttrs act;
  PoolAttrs pool;
  AxesAttrs axes;
  AxisAttrs axis;
  PermAttrs perm;
  PadAttrs pad;
  SliceAttrs slice;
  SoftmaxAttrs softmax;
  LeakyAttrs leaky;
  ResizeAttrs resize;
  IsInfAttrs is_inf;
  ModAttrs mod;
  CastAttrs cast;
  ArgAttrs arg;
  CumAttrs cum;
  ConvTransposeAttrs conv_transpose;
  WindowAttrs window;
  GatherAttrs gather;
  GatherNdAttrs gather_nd;
  ScatterAttrs scatter;
  ScatterNdAttrs scatter_nd;
  TopkAttrs topk;
} Attrs;

typedef struct Value Value;
typedef struct Op Op;
typedef struct Graph Graph;

/* A constant's bytes: dense, little-endian, row-major, type_bytes(type) of
 * them. They may lie in the mapped model file (borrowed) or in the arena. */
typedef struct Const {
  const void *data;
} Const;

typedef struct Use {
  Op *op;
  int index; /* operand of op */
} Use;

struct Value {
  const char *name; /* unique in the graph; any non-empty UTF-8 string */
  const Type *type;
  Op *def;           /* producer; NULL for inputs, constants and states */
  int def_index;     /* which output of def */
  const Const *init; /* != NULL: a constant */
  ARRAY(Use) uses;   /* operands only; graph outputs are not uses */
  int id;            /* dense, in order of creation; for side tables */
  const Preprocess *preprocess; /* of an input: how samples become its content;
                                   NULL: as they are */
};

/* Channels that nobody needs and that had to stay. */
typedef struct Stay {
  int64_t channels;
  const char *what; /* "constant", "twin" of another one, "unread" */
  const char *why;  /* as a clause about them: "the model returns them" */
  const char *at;   /* the result of the op that it is about; or NULL */
} Stay;

/* A layer as it was before channels were pruned, and what stays now. */
typedef struct Pruned {
  int64_t channels; /* of its result */
  int64_t macs, weight_bytes, bias_bytes;
  ARRAY(Stay) stays;
} Pruned;

struct Op {
  OpKind kind;
  Rounding rounding;
  int nin, nout;
  Value **in;  /* (nin); an optional operand that is absent is NULL */
  Value **out; /* (nout) */
  Attrs attrs;
  Loc loc;            /* where in the model file */
  const char *remark; /* for the report: what a pass could not do here; or
                         NULL */
  Pruned *pruned;     /* likewise: what became of a layer's channels; or NULL */
  Op *prev, *next;
  Graph *graph;
  int index; /* position in topological order, after graph_number() */
};

/* Variable or recurrent state: `in` reads it at the start of a run, the
 * value of `out` is stored back at its end, `init` (a constant value, or
 * NULL for zero points) is what reset restores. */
typedef struct State {
  const char *name; /* that of `in` */
  Value *in, *out, *init;
} State;

struct Graph {
  Arena *arena;
  Diag *diag;
  const char *name;  /* of the model */
  const char *file;  /* the model file, as the user spelled it */
  Rounding rounding; /* of ops that importers make */
  ARRAY(Value *) inputs;
  ARRAY(Value *) outputs;
  ARRAY(State) states;
  ARRAY(Value *) values; /* all, by id; removed ones are NULL */
  Op *first, *last;
  int nop;
  struct NameTable *names; /* graph.c's own */
};

/* What ops.def says of a kind. */
typedef struct OpInfo {
  const char *name;
  int nin_min, nin_max, nout;
  unsigned traits;
  const char *doc;
} OpInfo;
const OpInfo *op_info(OpKind k);
OpKind op_find(const char *name); /* OP_COUNT when unknown */
const char *act_name(Act a);
Act act_find(const char *name); /* ACT_COUNT when unknown */
const char *reduction_name(Reduction r);
Reduction reduction_find(const char *name); /* REDUCTION_COUNT: unknown */
const char *rounding_name(Rounding r);
Rounding rounding_find(const char *name); /* ROUND_COUNT when unknown */
/* All attributes at their defaults. */
Attrs attrs_default(OpKind k);
bool attrs_equal(OpKind k, const Attrs *a, const Attrs *b);

Graph *graph_new(Arena *a, Diag *d, const char *name);
/* Makers. A name that is taken gets a suffix; NULL makes one up. */
Value *graph_input(Graph *g, const char *name, const Type *t);
Value *graph_const(Graph *g, const char *name, const Type *t, const void *data);
void graph_output(Graph *g, Value *v);
/* Makes a state and returns the value that reads it; `init` is a constant or
 * NULL. What is stored back is set once it exists; until then `out` is NULL
 * and the graph does not verify. */
Value *graph_state(Graph *g, const char *name, const Type *t, Value *init);
void graph_set_state_out(Graph *g, const Value *in, Value *out);
/* The value of that name; NULL when there is none. */
Value *graph_find(const Graph *g, const char *name);
/* Inserts before `before` (NULL: at the end). Output values are made with
 * the given types and names (names may be NULL). `in` and `outs` are copied.
 * Rounding is the graph's. */
Op *graph_op(Graph *g, Op *before, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in, int nout, const Type *const *types,
             const char *const *names, Loc loc);

/* Operands, graph outputs, state outs (and state inits, where `with` is a
 * constant). A graph output keeps its name: when an op's value `with` takes
 * the place of an output `old`, the two swap names. */
void graph_replace_uses(Graph *g, Value *old, Value *with);
/* For a rewrite after which a holds what b held: a name means the same bytes
 * before and after a pass. */
void graph_swap_names(Graph *g, Value *a, Value *b);
/* A name that is taken gets a suffix. */
void graph_rename(Graph *g, Value *v, const char *name);
void op_set_input(Op *op, int index, Value *v);
void op_add_input(Op *op, Value *v); /* behind the others */
void graph_set_type(Graph *g, Value *v, const Type *t);
/* Removes an op whose outputs have no uses and are no graph outputs. */
void graph_remove_op(Graph *g, Op *op);
void graph_remove_value(Graph *g, Value *v); /* unused input-less constant */
void graph_number(Graph *g);                 /* sets op->index */
/* Puts the ops into this order, a topological one, of all nop of them. */
void graph_reorder(Graph *g, Op *const *order);
Graph *graph_clone(Arena *a, const Graph *g); /* shares constants' bytes */

bool value_is_output(const Graph *g, const Value *v);
/* Uses plus graph outputs plus state outs and inits. */
int value_use_count(const Graph *g, const Value *v);
/* Input i, or NULL when absent. */
Value *op_in(const Op *op, int i);

/* Multiply-accumulates of one op, 0 for ops that have none; weight elements'
 * bytes (no bias). Definition: docs/ir.md. */
int64_t op_macs(const Op *op);
int64_t op_weight_bytes(const Op *op);

/* ir/infer.c: checks shapes, types, attributes and quantization of one op
 * against its row; ir/verify.c: the whole graph (topological order, use
 * lists, names, types). Errors go to g->diag; all of them are found. */
bool op_verify(const Op *op);
/* The same, but the first output gets the shape that it must have. */
bool op_settle_shape(Op *op);
bool graph_verify(const Graph *g);

#endif
