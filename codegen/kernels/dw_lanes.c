/* dw_lanes: depthwise, channels in vector lanes.
 *
 *   for image, block of channels, y, x (or pixels x all channels):
 *     acc = bias
 *     for group of taps (4 bytes, 2 halfwords or 1):
 *       acc += dot(interleave(source[tap 0], source[tap 1], ..), w)
 *     store(requant(acc))
 *
 * NEON has products of 16 bits, which it sums for a few taps. On x86
 * interleaving makes the taps of one channel neighbours, so that the dot
 * instruction sums over taps. The last block may overlap the one before. */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

enum { MAX_PARTS = 8 };

/* a0 b0 a1 b1 ..: in the order of memory, whatever the width. */
static Val interleave(Cg *g, Val a, Val b) {
  int n = ll_lanes(a), mask[128];
  for (int i = 0; i < n; i++) {
    mask[2 * i] = i;
    mask[2 * i + 1] = n + i;
  }
  return ll_shuffle(g, a, b, mask, 2 * n);
}

static Val load_taps(Cg *g, const ConvParams *c, Val window, int64_t tap) {
  Val p = conv_tap(g, c, window, tap);
  return ll_load(g, ll_vec(g->i8, c->lanes), p, 1);
}

/* Accumulators of a block, and their lanes. */
static int parts(const Cg *g, const ConvParams *c) {
  int n = c->lanes * 4 / g->target->vector_bytes;
  return c->join > 1 ? c->join : n < 1 ? 1 : n;
}

/* acc[i] += dot(x, weights i) for one register of interleaved taps. */
typedef Val (*DotPart)(Cg *g, Val acc, Val x, Val w);

static Val dot_pairs(Cg *g, Val acc, Val x, Val w) {
  Ty pairs = ll_vec(g->i16, 2 * ll_lanes(acc));
  return ll_add(g, acc, x86_pmaddwd(g, x, ll_bitcast(g, w, pairs)));
}

static Val dot_quads(Cg *g, Val acc, Val x, Val w) {
  return x86_vpdpbusd(g, acc, ll_bitcast(g, x, LLVMTypeOf(acc)), w);
}

/* `ones` for the taps of the group that exist, for the sums of inputs. */
static void mac_parts(Cg *g, const ConvParams *c, DotPart dot, const Val *x,
                      Val w, uint32_t ones, Val *acc) {
  int n = parts(g, c), lanes = c->lanes / n;
  for (int i = 0; i < n; i++) {
    Val weights =
        ll_load(g, ll_vec(g->i32, lanes), ll_gepc(g, w, 4LL * i * lanes), 4);
    acc[i] = dot(g, acc[i], x[i], weights);
    if (c->weight_zero)
      acc[n + i] =
          dot(g, acc[n + i], x[i], ll_const_splat(g, g->i32, ones, lanes));
  }
}

/* Four taps: bytes interleaved twice, one vpdpbusd a register. */
static void mac_quads(Cg *g, const ConvParams *c, Val window, Val w,
                      int64_t tap, Val *acc) {
  Val t[4], x[4];
  int64_t taps = c->g.kh * c->g.kw;
  uint32_t ones =
      taps - tap >= 4 ? 0x01010101u : 0x01010101u >> (8 * (4 - (taps - tap)));
  for (int i = 0; i < 4; i++)
    t[i] = load_taps(g, c, window, tap + i);
  if (c->join == 1) {
    x[0] = interleave(g, interleave(g, t[0], t[2]), interleave(g, t[1], t[3]));
    mac_parts(g, c, dot_quads, x, w, ones, acc);
    return;
  }
  for (int high = 0; high < 2; high++) {
    Ty halves = ll_vec(g->i16, c->lanes / 2);
    Val a = ll_bitcast(g, x86_unpack(g, t[0], t[1], high), halves);
    Val b = ll_bitcast(g, x86_unpack(g, t[2], t[3], high), halves);
    x[2 * high] = x86_unpack(g, a, b, false);
    x[2 * high + 1] = x86_unpack(g, a, b, true);
  }
  mac_parts(g, c, dot_quads, x, w, ones, acc);
}

/* Two taps as i16. */
static void mac_pairs(Cg *g, const ConvParams *c, Val window, Val w,
                      int64_t tap, Val *acc) {
  Val a = ll_extend(g, load_taps(g, c, window, tap), c->in_type, g->i16);
  Val b = ll_extend(g, load_taps(g, c, window, tap + 1), c->in_type, g->i16);
  Val x[2];
  if (c->join == 1) {
    x[0] = interleave(g, a, b);
  } else {
    x[0] = x86_unpack(g, a, b, false);
    x[1] = x86_unpack(g, a, b, true);
  }
  mac_parts(g, c, dot_pairs, x, w, 0, acc);
}

/* n lanes of v from lane `first` on. */
static Val lanes_of(Cg *g, Val v, int first, int n) {
  int mask[128];
  if (n == ll_lanes(v))
    return v;
  for (int k = 0; k < n; k++)
    mask[k] = first + k;
  return ll_shuffle(g, v, v, mask, n);
}

static void mac_single(Cg *g, const ConvParams *c, Val window, Val w,
                       int64_t tap, Val *acc) {
  Ty elem = c->weight_bytes == 1 ? g->i8 : g->i16;
  Val x = ll_extend(g, load_taps(g, c, window, tap), c->in_type, g->i16);
  Val weights = ll_load(g, ll_vec(elem, c->lanes), w, 1);
  if (c->weight_bytes == 1)
    weights = ll_sext(g, weights, g->i16);
  int n = parts(g, c), lanes = c->lanes / n;
  for (int i = 0; i < n; i++) {
    Val a = lanes_of(g, x, i * lanes, lanes);
    Val b = lanes_of(g, weights, i * lanes, lanes);
    Val product = c->in_order
                      ? neon_words(g, a, b)
                      : ll_mul(g, ll_sext(g, a, g->i32), ll_sext(g, b, g->i32));
    acc[i] = ll_add(g, acc[i], product);
  }
}

/* All taps on NEON: products of 8 channels in a register, added up where they
 * may get too large for 16 bits. */
static void mac_products(Cg *g, const ConvParams *c, Val window, Val w,
                         Val *acc) {
  Val sum[2] = {NULL, NULL};
  int64_t taps = c->g.kh * c->g.kw;
  for (int64_t tap = 0; tap < taps; tap++) {
    Val x = load_taps(g, c, window, tap);
    Val weights = ll_load(g, LLVMTypeOf(x), ll_gepc(g, w, tap * c->lanes), 1);
    for (int i = 0; i < c->lanes / 8; i++) {
      Val y = neon_products(g, x, weights, i);
      sum[i] = sum[i] ? ll_add(g, sum[i], y) : y;
    }
    if (!(c->added_up >> tap & 1))
      continue;
    for (int i = 0; i < c->lanes / 4; i++) {
      Val part = lanes_of(g, sum[i / 2], i % 2 * 4, 4);
      acc[i] = ll_add(g, acc[i], ll_sext(g, part, g->i32));
    }
    sum[0] = sum[1] = NULL;
  }
}

typedef void (*MacTaps)(Cg *g, const ConvParams *c, Val window, Val w,
                        int64_t tap, Val *acc);

static MacTaps mac_for(int group) {
  return group == 4 ? mac_quads : group == 2 ? mac_pairs : mac_single;
}

/* What one block of channels works with. */
typedef struct Block {
  Val w, bias;
  Val entry; /* its first entry of the tables */
} Block;

/* One window of a block (or several neighbouring pixels of all channels). */
static void block_window(Cg *g, const ConvParams *c, const Block *b, Val window,
                         Val out) {
  int n = parts(g, c), lanes = c->lanes / n;
  int64_t taps = c->g.kh * c->g.kw;
  int64_t group_bytes = (int64_t)c->lanes * c->group * c->weight_bytes;
  Val acc[2 * MAX_PARTS]; /* the sums of inputs behind, where needed */
  for (int i = 0; i < n; i++) {
    acc[i] = ll_load(g, ll_vec(g->i32, lanes),
                     ll_gepc(g, b->bias, 4LL * i * lanes), 4);
    acc[n + i] = LLVMConstNull(LLVMTypeOf(acc[i]));
  }
  if (c->added_up)
    mac_products(g, c, window, b->w, acc);
  for (int64_t tap = 0; !c->added_up && tap < taps; tap += c->group)
    mac_for(c->group)(g, c, window,
                      ll_gepc(g, b->w, tap / c->group * group_bytes), tap, acc);
  for (int i = 0; c->weight_zero && i < n; i++)
    acc[i] = conv_take_zero(g, c, acc[i], acc[n + i]);
  for (int i = 0; i < n; i += c->join) {
    int64_t at = (int64_t)i * lanes;
    conv_store_joined(g, c, acc + i, ll_addc(g, b->entry, at),
                      ll_gepc(g, out, at), (int64_t)c->join * lanes);
  }
}

static void block_windows(Cg *g, const ConvParams *c, const ConvImage *im,
                          Val block, Val first) {
  int64_t groups = (c->g.kh * c->g.kw + c->group - 1) / c->group;
  int64_t bytes = groups * c->lanes * c->group * c->weight_bytes;
  Block b = {.entry = ll_mulc(g, block, c->lanes)};
  b.w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, block, bytes));
  b.bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, b.entry, 4));
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow, c->pixels);
  Val window = ll_gep(g, conv_window(g, c, im->src, y.i, x.at), first);
  Val out = ll_gep(g, conv_output(g, c, im->out, y.i, x.at), first);
  block_window(g, c, &b, window, out);
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

void lower_dw_lanes(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  ConvImage im = conv_image_begin(g, c, a);
  if (c->pixels > 1) {
    block_windows(g, c, &im, ll_idx(g, 0), ll_idx(g, 0));
  } else {
    Tiles b = tiles_begin(g, c->g.oc, c->lanes);
    block_windows(g, c, &im, b.loop.i, b.at);
    tiles_end(g, &b);
  }
  conv_image_end(g, &im);
}
