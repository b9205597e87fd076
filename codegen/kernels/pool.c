/* pool, pool_words, pool_f32:
 *   for n, oy, ox:
 *     for c in blocks of lanes:
 *       for ky, kx of the window inside: acc += x, or max(acc, x)
 *       y = step(acc), or clamp(acc); of floats act(acc / cells), or act(acc)
 */
#include "plan/kernels/pool.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/real.h"
#include "codegen/vec.h"
#include "codegen/word_step.h"

typedef struct Window Window;

/* What becomes of a window's cells. */
typedef struct Cells {
  Val (*first)(Cg *g, const Window *w, int lanes);
  Val (*take)(Cg *g, const Window *w, Val acc, Val p);
  void (*finish)(Cg *g, const Window *w, Val acc, Val to);
} Cells;

/* One pixel's window. */
struct Window {
  const PoolParams *p;
  const Cells *of;
  int lanes; /* of a block */
  DType stored;
  Val in, out;    /* first channel */
  Val rows, cols; /* cells, idx */
  Val m, c;       /* its average; NULL: constants */
};

/* Offset, cells and class of window o along an axis. */
typedef struct Place1 {
  Val offset, cells, class;
} Place1;

static Val table_entry(Cg *g, Val row, int i) {
  Val x = ll_load(g, g->i32, ll_gepc(g, row, 4 * i), 4);
  return g->idx == g->i32 ? x : ll_zext(g, x, g->idx);
}

static Place1 window_along(Cg *g, const PoolAxis *a, Val o) {
  if (a->regular)
    return (Place1){ll_addc(g, ll_mulc(g, o, a->step), a->first),
                    ll_idx(g, a->cells), ll_idx(g, 0)};
  Val row = ll_gep(g, ll_blob(g, a->table), ll_mulc(g, o, 12));
  return (Place1){table_entry(g, row, 0), table_entry(g, row, 1),
                  table_entry(g, row, 2)};
}

/* ---- 8 bits ---- */

/* Whole registers of bytes compare as bytes, single ones as i32. */
static bool compares_bytes(const Cg *g) { return g->target->vector_bytes > 0; }

static Val first_value(Cg *g, const Window *w, int lanes) {
  if (w->p->average)
    return sum_zero(g, w->p->sum_bits, lanes);
  int64_t lowest = w->stored == DT_i8 ? -128 : 0;
  Ty t = lanes && compares_bytes(g) ? g->i8 : g->i32;
  return ll_const_splat(g, t, lowest, lanes);
}

static Val larger(Cg *g, const Window *w, Val acc, Val p) {
  int lanes = ll_lanes(acc);
  if (!lanes || !compares_bytes(g))
    return ll_smax(g, acc, vec_load8(g, w->stored, p, lanes));
  Val x = ll_load(g, ll_vec(g->i8, lanes), p, 1);
  Ty t = LLVMTypeOf(x);
  return ll_intrinsic(g, w->stored == DT_i8 ? "llvm.smax" : "llvm.umax", &t, 1,
                      (Val[]){acc, x}, 2);
}

static Val take_cell(Cg *g, const Window *w, Val acc, Val p) {
  return w->p->average ? sum_add(g, acc, w->stored, p) : larger(g, w, acc, p);
}

static void store_cells(Cg *g, const Window *w, Val acc, Val to) {
  const PoolParams *p = w->p;
  if (p->average) {
    acc = sum_widen(g, acc, w->stored);
    vec_store8(g, emit_linear(g, &p->step, acc, w->m, w->c), to);
    return;
  }
  int32_t lowest = w->stored == DT_i8 ? -128 : 0;
  if (p->lo > lowest || p->hi < lowest + 255) {
    acc = sum_widen(g, acc, w->stored);
    acc = ll_clampc(g, acc, p->lo, p->hi);
  }
  vec_store8(g, p->flip ? ll_xorc(g, acc, 0x80) : acc, to);
}

static const Cells bytes = {first_value, take_cell, store_cells};

/* ---- 16 bits ---- */

/* Averages in words of 32 bits, maxima in halves where there are vectors. */
static bool compares_halves(const Cg *g, const Window *w, int lanes) {
  return !w->p->average && lanes && g->target->vector_bytes;
}

static Val first_word(Cg *g, const Window *w, int lanes) {
  Ty t = compares_halves(g, w, lanes) ? g->i16 : g->i32;
  return ll_const_splat(g, t, w->p->average ? 0 : INT16_MIN, lanes);
}

static Val take_word(Cg *g, const Window *w, Val acc, Val p) {
  int lanes = ll_lanes(acc);
  if (compares_halves(g, w, lanes))
    return ll_smax(g, acc, ll_load(g, LLVMTypeOf(acc), p, 2));
  Val x = word_load(g, w->stored, p, lanes);
  return w->p->average ? ll_add(g, acc, x) : ll_smax(g, acc, x);
}

/* round half even(float(sum) * (sx / (sy * cells))) */
static Val real_average(Cg *g, const PoolParams *p, Val sum, Val cells) {
  int lanes = ll_lanes(sum);
  Val n = LLVMBuildUIToFP(g->b, cells, g->f32, "");
  n = LLVMBuildFMul(g->b, ll_f32(g, p->out_scale), n, "");
  n = LLVMBuildFDiv(g->b, ll_f32(g, p->scale), n, "");
  Val x = LLVMBuildSIToFP(g->b, sum, ll_like(sum, g->f32), "");
  x = LLVMBuildFMul(g->b, x, ll_splat(g, n, lanes), "");
  return emit_word_round(g, x, true, (WordRange){0, p->lo, p->hi});
}

/* sum / cells, rounded half away from zero */
static Val divided(Cg *g, Val sum, Val cells) {
  int lanes = ll_lanes(sum);
  Val half = ll_splat(g, ll_lshrc(g, cells, 1), lanes);
  Val sign = ll_ashrc(g, sum, 31);
  half = ll_sub(g, LLVMBuildXor(g->b, half, sign, ""), sign);
  return LLVMBuildSDiv(g->b, ll_add(g, sum, half), ll_splat(g, cells, lanes),
                       "");
}

static void store_word(Cg *g, const Window *w, Val acc, Val to) {
  const PoolParams *p = w->p;
  if (p->average) {
    Val cells = ll_mul(g, w->rows, w->cols);
    cells = g->idx == g->i32 ? cells : ll_trunc(g, cells, g->i32);
    acc = p->in_real ? real_average(g, p, acc, cells) : divided(g, acc, cells);
  }
  if (p->average || p->lo > INT16_MIN || p->hi < INT16_MAX)
    acc = ll_clampc(g, acc, p->lo, p->hi);
  word_store(g, DT_i16, acc, to);
}

static const Cells words = {first_word, take_word, store_word};

/* ---- floats ---- */

static Val first_real(Cg *g, const Window *w, int lanes) {
  return ll_splat(g, ll_f32(g, w->p->average ? 0 : -INFINITY), lanes);
}

static Val take_real(Cg *g, const Window *w, Val acc, Val p) {
  Val x = ll_load(g, LLVMTypeOf(acc), p, 4);
  return w->p->average ? LLVMBuildFAdd(g->b, acc, x, "") : real_max(g, x, acc);
}

static void store_real(Cg *g, const Window *w, Val acc, Val to) {
  if (w->p->average) {
    Val n = LLVMBuildMul(g->b, w->rows, w->cols, "");
    n = LLVMBuildUIToFP(g->b, n, g->f32, "");
    acc = LLVMBuildFDiv(g->b, acc, ll_splat(g, n, ll_lanes(acc)), "");
  }
  ll_store(g, real_act(g, w->p->act, acc), to, 4);
}

static const Cells reals = {first_real, take_real, store_real};

/* ---- windows ---- */

/* Address of cell y, x of channels i.. */
static Val cell_at(Cg *g, const Window *w, Val i, Val y, Val x) {
  int64_t c = w->p->c * w->p->elem_bytes;
  Val at = ll_add(g, ll_mulc(g, y, w->p->w * c), ll_mulc(g, x, c));
  return ll_gep(g, ll_gep(g, w->in, at), ll_mulc(g, i, w->p->elem_bytes));
}

enum { STRAIGHT_CELLS = 9 };

/* Few cells one behind the other, more of them in loops. */
static Val over_regular(Cg *g, const Window *w, Val i, Val acc) {
  int64_t rows = w->p->rows.cells, cols = w->p->cols.cells;
  if (rows * cols <= STRAIGHT_CELLS && !g->for_size) {
    for (int64_t k = 0; k < rows * cols; k++) {
      Val y = ll_idx(g, k / cols), x = ll_idx(g, k % cols);
      acc = w->of->take(g, w, acc, cell_at(g, w, i, y, x));
    }
    return acc;
  }
  Loop y = loop_begin_carry(g, 0, rows, 1, 1, &acc);
  Loop x = loop_begin_carry(g, 0, cols, 1, 1, y.carry);
  acc = w->of->take(g, w, x.carry[0], cell_at(g, w, i, y.i, x.i));
  loop_end(g, &x, &acc);
  loop_end(g, &y, x.carry);
  return y.carry[0];
}

/* acc over the window's cells of channels i.. */
static Val over_window(Cg *g, const Window *w, Val i, Val acc) {
  if (w->p->rows.regular && w->p->cols.regular)
    return over_regular(g, w, i, acc);
  CountLoop y = count_begin(g, w->rows, acc);
  CountLoop x = count_begin(g, w->cols, y.carry);
  acc = w->of->take(g, w, x.carry, cell_at(g, w, i, y.i, x.i));
  count_end(g, &x, acc);
  count_end(g, &y, x.out);
  return y.out;
}

static void pool_block(Cg *g, void *ctx, Val i, int lanes) {
  const Window *w = ctx;
  Val acc = over_window(g, w, i, w->of->first(g, w, lanes));
  Val to = ll_gep(g, w->out, ll_mulc(g, i, w->p->elem_bytes));
  w->of->finish(g, w, acc, to);
}

/* The constants of the window's cell count. */
static void load_step(Cg *g, Window *w, Val row_class, Val col_class) {
  const PoolParams *p = w->p;
  if (!p->steps)
    return;
  Ty t = p->step.wide ? g->i64 : g->i32;
  int width = p->step.wide ? 8 : 4;
  Val k = ll_add(g, ll_mulc(g, row_class, p->cols.nclass), col_class);
  Val at = ll_gep(g, ll_blob(g, p->steps), ll_mulc(g, k, 2 * width));
  w->m = ll_load(g, t, at, width);
  w->c = ll_load(g, t, ll_gepc(g, at, width), width);
}

/* Lanes: a register of maxima, or of sums. */
static int pool_lanes(const Cg *g, const PoolParams *p) {
  int bits = p->average ? p->sum_bits : 8;
  return sum_lanes(g, bits);
}

static void pool_pixel(Cg *g, Window *w, Val in, Val oy, Val ox) {
  const PoolParams *p = w->p;
  Place1 y = window_along(g, &p->rows, oy), x = window_along(g, &p->cols, ox);
  w->in = ll_gep(g, in, ll_add(g, y.offset, x.offset));
  w->rows = y.cells;
  w->cols = x.cells;
  load_step(g, w, y.class, x.class);
  for_blocks(g, p->c, w->lanes, pool_block, w);
}

static void pool(Cg *g, const StepArgs *a, Window *w) {
  const PoolParams *p = w->p;
  int64_t pixel = p->c * p->elem_bytes;
  int64_t row = p->cols.out * pixel, image = p->rows.out * row;
  Loop n = loop_begin_part(g, SPLIT_images, 0, p->batch, 1, 1);
  Val in = ll_gep(g, a->in[0], ll_mulc(g, n.i, p->h * p->w * pixel));
  Loop oy = loop_begin_part(g, SPLIT_rows, 0, p->rows.out, 1, 1);
  Loop ox = loop_begin(g, 0, p->cols.out, 1);
  Val at = ll_add(g, ll_mulc(g, n.i, image), ll_mulc(g, oy.i, row));
  w->out = ll_gep(g, a->out[0], ll_add(g, at, ll_mulc(g, ox.i, pixel)));
  pool_pixel(g, w, in, oy.i, ox.i);
  loop_end(g, &ox, NULL);
  loop_end(g, &oy, NULL);
  loop_end(g, &n, NULL);
}

void lower_pool(Cg *g, const Step *s, const StepArgs *a) {
  const PoolParams *p = s->params;
  Window w = {.p = p, .of = &bytes, .lanes = pool_lanes(g, p)};
  w.stored = s->in[0]->type->dtype;
  pool(g, a, &w);
}

void lower_pool_words(Cg *g, const Step *s, const StepArgs *a) {
  Window w = {.p = s->params, .of = &words, .stored = DT_i16};
  w.lanes = g->target->vector_bytes / (w.p->average ? 4 : 2);
  pool(g, a, &w);
}

void lower_pool_f32(Cg *g, const Step *s, const StepArgs *a) {
  Window w = {.p = s->params, .of = &reals};
  w.lanes = target_f32_lanes(g->target);
  w.stored = DT_f32;
  pool(g, a, &w);
}
