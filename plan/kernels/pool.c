/* pool: where the windows lie, and the division by their cell counts. */
#include "plan/kernels/pool.h"

#include <string.h>

#include "ir/float_step.h"
#include "plan/kernel.h"

/* Sums of this many cells stay in 32 bits whatever they hold. */
enum { CELLS_MAX = 1 << 22 };

bool match_pool(const Op *op, const Target *t) {
  (void)t;
  if (op->kind != OP_avg_pool2d && op->kind != OP_max_pool2d)
    return false;
  const PoolAttrs *a = &op->attrs.pool;
  return type_is_q8(op->in[0]->type) && type_is_q8(op->out[0]->type) &&
         type_bytes(op->in[0]->type) <= INT32_MAX &&
         a->window.v[0] <= CELLS_MAX && a->window.v[1] <= CELLS_MAX &&
         a->window.v[0] * a->window.v[1] <= CELLS_MAX;
}

double cost_pool(const Op *op, const Target *t) {
  const PoolAttrs *a = &op->attrs.pool;
  double cells = (double)(a->window.v[0] * a->window.v[1]);
  double n = (double)type_count(op->out[0]->type) * (cells + 4);
  return t->vector_bytes ? 4 * n / t->vector_bytes : 3 * n;
}

/* ---- windows ---- */

typedef struct Span {
  int64_t lo, cells;
} Span;

static Span window_at(const Op *op, int axis, int64_t o) {
  const PoolAttrs *a = &op->attrs.pool;
  int64_t n = op->in[0]->type->dim[1 + axis];
  int64_t lo = o * a->stride.v[axis] - a->pad.v[2 * axis];
  int64_t hi = lo + a->window.v[axis];
  lo = lo < 0 ? 0 : lo;
  hi = hi > n ? n : hi;
  return (Span){lo, hi - lo};
}

/* Pixel p of the output is written once its window was read, and windows
 * begin further down the further down their pixel is. So no write may pass
 * the beginning of its own pixel's window:
 *
 *   out + p <= in + first cell of p's window, in bytes, for all p
 *
 * Channels go up on both sides and no block is done twice. */
int64_t overlap_pool(const Step *s, int input) {
  (void)input;
  const Type *x = s->in[0]->type, *y = s->out[0]->type;
  int64_t distance = 0;
  for (int64_t oy = 0; oy < y->dim[1]; oy++)
    for (int64_t ox = 0; ox < y->dim[2]; ox++) {
      int64_t first =
          window_at(s->op, 0, oy).lo * x->dim[2] + window_at(s->op, 1, ox).lo;
      int64_t ahead = oy * y->dim[2] + ox - first;
      distance = ahead > distance ? ahead : distance;
    }
  /* of several images, the outputs may outgrow the inputs */
  int64_t grows = y->dim[1] * y->dim[2] - x->dim[1] * x->dim[2];
  distance += grows > 0 ? (x->dim[0] - 1) * grows : 0;
  return distance * x->dim[3] * (dtype_bits(x->dtype) / 8);
}

static bool is_regular(const Op *op, int axis, int64_t out) {
  Span first = window_at(op, axis, 0);
  for (int64_t o = 1; o < out; o++) {
    Span s = window_at(op, axis, o);
    if (s.cells != first.cells ||
        s.lo != first.lo + o * op->attrs.pool.stride.v[axis])
      return false;
  }
  return true;
}

/* Classes in order of appearance; cells[k] of class k. */
static void irregular_axis(Plan *p, Step *s, PoolAxis *a, int axis,
                           int64_t unit, int64_t *cells) {
  int32_t *t = ARENA_ARRAY(p->arena, int32_t, 3 * a->out);
  a->nclass = 0;
  for (int64_t o = 0; o < a->out; o++) {
    Span w = window_at(s->op, axis, o);
    int k = 0;
    while (k < a->nclass && cells[k] != w.cells)
      k++;
    if (k == a->nclass)
      cells[a->nclass++] = w.cells;
    t[3 * o] = (int32_t)(w.lo * unit);
    t[3 * o + 1] = (int32_t)w.cells;
    t[3 * o + 2] = k;
  }
  a->table = plan_blob(p, s, axis ? "columns" : "rows", t,
                       3 * a->out * (int64_t)sizeof *t, 4);
}

/* unit: bytes from cell to cell. */
static int64_t *pool_axis(Plan *p, Step *s, PoolAxis *a, int axis,
                          int64_t unit) {
  const Op *op = s->op;
  a->out = op->out[0]->type->dim[1 + axis];
  int64_t *cells = ARENA_ARRAY(p->arena, int64_t, a->out + 1);
  a->regular = is_regular(op, axis, a->out);
  if (!a->regular) {
    irregular_axis(p, s, a, axis, unit, cells);
    return cells;
  }
  Span first = window_at(op, axis, 0);
  a->cells = first.cells;
  a->first = first.lo * unit;
  a->step = op->attrs.pool.stride.v[axis] * unit;
  a->nclass = 1;
  cells[0] = a->cells;
  return cells;
}

/* ---- division ---- */

/* The average of `count` stored values, by their sum. */
typedef struct Average {
  const Op *op;
  int64_t count;
  int32_t in_delta, out_delta;
} Average;

static int32_t average_of(const void *ctx, int64_t sum) {
  const Average *a = ctx;
  return pool_average(a->op, a->count, sum - a->count * a->in_delta) +
         a->out_delta;
}

static double average_slope(const Average *a) {
  double scale = (double)type_scale(a->op->in[0]->type) /
                 (double)type_scale(a->op->out[0]->type);
  return (a->op->rounding == ROUND_onnx ? scale : 1) / (double)a->count;
}

static bool average_step(LinearStep *l, const Average *a, int32_t min,
                         bool wide, int k_max) {
  StepSpec spec = {.f = average_of,
                   .ctx = a,
                   .slope = average_slope(a),
                   .lo = a->count * min,
                   .hi = a->count * (min + 255)};
  return linear_step(l, &spec, wide, k_max);
}

/* The cell counts of all classes of windows. */
typedef struct Counts {
  const int64_t *rows, *cols;
  int nrows, ncols;
} Counts;

/* A step for each class, all with one shift: whichever class gets by with
 * less makes the others start again from there. */
static bool all_steps(LinearStep *l, const Counts *n, Average *a, int32_t min,
                      bool wide) {
  int k = SHIFT_ANY;
  for (int i = 0; i < n->nrows * n->ncols;) {
    a->count = n->rows[i / n->ncols] * n->cols[i % n->ncols];
    if (!average_step(&l[i], a, min, wide, k))
      return false;
    bool again = i > 0 && l[i].k < k;
    k = l[i].k;
    i = again ? 0 : i + 1;
  }
  return true;
}

static const Blob *step_table(Plan *p, Step *s, const LinearStep *l, int n) {
  int64_t width = l->wide ? 8 : 4;
  char *t = arena_alloc(p->arena, (size_t)(2 * width * n));
  for (int i = 0; i < n; i++) {
    int64_t m = l[i].m, c = l[i].c;
    memcpy(t + 2 * width * i, &m, (size_t)width);
    memcpy(t + 2 * width * i + width, &c, (size_t)width);
  }
  return plan_blob(p, s, "averages", t, 2 * width * n, (int)width);
}

static bool prepare_average(Plan *p, Step *s, PoolParams *q,
                            const Counts *counts) {
  Average a = {.op = s->op,
               .in_delta = stored_delta(s->in[0]),
               .out_delta = stored_delta(s->out[0])};
  int32_t min = stored_min(s->in[0]);
  int n = counts->nrows * counts->ncols;
  LinearStep *l = ARENA_ARRAY(p->arena, LinearStep, n);
  if (!all_steps(l, counts, &a, min, false) &&
      !all_steps(l, counts, &a, min, true))
    return diag_error(p->diag, E0305, s->op->loc,
                      "avg_pool2d: no multiplier stands for a division by "
                      "the window's cells");
  q->step = l[0];
  q->step.lo = q->lo;
  q->step.hi = q->hi;
  q->step.clamps = true;
  if (n > 1)
    q->steps = step_table(p, s, l, n);
  else
    q->step.clamps = l[0].clamps;
  return true;
}

/* Shapes and windows. */
static PoolParams *pool_params(Plan *p, Step *s, Counts *n) {
  PoolParams *q = ARENA_NEW(p->arena, PoolParams);
  const Type *x = s->in[0]->type;
  q->average = s->op->kind == OP_avg_pool2d;
  q->batch = x->dim[0];
  q->h = x->dim[1];
  q->w = x->dim[2];
  q->c = x->dim[3];
  q->elem_bytes = dtype_bits(x->dtype) / 8;
  q->act = s->op->attrs.pool.act;
  n->rows = pool_axis(p, s, &q->rows, 0, q->w * q->c * q->elem_bytes);
  n->cols = pool_axis(p, s, &q->cols, 1, q->c * q->elem_bytes);
  n->nrows = q->rows.nclass;
  n->ncols = q->cols.nclass;
  s->params = q;
  return q;
}

bool prepare_pool(Plan *p, Step *s) {
  Counts n;
  PoolParams *q = pool_params(p, s, &n);
  set_variant(p, s, q->average ? "avg" : "max", p->target->vector_bytes);
  const Int2 *window = &s->op->attrs.pool.window;
  q->sum_bits = sum_bits(p->target, window->v[0] * window->v[1]);
  act_range(s->op->attrs.pool.act, s->op->out[0]->type, &q->lo, &q->hi);
  int32_t by = stored_delta(q->average ? s->out[0] : s->in[0]);
  q->lo += by;
  q->hi += by;
  q->flip =
      !q->average && buffer_flipped(s->in[0]) != buffer_flipped(s->out[0]);
  return !q->average || prepare_average(p, s, q, &n);
}

/* ---- 16 bits ---- */

/* Sums of this many cells, and half the count, fit 32 bits. */
enum { WORD_CELLS_MAX = 1 << 15 };

static bool is_word(const Type *t) {
  return t->dtype == DT_i16 && t->q && t->q->axis < 0;
}

bool match_pool_words(const Op *op, const Target *t) {
  (void)t;
  if (op->kind != OP_avg_pool2d && op->kind != OP_max_pool2d)
    return false;
  const Int2 *window = &op->attrs.pool.window;
  return is_word(op->in[0]->type) && is_word(op->out[0]->type) &&
         type_bytes(op->in[0]->type) <= INT32_MAX &&
         mul_saturating(window->v[0], window->v[1]) <= WORD_CELLS_MAX;
}

double cost_pool_words(const Op *op, const Target *t) {
  return 2 * cost_pool(op, t);
}

bool prepare_pool_words(Plan *p, Step *s) {
  Counts n;
  PoolParams *q = pool_params(p, s, &n);
  set_variant(p, s, q->average ? "avg" : "max", p->target->vector_bytes);
  act_range(q->act, s->op->out[0]->type, &q->lo, &q->hi);
  q->in_real = q->average && s->op->rounding == ROUND_onnx;
  q->scale = type_scale(s->op->in[0]->type);
  q->out_scale = type_scale(s->op->out[0]->type);
  return true;
}

/* ---- floats ---- */

bool match_pool_f32(const Op *op, const Target *t) {
  (void)t;
  return (op->kind == OP_avg_pool2d || op->kind == OP_max_pool2d) &&
         op->in[0]->type->dtype == DT_f32 &&
         type_bytes(op->in[0]->type) <= INT32_MAX;
}

double cost_pool_f32(const Op *op, const Target *t) {
  return 4 * cost_pool(op, t);
}

bool prepare_pool_f32(Plan *p, Step *s) {
  Counts n;
  PoolParams *q = pool_params(p, s, &n);
  s->variant = q->average ? "f32_avg" : "f32_max";
  s->vector_bytes = 4 * target_f32_lanes(p->target);
  return true;
}
