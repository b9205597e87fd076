/* conv_lanes: outputs in vector lanes, pixels x vectors accumulators in
 * registers, inputs broadcast from (staged) NHWC, weights packed in the
 * order of use.
 *
 *   for image, for block of outputs (its weights unpacked, where they are
 *   packed, or widened), for y, for tile of pixels:
 *     acc[p][v] = bias[v]
 *     for run of the window, for k in run by group:
 *       for v: w = weights(v)
 *       for p: x = broadcast(source[p][k .. k + group))
 *         for v: acc[p][v] += dot(x, w[v])
 *     for p, for v: store(requant(acc[p][v]))
 *
 * Where all weights fit the cache as words, blocks go innermost, and so do
 * inputs that need no copy but to be widened.
 *
 * Where the instruction can pick them out of a register, inputs of several
 * groups are loaded at once; one that takes two pixels has half of two outputs'
 * sums of each in a vector, which part at the end. */
#include "codegen/kernels/ahead.h"
#include "codegen/kernels/band.h"
#include "codegen/kernels/packed.h"
#include "codegen/lower.h"
#include "codegen/real.h"
#include "codegen/targets/dot.h"

#include <assert.h>

enum { MAX_VECTORS = 16, MAX_PIXELS = 16, UNROLL_MACS = 112 };

typedef struct Tile {
  const ConvParams *c;
  const DotOps *dot;
  Val w;            /* the block's weights */
  Val strip;        /* room for them, where they are packed or widened */
  Val block;        /* its number, and ... */
  Val first;        /* ... its first channel */
  Val zeros;        /* sums: the tile's zero points at run time, or NULL */
  int64_t channels; /* of the block that exist */
  int live;         /* vectors of it that have products; LLVM leaves those of
                       nothing out as well, but where others wait for them */
  int nacc;         /* pixels * vectors, then a sum a pixel if needed */
  Ahead next;       /* the next block's weights, which are asked for ... */
  Val ahead;        /* ... from here on in this tile; NULL: are not */
} Tile;

static int acc_at(const ConvParams *c, int pixel, int vector) {
  return pixel * c->vectors + vector;
}

static int sum_at(const ConvParams *c, int pixel) {
  return c->pixels * c->vectors + pixel;
}

/* Bytes of a weight as the loops read it. */
static int64_t weight_bytes(const ConvParams *c) { return c->widens ? 2 : 1; }

/* n groups of inputs of pixel p: on x86 LLVM would load those of all pixels
 * first, and spill them. */
static Val pixel_inputs(Cg *g, const Tile *t, Val *src, int p, int n,
                        const Val *acc) {
  const ConvParams *c = t->c;
  int before = p ? p - 1 : c->pixels - 1;
  if (g->target->arch == ARCH_x86_64 && p % conv_inputs_ahead(g, c) == 0)
    *src = ll_after(g, *src, &acc[acc_at(c, before, 0)], 1);
  return t->dot->inputs(g, c, ll_gepc(g, *src, p * conv_step_bytes(c)), n);
}

static void mac_at(Cg *g, const Tile *t, int at, Val x, Val w, Val *acc) {
  acc[at] = t->dot->mac(g, t->c, acc[at], x, w);
}

/* One group of k for pixel p. */
static void mac_pixel(Cg *g, const Tile *t, int p, Val x, const Val *weights,
                      int valid, Val *acc) {
  const ConvParams *c = t->c;
  for (int v = 0; v < c->vectors; v++)
    mac_at(g, t, acc_at(c, p, v), x, weights[v], acc);
  if (c->weight_zero)
    mac_at(g, t, sum_at(c, p), x, t->dot->ones(g, c, valid), acc);
}

/* What mac_groups does, of instructions that take two pixels: vectors in turn,
 * each loaded when the products of the one before the last are on their way,
 * and inputs when those of all of the groups before are. For there are more
 * of them than registers, and LLVM would load them all first. */
static void mac_pairs(Cg *g, const Tile *t, Val src, Val w, int n, int valid,
                      Val *acc) {
  const ConvParams *c = t->c;
  int64_t vector_bytes = (int64_t)c->lanes * c->group / 2;
  int live = t->live;
  Val x[MAX_PIXELS], pair[MAX_PIXELS];
  src = ll_after(g, src, &acc[acc_at(c, 0, live - 1)], 1);
  for (int p = 0; p < c->pixels; p++)
    x[p] = t->dot->inputs(g, c, ll_gepc(g, src, p * conv_step_bytes(c)), n);
  for (int i = 0; i < n; i++) {
    for (int p = 0; p < c->pixels; p += 2)
      pair[p] = t->dot->pick(g, x[p], x[p + 1], i);
    for (int v = 0; v < live; v++) {
      w = ll_after(g, w, &acc[acc_at(c, 0, (v + 2 * live - 2) % live)], 1);
      Val weights = ll_gepc(g, w, 2 * (i * c->vectors + v) * vector_bytes);
      for (int row = 0; row < 2; row++) {
        Val wr = t->dot->weights(g, c, ll_gepc(g, weights, row * vector_bytes));
        for (int p = 0; p < c->pixels; p += 2)
          mac_at(g, t, acc_at(c, p + row, v), pair[p], wr, acc);
      }
    }
    for (int p = 0; c->weight_zero && p < c->pixels; p += 2)
      mac_at(g, t, sum_at(c, p), pair[p], t->dot->ones(g, c, valid), acc);
  }
}

/* n groups of k, loaded together, for the whole tile; `valid` of each group
 * exist. */
static void mac_groups(Cg *g, const Tile *t, Val src, Val w, int n, int valid,
                       Val *acc) {
  const ConvParams *c = t->c;
  if (t->dot->rows > 1) {
    mac_pairs(g, t, src, w, n, valid, acc);
    return;
  }
  int64_t vector_bytes = (int64_t)c->lanes * c->group * weight_bytes(c);
  Val x[MAX_PIXELS], weights[MAX_VECTORS];
  for (int i = 0; i < n; i++) {
    for (int v = 0; v < c->vectors; v++)
      weights[v] = t->dot->weights(
          g, c, ll_gepc(g, w, (i * c->vectors + v) * vector_bytes));
    for (int p = 0; p < c->pixels; p++) {
      if (i == 0)
        x[p] = pixel_inputs(g, t, &src, p, n, acc);
      Val now = t->dot->pick ? t->dot->pick(g, x[p], x[p], i) : x[p];
      mac_pixel(g, t, p, now, weights, valid, acc);
    }
  }
}

/* Accumulators, and with them where to ask ahead. */
static int carried(const Tile *t) { return t->nacc + (t->ahead != NULL); }

/* Of the loop over `turns` loads of inputs. */
static int unroll_for(const Cg *g, const Tile *t, int64_t turns) {
  int macs = t->c->pixels * t->live * t->dot->wide;
  int64_t most = UNROLL_MACS / macs;
  if (g->for_size || most < 1)
    most = 1;
  return (int)largest_divisor(turns, most);
}

/* What is left of a run's groups behind those that are loaded `wide` at a
 * time, and of its inputs behind those; acc is updated. */
static void mac_rest(Cg *g, const Tile *t, Val src, Val w, int64_t done,
                     Val *acc) {
  const ConvParams *c = t->c;
  int64_t x_step = (int64_t)c->group * c->stage.elem_bytes;
  int64_t w_step = (int64_t)c->vectors * c->lanes * c->group * weight_bytes(c);
  int64_t whole = c->run / c->group;
  for (int part = t->dot->wide / 2; part; part /= 2)
    if (whole - done >= part) {
      mac_groups(g, t, ll_gepc(g, src, done * x_step),
                 ll_gepc(g, w, done * w_step), part, c->group, acc);
      done += part;
    }
  int64_t last = whole * x_step;
  if (c->last_back)
    last = (c->run - c->group) * c->stage.elem_bytes;
  if (c->run % c->group)
    mac_groups(g, t, ll_gepc(g, src, last), ll_gepc(g, w, whole * w_step), 1,
               (int)(c->run % c->group), acc);
}

/* All of one run; acc is updated. */
static void mac_run(Cg *g, const Tile *t, Val src, Val w, Val *acc) {
  const ConvParams *c = t->c;
  int wide = t->dot->wide;
  int64_t x_step = (int64_t)c->group * c->stage.elem_bytes * wide;
  int64_t w_step =
      (int64_t)c->vectors * c->lanes * c->group * wide * weight_bytes(c);
  int64_t turns = c->run / c->group / wide;
  if (turns) {
    int unroll = unroll_for(g, t, turns), n = carried(t);
    Loop k = loop_begin_carry(g, 0, turns, unroll, n, acc);
    Val next[NEST_MAX_CARRY];
    for (int i = 0; i < n; i++)
      next[i] = k.carry[i];
    if (t->ahead)
      next[t->nacc] = ahead_ask(g, t->next.turn, next[t->nacc]);
    Val x = ll_gep(g, src, ll_mulc(g, k.i, x_step));
    Val wk = ll_gep(g, w, ll_mulc(g, k.i, w_step));
    for (int u = 0; u < unroll; u++)
      mac_groups(g, t, ll_gepc(g, x, u * x_step), ll_gepc(g, wk, u * w_step),
                 wide, c->group, next);
    loop_end(g, &k, next);
    for (int i = 0; i < n; i++)
      acc[i] = k.carry[i];
  }
  mac_rest(g, t, src, w, turns * wide, acc);
}

/* The i-th half of biases for two pixels, in the order of their lanes. */
static Val pair_bias(Cg *g, Val b, int i) {
  int at = 2 * i;
  return ll_shuffle(g, b, b, (int[]){at, at + 1, at, at + 1}, 4);
}

/* From two outputs of two pixels to four of one. */
static void part_pixels(Cg *g, const ConvParams *c, Val *acc) {
  for (int p = 0; p < c->pixels; p += 2) {
    for (int v = 0; v < c->vectors; v++) {
      Val *a = &acc[acc_at(c, p, v)], *b = &acc[acc_at(c, p + 1, v)];
      Val low = ll_shuffle(g, *a, *b, (int[]){0, 1, 4, 5}, 4);
      *b = ll_shuffle(g, *a, *b, (int[]){2, 3, 6, 7}, 4);
      *a = low;
    }
    if (!c->weight_zero)
      continue;
    Val *sum = &acc[sum_at(c, p)];
    sum[1] = ll_shuffle(g, *sum, *sum, (int[]){2, 2, 2, 2}, 4);
    sum[0] = ll_shuffle(g, *sum, *sum, (int[]){0, 0, 0, 0}, 4);
  }
}

static void init_tile(Cg *g, const Tile *t, Val *acc) {
  const ConvParams *c = t->c;
  Ty vec = ll_vec(g->i32, c->lanes);
  Val bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, t->first, 4));
  for (int v = 0; v < c->vectors; v++) {
    Val b = ll_load(g, vec, ll_gepc(g, bias, 4LL * v * c->lanes), 4);
    for (int p = 0; p < c->pixels; p++)
      acc[acc_at(c, p, v)] = t->dot->rows > 1 ? pair_bias(g, b, p % 2) : b;
  }
  for (int i = c->pixels * c->vectors; i < t->nacc; i++)
    acc[i] = LLVMConstNull(vec);
}

static void store_sums(Cg *g, const Tile *t, Val out, const Val *acc) {
  const ConvParams *c = t->c;
  for (int v = 0; v < c->vectors; v++)
    for (int p = 0; p < c->pixels; p++) {
      int64_t at = (int64_t)v * c->lanes;
      if (t->channels <= at)
        return;
      Val sum = acc[acc_at(c, p, v)];
      if (c->weight_zero)
        sum = conv_take_zero(g, c, sum, acc[sum_at(c, p)]);
      sum = conv_take_input_zero(g, c, sum, ll_addc(g, t->first, at), t->zeros,
                                 p);
      real_store(g, sum, ll_gepc(g, out, (p * c->g.oc + at) * 4),
                 t->channels - at);
    }
}

/* The joined vectors from v on of pixel p, at acc. */
static void final_sums(Cg *g, const Tile *t, const Val *all, int p, int v,
                       Val *acc) {
  const ConvParams *c = t->c;
  for (int i = 0; i < c->join; i++) {
    acc[i] = all[acc_at(c, p, v + i)];
    if (c->weight_zero)
      acc[i] = conv_take_zero(g, c, acc[i], all[sum_at(c, p)]);
  }
}

/* Adds one to the sums of all pixels that are one of a vector's patches
 * (plan/requant_bits.c), which few vectors have. */
static void patch_tile(Cg *g, const Tile *t, Val *acc) {
  const ConvParams *c = t->c;
  Val at = ll_gep(g, ll_blob(g, c->rt.list_at),
                  ll_mulc(g, t->block, 4LL * c->vectors));
  Val column[MAX_PIXELS], bits = ll_blob(g, c->rt.list);
  Val one = vec_one(g, c->lanes);
  for (int v = 0; v < c->vectors; v++) {
    Val from = ll_load(g, g->i32, ll_gepc(g, at, 4LL * v), 4);
    Val to = ll_load(g, g->i32, ll_gepc(g, at, 4LL * (v + 1)), 4);
    for (int p = 0; p < c->pixels; p++)
      column[p] = acc[acc_at(c, p, v)];
    Loop l = loop_begin_between(g, ll_zext(g, from, g->idx),
                                ll_zext(g, to, g->idx), 1, c->pixels, column);
    Val patch = ll_load(g, ll_vec(g->i32, c->lanes),
                        ll_gep(g, bits, ll_mulc(g, l.i, 4LL * c->lanes)), 4);
    for (int p = 0; p < c->pixels; p++)
      column[p] = vec_patch(g, l.carry[p], patch, one);
    loop_end(g, &l, column);
    for (int p = 0; p < c->pixels; p++)
      acc[acc_at(c, p, v)] = l.carry[p];
  }
}

static void store_tile(Cg *g, const Tile *t, Val out, const Val *all) {
  const ConvParams *c = t->c;
  out = ll_gep(g, out, ll_mulc(g, t->first, c->out_bytes));
  if (c->sums) {
    store_sums(g, t, out, all);
    return;
  }
  int together = conv_pixels_together(g, c);
  for (int v = 0; v < c->vectors; v += c->join) {
    int64_t at = (int64_t)v * c->lanes, n = t->channels - at;
    Val acc[4], entry = ll_addc(g, t->first, at);
    int p = 0;
    for (; n > 0 && p + together <= c->pixels && together > 1; p += together) {
      for (int i = 0; i < together; i++)
        final_sums(g, t, all, p + i, v, acc + i * c->join);
      conv_store_together(g, c, acc, entry, ll_gepc(g, out, p * c->g.oc + at),
                          n);
    }
    for (; n > 0 && p < c->pixels; p++) {
      final_sums(g, t, all, p, v, acc);
      conv_store_joined(g, c, acc, entry, ll_gepc(g, out, p * c->g.oc + at), n);
    }
  }
}

/* Rows of a window in a turn of the loop over them: several where runs are
 * short, on NEON, whose loops have fewer products to hide their own work. */
static int rows_at_once(const Cg *g, const Tile *t) {
  const ConvParams *c = t->c;
  int64_t macs = c->pixels * c->vectors * (c->run_padded / c->group);
  if (!t->dot->pick || c->taps_w > 1 || g->for_size)
    return 1;
  return (int)largest_divisor(c->taps_h, UNROLL_MACS / macs);
}

/* A window of rows that are one run each; acc is updated. */
static void mac_rows(Cg *g, const Tile *t, Val src, int at_once, Val *acc) {
  const ConvParams *c = t->c;
  int n = carried(t);
  int64_t x_step = c->g.dh * c->pitch * c->stage.elem_bytes;
  int64_t w_step = c->run_padded * c->vectors * c->lanes * weight_bytes(c);
  Loop rows = loop_begin_carry(g, 0, c->taps_h, at_once, n, acc);
  for (int i = 0; i < n; i++)
    acc[i] = rows.carry[i];
  Val x = ll_gep(g, src, ll_mulc(g, rows.i, x_step));
  Val w = ll_gep(g, t->w, ll_mulc(g, rows.i, w_step));
  for (int u = 0; u < at_once; u++)
    mac_run(g, t, ll_gepc(g, x, u * x_step), ll_gepc(g, w, u * w_step), acc);
  loop_end(g, &rows, acc);
  for (int i = 0; i < n; i++)
    acc[i] = rows.carry[i];
}

/* Any window. */
static void mac_window(Cg *g, const Tile *t, Val src, Val *acc) {
  const ConvParams *c = t->c;
  int64_t run_bytes = c->run_padded * c->vectors * c->lanes * weight_bytes(c);
  Runs r = runs_begin(g, c, src, t->w, run_bytes, carried(t), acc);
  for (int i = 0; i < carried(t); i++)
    acc[i] = r.cols.carry[i];
  mac_run(g, t, r.src, r.w, acc);
  runs_end(g, &r, acc);
  for (int i = 0; i < carried(t); i++)
    acc[i] = r.rows.carry[i];
}

static void whole_tile(Cg *g, const Tile *t, Val src, Val out) {
  const ConvParams *c = t->c;
  Val acc[NEST_MAX_CARRY];
  init_tile(g, t, acc);
  if (g->target->arch == ARCH_x86_64)
    src = ll_hide(g, src); /* else broadcasts become wide loads + permutes */
  acc[t->nacc] = t->ahead;
  int at_once = rows_at_once(g, t);
  if (at_once > 1)
    mac_rows(g, t, src, at_once, acc);
  else
    mac_window(g, t, src, acc);
  if (t->dot->rows > 1)
    part_pixels(g, c, acc);
  if (c->rt.list)
    patch_tile(g, t, acc);
  store_tile(g, t, out, acc);
}

/* All pixels for one block of outputs. */
static void block_pixels(Cg *g, const Tile *all, const ConvImage *im) {
  Tile tile = *all, *t = &tile;
  const ConvParams *c = t->c;
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow, c->pixels);
  if (all->zeros)
    tile.zeros = ll_gep(g, all->zeros, ll_mulc(g, x.at, c->zero_step));
  if (t->next.next)
    tile.ahead =
        ahead_tile(g, &t->next,
                   ll_add(g, ll_mulc(g, y.i, conv_tiles_across(c)), x.loop.i));
  whole_tile(g, t, conv_window(g, c, im->src, y.i, x.at),
             conv_output(g, c, im->out, y.i, x.at));
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

/* The block's `bytes` of weights are stored at `block`. Bands of rows would
 * ask anew for each. */
static void ask_ahead(Cg *g, Tile *t, Val block, int64_t bytes) {
  const ConvParams *c = t->c;
  t->next = (Ahead){0};
  if (g->step->front || c->packed.form)
    return;
  int64_t loads = c->run / c->group / t->dot->wide;
  int64_t turn = (int64_t)c->vectors * c->lanes * c->group * t->dot->wide *
                 unroll_for(g, t, loads);
  if (bytes >= turn)
    t->next = ahead_begin(g, block, bytes, c->g.oh * conv_tiles_across(c),
                          bytes / turn);
}

/* n stored bytes at `from` become words at `to`, `lanes` at a time, which
 * divide n. */
static void widen(Cg *g, DType stored, Val from, int64_t n, int64_t lanes,
                  Val to) {
  Loop l = loop_begin(g, 0, n, lanes);
  Val v = ll_load(g, ll_vec(g->i8, (int)lanes), ll_gep(g, from, l.i), 1);
  ll_store(g, ll_extend(g, v, stored, g->i16),
           ll_gep(g, to, ll_mulc(g, l.i, 2)), 2);
  loop_end(g, &l, NULL);
}

/* `bytes` of weights at `from` become words in the strip. */
static void widen_block(Cg *g, const Tile *t, Val from, int64_t bytes) {
  int64_t lanes = largest_divisor(bytes, g->target->vector_bytes / 2);
  widen(g, DT_i8, from, bytes, lanes, t->strip);
}

static int live_vectors(const Tile *t) {
  const ConvParams *c = t->c;
  int64_t n = (t->channels + c->lanes - 1) / c->lanes;
  return t->dot->rows > 1 && n < c->vectors ? (int)n : c->vectors;
}

/* Outputs of a block. */
static int64_t block_outputs(const ConvParams *c) {
  return (int64_t)c->vectors * c->lanes;
}

/* The tile is one of `block`, of whose channels so many exist. */
static void enter_block(Cg *g, Tile *t, Val block, int64_t channels) {
  t->block = block;
  t->first = ll_mulc(g, block, block_outputs(t->c));
  t->channels = channels;
  t->live = live_vectors(t);
}

static void blocks(Cg *g, Tile *t, const ConvImage *im, int64_t from,
                   int64_t to, int64_t channels) {
  const ConvParams *c = t->c;
  if (from >= to)
    return;
  int64_t bytes = conv_block_weights(c);
  Loop b = loop_begin_part(g, SPLIT_blocks, from, to, 1, 1);
  if (c->packed.form) {
    unpack_block(g, &c->packed, b.i, t->strip);
    t->w = t->strip;
  } else {
    t->w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, b.i, bytes));
  }
  Val stored = t->w;
  if (c->widens) {
    widen_block(g, t, stored, bytes);
    t->w = t->strip;
  }
  enter_block(g, t, b.i, channels);
  ask_ahead(g, t, stored, bytes);
  block_pixels(g, t, im);
  loop_end(g, &b, NULL);
}

/* The inputs of the tile from pixel x on, as words at `to`. */
static Val tile_words(Cg *g, const Tile *t, Val src, Val x, Val to) {
  const ConvParams *c = t->c;
  enum { LANES = 16 };
  Val from = ll_gep(g, src, ll_mulc(g, x, c->pixel));
  widen(g, c->in_type, from, c->pixels * c->pixel, LANES, to);
  return to;
}

/* Some blocks of the tile at (y, x), all weights being in the strip. */
static void tile_blocks(Cg *g, Tile *t, Val src, Val out, int64_t from,
                        int64_t to, int64_t channels) {
  const ConvParams *c = t->c;
  if (from >= to)
    return;
  Loop b = loop_begin(g, from, to, 1);
  t->w = ll_gep(g, t->strip,
                ll_mulc(g, b.i, conv_block_weights(c) * weight_bytes(c)));
  enter_block(g, t, b.i, channels);
  whole_tile(g, t, src, out);
  loop_end(g, &b, NULL);
}

static void pixels_first(Cg *g, Tile *t, const ConvImage *im) {
  const ConvParams *c = t->c;
  int64_t nout = block_outputs(c), whole = c->g.oc / nout;
  int64_t bytes = conv_block_weights(c) * c->blocks;
  widen_block(g, t, ll_blob(g, c->w), bytes);
  Loop y = loop_begin_part(g, SPLIT_rows, 0, c->g.oh, 1, 1);
  Tiles x = tiles_begin_part(g, SPLIT_tiles, c->g.ow, c->pixels);
  Val src = c->tile_words ? tile_words(g, t, im->src, x.at,
                                       ll_gepc(g, t->strip, 2 * bytes))
                          : conv_window(g, c, im->src, y.i, x.at);
  Val out = conv_output(g, c, im->out, y.i, x.at);
  tile_blocks(g, t, src, out, 0, whole, nout);
  tile_blocks(g, t, src, out, whole, c->blocks, c->g.oc - whole * nout);
  tiles_end(g, &x);
  loop_end(g, &y, NULL);
}

static void all_blocks(Cg *g, Tile *t, const ConvImage *im) {
  const ConvParams *c = t->c;
  int64_t nout = block_outputs(c), whole = c->g.oc / nout;
  if (c->pixels_first) {
    pixels_first(g, t, im);
    return;
  }
  blocks(g, t, im, 0, whole, nout);
  blocks(g, t, im, whole, c->blocks, c->g.oc - whole * nout);
}

void lower_conv_lanes(Cg *g, const Step *s, const StepArgs *a) {
  const ConvParams *c = s->params;
  Tile t = {.c = c, .dot = dot_ops(c->dot)};
  t.nacc = c->pixels * (c->vectors + (c->weight_zero != 0));
  t.zeros = c->weight_sums ? a->in[c->zero_operand] : NULL;
  assert(t.nacc <= NEST_MAX_CARRY && c->vectors <= MAX_VECTORS);
  if (s->front) {
    Bands b = bands_begin(g, s, a);
    all_blocks(g, &t, &b.im);
    bands_end(g, &b);
    return;
  }
  t.strip = conv_scratch(g, c, a);
  ConvImage im = conv_image_begin(g, c, a);
  all_blocks(g, &t, &im);
  conv_image_end(g, &im);
}
