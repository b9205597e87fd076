/* matmul_lanes: see plan/kernels/matmul_lanes.h.
 *
 *   for leading dimensions: (copy a); sums of a's rows
 *     for panel of columns: lay out b's
 *       for tile of rows: for k by group: acc[r][v] += dot(a[r], w[v])
 */
#include "plan/kernels/matmul_lanes.h"

#include "codegen/kernels/conv.h"
#include "codegen/kernels/interleave.h"
#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { UNROLL_DOTS = 112, SUM_ROWS = 4, TILE_MOST = 32 };

typedef struct Product {
  const MatmulLanes *p;
  const ConvParams *c;
  const DotOps *dot;
  Val a, b, y;                /* this matrix's first bytes */
  Val weights, columns, rows; /* in scratch */
  int64_t panel;              /* columns of a panel */
} Product;

static int64_t group_count(const Product *m) {
  return (m->p->k + m->c->group - 1) / m->c->group;
}

/* A constant 1 for every byte, in the type of the dot's operands. */
static Val ones(Cg *g, const Product *m) {
  return m->dot->ones(g, m->c, m->c->group);
}

/* ---- a: the copy, sums of rows ---- */

/* n elements of a row as words. */
static void widen(Cg *g, const Product *m, Val to, Val from, int64_t n) {
  int lanes = (int)largest_divisor(n, 16);
  Loop l = loop_begin(g, 0, n, lanes);
  Val x = ll_load(g, ll_vec(g->i8, lanes), ll_gep(g, from, l.i), 1);
  ll_store(g, ll_extend(g, x, m->c->in_type, g->i16),
           ll_gep(g, to, ll_mulc(g, l.i, 2)), 2);
  loop_end(g, &l, NULL);
}

static void copy_a(Cg *g, Product *m, Val room) {
  const MatmulLanes *p = m->p;
  Loop r = loop_begin(g, 0, p->m, 1);
  Val to = ll_gep(g, room, ll_mulc(g, r.i, p->pitch));
  Val from = ll_gep(g, m->a, ll_mulc(g, r.i, p->k));
  if (m->c->widens)
    widen(g, m, to, from, p->k);
  else
    emit_copy(g, to, from, p->k, 1, p->a_xor);
  for (int64_t i = p->k * p->elem; i < p->pitch; i++)
    ll_store(g, ll_i8(g, 0), ll_gepc(g, to, i), 1);
  loop_end(g, &r, NULL);
  m->a = room;
}

/* A row's bytes summed up in the lanes of a vector. */
static Val row_lanes(Cg *g, const Product *m, Val row) {
  Val one = ones(g, m), sum = LLVMConstNull(ll_vec(g->i32, m->c->lanes));
  Ty t = LLVMTypeOf(one), words = ll_vec(g->i32, m->c->lanes);
  int64_t bytes = 4LL * m->c->lanes, whole = m->p->pitch / bytes;
  if (whole) {
    Loop k = loop_begin_carry(g, 0, whole, 1, 1, &sum);
    Val x = ll_load(g, t, ll_gep(g, row, ll_mulc(g, k.i, bytes)), 1);
    Val next = m->dot->mac(g, m->c, k.carry[0], x, one);
    loop_end(g, &k, &next);
    sum = k.carry[0];
  }
  Val rest = LLVMConstNull(words);
  int64_t left = m->p->pitch % bytes;
  for (int64_t i = 0; i < left / 4; i++) {
    Val x = ll_load(g, g->i32, ll_gepc(g, row, whole * bytes + 4 * i), 1);
    rest = ll_insert(g, rest, x, (int)i);
  }
  return left ? m->dot->mac(g, m->c, sum, ll_bitcast(g, rest, t), one) : sum;
}

/* Neighbouring lanes of a and b added up: of every 16 bytes those of `size`
 * lanes side by side, a's and b's in turn. */
static Val add_pairs(Cg *g, Val a, Val b, int size) {
  int n = ll_lanes(a), low[16], high[16];
  for (int i = 0; i < n; i++) {
    int at = i % 4, unit = at / size, from = unit % 2 ? n : 0;
    low[i] = from + i / 4 * 4 + unit / 2 * size + at % size;
    high[i] = low[i] + 2;
  }
  return ll_add(g, ll_shuffle(g, a, b, low, n), ll_shuffle(g, a, b, high, n));
}

/* Four vectors' sums, as four lanes. */
static Val sum_four(Cg *g, const Val v[4]) {
  Val x =
      add_pairs(g, add_pairs(g, v[0], v[1], 1), add_pairs(g, v[2], v[3], 1), 2);
  for (int n = ll_lanes(x) / 2; n >= 4; n /= 2) {
    int low[16], high[16];
    for (int i = 0; i < n; i++) {
      low[i] = i;
      high[i] = n + i;
    }
    x = ll_add(g, ll_shuffle(g, x, x, low, n), ll_shuffle(g, x, x, high, n));
  }
  return x;
}

/* rows[r] = -zb * sum of a[r] */
static void sum_rows(Cg *g, const Product *m) {
  const MatmulLanes *p = m->p;
  int together = p->m >= SUM_ROWS ? SUM_ROWS : 1;
  Tiles t = tiles_begin(g, p->m, together);
  Val sum[SUM_ROWS], row = ll_gep(g, m->a, ll_mulc(g, t.at, p->pitch));
  for (int r = 0; r < SUM_ROWS; r++)
    sum[r] =
        r < together ? row_lanes(g, m, ll_gepc(g, row, r * p->pitch)) : sum[0];
  Val x = ll_mulc(g, sum_four(g, sum), -p->b_zero);
  if (together == 1)
    x = ll_extract(g, x, 0);
  ll_store(g, x, ll_gep(g, m->rows, ll_mulc(g, t.at, 4)), 4);
  tiles_end(g, &t);
}

/* ---- b: one panel, laid out ---- */

/* Row k of the panel, as many columns as there are; the others are anything. */
static Val b_row(Cg *g, const Product *m, Val b, int64_t k, int64_t columns) {
  Ty t = ll_vec(g->i8, (int)m->panel);
  Val p = ll_gepc(g, b, k * m->p->n);
  Val x = columns < m->panel
              ? ll_load_masked(g, t, p, columns, LLVMConstNull(t))
              : ll_load(g, t, p, 1);
  return m->p->b_xor ? ll_xorc(g, x, -128) : x;
}

/* n rows of the panel, of which `valid` exist; the others are zeros. */
static void b_rows(Cg *g, const Product *m, Val b, int n, int valid,
                   int64_t columns, Val *row) {
  for (int k = 0; k < n; k++)
    row[k] = k < valid ? b_row(g, m, b, k, columns)
                       : LLVMConstNull(ll_vec(g->i8, (int)m->panel));
}

/* Groups of four bytes down the columns of `valid` rows. */
static void interleave(Cg *g, const Product *m, Val b, int valid,
                       int64_t columns, Val out[PANEL_VECTORS]) {
  Val row[4];
  b_rows(g, m, b, 4, valid, columns, row);
  interleave_rows(g, row, out);
}

/* The same of two rows, widened to words. */
static void interleave_words(Cg *g, const Product *m, Val b, int valid,
                             int64_t columns, Val out[PANEL_VECTORS]) {
  Val row[2];
  b_rows(g, m, b, 2, valid, columns, row);
  for (int i = 0; i < PANEL_VECTORS; i++) {
    Val pair = x86_unpack(g, row[0], row[1], i / 2);
    Val twice = x86_unpack(g, pair, pair, i & 1);
    out[i] =
        ll_ashrc(g, ll_bitcast(g, twice, ll_vec(g->i16, (int)m->panel / 2)), 8);
  }
}

static void pack_group(Cg *g, const Product *m, Val b, Val to, int valid,
                       int64_t columns, Val *sum) {
  Val v[PANEL_VECTORS], one = ones(g, m);
  if (m->c->widens)
    interleave_words(g, m, b, valid, columns, v);
  else
    interleave(g, m, b, valid, columns, v);
  for (int i = 0; i < PANEL_VECTORS; i++) {
    sum[i] =
        m->dot->mac(g, m->c, sum[i], one, ll_bitcast(g, v[i], LLVMTypeOf(one)));
    ll_store(g, v[i], ll_gepc(g, to, i * m->panel), 1);
  }
}

static void pack_panel(Cg *g, const Product *m, Val b, int64_t columns) {
  const MatmulLanes *p = m->p;
  int group = m->c->group, rest = (int)(p->k % group);
  int64_t whole = p->k / group, step = PANEL_VECTORS * m->panel;
  Val sum[PANEL_VECTORS];
  for (int i = 0; i < PANEL_VECTORS; i++)
    sum[i] = LLVMConstNull(ll_vec(g->i32, m->c->lanes));
  if (whole) {
    Loop k = loop_begin_carry(g, 0, whole, 1, PANEL_VECTORS, sum);
    Val next[PANEL_VECTORS];
    for (int i = 0; i < PANEL_VECTORS; i++)
      next[i] = k.carry[i];
    pack_group(g, m, ll_gep(g, b, ll_mulc(g, k.i, group * p->n)),
               ll_gep(g, m->weights, ll_mulc(g, k.i, step)), group, columns,
               next);
    loop_end(g, &k, next);
    for (int i = 0; i < PANEL_VECTORS; i++)
      sum[i] = k.carry[i];
  }
  if (rest)
    pack_group(g, m, ll_gepc(g, b, whole * group * p->n),
               ll_gepc(g, m->weights, whole * step), rest, columns, sum);
  int64_t constant = p->start + p->k * p->a_zero * p->b_zero;
  for (int i = 0; i < PANEL_VECTORS; i++)
    ll_store(g, ll_addc(g, ll_mulc(g, sum[i], -p->a_zero), constant),
             ll_gepc(g, m->columns, 4LL * i * m->c->lanes), 4);
}

/* ---- tiles ---- */

static void first_sums(Cg *g, const Product *m, Val row, Val *acc) {
  Ty t = ll_vec(g->i32, m->c->lanes);
  for (int v = 0; v < PANEL_VECTORS; v++) {
    Val column =
        ll_load(g, t, ll_gepc(g, m->columns, 4LL * v * m->c->lanes), 4);
    for (int r = 0; r < m->c->pixels; r++)
      acc[r * PANEL_VECTORS + v] = column;
  }
  for (int r = 0; m->p->b_zero && r < m->c->pixels; r++) {
    Val at = ll_gep(g, m->rows, ll_mulc(g, ll_addc(g, row, r), 4));
    Val x = ll_splat(g, ll_load(g, g->i32, at, 4), m->c->lanes);
    for (int v = 0; v < PANEL_VECTORS; v++)
      acc[r * PANEL_VECTORS + v] = ll_add(g, acc[r * PANEL_VECTORS + v], x);
  }
}

static void dot_group_of_k(Cg *g, const Product *m, Val a, Val w, Val *acc) {
  Val weights[PANEL_VECTORS];
  for (int v = 0; v < PANEL_VECTORS; v++)
    weights[v] = m->dot->weights(g, m->c, ll_gepc(g, w, v * m->panel));
  for (int r = 0; r < m->c->pixels; r++) {
    int before = r ? r - 1 : m->c->pixels - 1;
    if (g->target->arch == ARCH_x86_64 && r % conv_inputs_ahead(g, m->c) == 0)
      a = ll_after(g, a, &acc[before * PANEL_VECTORS], 1);
    Val x = m->dot->inputs(g, m->c, ll_gepc(g, a, r * m->p->pitch), 1);
    if (m->dot->pick)
      x = m->dot->pick(g, x, x, 0);
    for (int v = 0; v < PANEL_VECTORS; v++) {
      Val *sum = &acc[r * PANEL_VECTORS + v];
      *sum = m->dot->mac(g, m->c, *sum, x, weights[v]);
    }
  }
}

static void dots(Cg *g, const Product *m, Val a, Val *acc) {
  int n = m->c->pixels * PANEL_VECTORS;
  int64_t step = PANEL_VECTORS * m->panel, groups = group_count(m);
  int64_t bytes = m->c->group * m->p->elem;
  int64_t most = g->for_size ? 1 : UNROLL_DOTS / n;
  int64_t unroll = largest_divisor(groups, most);
  Loop k = loop_begin_carry(g, 0, groups, unroll, n, acc);
  Val next[TILE_MOST], x = ll_gep(g, a, ll_mulc(g, k.i, bytes));
  Val w = ll_gep(g, m->weights, ll_mulc(g, k.i, step));
  for (int i = 0; i < n; i++)
    next[i] = k.carry[i];
  for (int64_t u = 0; u < unroll; u++)
    dot_group_of_k(g, m, ll_gepc(g, x, u * bytes), ll_gepc(g, w, u * step),
                   next);
  loop_end(g, &k, next);
  for (int i = 0; i < n; i++)
    acc[i] = k.carry[i];
}

static void one_tile(Cg *g, const Product *m, Val row, Val y, int64_t columns) {
  const ConvParams *c = m->c;
  Val acc[TILE_MOST], a = ll_gep(g, m->a, ll_mulc(g, row, m->p->pitch));
  first_sums(g, m, row, acc);
  if (g->target->arch == ARCH_x86_64)
    a = ll_hide(g, a); /* else broadcasts become wide loads + permutes */
  dots(g, m, a, acc);
  for (int r = 0; r < c->pixels; r++)
    for (int v = 0; v < PANEL_VECTORS; v += c->join) {
      int64_t at = (int64_t)v * c->lanes;
      conv_store_joined(g, c, acc + r * PANEL_VECTORS + v, ll_idx(g, 0),
                        ll_gepc(g, y, r * m->p->n + at), columns - at);
    }
}

/* ---- all ---- */

static void panels(Cg *g, const Product *m, int64_t from, int64_t to,
                   int64_t columns) {
  const MatmulLanes *p = m->p;
  if (from >= to)
    return;
  Loop l = loop_begin(g, from, to, 1);
  Val at = ll_mulc(g, l.i, m->panel);
  pack_panel(g, m, ll_gep(g, m->b, at), columns);
  Tiles r = tiles_begin(g, p->m, m->c->pixels);
  Val y = ll_gep(g, ll_gep(g, m->y, at), ll_mulc(g, r.at, p->n));
  one_tile(g, m, r.at, y, columns);
  tiles_end(g, &r);
  loop_end(g, &l, NULL);
}

static void one_matrix(Cg *g, Product *m, Val scratch) {
  const MatmulLanes *p = m->p;
  if (p->copies)
    copy_a(g, m, scratch);
  if (p->b_zero)
    sum_rows(g, m);
  int64_t whole = p->n / m->panel, rest = p->n % m->panel;
  panels(g, m, 0, whole, m->panel);
  panels(g, m, whole, whole + (rest != 0), rest);
}

void lower_matmul_lanes(Cg *g, const Step *s, const StepArgs *a) {
  const MatmulLanes *p = s->params;
  Product m = {.p = p,
               .c = &p->c,
               .dot = dot_ops(p->c.dot),
               .panel = PANEL_VECTORS * (int64_t)p->c.lanes,
               .weights = ll_gepc(g, a->scratch, p->at_weights),
               .columns = ll_gepc(g, a->scratch, p->at_columns),
               .rows = ll_gepc(g, a->scratch, p->at_rows)};
  int64_t y_step[MAX_RANK], matrices = 1;
  for (int d = p->ndim - 1; d >= 0; d--) {
    y_step[d] = matrices;
    matrices *= p->dim[d];
  }
  DimLoops l = dims_begin(g, p->dim, p->ndim);
  m.a = ll_gep(g, a->in[0],
               ll_mulc(g, dims_offset(g, &l, p->a_step), p->m * p->k));
  m.b = ll_gep(g, a->in[1],
               ll_mulc(g, dims_offset(g, &l, p->b_step), p->k * p->n));
  m.y =
      ll_gep(g, a->out[0], ll_mulc(g, dims_offset(g, &l, y_step), p->m * p->n));
  one_matrix(g, &m, a->scratch);
  dims_end(g, &l);
}
