/* See amx.h. */
#include "codegen/targets/amx.h"

#include "codegen/nest.h"
#include "codegen/targets/dot.h"

static bool is_emulated(const Cg *g) {
  return g->target->tiles == TILES_emulated;
}

static Val tile_at(Cg *g, const Amx *x, int tile) {
  return ll_gepc(g, x->emulated, (int64_t)tile * TILE_BYTES);
}

static int rows_of(const Amx *x, int tile) {
  return tile >= TILE_WEIGHTS ? (int)x->q->chunk / 4 : x->q->c.pixels;
}

static int row_bytes(const Amx *x, int tile) {
  return tile >= TILE_INPUTS && tile < TILE_WEIGHTS ? (int)x->q->chunk : 64;
}

/* for row: for word: to = from */
static void copy_rows(Cg *g, const Amx *x, int tile, Val to, int64_t to_pitch,
                      Val from, int64_t from_pitch) {
  Loop r = loop_begin(g, 0, rows_of(x, tile), 1);
  to = ll_gep(g, to, ll_mulc(g, r.i, to_pitch));
  from = ll_gep(g, from, ll_mulc(g, r.i, from_pitch));
  for (int b = 0; b < row_bytes(x, tile); b += 4)
    ll_store(g, ll_load(g, g->i32, ll_gepc(g, from, b), 1), ll_gepc(g, to, b),
             1);
  loop_end(g, &r, NULL);
}

/* for row: for quadruple of k: 16 sums += dot */
static void emulate_dot(Cg *g, const Amx *x, int sums, int inputs,
                        int weights) {
  Ty vec = ll_vec(g->i32, 16);
  Loop r = loop_begin(g, 0, rows_of(x, sums), 1);
  Val at = ll_gep(g, tile_at(g, x, sums), ll_mulc(g, r.i, 64));
  Val in = ll_gep(g, tile_at(g, x, inputs), ll_mulc(g, r.i, 64));
  Val acc = ll_load(g, vec, at, 1);
  Loop k = loop_begin_carry(g, 0, rows_of(x, weights), 1, 1, &acc);
  Val a = ll_load(g, g->i32, ll_gep(g, in, ll_mulc(g, k.i, 4)), 1);
  Val w = ll_gep(g, tile_at(g, x, weights), ll_mulc(g, k.i, 64));
  acc = x86_vpdpbusd(g, k.carry[0], ll_splat(g, a, 16), ll_load(g, vec, w, 1));
  loop_end(g, &k, &acc);
  ll_store(g, k.carry[0], at, 1);
  loop_end(g, &r, NULL);
}

void amx_configure(Cg *g, const Amx *x) {
  Val config = ll_blob(g, x->q->config);
  if (!is_emulated(g))
    ll_intrinsic(g, "llvm.x86.ldtilecfg", NULL, 0, &config, 1);
}

void amx_load(Cg *g, const Amx *x, int tile, Val p, int64_t pitch) {
  Val args[] = {ll_i8(g, tile), p, ll_i64(g, pitch)};
  if (is_emulated(g))
    copy_rows(g, x, tile, tile_at(g, x, tile), 64, p, pitch);
  else
    ll_intrinsic(g, "llvm.x86.tileloadd64", NULL, 0, args, 3);
}

void amx_store(Cg *g, const Amx *x, int tile, Val p, int64_t pitch) {
  Val args[] = {ll_i8(g, tile), p, ll_i64(g, pitch)};
  if (is_emulated(g))
    copy_rows(g, x, tile, p, pitch, tile_at(g, x, tile), 64);
  else
    ll_intrinsic(g, "llvm.x86.tilestored64", NULL, 0, args, 3);
}

void amx_dot(Cg *g, const Amx *x, int sums, int inputs, int weights) {
  Val args[] = {ll_i8(g, sums), ll_i8(g, inputs), ll_i8(g, weights)};
  if (is_emulated(g))
    emulate_dot(g, x, sums, inputs, weights);
  else
    ll_intrinsic(g, "llvm.x86.tdpbusd", NULL, 0, args, 3);
}

void amx_release(Cg *g) {
  if (!is_emulated(g))
    ll_intrinsic(g, "llvm.x86.tilerelease", NULL, 0, NULL, 0);
}
