/* Results of operators on real numbers, and quantization: an op on quantized
 * types is
 *
 *   DequantizeLinear... -> operator -> clamp -> clamp -> QuantizeLinear
 *
 * with the clamps of its activation and of a storage range narrower than its
 * type, where it has any. */

#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"
#include "ir/element.h"

Act act_of(const Op *op) {
  switch ((int)op->kind) {
  case OP_conv2d:
  case OP_depthwise_conv2d:
    return op->attrs.conv.act;
  case OP_conv_transpose2d:
    return op->attrs.conv_transpose.act;
  case OP_fully_connected:
    return op->attrs.dense.act;
  case OP_add:
  case OP_sub:
  case OP_mul:
    return op->attrs.act.act;
  case OP_avg_pool2d:
  case OP_max_pool2d:
    return op->attrs.pool.act;
  }
  return ACT_none;
}

static bool is_narrow(const Type *t) {
  return t->q && (t->q->qmin != dtype_min(t->dtype) ||
                  t->q->qmax != dtype_max(t->dtype));
}

/* --- parameters -------------------------------------------------------- */

/* Parameters as a tensor: one, one for each index of the axis, or those of
 * blocks, with a dimension for each of the tensor's, in its layout. */
static void params_shape(const Type *t, const Perm *p, int *rank,
                         int64_t *dim) {
  const QuantParams *q = t->q;
  *rank = q->axis < 0 ? 0 : q->block ? t->rank : 1;
  if (*rank == 1 && !q->block) {
    dim[0] = t->dim[q->axis];
    return;
  }
  for (int i = 0; i < *rank; i++)
    dim[i] = p->v[i] == q->axis ? (t->dim[q->axis] + q->block - 1) / q->block
                                : t->dim[p->v[i]];
}

/* Entry k of that tensor, as an entry of scale and zero_point. */
static int64_t params_entry(const Type *t, const Perm *p, const int64_t *dim,
                            int64_t k) {
  int64_t at[MAX_RANK] = {0}, entry = 0;
  if (t->q->axis < 0 || !t->q->block)
    return k;
  for (int i = t->rank - 1; i >= 0; k /= dim[i], i--)
    at[p->v[i]] = k % dim[i];
  for (int i = 0; i < t->rank; i++)
    entry = entry * dim[perm_place(p, i)] + at[i];
  return entry;
}

static void add_params(Exporter *x, const Type *t, const Perm *p,
                       const char *scale, const char *zero) {
  DType stored = constant_dtype(t);
  int rank;
  int64_t dim[MAX_RANK], n = 1;
  params_shape(t, p, &rank, dim);
  for (int i = 0; i < rank; i++)
    n *= dim[i];
  float *scales = ARENA_ARRAY(x->arena, float, n);
  size_t bytes = (size_t)(n * dtype_bits(stored) + 7) / 8;
  void *zeros = arena_alloc(x->arena, bytes);
  for (int64_t k = 0; k < n; k++) {
    int64_t entry = params_entry(t, p, dim, k);
    scales[k] = t->q->scale[entry];
    element_store(stored, zeros, k, (uint64_t)t->q->zero_point[entry]);
  }
  graph_add_tensor(&x->tensors, scale, DT_f32, rank, dim, scales,
                   (size_t)n * sizeof *scales);
  if (zero[0])
    graph_add_tensor(&x->tensors, zero, stored, rank, dim, zeros, bytes);
}

/* A QuantizeLinear or DequantizeLinear with t's parameters, which are named
 * after `base` and `known` or new. */
static void params_node(Exporter *x, const char *op, const Type *t,
                        const char *base, bool known, const Perm *p,
                        const char *in, const char *out) {
  const QuantParams *q = t->q;
  bool has_zero = t->dtype != DT_i32;
  const char *scale = form_word(x, base, "scale");
  const char *zero = has_zero ? form_word(x, base, "zero_point") : "";
  if (!known)
    add_params(x, t, p, scale, zero);
  Attr attrs[2];
  int n = 0;
  if (q->axis >= 0)
    attrs[n++] = (Attr)A_INT("axis", perm_place(p, q->axis));
  if (q->axis >= 0 && q->block)
    attrs[n++] = (Attr)A_INT("block_size", q->block);
  const char *operands[] = {in, scale, zero};
  node(x, op, has_zero ? 3 : 2, operands, out, n, attrs);
}

/* With v's parameters; those of blocks depend on the layout. */
static void value_node(Exporter *x, const char *op, const Value *v,
                       const Perm *p, const char *in, const char *out) {
  bool blocks = v->type->q->axis >= 0 && v->type->q->block;
  params_node(x, op, v->type, blocks ? out : v->name,
              !blocks && x->params[v->id], p, in, out);
  x->params[v->id] |= !blocks;
}

void dequantize_node(Exporter *x, const Value *v, const Perm *p, const char *in,
                     const char *out) {
  value_node(x, "DequantizeLinear", v, p, in, out);
}

void dequantize_as(Exporter *x, const Type *t, const char *in,
                   const char *out) {
  Perm p = perm_identity(t->rank);
  params_node(x, "DequantizeLinear", t, out, false, &p, in, out);
}

/* --- results ----------------------------------------------------------- */

static uint64_t bits_of(DType t, double v) {
  return dtype_is_float(t) ? element_from_double(t, v) : (uint64_t)(int64_t)v;
}

void clip_node(Exporter *x, DType t, double lo, double hi, const char *in,
               const char *out) {
  const char *operands[] = {in,
                            tensor_element(x, out, "min", t, bits_of(t, lo)),
                            tensor_element(x, out, "max", t, bits_of(t, hi))};
  node(x, "Clip", 3, operands, out, 0, NULL);
}

static void clamp(Exporter *x, Act act, const char *in, const char *out) {
  static const double range[ACT_COUNT][2] = {
      [ACT_relu6] = {0, 6}, [ACT_relu_n1_1] = {-1, 1}, [ACT_relu_0_1] = {0, 1}};
  if (act == ACT_relu)
    node(x, "Relu", 1, &in, out, 0, NULL);
  else
    clip_node(x, DT_f32, range[act][0], range[act][1], in, out);
}

/* Through the storage range, where it is one number for all, and to v. */
void quantize_node(Exporter *x, const Value *v, const Perm *p, const char *in,
                   const char *out) {
  const QuantParams *q = v->type->q;
  if (is_narrow(v->type) && q->axis < 0) {
    const char *inside = form_word(x, out, "clipped");
    float zero = (float)q->zero_point[0], s = q->scale[0];
    clip_node(x, DT_f32, (double)(((float)q->qmin - zero) * s),
              (double)(((float)q->qmax - zero) * s), in, inside);
    in = inside;
  }
  value_node(x, "QuantizeLinear", v, p, in, out);
}

Result result_begin(Exporter *x, const Value *v, const Perm *p, Act act) {
  const char *end = form_name(x, v, p);
  Result r = {end, NULL, end, v, *p, act};
  if (v->type->q)
    r.name = form_word(x, r.end, "unquantized");
  if (act != ACT_none) {
    r.clamped = r.name;
    r.name = form_word(x, r.end, "unclamped");
  }
  return r;
}

void result_end(Exporter *x, const Result *r) {
  if (r->act != ACT_none)
    clamp(x, r->act, r->name, r->clamped);
  if (r->v->type->q)
    quantize_node(x, r->v, &r->perm, r->clamped ? r->clamped : r->name, r->end);
  form_bind(x, r->v, r->end, &r->perm);
}

bool result_node(Exporter *x, const Op *op, const Perm *p, int nin,
                 const char *const *in, int nattr, const Attr *attrs) {
  Result r = result_begin(x, op->out[0], p, act_of(op));
  node(x, export_name(op), nin, in, r.name, nattr, attrs);
  result_end(x, &r);
  return true;
}

bool stored_node(Exporter *x, const Op *op, const Perm *p, int nin,
                 const char *const *in, int nattr, const Attr *attrs) {
  const char *name = form_name(x, op->out[0], p);
  node(x, export_name(op), nin, in, name, nattr, attrs);
  form_bind(x, op->out[0], name, p);
  return true;
}
