/* unpack_block: a halfword at a time.
 *
 *   codes:  for byte of data: for pair of codes a, b in it:
 *             halfword = table[b], table[a]
 *   mask:   for byte of data: for bit: x = bit ? *values : 0; values += bit
 *   groups: for group: for run of a row: m[slots]
 *             for row of the group: for pair of codes a, b in the run:
 *               halfword = (b - 8) m, (a - 8) m
 *   floats: for halfword of data: word = its float
 *   levels: for code a of data, of output o: word = table[o][a]
 *   scaled: for byte a of data, of output o: word = a table[o]
 */
#include "codegen/kernels/packed.h"

#include "codegen/nest.h"

/* Are there more turns, after turn i, of a loop of block_bytes / each of them,
 * in a last block of fewer? NULL: all blocks are alike. */
static Val more_turns(Cg *g, const Packed *w, Val block, Val i, int64_t each) {
  if (w->last_bytes == w->block_bytes)
    return NULL;
  Val last = ll_icmp(g, LLVMIntEQ, block, ll_idx(g, w->blocks - 1));
  Val n = ll_select(g, last, ll_idx(g, (w->last_bytes + each - 1) / each),
                    ll_idx(g, w->block_bytes / each));
  return ll_icmp(g, LLVMIntULT, ll_addc(g, i, 1), n);
}

/* b below a; joined: 256 a + b. */
static void store_pair(Cg *g, const Packed *w, Val b, Val a, Val to) {
  a = ll_shlc(g, ll_zext(g, a, g->i16), 8);
  Val h = w->joined ? ll_add(g, a, ll_sext(g, b, g->i16))
                    : ll_or(g, a, ll_zext(g, b, g->i16));
  ll_store(g, h, to, 2);
}

static Val code_value(Cg *g, const Packed *w, Val byte, int at) {
  Val code = ll_lshrc(g, byte, at);
  code = ll_and(g, code, ll_const_splat(g, g->idx, (1 << w->bits) - 1, 0));
  return ll_load(g, g->i8, ll_gep(g, ll_blob(g, w->table), code), 1);
}

/* n weights of the codes in one byte. */
static void codes_of_byte(Cg *g, const Packed *w, Val from, Val to, int64_t n) {
  Val byte = ll_zext(g, ll_load(g, g->i8, from, 1), g->idx);
  for (int i = 0; i < n; i += 2)
    store_pair(g, w, code_value(g, w, byte, i * w->bits),
               code_value(g, w, byte, (i + 1) * w->bits), ll_gepc(g, to, i));
}

static void unpack_codes(Cg *g, const Packed *w, Val block, Val from, Val to) {
  int each = 8 / w->bits;
  int64_t whole = w->block_bytes / each;
  if (whole) {
    Loop l = loop_begin(g, 0, whole, 1);
    codes_of_byte(g, w, ll_gep(g, from, l.i),
                  ll_gep(g, to, ll_mulc(g, l.i, each)), each);
    loop_end_while(g, &l, NULL, more_turns(g, w, block, l.i, each));
  }
  if (w->block_bytes % each)
    codes_of_byte(g, w, ll_gepc(g, from, whole), ll_gepc(g, to, whole * each),
                  w->block_bytes % each);
}

/* The next byte, or 0. */
static Val masked_value(Cg *g, Val bits, int at, Val *values) {
  Val bit = ll_and(g, ll_lshrc(g, bits, at), ll_idx(g, 1));
  Val x = ll_load(g, g->i8, *values, 1);
  *values = ll_gep(g, *values, bit);
  return ll_mul(g, x, ll_trunc(g, bit, g->i8));
}

/* n weights of one byte of the mask. */
static void mask_of_byte(Cg *g, const Packed *w, Val from, Val to, int64_t n,
                         Val *values) {
  Val byte = ll_zext(g, ll_load(g, g->i8, from, 1), g->idx);
  for (int i = 0; i < n; i += 2) {
    Val b = masked_value(g, byte, i, values);
    Val a = masked_value(g, byte, i + 1, values);
    store_pair(g, w, b, a, ll_gepc(g, to, i));
  }
}

static void unpack_mask(Cg *g, const Packed *w, Val block, Val from, Val to) {
  Val start = ll_gep(g, ll_blob(g, w->starts), ll_mulc(g, block, 4));
  start = ll_zext(g, ll_load(g, g->i32, start, 4), g->idx);
  Val values = ll_gep(g, ll_blob(g, w->values), start);
  int64_t whole = w->block_bytes / 8;
  if (whole) {
    Loop l = loop_begin_carry(g, 0, whole, 1, 1, &values);
    values = l.carry[0];
    mask_of_byte(g, w, ll_gep(g, from, l.i), ll_gep(g, to, ll_mulc(g, l.i, 8)),
                 8, &values);
    loop_end_while(g, &l, &values, more_turns(g, w, block, l.i, 8));
    values = l.carry[0];
  }
  if (w->block_bytes % 8)
    mask_of_byte(g, w, ll_gepc(g, from, whole), ll_gepc(g, to, whole * 8),
                 w->block_bytes % 8, &values);
}

/* Nibble `at` of p. */
static Val nibble(Cg *g, Val p, Val at) {
  Val byte = ll_load(g, g->i8, ll_gep(g, p, ll_lshrc(g, at, 1)), 1);
  Val shift = ll_shlc(g, ll_and(g, at, ll_idx(g, 1)), 2);
  Val x = LLVMBuildLShr(g->b, ll_zext(g, byte, g->idx), shift, "");
  return ll_and(g, x, ll_idx(g, 15));
}

static Val multiplied(Cg *g, Val code, Val multiple) {
  return ll_trunc(g, ll_mul(g, ll_addc(g, code, -8), multiple), g->i8);
}

/* The run's bytes of a row, from those of codes. */
static void unpack_run(Cg *g, const Packed *w, Val from, Val to,
                       const Val *multiple) {
  const Weave *v = &w->weave;
  for (int i = 0; i < v->run; i += 2) {
    Val byte = ll_load(g, g->i8, ll_gepc(g, from, i / 2), 1);
    byte = ll_zext(g, byte, g->idx);
    Val low = ll_and(g, byte, ll_idx(g, 15)), high = ll_lshrc(g, byte, 4);
    store_pair(g, w, multiplied(g, low, multiple[v->slot[i]]),
               multiplied(g, high, multiple[v->slot[i + 1]]),
               ll_gepc(g, to, i));
  }
}

static void unpack_groups(Cg *g, const Packed *w, Val block, Val from, Val to) {
  const Weave *v = &w->weave;
  int64_t row = v->run * v->runs, group = row * w->rows;
  int64_t groups = w->block_bytes / group;
  Val multiples = ll_blob(g, w->values), multiple[8];
  Loop n = loop_begin(g, 0, groups, 1);
  Val first = ll_add(g, ll_mulc(g, block, groups), n.i);
  Loop i = loop_begin(g, 0, v->runs, 1);
  Val at = ll_add(g, ll_mulc(g, first, v->runs), i.i);
  at = ll_mulc(g, at, v->slots);
  for (int k = 0; k < v->slots; k++)
    multiple[k] = ll_addc(g, nibble(g, multiples, ll_addc(g, at, k)), 1);
  Val start = ll_add(g, ll_mulc(g, n.i, group), ll_mulc(g, i.i, v->run));
  Loop r = loop_begin(g, 0, w->rows, 1);
  Val byte = ll_add(g, start, ll_mulc(g, r.i, row));
  unpack_run(g, w, ll_gep(g, from, ll_lshrc(g, byte, 1)), ll_gep(g, to, byte),
             multiple);
  loop_end(g, &r, NULL);
  loop_end(g, &i, NULL);
  loop_end_while(g, &n, NULL, more_turns(g, w, block, n.i, group));
}

/* An f32's bits from those of an f16, by the exponent's place and a product
 * that moves it, which is right for subnormals, too. */
static Val bits_of_f16(Cg *g, Val half) {
  Val m = ll_shlc(g, ll_and(g, half, ll_i32(g, 0x7fff)), 13);
  Val x =
      LLVMBuildFMul(g->b, ll_bitcast(g, m, g->f32), ll_f32(g, 0x1p112f), "");
  Val sign = ll_shlc(g, ll_and(g, half, ll_i32(g, 0x8000)), 16);
  return ll_or(g, ll_bitcast(g, x, g->i32), sign);
}

static void unpack_halves(Cg *g, const Packed *w, Val block, Val to) {
  Val from =
      ll_gep(g, ll_blob(g, w->data), ll_mulc(g, block, w->block_bytes / 2));
  Loop l = loop_begin(g, 0, w->block_bytes / 4, 1);
  Val half = ll_load(g, g->i16, ll_gep(g, from, ll_mulc(g, l.i, 2)), 2);
  half = ll_zext(g, half, g->i32);
  Val x = w->form == PACK_bf16 ? ll_shlc(g, half, 16) : bits_of_f16(g, half);
  ll_store(g, x, ll_gep(g, to, ll_mulc(g, l.i, 4)), 4);
  loop_end(g, &l, NULL);
}

/* The bits of weight i, at from, of output o. */
static Val level_bits(Cg *g, const Packed *w, Val from, Val i, Val o) {
  Val at = ll_add(g, ll_shlc(g, o, 4), nibble(g, from, i));
  Val table = ll_blob(g, w->table);
  return ll_load(g, g->i32, ll_gep(g, table, ll_shlc(g, at, 2)), 4);
}

static Val scaled_bits(Cg *g, const Packed *w, Val from, Val i, Val o) {
  Val x = ll_sext(g, ll_load(g, g->i8, ll_gep(g, from, i), 1), g->i32);
  Val scale = ll_gep(g, ll_blob(g, w->table), ll_shlc(g, o, 2));
  Val product = LLVMBuildFMul(g->b, LLVMBuildSIToFP(g->b, x, g->f32, ""),
                              ll_load(g, g->f32, scale, 4), "");
  return ll_bitcast(g, product, g->i32);
}

static void unpack_outputs(Cg *g, const Packed *w, Val block, Val to) {
  bool levels = w->form == PACK_levels;
  int64_t n = w->block_bytes / 4, slots = w->weave.slots;
  int64_t row = levels ? (n + 1) / 2 : n;
  Val from = ll_gep(g, ll_blob(g, w->data), ll_mulc(g, block, row));
  Val first = ll_mulc(g, block, slots);
  Loop r = loop_begin(g, 0, n / slots, 1);
  Loop k = loop_begin(g, 0, slots, 1);
  Val i = ll_add(g, ll_mulc(g, r.i, slots), k.i), o = ll_add(g, first, k.i);
  Val bits =
      levels ? level_bits(g, w, from, i, o) : scaled_bits(g, w, from, i, o);
  ll_store(g, bits, ll_gep(g, to, ll_shlc(g, i, 2)), 4);
  loop_end(g, &k, NULL);
  loop_end(g, &r, NULL);
}

void unpack_block(Cg *g, const Packed *w, Val block, Val to) {
  if (w->form == PACK_f16 || w->form == PACK_bf16) {
    unpack_halves(g, w, block, to);
    return;
  }
  if (w->form == PACK_levels || w->form == PACK_scaled) {
    unpack_outputs(g, w, block, to);
    return;
  }
  int bits = w->form == PACK_mask ? 1 : w->bits;
  int64_t row = (w->block_bytes * bits + 7) / 8;
  Val from = ll_gep(g, ll_blob(g, w->data), ll_mulc(g, block, row));
  if (w->form == PACK_mask)
    unpack_mask(g, w, block, from, to);
  else if (w->form == PACK_groups)
    unpack_groups(g, w, block, from, to);
  else
    unpack_codes(g, w, block, from, to);
}
