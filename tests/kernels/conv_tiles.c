/* conv_tiles, which needs tiles of AMX: everywhere with them emulated (and then
 * wherever it can be, whether it pays or not), and as they are where this
 * machine has them. Pixels, outputs and k that tiles don't divide, windows,
 * strides, dilation, pads, several images, zero points at the ends, weights and
 * inputs at their extremes, sums behind. */
#include "runtime/kiln_amx.h"
#include "tests/kernels/light.h"

typedef struct Shape {
  int64_t x[4], w[4], y[4];
  ConvAttrs at;
} Shape;

static int64_t input_size(int64_t out, int64_t k, int64_t stride, int64_t dil,
                          int64_t pads) {
  int64_t in = (out - 1) * stride + (k - 1) * dil + 1 - pads;
  return in < 1 ? 1 : in;
}

static int64_t output_size(int64_t in, int64_t k, int64_t stride, int64_t dil,
                           int64_t pads) {
  return (in + pads - (k - 1) * dil - 1) / stride + 1;
}

/* Runs of fours, or of 64 and more. */
static Shape random_shape(Random *r) {
  static const int64_t few[] = {4, 8, 12, 16, 32, 48, 64, 20};
  bool one = random_below(r, 2);
  int64_t k = one ? 1 : random_in(r, 2, 3), dil = 1, pad = 0, stride;
  stride = random_in(r, 1, 2);
  if (!one) {
    dil = random_below(r, 4) ? 1 : 2;
    pad = random_below(r, 2) * dil;
  }
  Shape s = {.at = {{{(int)stride, (int)stride}},
                    {{(int)dil, (int)dil}},
                    {{(int)pad, (int)pad, (int)pad, (int)pad}},
                    (Act)random_below(r, ACT_COUNT)}};
  int64_t oh = random_in(r, 1, 6), ow = random_in(r, 1, 37);
  s.x[0] = s.y[0] = random_in(r, 1, 2);
  s.x[1] = input_size(oh, k, stride, dil, 2 * pad);
  s.x[2] = input_size(ow, k, stride, dil, 2 * pad);
  s.x[3] = random_below(r, 2) ? few[random_below(r, 8)] : random_in(r, 64, 150);
  while (s.x[1] + 2 * pad < (k - 1) * dil + 1)
    s.x[1]++;
  while (s.x[2] + 2 * pad < (k - 1) * dil + 1)
    s.x[2]++;
  s.y[1] = output_size(s.x[1], k, stride, dil, 2 * pad);
  s.y[2] = output_size(s.x[2], k, stride, dil, 2 * pad);
  s.w[0] = s.y[3] = random_in(r, 1, 90);
  s.w[1] = s.w[2] = k;
  s.w[3] = s.x[3];
  return s;
}

/* One case in four: all of them at an end of the range. */
static Value *weights(Check *c, Random *r, const int64_t *dim) {
  int64_t oc = dim[0];
  float *scale = ARENA_ARRAY(c->arena, float, oc);
  int32_t *zero = ARENA_ARRAY(c->arena, int32_t, oc);
  for (int64_t i = 0; i < oc; i++)
    scale[i] = 0.0002f * (float)random_in(r, 1, 100);
  QuantParams q = {.axis = 0,
                   .nscale = (int)oc,
                   .scale = scale,
                   .zero_point = zero,
                   .qmin = -128,
                   .qmax = 127};
  const Type *t = type_new(c->arena, DT_i8, 4, dim, &q);
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(t));
  int kind = random_below(r, 8);
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = kind == 0   ? 0x7f
              : kind == 1 ? 0x80
                          : (uint8_t)random_below(r, 256);
  return graph_const(c->graph, "w", t, data);
}

/* c's target, with the tiles emulated. */
static const Target *emulated(Check *c) {
  Target *t = arena_dup(c->arena, c->target, sizeof *t);
  t->tiles = TILES_emulated;
  t->features = "-prefer-256-bit";
  t->needs = &cpu_x86_avx512vnni;
  return t;
}

static int seen; /* cases whose layer was one of tiles */

static void tiles_case(Check *c, int seed) {
  Random r = {(uint32_t)seed * 7919u + 17};
  Shape s = random_shape(&r);
  Attrs at = attrs_default(OP_conv2d);
  at.conv = s.at;
  DType t = random_q8(&r);
  Value *x = random_input(c, &r, "x", q8_type(c, &r, t, 4, s.x, 0.05f));
  const Type *sum = q8_type(c, &r, t, 4, s.y, random_scale(&r));
  Value *skip = random_below(&r, 3) ? NULL : random_input(c, &r, "skip", sum);
  Value *in[] = {x, weights(c, &r, s.w)};
  Value *y = add_op(c, OP_conv2d, &at, 2, in,
                    q8_type(c, &r, t, 4, s.y, random_scale(&r)));
  seen += kernel_table[K_conv_tiles].match(y->def, c->target);
  Attrs none = attrs_default(OP_add);
  if (skip)
    y = add_op(c, OP_add, &none, 2, (Value *[]){y, skip},
               q8_type(c, &r, t, 4, s.y, random_scale(&r)));
  give(c, &r, y);
  check_finish(c, &r, seed);
}

/* Rows of a dense layer are its pixels. */
static void dense_case(Check *c, int seed) {
  Random r = {(uint32_t)seed * 7919u + 19};
  int64_t rows = random_in(&r, 1, 50), k = random_in(&r, 64, 200);
  int64_t oc = random_in(&r, 1, 70);
  const int64_t x[] = {rows, k}, w[] = {oc, 1, 1, k}, y[] = {rows, oc};
  Attrs at = attrs_default(OP_fully_connected);
  Value *four = weights(c, &r, w);
  Type *flat = arena_dup(c->arena, four->type, sizeof *flat);
  Value *in[] = {
      random_input(c, &r, "x", q8_type(c, &r, DT_i8, 2, x, 0.05f)),
      graph_const(c->graph, "flat",
                  type_new(c->arena, DT_i8, 2, (int64_t[]){oc, k}, flat->q),
                  four->init->data)};
  Value *out = add_op(c, OP_fully_connected, &at, 2, in,
                      q8_type(c, &r, DT_i8, 2, y, random_scale(&r)));
  seen += kernel_table[K_conv_tiles].match(out->def, c->target);
  give(c, &r, out);
  check_finish(c, &r, seed);
}

enum { CASES = 140, DENSE_CASES = 30 };

static void run_cases(bool emulate) {
  seen = 0;
  for (int seed = 0; seed < CASES + DENSE_CASES; seed++) {
    Check c = check_new("x86-64-amx");
    if (emulate)
      c.target = emulated(&c);
    if (!target_runs_here(c.target)) {
      print_message("%s\n", "this machine cannot run it");
      arena_free(c.arena);
      skip();
    }
    if (seed < CASES)
      tiles_case(&c, seed);
    else
      dense_case(&c, seed);
  }
  assert_true(seen > CASES / 2);
}

static void emulated_tiles(void **state) {
  (void)state;
  run_cases(true);
}

static void tiles_of_this_machine(void **state) {
  (void)state;
  (void)kiln_amx_request();
  run_cases(false);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(emulated_tiles),
                                     cmocka_unit_test(tiles_of_this_machine)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
