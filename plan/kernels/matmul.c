/* matmul: the dimensions, the tile, the packed b. */
#include "plan/kernels/matmul.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/conv_f32.h"

bool match_matmul(const Op *op, const Target *t) {
  (void)t;
  return op->kind == OP_matmul && op->in[0]->type->dtype == DT_f32;
}

double cost_matmul(const Op *op, const Target *t) {
  int lanes = target_f32_lanes(t);
  return (double)op_macs(op) / (lanes ? lanes : 1);
}

void matmul_batch_steps(const Type *t, const Type *y, int64_t *step) {
  int64_t matrices = 1;
  for (int d = 3; d <= y->rank; d++) {
    int64_t dim = d <= t->rank ? t->dim[t->rank - d] : 1;
    step[y->rank - d] = dim == 1 ? 0 : matrices;
    matrices *= dim;
  }
}

static int64_t matrix_count(const Type *t) {
  return type_count(t) / (t->dim[t->rank - 2] * t->dim[t->rank - 1]);
}

static void dimensions(MatmulParams *q, const Op *op) {
  const Type *a = op->in[0]->type, *b = op->in[1]->type;
  const Type *y = op->out[0]->type;
  q->m = y->dim[y->rank - 2];
  q->n = y->dim[y->rank - 1];
  q->k = a->dim[a->rank - 1];
  if (matrix_count(b) == 1) { /* all rows of a meet the same b */
    q->m = type_count(a) / q->k;
    return;
  }
  q->ndim = y->rank - 2;
  for (int d = 0; d < q->ndim; d++)
    q->dim[d] = y->dim[d];
  matmul_batch_steps(a, y, q->a_step);
  matmul_batch_steps(b, y, q->b_step);
}

static void choose_tile(MatmulParams *q, const Target *t) {
  int lanes = target_f32_lanes(t);
  while (lanes > q->n)
    lanes /= 2;
  if (lanes < 2)
    lanes = 1;
  RealShape shape = {.pixels = q->m, .vectors = q->n / lanes, .k = q->k};
  real_tile_choose(t, &shape, &q->rows, &q->vectors);
  q->lanes = lanes > 1 ? lanes : 0;
}

/* dst[block][k][j] = b[k][first column of the block + j] */
static float *pack_matrix(float *dst, const MatmulParams *q, const float *b,
                          int64_t nout) {
  for (int64_t at = 0; at < q->n; at += nout) {
    int64_t first = at < q->n - nout ? at : q->n - nout;
    for (int64_t k = 0; k < q->k; k++)
      for (int64_t j = 0; j < nout; j++)
        *dst++ = b[k * q->n + first + j];
  }
  return dst;
}

static void pack_b(Plan *p, Step *s, MatmulParams *q) {
  const Value *b = s->op->in[1];
  int64_t nout = q->vectors * (q->lanes ? q->lanes : 1);
  int64_t matrices = matrix_count(b->type);
  int64_t count = matrices * ceil_div(q->n, nout) * nout * q->k;
  float *image = ARENA_ARRAY(p->arena, float, count), *next = image;
  for (int64_t i = 0; i < matrices; i++)
    next = pack_matrix(next, q, (const float *)b->init->data + i * q->k * q->n,
                       nout);
  q->b = plan_blob(p, s, "weights", image, count * 4, p->target->simd_align);
}

bool prepare_matmul(Plan *p, Step *s) {
  MatmulParams *q = ARENA_NEW(p->arena, MatmulParams);
  dimensions(q, s->op);
  choose_tile(q, p->target);
  if (s->op->in[1]->init)
    pack_b(p, s, q);
  if (s->op->in[0]->init)
    plan_const_blob(p, s->in[0]);
  s->params = q;
  s->vector_bytes = q->lanes * 4;
  s->variant =
      real_variant(p->arena, q->rows, q->vectors * (q->lanes ? q->lanes : 1),
                   s->vector_bytes);
  return true;
}
