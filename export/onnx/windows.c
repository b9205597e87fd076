/* Pools and resizing. Pools of images want channels first; windows over any
 * dimensions want these last and two others in front. */
#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"

bool export_pool(Exporter *x, const Op *op) {
  const PoolAttrs *a = &op->attrs.pool;
  Perm p = perm_channels_first();
  int64_t pads[] = {a->pad.v[0], a->pad.v[2], a->pad.v[1], a->pad.v[3]};
  Attr attrs[] = {A_INTS("kernel_shape", a->window.v, 2),
                  A_INTS("strides", a->stride.v, 2), A_INTS("pads", pads, 4)};
  const char *in = form_real(x, op->in[0], &p);
  return result_node(x, op, &p, 1, &in, sizeof attrs / sizeof *attrs, attrs);
}

/* --- windows over any dimensions --------------------------------------- */

/* A window's lists for its k dimensions, which are the last ones of perm. */
typedef struct Window {
  Perm perm;
  int k;
  int64_t size[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK];
  int64_t pads[2 * MAX_RANK];
} Window;

static int64_t entry(const IntList *l, int d, int64_t absent) {
  return l->n ? l->v[d] : absent;
}

static bool slides(const WindowAttrs *a, int d) {
  return entry(&a->window, d, 1) != 1 || entry(&a->stride, d, 1) != 1 ||
         entry(&a->before, d, 0) || entry(&a->after, d, 0);
}

/* The first two dimensions that the window does not slide along go in front;
 * false: there are none, or more than three others. */
static bool window_perm(const WindowAttrs *a, int rank, Perm *p) {
  int front = 0, last = 2;
  *p = (Perm){.n = rank};
  for (int d = 0; d < rank; d++) {
    bool goes_front = front < 2 && !slides(a, d);
    if (!goes_front && last == rank)
      return false;
    p->v[goes_front ? front++ : last++] = d;
  }
  return front == 2 && rank >= 3 && rank <= 5;
}

static bool window_of(const Op *op, Window *w) {
  const WindowAttrs *a = &op->attrs.window;
  int rank = op->in[0]->type->rank;
  *w = (Window){.k = rank - 2};
  if (!window_perm(a, rank, &w->perm))
    return false;
  for (int i = 0; i < w->k; i++) {
    int d = (int)w->perm.v[2 + i];
    w->size[i] = entry(&a->window, d, 1);
    w->stride[i] = entry(&a->stride, d, 1);
    w->dilation[i] = entry(&a->dilation, d, 1);
    w->pads[i] = entry(&a->before, d, 0);
    w->pads[w->k + i] = entry(&a->after, d, 0);
  }
  return true;
}

/* A sum is the average, padding counted, times the window's elements. */
static void sum_node(Exporter *x, const Op *op, const Window *w, const char *in,
                     int nattr, const Attr *attrs) {
  const char *base = op->out[0]->name, *mean = form_word(x, base, "mean");
  float count = 1;
  for (int i = 0; i < w->k; i++)
    count *= (float)w->size[i];
  Result r = result_begin(x, op->out[0], &w->perm, ACT_none);
  node(x, "AveragePool", 1, &in, mean, nattr, attrs);
  const char *product[] = {mean, tensor_float(x, base, "elements", count)};
  node(x, "Mul", 2, product, r.name, 0, NULL);
  result_end(x, &r);
}

bool export_window(Exporter *x, const Op *op) {
  Window w;
  bool sum = op->kind == OP_window_sum;
  if (!window_of(op, &w) || op->in[0]->type->dtype != DT_f32)
    return export_refuse(x, op,
                         "ONNX pools floats, along all but two dimensions");
  Attr attrs[] = {
      A_INTS("kernel_shape", w.size, w.k), A_INTS("strides", w.stride, w.k),
      A_INTS("dilations", w.dilation, w.k), A_INTS("pads", w.pads, 2 * w.k),
      A_INT("count_include_pad", 1)};
  const char *in = form_real(x, op->in[0], &w.perm);
  if (!sum)
    return result_node(x, op, &w.perm, 1, &in, 4, attrs);
  sum_node(x, op, &w, in, 5, attrs);
  return true;
}

/* --- resizing ---------------------------------------------------------- */

/* By nearest neighbours; how coordinates are rounded is TFLite's rule, which
 * these modes spell. */
bool export_resize(Exporter *x, const Op *op) {
  const ResizeAttrs *a = &op->attrs.resize;
  Perm p = perm_channels_first();
  int64_t size[4];
  perm_apply(&p, op->out[0]->type->dim, size);
  const char *mode = a->align_corners        ? "align_corners"
                     : a->half_pixel_centers ? "half_pixel"
                                             : "asymmetric";
  bool up = a->align_corners || a->half_pixel_centers;
  Attr attrs[] = {A_STRING("mode", "nearest"),
                  A_STRING("coordinate_transformation_mode", mode),
                  A_STRING("nearest_mode", up ? "round_prefer_ceil" : "floor")};
  const char *in[] = {form_stored(x, op->in[0], &p), "", "",
                      tensor_ints(x, op->out[0]->name, "size", 4, size)};
  return stored_node(x, op, &p, 4, in, sizeof attrs / sizeof *attrs, attrs);
}
