/* Weights that lie packed or listed in the object: few different ones, in
 * groups, many zeros, floats of 16 bits, in convolutions and dense layers of
 * odd shapes, with strides, pads, groups, zero points, maxima and sums behind
 * them; each form is met. */
#include "tests/kernels/check.h"

typedef enum Kind {
  KIND_two,
  KIND_four,
  KIND_nibbles,
  KIND_codebook,
  KIND_groups,
  KIND_zeros,
  KIND_any,
  KIND_COUNT
} Kind;

typedef struct Layer {
  int n, ih, iw, ic, oc, k, stride, pad, groups;
  bool dense, pool, sum;
  Kind kind;
  DType dtype;
} Layer;

static Layer random_layer(Random *r, Kind kind) {
  Layer l = {.n = random_in(r, 1, 2), .kind = kind, .groups = 1};
  l.dense = random_below(r, 3) == 0;
  l.k = l.dense ? 1 : random_in(r, 1, 3);
  l.ic = random_in(r, 1, l.dense ? 300 : 40);
  l.oc = random_in(r, 1, 40);
  if (random_below(r, 3)) /* as networks have them */
    l.oc = 8 * random_in(r, 1, 8);
  l.ih = l.dense ? 1 : random_in(r, l.k, 9);
  l.iw = l.dense ? 1 : random_in(r, l.k, 12);
  l.stride = random_in(r, 1, 2);
  l.pad = random_below(r, l.k);
  l.dtype = random_below(r, 3) ? DT_i8 : DT_u8;
  if (kind == KIND_groups) {
    l.ic = 16 * random_in(r, 1, l.dense ? 18 : 4);
    l.dtype = DT_i8;
  }
  l.pool = !l.dense && random_below(r, 4) == 0;
  l.sum = !l.pool && random_below(r, 4) == 0;
  if (!l.dense && random_below(r, 8) == 0) {
    l.groups = 2;
    l.ic *= 2;
    l.oc *= 2;
  }
  return l;
}

/* Stored weights; what is zero is the zero point. */
static void random_weights(Random *r, Kind kind, int zero, uint8_t *w,
                           int64_t n) {
  uint8_t code[16];
  int codes = kind == KIND_two ? 2 : kind == KIND_four ? 4 : 16;
  for (int i = 0; i < codes; i++)
    code[i] =
        (uint8_t)(kind == KIND_nibbles ? zero + i - 8 : random_below(r, 256));
  int density = random_in(r, 2, 10); /* one of so many */
  for (int64_t i = 0; i < n; i++)
    w[i] =
        kind == KIND_any ? (uint8_t)random_below(r, 256)
        : kind == KIND_zeros
            ? (uint8_t)(random_below(r, density) ? zero : random_below(r, 256))
            : code[random_below(r, codes)];
}

/* Integers of 4 bits times a multiple for every 16 or 32 inputs. */
static void random_groups(Random *r, const Layer *l, uint8_t *w, int64_t n) {
  int64_t inputs = l->ic / l->groups;
  int64_t size = inputs % 32 || random_below(r, 2) ? 16 : 32;
  int m = 1;
  for (int64_t i = 0; i < n; i++) {
    if (i % inputs % size == 0)
      m = random_in(r, 1, 15);
    w[i] = (uint8_t)(m * random_in(r, -8, 7));
  }
}

static const Type *byte_type(Check *c, DType t, int rank, const int64_t *dim,
                             float scale, int zero) {
  return type_new(c->arena, t, rank, dim,
                  quant_per_tensor(c->arena, scale, zero, t));
}

static Value *weights_of(Check *c, Random *r, const Layer *l) {
  int64_t conv[] = {l->oc, l->k, l->k, l->ic / l->groups};
  int64_t dense[] = {l->oc, l->ic};
  int zero = l->dtype == DT_u8 ? random_in(r, 120, 136) : 0;
  const Type *t = byte_type(c, l->dtype, l->dense ? 2 : 4,
                            l->dense ? dense : conv, 0.01f, zero);
  uint8_t *w = arena_alloc(c->arena, (size_t)type_bytes(t));
  if (l->kind == KIND_groups)
    random_groups(r, l, w, type_count(t));
  else
    random_weights(r, l->kind, zero, w, type_count(t));
  return graph_const(c->graph, "w", t, w);
}

static Value *layer(Check *c, Random *r, const Layer *l, Value *x) {
  int64_t oh = (l->ih + 2 * l->pad - l->k) / l->stride + 1;
  int64_t ow = (l->iw + 2 * l->pad - l->k) / l->stride + 1;
  int64_t conv[] = {l->n, oh, ow, l->oc}, dense[] = {l->n, l->oc};
  float scale = 0.004f * (float)(random_in(r, 1, 20) * l->k * l->k * l->ic);
  const Type *y = byte_type(c, l->dtype, l->dense ? 2 : 4,
                            l->dense ? dense : conv, scale, random_in(r, 0, 9));
  int64_t oc = l->oc;
  int32_t *bias = ARENA_ARRAY(c->arena, int32_t, oc);
  for (int i = 0; i < oc; i++)
    bias[i] = random_in(r, -9999, 9999);
  Value *in[] = {x, weights_of(c, r, l),
                 graph_const(c->graph, "b",
                             type_new(c->arena, DT_i32, 1, &oc, NULL), bias)};
  OpKind kind = l->dense ? OP_fully_connected : OP_conv2d;
  Attrs at = attrs_default(kind);
  if (!l->dense) {
    at.conv.stride = (Int2){{l->stride, l->stride}};
    at.conv.pad = (Int4){{l->pad, l->pad, l->pad, l->pad}};
  }
  return graph_op(c->graph, NULL, kind, &at, 3, in, 1, &y, NULL, (Loc){0})
      ->out[0];
}

/* A maximum over windows of 2 x 2, where they tile the map. */
static Value *pooled(Check *c, Value *x) {
  const Type *t = x->type;
  int64_t dim[] = {t->dim[0], t->dim[1] / 2, t->dim[2] / 2, t->dim[3]};
  if (t->dim[1] % 2 || t->dim[2] % 2)
    return x;
  const Type *y = type_with_shape(c->arena, t, 4, dim);
  Attrs at = attrs_default(OP_max_pool2d);
  at.pool.window = at.pool.stride = (Int2){{2, 2}};
  return graph_op(c->graph, NULL, OP_max_pool2d, &at, 1, &x, 1, &y, NULL,
                  (Loc){0})
      ->out[0];
}

static Value *summed(Check *c, Value *x) {
  Value *in[] = {x, graph_input(c->graph, "other", x->type)};
  const Type *y = x->type;
  Attrs at = attrs_default(OP_add);
  return graph_op(c->graph, NULL, OP_add, &at, 2, in, 1, &y, NULL, (Loc){0})
      ->out[0];
}

static Value *copied(Check *c, Value *x, const Type *t) {
  Attrs at = attrs_default(OP_quantize);
  return graph_op(c->graph, NULL, OP_quantize, &at, 1, &x, 1, &t, NULL,
                  (Loc){0})
      ->out[0];
}

/* Something as large as 64 KB is there before the layer: room to unpack. */
static Value *input_of(Check *c, const Layer *l, bool room) {
  int64_t conv[] = {l->n, l->ih, l->iw, l->ic}, dense[] = {l->n, l->ic};
  const Type *x = byte_type(c, l->dtype, l->dense ? 2 : 4,
                            l->dense ? dense : conv, 0.05f, 3);
  Value *in = graph_input(c->graph, "x", x);
  if (!room)
    return in;
  int64_t wide[] = {1 + 65536 / type_count(x), type_count(x)},
          flat[] = {1, type_count(x)};
  const Type *f = type_with_shape(c->arena, x, 2, flat);
  Attrs at = attrs_default(OP_reshape);
  Value *v =
      graph_op(c->graph, NULL, OP_reshape, &at, 1, &in, 1, &f, NULL, (Loc){0})
          ->out[0];
  const Type *w = type_with_shape(c->arena, x, 2, wide);
  v = graph_op(c->graph, NULL, OP_broadcast, &at, 1, &v, 1, &w, NULL, (Loc){0})
          ->out[0];
  v = copied(c, v, w);
  at = attrs_default(OP_reduce_max);
  at.axes.axes = (IntList){.n = 1, .v = {0}};
  v = graph_op(c->graph, NULL, OP_reduce_max, &at, 1, &v, 1, &f, NULL, (Loc){0})
          ->out[0];
  at = attrs_default(OP_reshape);
  return graph_op(c->graph, NULL, OP_reshape, &at, 1, &v, 1, &x, NULL, (Loc){0})
      ->out[0];
}

/* By form: plain, lists, mask, groups, codes. */
static int seen[KIND_COUNT][5];

static int form_number(const char *form) {
  static const char *const names[] = {"plain", "lists", "mask", "4-bit groups"};
  for (int i = 0; form && i < 4; i++)
    if (strcmp(form, names[i]) == 0)
      return i;
  return 4;
}

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 11};
  Kind kind = (Kind)(seed % KIND_COUNT);
  Layer l = random_layer(&r, kind);
  Check c = check_new(target);
  c.plan.for_size = random_below(&r, 3);
  c.plan.sparse = (SparseMode)random_below(&r, 4);
  Value *y = layer(&c, &r, &l, input_of(&c, &l, random_below(&r, 4)));
  graph_output(c.graph, l.pool ? pooled(&c, y) : l.sum ? summed(&c, y) : y);
  check_finish(&c, &r, seed);
  seen[kind][form_number(c.weights)]++;
}

/* Floats of 16 bits, or of more: subnormals and zeros of both signs too. */
static float random_half(Random *r, int kind) {
  float x = ldexpf((float)random_in(r, -255, 255), random_in(r, -24, -8));
  if (kind == 1)
    x = ldexpf((float)random_in(r, -2047, 2047),
               random_below(r, 4) ? random_in(r, -14, -8) : -24);
  return random_below(r, 9) ? kind == 2 ? x * 1.0001f : x : copysignf(0, x);
}

static void real_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 12};
  Layer l = random_layer(&r, KIND_any);
  Check c = check_new(target);
  c.plan.for_size = random_below(&r, 3);
  int64_t oh = (l.ih + 2 * l.pad - l.k) / l.stride + 1;
  int64_t ow = (l.iw + 2 * l.pad - l.k) / l.stride + 1;
  int64_t x[] = {l.n, l.ih, l.iw, l.ic}, y[] = {l.n, oh, ow, l.oc};
  int64_t w[] = {l.oc, l.k, l.k, l.ic / l.groups};
  const Type *wt = type_new(c.arena, DT_f32, 4, w, NULL);
  const Type *yt = type_new(c.arena, DT_f32, 4, y, NULL);
  float *weights = arena_alloc(c.arena, (size_t)type_bytes(wt));
  int kind = random_below(&r, 6);
  int64_t depth = type_count(wt) / l.oc;
  int most = kind == 4 ? 127 : 7;
  float scale = 1;
  for (int64_t i = 0; i < type_count(wt); i++) {
    if (i % depth == 0)
      scale = ldexpf((float)random_in(&r, 1 << 22, 1 << 23), -30);
    weights[i] = kind < 4 ? random_half(&r, kind)
                          : (float)random_in(&r, -most, most) * scale;
  }
  Value *in[] = {
      graph_input(c.graph, "x", type_new(c.arena, DT_f32, 4, x, NULL)),
      graph_const(c.graph, "w", wt, weights)};
  Attrs at = attrs_default(OP_conv2d);
  at.conv.stride = (Int2){{l.stride, l.stride}};
  at.conv.pad = (Int4){{l.pad, l.pad, l.pad, l.pad}};
  graph_output(c.graph, graph_op(c.graph, NULL, OP_conv2d, &at, 2, in, 1, &yt,
                                 NULL, (Loc){0})
                            ->out[0]);
  check_finish(&c, &r, seed);
  seen[0][0] += strcmp(c.weights, "f16") == 0;
  seen[0][1] += strcmp(c.weights, "bf16") == 0;
  seen[0][2] += strcmp(c.weights, "4-bit codes") == 0;
  seen[0][3] += strcmp(c.weights, "scaled bytes") == 0;
}

static void floats(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-v3", "aarch64", "cortex-m4",
                                  "cortex-m0plus"};
  for (int i = 0; i < 4; i++) {
    memset(seen, 0, sizeof seen);
    check_targets(&t[i], 1, 60, real_case);
    for (int k = 0; i > 0 && k < 4; k++)
      assert_true(seen[0][k]);
  }
}

static void check_all(const char *const *targets, int n, int cases,
                      bool lists) {
  for (int i = 0; i < n; i++) {
    memset(seen, 0, sizeof seen);
    check_targets(&targets[i], 1, cases, one_case);
    Check probe = check_new(targets[i]);
    bool ran = strcmp(probe.target->runner, "host") != 0 ||
               target_runs_here(probe.target);
    arena_free(probe.arena);
    if (!ran)
      continue;
    for (Kind k = KIND_two; k <= KIND_codebook; k++)
      assert_true(seen[k][4] > 0);
    assert_true(seen[KIND_groups][3] > 0);
    assert_true(seen[KIND_zeros][2] > 0);
    assert_true(!lists || seen[KIND_zeros][1] > 0);
    assert_true(seen[KIND_any][0] > 0);
  }
}

static void on_the_host(void **state) {
  (void)state;
  static const char *const t[] = {"x86-64-avx512vnni", "x86-64-v3", "x86-64-v2",
                                  "x86-64-avxvnni"};
  check_all(t, 4, 60, false);
}

static void on_small_cores(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m0plus", "cortex-m4"};
  check_all(t, 2, 60, true);
}

static void on_others(void **state) {
  (void)state;
  static const char *const t[] = {"cortex-m55", "aarch64"};
  check_all(t, 2, 60, false);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(on_the_host),
      cmocka_unit_test(on_small_cores),
      cmocka_unit_test(on_others),
      cmocka_unit_test(floats),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
