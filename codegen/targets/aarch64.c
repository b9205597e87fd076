/* AArch64: products of bytes by smull and smlal (NEON), sdot (Armv8.2) and
 * smmla (Armv8.6).
 *
 * sdot and smmla read the inputs out of a register that holds 16 bytes of a
 * pixel: loads of less would be broadcasts, which take a turn of the units
 * that multiply. sdot's have their origin hidden, else LLVM makes broadcasts
 * of them again.
 *
 * smull: bytes k0 k1 k2 k3 of four outputs, in the order of smull_place(), by
 * k0 k1 k2 k3 in every lane give products of two k of each output, and the
 * other eight bytes by k2 k3 k0 k1 those of the other two, added to them in 16
 * bits; sadalp adds up the pairs. Sums of two products fit, but for those of
 * -128 (ConvParams.apart). */
#include "codegen/targets/rows.h"

static Ty bytes16(Cg *g) { return ll_vec(g->i8, 16); }

/* `n` lanes of v from `first` on. */
static Val part_of(Cg *g, Val v, int first, int n) {
  int mask[16];
  for (int i = 0; i < n; i++)
    mask[i] = first + i;
  return ll_shuffle(g, v, v, mask, n);
}

/* 4, 8 or 16 bytes at the start of a register; as floats, or LLVM loads them
 * into a general one first. */
static Val load_bytes(Cg *g, Val p, int bytes) {
  Ty words = ll_vec(g->i32, 4);
  if (bytes == 16)
    return ll_load(g, words, p, 1);
  Ty elem = bytes == 8 ? g->f64 : g->f32;
  Val all = ll_poison(ll_vec(elem, 16 / bytes));
  all = ll_insert(g, all, ll_load(g, elem, p, 1), 0);
  return ll_bitcast(g, all, words);
}

/* ---- packing ---- */

static Val join_vectors(Cg *g, Val a, Val b) {
  int n = ll_lanes(a), mask[16];
  for (int i = 0; i < 2 * n; i++)
    mask[i] = i;
  return ll_shuffle(g, a, b, mask, 2 * n);
}

/* Half as wide elements of one vector. */
static Val narrow(Cg *g, const char *name, Val v, Ty elem) {
  Ty t = ll_vec(elem, ll_lanes(v));
  return ll_intrinsic(g, name, &t, 1, &v, 1);
}

/* Vectors of eight i16 to bytes; NULL: their bytes may be anything. */
static Val narrow_words(Cg *g, const Val words[2], const char *name) {
  Val low = narrow(g, name, words[0], g->i8);
  Val high =
      words[1] ? narrow(g, name, words[1], g->i8) : ll_poison(LLVMTypeOf(low));
  return join_vectors(g, low, high);
}

Val neon_pack(Cg *g, const Val *v, int n, DType out) {
  bool is_signed = dtype_is_signed(out);
  Val words[2] = {NULL, NULL};
  for (int i = 0; i < n; i += 2) {
    Val half[2];
    for (int k = 0; k < 2; k++)
      half[k] = i + k == n ? ll_poison(ll_vec(g->i16, 4))
                           : narrow(g,
                                    is_signed ? "llvm.aarch64.neon.sqxtn"
                                              : "llvm.aarch64.neon.sqxtun",
                                    v[i + k], g->i16);
    words[i / 2] = join_vectors(g, half[0], half[1]);
  }
  return narrow_words(g, words,
                      is_signed ? "llvm.aarch64.neon.sqxtn"
                                : "llvm.aarch64.neon.uqxtn");
}

Val neon_pack_low(Cg *g, const Val *v, int n, DType out) {
  static const int even[] = {0, 2, 4, 6, 8, 10, 12, 14};
  Val words[2] = {NULL, NULL};
  for (int i = 0; i < n; i += 2) {
    Ty t = ll_vec(g->i16, 8);
    Val a = ll_bitcast(g, v[i], t);
    Val b = i + 1 == n ? a : ll_bitcast(g, v[i + 1], t);
    words[i / 2] = ll_shuffle(g, a, b, even, 8);
  }
  return narrow_words(g, words,
                      dtype_is_signed(out) ? "llvm.aarch64.neon.sqxtn"
                                           : "llvm.aarch64.neon.sqxtun");
}

/* ---- loads ---- */

static Val weights16(Cg *g, const ConvParams *c, Val p) {
  (void)c;
  return ll_load(g, bytes16(g), p, 1);
}

/* ---- sdot ---- */

static Val word_inputs(Cg *g, const ConvParams *c, Val p, int groups) {
  (void)c;
  return ll_hide(g, load_bytes(g, p, 4 * groups));
}

static Val word_pick(Cg *g, Val x, Val next, int i) {
  (void)next;
  x = ll_shuffle(g, x, x, (int[]){i, i, i, i}, 4);
  return ll_bitcast(g, x, bytes16(g));
}

/* 1 in the first `valid` bytes of every group of c, else 0. */
static Val group_ones(Cg *g, const ConvParams *c, int valid) {
  Val lane[16];
  for (int i = 0; i < 16; i++)
    lane[i] = ll_i8(g, i % c->group < valid);
  return LLVMConstVector(lane, 16);
}

/* The inputs last: that is the operand that a lane can be. */
static Val sdot_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  (void)c;
  Ty over[] = {LLVMTypeOf(acc), LLVMTypeOf(x)};
  return ll_intrinsic(g, "llvm.aarch64.neon.sdot", over, 2, (Val[]){acc, w, x},
                      3);
}

Val neon_sdot(Cg *g, Val acc, Val x, Val w) {
  return sdot_mac(g, NULL, acc, ll_bitcast(g, x, bytes16(g)),
                  ll_bitcast(g, w, bytes16(g)));
}

const DotOps dot_sdot = {4,         1,          word_inputs, word_pick,
                         weights16, group_ones, sdot_mac};

/* ---- smull ---- */

Val neon_products(Cg *g, Val x, Val w, int high) {
  Ty words = ll_vec(g->i16, 8);
  Val args[] = {part_of(g, x, 8 * high, 8), part_of(g, w, 8 * high, 8)};
  return ll_intrinsic(g, "llvm.aarch64.neon.smull", &words, 1, args, 2);
}

Val neon_words(Cg *g, Val a, Val b) {
  Ty t = ll_vec(g->i32, 4);
  return ll_intrinsic(g, "llvm.aarch64.neon.smull", &t, 1, (Val[]){a, b}, 2);
}

static Val add_pairs(Cg *g, Val acc, Val words) {
  Ty over[] = {LLVMTypeOf(acc), LLVMTypeOf(words)};
  return ll_add(
      g, acc, ll_intrinsic(g, "llvm.aarch64.neon.saddlp", over, 2, &words, 1));
}

static Val smull_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  static const int turned[] = {2,  3,  0, 1, 6,  7,  4,  5,
                               10, 11, 8, 9, 14, 15, 12, 13};
  Val first = neon_products(g, x, w, 0);
  Val second = neon_products(g, ll_shuffle(g, x, x, turned, 16), w, 1);
  if (c->apart)
    return add_pairs(g, add_pairs(g, acc, first), second);
  return add_pairs(g, acc, ll_add(g, first, second));
}

static Val smull_ones(Cg *g, const ConvParams *c, int valid) {
  (void)c;
  Val lane[16];
  for (int o = 0; o < 4; o++)
    for (int k = 0; k < 4; k++)
      lane[smull_place(o, k)] = ll_i8(g, k < valid);
  return LLVMConstVector(lane, 16);
}

const DotOps dot_smull = {4,         1,          word_inputs, word_pick,
                          weights16, smull_ones, smull_mac};

/* ---- smmla ---- */

static Val pair_inputs(Cg *g, const ConvParams *c, Val p, int groups) {
  (void)c;
  return load_bytes(g, p, 8 * groups);
}

/* Eight bytes of this pixel and of the next. */
static Val pair_pick(Cg *g, Val x, Val next, int i) {
  Ty halves = ll_vec(g->i64, 2);
  Val pair = ll_shuffle(g, ll_bitcast(g, x, halves),
                        ll_bitcast(g, next, halves), (int[]){i, i + 2}, 2);
  return ll_bitcast(g, pair, bytes16(g));
}

static Val smmla_mac(Cg *g, const ConvParams *c, Val acc, Val x, Val w) {
  (void)c;
  Ty over[] = {LLVMTypeOf(acc), LLVMTypeOf(x)};
  return ll_intrinsic(g, "llvm.aarch64.neon.smmla", over, 2, (Val[]){acc, x, w},
                      3);
}

const DotOps dot_smmla = {2,         2,          pair_inputs, pair_pick,
                          weights16, group_ones, smmla_mac};
