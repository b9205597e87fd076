/* Bytes, zero points and results of direct_int and matmul_int: sums.h. */
#include "codegen/kernels/sums.h"

#include "codegen/plain.h"
#include "codegen/vec.h"

Val sums_byte(Cg *g, DType t, Val p, int lanes, Val zero) {
  Val x = vec_load8(g, t, p, lanes);
  return zero ? ll_sub(g, x, ll_splat(g, zero, lanes)) : x;
}

Val sums_zero(Cg *g, const Step *s, int i, Val p, Val at, int32_t constant) {
  if (i >= s->op->nin || !s->in[i])
    return constant ? ll_i32(g, constant) : NULL;
  const Type *t = s->in[i]->type;
  return vec_load8(g, t->dtype, type_count(t) == 1 ? p : ll_gep(g, p, at), 0);
}

void sums_store(Cg *g, const Step *s, const SumEnds *e, Val acc, Val channel,
                Val to) {
  if (e->requantizes)
    vec_store8(g, vec_requant(g, &e->rq, &e->rt, acc, channel), to);
  else
    plain_store(g, s->out[0]->type->dtype, acc, to);
}
