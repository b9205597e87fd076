/* See ahead.h. */
#include "codegen/kernels/ahead.h"

/* A network with fewer bytes of constants keeps them in a core's caches; so
 * few bytes a turn are not worth an instruction. */
enum { FAR_WEIGHTS = 1 << 20, LEAST_TURN = 4, MOST_TURN = 512, LINE = 64 };

static int64_t constant_bytes(const Plan *p) {
  int64_t sum = 0;
  for (int i = 0; i < p->blobs.n; i++)
    sum += p->blobs.v[i]->bytes;
  return sum;
}

Ahead ahead_begin(Cg *g, Val block, int64_t bytes, int64_t tiles,
                  int64_t turns) {
  int64_t turn = (bytes + tiles * turns - 1) / (tiles * turns);
  Ahead a = {.turn = turn, .tile = turn * turns};
  if (g->target->asks_ahead && tiles > 1 && turn >= LEAST_TURN &&
      turn <= MOST_TURN && constant_bytes(g->plan) >= FAR_WEIGHTS)
    a.next = ll_gepc(g, block, bytes);
  return a;
}

Val ahead_tile(Cg *g, const Ahead *a, Val tile) {
  return ll_gep(g, a->next, ll_mulc(g, tile, a->tile));
}

Val ahead_ask(Cg *g, int64_t turn, Val at) {
  for (int64_t i = 0; i < turn; i += LINE) {
    Val args[] = {ll_gepc(g, at, i), ll_i32(g, 0), ll_i32(g, 2), ll_i32(g, 1)};
    ll_intrinsic(g, "llvm.prefetch", &g->ptr, 1, args, 4);
  }
  return ll_gepc(g, at, turn);
}
