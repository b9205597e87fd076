/* softmax_lanes: softmax (softmax.c) with 64 elements at a time. The table of
 * e^-d is in registers: vectors of 16 words by twos, one instruction choosing
 * among 32 words by the low bits of d, blends by the higher ones. Words are
 * looked up four times, for the bytes 4i, 4i + 1, .. of the 64.
 *
 *   for 16 rows:
 *     for row:
 *       max = largest x
 *       for 64: d = max - x; for j < 4: e[j] = table(d >> 8j), kept in scratch
 *               total[row] += (e[j] + 2^11) >> 12
 *     scale, shift = 1 / total
 *     for row: for 64: for j < 4, for even and odd lanes:
 *       y = min((e[j] * scale + 2^30 + 2^(30 + shift)) >> (31 + shift), 255)
 *
 * which is the two roundings of softmax.c in one. */
#include "codegen/kernels/softmax.h"

#include "codegen/lower.h"
#include "codegen/nest.h"
#include "codegen/targets/dot.h"

enum { BYTES = 64, WORDS = 16, TABLES = 16 };

typedef struct Rows {
  const SoftmaxParams *p;
  Val in, out, scratch; /* this row's */
  Val table[TABLES];    /* <16 x i32> */
  bool is_signed;       /* the stored elements */
} Rows;

/* Elements of a row from `at` on, n of them; others are the least. */
static Val load_bytes(Cg *g, const Rows *r, Val at, int64_t n) {
  Ty t = ll_vec(g->i8, BYTES);
  Val p = ll_gep(g, r->in, at);
  if (n >= BYTES)
    return ll_load(g, t, p, 1);
  return ll_load_masked(
      g, t, p, n, ll_const_splat(g, g->i8, r->is_signed ? -128 : 0, BYTES));
}

/* fn for 64 elements at a time, with one carried value. */
typedef Val (*PartFn)(Cg *g, const Rows *r, const void *ctx, Val at, int64_t n,
                      Val carry);
static Val for_parts(Cg *g, const Rows *r, PartFn fn, const void *ctx,
                     Val carry) {
  int64_t whole = r->p->depth / BYTES, left = r->p->depth % BYTES;
  if (whole) {
    Loop l = loop_begin_carry(g, 0, whole, 1, 1, &carry);
    Val next = fn(g, r, ctx, ll_mulc(g, l.i, BYTES), BYTES, l.carry[0]);
    loop_end(g, &l, &next);
    carry = l.carry[0];
  }
  return left ? fn(g, r, ctx, ll_idx(g, whole * BYTES), left, carry) : carry;
}

static Val max_part(Cg *g, const Rows *r, const void *ctx, Val at, int64_t n,
                    Val most) {
  (void)ctx;
  Ty t = LLVMTypeOf(most);
  Val x[] = {most, load_bytes(g, r, at, n)};
  return ll_intrinsic(g, r->is_signed ? "llvm.smax" : "llvm.umax", &t, 1, x, 2);
}

/* The largest element in every byte. */
static Val row_max(Cg *g, const Rows *r) {
  Ty t = ll_vec(g->i8, BYTES);
  Val least = ll_const_splat(g, g->i8, r->is_signed ? -128 : 0, BYTES);
  Val most = for_parts(g, r, max_part, NULL, least);
  most = ll_intrinsic(
      g, r->is_signed ? "llvm.vector.reduce.smax" : "llvm.vector.reduce.umax",
      &t, 1, &most, 1);
  return ll_splat(g, most, BYTES);
}

/* table[d] of the low bytes of the words d; d: those bytes at `shift`, the
 * others anything. */
static Val look_up(Cg *g, const Rows *r, Val d, int shift) {
  Val part[TABLES / 2], low = ll_lshrc(g, d, shift);
  int n = r->p->tables / 2;
  for (int i = 0; i < n; i++)
    part[i] = x86_choose32(g, r->table[2 * i], r->table[2 * i + 1], low);
  for (int bit = 5; bit < 8; bit++) {
    Val mask = ll_const_splat(g, g->i32, INT64_C(1) << (bit + shift), WORDS);
    Val zero = LLVMConstNull(LLVMTypeOf(d));
    Val high = ll_icmp(g, LLVMIntNE, ll_and(g, d, mask), zero);
    for (int i = 0; i < n; i += 2)
      part[i / 2] = ll_select(g, high, i + 1 < n ? part[i + 1] : zero, part[i]);
    n = (n + 1) / 2;
  }
  return part[0];
}

/* Words of bytes j of the first n. */
static Val only_first(Cg *g, Val words, int j, int64_t n) {
  Val lane[WORDS];
  for (int i = 0; i < WORDS; i++)
    lane[i] = LLVMConstInt(g->i1, 4 * i + j < n, 0);
  return ll_select(g, LLVMConstVector(lane, WORDS), words,
                   LLVMConstNull(LLVMTypeOf(words)));
}

static Val sum_part(Cg *g, const Rows *r, const void *ctx, Val at, int64_t n,
                    Val total) {
  Val most = *(const Val *)ctx;
  Val d = ll_bitcast(g, ll_sub(g, most, load_bytes(g, r, at, n)),
                     LLVMTypeOf(total));
  Val to = ll_gep(g, r->scratch, ll_mulc(g, at, 4));
  for (int j = 0; j < 4; j++) {
    Val e = look_up(g, r, d, 8 * j);
    if (n < BYTES)
      e = only_first(g, e, j, n);
    ll_store(g, e, ll_gepc(g, to, (int64_t)j * 4 * WORDS), 4);
    total = ll_add(g, total, ll_lshrc(g, ll_addc(g, e, 1 << 11), 12));
  }
  return total;
}

/* <8 x i64> of what outputs are made with. */
typedef struct Factors {
  Val scale, add, shift;
} Factors;

static Val wide(Cg *g, Val x) {
  return ll_splat(g, ll_zext(g, x, g->i64), WORDS / 2);
}

static Factors factors(Cg *g, Val scale, Val shift) {
  Factors f = {wide(g, scale), NULL, wide(g, ll_addc(g, shift, 31))};
  Val one = ll_const_splat(g, g->i64, 1, WORDS / 2);
  Val half = LLVMBuildShl(g->b, one, ll_addc(g, f.shift, -1), "");
  f.add = ll_addc(g, half, INT64_C(1) << 30);
  return f;
}

/* Outputs of the low halves of e, in the low bytes. */
static Val outputs(Cg *g, const Factors *f, Val e) {
  Val y = ll_add(g, ll_mul(g, e, f->scale), f->add);
  y = LLVMBuildLShr(g->b, y, f->shift, "");
  Ty t = LLVMTypeOf(y);
  Val most = ll_const_splat(g, g->i64, 255, WORDS / 2);
  return ll_intrinsic(g, "llvm.umin", &t, 1, (Val[]){y, most}, 2);
}

static Val output_part(Cg *g, const Rows *r, const void *ctx, Val at, int64_t n,
                       Val carry) {
  Ty t = ll_vec(g->i64, WORDS / 2);
  Val from = ll_gep(g, r->scratch, ll_mulc(g, at, 4)), all = NULL;
  Val low = ll_const_splat(g, g->i64, UINT32_MAX, WORDS / 2);
  for (int j = 0; j < 4; j++) {
    Val e = ll_load(g, t, ll_gepc(g, from, (int64_t)j * 4 * WORDS), 4);
    Val even = outputs(g, ctx, ll_and(g, e, low));
    Val odd = outputs(g, ctx, ll_lshrc(g, e, 32));
    Val y = ll_or(g, ll_shlc(g, even, 8 * j), ll_shlc(g, odd, 32 + 8 * j));
    all = all ? ll_or(g, all, y) : y;
  }
  all = ll_addc(g, ll_bitcast(g, all, ll_vec(g->i8, BYTES)), r->p->out_min);
  if (n < BYTES)
    ll_store_masked(g, all, ll_gep(g, r->out, at), n);
  else
    ll_store(g, all, ll_gep(g, r->out, at), 1);
  return carry;
}

/* What is kept of the rows that go together, words by row. */
typedef struct Kept {
  Val totals, scales, shifts, exps;
} Kept;

static Kept kept_in(Cg *g, Val scratch) {
  enum { BLOCK = 4 * SOFTMAX_ROWS };
  return (Kept){scratch, ll_gepc(g, scratch, BLOCK),
                ll_gepc(g, scratch, 2 * BLOCK), ll_gepc(g, scratch, 3 * BLOCK)};
}

/* The row, `i` of those from `first` on. */
static void go_to(Cg *g, Rows *r, const StepArgs *a, const Kept *k, Val first,
                  Val i) {
  Val at = ll_mulc(g, ll_add(g, first, i), r->p->depth);
  r->in = ll_gep(g, a->in[0], at);
  r->out = ll_gep(g, a->out[0], at);
  r->scratch = ll_gep(g, k->exps, ll_mulc(g, i, r->p->row_bytes));
}

static Val row_total(Cg *g, const Rows *r) {
  Ty words = ll_vec(g->i32, WORDS);
  Val most = row_max(g, r);
  Val total = for_parts(g, r, sum_part, &most, LLVMConstNull(words));
  return ll_intrinsic(g, "llvm.vector.reduce.add", &words, 1, &total, 1);
}

static Val word_at(Cg *g, Val base, Val i) {
  return ll_gep(g, base, ll_mulc(g, i, 4));
}

/* n rows from `first` on. */
static void rows_together(Cg *g, Rows *r, const StepArgs *a, Val first,
                          int64_t n) {
  Kept k = kept_in(g, a->scratch);
  Loop l = loop_begin(g, 0, n, 1);
  go_to(g, r, a, &k, first, l.i);
  ll_store(g, row_total(g, r), word_at(g, k.totals, l.i), 4);
  loop_end(g, &l, NULL);
  Val totals = ll_load(g, ll_vec(g->i32, WORDS), k.totals, 4);
  RowScale s = softmax_reciprocal(g, totals, r->p->depth >= SOFTMAX_LONG);
  ll_store(g, s.scale, k.scales, 4);
  ll_store(g, s.shift, k.shifts, 4);
  l = loop_begin(g, 0, n, 1);
  go_to(g, r, a, &k, first, l.i);
  Factors f = factors(g, ll_load(g, g->i32, word_at(g, k.scales, l.i), 4),
                      ll_load(g, g->i32, word_at(g, k.shifts, l.i), 4));
  for_parts(g, r, output_part, &f, ll_i32(g, 0));
  loop_end(g, &l, NULL);
}

void lower_softmax_lanes(Cg *g, const Step *s, const StepArgs *a) {
  const SoftmaxParams *p = s->params;
  Rows r = {.p = p};
  r.is_signed = dtype_is_signed(s->in[0]->type->dtype);
  Ty words = ll_vec(g->i32, WORDS);
  Val exp = ll_blob(g, p->exp);
  for (int i = 0; i < p->tables; i++)
    r.table[i] = ll_load(g, words, ll_gepc(g, exp, (int64_t)i * 4 * WORDS), 4);
  int64_t whole = p->rows / p->together, left = p->rows % p->together;
  if (whole) {
    Loop l = loop_begin_part(g, SPLIT_rows, 0, whole, 1, 1);
    rows_together(g, &r, a, ll_mulc(g, l.i, p->together), p->together);
    loop_end(g, &l, NULL);
  }
  if (left) {
    Loop l = loop_begin_part(g, SPLIT_rows, whole, whole + 1, 1, 1);
    rows_together(g, &r, a, ll_idx(g, whole * p->together), left);
    loop_end(g, &l, NULL);
  }
}
