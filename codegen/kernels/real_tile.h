/* The inside of every float product: pixels x vectors accumulators in
 * registers, each with its sum over k in ascending order.
 *
 *   for k: for v: w = weights[k][v]
 *          for p: x = broadcast(source[p][k])
 *            for v: acc[p][v] = fma(x, w[v], acc[p][v])
 */
#ifndef KILN_CODEGEN_KERNELS_REAL_TILE_H
#define KILN_CODEGEN_KERNELS_REAL_TILE_H

#include "codegen/ll.h"

enum { REAL_TILE_MAX = 64 };

typedef struct RealTile {
  int pixels, vectors;
  int lanes;       /* 0: scalars */
  Ty elem;         /* f32 or f64 */
  int bytes;       /* of an element */
  int64_t x_pixel; /* bytes from pixel to pixel of the source */
  int64_t x_k;     /* ... from k to k */
  int64_t w_k;     /* ... of the weights, whose vectors lie side by side */
  DType w_type;    /* elem's, or f16 or bf16 */
  int64_t ask;     /* where weights are asked for ahead, Ahead.turn; else 0 */
} RealTile;

/* Turns of the loop over `run` k. */
int64_t real_tile_turns(const Cg *g, const RealTile *t, int64_t run);
/* Values that it carries: of acc, and what to ask for. */
int real_tile_carried(const RealTile *t);
/* acc (pixels, vectors) over `run` k from x and w on. With `ask`, behind the
 * last of acc: what to ask for next. */
void real_tile_run(Cg *g, const RealTile *t, Val x, Val w, int64_t run,
                   Val *acc);
/* One vector of start values a column, at `bias`, in all pixels. */
void real_tile_start(Cg *g, const RealTile *t, Val bias, Val *acc);
/* Stores the first n columns as what the step makes, pixels `out_pixel` bytes
 * apart. */
void real_tile_store(Cg *g, const RealTile *t, Act act, Val out,
                     int64_t out_pixel, int64_t n, const Val *acc);

#endif
