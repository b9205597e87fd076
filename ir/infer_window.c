/* Shapes and types of windows over any dimensions. */
#include "ir/infer_map.h"

static bool check_list(const Op *op, const char *name, const IntList *l,
                       int64_t min) {
  int rank = op->in[0]->type->rank;
  if (l->n != 0 && l->n != rank)
    return op_error(op, E0201, "%s needs %d elements", name, rank);
  return check_min(op, name, l->v, l->n, min);
}

static int64_t entry(const IntList *l, int d, int64_t absent) {
  return l->n ? l->v[d] : absent;
}

/* An empty list stands for its default in every dimension. */
static bool infer_window(const Op *op, Shape *out) {
  const WindowAttrs *a = &op->attrs.window;
  *out = shape_of(op->in[0]);
  if (!check_list(op, "window", &a->window, 1) ||
      !check_list(op, "stride", &a->stride, 1) ||
      !check_list(op, "dilation", &a->dilation, 1) ||
      !check_list(op, "before", &a->before, 0) ||
      !check_list(op, "after", &a->after, 0) || !check_number(op, op->in[0]))
    return false;
  for (int d = 0; d < out->rank; d++) {
    int64_t n = out->dim[d] + entry(&a->before, d, 0) + entry(&a->after, d, 0);
    int64_t reach =
        mul_saturating(entry(&a->window, d, 1) - 1, entry(&a->dilation, d, 1));
    if (reach >= n)
      return op_error(op, E0201,
                      "dimension %d: the window spans more than the padded "
                      "input's %lld",
                      d, (long long)n);
    out->dim[d] = (n - reach - 1) / entry(&a->stride, d, 1) + 1;
  }
  return true;
}

bool infer_window_sum(const Op *op, Shape *out) {
  return infer_window(op, out) && check_plain(op) &&
         check_dtype(op, op->out[0], op->in[0]->type->dtype);
}

/* Stored values of one scale are in the order of the real ones. */
static bool check_ordered(const Op *op) {
  const QuantParams *q = op->in[0]->type->q;
  return !q || (q->axis < 0 && !q->codebook) ||
         op_error(op, E0202, "%s: expected one scale and zero point",
                  value_text(op, op->in[0]));
}

bool infer_window_max(const Op *op, Shape *out) {
  return infer_window(op, out) && check_ordered(op) &&
         check_same_element(op, op->in[0], op->out[0]);
}

bool infer_window_argmax(const Op *op, Shape *out) {
  return infer_window(op, out) && check_ordered(op) &&
         check_dtype(op, op->out[0], DT_i64);
}
