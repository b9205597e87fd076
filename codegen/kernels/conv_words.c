/* conv_words: the loop nest is in plan/kernels/conv_words.h. What a vector
 * does with a group of k, by the dot:
 *
 *   scalar    acc += x * w
 *   smlad     two words of inputs, two of weights: bytes 0 and 2, then 1 and
 *             3, of one word
 *   vmladava  eight inputs times eight weights, into one sum
 *   widen     x in every lane times w, sign-extended; LLVM makes smlal of it
 *   pmaddwd   a pair of inputs in every lane times the lane's pair
 */
#include "plan/kernels/conv_words.h"

#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"
#include "codegen/word_step.h"

#include <assert.h>
#include <string.h>

enum { MAX_SUMS = 32, MAX_VECTORS = 16, UNROLL_MACS = 64 };

typedef struct Tile {
  const WordsParams *p;
  const ConvParams *c;
  Val src;          /* the group of channels in the first pixel */
  Val w;            /* the block's weights */
  Val first;        /* its first channel */
  int64_t channels; /* of the block that exist */
} Tile;

static int sums(const ConvParams *c) { return c->pixels * c->vectors; }

/* ---- products ---- */

static int64_t group_bytes(const ConvParams *c) {
  return (int64_t)c->group * c->stage.elem_bytes;
}

static int64_t vector_bytes(const ConvParams *c) {
  return (int64_t)c->lanes * c->group * c->weight_bytes;
}

static Val pair_of(Cg *g, Val word, int lanes) {
  return ll_bitcast(g, ll_splat(g, word, lanes), ll_vec(g->i16, 2 * lanes));
}

/* What is multiplied at once: a group, or of smlad's four k a half. */
static int parts_of(const Tile *t) {
  return t->p->dot == WORD_DOT_smlad ? 2 : 1;
}

/* Part i of a group of inputs at p. */
static Val inputs(Cg *g, const Tile *t, Val p, int i) {
  int lanes = t->c->lanes;
  switch (t->p->dot) {
  case WORD_DOT_smlad:
    return ll_load(g, g->i32, ll_gepc(g, p, 4 * i), 2);
  case WORD_DOT_pmaddwd:
  case WORD_DOT_vpdpwssd:
    return pair_of(g, ll_load(g, g->i32, p, 2), lanes);
  case WORD_DOT_widen:
    return ll_splat(g, ll_load(g, g->i16, p, 2), lanes);
  case WORD_DOT_vmladava:
    return ll_load(g, ll_vec(g->i16, t->c->group), p, 2);
  case WORD_DOT_scalar:
    break;
  }
  return ll_sext(g, ll_load(g, g->i16, p, 2), g->i32);
}

/* n weights from p on, as i16. */
static Val weights16(Cg *g, const Tile *t, Val p, int n) {
  int bytes = t->c->weight_bytes;
  Val w = ll_load(g, ll_vec(bytes == 1 ? g->i8 : g->i16, n), p, bytes);
  return bytes == 1 ? ll_sext(g, w, g->i16) : w;
}

/* A group of a vector's weights; of smlad's a word, or their place. */
static Val group_weights(Cg *g, const Tile *t, Val p) {
  int lanes = t->c->lanes;
  switch (t->p->dot) {
  case WORD_DOT_smlad:
    return t->c->weight_bytes == 1 ? ll_load(g, g->i32, p, 4) : p;
  case WORD_DOT_pmaddwd:
  case WORD_DOT_vpdpwssd:
    return weights16(g, t, p, 2 * lanes);
  case WORD_DOT_widen:
    return weights16(g, t, p, lanes);
  case WORD_DOT_vmladava:
    return weights16(g, t, p, t->c->group);
  case WORD_DOT_scalar:
    break;
  }
  return ll_sext(g, weights16(g, t, p, 0), g->i32);
}

/* Part i of what group_weights gave. */
static Val part_weights(Cg *g, const Tile *t, Val w, int i) {
  if (t->p->dot != WORD_DOT_smlad)
    return w;
  return t->c->weight_bytes == 1 ? arm_xtb16(g, w, i, true)
                                 : ll_load(g, g->i32, ll_gepc(g, w, 4 * i), 4);
}

static Val mac(Cg *g, const Tile *t, Val acc, Val x, Val w) {
  switch (t->p->dot) {
  case WORD_DOT_smlad:
    return arm_smlad(g, x, w, acc);
  case WORD_DOT_vmladava:
    return mve_vmladava(g, acc, x, w);
  case WORD_DOT_vpdpwssd:
    return x86_vpdpwssd(g, acc, x, w);
  case WORD_DOT_pmaddwd:
    return ll_add(g, acc, x86_pmaddwd(g, x, w));
  case WORD_DOT_widen:
    return ll_add(g, acc,
                  ll_mul(g, ll_sext(g, x, g->i32), ll_sext(g, w, g->i32)));
  case WORD_DOT_scalar:
    break;
  }
  return ll_add(g, acc, ll_mul(g, x, w));
}

/* One group of k for the whole tile. */
static void mac_group(Cg *g, const Tile *t, Val src, Val w, Val *acc) {
  const ConvParams *c = t->c;
  Val group[MAX_VECTORS], part[MAX_VECTORS];
  for (int v = 0; v < c->vectors; v++)
    group[v] = group_weights(g, t, ll_gepc(g, w, v * vector_bytes(c)));
  for (int i = 0; i < parts_of(t); i++) {
    for (int v = 0; v < c->vectors; v++)
      part[v] = part_weights(g, t, group[v], i);
    for (int p = 0; p < c->pixels; p++) {
      Val x = inputs(g, t, ll_gepc(g, src, p * conv_step_bytes(c)), i);
      for (int v = 0; v < c->vectors; v++) {
        Val *a = &acc[p * c->vectors + v];
        *a = mac(g, t, *a, x, part[v]);
      }
    }
  }
}

/* ---- runs ---- */

/* Where the code is: inputs and weights of the next group. */
typedef struct At {
  Val x, w;
} At;

static At moved(Cg *g, const Tile *t, At at, Val groups) {
  int64_t w_step = t->c->vectors * vector_bytes(t->c);
  return (At){ll_gep(g, at.x, ll_mulc(g, groups, group_bytes(t->c))),
              ll_gep(g, at.w, ll_mulc(g, groups, w_step))};
}

static int64_t unroll_for(const Cg *g, const ConvParams *c, int64_t groups) {
  int64_t most = g->for_size ? 1 : UNROLL_MACS / sums(c) / c->group;
  return largest_divisor(groups, most);
}

/* n groups from `at` on, straight. */
static void mac_straight(Cg *g, const Tile *t, At at, int64_t n, Val *acc) {
  for (int64_t u = 0; u < n; u++) {
    At one = moved(g, t, at, ll_idx(g, u));
    mac_group(g, t, one.x, one.w, acc);
  }
}

/* The same in a loop whose registers are the sums and two addresses that
 * move: scalar cores have none for a counter. */
static void mac_moving(Cg *g, const Tile *t, At at, int64_t n, Val *acc) {
  int count = sums(t->c);
  int64_t unroll = unroll_for(g, t->c, n);
  Val end = moved(g, t, at, ll_idx(g, n)).x, carry[2 + MAX_SUMS];
  carry[0] = ll_hide(g, at.x);
  carry[1] = ll_hide(g, at.w);
  memcpy(carry + 2, acc, (size_t)count * sizeof *acc);
  Loop k = loop_begin_carry(g, 0, n, unroll, 2 + count, carry);
  memcpy(carry, k.carry, sizeof carry);
  at = (At){carry[0], carry[1]};
  mac_straight(g, t, at, unroll, carry + 2);
  at = moved(g, t, at, ll_idx(g, unroll));
  carry[0] = ll_hide(g, at.x);
  carry[1] = ll_hide(g, at.w);
  loop_end_while(g, &k, carry, ll_icmp(g, LLVMIntNE, carry[0], end));
  memcpy(acc, k.carry + 2, (size_t)count * sizeof *acc);
}

/* n whole groups into acc, of 32 bits. */
static void mac_groups(Cg *g, const Tile *t, At at, int64_t n, Val *acc) {
  if (!n)
    return;
  if (t->c->lanes == 1) {
    mac_moving(g, t, at, n, acc);
    return;
  }
  int64_t unroll = unroll_for(g, t->c, n);
  Val next[MAX_SUMS];
  Loop k = loop_begin_carry(g, 0, n, unroll, sums(t->c), acc);
  memcpy(next, k.carry, sizeof next);
  mac_straight(g, t, moved(g, t, at, k.i), unroll, next);
  loop_end(g, &k, next);
  memcpy(acc, k.carry, (size_t)sums(t->c) * sizeof *acc);
}

/* What is left of a run behind its whole groups. */
static void mac_rest(Cg *g, const Tile *t, At at, Val *acc) {
  const ConvParams *c = t->c;
  if (c->run % c->group == 0)
    return;
  At end = moved(g, t, at, ll_idx(g, c->run / c->group));
  if (c->last_back)
    end.x = ll_gepc(g, at.x, (c->run - c->group) * c->stage.elem_bytes);
  mac_group(g, t, end.x, end.w, acc);
}

static Ty sum_type(Cg *g, const Tile *t, bool wide) {
  Ty one = wide ? g->i64 : g->i32;
  return t->c->lanes > 1 ? ll_vec(one, t->c->lanes) : one;
}

static void clear(Cg *g, const Tile *t, Val *acc) {
  for (int i = 0; i < sums(t->c); i++)
    acc[i] = LLVMConstNull(sum_type(g, t, false));
}

static void add_wide(Cg *g, const Tile *t, Val *total, const Val *acc) {
  for (int i = 0; i < sums(t->c); i++)
    total[i] = ll_add(g, total[i], ll_sext(g, acc[i], g->i64));
}

/* A run whose sums are taken over to 64 bits chunk by chunk. */
static void wide_run(Cg *g, const Tile *t, At at, Val *total) {
  const ConvParams *c = t->c;
  int64_t groups = c->run / c->group, chunk = t->p->chunk / c->group;
  int64_t whole = (groups - 1) / chunk * chunk;
  Val acc[MAX_SUMS];
  if (groups && whole) {
    Loop k = loop_begin_carry(g, 0, whole, chunk, sums(c), total);
    clear(g, t, acc);
    mac_groups(g, t, moved(g, t, at, k.i), chunk, acc);
    add_wide(g, t, k.carry, acc);
    Val next[MAX_SUMS];
    for (int i = 0; i < sums(c); i++)
      next[i] = k.carry[i];
    loop_end(g, &k, next);
    for (int i = 0; i < sums(c); i++)
      total[i] = k.carry[i];
  }
  clear(g, t, acc);
  mac_groups(g, t, moved(g, t, at, ll_idx(g, whole)), groups - whole, acc);
  add_wide(g, t, total, acc);
  if (c->run % c->group) {
    clear(g, t, acc);
    mac_rest(g, t, at, acc);
    add_wide(g, t, total, acc);
  }
}

static void one_run(Cg *g, const Tile *t, At at, Val *acc) {
  if (t->p->wide) {
    wide_run(g, t, at, acc);
    return;
  }
  mac_groups(g, t, at, t->c->run / t->c->group, acc);
  mac_rest(g, t, at, acc);
}

/* ---- tiles ---- */

static void load_biases(Cg *g, const Tile *t, Val *acc) {
  const ConvParams *c = t->c;
  int width = t->p->wide ? 8 : 4;
  Val bias = ll_gep(g, ll_blob(g, t->p->bias), ll_mulc(g, t->first, width));
  for (int v = 0; v < c->vectors; v++) {
    Val at = ll_gepc(g, bias, (int64_t)width * v * c->lanes);
    Val b = ll_load(g, sum_type(g, t, t->p->wide), at, 4);
    for (int p = 0; p < c->pixels; p++)
      acc[p * c->vectors + v] = b;
  }
}

static void store_tile(Cg *g, const Tile *t, Val out, const Val *acc) {
  const ConvParams *c = t->c;
  out = ll_gep(g, out, ll_mulc(g, t->first, c->out_bytes));
  for (int v = 0; v < c->vectors; v++) {
    int64_t at = (int64_t)v * c->lanes, n = t->channels - at;
    Val channel = ll_addc(g, t->first, at);
    for (int p = 0; p < c->pixels && n > 0; p++) {
      Val y = emit_word_step(g, &t->p->step, acc[p * c->vectors + v], channel);
      word_store_some(g, c->out_type, y,
                      ll_gepc(g, out, (p * c->g.oc + at) * c->out_bytes), n);
    }
  }
}

static void whole_tile(Cg *g, const Tile *t, Val src, Val out) {
  const ConvParams *c = t->c;
  Val acc[MAX_SUMS];
  load_biases(g, t, acc);
  if (g->target->arch == ARCH_x86_64)
    src = ll_hide(g, src); /* else broadcasts become wide loads + permutes */
  int64_t run_bytes = c->run_padded / c->group * c->vectors * vector_bytes(c);
  Runs r = runs_begin(g, c, src, t->w, run_bytes, sums(c), acc);
  for (int i = 0; i < sums(c); i++)
    acc[i] = r.cols.carry[i];
  one_run(g, t, (At){r.src, r.w}, acc);
  runs_end(g, &r, acc);
  store_tile(g, t, out, r.rows.carry);
}

static void all_pixels(Cg *g, const Tile *t, Val out) {
  const ConvParams *c = t->c;
  Loop y = loop_begin(g, 0, c->g.oh, 1);
  Tiles x = tiles_begin(g, c->g.ow, c->pixels);
  whole_tile(g, t, conv_window(g, c, t->src, y.i, x.at),
             conv_output(g, c, out, y.i, x.at));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

/* Blocks from..to - 1 of a group of channels whose first output is `first`
 * and whose weights begin at w; `channels` of each exist. */
static void blocks(Cg *g, Tile *t, Val first, Val w, Val out, int64_t from,
                   int64_t to, int64_t channels) {
  const ConvParams *c = t->c;
  if (from >= to)
    return;
  int64_t bytes = c->taps_h * c->taps_w * c->run_padded / c->group *
                  c->vectors * vector_bytes(c);
  Loop b = loop_begin(g, from, to, 1);
  t->w = ll_gep(g, w, ll_mulc(g, b.i, bytes));
  t->first = ll_add(g, first, ll_mulc(g, b.i, (int64_t)c->vectors * c->lanes));
  t->channels = channels;
  all_pixels(g, t, out);
  loop_end(g, &b, NULL);
}

void lower_conv_words(Cg *g, const Step *s, const StepArgs *a) {
  const WordsParams *p = s->params;
  const ConvParams *c = &p->c;
  assert(sums(c) <= MAX_SUMS && c->vectors <= MAX_VECTORS);
  int64_t outputs = c->g.oc / c->g.groups;
  int64_t a_block = (int64_t)c->vectors * c->lanes, whole = outputs / a_block;
  int64_t bytes = c->blocks * c->taps_h * c->taps_w * c->run_padded * a_block *
                  c->weight_bytes;
  Tile t = {.p = p, .c = c};
  ConvImage im = conv_image_begin(g, c, a);
  Loop group = loop_begin(g, 0, c->g.groups, 1);
  int64_t depth = c->g.ic / c->g.groups * c->stage.elem_bytes;
  t.src = ll_gep(g, im.src, ll_mulc(g, group.i, depth));
  Val w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, group.i, bytes));
  Val first = ll_mulc(g, group.i, outputs);
  blocks(g, &t, first, w, im.out, 0, whole, a_block);
  blocks(g, &t, first, w, im.out, whole, c->blocks, outputs - whole * a_block);
  loop_end(g, &group, NULL);
  conv_image_end(g, &im);
}
