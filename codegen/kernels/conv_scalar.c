/* conv_scalar: one multiply at a time, for any target.
 *
 *   for image, y, x, group:
 *     window = the group's inputs, gathered
 *     for output o of the group:
 *       acc = bias[o]
 *       for k of the window: acc += window[k] * w[o][k]   (or along its list)
 *       store(requant(acc))
 */
#include <string.h>

#include "codegen/kernels/patch.h"
#include "codegen/kernels/sparse.h"
#include "codegen/lower.h"

static Val load_weight(Cg *g, const ConvParams *c, Val w, Val index) {
  Ty t = c->weight_bytes == 1 ? g->i8 : g->i16;
  Val p = ll_gep(g, w, ll_mulc(g, index, c->weight_bytes));
  return ll_sext(g, ll_load(g, t, p, c->weight_bytes), g->i32);
}

static Val load_input(Cg *g, const ConvParams *c, Val src, Val index) {
  return ll_extend(g, ll_load(g, g->i8, ll_gep(g, src, index), 1), c->in_type,
                   g->i32);
}

static Val load_bias(Cg *g, const ConvParams *c, Val channel) {
  Val p = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, channel, 4));
  return ll_load(g, g->i32, p, 4);
}

/* What an output pixel is made of: window, output, sums' zero point, and
 * whether it is the first of a maximum. */
typedef struct Pixel {
  Val src, out, zero, begins;
} Pixel;

static void store_output(Cg *g, const ConvParams *c, const Pixel *p,
                         Val channel, Val acc) {
  if (c->sums) {
    acc = conv_take_input_zero(g, c, acc, channel, p->zero, 0);
    ll_store(g, acc, ll_gep(g, p->out, ll_mulc(g, channel, 4)), 4);
    return;
  }
  conv_store(g, c, acc, channel, ll_gep(g, p->out, channel), p->begins);
}

/* A window's elements of one group, side by side. */
static int64_t window_bytes(const ConvParams *c) {
  return c->taps_h * c->taps_w * c->run;
}

/* All outputs along their lists: group.i, o.i go up one by one. */
static SparseAt listed_output(Cg *g, const ConvParams *c, const Pixel *p,
                              Val channel, SparseAt at) {
  SparseWindow x = {p->src, 1, c->in_type};
  Val acc = load_bias(g, c, channel);
  sparse_dot(g, &c->sparse, &x, &at, &acc);
  store_output(g, c, p, channel, acc);
  return at;
}

/* Its weights at `w`. */
static void one_output(Cg *g, const ConvParams *c, const Pixel *p, Val channel,
                       Val w) {
  int64_t n = window_bytes(c);
  Val acc = load_bias(g, c, channel);
  Loop k = loop_begin_carry(g, 0, n, 1, 1, &acc);
  Val x = load_input(g, c, p->src, k.i);
  acc = ll_add(g, k.carry[0], ll_mul(g, x, load_weight(g, c, w, k.i)));
  loop_end(g, &k, &acc);
  store_output(g, c, p, channel, k.carry[0]);
}

static void gather(Cg *g, const ConvParams *c, const PatchTiles *t, Val to,
                   Val fill, Val first) {
  Val none = ll_i32(g, 0);
  PatchRuns r = patch_runs_begin(g, c, c->run, &none);
  to = ll_gep(g, to, r.to);
  Val from = patch_run(g, c, t, &r, 0, to, fill, first);
  Loop k = loop_begin(g, 0, c->run, 1);
  Val x = ll_load(g, g->i8, ll_gep(g, from, k.i), 1);
  ll_store(g, x, ll_gep(g, to, k.i), 1);
  loop_end(g, &k, NULL);
  patch_runs_end(g, &r, &none);
}

/* The padding's value: that of the input's zero point, wherever it stands. */
static Val padding(Cg *g, const ConvParams *c, const StepArgs *a) {
  if (c->zero_operand < 0 || c->zero_step)
    return ll_i8(g, c->in_zero);
  return ll_load(g, g->i8, a->in[c->zero_operand], 1);
}

/* Group by group: a group reads its own channels. */
void lower_conv_scalar(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  int64_t per_group = c->pass / c->g.groups;
  int64_t row = window_bytes(c) * c->weight_bytes;
  int64_t room = c->patched ? (window_bytes(c) + 1) / 2 * 2 : 0;
  Pass pass = pass_begin(g, c, a->scratch, room);
  Val fill = padding(g, c, a);
  PatchTiles t = patch_tiles_begin(g, c, a);
  Pixel p = {.src = a->scratch, .out = t.out[0], .begins = t.begins[0]};
  if (c->weight_sums)
    p.zero =
        ll_gep(g, a->in[c->zero_operand], ll_mulc(g, t.col[0], c->zero_step));
  SparseAt at = {{NULL}};
  int pointers = c->sparse.counts ? SPARSE_POINTERS : 0;
  if (pointers)
    at = sparse_begin(g, &c->sparse);
  Loop group = loop_begin_carry(g, 0, c->g.groups, 1, pointers, at.p);
  Val first = ll_mulc(g, group.i, c->g.ic / c->g.groups);
  if (c->patched)
    gather(g, c, &t, a->scratch, fill, first);
  else
    p.src = ll_gep(g, t.image, first);
  Loop o = loop_begin_carry(g, 0, per_group, 1, pointers, group.carry);
  Val of_pass = ll_add(g, ll_mulc(g, group.i, per_group), o.i);
  Val channel = ll_add(g, pass.first, of_pass);
  if (pointers) {
    memcpy(at.p, o.carry, sizeof at.p);
    at = listed_output(g, c, &p, channel, at);
  } else {
    one_output(g, c, &p, channel, ll_gep(g, pass.w, ll_mulc(g, of_pass, row)));
  }
  loop_end_while(g, &o, at.p, pass_more(g, c, &pass, o.i, 1));
  loop_end(g, &group, o.carry);
  patch_tiles_end(g, &t);
  pass_end(g, &pass);
}
