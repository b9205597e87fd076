/* window: its dimensions. */
#include "plan/kernels/window.h"

#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/kernels/map.h"

bool match_window(const Op *op, const Target *t) {
  const Type *x = op->in[0]->type;
  return (op->kind == OP_window_sum || op->kind == OP_window_max ||
          op->kind == OP_window_argmax) &&
         plain_fits(t, x->dtype) && type_count(x) <= INT32_MAX;
}

static int64_t entry(const IntList *l, int d, int64_t absent) {
  return l->n ? l->v[d] : absent;
}

static WindowDim window_dim(const Op *op, int d) {
  const WindowAttrs *a = &op->attrs.window;
  WindowDim w = {.out = op->out[0]->type->dim[d],
                 .n = op->in[0]->type->dim[d],
                 .window = entry(&a->window, d, 1),
                 .stride = entry(&a->stride, d, 1),
                 .dilation = entry(&a->dilation, d, 1),
                 .before = entry(&a->before, d, 0)};
  int64_t last = (w.out - 1) * w.stride + (w.window - 1) * w.dilation;
  w.padded = w.before > 0 || last - w.before >= w.n;
  return w;
}

/* Is y's element o x's element o? */
static bool is_plain_dim(const WindowDim *w) {
  return w->window == 1 && w->stride == 1 && !w->padded && w->out == w->n;
}

double cost_window(const Op *op, const Target *t) {
  double cells = 1;
  for (int d = 0; d < op->in[0]->type->rank; d++)
    cells *= (double)window_dim(op, d).window;
  double n = (double)type_count(op->out[0]->type) * (cells + 4);
  return t->vector_bytes ? 16 * n / t->vector_bytes : 6 * n;
}

static void find_dims(WindowParams *m, const Op *op) {
  const Type *x = op->in[0]->type;
  int last = x->rank - 1;
  m->run = 1;
  for (; last >= 0; last--) {
    WindowDim w = window_dim(op, last);
    if (!is_plain_dim(&w))
      break;
    m->run *= w.n;
  }
  m->ndim = last + 1;
  int64_t x_step = m->run, y_step = m->run;
  for (int d = last; d >= 0; d--) {
    m->dim[d] = window_dim(op, d);
    m->dim[d].x_step = x_step;
    m->out[d] = m->dim[d].out;
    m->y_step[d] = y_step;
    x_step *= m->dim[d].n;
    y_step *= m->dim[d].out;
  }
}

bool prepare_window(Plan *p, Step *s) {
  WindowParams *m = ARENA_NEW(p->arena, WindowParams);
  find_dims(m, s->op);
  bool is_arg = s->op->kind == OP_window_argmax;
  DType types[] = {s->in[0]->type->dtype, DT_i32};
  m->lanes = m->run >= 4 ? plain_lanes(p->target, types, 1 + is_arg) : 0;
  if (s->in[0]->place == PLACE_const)
    plan_const_blob(p, s->in[0]);
  s->params = m;
  set_variant(p, s, "window", m->lanes ? p->target->vector_bytes : 0);
  return true;
}
