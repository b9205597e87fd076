/* lut:
 *   for i: out[i] = table[in[i]]             by the stored pattern
 *   for i: out[i] = clamp(in[i] + add, lo, hi)   where that is the same
 *
 * AVX-512 has a table of bytes in four registers and looks up 64 at a time.
 */
#include "codegen/kernels/lut.h"

#include "codegen/kernels/light.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"
#include "codegen/vec.h"
#include "plan/kernels/lut.h"

typedef struct Lut {
  const LutParams *p;
  Val in, out, table;
  DType stored;
} Lut;

static void look_up(Cg *g, void *ctx, Val i, int lanes) {
  const Lut *l = ctx;
  int bytes = l->p->elem_bytes;
  (void)lanes;
  Val x = ll_load(g, g->i8, ll_gep(g, l->in, i), 1);
  Val at = ll_mulc(g, ll_zext(g, x, g->idx), bytes);
  Ty t = bytes == 1 ? g->i8 : bytes == 2 ? g->i16 : g->i32;
  Val y = ll_load(g, t, ll_gep(g, l->table, at), bytes);
  ll_store(g, y, ll_gep(g, l->out, ll_mulc(g, i, bytes)), bytes);
}

enum { LOOKED_UP = 64 };

/* n of the elements from i on. */
static void look_up_part(Cg *g, const Lut *l, const Val table[4], Val i,
                         int64_t n) {
  Ty t = ll_vec(g->i8, LOOKED_UP);
  Val from = ll_gep(g, l->in, i), to = ll_gep(g, l->out, i);
  Val x = n < LOOKED_UP ? ll_load_masked(g, t, from, n, LLVMConstNull(t))
                        : ll_load(g, t, from, 1);
  x = x86_look_up_bytes(g, table, x);
  if (n < LOOKED_UP)
    ll_store_masked(g, x, to, n);
  else
    ll_store(g, x, to, 1);
}

static void look_up_lanes(Cg *g, const Lut *l, int64_t n) {
  Val table[4];
  Ty words = ll_vec(g->i16, LOOKED_UP / 2);
  for (int i = 0; i < 4; i++)
    table[i] =
        ll_load(g, words, ll_gepc(g, l->table, (int64_t)i * LOOKED_UP), 4);
  int64_t whole = n / LOOKED_UP, left = n % LOOKED_UP;
  if (whole) {
    Loop k = loop_begin(g, 0, whole, 1);
    look_up_part(g, l, table, ll_mulc(g, k.i, LOOKED_UP), LOOKED_UP);
    loop_end(g, &k, NULL);
  }
  if (left)
    look_up_part(g, l, table, ll_idx(g, whole * LOOKED_UP), left);
}

static Val clamped(Cg *g, const LutParams *p, Val x) {
  return ll_clampc(g, ll_addc(g, x, p->add), p->lo, p->hi);
}

static Val look_up_value(Cg *g, const Step *s, Val x) {
  const LutParams *p = s->params;
  Val at = ll_zext(g, ll_trunc(g, x, g->i8), g->idx);
  Val y = ll_load(g, g->i8, ll_gep(g, ll_blob(g, p->table), at), 1);
  return ll_extend(g, y, s->out[0]->type->dtype, g->i32);
}

Val lut_value(Cg *g, const Step *s, Val x) {
  const LutParams *p = s->params;
  if (!p->table)
    return clamped(g, p, x);
  if (!ll_lanes(x))
    return look_up_value(g, s, x);
  for (int i = 0; i < ll_lanes(x); i++)
    x = ll_insert(g, x, look_up_value(g, s, ll_extract(g, x, i)), i);
  return x;
}

static void clamp_block(Cg *g, void *ctx, Val i, int lanes) {
  const Lut *l = ctx;
  Val x = vec_load8(g, l->stored, ll_gep(g, l->in, i), lanes);
  vec_store8(g, clamped(g, l->p, x), ll_gep(g, l->out, i));
}

void lower_lut(Cg *g, const Step *s, const StepArgs *a) {
  const LutParams *p = s->params;
  int64_t n = type_count(s->out[0]->type);
  int32_t min = stored_min(s->in[0]);
  Lut l = {p, a->in[0], a->out[0], NULL, s->in[0]->type->dtype};
  if (p->table) {
    l.table = ll_blob(g, p->table);
    if (s->vector_bytes)
      look_up_lanes(g, &l, n);
    else
      for_blocks(g, n, 0, look_up, &l);
  } else if (p->add == 0 && p->lo == min && p->hi == min + 255) {
    int in = buffer_align(g, s->in[0]), out = buffer_align(g, s->out[0]);
    emit_copy(g, l.out, l.in, n, in < out ? in : out, false);
  } else {
    for_blocks(g, n, byte_lanes(g->target), clamp_block, &l);
  }
}
