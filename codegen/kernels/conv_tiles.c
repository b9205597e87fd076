/* conv_tiles: pixels x outputs in tiles of AMX, 2 x 2 of them at a time. Sums
 * go through one of two buffers, so that those of a turn are requantized
 * while the dots of the next, which are issued first, are under way.
 *
 *   for image, for block of 32 outputs, for turn of two tiles of pixels, and
 *   one turn more:
 *     but in the last:
 *       T[i][v] = bias[v]
 *       for run of the window, for chunk of 64 bytes of k:
 *         B[0], A[0]: T[0][0] += A[0] B[0]; B[1]: T[0][1] += A[0] B[1]
 *         A[1]: T[1][0] += A[1] B[0]; T[1][1] += A[1] B[1]
 *       buffer[turn % 2] = T
 *     but in the first:
 *       for i, for pixel: store(requant(buffer[(turn - 1) % 2]))
 */
#include "codegen/kernels/conv.h"
#include "codegen/lower.h"
#include "codegen/targets/amx.h"

enum { PIXELS_UNROLLED = 4 };

typedef struct Tiled {
  const TileParams *q;
  Amx amx;
  Val buffers;
  Val w, bias;      /* the block's */
  Val first;        /* its first channel */
  int64_t channels; /* of it that exist */
  const ConvImage *im;
} Tiled;

/* Row and column of the first pixel of tile i of a turn; an odd last one is
 * done twice. */
typedef struct Spot {
  Val y, x;
} Spot;

static Val at_most(Cg *g, Val a, int64_t most) {
  return ll_intrinsic(g, "llvm.umin", &g->idx, 1, (Val[]){a, ll_idx(g, most)},
                      2);
}

static Spot place_of(Cg *g, const TileParams *q, Val turn, int i) {
  Val tile = ll_addc(g, ll_mulc(g, turn, q->images), i);
  if (q->tiles % q->images)
    tile = at_most(g, tile, q->tiles - 1);
  Val across = ll_idx(g, q->across);
  Val y = LLVMBuildUDiv(g->b, tile, across, "");
  Val x = ll_mulc(g, LLVMBuildURem(g->b, tile, across, ""), q->c.pixels);
  if (q->c.g.ow % q->c.pixels)
    x = at_most(g, x, q->c.g.ow - q->c.pixels);
  return (Spot){y, x};
}

static Val buffer_of(Cg *g, const Tiled *t, Val turn) {
  Val odd = ll_and(g, turn, ll_idx(g, 1));
  return ll_gep(g, t->buffers, ll_mulc(g, odd, tile_buffer_bytes(t->q)));
}

static int sums_at(int image, int vector) {
  return TILE_SUMS + 2 * image + vector;
}

/* Inputs at src, of a second image `apart` bytes from there. */
static void dots(Cg *g, const Tiled *t, Val src, Val apart, Val w) {
  const TileParams *q = t->q;
  int64_t pitch = conv_step_bytes(&q->c), tile = q->chunk * q->c.lanes;
  for (int i = 0; i < q->images; i++)
    for (int v = 0; v < q->c.vectors; v++) {
      if (i == 0)
        amx_load(g, &t->amx, TILE_WEIGHTS + v, ll_gepc(g, w, v * tile), 64);
      if (v == 0)
        amx_load(g, &t->amx, TILE_INPUTS + i, i ? ll_gep(g, src, apart) : src,
                 pitch);
      amx_dot(g, &t->amx, sums_at(i, v), TILE_INPUTS + i, TILE_WEIGHTS + v);
    }
}

static void all_dots(Cg *g, const Tiled *t, Val src, Val apart) {
  const TileParams *q = t->q;
  const ConvParams *c = &q->c;
  int64_t step = q->chunk * c->lanes * c->vectors;
  Runs r = runs_begin(g, c, src, t->w, q->chunks * step, 0, NULL);
  Loop k = loop_begin(g, 0, q->chunks, 1);
  Val at = ll_mulc(g, k.i, q->chunk);
  if (c->run % q->chunk)
    at = at_most(g, at, c->run - q->chunk);
  dots(g, t, ll_gep(g, r.src, at), apart,
       ll_gep(g, r.w, ll_mulc(g, k.i, step)));
  loop_end(g, &k, NULL);
  runs_end(g, &r, NULL);
}

static void compute(Cg *g, const Tiled *t, Val turn) {
  const TileParams *q = t->q;
  const ConvParams *c = &q->c;
  Val src[2] = {NULL, NULL}, apart = NULL, buffer = buffer_of(g, t, turn);
  for (int i = 0; i < q->images; i++) {
    Spot at = place_of(g, q, turn, i);
    src[i] = conv_window(g, c, t->im->src, at.y, at.x);
    for (int v = 0; v < c->vectors; v++)
      amx_load(g, &t->amx, sums_at(i, v), ll_gepc(g, t->bias, 64LL * v), 0);
  }
  if (q->images > 1)
    apart = ll_sub(g, LLVMBuildPtrToInt(g->b, src[1], g->idx, ""),
                   LLVMBuildPtrToInt(g->b, src[0], g->idx, ""));
  all_dots(g, t, src[0], apart);
  for (int i = 0; i < q->images; i++)
    for (int v = 0; v < c->vectors; v++)
      amx_store(g, &t->amx, sums_at(i, v),
                ll_gepc(g, buffer, 64LL * (i * c->pixels * c->vectors + v)),
                64LL * c->vectors);
}

/* n pixels, whose sums are at `from`. */
static void store_pixels(Cg *g, const Tiled *t, Val from, Val out, int n) {
  const ConvParams *c = &t->q->c;
  int together = conv_pixels_together(g, c), p = 0;
  Ty vec = ll_vec(g->i32, c->lanes);
  while (p < n) {
    int k = p + together <= n ? together : 1;
    Val acc[4], to = ll_gepc(g, out, p * c->g.oc);
    for (int i = 0; i < k * c->vectors; i++)
      acc[i] =
          ll_load(g, vec, ll_gepc(g, from, 64LL * (p * c->vectors + i)), 16);
    if (k > 1)
      conv_store_together(g, c, acc, t->first, to, t->channels);
    else
      conv_store_joined(g, c, acc, t->first, to, t->channels);
    p += k;
  }
}

static void store_tile(Cg *g, const Tiled *t, Val from, Val out) {
  const ConvParams *c = &t->q->c;
  int unroll = g->for_size ? 1 : PIXELS_UNROLLED, whole = c->pixels / unroll;
  int64_t from_step = 64LL * unroll * c->vectors, out_step = unroll * c->g.oc;
  if (whole) {
    Loop p = loop_begin(g, 0, whole, 1);
    store_pixels(g, t, ll_gep(g, from, ll_mulc(g, p.i, from_step)),
                 ll_gep(g, out, ll_mulc(g, p.i, out_step)), unroll);
    loop_end(g, &p, NULL);
  }
  store_pixels(g, t, ll_gepc(g, from, whole * from_step),
               ll_gepc(g, out, whole * out_step), c->pixels % unroll);
}

static void store(Cg *g, const Tiled *t, Val turn) {
  const TileParams *q = t->q;
  Val buffer = buffer_of(g, t, turn);
  for (int i = 0; i < q->images; i++) {
    Spot at = place_of(g, q, turn, i);
    Val out = conv_output(g, &q->c, t->im->out, at.y, at.x);
    store_tile(g, t, ll_gepc(g, buffer, 64LL * i * q->c.pixels * q->c.vectors),
               ll_gep(g, out, t->first));
  }
}

/* if (turn `is` n) { .. }; returns the block behind, which the caller ends
 * the body with. */
static LLVMBasicBlockRef if_begin(Cg *g, Val a, Val b) {
  LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "if");
  LLVMBasicBlockRef on = LLVMAppendBasicBlockInContext(g->ctx, g->fn, "on");
  LLVMBuildCondBr(g->b, ll_icmp(g, LLVMIntNE, a, b), body, on);
  LLVMPositionBuilderAtEnd(g->b, body);
  return on;
}

static void if_end(Cg *g, LLVMBasicBlockRef on) {
  LLVMBuildBr(g->b, on);
  LLVMPositionBuilderAtEnd(g->b, on);
}

static void block(Cg *g, const Tiled *t) {
  const TileParams *q = t->q;
  bool part = g->args->axis == SPLIT_tiles;
  Val first = part ? g->args->first : ll_idx(g, 0);
  Val last =
      part ? g->args->last : ll_idx(g, (q->tiles + q->images - 1) / q->images);
  Loop turn = loop_begin_between(g, first, ll_addc(g, last, 1), 1, 0, NULL);
  LLVMBasicBlockRef on = if_begin(g, turn.i, last);
  compute(g, t, turn.i);
  if_end(g, on);
  on = if_begin(g, turn.i, first);
  store(g, t, ll_addc(g, turn.i, -1));
  if_end(g, on);
  loop_end(g, &turn, NULL);
}

static void blocks(Cg *g, Tiled *t, int64_t from, int64_t to,
                   int64_t channels) {
  const ConvParams *c = &t->q->c;
  if (from >= to)
    return;
  int64_t nout = (int64_t)c->vectors * c->lanes;
  int64_t bytes = c->taps_h * c->taps_w * t->q->chunks * t->q->chunk * nout;
  Loop b = loop_begin_part(g, SPLIT_blocks, from, to, 1, 1);
  t->w = ll_gep(g, ll_blob(g, c->w), ll_mulc(g, b.i, bytes));
  t->bias = ll_gep(g, ll_blob(g, c->bias), ll_mulc(g, b.i, 4 * nout));
  t->first = ll_mulc(g, b.i, nout);
  t->channels = channels;
  block(g, t);
  loop_end(g, &b, NULL);
}

void lower_conv_tiles(Cg *g, const Step *s, const StepArgs *a) {
  const TileParams *q = s->params;
  const ConvParams *c = &q->c;
  int64_t nout = (int64_t)c->vectors * c->lanes, whole = c->g.oc / nout;
  Tiled t = {.q = q, .amx = {.q = q}, .buffers = conv_scratch(g, c, a)};
  t.amx.emulated = ll_gepc(g, t.buffers, 2 * tile_buffer_bytes(q));
  amx_configure(g, &t.amx);
  ConvImage im = conv_image_begin(g, c, a);
  t.im = &im;
  blocks(g, &t, 0, whole, nout);
  blocks(g, &t, whole, c->blocks, c->g.oc - whole * nout);
  conv_image_end(g, &im);
  amx_release(g);
}
