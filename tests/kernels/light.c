/* The light kernels that compute: tables, quantize, add, sub, mul, pools,
 * mean, softmax; odd sizes, broadcasts, windows and pads, zero points at the
 * ends, both signednesses. */
#include "tests/kernels/light.h"

/* ---- one operand ---- */

static void unary_case(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_logistic, OP_tanh,       OP_relu,
                                 OP_relu6,    OP_leaky_relu, OP_quantize};
  OpKind kind = kinds[random_below(r, 6)];
  Attrs at = attrs_default(kind);
  if (kind == OP_leaky_relu)
    at.leaky.alpha = 0.01f * (float)random_in(r, -20, 120);
  int64_t n = random_in(r, 1, 200);
  float sx = random_scale(r), sy = random_below(r, 2) ? sx : random_scale(r);
  DType t = random_q8(r);
  DType ty = kind == OP_quantize ? random_q8(r) : t;
  Value *x = random_input(c, r, "x", q8_type(c, r, t, 1, &n, sx));
  const Type *y = q8_type(c, r, ty, 1, &n, sy);
  give(c, r, add_op(c, kind, &at, 1, &x, y));
}

/* A table of anything, or one that clamps; from and to any type of 8 bits,
 * to 16 and 32 bits. */
static void table_case(Check *c, Random *r) {
  static const DType wide[] = {DT_i16, DT_f32, DT_i32};
  const int64_t patterns = 256;
  int64_t n = random_in(r, 1, 200);
  DType t = random_q8(r), ty = random_q8(r);
  const Type *x = random_below(r, 3) ? q8_type(c, r, t, 1, &n, random_scale(r))
                                     : type_new(c->arena, t, 1, &n, NULL);
  const Type *y = q8_type(c, r, ty, 1, &n, random_scale(r));
  if (random_below(r, 3) == 0)
    y = type_new(c->arena, wide[random_below(r, 3)], 1, &n, NULL);
  const Type *of = with_dims(c, y, 1, &patterns);
  int8_t *table = arena_alloc(c->arena, (size_t)type_bytes(of));
  bool clamps = random_below(r, 3) == 0 && type_bytes(of) == patterns;
  int end = random_in(r, 0, 100);
  for (int i = 0; i < type_bytes(of); i++)
    table[i] = clamps ? (int8_t)(i < end   ? end
                                 : i > 200 ? 200
                                           : i)
                      : (int8_t)random_below(r, 256);
  Value *in[] = {random_input(c, r, "x", x),
                 graph_const(c->graph, "table", of, table)};
  Attrs at = attrs_default(OP_lut);
  give(c, r, add_op(c, OP_lut, &at, 2, in, y));
}

/* f32 with every bit pattern, or multiples of a scale, whose halves are
 * ties. */
static void quantize_case(Check *c, Random *r) {
  int64_t n = random_in(r, 1, 150);
  float scale = random_scale(r);
  const Type *f = type_new(c->arena, DT_f32, 1, &n, NULL);
  const Type *y = q8_type(c, r, random_q8(r), 1, &n, scale);
  Attrs at = attrs_default(OP_dequantize);
  Value *x;
  if (random_below(r, 2)) {
    x = graph_input(c->graph, "x", f);
  } else {
    float step = scale * 0.5f * (float)random_in(r, 1, 3);
    x = random_input(c, r, "x", q8_type(c, r, random_q8(r), 1, &n, step));
    x = add_op(c, OP_dequantize, &at, 1, &x, f);
  }
  if (random_below(r, 4) == 0)
    graph_output(c->graph, x);
  else
    give(c, r, add_op(c, OP_quantize, &at, 1, &x, y));
}

/* ---- two operands ---- */

typedef struct Dims {
  int rank;
  int64_t dim[MAX_RANK];
} Dims;

/* Dimensions of an operand that broadcast to y's: some are 1, leading ones
 * may be missing. */
static Dims broadcast_dims(Random *r, const Dims *y, int odds) {
  int skip = random_below(r, odds) == 0 ? random_below(r, y->rank) : 0;
  Dims d = {.rank = y->rank - skip};
  for (int i = 0; i < d.rank; i++) {
    int64_t n = y->dim[i + skip];
    d.dim[i] = random_below(r, odds) == 0 ? 1 : n;
  }
  return d;
}

static Dims result_dims(const Dims *a, const Dims *b) {
  Dims y = a->rank > b->rank ? *a : *b;
  for (int i = 1; i <= y.rank; i++) {
    int64_t na = i <= a->rank ? a->dim[a->rank - i] : 1;
    int64_t nb = i <= b->rank ? b->dim[b->rank - i] : 1;
    y.dim[y.rank - i] = na == 1 ? nb : na;
  }
  return y;
}

static Value *operand(Check *c, Random *r, const char *name, const Type *t) {
  if (random_below(r, 4))
    return random_input(c, r, name, t);
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = (uint8_t)random_below(r, 256);
  return graph_const(c->graph, name, t, data);
}

static void binary_case(Check *c, Random *r) {
  static const OpKind kinds[] = {OP_add, OP_sub, OP_mul};
  OpKind kind = kinds[random_below(r, 3)];
  Dims y = {.rank = random_in(r, 1, 4)};
  for (int i = 0; i < y.rank; i++)
    y.dim[i] = random_in(r, 1, y.rank == 1 ? 200 : i == y.rank - 1 ? 40 : 5);
  int odds = random_below(r, 2) ? 3 : 100;
  Dims a = broadcast_dims(r, &y, odds), b = broadcast_dims(r, &y, odds);
  y = result_dims(&a, &b);
  float sa = random_scale(r), sb = random_scale(r);
  float most = kind == OP_mul ? 100 * sa * sb : sa > sb ? sa : sb;
  float sy = most * 0.02f * (float)random_in(r, 1, 150);
  DType t = random_q8(r);
  Value *in[2];
  in[0] = random_input(c, r, "a", q8_type(c, r, t, a.rank, a.dim, sa));
  in[1] = operand(c, r, "b", q8_type(c, r, t, b.rank, b.dim, sb));
  if (random_below(r, 10) == 0)
    in[1] = in[0], y = a;
  Attrs at = attrs_default(kind);
  at.act.act = (Act)random_below(r, ACT_COUNT);
  const Type *yt = q8_type(c, r, t, y.rank, y.dim, sy);
  give(c, r, add_op(c, kind, &at, 2, in, yt));
}

/* ---- pools, mean, softmax ---- */

static void pool_case(Check *c, Random *r) {
  OpKind kind = random_below(r, 3) ? OP_avg_pool2d : OP_max_pool2d;
  Attrs at = attrs_default(kind);
  int64_t x[4] = {random_in(r, 1, 2), 0, 0, random_in(r, 1, 70)}, y[4];
  y[0] = x[0];
  y[3] = x[3];
  bool global = random_below(r, 4) == 0;
  for (int i = 0; i < 2; i++) {
    int k = global ? random_in(r, 1, 20) : random_in(r, 1, 5);
    int lo = global ? 0 : random_below(r, k),
        hi = global ? 0 : random_below(r, k);
    int s = random_in(r, 1, 3);
    int n = global ? k : random_in(r, k, k + 7);
    at.pool.window.v[i] = k;
    at.pool.stride.v[i] = s;
    at.pool.pad.v[2 * i] = lo;
    at.pool.pad.v[2 * i + 1] = hi;
    x[1 + i] = n;
    y[1 + i] = (n + lo + hi - k) / s + 1;
  }
  at.pool.act = (Act)random_below(r, ACT_COUNT);
  const Type *t = q8_type(c, r, random_q8(r), 4, x, random_scale(r));
  Value *in = random_input(c, r, "x", t);
  const Type *yt = with_dims(c, t, 4, y);
  /* In a scale that makes no ties, which no multiplication breaks evenly. */
  if (kind == OP_avg_pool2d && c->graph->rounding == ROUND_onnx)
    yt = q8_type(c, r, t->dtype, 4, y, random_scale(r) * 1.00137f);
  give(c, r, add_op(c, kind, &at, 1, &in, yt));
}

static void mean_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_mean);
  IntList *axes = &at.axes.axes;
  bool image = random_below(r, 2), keep = random_below(r, 2);
  Dims x = {.rank = image ? 4 : random_in(r, 1, 5)}, y = {0};
  unsigned mask = image ? 6 : 0;
  while (!mask)
    mask = (unsigned)random_below(r, 1 << x.rank);
  for (int i = 0; i < x.rank; i++) {
    x.dim[i] = random_in(r, 1, i == x.rank - 1 ? 50 : image ? 20 : 6);
    if (mask >> i & 1)
      axes->v[axes->n++] = i;
    if (keep || !(mask >> i & 1))
      y.dim[y.rank++] = mask >> i & 1 ? 1 : x.dim[i];
  }
  float s = random_scale(r);
  DType t = random_q8(r);
  Value *in = random_input(c, r, "x", q8_type(c, r, t, x.rank, x.dim, s));
  float sy = s * 0.02f * (float)random_in(r, 1, 120);
  const Type *yt = q8_type(c, r, t, y.rank, y.dim, sy);
  give(c, r, add_op(c, OP_mean, &at, 1, &in, yt));
}

static void softmax_case(Check *c, Random *r) {
  Attrs at = attrs_default(OP_softmax);
  at.softmax.beta = 0.25f * (float)random_in(r, 1, 8);
  int64_t dim[2] = {random_in(r, 1, 4), random_in(r, 1, 40)};
  if (random_below(r, 6) == 0)
    dim[1] = random_in(r, 500, 5000);
  else if (random_below(r, 3) == 0)
    dim[0] = random_in(r, 15, 40);
  DType t = random_q8(r);
  Value *x = random_input(c, r, "x", q8_type(c, r, t, 2, dim, random_scale(r)));
  const Type *y = type_new(
      c->arena, t, 2, dim,
      quant_per_tensor(c->arena, 1.0f / 256, (int32_t)dtype_min(t), t));
  give(c, r, add_op(c, OP_softmax, &at, 1, &x, y));
}

static void one_case(const char *target, int seed) {
  static void (*const families[])(Check *, Random *) = {
      unary_case,  table_case, quantize_case, binary_case,
      binary_case, pool_case,  mean_case,     softmax_case};
  enum { N = sizeof families / sizeof *families };
  Random r = {(uint32_t)seed * 7919u + 17};
  Check c = check_new(target);
  c.graph->rounding = random_below(&r, 2) ? ROUND_tflite : ROUND_onnx;
  families[seed % N](&c, &r);
  check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 280, 49, 49}); }
