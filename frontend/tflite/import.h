/* Private to frontend/tflite: the state of one import and what the import
 * functions of single operators are made of.
 *
 * An operator that cannot be imported is reported, and import goes on: its
 * outputs become placeholders of the types that the file gives them, so
 * that all obstacles are told at once. A graph with any error is dropped. */
#ifndef KILN_FRONTEND_TFLITE_IMPORT_H
#define KILN_FRONTEND_TFLITE_IMPORT_H

#include "frontend/frontend.h"
#include "frontend/tflite/schema.h"

/* One tensor of the subgraph. Types, names and values are made when asked
 * for, so that tensors nobody reads may be anything. */
typedef struct Tensor {
  FbTable table;
  const char *name; /* valid UTF-8, not empty; NULL: not asked for yet */
  const Type *type; /* NULL: not asked for yet, or bad */
  Value *value;     /* NULL: not made yet */
  bool bad;         /* its type was refused; that has been reported */
  bool produced;    /* an input of the subgraph or an output of an operator */
} Tensor;

typedef struct Import {
  Arena *arena;
  Diag *diag;
  Graph *graph;
  Fb fb;
  FbVec opcodes, buffers;
  Tensor *tensors; /* (ntensor) */
  size_t ntensor;
  size_t budget; /* see import_spend */
} Import;

/* Tables of a flatbuffer may be shared, so a small file can describe any
 * amount of arrays and names. Whoever copies n things out of the file pays
 * for them; the budget is a multiple of the file's size. false: spent, and
 * reported. */
bool import_spend(Import *im, size_t n);

/* tensor.c. All report at `loc` and return NULL or false on errors. */
bool import_tensors(Import *im, FbTable subgraph);
/* NULL: no such tensor (reported). */
Tensor *import_tensor(Import *im, int64_t index, const char *what);
const char *tensor_name(Import *im, Tensor *t);
const Type *tensor_type(Import *im, Tensor *t, Loc loc);
/* The same for a tensor that becomes a value: one without elements is
 * refused. */
const Type *tensor_value_type(Import *im, Tensor *t, Loc loc);
/* Whether the file says that a dimension depends on the batch: then the shape
 * that it gives is a guess. */
bool tensor_is_open(Import *im, const Tensor *t);
/* Its constant bytes; n = 0 when it has none. */
FbVec tensor_bytes(Import *im, const Tensor *t);
/* The value to read: what produces it, or a new constant. */
Value *tensor_value(Import *im, Tensor *t, Loc loc);
/* A location that names the tensor. */
Loc tensor_loc(Import *im, Tensor *t);

typedef struct TflOp TflOp;

/* One operator that Kiln knows. */
typedef struct TflRow {
  int code;             /* TflBuiltin */
  int min, max;         /* versions whose meaning is known */
  const char *operands; /* one letter each: x value, b value or absent,
                           k constant that the importer reads, o the same
                           or absent, + any number of values, at least 1 */
  int nout;             /* 0: any number, at least 1 */
  TflOptions options;
  OpKind ir;
  bool (*types)(TflOp *);  /* element types; reports E0302 */
  bool (*import)(TflOp *); /* makes the ops; reports */
} TflRow;

/* NULL: unknown. */
const TflRow *tfl_row(int64_t code);

/* One operator being imported. */
struct TflOp {
  Import *im;
  const TflRow *row;
  Loc loc;         /* "op 3 CONV_2D 'conv/Relu'" */
  FbTable options; /* may be absent: all defaults */
  int nin, nout;
  Tensor **tin;     /* (nin); NULL where absent */
  Value **in;       /* (nin); NULL where absent or not a value */
  Tensor **tout;    /* (nout) */
  const Type **out; /* (nout) */
  int first_id;     /* of the values that are made for it */
  bool bad;         /* see build.h */
};

/* op.c: the steps that all operators share. */
void import_ops(Import *im, FbTable subgraph);

/* E0302 and E0201 at the operator; return false. */
bool op_refuse(TflOp *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
bool op_invalid(TflOp *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The integers of a constant operand: axes, sizes, paddings. */
typedef struct Ints {
  int n;
  int64_t v[2 * MAX_RANK];
} Ints;
bool op_ints(TflOp *o, int operand, const char *what, Ints *out);
/* The same for exactly one. */
bool op_int(TflOp *o, int operand, const char *what, int64_t *out);
/* Makes an axis of -rank .. rank-1 non-negative. */
bool op_axis(TflOp *o, int64_t *axis, int rank);
/* A constant operand's axes of operand 0 as bits; at least one. */
bool op_axes(TflOp *o, int operand, unsigned *mask);
/* The fused activation in a field of the options. */
bool op_act(TflOp *o, const FbField *f, Act *out);

/* One op with the operator's outputs and their names. */
bool op_emit(TflOp *o, OpKind kind, const Attrs *attrs, int nin,
             Value *const *in);
/* A value between two ops of one operator, named after its output; NULL when
 * it is bad (reported). */
Value *op_emit_inner(TflOp *o, OpKind kind, const Attrs *attrs,
                     Value *const *in, int nin, const Type *type,
                     const char *suffix);
/* Emits a reshape to the operator's output: the last op of it. */
bool op_emit_reshape(TflOp *o, Value *x);
/* Holds the output's shape against the one that `what` gives. A file may
 * leave it empty or open: then the output gets that shape, as in LiteRT. */
bool op_check_shape(TflOp *o, int rank, const int64_t *dim, const char *what);

/* Replaces a fresh op on constants by what it computes, where that is shape
 * arithmetic: a few integers. out: (nout) its values, or the constants; NULL
 * when the op is wrong (reported, false). */
bool op_fold_shapes(Graph *g, Op *op, Value **out);

/* The same for the only value of a sound op on constants, of any type. */
Value *op_fold(Graph *g, Value *v);

/* types.c: which element types go together. */
bool types_any(TflOp *o);      /* the importer looks itself */
bool types_float(TflOp *o);    /* f32 throughout */
bool types_float_i8(TflOp *o); /* f32 throughout, or quantized i8 */
bool types_plain(TflOp *o);    /* one type without quantization throughout */
bool types_arith(TflOp *o);    /* types_same or types_plain */
bool types_compare(TflOp *o);  /* one such type -> bool */
bool types_bool(TflOp *o);     /* bool throughout */
bool types_mac(TflOp *o);      /* input, weights, bias -> output */
bool types_same(TflOp *o);     /* one arithmetic type throughout */
bool types_move(TflOp *o);     /* one type of any kind throughout */
bool types_quantize(TflOp *o);
bool types_dequantize(TflOp *o);

/* op_*.c: the import functions of the rows. */
bool import_conv2d(TflOp *o);
bool import_depthwise(TflOp *o);
bool import_pool(TflOp *o);
bool import_fully_connected(TflOp *o);
bool import_plain(TflOp *o); /* no attributes */
bool import_add(TflOp *o);
bool import_sub(TflOp *o);
bool import_mul(TflOp *o);
bool import_mean(TflOp *o);
bool import_softmax(TflOp *o);
bool import_leaky_relu(TflOp *o);
bool import_pad(TflOp *o);
bool import_padv2(TflOp *o);
bool import_reshape(TflOp *o);
bool import_squeeze(TflOp *o);
bool import_expand_dims(TflOp *o);
bool import_transpose(TflOp *o);
bool import_concat(TflOp *o);
bool import_split(TflOp *o);
bool import_strided_slice(TflOp *o);
bool import_resize_nearest(TflOp *o);
bool import_map(TflOp *o); /* the row's op on the operands */
bool import_div(TflOp *o);
bool import_not_equal(TflOp *o);
bool import_swapped(TflOp *o); /* the row's op on the operands, swapped */
bool import_rsqrt(TflOp *o);
bool import_square(TflOp *o);
bool import_squared_difference(TflOp *o);
bool import_floor_div(TflOp *o);
bool import_add_n(TflOp *o);
bool import_cast(TflOp *o);
bool import_select(TflOp *o);
bool import_select_v2(TflOp *o);
bool import_elu(TflOp *o);
bool import_gelu(TflOp *o);
bool import_prelu(TflOp *o);
bool import_hard_swish(TflOp *o);
bool import_relu_n1_1(TflOp *o);
bool import_relu_0_1(TflOp *o);
bool import_l2_pool(TflOp *o);
bool import_reduce(TflOp *o);
bool import_arg(TflOp *o);
bool import_cumsum(TflOp *o);
bool import_log_softmax(TflOp *o);
bool import_l2_normalization(TflOp *o);
bool import_local_response(TflOp *o);
bool import_gather(TflOp *o);
bool import_gather_nd(TflOp *o);
bool import_embedding_lookup(TflOp *o);
bool import_scatter_nd(TflOp *o);
bool import_one_hot(TflOp *o);
bool import_topk(TflOp *o);
bool import_space_to_depth(TflOp *o);
bool import_depth_to_space(TflOp *o);
bool import_space_to_batch(TflOp *o);
bool import_batch_to_space(TflOp *o);
bool import_pack(TflOp *o);
bool import_unpack(TflOp *o);
bool import_split_v(TflOp *o);
bool import_slice(TflOp *o);
bool import_tile(TflOp *o);
bool import_broadcast_to(TflOp *o);
bool import_reverse(TflOp *o);
bool import_mirror_pad(TflOp *o);
bool import_shape(TflOp *o);
bool import_rank(TflOp *o);
bool import_fill(TflOp *o);
bool import_zeros_like(TflOp *o);
bool import_range(TflOp *o);
bool import_resize_bilinear(TflOp *o);
bool import_batch_matmul(TflOp *o);
bool import_transpose_conv(TflOp *o);
bool import_dequantize(TflOp *o);

/* fully_connected of weights that are no constant: a product. */
bool import_dense_product(TflOp *o, Act act);
/* op_table.c: of i8, as tables. */
bool import_gelu_table(TflOp *o, bool approximate);
bool import_rsqrt_table(TflOp *o);
/* op_hybrid.c: float activations, i8 weights. */
bool op_is_hybrid(const TflOp *o);
bool import_hybrid_dense(TflOp *o, Act act, bool asymmetric);
bool import_hybrid_conv(TflOp *o, const Attrs *attrs);
/* What SAME pads before n elements. */
int64_t op_same_pad(int64_t n, int64_t window, int64_t stride);

#endif
