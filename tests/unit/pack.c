/* The packed weights of the convolution kernels: each layout is read back
 * by its definition and must give every accumulator of a window. */
#include "tests/testing.h"

#include <string.h>

#include "plan/depthwise.h"
#include "plan/kernels/dw_pairs.h"

static uint64_t seed = 7;

static int pick(int lo, int hi) {
  return lo + (int)(test_random(&seed) % (uint64_t)(hi - lo + 1));
}

/* One convolution, 3x2 over 5x6, with odd channel counts. */
typedef struct Net {
  Arena *arena;
  Graph *graph;
  Op *op;
} Net;

static const Type *q8(Arena *a, DType t, int64_t n0, int64_t n1, int64_t n2,
                      int64_t n3, int32_t zero) {
  int64_t dim[] = {n0, n1, n2, n3};
  return type_new(a, t, 4, dim, quant_per_tensor(a, 0.02f, zero, t));
}

static Net make_net(bool depthwise, DType t, int ic, int oc) {
  Net n = {.arena = arena_new()};
  n.graph = graph_new(n.arena, diag_new(n.arena), "net");
  int32_t zero = t == DT_u8 ? 77 : 0;
  const Type *x = q8(n.arena, t, 1, 5, 6, ic, 3);
  const Type *w = depthwise ? q8(n.arena, t, 1, 3, 2, oc, zero)
                            : q8(n.arena, t, oc, 3, 2, ic, zero);
  const Type *y = q8(n.arena, t, 1, 3, 5, oc, 5);
  uint8_t *bytes = arena_alloc(n.arena, (size_t)type_bytes(w));
  for (int64_t i = 0; i < type_bytes(w); i++)
    bytes[i] = (uint8_t)pick(0, 255);
  Value *in[] = {graph_input(n.graph, "x", x),
                 graph_const(n.graph, "w", w, bytes)};
  OpKind kind = depthwise ? OP_depthwise_conv2d : OP_conv2d;
  Attrs at = attrs_default(kind);
  n.op = graph_op(n.graph, NULL, kind, &at, 2, in, 1, &y, NULL, (Loc){0});
  graph_output(n.graph, n.op->out[0]);
  assert_true(graph_verify(n.graph));
  return n;
}

static const ConvParams *plan_params(const Net *n, const char *target,
                                     const char *kernel) {
  const Target *t = target_find(n->arena, n->graph->diag, target, 0, 0, 0);
  PlanOptions opt = {0};
  Plan *p = plan_new(n->arena, n->graph, t, &opt);
  assert_non_null(p);
  assert_string_equal(p->steps.v[0]->kernel->name, kernel);
  return p->steps.v[0]->params;
}

/* What a position of a window holds; NULL rows are never asked for. */
typedef struct Window {
  int x[3][2][64];
} Window;

static Window random_window(int ic) {
  Window w;
  for (int y = 0; y < 3; y++)
    for (int x = 0; x < 2; x++)
      for (int c = 0; c < ic; c++)
        w.x[y][x][c] = pick(-128, 255);
  return w;
}

/* The definition, with weights as stored (split) or less their zero. */
static int64_t want_dot(const Net *n, const ConvParams *c, const Window *w,
                        int64_t o, bool split) {
  int64_t sum = 0;
  int32_t zero = split ? 0 : conv_weight_zero(n->op, o);
  for (int y = 0; y < 3; y++)
    for (int x = 0; x < 2; x++)
      for (int64_t i = 0; i < (c->g.depthwise ? 1 : c->g.ic); i++)
        sum += (conv_weight(n->op, &c->g, o, y, x, i) - zero) *
               w->x[y][x][c->g.depthwise ? o : i];
  return sum;
}

/* k of a run: a window row, columns and channels joined. */
static int64_t run_element(const ConvParams *c, const Window *w, int64_t tap,
                           int64_t k) {
  return k < c->run     ? w->x[tap][k / c->g.ic][k % c->g.ic]
         : c->lanes > 1 ? 99
                        : 0;
}

/* The same of a packed place: the last group may end with the run. */
static int64_t packed_element(const ConvParams *c, const Window *w, int64_t tap,
                              int64_t k) {
  if (c->last_back && k >= c->run / c->group * c->group)
    k -= c->run_padded - c->run;
  return run_element(c, w, tap, k);
}

/* Byte of weight k of a group of output `at`, behind `row` groups. */
static int64_t lanes_place(const ConvParams *c, int64_t row, int64_t at,
                           int k) {
  if (c->dot != DOT_smull)
    return (row + at) * c->group + k;
  return (row + at / 4 * 4) * c->group + smull_place((int)(at % 4), k);
}

static void check_lanes(const char *target, DType t, int ic, int oc) {
  Net n = make_net(false, t, ic, oc);
  const ConvParams *c = plan_params(&n, target, "conv_lanes");
  Window w = random_window(ic);
  int64_t nout = (int64_t)c->vectors * c->lanes;
  int64_t groups = c->run_padded / c->group;
  const int8_t *image = c->w->data;
  for (int64_t i = 0; i < c->blocks * nout; i++) {
    int64_t o = i / nout * nout + conv_joined_channel(conv_mix(c), c->lanes,
                                                      i % nout / c->lanes,
                                                      i % c->lanes);
    int64_t got = 0;
    for (int64_t tap = 0; tap < 3; tap++)
      for (int64_t k = 0; k < c->run_padded; k++) {
        int64_t row = (i / nout * 3 + tap) * groups + k / c->group;
        got +=
            image[lanes_place(c, row * nout, i % nout, (int)(k % c->group))] *
            packed_element(c, &w, tap, k);
      }
    assert_int_equal(got, o < oc ? want_dot(&n, c, &w, o, true) : 0);
  }
  arena_free(n.arena);
}

static void lanes(void **state) {
  (void)state;
  static const char *const targets[] = {"x86-64-avx512vnni", "x86-64-v3",
                                        "x86-64-v2",         "aarch64",
                                        "cortex-a76",        "neoverse-v1"};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    for (int turn = 0; turn < 12; turn++)
      check_lanes(targets[i], turn % 2 ? DT_u8 : DT_i8, pick(1, 20),
                  pick(9, 150)); /* fewer may share a vector with pixels */
}

static void rows(void **state) {
  (void)state;
  for (int turn = 0; turn < 8; turn++) {
    bool mve = turn % 2;
    Net n = make_net(false, DT_i8, pick(1, 30), pick(1, 20));
    const ConvParams *c = plan_params(&n, mve ? "cortex-m55" : "cortex-m0plus",
                                      mve ? "conv_mve" : "conv_scalar");
    Window w = random_window((int)c->g.ic);
    const int8_t *image = c->w->data;
    for (int64_t o = 0; o < c->g.oc; o++) {
      int64_t got = 0;
      for (int64_t tap = 0; tap < 3; tap++)
        for (int64_t k = 0; k < c->run_padded; k++)
          got += image[(o * 3 + tap) * c->run_padded + k] *
                 run_element(c, &w, tap, k);
      assert_int_equal(got, want_dot(&n, c, &w, o, true));
    }
    arena_free(n.arena);
  }
}

/* The zero point is taken off where a kernel does not subtract it. */
static void wide_rows(void **state) {
  (void)state;
  Net n = make_net(false, DT_u8, 5, 7);
  const ConvParams *c = plan_params(&n, "cortex-m3", "conv_scalar");
  assert_int_equal(c->weight_bytes, 2);
  Window w = random_window(5);
  const int16_t *image = c->w->data;
  for (int64_t o = 0; o < 7; o++) {
    int64_t got = 0;
    for (int64_t k = 0; k < 30; k++)
      got += image[o * 30 + k] * run_element(c, &w, k / 10, k % 10);
    assert_int_equal(got, want_dot(&n, c, &w, o, false));
  }
  arena_free(n.arena);
}

/* Two channels in a halfword: its low byte, and above it the high one as it
 * is or (joined) what is missing to the whole. */
static int32_t half_weight(const ConvParams *c, int64_t at, bool high) {
  const int8_t *b = (const int8_t *)c->w->data + at * 2;
  return !high ? b[0] : c->joined && b[0] < 0 ? b[1] + 1 : b[1];
}

static int64_t quad_dot(const ConvParams *c, const Window *w, int64_t o) {
  int64_t pairs = c->blocks - o / 4 * 2 < 2 ? 1 : 2, got = 0;
  int64_t window = 3 * c->run_padded, block = o / 4 * window * 2;
  for (int64_t k = 0; k < window; k++) {
    int64_t word = (k / 4 * 2 + k % 2) * pairs + o / 2 % 2;
    got += half_weight(c, block + word * 2 + k / 2 % 2, o % 2) *
           run_element(c, w, k / c->run_padded, k % c->run_padded);
  }
  return got;
}

static void pairs(void **state) {
  (void)state;
  int joined = 0;
  for (int turn = 0; turn < 40; turn++) {
    Net n = make_net(false, turn % 2 ? DT_u8 : DT_i8, pick(1, 9), pick(1, 9));
    const ConvParams *c = plan_params(&n, "cortex-m4", "conv_smlad");
    Window w = random_window((int)c->g.ic);
    joined += c->joined;
    for (int64_t o = 0; o < c->g.oc; o++)
      assert_int_equal(quad_dot(c, &w, o), want_dot(&n, c, &w, o, true));
    arena_free(n.arena);
  }
  assert_true(joined > 0 && joined < 20); /* -128 is no weight of those */
}

static int64_t block_weight(const ConvParams *c, int64_t at) {
  return c->weight_bytes == 1 ? ((const int8_t *)c->w->data)[at]
                              : ((const int16_t *)c->w->data)[at];
}

static void check_blocks(const char *target, DType t, int channels) {
  Net n = make_net(true, t, channels, channels);
  const ConvParams *c = plan_params(&n, target, "dw_lanes");
  Window w = random_window(channels);
  int64_t groups = (6 + c->group - 1) / c->group;
  int part = c->lanes / c->join;
  for (int64_t i = 0; i < c->blocks * c->lanes; i++) {
    int64_t first = i / c->lanes * c->lanes, lane = i % c->lanes, got = 0;
    if (c->pixels == 1 && first > channels - c->lanes)
      first = channels - c->lanes;
    int64_t o = first + conv_joined_channel(conv_mix(c), part, lane / part,
                                            lane % part);
    o %= channels;
    for (int64_t tap = 0; tap < 6; tap++)
      got += block_weight(c, (i / c->lanes * groups + tap / c->group) *
                                     c->lanes * c->group +
                                 lane * c->group + tap % c->group) *
             w.x[tap / 2][tap % 2][o];
    assert_int_equal(got, want_dot(&n, c, &w, o, c->weight_zero != 0));
  }
  arena_free(n.arena);
}

/* What row `row` of a pass makes of a window by the pairs of its lines. */
static int64_t lines_dot(const PairsParams *q, const Window *w, int64_t group,
                         int row, int64_t lane, int64_t o) {
  const ConvGeom *g = &q->c.g;
  const int16_t *weights = (const int16_t *)q->c.w->data;
  int64_t slots = q->lines * g->kw, got = 0;
  for (int64_t i = 0; i < 2 * slots; i++) {
    int64_t slot = i / 2, ky = slot / g->kw * 2 + i % 2 - row;
    int64_t at = (group * q->rows + row) * slots + slot;
    int64_t x = ky >= 0 && ky < g->kh ? w->x[ky][slot % g->kw][o] : 9;
    got += weights[(at * q->c.lanes + lane) * 2 + i % 2] * x;
  }
  return got;
}

static void check_lines(const char *target, DType t, int channels) {
  Net n = make_net(true, t, channels, channels);
  const PairsParams *q = (const void *)plan_params(&n, target, "dw_pairs");
  Window w = random_window(channels);
  for (int64_t i = 0; i < q->groups * q->c.lanes; i++)
    for (int row = 0; row < q->rows; row++) {
      int64_t first = i / q->c.lanes * q->c.lanes, lane = i % q->c.lanes;
      if (q->c.pixels == 1 && first > channels - q->c.lanes)
        first = channels - q->c.lanes;
      int64_t o = (first + lane) % channels;
      assert_int_equal(lines_dot(q, &w, i / q->c.lanes, row, lane, o),
                       want_dot(&n, &q->c, &w, o, false));
    }
  arena_free(n.arena);
}

static void lines(void **state) {
  (void)state;
  for (int turn = 0; turn < 24; turn++)
    check_lines(turn % 3 ? "x86-64-v3" : "x86-64-v2", turn % 2 ? DT_u8 : DT_i8,
                pick(4, 64));
}

static void blocks(void **state) {
  (void)state;
  static const char *const targets[] = {"x86-64-avx512vnni", "aarch64",
                                        "cortex-m55"};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    for (int turn = 0; turn < 12; turn++)
      check_blocks(targets[i], turn % 2 ? DT_u8 : DT_i8, pick(4, 64));
}

/* Taps behind which NEON adds up products of weights that are all `w`. */
static uint64_t added_up_of(int8_t w) {
  Net n = make_net(true, DT_i8, 16, 16);
  memset((void *)(uintptr_t)n.op->in[1]->init->data, w, 6 * 16);
  uint64_t behind = plan_params(&n, "cortex-a53", "dw_lanes")->added_up;
  arena_free(n.arena);
  return behind;
}

static void products_fit_halves(void **state) {
  (void)state;
  assert_int_equal(added_up_of(1), 1 << 5);
  assert_int_equal(added_up_of(85), 1 << 2 | 1 << 5);
  assert_int_equal(added_up_of(127), 1 << 1 | 1 << 3 | 1 << 5);
  assert_int_equal(added_up_of(-128), 63);
}

/* The sum of output row `r` of a tile, over pairs of rows of the strip. */
static int64_t pairs_dot(const DwParams *d, const DwTaps *t,
                         const int16_t *words, const Window *w, int64_t o,
                         int r) {
  int64_t got = 0;
  for (int p = 0; p < t->pairs; p++) {
    DwUse u = t->use[p][r];
    for (int64_t k = 0; k < d->col.taps && u.word >= 0; k++)
      for (int half = 0; half < 2; half++) {
        int64_t row = 2 * p + half - r * d->row.stride;
        int w_half = u.both ? half : u.w;
        if (u.both || half == u.x)
          got +=
              words[(u.word * d->col.taps + k) * 2 + w_half] * w->x[row][k][o];
      }
  }
  return got;
}

static void tap_pairs(void **state) {
  (void)state;
  Net n = make_net(true, DT_i8, 13, 13);
  const ConvParams *c = plan_params(&n, "cortex-m4", "dw_smlad");
  const DwParams *d = (const void *)c; /* its first member */
  DwTaps t = dw_taps(n.arena, d);
  Window w = random_window(13);
  assert_int_equal(d->tile_rows, 2);
  for (int64_t o = 0; o < 13; o++) {
    const char *record = (const char *)c->w->data + o * d->record;
    const void *words = record + dw_record_head(d);
    for (int r = 0; r < 2; r++)
      assert_int_equal(pairs_dot(d, &t, words, &w, o, r),
                       want_dot(&n, c, &w, o, false));
  }
  arena_free(n.arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lanes),     cmocka_unit_test(rows),
      cmocka_unit_test(wide_rows), cmocka_unit_test(pairs),
      cmocka_unit_test(blocks),    cmocka_unit_test(lines),
      cmocka_unit_test(tap_pairs), cmocka_unit_test(products_fit_halves),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
