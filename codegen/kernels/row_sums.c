/* See row_sums.h. */
#include "codegen/kernels/row_sums.h"

#include "codegen/nest.h"
#include "codegen/vec.h"

/* sum + the square's columns, one after another. */
static Val add_square(Cg *g, Val at, int64_t pitch, Val sum) {
  int lanes = ll_lanes(sum);
  Val v[VEC_SQUARE];
  for (int r = 0; r < lanes; r++)
    v[r] = ll_load(g, LLVMTypeOf(sum), ll_gepc(g, at, r * pitch), 4);
  vec_transpose(g, v, lanes);
  for (int i = 0; i < lanes; i++)
    sum = LLVMBuildFAdd(g->b, sum, v[i], "");
  return sum;
}

static Val add_column(Cg *g, Val at, int64_t pitch, Val sum) {
  Val x = LLVMConstNull(LLVMTypeOf(sum));
  for (int r = 0; r < ll_lanes(sum); r++)
    x = ll_insert(g, x, ll_load(g, g->f32, ll_gepc(g, at, r * pitch), 4), r);
  return LLVMBuildFAdd(g->b, sum, x, "");
}

Val row_sums(Cg *g, Val rows, int64_t pitch, int64_t n, int lanes) {
  Val sum = LLVMConstNull(ll_vec(g->f32, lanes));
  int64_t whole = n / lanes;
  if (whole) {
    Loop l = loop_begin_carry(g, 0, whole, 1, 1, &sum);
    Val at = ll_gep(g, rows, ll_mulc(g, l.i, 4LL * lanes));
    Val next = add_square(g, at, pitch, l.carry[0]);
    loop_end(g, &l, &next);
    sum = l.carry[0];
  }
  for (int64_t i = whole * lanes; i < n; i++)
    sum = add_column(g, ll_gepc(g, rows, 4 * i), pitch, sum);
  return sum;
}
