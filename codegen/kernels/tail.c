/* See tail.h. An operand's elements lie as the output's do, so that all are
 * as far from those as the first one; where elements are of other sizes, as
 * far from the first one as those, times the ratio. f16 and bf16 between two
 * ops of a tail are rounded in registers. */
#include "codegen/kernels/tail.h"

#include "codegen/kernels/binary.h"
#include "codegen/kernels/lut.h"
#include "codegen/kernels/map_functions.h"
#include "codegen/plain.h"
#include "codegen/targets/dot.h"
#include "plan/kernel.h"

enum { MAX_VECTORS = 4, MAX_LANES = 256 };

bool tail_any(const Cg *g) { return g->step->tail.n > 0; }

static bool is_binary(const Tail *t) {
  return t->step->kernel == &kernel_table[K_binary];
}

bool tail_takes_more(const Cg *g) {
  const Step *s = g->step;
  return s->tail.n && is_binary(&s->tail.v[0]) &&
         binary_takes_more(s->tail.v[0].step);
}

/* ---- loads ---- */

static Val address(Cg *g, Val p) {
  return LLVMBuildPtrToInt(g->b, p, g->idx, "");
}

/* p of the output, in an operand that begins at `first`. */
static Val place_in(Cg *g, const Buffer *b, Val first, Val p) {
  const Buffer *out = g->step->out[0];
  int64_t bytes = dtype_bits(b->type->dtype) / 8;
  int64_t out_bytes = dtype_bits(out->type->dtype) / 8;
  if (bytes != out_bytes) {
    Val on = ll_sub(g, address(g, p), address(g, g->args->out[0]));
    on = bytes > out_bytes
             ? ll_mulc(g, on, bytes / out_bytes)
             : LLVMBuildUDiv(g->b, on, ll_idx(g, out_bytes / bytes), "");
    return ll_gep(g, first, on);
  }
  if (b->place == out->place && b->index == out->index &&
      b->offset == out->offset)
    return p;
  Val apart = ll_sub(g, address(g, first), address(g, g->args->out[0]));
  return LLVMBuildIntToPtr(g->b, ll_add(g, address(g, p), apart), g->ptr, "");
}

/* v with its lanes from `at` on taken from `part`. */
static Val put_lanes(Cg *g, Val v, Val part, int at) {
  int lanes = ll_lanes(v), n = ll_lanes(part), mask[MAX_LANES];
  for (int i = 0; i < lanes; i++)
    mask[i] = i < n ? i : 0;
  Val wide = ll_shuffle(g, part, part, mask, lanes);
  for (int i = 0; i < lanes; i++)
    mask[i] = i >= at && i < at + n ? lanes + i - at : i;
  return ll_shuffle(g, v, wide, mask, lanes);
}

/* The first n of `lanes` elements of `bytes` each, in falling powers of two. */
static Val load_some(Cg *g, Ty elem, int bytes, Val p, int lanes, int64_t n) {
  Ty all = ll_vec(elem, lanes);
  if (n >= lanes || !lanes)
    return ll_load(g, all, p, bytes);
  Val v = LLVMConstNull(all);
  int at = 0;
  for (int part = lanes / 2; part; part /= 2) {
    if (n - at < part)
      continue;
    Val q = ll_gepc(g, p, (int64_t)at * bytes);
    v = part == 1
            ? ll_insert(g, v, ll_load(g, elem, q, bytes), at)
            : put_lanes(g, v, ll_load(g, ll_vec(elem, part), q, bytes), at);
    at += part;
  }
  return v;
}

static Val load_bytes(Cg *g, Val p, int lanes, int64_t n) {
  return load_some(g, g->i8, 1, p, lanes, n);
}

/* MVE alone has lanes that lie apart: pixels. */
static Val load_apart(Cg *g, Val p, int lanes, DType stored, const TailAt *at) {
  if (at->n == lanes)
    return mve_load_apart(g, p, at->pitch, dtype_is_signed(stored));
  Val v = LLVMConstNull(ll_vec(g->i8, lanes));
  for (int i = 0; i < at->n; i++)
    v = ll_insert(g, v, ll_load(g, g->i8, ll_gepc(g, p, i * at->pitch), 1), i);
  return ll_extend(g, v, stored, g->i32);
}

/* Four joined vectors: a word of each takes one byte of the 16 around. */
static Val joined_of_4(Cg *g, Val bytes, int v, DType stored) {
  int n = ll_lanes(bytes), mask[MAX_LANES];
  int top = dtype_is_signed(stored) ? 3 : 0;
  for (int i = 0; i < n; i++)
    mask[i] = i % 4 == top ? i / 16 * 16 + v * 4 + i % 16 / 4 : n + i;
  Val word = ll_shuffle(g, bytes, LLVMConstNull(LLVMTypeOf(bytes)), mask, n);
  word = ll_bitcast(g, word, ll_vec(g->i32, n / 4));
  return top ? ll_ashrc(g, word, 24) : word;
}

static Val joined_of_2(Cg *g, Val bytes, int v, DType stored) {
  Val half = ll_extend(g, bytes, stored, g->i16);
  Val sign = dtype_is_signed(stored) ? ll_ashrc(g, half, 15)
                                     : LLVMConstNull(LLVMTypeOf(half));
  Val words = x86_unpack(g, half, sign, v);
  return ll_bitcast(g, words, ll_vec(g->i32, ll_lanes(bytes) / 2));
}

/* Vector v of those that lie one behind the other. */
static Val vector_of(Cg *g, Val all, int v, int lanes) {
  int mask[MAX_LANES];
  for (int i = 0; i < lanes; i++)
    mask[i] = v * lanes + i;
  return ll_shuffle(g, all, all, mask, lanes);
}

/* An operand at p in the lanes of y[0 .. join - 1], bytes as i32. */
static void load_like(Cg *g, Val *x, const Val *y, DType stored, Val p,
                      const TailAt *at) {
  int lanes = ll_lanes(y[0]);
  if (dtype_is_float(stored)) {
    bool half = stored != DT_f32;
    Val v = load_some(g, half ? g->i16 : g->f32, half ? 2 : 4, p, lanes, at->n);
    x[0] = plain_widen(g, stored, v);
    return;
  }
  if (at->join == 1) {
    x[0] = at->pitch
               ? load_apart(g, p, lanes, stored, at)
               : ll_extend(g, load_bytes(g, p, lanes, at->n), stored, g->i32);
    return;
  }
  if (at->in_order) { /* by way of halfwords, as NEON does it */
    int64_t n = at->join * lanes;
    Val bytes = load_bytes(g, p, 4 * lanes, at->n < n ? at->n : n);
    Val halves = ll_extend(g, bytes, stored, g->i16);
    for (int v = 0; v < at->join; v++)
      x[v] = ll_extend(g, vector_of(g, halves, v, lanes), stored, g->i32);
    return;
  }
  Val bytes = load_bytes(g, p, at->join * lanes, at->n);
  for (int v = 0; v < at->join; v++)
    x[v] = at->join == 4 ? joined_of_4(g, bytes, v, stored)
                         : joined_of_2(g, bytes, v, stored);
}

/* Operand i of the tail's op, for the elements `at`. */
static void load_operand(Cg *g, const Tail *t, int i, Val *x, const Val *y,
                         const TailAt *at) {
  const Buffer *b = t->step->in[i];
  Val base = g->args->tail[t->first + i];
  DType stored = b->type->dtype;
  if (type_count(b->type) > 1) {
    load_like(g, x, y, stored, place_in(g, b, base, at->p), at);
    return;
  }
  Val one = dtype_is_float(stored)
                ? plain_load(g, stored, base, 0)
                : ll_extend(g, ll_load(g, g->i8, base, 1), stored, g->i32);
  for (int v = 0; v < at->join; v++)
    x[v] = ll_splat(g, one, ll_lanes(y[v]));
}

/* ---- ops ---- */

/* What the op may make use of, first or last of the tail as it is. */
static BinaryUse use_of(const Cg *g, const Tail *t, const TailAt *at) {
  const Step *s = g->step;
  BinaryUse use = {.saturated =
                       at->saturated && t == &s->tail.v[s->tail.n - 1]};
  if (t == s->tail.v)
    use.above[t->chain] = at->above;
  return use;
}

/* The op on one vector; x: its other operand, NULL where it has none. */
static Val value_of(Cg *g, const Tail *t, Val y, Val x, const TailAt *at) {
  const Step *s = t->step;
  Val a = t->chain ? x : y, b = t->chain ? y : x;
  if (s->kernel == &kernel_table[K_lut])
    return lut_value(g, s, y);
  if (s->kernel == &kernel_table[K_map])
    return s->op->kind == OP_cast ? y : map_function(g, s->op, a, b);
  return binary_value(g, s, a, b, use_of(g, t, at));
}

/* The largest so far of y's window. What is at p before the first is moved
 * below all bytes. */
static Val larger(Cg *g, Val y, const TailAt *at) {
  DType stored = g->step->out[0]->type->dtype;
  Val x = ll_extend(g, ll_load(g, g->i8, at->p, 1), stored, g->i32);
  Val by = ll_select(g, at->begins, ll_i32(g, -256), ll_i32(g, 0));
  return ll_smax(g, y, ll_add(g, x, by));
}

static void apply(Cg *g, const Tail *t, Val *y, const TailAt *at) {
  Val x[MAX_VECTORS] = {0};
  if (t->step->kernel == &kernel_table[K_pool]) {
    if (at->begins)
      y[0] = larger(g, y[0], at);
    return;
  }
  if (t->step->nin == 2 && t->step->kernel != &kernel_table[K_lut])
    load_operand(g, t, 1 - t->chain, x, y, at);
  for (int v = 0; v < at->join; v++)
    y[v] = value_of(g, t, y[v], x[v], at);
}

void tail_apply(Cg *g, Val *y, const TailAt *at) {
  const Step *s = g->step;
  bool floats = dtype_is_float(s->out[0]->type->dtype);
  if (tail_any(g) && floats && g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  DType made = s->made->type->dtype;
  for (int i = 0; i < s->tail.n; i++) {
    if (floats)
      y[0] = plain_rounded(g, made, y[0]);
    apply(g, &s->tail.v[i], y, at);
    made = s->tail.v[i].step->op->out[0]->type->dtype;
  }
}
