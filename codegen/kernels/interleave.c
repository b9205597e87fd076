/* Interleaving as pairs of rows first, then as pairs of those. */
#include "codegen/kernels/interleave.h"

#include "codegen/targets/dot.h"

/* Of vectors of 8 bytes, which are half a register. */
static Val interleave_halves(Cg *g, Val a, Val b) {
  int mask[16];
  for (int i = 0; i < 16; i++)
    mask[i] = i / 2 + i % 2 * 8;
  return ll_shuffle(g, a, b, mask, 16);
}

/* Two rows, as i16; the low or the high half of each 16 columns. */
static Val interleave_two(Cg *g, Val a, Val b, bool high) {
  int n = ll_lanes(a);
  Val v = n == 8 ? interleave_halves(g, a, b) : x86_unpack(g, a, b, high);
  return ll_bitcast(g, v, ll_vec(g->i16, ll_lanes(v) / 2));
}

void interleave_rows(Cg *g, const Val row[4], Val out[4]) {
  int halves = ll_lanes(row[0]) == 8 ? 1 : 2;
  for (int high = 0; high < halves; high++) {
    Val a = interleave_two(g, row[0], row[1], high);
    Val b = interleave_two(g, row[2], row[3], high);
    Ty words = ll_vec(g->i32, ll_lanes(a) / 2);
    for (int i = 0; i < 2; i++)
      out[2 * high + i] = ll_bitcast(g, x86_unpack(g, a, b, i), words);
  }
}
