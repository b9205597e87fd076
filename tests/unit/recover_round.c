/* compress/recover/: how the weights of one layer are rounded. */
#include "tests/unit/recover.h"

#include "compress/linear.h"
#include "compress/recover/round.h"

/* ---- linear.h ---- */

static void inverts(void **state) {
  (void)state;
  enum { N = 5 };
  double a[N * N], b[N * N];
  const float *x = picks(N * N, 1);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      a[i * N + j] = i == j;
      for (int k = 0; k < N; k++)
        a[i * N + j] += (double)x[i * N + k] * (double)x[j * N + k];
    }
  memcpy(b, a, sizeof a);
  assert_true(spd_invert(b, N));
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double sum = 0;
      for (int k = 0; k < N; k++)
        sum += a[i * N + k] * b[k * N + j];
      assert_true(fabs(sum - (i == j)) < 1e-9);
    }
  a[0] = -1;
  assert_false(spd_factor(a, N));
}

/* ---- one layer ---- */

/* A layer of which one input is always 0 and two are the same. */
typedef struct Problem {
  Graph *g;
  Layer l;
  Moments m;
  float *x; /* [rows][k] */
} Problem;

static const float *problem_input(void *ctx, int64_t i) {
  const Problem *p = ctx;
  return p->x + i * p->l.k;
}

enum { ROWS = 64, K = 24, OUTPUTS = 6 };

static Problem problem(void) {
  Problem p;
  p.g = parse("model m rounding=onnx\ninput %x : f32[1,24]\n"
              "const @w : f32[6,24] = splat 0\nconst @b : f32[6] = splat 0\n"
              "%y : f32[1,6] = fully_connected %x, @w, @b\noutput %y\n");
  randomize(p.g);
  p.g = quantize_to(p.g, 127);
  assert_true(layer_of(p.g->last, &p.l));
  p.x = picks(ROWS * K, 1);
  for (int64_t r = 0; r < ROWS; r++) {
    float common = pick();
    for (int64_t j = 0; j < K; j++)
      p.x[r * K + j] += 2 * common;
    p.x[r * K + 3] = 0;
    p.x[r * K + 5] = p.x[r * K + 4];
  }
  p.m = moments_of(arena, &p.l, problem_input, &p, NULL, ROWS);
  return p;
}

/* Mean square of (w' - w) x over the rows, in units of the scales. */
static double output_error(const Problem *p, const Rounded *r) {
  double error = 0;
  for (int64_t row = 0; row < ROWS; row++)
    for (int64_t o = 0; o < OUTPUTS; o++) {
      double off = 0;
      for (int64_t j = 0; j < K; j++)
        off += (rounded_real(r, o, j, *rounded_at(r, o, j)) -
                (double)r->w[o * K + j]) *
               (double)p->x[row * K + j];
      off /= (double)p->l.weight->type->q->scale[o];
      error += off * off / (double)ROWS;
    }
  return error;
}

static void sums_moments(void **state) {
  (void)state;
  Problem p = problem();
  assert_int_equal(p.m.rows, ROWS);
  for (int i = 0; i < K; i++)
    for (int j = 0; j < K; j++) {
      double sum = 0;
      for (int r = 0; r < ROWS; r++)
        sum += (double)p.x[r * K + i] * (double)p.x[r * K + j] / (double)ROWS;
      assert_true(fabs(p.m.block[0].gram[i * K + j] - sum) < 1e-5);
    }
}

/* Weights of which column `largest` alone fills the grid. */
static float *weights_with_largest(const Problem *p, int largest) {
  float *w = picks(OUTPUTS * K, 0.5f);
  for (int i = 0; i < OUTPUTS * K; i++) {
    float most = p->l.weight->type->q->scale[i / K] * 127;
    w[i] = i % K == largest ? most : w[i] * most;
  }
  return w;
}

/* To few levels, so that there is something to gain. */
static Rounded coarse(const Problem *p, const float *w) {
  Rounded r = rounded_of(arena, &p->l, &p->m, w);
  QuantParams q = *r.t->q;
  float *scale = ARENA_ARRAY(arena, float, q.nscale);
  for (int i = 0; i < q.nscale; i++)
    scale[i] = q.scale[i] * 127 / 7;
  q.scale = scale;
  q.qmin = -7;
  q.qmax = 7;
  r.t = type_with_dtype(arena, r.t, DT_i8, &q);
  return r;
}

static void rounds(void **state) {
  (void)state;
  Problem p = problem();
  float *w = weights_with_largest(&p, 0);
  Rounded r = coarse(&p, w);
  rounded_nearest(&r);
  double nearest = output_error(&p, &r);
  int64_t dead = *rounded_at(&r, 2, 3);
  rounded_propagate(&r);
  double propagated = output_error(&p, &r);
  assert_true(propagated < 0.5 * nearest);
  assert_int_equal(*rounded_at(&r, 2, 3), dead);
  int64_t *levels = arena_dup(arena, r.level, OUTPUTS * K * sizeof *levels);
  rounded_descend(&r);
  assert_true(output_error(&p, &r) <= propagated * 1.001);
  rounded_propagate(&r);
  assert_memory_equal(levels, r.level, OUTPUTS * K * sizeof *levels);
  for (int i = 0; i < OUTPUTS * K; i++)
    assert_in_range(r.level[i] + 7, 0, 14);
  rounded_nearest(&r);
  rounded_descend(&r);
  assert_true(output_error(&p, &r) < 0.7 * nearest);
}

/* The rows as they were before the layers before were rounded. */
typedef struct Drift {
  Problem *p;
  float *x; /* [rows][k] */
} Drift;

static const float *drift_input(void *ctx, int64_t i) {
  const Drift *d = ctx;
  return d->x + i * K;
}

/* Mean square of w' x' - w x, x' the rows that the layer reads now. */
static double drift_error(const Drift *d, const Drift *now, const float *w,
                          const float *to) {
  double error = 0;
  for (int64_t row = 0; row < ROWS; row++)
    for (int64_t o = 0; o < OUTPUTS; o++) {
      double off = 0;
      for (int64_t j = 0; j < K; j++)
        off += (double)to[o * K + j] * (double)now->x[row * K + j] -
               (double)w[o * K + j] * (double)d->x[row * K + j];
      error += off * off / (double)ROWS;
    }
  return error;
}

static void retargets(void **state) {
  (void)state;
  Problem p = problem();
  Drift model = {&p, p.x}, now = {&p, arena_dup(arena, p.x, ROWS * K * 4)};
  for (int64_t i = 0; i < ROWS * K; i++)
    now.x[i] = 0.8f * now.x[i] + 0.05f * pick();
  Moments m = moments_of(arena, &p.l, drift_input, &now, &model, ROWS);
  const float *w = weights_with_largest(&p, 0);
  Rounded r = rounded_of(arena, &p.l, &m, w);
  rounded_retarget(arena, &r);
  assert_true(drift_error(&model, &now, w, r.w) <
              drift_error(&model, &now, w, w) / 10);
}

static void fits_scales(void **state) {
  (void)state;
  Problem p = problem();
  float *w = weights_with_largest(&p, 3);
  Rounded r = coarse(&p, w);
  const QuantParams *was = r.t->q;
  rounded_nearest(&r);
  double before = output_error(&p, &r);
  double b[OUTPUTS] = {[1] = 1e9};
  rounded_fit_scales(arena, &r, b, 1.0 / (double)was->scale[1]);
  rounded_nearest(&r);
  assert_true(output_error(&p, &r) < before);
  for (int i = 0; i < OUTPUTS; i++)
    assert_true(i == 1 || r.t->q->scale[i] < was->scale[i]);
  assert_true(r.t->q->scale[1] > 0.9f * was->scale[1]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(inverts),   TEST(sums_moments), TEST(rounds),
      TEST(retargets), TEST(fits_scales),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
