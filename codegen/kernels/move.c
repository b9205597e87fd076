/* move:
 *   for part: for outer dimensions:
 *     innermost: a contiguous run by blocks; or element by element, through
 *     a table or not; or a fill
 *   or, for outer dimensions, for tiles of two: load, transpose, store
 */
#include "plan/kernels/move.h"

#include "codegen/kernels/conv.h"
#include "codegen/kernels/light.h"
#include "codegen/lower.h"

typedef struct Run {
  const MovePart *m;
  Val src, dst, table;
  int elem;
  int64_t src_step, dst_step;
  const Blob *index;
} Run;

static Ty element_type(Cg *g, int bytes) {
  return LLVMIntTypeInContext(g->ctx, (unsigned)bytes * 8);
}

static Val index_entry(Cg *g, const Blob *index, Val i) {
  Val p = ll_gep(g, ll_blob(g, index), ll_mulc(g, i, 4));
  Val x = ll_load(g, g->i32, p, 4);
  return g->idx == g->i32 ? x : ll_zext(g, x, g->idx);
}

static Val mapped(Cg *g, const Run *r, Val x) {
  if (r->table)
    return ll_load(g, g->i8, ll_gep(g, r->table, ll_zext(g, x, g->idx)), 1);
  return r->m->flip ? ll_xorc(g, x, 0x80) : x;
}

static void move_element(Cg *g, void *ctx, Val i, int lanes) {
  const Run *r = ctx;
  (void)lanes;
  Val to = ll_gep(g, r->dst, ll_mulc(g, i, r->dst_step));
  Ty t = element_type(g, r->elem);
  if (r->m->src < 0) {
    ll_store(g, LLVMConstInt(t, r->m->fill, 0), to, r->elem);
    return;
  }
  Val at = r->index ? index_entry(g, r->index, i) : ll_mulc(g, i, r->src_step);
  Val x = ll_load(g, t, ll_gep(g, r->src, at), r->elem);
  ll_store(g, mapped(g, r, x), to, r->elem);
}

static int64_t low_bits(int64_t align, int64_t x) {
  while (align > 1 && x % align)
    align /= 2;
  return align;
}

/* What every run of the part starts at, on both sides. */
static int part_align(const Cg *g, const Step *s, const MovePart *m, int elem) {
  int64_t align = low_bits(buffer_align(g, s->out[m->dst]), m->to);
  for (int d = 0; d < m->ndim - 1; d++)
    align = low_bits(align, m->dst_step[d]);
  if (m->src < 0)
    return (int)align;
  align = low_bits(align, buffer_align(g, s->in[m->src]));
  align = low_bits(align, m->from);
  for (int d = 0; d < m->ndim - 1; d++)
    align = low_bits(align, m->index[d] ? elem : m->src_step[d]);
  return (int)align;
}

static Val source_offset(Cg *g, const MovePart *m, const DimLoops *l) {
  Val at = dims_offset(g, l, m->src_step);
  for (int d = 0; d < l->n; d++)
    if (m->index[d])
      at = ll_add(g, at, index_entry(g, m->index[d], l->loop[d].i));
  return at;
}

/* The innermost dimension. */
static void move_run(Cg *g, const Run *r, int64_t n, int align) {
  bool packed = r->dst_step == r->elem;
  bool copies =
      r->m->src >= 0 && !r->table && !r->index && r->src_step == r->elem;
  if (packed && r->m->src < 0)
    emit_fill(g, r->dst, n, r->elem, r->m->fill, align);
  else if (packed && copies)
    emit_copy(g, r->dst, r->src, n * r->elem, align, r->m->flip);
  else
    for_blocks(g, n, 0, move_element, (void *)(uintptr_t)r);
}

static void move_part(Cg *g, const Step *s, const MovePart *m, int elem,
                      Val src, Val dst) {
  int last = m->ndim - 1, outer = last > 0 ? last : 0;
  DimLoops l = dims_begin(g, m->dim, outer);
  Run r = {.m = m,
           .elem = elem,
           .dst_step = last < 0 ? elem : m->dst_step[last],
           .src_step = last < 0 ? elem : m->src_step[last],
           .index = last < 0 ? NULL : m->index[last],
           .table = m->table ? ll_blob(g, m->table) : NULL};
  r.dst = ll_gep(g, ll_gepc(g, dst, m->to), dims_offset(g, &l, m->dst_step));
  if (m->src >= 0)
    r.src = ll_gep(g, ll_gepc(g, src, m->from), source_offset(g, m, &l));
  move_run(g, &r, last < 0 ? 1 : m->dim[last], part_align(g, s, m, elem));
  dims_end(g, &l);
}

static void move_tile(Cg *g, const MovePart *m, int elem, Val src, Val dst) {
  Val v[VEC_SQUARE];
  Ty t = ll_vec(element_type(g, elem), m->square);
  for (int i = 0; i < m->square; i++) {
    v[i] = ll_load(g, t, ll_gepc(g, src, i * m->src_step[m->ndim - 1]), elem);
    v[i] = m->flip ? ll_xorc(g, v[i], 0x80) : v[i];
  }
  vec_transpose(g, v, m->square);
  for (int i = 0; i < m->square; i++)
    ll_store(g, v[i], ll_gepc(g, dst, i * m->dst_step[m->across]), elem);
}

static void move_squares(Cg *g, const MovePart *m, int elem, Val src, Val dst) {
  MovePart outer = *m;
  int last = m->ndim - 1;
  outer.dim[m->across] = 1;
  DimLoops l = dims_begin(g, outer.dim, last);
  src = ll_gep(g, ll_gepc(g, src, m->from), dims_offset(g, &l, m->src_step));
  dst = ll_gep(g, ll_gepc(g, dst, m->to), dims_offset(g, &l, m->dst_step));
  Tiles a = tiles_begin(g, m->dim[m->across], m->square);
  Tiles b = tiles_begin(g, m->dim[last], m->square);
  src = ll_gep(g, src, ll_mulc(g, a.at, elem));
  src = ll_gep(g, src, ll_mulc(g, b.at, m->src_step[last]));
  dst = ll_gep(g, dst, ll_mulc(g, a.at, m->dst_step[m->across]));
  dst = ll_gep(g, dst, ll_mulc(g, b.at, elem));
  move_tile(g, m, elem, src, dst);
  tiles_end(g, &b);
  tiles_end(g, &a);
  dims_end(g, &l);
}

void lower_move(Cg *g, const Step *s, const StepArgs *a) {
  const MoveParams *p = s->params;
  bool many_out = op_info(s->op->kind)->nout < 0;
  for (int i = 0; i < p->npart; i++) {
    const MovePart *m = &p->part[i];
    Val src = m->src < 0 ? NULL : many_out ? a->in[0] : a->parts[m->src];
    Val dst = many_out ? a->parts[m->dst] : a->out[0];
    if (m->square)
      move_squares(g, m, p->elem_bytes, src, dst);
    else
      move_part(g, s, m, p->elem_bytes, src, dst);
  }
}
