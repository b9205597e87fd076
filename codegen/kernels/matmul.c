/* matmul: see plan/kernels/matmul.h and real_tile.h.
 *
 *   for leading dimensions, block of columns, tile of rows:
 *     acc[r][v] = 0
 *     for k: acc[r][v] = fma(a[r][k], b[k][v], acc[r][v])
 *     for r, for v: store(acc[r][v])
 */
#include "plan/kernels/matmul.h"

#include "codegen/kernels/conv.h"
#include "codegen/kernels/light.h"
#include "codegen/kernels/real_tile.h"
#include "codegen/lower.h"

typedef struct Matmul {
  const MatmulParams *p;
  RealTile tile;
  int64_t nout; /* columns of a block */
} Matmul;

static void one_tile(Cg *g, const Matmul *m, Val a, Val b, Val y) {
  const RealTile *t = &m->tile;
  Val acc[REAL_TILE_MAX];
  for (int i = 0; i < t->pixels * t->vectors; i++)
    acc[i] = LLVMConstNull(ll_vec(t->elem, t->lanes));
  if (g->target->arch == ARCH_x86_64)
    a = ll_hide(g, a); /* else broadcasts become wide loads + permutes */
  real_tile_run(g, t, a, b, m->p->k, acc);
  real_tile_store(g, t, ACT_none, y, m->p->n * t->bytes, m->nout, acc);
}

static void one_matrix(Cg *g, const Matmul *m, Val a, Val b, Val y) {
  const MatmulParams *p = m->p;
  int64_t bytes = m->tile.bytes;
  Tiles n = tiles_begin_part(g, SPLIT_blocks, p->n, m->nout);
  Val column = ll_mulc(g, n.at, bytes);
  b = p->b ? ll_gep(g, b, ll_mulc(g, n.loop.i, p->k * m->nout * bytes))
           : ll_gep(g, b, column);
  y = ll_gep(g, y, column);
  Tiles r = tiles_begin_part(g, SPLIT_rows, p->m, p->rows);
  one_tile(g, m, ll_gep(g, a, ll_mulc(g, r.at, p->k * bytes)), b,
           ll_gep(g, y, ll_mulc(g, r.at, p->n * bytes)));
  tiles_end(g, &r);
  tiles_end(g, &n);
}

void lower_matmul(Cg *g, const Step *s, const StepArgs *a) {
  const MatmulParams *p = s->params;
  Matmul m = {.p = p, .nout = p->vectors * (p->lanes ? p->lanes : 1)};
  m.tile = (RealTile){.pixels = p->rows,
                      .vectors = p->vectors,
                      .lanes = p->lanes,
                      .elem = g->f32,
                      .bytes = 4,
                      .x_pixel = p->k * 4,
                      .x_k = 4,
                      .w_type = DT_f32,
                      .w_k = (p->b ? m.nout : p->n) * 4};
  int64_t b_matrix = p->k * p->n, y_step[MAX_RANK], matrices = 1;
  if (p->b)
    b_matrix = (p->n + m.nout - 1) / m.nout * m.nout * p->k;
  for (int d = p->ndim - 1; d >= 0; d--) {
    y_step[d] = matrices;
    matrices *= p->dim[d];
  }
  DimLoops lead = dims_begin(g, p->dim, p->ndim);
  Val at_a = ll_mulc(g, dims_offset(g, &lead, p->a_step), p->m * p->k * 4);
  Val at_b = ll_mulc(g, dims_offset(g, &lead, p->b_step), b_matrix * 4);
  Val at_y = ll_mulc(g, dims_offset(g, &lead, y_step), p->m * p->n * 4);
  one_matrix(g, &m, ll_gep(g, a->in[0], at_a),
             ll_gep(g, p->b ? ll_blob(g, p->b) : a->in[1], at_b),
             ll_gep(g, a->out[0], at_y));
  dims_end(g, &lead);
}
