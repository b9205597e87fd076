/* mean, mean_words:
 *   for kept dimensions but the row: for i of the row in blocks of lanes:
 *     acc = 0; for reduced dimensions: acc += x
 *     y = step(acc)
 * reduce:
 *   the same with acc = f(acc, x) from f's neutral element, in row-major
 *   order (extremes of f32 side by side by vectors); mean divides by the
 *   count. Sums of floats along rows: a row a lane
 */
#include "plan/kernels/mean.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/kernels/row_sums.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/vec.h"
#include "codegen/word_step.h"

/* acc = f(acc, x at p) */
typedef struct Fold Fold;
typedef Val FoldFn(Cg *g, const Fold *f, Val acc, Val p);
struct Fold {
  const MeanParams *p;
  OpKind kind;
  FoldFn *add;
  DType stored, model;       /* x's elements in memory, in the model */
  int64_t flip_in, flip_out; /* between the two */
  Val in, out;               /* first elements of the row */
  int run_lanes; /* > 0: extremes of f32 that lie side by side, so many at a
                    time */
};

static Val extreme_of_run(Cg *g, const Fold *f, Val p, int64_t n, Val acc);

/* The innermost dimension. */
static Val fold_line(Cg *g, const Fold *f, int d, Val p, Val acc) {
  const MeanDims *r = &f->p->reduced;
  Loop l = loop_begin_carry(g, 0, r->count[d], 1, 1, &acc);
  Val at = ll_gep(g, p, ll_mulc(g, l.i, r->stride[d] * f->p->elem_bytes));
  Val next = f->add(g, f, l.carry[0], at);
  loop_end(g, &l, &next);
  return l.carry[0];
}

static Val fold_dims(Cg *g, const Fold *f, int d, Val p, Val acc) {
  const MeanDims *r = &f->p->reduced;
  if (d == r->n)
    return f->add(g, f, acc, p);
  if (d == r->n - 1 && f->run_lanes)
    return extreme_of_run(g, f, p, r->count[d], acc);
  if (d == r->n - 1)
    return fold_line(g, f, d, p, acc);
  Loop l = loop_begin_carry(g, 0, r->count[d], 1, 1, &acc);
  Val at = ll_gep(g, p, ll_mulc(g, l.i, r->stride[d] * f->p->elem_bytes));
  Val next = fold_dims(g, f, d + 1, at, l.carry[0]);
  loop_end(g, &l, &next);
  return l.carry[0];
}

/* All rows by `fn`, in blocks of `lanes`. */
static void rows(Cg *g, const StepArgs *a, Fold *f, int lanes, BlockFn fn) {
  const MeanParams *p = f->p;
  int64_t in_step[MAX_RANK], out_step[MAX_RANK], n = p->row * p->elem_bytes;
  for (int d = p->kept.n - 1; d >= 0; d--) {
    in_step[d] = p->kept.stride[d] * p->elem_bytes;
    out_step[d] = n;
    n *= p->kept.count[d];
  }
  DimLoops outer = dims_begin(g, p->kept.count, p->kept.n);
  f->in = ll_gep(g, a->in[0], dims_offset(g, &outer, in_step));
  f->out = ll_gep(g, a->out[0], dims_offset(g, &outer, out_step));
  for_blocks(g, p->row, p->row == 1 ? 0 : lanes, fn, f);
  dims_end(g, &outer);
}

/* --- mean -------------------------------------------------------------- */

static Val add_byte(Cg *g, const Fold *f, Val acc, Val p) {
  return sum_add(g, acc, f->stored, p);
}

static void mean_block(Cg *g, void *ctx, Val i, int lanes) {
  const Fold *f = ctx;
  Val acc = sum_zero(g, f->p->sum_bits, lanes);
  acc = fold_dims(g, f, 0, ll_gep(g, f->in, i), acc);
  acc = sum_widen(g, acc, f->stored);
  vec_store8(g, emit_sum_step(g, &f->p->sum, acc), ll_gep(g, f->out, i));
}

void lower_mean(Cg *g, const Step *s, const StepArgs *a) {
  Fold f = {.p = s->params, .add = add_byte, .stored = s->in[0]->type->dtype};
  rows(g, a, &f, sum_lanes(g, f.p->sum_bits), mean_block);
}

static Val add_word(Cg *g, const Fold *f, Val acc, Val p) {
  Val x = word_load(g, f->stored, p, ll_lanes(acc));
  return ll_add(g, acc, f->p->wide ? ll_sext(g, x, g->i64) : x);
}

static void mean_word_block(Cg *g, void *ctx, Val i, int lanes) {
  const Fold *f = ctx;
  Val at = ll_mulc(g, i, f->p->elem_bytes);
  Val acc = ll_const_splat(g, f->p->wide ? g->i64 : g->i32, 0, lanes);
  acc = fold_dims(g, f, 0, ll_gep(g, f->in, at), acc);
  word_store(g, f->stored, emit_word_step(g, &f->p->word, acc, ll_idx(g, 0)),
             ll_gep(g, f->out, at));
}

void lower_mean_words(Cg *g, const Step *s, const StepArgs *a) {
  Fold f = {.p = s->params, .add = add_word, .stored = DT_i16};
  rows(g, a, &f, g->target->vector_bytes / 4, mean_word_block);
}

/* --- reduce ------------------------------------------------------------ */

static Val load_plain(Cg *g, const Fold *f, Val p, int lanes) {
  if (!f->flip_in)
    return plain_load(g, f->model, p, lanes);
  return ll_xorc(g, plain_load_bits(g, f->model, p, lanes), f->flip_in);
}

static Val add_plain(Cg *g, const Fold *f, Val acc, Val p) {
  Val x = load_plain(g, f, p, ll_lanes(acc));
  bool is_float = dtype_is_float(f->model);
  switch (f->kind) {
  case OP_reduce_max:
  case OP_reduce_min:
    return plain_extreme(g, f->model, f->kind == OP_reduce_max, acc, x);
  case OP_reduce_prod:
    return is_float ? LLVMBuildFMul(g->b, acc, x, "") : ll_mul(g, acc, x);
  default:
    return is_float ? LLVMBuildFAdd(g->b, acc, x, "") : ll_add(g, acc, x);
  }
}

static int64_t neutral_int(OpKind kind, DType t) {
  uint64_t ones = ~UINT64_C(0) >> (64 - dtype_bits(t));
  int64_t most = (int64_t)(dtype_is_signed(t) ? ones >> 1 : ones);
  switch (kind) {
  case OP_reduce_max:
    return dtype_is_signed(t) ? -most - 1 : 0;
  case OP_reduce_min:
    return t == DT_bool ? 1 : most;
  default:
    return kind == OP_reduce_prod;
  }
}

static double neutral_float(OpKind kind) {
  switch (kind) {
  case OP_reduce_max:
    return -INFINITY;
  case OP_reduce_min:
    return INFINITY;
  default:
    return kind == OP_reduce_prod;
  }
}

/* What leaves any element as it is. */
static Val neutral(Cg *g, const Fold *f, int lanes) {
  Ty t = plain_type(g, f->model);
  if (!dtype_is_float(f->model))
    return ll_const_splat(g, t, neutral_int(f->kind, f->model), lanes);
  Val like = LLVMConstNull(lanes ? ll_vec(t, lanes) : t);
  return plain_const(g, like, neutral_float(f->kind));
}

/* The extreme of v's lanes, each compared with its partner of the other
 * half. */
static Val extreme_of_lanes(Cg *g, const Fold *f, Val v) {
  bool most = f->kind == OP_reduce_max;
  for (int half = ll_lanes(v) / 2; half; half /= 2) {
    int low[64], high[64];
    for (int i = 0; i < half; i++) {
      low[i] = i;
      high[i] = half + i;
    }
    v = plain_extreme(g, f->model, most, ll_shuffle(g, v, v, low, half),
                      ll_shuffle(g, v, v, high, half));
  }
  return ll_extract(g, v, 0);
}

/* By vectors, the last one over the end of the one before. Of several zeros
 * the last has the say about the sign, of several NaN the first about the
 * bits: then all are gone over in order. */
static Val extreme_of_run(Cg *g, const Fold *f, Val p, int64_t n, Val acc) {
  int lanes = f->run_lanes;
  int64_t turns = (n + lanes - 1) / lanes;
  Val v = neutral(g, f, lanes);
  Loop l = loop_begin_carry(g, 0, turns, 1, 1, &v);
  Val args[] = {ll_mulc(g, l.i, lanes), ll_idx(g, n - lanes)};
  Val at = ll_intrinsic(g, "llvm.umin", &g->idx, 1, args, 2);
  v = add_plain(g, f, l.carry[0], ll_gep(g, p, ll_mulc(g, at, 4)));
  loop_end(g, &l, &v);
  Val y = plain_extreme(g, f->model, f->kind == OP_reduce_max, acc,
                        extreme_of_lanes(g, f, l.carry[0]));
  Val again = LLVMBuildFCmp(g->b, LLVMRealUEQ, y, ll_f32(g, 0), "");
  Guard c = guard_begin(g, again);
  Val ordered = fold_line(g, f, f->p->reduced.n - 1, p, acc);
  guard_end(g, &c, 1, &y, &ordered);
  return ordered;
}

/* See extreme_of_run: several registers, so that none waits for itself. */
static int lanes_of_runs(const Cg *g, const Fold *f) {
  enum { REGISTERS = 4 };
  const MeanDims *r = &f->p->reduced;
  int lanes = REGISTERS * target_f32_lanes(g->target);
  bool extreme = f->kind == OP_reduce_max || f->kind == OP_reduce_min;
  return extreme && f->model == DT_f32 && target_f32_exact(g->target) &&
                 f->p->row == 1 && r->n && r->stride[r->n - 1] == 1 &&
                 lanes <= 64 && r->count[r->n - 1] >= lanes
             ? lanes
             : 0;
}

static void reduce_block(Cg *g, void *ctx, Val i, int lanes) {
  const Fold *f = ctx;
  Val at = ll_mulc(g, i, f->p->elem_bytes);
  Val y = fold_dims(g, f, 0, ll_gep(g, f->in, at), neutral(g, f, lanes));
  if (f->kind == OP_mean)
    y = LLVMBuildFDiv(g->b, y, plain_const(g, y, (double)f->p->n), "");
  Val to = ll_gep(g, f->out, at);
  if (f->flip_out)
    plain_store_bits(g, f->model, ll_xorc(g, y, f->flip_out), to);
  else
    plain_store(g, f->model, y, to);
}

/* Rows of neighbours, as many as there are lanes at a time: `whole` times. */
static void row_groups(Cg *g, const StepArgs *a, const Fold *f, int64_t whole) {
  const MeanParams *p = f->p;
  int64_t n = p->reduced.count[0], bytes = 4LL * p->row_lanes;
  Loop l = loop_begin(g, 0, whole, 1);
  Val from = ll_gep(g, a->in[0], ll_mulc(g, l.i, bytes * n));
  Val y = row_sums(g, from, 4 * n, n, p->row_lanes);
  if (f->kind == OP_mean)
    y = LLVMBuildFDiv(g->b, y, plain_const(g, y, (double)n), "");
  ll_store(g, y, ll_gep(g, a->out[0], ll_mulc(g, l.i, bytes)), 4);
  loop_end(g, &l, NULL);
}

void lower_reduce(Cg *g, const Step *s, const StepArgs *a) {
  Fold f = {.p = s->params,
            .kind = s->op->kind,
            .add = add_plain,
            .model = s->op->in[0]->type->dtype,
            .flip_in = buffer_flipped(s->in[0]) ? 128 : 0,
            .flip_out = buffer_flipped(s->out[0]) ? 128 : 0};
  f.run_lanes = lanes_of_runs(g, &f);
  if (!f.p->lanes && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  MeanParams rest = *f.p;
  StepArgs at = *a;
  int64_t whole = rest.row_lanes ? rest.kept.count[0] / rest.row_lanes : 0;
  if (whole) {
    int64_t done = whole * rest.row_lanes;
    row_groups(g, a, &f, whole);
    rest.kept.count[0] -= done;
    at.in[0] = ll_gepc(g, a->in[0], 4 * done * rest.reduced.count[0]);
    at.out[0] = ll_gepc(g, a->out[0], 4 * done);
  }
  f.p = &rest;
  if (!whole || rest.kept.count[0])
    rows(g, &at, &f, f.p->lanes, reduce_block);
}
