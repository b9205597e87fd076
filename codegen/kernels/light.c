/* Blocks, counted loops, steps, copies: light.h. */
#include "codegen/kernels/light.h"

#include "codegen/vec.h"

enum { SMALLEST_VECTOR = 4, SCALARS_A_TURN = 4 };

/* Elements lo..hi one by one. */
static void single_elements(Cg *g, int64_t lo, int64_t hi, BlockFn fn,
                            void *ctx) {
  if (lo >= hi)
    return;
  Loop l = loop_begin(g, lo, hi, 1);
  fn(g, ctx, l.i, 0);
  loop_end(g, &l, NULL);
}

static void scalar_turns(Cg *g, int64_t n, BlockFn fn, void *ctx) {
  int64_t whole = g->for_size ? 0 : n / SCALARS_A_TURN * SCALARS_A_TURN;
  if (whole) {
    Loop l = loop_begin(g, 0, whole, SCALARS_A_TURN);
    for (int i = 0; i < SCALARS_A_TURN; i++)
      fn(g, ctx, ll_addc(g, l.i, i), 0);
    loop_end(g, &l, NULL);
  }
  single_elements(g, whole, n, fn, ctx);
}

void for_blocks(Cg *g, int64_t n, int lanes, BlockFn fn, void *ctx) {
  if (!lanes) {
    scalar_turns(g, n, fn, ctx);
    return;
  }
  int64_t at = n / lanes * lanes;
  if (at) {
    Loop l = loop_begin(g, 0, at, lanes);
    fn(g, ctx, l.i, lanes);
    loop_end(g, &l, NULL);
  }
  for (int w = lanes / 2; w >= SMALLEST_VECTOR && !g->for_size; w /= 2)
    if (n - at >= w) {
      fn(g, ctx, ll_idx(g, at), w);
      at += w;
    }
  single_elements(g, at, n, fn, ctx);
}

CountLoop count_begin(Cg *g, Val n, Val init) {
  CountLoop l = {.n = n, .entry = LLVMGetInsertBlock(g->b)};
  l.head = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "count");
  LLVMBuildBr(g->b, l.head);
  LLVMPositionBuilderAtEnd(g->b, l.head);
  l.i = LLVMBuildPhi(g->b, g->idx, "i");
  l.carry = LLVMBuildPhi(g->b, LLVMTypeOf(init), "");
  LLVMAddIncoming(l.i, (Val[]){ll_idx(g, 0)}, &l.entry, 1);
  LLVMAddIncoming(l.carry, &init, &l.entry, 1);
  return l;
}

void count_end(Cg *g, CountLoop *l, Val next) {
  Val i = LLVMBuildNUWAdd(g->b, l->i, ll_idx(g, 1), "");
  Val more = ll_icmp(g, LLVMIntULT, i, l->n);
  LLVMBasicBlockRef latch = LLVMGetInsertBlock(g->b);
  LLVMBasicBlockRef done = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "done");
  LLVMBuildCondBr(g->b, more, l->head, done);
  LLVMAddIncoming(l->i, &i, &latch, 1);
  LLVMAddIncoming(l->carry, &next, &latch, 1);
  LLVMPositionBuilderAtEnd(g->b, done);
  l->out = next;
}

Guard guard_begin(Cg *g, Val condition) {
  Guard c = {LLVMGetInsertBlock(g->b), NULL};
  if (!condition)
    return c;
  LLVMBasicBlockRef in = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "then");
  c.done = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "skip");
  LLVMBuildCondBr(g->b, condition, in, c.done);
  LLVMPositionBuilderAtEnd(g->b, in);
  return c;
}

void guard_end(Cg *g, const Guard *c, int n, const Val *before, Val *inside) {
  if (!c->done)
    return;
  LLVMBasicBlockRef at[] = {c->from, LLVMGetInsertBlock(g->b)};
  LLVMBuildBr(g->b, c->done);
  LLVMPositionBuilderAtEnd(g->b, c->done);
  for (int i = 0; i < n; i++) {
    Val v = LLVMBuildPhi(g->b, LLVMTypeOf(before[i]), "");
    LLVMAddIncoming(v, (Val[]){before[i], inside[i]}, at, 2);
    inside[i] = v;
  }
}

DimLoops dims_begin(Cg *g, const int64_t *dim, int n) {
  DimLoops l = {.n = n};
  bool many = false; /* of several turns, among those so far */
  for (int d = 0; d < n; d++) {
    bool divided = !many && dim[d] > 1;
    l.loop[d] = loop_begin_part(g, divided ? SPLIT_images : SPLIT_none, 0,
                                dim[d], 1, 1);
    many |= divided;
  }
  return l;
}

void dims_end(Cg *g, DimLoops *l) {
  for (int d = l->n - 1; d >= 0; d--)
    loop_end(g, &l->loop[d], NULL);
}

Val dims_offset(Cg *g, const DimLoops *l, const int64_t *step) {
  Val at = ll_idx(g, 0);
  for (int d = 0; d < l->n; d++)
    if (step[d])
      at = ll_add(g, at, ll_mulc(g, l->loop[d].i, step[d]));
  return at;
}

/* ---- steps ---- */

static Val constant(Cg *g, Val like, Ty elem, int64_t x) {
  return ll_const_splat(g, elem, x, ll_lanes(like));
}

Val emit_linear(Cg *g, const LinearStep *s, Val acc, Val m, Val c) {
  Ty t = s->wide ? g->i64 : g->i32;
  int lanes = ll_lanes(acc);
  Val x = s->wide ? ll_sext(g, acc, t) : acc;
  x = ll_mul(g, x, m ? ll_splat(g, m, lanes) : constant(g, acc, t, s->m));
  x = ll_add(g, x, c ? ll_splat(g, c, lanes) : constant(g, acc, t, s->c));
  x = ll_ashrc(g, x, s->k);
  if (s->wide)
    x = ll_trunc(g, x, g->i32);
  return s->clamps ? ll_clampc(g, x, s->lo, s->hi) : x;
}

Val emit_sum_step(Cg *g, const SumStep *s, Val acc) {
  if (s->is_linear)
    return emit_linear(g, &s->linear, acc, NULL, NULL);
  acc = ll_addc(g, acc, s->offset);
  return vec_requant(g, &s->rq, &s->rt, acc, ll_idx(g, 0));
}

int sum_lanes(const Cg *g, int bits) {
  if (g->target->vector_bytes)
    return g->target->vector_bytes * 8 / bits;
  return g->for_size ? 0 : SCALARS_A_TURN;
}

Val sum_zero(Cg *g, int bits, int lanes) {
  bool narrow = bits == 16 && lanes && g->target->vector_bytes;
  return ll_const_splat(g, narrow ? g->i16 : g->i32, 0, lanes);
}

static Ty lane_type(Val v) {
  Ty t = LLVMTypeOf(v);
  return LLVMGetTypeKind(t) == LLVMVectorTypeKind ? LLVMGetElementType(t) : t;
}

Val sum_add(Cg *g, Val acc, DType stored, Val p) {
  Val x = ll_load(g, ll_vec(g->i8, ll_lanes(acc)), p, 1);
  return ll_add(g, acc, ll_extend(g, x, stored, lane_type(acc)));
}

Val sum_widen(Cg *g, Val acc, DType stored) {
  return lane_type(acc) == g->i32 ? acc : ll_extend(g, acc, stored, g->i32);
}

/* ---- copies ---- */

int buffer_align(const Cg *g, const Buffer *b) {
  if (b->place == PLACE_const)
    return b->blob->align;
  int64_t align = dtype_bits(b->type->dtype) / 8;
  if (b->place == PLACE_arena || b->place == PLACE_state)
    align = g->plan->arena_align;
  while (align > 1 && b->offset % align)
    align /= 2;
  return align > 1 ? (int)align : 1;
}

/* Bytes to move at a time. Vectors need no alignment; words do on the
 * smallest cores, so there it is what is known. */
static int copy_width(const Cg *g, int align) {
  if (g->target->vector_bytes)
    return g->target->vector_bytes;
  int word = g->target->pointer_bits / 8;
  return align < word ? align : word;
}

/* A block of bytes as one value. */
static Ty block_type(Cg *g, int bytes) {
  if (bytes > 8)
    return ll_vec(g->i8, bytes);
  return LLVMIntTypeInContext(g->ctx, (unsigned)bytes * 8);
}

typedef struct Copy {
  Val dst, src;
  int align, width;
  bool flip;
  uint64_t bits; /* of a fill: the pattern, repeated to 8 bytes */
} Copy;

static uint64_t repeated(uint64_t element, int bytes) {
  if (bytes < 8)
    element &= (UINT64_C(1) << 8 * bytes) - 1;
  for (; bytes < 8; bytes *= 2)
    element |= element << 8 * bytes;
  return element;
}

/* The pattern as a value of `bytes` bytes. */
static Val pattern(Cg *g, uint64_t bits, int bytes) {
  if (bytes <= 8)
    return LLVMConstInt(block_type(g, bytes), bits, 0);
  Val words = ll_const_splat(g, g->i64, (int64_t)bits, bytes / 8);
  return LLVMConstBitCast(words, block_type(g, bytes));
}

static int block_align(const Copy *c, int bytes) {
  return bytes < c->align ? bytes : c->align;
}

static void copy_block(Cg *g, void *ctx, Val i, int lanes) {
  const Copy *c = ctx;
  int bytes = lanes ? lanes : 1, align = block_align(c, bytes);
  Val x = ll_load(g, block_type(g, bytes), ll_gep(g, c->src, i), align);
  if (c->flip)
    x = LLVMBuildXor(g->b, x, pattern(g, repeated(0x80, 1), bytes), "");
  ll_store(g, x, ll_gep(g, c->dst, i), align);
}

void emit_copy(Cg *g, Val dst, Val src, int64_t n, int align, bool flip) {
  Copy c = {.dst = dst, .src = src, .align = align, .flip = flip};
  c.width = copy_width(g, align);
  for_blocks(g, n, c.width < 2 ? 0 : c.width, copy_block, &c);
}

static void fill_block(Cg *g, void *ctx, Val i, int lanes) {
  const Copy *c = ctx;
  int bytes = lanes ? lanes : 1;
  ll_store(g, pattern(g, c->bits, bytes), ll_gep(g, c->dst, i),
           block_align(c, bytes));
}

/* One element at a time, at least. */
static void fill_element(Cg *g, void *ctx, Val i, int lanes) {
  const Copy *c = ctx;
  int bytes = (lanes ? lanes : 1) * c->width;
  ll_store(g, pattern(g, c->bits, bytes),
           ll_gep(g, c->dst, ll_mulc(g, i, c->width)), block_align(c, bytes));
}

void emit_fill(Cg *g, Val dst, int64_t n, int bytes, uint64_t element,
               int align) {
  Copy c = {.dst = dst, .align = align, .width = bytes};
  c.bits = repeated(element, bytes);
  int width = copy_width(g, align);
  if (bytes == 1)
    for_blocks(g, n, width < 2 ? 0 : width, fill_block, &c);
  else
    for_blocks(g, n, width > bytes ? width / bytes : 0, fill_element, &c);
}
