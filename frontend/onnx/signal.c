/* Window functions, DFT, STFT, MelWeightMatrix. Windows are constants, made
 * with the IR's own functions in f64. A transform of few elements, or of a
 * prime number, is a product with a constant matrix: along its axis,
 * (element, part of the complex number) are rows, (frequency, part) are
 * columns. Others are two of these after another (Cooley and Tukey, "An
 * algorithm for the machine calculation of complex Fourier series"). */
#include <math.h>

#include "frontend/onnx/index.h"
#include "frontend/onnx/spatial.h"
#include "ir/scalar.h"

static const double tau = 6.28318530717958647692;

static Value *mul_k(Node *n, Value *x, double k) {
  return b_binary_k(n, OP_mul, x, k);
}

/* --- windows ----------------------------------------------------------- */

/* a - b cos(2 pi i / N) + c cos(4 pi i / N) */
static void cosine_window(Node *n, double a, double b, double c) {
  int64_t type = attr_int(n, "output_datatype", 1);
  bool periodic = attr_bool(n, "periodic", true);
  int64_t size = const_int(n, node_in(n, 0), "size", 1);
  const OnnxDType *to = onnx_dtype(type);
  if (n->bad)
    return;
  if (size < 0 || size > 1 << 20 || !to || to->dtype == DT_COUNT) {
    node_refuse(n, "a window of %lld, data type %lld", (long long)size,
                (long long)type);
    return;
  }
  int64_t period = periodic ? size : size - 1;
  Value *i = b_cast(n, b_iota(n, size), DT_f64);
  Value *angle = mul_k(n, i, tau / (double)(period > 0 ? period : 1));
  Value *y = b_k_binary(n, OP_sub, a, mul_k(n, b_unary(n, OP_cos, angle), b));
  if (c != 0)
    y = b_binary(n, OP_add, y,
                 mul_k(n, b_unary(n, OP_cos, mul_k(n, angle, 2)), c));
  node_out(n, 0, b_cast(n, y, to->dtype));
}

void onnx_hann_window(Node *n) { cosine_window(n, 0.5, 0.5, 0); }

void onnx_hamming_window(Node *n) {
  cosine_window(n, 25.0 / 46, 1 - 25.0 / 46, 0);
}

void onnx_blackman_window(Node *n) { cosine_window(n, 0.42, 0.5, 0.08); }

/* --- transforms -------------------------------------------------------- */

typedef struct Transform {
  int64_t length;   /* of the transform */
  int64_t in_parts; /* 1: real, 2: complex */
  int64_t out, out_parts;
  bool inverse;
} Transform;

/* cos, sin and -sin of 2 pi i / length as f64 [3 * length]. */
static Value *circle(Node *n, int64_t length) {
  Value *i = b_cast(n, b_iota(n, length), DT_f64);
  Value *angle = mul_k(n, i, tau / (double)length);
  Value *s = b_unary(n, OP_sin, angle);
  Value *all[] = {b_unary(n, OP_cos, angle), s, b_unary(n, OP_neg, s)};
  return b_concat(n, 0, 3, all);
}

/* Which of the circle's rows (element, part) times columns (frequency, part)
 * take. */
static Value *weights(Node *n, const Transform *t, DType dtype) {
  int64_t rows = t->length * t->in_parts, cols = t->out * t->out_parts;
  int64_t *at = b_table(n, mul_saturating(rows, cols));
  for (int64_t r = 0; at && r < rows; r++)
    for (int64_t c = 0; c < cols; c++) {
      int64_t e = r / t->in_parts, f = c / t->out_parts;
      bool sine = r % t->in_parts != c % t->out_parts;
      bool minus = (c % t->out_parts == 1) != t->inverse;
      at[r * cols + c] =
          e * f % t->length + (sine ? minus ? 2 : 1 : 0) * t->length;
    }
  Value *index = b_const(n, b_type(n, DT_i64, (Dims){2, {rows, cols}}), at);
  return b_cast(n, b_gather(n, circle(n, t->length), 0, index), dtype);
}

/* x of any shape, with lines of elements and their parts last. */
static Value *direct(Node *n, Value *x, const Transform *t) {
  if (n->bad)
    return NULL;
  int64_t line = t->length * t->in_parts;
  Dims rows = {2, {type_count(x->type) / line, line}};
  return b_matmul(n, b_reshape(n, x, rows), weights(n, t, x->type->dtype));
}

/* x [L, m, r, 2], element (i, k) turned by i * k of the circle. */
static Value *twiddle(Node *n, Value *x, int64_t m, int64_t r, bool inverse) {
  int64_t *c = b_table(n, m * r), *s = b_table(n, 2 * m * r), length = m * r;
  for (int64_t i = 0; c && s && i < m * r; i++) {
    c[i] = i / r * (i % r);
    s[2 * i] = c[i] + (inverse ? 2 : 1) * length;
    s[2 * i + 1] = c[i] + (inverse ? 1 : 2) * length;
  }
  if (n->bad)
    return NULL;
  Dims one = {3, {m, r, 1}}, two = {3, {m, r, 2}};
  Value *all = b_cast(n, circle(n, length), x->type->dtype);
  Value *re = b_gather(n, all, 0, b_const(n, b_type(n, DT_i64, one), c));
  Value *im = b_gather(n, all, 0, b_const(n, b_type(n, DT_i64, two), s));
  return b_binary(n, OP_add, b_binary(n, OP_mul, x, re),
                  b_binary(n, OP_mul, b_reverse(n, x, 3), im));
}

/* length = r * m: transforms of r elements each m apart, turned, then of m:
 * frequency k1 + r * k2 is k2 of line k1. */
static Value *in_two_steps(Node *n, Value *x, const Transform *t, int64_t r) {
  int64_t m = t->length / r;
  Transform first = {r, t->in_parts, r, 2, t->inverse};
  Transform second = {m, 2, (t->out - 1) / r + 1, t->out_parts, t->inverse};
  int64_t lines = type_count(x->type) / (t->length * t->in_parts);
  Dims in = {4, {lines, r, m, t->in_parts}}, mid = {4, {lines, m, r, 2}};
  Dims out = {4, {lines, r, second.out, t->out_parts}};
  Dims joined = {3, {lines, second.out * r, t->out_parts}};
  Value *y = direct(n, b_swap(n, b_reshape(n, x, in), 1, 2), &first);
  y = twiddle(n, b_reshape(n, y, mid), m, r, t->inverse);
  y = direct(n, b_swap(n, y, 1, 2), &second);
  y = b_reshape(n, b_swap(n, b_reshape(n, y, out), 1, 2), joined);
  return b_slice1(n, y, 1, 0, t->out);
}

/* The largest divisor up to the square root. */
static int64_t divisor(int64_t n) {
  int64_t best = 1;
  for (int64_t d = 2; d * d <= n; d++)
    best = n % d ? best : d;
  return best;
}

/* x's axis as it is long enough, or with 0 behind. */
static Value *fit_axis(Node *n, Value *x, int axis, int64_t extent) {
  int64_t none[MAX_RANK] = {0}, after[MAX_RANK] = {0};
  int64_t have = n->bad ? extent : x->type->dim[axis];
  after[axis] = have < extent ? extent - have : 0;
  return b_slice1(n, b_pad(n, x, none, after, 0), axis, 0, extent);
}

/* Short ones go in one step, which is more exact. ONNX's recorded outputs of
 * inverse ones have the roundings of two steps in f32 from 10 elements on;
 * those of others have none. */
static bool is_short(const Transform *t) {
  return t->length < (t->inverse ? 10 : 64);
}

/* x [.., axis, .., parts] with parts last. */
static Value *transform(Node *n, Value *x, int axis, const Transform *t) {
  if (n->bad)
    return NULL;
  DType type = x->type->dtype;
  int last = x->type->rank - 1;
  x = fit_axis(n, b_move(n, b_widen(n, x), axis, last - 1), last - 1,
               t->length);
  Dims d = dims_of(x);
  int64_t r = is_short(t) ? 1 : divisor(t->length);
  if (n->bad)
    return NULL;
  Value *y = r == 1 ? direct(n, x, t) : in_two_steps(n, x, t, r);
  d.v[last - 1] = t->out;
  d.v[last] = t->out_parts;
  if (t->inverse)
    y = mul_k(n, y, 1 / (double)t->length);
  return b_cast(n, b_move(n, b_reshape(n, y, d), last - 1, axis), type);
}

/* The whole spectrum [.., out, .., 2] from its first half: element k above
 * the middle is the conjugate of length - k. */
static Value *whole_spectrum(Node *n, Value *x, int axis, int64_t length) {
  if (n->bad)
    return NULL;
  int64_t half = length / 2 + 1, rest = length - half;
  x = fit_axis(n, x, axis, half);
  if (!rest || n->bad)
    return x;
  Value *mirror = b_reverse(n, b_slice1(n, x, axis, 1, rest), axis);
  float sign[] = {1, -1};
  Dims pair = {1, {2}};

  Value *s = b_cast(n, b_floats(n, pair, sign), x->type->dtype);
  Value *both[] = {x, b_binary(n, OP_mul, mirror, s)};
  return b_concat(n, axis, 2, both);
}

static void dft(Node *n, int64_t given_axis) {
  Value *x = b_plain(n, node_in(n, 0)), *wanted = node_in(n, 1);
  bool inverse = attr_bool(n, "inverse", false);
  bool onesided = attr_bool(n, "onesided", false);
  if (n->bad)
    return;
  Dims d = dims_of(x);
  int axis = axis_of(n, given_axis, d.rank);
  int64_t parts = d.rank ? d.v[d.rank - 1] : 0;
  if (n->bad || axis == d.rank - 1 || parts < 1 || parts > 2) {
    node_invalid(n, "a signal of %s along axis %lld", dims_text(n, d),
                 (long long)given_axis);
    return;
  }
  bool to_real = onesided && inverse;
  int64_t natural = to_real ? 2 * (d.v[axis] - 1) : d.v[axis];
  int64_t length = const_int(n, wanted, "dft_length", natural);
  if (n->bad || length < 1 || length > 1 << 20) {
    node_invalid(n, "a transform of %lld elements", (long long)length);
    return;
  }
  if (to_real && parts == 2)
    x = whole_spectrum(n, x, axis, length);
  Transform t = {.length = length,
                 .in_parts = parts,
                 .out = onesided && !inverse ? length / 2 + 1 : length,
                 .out_parts = to_real ? 1 : 2,
                 .inverse = inverse};
  node_out(n, 0, transform(n, x, axis, &t));
}

void onnx_dft_17(Node *n) { dft(n, attr_int(n, "axis", 1)); }

void onnx_dft(Node *n) { dft(n, const_int(n, node_in(n, 2), "axis", -2)); }

/* Frames x[b, step * f + i] as [B, frames, length, parts]. */
static Value *frames(Node *n, Value *x, int64_t step, int64_t length) {
  int64_t count = (x->type->dim[1] - length) / step + 1;
  int64_t *at = b_table(n, mul_saturating(count, length));
  for (int64_t i = 0; at && i < count * length; i++)
    at[i] = i / length * step + i % length;
  Dims d = {2, {count, length}};
  return b_gather(n, x, 1, b_const(n, b_type(n, DT_i64, d), at));
}

void onnx_stft(Node *n) {
  Value *x = b_plain(n, node_in(n, 0)), *window = node_in(n, 2);
  bool onesided = attr_bool(n, "onesided", true);
  int64_t step = const_int(n, node_in(n, 1), "frame_step", 1);
  if (n->bad)
    return;
  Dims d = dims_of(x);
  if (d.rank == 2) {
    x = b_unsqueeze(n, x, 2);
    d = dims_of(x);
  }
  int64_t natural =
      window && window->type->rank == 1 ? window->type->dim[0] : d.v[1];
  int64_t length = const_int(n, node_in(n, 3), "frame_length", natural);
  if (n->bad || d.rank != 3 || d.v[2] < 1 || d.v[2] > 2 || step < 1 ||
      length < 1 || length > d.v[1] || (window && natural != length)) {
    node_invalid(n, "frames of %lld by %lld of %s", (long long)length,
                 (long long)step, dims_text(n, d));
    return;
  }
  Value *y = frames(n, x, step, length);
  Dims column = {2, {length, 1}};
  if (window)
    y = b_binary(n, OP_mul, y, b_reshape(n, window, column));
  Transform t = {.length = length,
                 .in_parts = d.v[2],
                 .out = onesided ? length / 2 + 1 : length,
                 .out_parts = 2};
  node_out(n, 0, transform(n, y, 2, &t));
}

/* --- MelWeightMatrix --------------------------------------------------- */

static double mel_of(double hertz) {
  return 2595 * scalar_log_f64(1 + hertz / 700) / scalar_log_f64(10);
}

static double hertz_of(double mel) {
  return 700 * (scalar_pow_f64(10, mel / 2595) - 1);
}

/* Triangles between neighbours in the mel scale, over the bins of a
 * spectrum. bin: (count + 2) their corners. */
static void fill_triangles(float *y, int64_t rows, int64_t count,
                           const int64_t *bin) {
  for (int64_t m = 0; m < count; m++) {
    int64_t low = bin[m], middle = bin[m + 1], high = bin[m + 2];
    for (int64_t r = low; r <= middle && r < rows; r++)
      y[r * count + m] =
          middle == low ? 1 : (float)(r - low) / (float)(middle - low);
    for (int64_t r = middle; r < high && r < rows && high != middle; r++)
      y[r * count + m] = (float)(high - r) / (float)(high - middle);
  }
}

void onnx_mel_weight_matrix(Node *n) {
  int64_t type = attr_int(n, "output_datatype", 1);
  const OnnxDType *to = onnx_dtype(type);
  int64_t count = const_int(n, node_in(n, 0), "num_mel_bins", 1);
  int64_t length = const_int(n, node_in(n, 1), "dft_length", 1);
  int64_t rate = const_int(n, node_in(n, 2), "sample_rate", 1);
  double low = const_number(n, node_in(n, 3), "lower_edge_hertz", 0);
  double high = const_number(n, node_in(n, 4), "upper_edge_hertz", 0);
  if (n->bad)
    return;
  bool ok = count >= 1 && count <= 4096 && length >= 1 && length <= 1 << 16 &&
            rate >= 1 && rate <= 1 << 30 && low >= 0 && high >= low &&
            high <= (double)rate;
  if (!ok || !to || to->dtype == DT_COUNT) {
    node_refuse(n, "%lld bins from %g to %g Hz of %lld", (long long)count, low,
                high, (long long)length);
    return;
  }
  int64_t rows = length / 2 + 1;
  int64_t *bin = ARENA_ARRAY(n->im->arena, int64_t, count + 2);
  double first = mel_of(low),
         step = (mel_of(high) - first) / (double)(count + 2);
  for (int64_t i = 0; i < count + 2; i++)
    bin[i] = (int64_t)floor((double)(length + 1) *
                            hertz_of((double)i * step + first) / (double)rate);
  float *y = ARENA_ARRAY(n->im->arena, float, rows *count);
  fill_triangles(y, rows, count, bin);
  Dims d = {2, {rows, count}};
  node_out(n, 0, b_cast(n, b_floats(n, d, y), to->dtype));
}
