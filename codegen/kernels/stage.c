/* The staged copy:
 *
 *   fill top * pitch elements
 *   for each copied row: fill left; copy (flip, widen, repeat); fill right
 *   fill bottom * pitch + slack
 *
 * Filling and copying go by whole vectors; a remainder is one more vector
 * that overlaps the last (both are idempotent), or falling powers of two. */
#include "codegen/kernels/stage.h"

#include "codegen/nest.h"

/* Elements a turn: a vector's, or a word's where words may lie anywhere and
 * nothing is widened. */
static int64_t chunk(const Cg *g, const ConvParams *c) {
  int bytes = g->target->vector_bytes, elem_bytes = c->stage.elem_bytes;
  if (!bytes && elem_bytes > c->in_bytes)
    return 1;
  if (!bytes)
    bytes = g->target->dot == DOT_smlad ? 4 : elem_bytes;
  return bytes > elem_bytes ? bytes / elem_bytes : 1;
}

/* What one turn does to n elements at element offset `at`. */
typedef struct Span {
  Val dst, src; /* src NULL: fill */
  const ConvParams *c;
  Val fill; /* a stored element; NULL: as the plan says */
} Span;

static Ty span_type(Cg *g, int64_t n, int elem_bytes) {
  unsigned bits = (unsigned)elem_bytes * 8;
  if (g->target->vector_bytes && n > 1)
    return ll_vec(LLVMIntTypeInContext(g->ctx, bits), (int)n);
  return LLVMIntTypeInContext(g->ctx, (unsigned)n * bits);
}

/* `x` in every element of a span of type t. */
static Val span_const(Cg *g, Ty t, int64_t x, int64_t n, int elem_bytes) {
  (void)g;
  if (LLVMGetTypeKind(t) == LLVMVectorTypeKind)
    return ll_const_splat(g, LLVMGetElementType(t), x, (int)n);
  uint64_t bits = 0, one = (uint64_t)x & (UINT64_MAX >> (64 - elem_bytes * 8));
  for (int64_t i = 0; i < n; i++)
    bits = bits << (elem_bytes * 8 % 64) | one;
  return LLVMConstInt(t, bits, 0);
}

/* A filled span of n elements. */
static Val filling(Cg *g, const Span *s, Ty t, int64_t n) {
  const Stage *st = &s->c->stage;
  if (!s->fill)
    return span_const(g, t, st->fill, n, st->elem_bytes);
  Val x = ll_xorc(g, s->fill, st->xor);
  if (st->elem_bytes == 2)
    x = ll_extend(g, x, s->c->in_type, g->i16);
  if (LLVMGetTypeKind(t) == LLVMVectorTypeKind)
    return ll_splat(g, x, (int)n);
  if (n == 1)
    return x;
  Val ones = span_const(g, t, 1, n, st->elem_bytes);
  return ll_mul(g, ll_zext(g, x, t), ones);
}

static void span_turn(Cg *g, const Span *s, Val at, int64_t n) {
  const Stage *st = &s->c->stage;
  Ty t = span_type(g, n, st->elem_bytes);
  Val v;
  if (!s->src) {
    v = filling(g, s, t, n);
  } else {
    int from = s->c->in_bytes;
    Ty bytes = span_type(g, n, from);
    v = ll_load(g, bytes, ll_gep(g, s->src, ll_mulc(g, at, from)), from);
    if (st->xor)
      v = LLVMBuildXor(g->b, v, span_const(g, bytes, st->xor, n, 1), "");
    if (st->elem_bytes > from)
      v = ll_extend(g, v, s->c->in_type, g->i16);
  }
  ll_store(g, v, ll_gep(g, s->dst, ll_mulc(g, at, st->elem_bytes)),
           st->elem_bytes);
}

static void span_all(Cg *g, const Span *s, int64_t n) {
  int64_t w = chunk(g, s->c), whole = n / w * w;
  if (whole) {
    Loop l = loop_begin(g, 0, whole, w);
    span_turn(g, s, l.i, w);
    loop_end(g, &l, NULL);
  }
  if (whole && whole < n) {
    span_turn(g, s, ll_idx(g, n - w), w);
    return;
  }
  for (int64_t part = w / 2; part; part /= 2)
    for (; n - whole >= part; whole += part)
      span_turn(g, s, ll_idx(g, whole), part);
}

/* Moves dst by n elements behind filling them. */
static Val fill(Cg *g, const ConvParams *c, Val dst, int64_t n, Val with) {
  Span s = {dst, NULL, c, with};
  if (n)
    span_all(g, &s, n);
  return ll_gepc(g, dst, n * c->stage.elem_bytes);
}

/* Each of n input elements `expand` times. */
static void copy_repeated(Cg *g, const ConvParams *c, Val dst, Val src,
                          int64_t n) {
  Loop l = loop_begin(g, 0, n, 1);
  int bytes = c->in_bytes;
  Ty t = span_type(g, 1, bytes);
  Val x = ll_load(g, t, ll_gep(g, src, ll_mulc(g, l.i, bytes)), bytes);
  x = ll_xorc(g, x, c->stage.xor);
  Val to = ll_gep(g, dst, ll_mulc(g, l.i, c->stage.expand * bytes));
  Loop r = loop_begin(g, 0, c->stage.expand, 1);
  ll_store(g, x, ll_gep(g, to, ll_mulc(g, r.i, bytes)), bytes);
  loop_end(g, &r, NULL);
  loop_end(g, &l, NULL);
}

static Val copy(Cg *g, const ConvParams *c, Val dst, Val src) {
  const Stage *st = &c->stage;
  if (st->expand > 1) {
    copy_repeated(g, c, dst, src, st->copied / st->expand);
  } else {
    Span s = {dst, src, c, NULL};
    span_all(g, &s, st->copied);
  }
  return ll_gepc(g, dst, st->copied * st->elem_bytes);
}

/* Row i of the image is unit i + 1 of the copy. */
static void stage_rows(Cg *g, const ConvParams *c, Val dst, Val in, Val with) {
  const Stage *st = &c->stage;
  Loop unit = loop_begin_part(g, SPLIT_stage, 1, st->copied_rows + 1, 1, 1);
  Val row = ll_addc(g, unit.i, -1);
  Val to = ll_gep(g, dst, ll_mulc(g, row, c->pitch * st->elem_bytes));
  if (st->copied) {
    to = fill(g, c, to, st->left, with);
    to = copy(g, c, to,
              ll_gep(g, in, ll_mulc(g, row, c->g.iw * c->g.ic * c->in_bytes)));
    fill(g, c, to, st->right, with);
  } else {
    fill(g, c, to, c->pitch, with);
  }
  loop_end(g, &unit, NULL);
}

void stage_input(Cg *g, const ConvParams *c, Val dst, Val in, Val with) {
  const Stage *st = &c->stage;
  const int64_t rows = st->copied_rows;
  int64_t pitch = c->pitch * st->elem_bytes;
  Loop top = loop_begin_part(g, SPLIT_stage, 0, 1, 1, 1);
  fill(g, c, dst, st->top * c->pitch, with);
  loop_end(g, &top, NULL);
  dst = ll_gepc(g, dst, st->top * pitch);
  if (rows)
    stage_rows(g, c, dst, in, with);
  Loop bottom = loop_begin_part(g, SPLIT_stage, rows + 1, rows + 2, 1, 1);
  fill(g, c, ll_gepc(g, dst, rows * pitch), st->bottom * c->pitch + st->slack,
       with);
  loop_end(g, &bottom, NULL);
}
