/* Ops along axes: the layout stays, the axes are those of the tensor. */
#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"

/* p without the dimensions of `gone` (bits, of the value), for a result that
 * has not got them; or p. */
static Perm perm_reduced(const Perm *p, unsigned gone, int rank) {
  Perm r = {0};
  if (rank == p->n)
    return *p;
  for (int i = 0; i < p->n; i++) {
    int64_t d = p->v[i], left = 0;
    if (gone >> d & 1)
      continue;
    for (int k = 0; k < d; k++)
      left += !(gone >> k & 1);
    r.v[r.n++] = left;
  }
  return r;
}

/* Both image dimensions of [N, C, H, W], which stay. */
static bool is_global_average(const Op *op, const Perm *p, unsigned gone) {
  Perm image = perm_channels_first();
  bool first = op->in[0]->type->rank == 4 && gone == (1u << 1 | 1u << 2);
  for (int i = 0; i < 4 && first; i++)
    first = p->v[i] == image.v[i];
  return first && op->kind == OP_mean && op->out[0]->type->rank == 4;
}

bool export_reduce(Exporter *x, const Op *op) {
  const IntList *axes = &op->attrs.axes.axes;
  int rank = op->in[0]->type->rank, kept = op->out[0]->type->rank == rank;
  Perm p = form_perm(x, op->in[0]);
  int64_t places[MAX_RANK];
  unsigned gone = 0;
  for (int i = 0; i < axes->n; i++) {
    gone |= 1u << axes->v[i];
    places[i] = perm_place(&p, (int)axes->v[i]);
  }
  const char *in[] = {form_real(x, op->in[0], &p), ""};
  Perm q = perm_reduced(&p, gone, op->out[0]->type->rank);
  if (is_global_average(op, &p, gone)) {
    Result r = result_begin(x, op->out[0], &q, ACT_none);
    node(x, "GlobalAveragePool", 1, in, r.name, 0, NULL);
    result_end(x, &r);
    return true;
  }
  in[1] = tensor_ints(x, op->out[0]->name, "axes", axes->n, places);
  Attr attrs[] = {A_INT("keepdims", kept), A_INT("noop_with_empty_axes", 1)};
  return result_node(x, op, &q, 2, in, 2, attrs);
}

/* Indices are i64 in ONNX. */
bool export_arg(Exporter *x, const Op *op) {
  const ArgAttrs *a = &op->attrs.arg;
  const Type *y = op->out[0]->type;
  Perm p = form_perm(x, op->in[0]);
  Perm q = perm_reduced(&p, 1u << a->axis, y->rank);
  Attr attrs[] = {A_INT("axis", perm_place(&p, (int)a->axis)),
                  A_INT("keepdims", y->rank == p.n),
                  A_INT("select_last_index", a->select_last)};
  const char *in = form_real(x, op->in[0], &p);
  if (y->dtype == DT_i64)
    return stored_node(x, op, &q, 1, &in, 3, attrs);
  const char *name = form_name(x, op->out[0], &q);
  const char *wide = form_word(x, name, "index");
  node(x, export_name(op), 1, &in, wide, 3, attrs);
  Attr to = A_INT("to", onnx_code(y->dtype));
  node(x, "Cast", 1, &wide, name, 1, &to);
  form_bind(x, op->out[0], name, &q);
  return true;
}

bool export_cumsum(Exporter *x, const Op *op) {
  const CumAttrs *a = &op->attrs.cum;
  Perm p = form_perm(x, op->in[0]);
  const char *in[] = {
      form_real(x, op->in[0], &p),
      tensor_int(x, op->out[0]->name, "axis", perm_place(&p, (int)a->axis))};
  Attr attrs[] = {A_INT("exclusive", a->exclusive),
                  A_INT("reverse", a->reverse)};
  return result_node(x, op, &p, 2, in, 2, attrs);
}

/* Along the last dimension of the value, of beta x. */
bool export_softmax(Exporter *x, const Op *op) {
  Perm p = form_perm(x, op->in[0]);
  float beta = op->attrs.softmax.beta;
  const char *in = form_real(x, op->in[0], &p), *base = op->out[0]->name;
  if (beta != 1.0f) {
    const char *product[] = {in, tensor_float(x, base, "beta", beta)};
    in = form_word(x, base, "scaled");
    node(x, "Mul", 2, product, in, 0, NULL);
  }
  Attr axis = A_INT("axis", perm_place(&p, p.n - 1));
  return result_node(x, op, &p, 1, &in, 1, &axis);
}

bool export_topk(Exporter *x, const Op *op) {
  const TopkAttrs *a = &op->attrs.topk;
  Perm p = form_perm(x, op->in[0]);
  int64_t k = op->out[0]->type->dim[a->axis];
  const char *in[] = {form_stored(x, op->in[0], &p),
                      tensor_ints(x, op->out[0]->name, "k", 1, &k)};
  const char *out[] = {form_name(x, op->out[0], &p),
                       form_name(x, op->out[1], &p)};
  Attr attrs[] = {A_INT("axis", perm_place(&p, (int)a->axis)),
                  A_INT("largest", a->largest)};
  graph_add_node(&x->nodes, "TopK", 2, in, 2, out, 2, attrs);
  form_bind(x, op->out[0], out[0], &p);
  form_bind(x, op->out[1], out[1], &p);
  return true;
}
