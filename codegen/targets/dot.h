/* Dot instructions with outputs in lanes: one broadcast group of inputs by a
 * vector of weights, one output a lane; or that of two pixels by weights of
 * two outputs, in lanes (pixel 0: output 0, 1; pixel 1: output 0, 1). */
#ifndef KILN_CODEGEN_TARGETS_DOT_H
#define KILN_CODEGEN_TARGETS_DOT_H

#include "codegen/ll.h"
#include "plan/conv.h"

typedef struct DotOps {
  int wide; /* groups that are loaded at once: 1, or 2, 4 and all less */
  int rows; /* pixels of an instruction */
  /* `n` times `group` consecutive inputs at p; where `pick` is NULL, n is 1
   * and they are in every lane */
  Val (*inputs)(Cg *g, const ConvParams *c, Val p, int n);
  /* group i of them, with the next pixel's where rows is 2 */
  Val (*pick)(Cg *g, Val x, Val next, int i);
  /* `group` weights of each of c->lanes / rows outputs at p */
  Val (*weights)(Cg *g, const ConvParams *c, Val p);
  /* weights that are 1 for the first `valid` of a group, else 0 */
  Val (*ones)(Cg *g, const ConvParams *c, int valid);
  Val (*mac)(Cg *g, const ConvParams *c, Val acc, Val x, Val w);
} DotOps;

/* The row of a target's dot kind; NULL where it has none of this shape. */
const DotOps *dot_ops(Dot dot);

/* x86's pmaddwd on i16 vectors of any width: pairs into i32 lanes. */
Val x86_pmaddwd(Cg *g, Val a, Val b);
/* Interleaves the elements of a and b inside each 16 bytes: the low half of
 * them, or the high one (punpckl, punpckh). Elements of 8 or 16 bits. */
Val x86_unpack(Cg *g, Val a, Val b, bool high);
/* AVX-512BW: a with its odd bytes from the even ones of b before them, or with
 * its even bytes from b's odd ones behind them. */
Val x86_merge_odd(Cg *g, Val a, Val b);
Val x86_merge_even(Cg *g, Val a, Val b);
/* Four vectors of i32 to one of bytes, saturated to `out`, packed inside each
 * 16 bytes: see conv_joined_channel. */
Val x86_pack4(Cg *g, const Val v[4], DType out);
/* The same of the low halves of i32, whatever is above; but for u8 what is
 * above is below zero. */
Val x86_pack_low(Cg *g, const Val v[4], DType out);
/* n <= 4 vectors of i32 to the first bytes of a vector, in the order of their
 * lanes; `low`: as x86_pack_low. */
Val x86_pack_in_order(Cg *g, const Val *v, int n, bool low, DType out);
/* Two vectors of i32 to one of i16, likewise. */
Val x86_pack2(Cg *g, Val a, Val b);
/* NEON: products of the low or the high eight s8 as i16. */
Val neon_products(Cg *g, Val x, Val w, int high);
/* NEON: products of four i16. */
Val neon_words(Cg *g, Val a, Val b);
/* NEON: sdot on i32 vectors that hold s8 quadruples. */
Val neon_sdot(Cg *g, Val acc, Val x, Val w);
/* NEON: n vectors of four i32 (n <= 4) to the first bytes of 16, in order,
 * saturated to `out`. */
Val neon_pack(Cg *g, const Val *v, int n, DType out);
/* The same of the low halves of i32, which are signed, whatever is above. */
Val neon_pack_low(Cg *g, const Val *v, int n, DType out);
/* AVX-512: of 32 words, a's and then b's, those that the low bits of the lanes
 * of `index` say. */
Val x86_choose32(Cg *g, Val a, Val b, Val index);
/* AVX-512BW: of a table of 256 bytes, in four vectors of words, those that the
 * bytes of x say. */
Val x86_look_up_bytes(Cg *g, const Val table[4], Val x);
/* vpdpbusd on i32 vectors that hold u8 (x) and s8 (w) quadruples. */
Val x86_vpdpbusd(Cg *g, Val acc, Val x, Val w);
/* vpdpwssd on i16 pairs. */
Val x86_vpdpwssd(Cg *g, Val acc, Val x, Val w);
/* Cortex-M: two i16 products and an i32 sum. */
Val arm_smlad(Cg *g, Val x, Val w, Val acc);
/* One product of halves: 0 is the low one. */
Val arm_smlaxy(Cg *g, Val x, int x_half, Val w, int w_half, Val acc);
/* Bytes 0 and 2 of a word (shifted right by 8 first when `odd`) as i16. */
Val arm_xtb16(Cg *g, Val word, bool odd, bool is_signed);
/* MVE: four bytes at p, `pitch` apart, as i32 lanes; and back, low bytes. */
Val mve_load_apart(Cg *g, Val p, int64_t pitch, bool is_signed);
void mve_store_apart(Cg *g, Val v, Val p, int64_t pitch);
/* MVE: acc + sum of 16 s8 products. */
Val mve_vmladava(Cg *g, Val acc, Val x, Val w);

#endif
