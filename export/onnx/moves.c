/* Ops that move stored elements. */
#include <stdint.h>

#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"
#include "ir/element.h"

/* Dims other than 1 keep their order: the layout is the value's own bytes. */
static bool is_view(const Type *t, const Perm *p) {
  int64_t last = -1;
  for (int i = 0; i < p->n; i++) {
    if (t->dim[p->v[i]] == 1)
      continue;
    if (p->v[i] < last)
      return false;
    last = p->v[i];
  }
  return true;
}

bool export_reshape(Exporter *x, const Op *op) {
  const Type *y = op->out[0]->type;
  Perm p = form_perm(x, op->in[0]), q = perm_identity(y->rank);
  if (!is_view(op->in[0]->type, &p))
    p = perm_identity(p.n);
  const char *in[] = {
      form_stored(x, op->in[0], &p),
      tensor_ints(x, op->out[0]->name, "shape", y->rank, y->dim)};
  return stored_node(x, op, &q, 2, in, 0, NULL);
}

/* Another quantization of the same elements needs no node; other element
 * types would need operator set 26. */
bool export_bitcast(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  if (op->in[0]->type->dtype != op->out[0]->type->dtype)
    return export_refuse(x, op, "has no counterpart in operator set 21");
  form_bind(x, op->out[0], form_stored(x, op->in[0], &p), &p);
  return true;
}

bool export_pad(Exporter *x, const Op *op) {
  const PadAttrs *a = &op->attrs.pad;
  Perm p = form_perm(x, op->in[0]);
  int64_t pads[2 * MAX_RANK];
  perm_apply(&p, a->before.v, pads);
  perm_apply(&p, a->after.v, pads + p.n);
  const char *base = op->out[0]->name;
  const char *in[] = {form_stored(x, op->in[0], &p),
                      tensor_ints(x, base, "pads", 2 * p.n, pads),
                      tensor_element(x, base, "pad_value",
                                     op->out[0]->type->dtype,
                                     (uint64_t)a->value)};
  return stored_node(x, op, &p, 3, in, 0, NULL);
}

/* The layout of the first operand that is computed. */
static Perm joined_perm(const Exporter *x, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (!form_is_lazy(op->in[i]))
      return form_perm(x, op->in[i]);
  return perm_identity(op->out[0]->type->rank);
}

/* Stored elements where all have the same parameters. */
bool export_concat(Exporter *x, const Op *op) {
  const Type *y = op->out[0]->type;
  Perm p = joined_perm(x, op);
  bool stored = true;
  for (int i = 0; i < op->nin; i++)
    stored &= !y->q || quant_equal(op->in[i]->type->q, y->q);
  const char **in = ARENA_ARRAY(x->arena, const char *, op->nin);
  for (int i = 0; i < op->nin; i++)
    in[i] =
        stored ? form_stored(x, op->in[i], &p) : form_real(x, op->in[i], &p);
  Attr axis = A_INT("axis", perm_place(&p, (int)op->attrs.axis.axis));
  return stored ? stored_node(x, op, &p, op->nin, in, 1, &axis)
                : result_node(x, op, &p, op->nin, in, 1, &axis);
}

bool export_split(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  int axis = (int)op->attrs.axis.axis;
  const char **out = ARENA_ARRAY(x->arena, const char *, op->nout);
  int64_t *sizes = ARENA_ARRAY(x->arena, int64_t, op->nout);
  for (int i = 0; i < op->nout; i++) {
    sizes[i] = op->out[i]->type->dim[axis];
    out[i] = form_name(x, op->out[i], &p);
    form_bind(x, op->out[i], out[i], &p);
  }
  const char *in[] = {
      form_stored(x, op->in[0], &p),
      tensor_ints(x, op->out[0]->name, "split", op->nout, sizes)};
  Attr attr = A_INT("axis", perm_place(&p, axis));
  graph_add_node(&x->nodes, "Split", 2, in, op->nout, out, 1, &attr);
  return true;
}

/* Ends lie behind the last element; before the first of a dimension that
 * runs backwards there is only "less than all". */
bool export_slice(Exporter *x, const Op *op) {
  const SliceAttrs *a = &op->attrs.slice;
  const Type *y = op->out[0]->type;
  Perm p = form_perm(x, op->in[0]);
  int64_t starts[MAX_RANK], ends[MAX_RANK], axes[MAX_RANK], steps[MAX_RANK];
  for (int d = 0; d < y->rank; d++) {
    axes[d] = perm_place(&p, d);
    steps[d] = a->stride.n ? a->stride.v[d] : 1;
    starts[d] = a->begin.n ? a->begin.v[d] : 0;
    ends[d] = starts[d] + (y->dim[d] - 1) * steps[d] + (steps[d] < 0 ? -1 : 1);
    ends[d] = ends[d] < 0 ? INT64_MIN : ends[d];
  }
  const char *base = op->out[0]->name;
  const char *in[] = {form_stored(x, op->in[0], &p),
                      tensor_ints(x, base, "starts", y->rank, starts),
                      tensor_ints(x, base, "ends", y->rank, ends),
                      tensor_ints(x, base, "axes", y->rank, axes),
                      tensor_ints(x, base, "steps", y->rank, steps)};
  return stored_node(x, op, &p, 5, in, 0, NULL);
}

bool export_broadcast(Exporter *x, const Op *op) {
  const Type *y = op->out[0]->type;
  Perm p = form_perm(x, op->in[0]), q = perm_identity(y->rank);
  int64_t dim[MAX_RANK];
  if (p.n == y->rank)
    q = p;
  else
    p = perm_identity(p.n);
  perm_apply(&q, y->dim, dim);
  const char *in[] = {form_stored(x, op->in[0], &p),
                      tensor_ints(x, op->out[0]->name, "shape", y->rank, dim)};
  return stored_node(x, op, &q, 2, in, 0, NULL);
}

/* --- by indices -------------------------------------------------------- */

static int index_attrs(const Op *op, Attr *out) {
  static const char *const reductions[] = {
      [REDUCTION_none] = "none", [REDUCTION_add] = "add",
      [REDUCTION_mul] = "mul",   [REDUCTION_min] = "min",
      [REDUCTION_max] = "max",
  };
  switch ((int)op->kind) {
  case OP_gather:
  case OP_gather_elements:
    out[0] = (Attr)A_INT("axis", op->attrs.gather.axis);
    return 1;
  case OP_gather_nd:
    out[0] = (Attr)A_INT("batch_dims", op->attrs.gather_nd.batch_dims);
    return 1;
  case OP_scatter_elements:
    out[0] = (Attr)A_INT("axis", op->attrs.scatter.axis);
    out[1] =
        (Attr)A_STRING("reduction", reductions[op->attrs.scatter.reduction]);
    return 2;
  case OP_scatter_nd:
    out[0] =
        (Attr)A_STRING("reduction", reductions[op->attrs.scatter_nd.reduction]);
    return 1;
  }
  return 0;
}

/* All operands as the IR has them. ONNX wants i64 for the vectors of the
 * ..ND operators. */
bool export_indices(Exporter *x, const Op *op) {
  bool vectors = op->kind == OP_gather_nd || op->kind == OP_scatter_nd;
  Perm p = perm_identity(op->out[0]->type->rank);
  const char *in[3];
  for (int i = 0; i < op->nin; i++) {
    Perm own = perm_identity(op->in[i]->type->rank);
    in[i] = form_stored(x, op->in[i], &own);
  }
  if (vectors && op->in[1]->type->dtype != DT_i64) {
    const char *narrow = in[1];
    Attr to = A_INT("to", onnx_code(DT_i64));
    in[1] = form_word(x, op->out[0]->name, "indices");
    node(x, "Cast", 1, &narrow, in[1], 1, &to);
  }
  Attr attrs[2];
  int n = index_attrs(op, attrs);
  return stored_node(x, op, &p, op->nin, in, n, attrs);
}
