/* window:
 *   for y's outer dimensions: for j in the run by blocks:
 *     acc = 0, or the lowest value
 *     for taps, each dimension's skipped where it falls outside:
 *       acc = acc + x, or the larger; argmax: and where it is
 *     y = acc
 */
#include "plan/kernels/window.h"

#include <math.h>

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

typedef struct Window {
  const WindowParams *p;
  OpKind kind;
  DType in_type, out_type; /* as stored */
  int64_t flip;            /* from x to y */
  Val in, out;             /* x; y's first element of the run */
  Val origin[MAX_RANK];    /* of the window, in x */
  Val j;                   /* element of the run */
} Window;

/* What goes from tap to tap: the value and, for argmax, the index in x of the
 * element that it is from, as i32; -1: none so far. */
typedef struct Found {
  Val v[2];
  int n;
} Found;

static bool is_sum(const Window *w) { return w->kind == OP_window_sum; }

static Val first_value(Cg *g, const Window *w, int lanes) {
  Ty t = plain_type(g, w->in_type);
  if (!dtype_is_float(w->in_type))
    return ll_const_splat(g, t, is_sum(w) ? 0 : dtype_min(w->in_type), lanes);
  return plain_const(g, ll_poison(ll_vec(t, lanes)),
                     is_sum(w) ? 0 : -(double)INFINITY);
}

static Val sum(Cg *g, const Window *w, Val a, Val b) {
  return dtype_is_float(w->in_type) ? LLVMBuildFAdd(g->b, a, b, "")
                                    : ll_add(g, a, b);
}

/* Indices of elements at, at + 1, ... */
static Val indices(Cg *g, Val at, int lanes) {
  Val x = g->idx == g->i32 ? at : ll_trunc(g, at, g->i32);
  if (!lanes)
    return x;
  Val lane[64];
  for (int i = 0; i < lanes; i++)
    lane[i] = ll_i32(g, i);
  return ll_add(g, ll_splat(g, x, lanes),
                LLVMConstVector(lane, (unsigned)lanes));
}

/* The first element, a larger one, the first NaN. */
static Val replaces(Cg *g, const Window *w, Val v, const Found *f) {
  Val none = ll_icmp(g, LLVMIntSLT, f->v[1], ll_mulc(g, f->v[1], 0));
  Val is = ll_or(g, none, plain_less(g, w->in_type, f->v[0], v));
  if (!dtype_is_float(w->in_type))
    return is;
  Val number = LLVMBuildNot(g->b, plain_is_nan(g, f->v[0]), "");
  return ll_or(g, is, ll_and(g, plain_is_nan(g, v), number));
}

/* The tap at element `at` of x. */
static Found take(Cg *g, const Window *w, Val at, Found f) {
  int lanes = ll_lanes(f.v[0]);
  at = ll_add(g, at, w->j);
  Val p = ll_gep(g, w->in, ll_mulc(g, at, plain_bytes(w->in_type)));
  Val v = plain_load(g, w->in_type, p, lanes);
  if (is_sum(w)) {
    f.v[0] = sum(g, w, f.v[0], v);
  } else if (f.n == 1) {
    f.v[0] = plain_extreme(g, w->in_type, true, f.v[0], v);
  } else {
    Val is = replaces(g, w, v, &f);
    f.v[0] = ll_select(g, is, v, f.v[0]);
    f.v[1] = ll_select(g, is, indices(g, at, lanes), f.v[1]);
  }
  return f;
}

static Found over_taps(Cg *g, const Window *w, int d, Val at, Found f);

/* The taps behind coordinate i of dimension d, if that is inside. */
static Found at_coordinate(Cg *g, const Window *w, int d, Val i, Val at,
                           Found f) {
  const WindowDim *m = &w->p->dim[d];
  Val is_inside = m->padded ? ll_icmp(g, LLVMIntULT, i, ll_idx(g, m->n)) : NULL;
  Guard guard = guard_begin(g, is_inside);
  at = ll_add(g, at, ll_mulc(g, i, m->x_step));
  Found taken = over_taps(g, w, d + 1, at, f);
  guard_end(g, &guard, f.n, f.v, taken.v);
  return taken;
}

static Found over_taps(Cg *g, const Window *w, int d, Val at, Found f) {
  if (d == w->p->ndim)
    return take(g, w, at, f);
  const WindowDim *m = &w->p->dim[d];
  Loop k = loop_begin_carry(g, 0, m->window, 1, f.n, f.v);
  Found now = {.n = f.n};
  for (int c = 0; c < f.n; c++)
    now.v[c] = k.carry[c];
  Val i = ll_add(g, w->origin[d], ll_mulc(g, k.i, m->dilation));
  now = at_coordinate(g, w, d, i, at, now);
  loop_end(g, &k, now.v);
  return now;
}

static void window_block(Cg *g, void *ctx, Val i, int lanes) {
  Window *w = ctx;
  w->j = i;
  bool is_arg = w->kind == OP_window_argmax;
  Found f = {.v = {first_value(g, w, lanes)}, .n = is_arg ? 2 : 1};
  f.v[1] = ll_const_splat(g, g->i32, -1, lanes);
  f = over_taps(g, w, 0, ll_idx(g, 0), f);
  Val to = ll_gep(g, w->out, ll_mulc(g, i, plain_bytes(w->out_type)));
  if (is_arg) {
    Val zero = ll_const_splat(g, g->i32, 0, lanes);
    plain_store(g, w->out_type, ll_zext(g, ll_smax(g, f.v[1], zero), g->i64),
                to);
    return;
  }
  plain_store(g, w->out_type, ll_xorc(g, f.v[0], w->flip), to);
}

void lower_window(Cg *g, const Step *s, const StepArgs *a) {
  const WindowParams *p = s->params;
  Window w = {.p = p,
              .kind = s->op->kind,
              .in_type = s->in[0]->type->dtype,
              .out_type = s->out[0]->type->dtype,
              .in = a->in[0]};
  if (w.kind == OP_window_max &&
      buffer_flipped(s->in[0]) != buffer_flipped(s->out[0]))
    w.flip = 0x80;
  DimLoops l = dims_begin(g, p->out, p->ndim);
  for (int d = 0; d < p->ndim; d++)
    w.origin[d] = ll_addc(g, ll_mulc(g, l.loop[d].i, p->dim[d].stride),
                          -p->dim[d].before);
  Val at = dims_offset(g, &l, p->y_step);
  w.out = ll_gep(g, a->out[0], ll_mulc(g, at, plain_bytes(w.out_type)));
  for_blocks(g, p->run, p->lanes, window_block, &w);
  dims_end(g, &l);
}
