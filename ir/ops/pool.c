/* avg_pool2d and max_pool2d:
 *
 *   for n, oy, ox, c:
 *     over the window's cells inside x (padding is not counted):
 *       avg: pool_average(sum), of floats sum / count; max: the largest
 *     clamped to the activation's range
 *
 * Input and output have the same scale, but for the average under
 * rounding=onnx. Every window has a cell inside (infer_). */
#include <math.h>

#include "ir/float_step.h"
#include "ir/ops/eval.h"

typedef struct Pool {
  const Op *op;
  const Type *x, *y;
  const PoolAttrs *a;
  bool average;
} Pool;

/* The cells of one window that lie inside image n of x. */
typedef struct Cells {
  int64_t n, y0, y1, x0, x1;
} Cells;

static Cells cells_of(const Pool *p, int64_t n, int64_t oy, int64_t ox) {
  const PoolAttrs *a = p->a;
  int64_t y = oy * a->stride.v[0] - a->pad.v[0], y1 = y + a->window.v[0];
  int64_t x = ox * a->stride.v[1] - a->pad.v[2], x1 = x + a->window.v[1];
  int64_t h = p->x->dim[1], w = p->x->dim[2];
  return (Cells){n, y < 0 ? 0 : y, y1 > h ? h : y1, x < 0 ? 0 : x,
                 x1 > w ? w : x1};
}

static int64_t cell_count(Cells w) { return (w.y1 - w.y0) * (w.x1 - w.x0); }

static int64_t cell_at(const Pool *p, Cells w, int64_t iy, int64_t ix,
                       int64_t c) {
  const int64_t *dim = p->x->dim;
  return ((w.n * dim[1] + iy) * dim[2] + ix) * dim[3] + c;
}

static int32_t window_int(const Pool *p, const int32_t *x, Cells w, int64_t c) {
  int64_t sum = 0;
  int32_t max = INT32_MIN;
  for (int64_t iy = w.y0; iy < w.y1; iy++)
    for (int64_t ix = w.x0; ix < w.x1; ix++) {
      int32_t v = x[cell_at(p, w, iy, ix, c)];
      sum += v;
      max = v > max ? v : max;
    }
  return p->average ? pool_average(p->op, cell_count(w), sum) : max;
}

static float window_float(const Pool *p, const float *x, Cells w, int64_t c) {
  float sum = 0, max = -INFINITY;
  for (int64_t iy = w.y0; iy < w.y1; iy++)
    for (int64_t ix = w.x0; ix < w.x1; ix++) {
      float v = x[cell_at(p, w, iy, ix, c)];
      sum += v;
      max = v > max ? v : max;
    }
  return p->average ? sum / (float)cell_count(w) : max;
}

static void pool_int(const Eval *e, const Pool *p) {
  const int32_t *x = eval_ints(e, 0);
  int32_t *y = ARENA_ARRAY(e->scratch, int32_t, type_count(p->y));
  int32_t *next = y, lo, hi;
  act_range(p->a->act, p->y, &lo, &hi);
  for (int64_t n = 0; n < p->y->dim[0]; n++)
    for (int64_t oy = 0; oy < p->y->dim[1]; oy++)
      for (int64_t ox = 0; ox < p->y->dim[2]; ox++)
        for (int64_t c = 0; c < p->y->dim[3]; c++) {
          int32_t v = window_int(p, x, cells_of(p, n, oy, ox), c);
          *next++ = v < lo ? lo : v > hi ? hi : v;
        }
  eval_store(e, y);
}

static void pool_float(const Eval *e, const Pool *p) {
  float *next = e->out[0];
  for (int64_t n = 0; n < p->y->dim[0]; n++)
    for (int64_t oy = 0; oy < p->y->dim[1]; oy++)
      for (int64_t ox = 0; ox < p->y->dim[2]; ox++)
        for (int64_t c = 0; c < p->y->dim[3]; c++) {
          float v = window_float(p, e->in[0], cells_of(p, n, oy, ox), c);
          *next++ = eval_act(p->a->act, v);
        }
}

static void pool(const Eval *e) {
  Pool p = {e->op, eval_in_type(e, 0), eval_out_type(e), &e->op->attrs.pool,
            e->op->kind == OP_avg_pool2d};
  if (eval_is_float(e))
    pool_float(e, &p);
  else
    pool_int(e, &p);
}

void eval_avg_pool2d(const Eval *e) { pool(e); }
void eval_max_pool2d(const Eval *e) { pool(e); }
