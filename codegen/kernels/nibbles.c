/* nibbles: cast from or to 4 bits, two elements a byte, the first one in the
 * low half.
 *
 *   for i in steps of 2: y[i] | y[i + 1] << 4 = cast x[i], cast x[i + 1]
 *   an odd element at the end alone
 *
 * They are computed as LLVM's i4. */
#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/plain.h"

typedef struct Nibbles {
  DType from, to;
  bool saturate;
  Val in, out;
  int n; /* elements of a turn: 1 or 2 */
} Nibbles;

static bool is_nibble(DType t) { return dtype_bits(t) == 4; }

/* Element i + k, i even and k 0 or 1. */
static Val load(Cg *g, const Nibbles *s, Val i, int k) {
  if (!is_nibble(s->from)) {
    Val at = ll_mulc(g, ll_addc(g, i, k), plain_bytes(s->from));
    return plain_load(g, s->from, ll_gep(g, s->in, at), 0);
  }
  Val both = ll_load(g, g->i8, ll_gep(g, s->in, ll_lshrc(g, i, 1)), 1);
  return ll_trunc(g, ll_lshrc(g, both, 4 * k), plain_type(g, s->from));
}

static void turn(Cg *g, const Nibbles *s, Val i) {
  Val byte = ll_i8(g, 0);
  for (int k = 0; k < s->n; k++) {
    Val y = plain_cast(g, s->from, s->to, s->saturate, load(g, s, i, k));
    Val at = ll_mulc(g, ll_addc(g, i, k), dtype_bits(s->to) / 8);
    if (is_nibble(s->to))
      byte = ll_or(g, byte, ll_shlc(g, ll_zext(g, y, g->i8), 4 * k));
    else
      plain_store(g, s->to, y, ll_gep(g, s->out, at));
  }
  if (is_nibble(s->to))
    ll_store(g, byte, ll_gep(g, s->out, ll_lshrc(g, i, 1)), 1);
}

void lower_nibbles(Cg *g, const Step *step, const StepArgs *a) {
  int64_t count = type_count(step->out[0]->type), even = count / 2 * 2;
  Nibbles s = {.from = step->in[0]->type->dtype,
               .to = step->out[0]->type->dtype,
               .saturate = step->op->attrs.cast.saturate,
               .in = a->in[0],
               .out = a->out[0],
               .n = 2};
  if (g->target->flushes)
    function_stays_scalar(g->ctx, g->fn);
  if (even) {
    Loop l = loop_begin(g, 0, even, 2);
    turn(g, &s, l.i);
    loop_end(g, &l, NULL);
  }
  s.n = 1;
  if (even < count)
    turn(g, &s, ll_idx(g, even));
}
