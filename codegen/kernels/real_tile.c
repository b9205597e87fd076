/* See real_tile.h. */
#include "codegen/kernels/real_tile.h"

#include <assert.h>

#include "codegen/kernels/ahead.h"
#include "codegen/kernels/conv.h"
#include "codegen/kernels/tail.h"
#include "codegen/plain.h"
#include "codegen/real.h"

enum { UNROLL_MACS = 112, UNROLL_MOST = 8 };

static int64_t vector_bytes(const RealTile *t) {
  return (int64_t)t->bytes * (t->lanes ? t->lanes : 1);
}

static Ty vector_type(const RealTile *t) { return ll_vec(t->elem, t->lanes); }

/* One k. */
static void step(Cg *g, const RealTile *t, Val x, Val w, Val *acc) {
  Val weights[REAL_TILE_MAX];
  int64_t vector = plain_bytes(t->w_type) * (t->lanes ? t->lanes : 1);
  for (int v = 0; v < t->vectors; v++)
    weights[v] = plain_load(g, t->w_type, ll_gepc(g, w, v * vector), t->lanes);
  for (int p = 0; p < t->pixels; p++) {
    Val in = ll_load(g, t->elem, ll_gepc(g, x, p * t->x_pixel), t->bytes);
    in = ll_splat(g, in, t->lanes);
    for (int v = 0; v < t->vectors; v++) {
      Val *a = &acc[p * t->vectors + v];
      *a = real_fma(g, in, weights[v], *a);
    }
  }
}

static int unroll_for(const Cg *g, const RealTile *t, int64_t run) {
  int most = UNROLL_MACS / (t->pixels * t->vectors);
  if (most > UNROLL_MOST)
    most = UNROLL_MOST;
  return g->for_size || most < 1 ? 1 : (int)largest_divisor(run, most);
}

int64_t real_tile_turns(const Cg *g, const RealTile *t, int64_t run) {
  return run / unroll_for(g, t, run);
}

int real_tile_carried(const RealTile *t) {
  return t->pixels * t->vectors + (t->ask != 0);
}

void real_tile_run(Cg *g, const RealTile *t, Val x, Val w, int64_t run,
                   Val *acc) {
  int n = real_tile_carried(t), unroll = unroll_for(g, t, run);
  assert(n <= REAL_TILE_MAX);
  Loop k = loop_begin_carry(g, 0, run, unroll, n, acc);
  Val next[REAL_TILE_MAX];
  for (int i = 0; i < n; i++)
    next[i] = k.carry[i];
  if (t->ask)
    next[n - 1] = ahead_ask(g, t->ask, next[n - 1]);
  x = ll_gep(g, x, ll_mulc(g, k.i, t->x_k));
  w = ll_gep(g, w, ll_mulc(g, k.i, t->w_k));
  for (int u = 0; u < unroll; u++)
    step(g, t, ll_gepc(g, x, u * t->x_k), ll_gepc(g, w, u * t->w_k), next);
  loop_end(g, &k, next);
  for (int i = 0; i < n; i++)
    acc[i] = k.carry[i];
}

void real_tile_start(Cg *g, const RealTile *t, Val bias, Val *acc) {
  for (int v = 0; v < t->vectors; v++) {
    Val b = ll_load(g, vector_type(t), ll_gepc(g, bias, v * vector_bytes(t)),
                    t->bytes);
    for (int p = 0; p < t->pixels; p++)
      acc[p * t->vectors + v] = b;
  }
}

void real_tile_store(Cg *g, const RealTile *t, Act act, Val out,
                     int64_t out_pixel, int64_t n, const Val *acc) {
  int lanes = t->lanes ? t->lanes : 1;
  DType stored = g->step->out[0]->type->dtype;
  int64_t vector = lanes * plain_bytes(stored);
  for (int v = 0; v < t->vectors && n > (int64_t)v * lanes; v++)
    for (int p = 0; p < t->pixels; p++) {
      Val y = real_act(g, act, acc[p * t->vectors + v]);
      Val to = ll_gepc(g, out, p * out_pixel + v * vector);
      int64_t left = n - (int64_t)v * lanes;
      tail_apply(
          g, &y,
          &(TailAt){.p = to, .n = left < lanes ? left : lanes, .join = 1});
      real_store(g, plain_narrow(g, stored, y), to, left);
    }
}
