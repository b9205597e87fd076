/* See patch.h. */
#include "codegen/kernels/patch.h"

static Val divided(Cg *g, Val i, int64_t by) {
  return by == 1 ? i : LLVMBuildUDiv(g->b, i, ll_idx(g, by), "");
}

static Val is_multiple(Cg *g, Val i, int64_t of) {
  Val rest = LLVMBuildURem(g->b, i, ll_idx(g, of), "");
  return ll_icmp(g, LLVMIntEQ, rest, ll_idx(g, 0));
}

/* Where the outputs of the tile's pixel p of an image at `out` go. */
static void place_output(Cg *g, const ConvParams *c, PatchTiles *t, Val out,
                         int p) {
  int64_t py = c->pool.v[0], px = c->pool.v[1];
  int64_t pixel = c->g.oc * c->out_bytes;
  if (py * px == 1) {
    t->out[p] = p && c->g.ow % c->pixels == 0
                    ? ll_gepc(g, t->out[0], p * pixel)
                    : conv_output(g, c, out, t->row, t->col[p]);
    return;
  }
  Val y = divided(g, t->row, py), x = divided(g, t->col[p], px);
  out = ll_gep(g, out, ll_mulc(g, y, c->g.ow / px * pixel));
  t->out[p] = ll_gep(g, out, ll_mulc(g, x, pixel));
  t->begins[p] =
      ll_and(g, is_multiple(g, t->row, py), is_multiple(g, t->col[p], px));
}

/* The next pixel of the row, or its last one again. */
static Val next_column(Cg *g, const ConvParams *c, Val col) {
  if (c->g.ow % c->pixels == 0)
    return ll_addc(g, col, 1);
  Val more = ll_icmp(g, LLVMIntULT, col, ll_idx(g, c->g.ow - 1));
  return ll_add(g, col, ll_zext(g, more, g->idx));
}

PatchTiles patch_tiles_begin(Cg *g, const ConvParams *c, const StepArgs *a) {
  const ConvGeom *q = &c->g;
  int64_t in_bytes = q->ih * q->iw * q->ic * c->in_bytes;
  int64_t out_bytes =
      q->oh / c->pool.v[0] * (q->ow / c->pool.v[1]) * q->oc * c->out_bytes;
  int64_t tiles = (q->ow + c->pixels - 1) / c->pixels;
  PatchTiles t = {.n = loop_begin(g, 0, q->n, 1)};
  t.image = ll_gep(g, a->in[0], ll_mulc(g, t.n.i, in_bytes));
  Val out = ll_gep(g, a->out[0], ll_mulc(g, t.n.i, out_bytes));
  t.y = loop_begin(g, 0, q->oh, 1);
  t.row = t.y.i;
  t.x = loop_begin(g, 0, tiles, 1);
  t.col[0] = ll_mulc(g, t.x.i, c->pixels);
  place_output(g, c, &t, out, 0);
  for (int p = 1; p < c->pixels; p++) {
    t.col[p] = next_column(g, c, t.col[p - 1]);
    place_output(g, c, &t, out, p);
  }
  return t;
}

void patch_tiles_end(Cg *g, PatchTiles *t) {
  loop_end(g, &t->x, NULL);
  loop_end(g, &t->y, NULL);
  loop_end(g, &t->n, NULL);
}

PatchRuns patch_runs_begin(Cg *g, const ConvParams *c, int64_t run_bytes,
                           const Val *init) {
  int n = c->pixels;
  PatchRuns r = {.rows = loop_begin_carry(g, 0, c->taps_h, 1, n, init)};
  Val row = ll_mulc(g, r.rows.i, c->taps_w * run_bytes);
  r.cols = loop_begin_carry(g, 0, c->taps_w, 1, n, r.rows.carry);
  r.to = ll_add(g, row, ll_mulc(g, r.cols.i, run_bytes));
  return r;
}

void patch_runs_end(Cg *g, PatchRuns *r, const Val *next) {
  loop_end(g, &r->cols, next);
  loop_end(g, &r->rows, r->cols.carry);
}

/* Where a run starts. */
typedef struct Start {
  Val row, col; /* of the image; negative or too large outside */
  Val at;
} Start;

static Start run_start(Cg *g, const ConvParams *c, const PatchTiles *t,
                       const PatchRuns *r, int p) {
  const ConvGeom *q = &c->g;
  Start s = {
      .row = ll_add(g, ll_mulc(g, t->row, q->sh), ll_mulc(g, r->rows.i, q->dh)),
      .col = ll_add(g, ll_mulc(g, t->col[p], q->sw),
                    ll_mulc(g, r->cols.i, q->dw))};
  s.row = ll_addc(g, s.row, -q->pt);
  s.col = ll_addc(g, s.col, -q->pl);
  s.at = ll_gep(g, t->image, ll_mulc(g, s.row, c->pitch));
  s.at = ll_gep(g, s.at, ll_mulc(g, s.col, c->pixel));
  return s;
}

static Val below(Cg *g, Val x, int64_t limit) {
  return ll_icmp(g, LLVMIntULT, x, ll_idx(g, limit));
}

/* The run in `line`, element by element of `size` bytes. What lies outside is
 * read at the image's start and replaced. */
static void clipped_run(Cg *g, const ConvParams *c, const Start *s, Val image,
                        Val line, Val fill, Val first) {
  bool words =
      g->target->dot == DOT_smlad && c->run % 4 == 0 && c->g.ic % 4 == 0;
  int size = words ? 4 : 1;
  int64_t folded = c->g.kw / c->taps_w; /* columns of a run */
  Ty ty = words ? g->i32 : g->i8;
  if (words)
    fill = ll_mulc(g, ll_zext(g, fill, ty), 0x01010101);
  Val in_row = below(g, s->row, c->g.ih);
  Val col = ll_mulc(g, s->col, c->pixel);
  Loop k = loop_begin(g, 0, c->run, size);
  Val off = folded > 1 ? ll_add(g, col, k.i) : col;
  Val inside = ll_and(g, in_row, below(g, off, c->pitch));
  Val at = ll_gep(g, ll_gep(g, s->at, first), k.i);
  Val x = ll_load(g, ty, ll_select(g, inside, at, image), 1);
  ll_store(g, ll_select(g, inside, x, fill), ll_gep(g, line, k.i), size);
  loop_end(g, &k, NULL);
}

Val patch_run(Cg *g, const ConvParams *c, const PatchTiles *t,
              const PatchRuns *r, int p, Val line, Val fill, Val first) {
  Start s = run_start(g, c, t, r, p);
  Val at = ll_gep(g, s.at, first);
  if (!c->clipped)
    return at;
  int64_t columns = c->g.iw - c->g.kw / c->taps_w; /* run's start: up to it */
  Val inside = ll_and(g, below(g, s.row, c->g.ih),
                      below(g, s.col, columns < 0 ? 0 : columns + 1));
  LLVMBasicBlockRef from = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef edge = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "edge");
  LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "run");
  LLVMBuildCondBr(g->b, inside, done, edge);
  LLVMPositionBuilderAtEnd(g->b, edge);
  clipped_run(g, c, &s, t->image, line, fill, first);
  LLVMBasicBlockRef clipped = LLVMGetInsertBlock(g->b);
  LLVMBuildBr(g->b, done);
  LLVMPositionBuilderAtEnd(g->b, done);
  Val phi = LLVMBuildPhi(g->b, g->ptr, "run");
  LLVMAddIncoming(phi, (Val[]){at, line}, (LLVMBasicBlockRef[]){from, clipped},
                  2);
  return phi;
}
