/* products:
 *   for leading dimensions: for rows by blocks: for columns by blocks:
 *     for k: acc[r] = acc[r] + splat(a[r][k]) * b[k][n..]
 *     store(acc[r])
 */
#include "plan/kernels/products.h"

#include "codegen/kernels/light.h"
#include "codegen/kernels/sums.h"
#include "codegen/lower.h"
#include "codegen/plain.h"
#include "codegen/real.h"

typedef struct Products {
  const ProductParams *p;
  const Step *s;
  DType a_type, b_type, y_type; /* as stored */
  bool sums;                    /* bytes into i32 */
  Val a, b, y, za, zb, bias;    /* this matrix's first elements */
  Val row;                      /* first of the block */
  int rows;
} Products;

static Val at(Cg *g, Val base, const ProductSteps *s, Val row, Val column,
              DType t) {
  Val i = ll_add(g, ll_mulc(g, row, s->row), ll_mulc(g, column, s->column));
  return ll_gep(g, base, ll_mulc(g, i, plain_bytes(t)));
}

/* Zero point of a row of a, of columns of b; NULL: 0. */
static Val row_zero(Cg *g, const Products *m, Val row) {
  if (m->p->za_operand < 0)
    return m->p->ends.a_zero ? ll_i32(g, m->p->ends.a_zero) : NULL;
  Val p = at(g, m->za, &m->p->za, row, ll_idx(g, 0), m->a_type);
  return sums_byte(g, m->a_type, p, 0, NULL);
}

static Val column_zeros(Cg *g, const Products *m, Val column, int lanes) {
  const ProductParams *p = m->p;
  const SumEnds *e = &p->ends;
  if (p->zb_operand >= 0) {
    Val q = at(g, m->zb, &p->zb, ll_idx(g, 0), column, m->b_type);
    Val z = sums_byte(g, m->b_type, q, p->zb.column ? lanes : 0, NULL);
    return p->zb.column ? z : ll_splat(g, z, lanes);
  }
  if (!e->b_zeros)
    return e->b_zero ? ll_const_splat(g, g->i32, e->b_zero, lanes) : NULL;
  Val q = ll_gep(g, ll_blob(g, e->b_zeros), ll_mulc(g, column, 4));
  return ll_load(g, ll_vec(g->i32, lanes), q, 4);
}

static Val element(Cg *g, const Products *m, DType t, Val p, int lanes) {
  return m->sums ? sums_byte(g, t, p, lanes, NULL) : plain_load(g, t, p, lanes);
}

static Val less(Cg *g, Val x, Val zero) {
  return zero ? ll_sub(g, x, zero) : x;
}

static Val step(Cg *g, const Products *m, Val a, Val b, Val acc) {
  if (dtype_is_float(m->a_type))
    return real_fma(g, a, b, acc);
  return ll_add(g, acc, ll_mul(g, a, b));
}

static Val first_sum(Cg *g, const Products *m, Val column, int lanes) {
  if (m->p->has_bias)
    return ll_load(g, ll_vec(g->i32, lanes),
                   ll_gep(g, m->bias, ll_mulc(g, column, 4)), 4);
  Ty t = m->sums ? g->i32 : plain_type(g, m->a_type);
  return LLVMConstNull(ll_vec(t, lanes));
}

static void store(Cg *g, const Products *m, Val acc, Val row, Val column) {
  Val to = at(g, m->y, &m->p->y, row, column, m->y_type);
  if (m->sums)
    sums_store(g, m->s, &m->p->ends, acc, column, to);
  else
    plain_store(g, m->y_type, acc, to);
}

static void product_block(Cg *g, void *ctx, Val column, int lanes) {
  const Products *m = ctx;
  Val acc[PRODUCT_ROWS], zero[PRODUCT_ROWS], row[PRODUCT_ROWS];
  for (int r = 0; r < m->rows; r++) {
    row[r] = ll_addc(g, m->row, r);
    zero[r] = row_zero(g, m, row[r]);
    acc[r] = first_sum(g, m, column, lanes);
  }
  Val zeros = column_zeros(g, m, column, lanes);
  Loop k = loop_begin_carry(g, 0, m->p->k, 1, m->rows, acc);
  Val b = at(g, m->b, &m->p->b, k.i, column, m->b_type);
  b = less(g, element(g, m, m->b_type, b, lanes), zeros);
  for (int r = 0; r < m->rows; r++) {
    Val a = at(g, m->a, &m->p->a, row[r], k.i, m->a_type);
    a = less(g, element(g, m, m->a_type, a, 0), zero[r]);
    acc[r] = step(g, m, ll_splat(g, a, lanes), b, k.carry[r]);
  }
  loop_end(g, &k, acc);
  for (int r = 0; r < m->rows; r++)
    store(g, m, acc[r], row[r], column);
}

/* Rows from lo to hi, `rows` at a time. */
static void row_blocks(Cg *g, Products *m, int64_t lo, int64_t hi, int rows) {
  if (lo >= hi)
    return;
  Loop l = loop_begin_part(g, SPLIT_rows, lo, hi, rows, m->p->rows);
  m->row = l.i;
  m->rows = rows;
  for_blocks(g, m->p->n, m->p->lanes, product_block, m);
  loop_end(g, &l, NULL);
}

static Val matrix(Cg *g, const DimLoops *l, Val base, const ProductSteps *s,
                  DType t) {
  return base ? ll_gep(g, base,
                       ll_mulc(g, dims_offset(g, l, s->lead), plain_bytes(t)))
              : NULL;
}

void lower_products(Cg *g, const Step *s, const StepArgs *a) {
  const ProductParams *p = s->params;
  Products m = {.p = p,
                .s = s,
                .a_type = s->in[0]->type->dtype,
                .b_type = s->in[1]->type->dtype,
                .y_type = s->out[0]->type->dtype,
                .bias = a->in[2]};
  m.sums = plain_bytes(m.a_type) == 1;
  DimLoops l = dims_begin(g, p->dim, p->ndim);
  m.a = matrix(g, &l, a->in[0], &p->a, m.a_type);
  m.b = matrix(g, &l, a->in[1], &p->b, m.b_type);
  m.y = matrix(g, &l, a->out[0], &p->y, m.y_type);
  if (p->za_operand >= 0)
    m.za = matrix(g, &l, a->in[p->za_operand], &p->za, m.a_type);
  if (p->zb_operand >= 0)
    m.zb = matrix(g, &l, a->in[p->zb_operand], &p->zb, m.b_type);
  int64_t whole = p->m / p->rows * p->rows;
  row_blocks(g, &m, 0, whole, p->rows);
  row_blocks(g, &m, whole, p->m, 1);
  dims_end(g, &l);
}
