/* See island.h. */
#include "ir/island.h"

#include <math.h>

#include "ir/float_step.h"

enum { BYTES = 256 };

/* ---- ties ---- */

/* Is float(n) * factor rounded to the even one of two steps wherever n * num /
 * den is halfway between them? n are integers; the products of what is asked
 * about fit a double. */
static bool keeps_ties(double num, double den, float factor) {
  for (int step = 0; step < BYTES; step++) {
    double half = step + 0.5, n = rint(half * den / num);
    bool is_tie = n * num == half * den && n <= 0x1p24;
    if (is_tie && rintf((float)n * factor) != rintf((float)half))
      return false;
  }
  return true;
}

bool island_sum_keeps_ties(float unit, const Type *y) {
  float sy = type_scale(y);
  return keeps_ties((double)unit, (double)sy, unit / sy);
}

/* x as an odd integer times a power of two: that integer. */
static double odd_part(float x) {
  int exponent;
  double m = ldexp(frexp((double)x, &exponent), 24);
  while (m > 0 && fmod(m, 2) == 0)
    m /= 2;
  return m;
}

bool island_average_is_exact(const Type *x, const Type *y, int64_t count) {
  float sx = type_scale(x), sy = type_scale(y);
  if ((BYTES - 1) * (double)count * odd_part(sx) > 0x1p24)
    return false;
  return keeps_ties((double)sx, (double)sy * (double)count,
                    sx / (sy * (float)count));
}

bool window_is_whole(const Op *pool) {
  const PoolAttrs *a = &pool->attrs.pool;
  const int64_t *x = pool->in[0]->type->dim, *y = pool->out[0]->type->dim;
  bool pads = a->pad.v[0] || a->pad.v[1] || a->pad.v[2] || a->pad.v[3];
  return !pads && a->window.v[0] == x[1] && a->window.v[1] == x[2] &&
         y[1] == 1 && y[2] == 1;
}

/* ---- pairs ---- */

static float binary_float(OpKind k, float a, float b) {
  return k == OP_add ? a + b : k == OP_sub ? a - b : a * b;
}

/* The one value of operand k, if it has no other. */
static bool only_value(const Op *op, int k, int32_t *x) {
  const Value *v = op->in[k];
  if (!v->init || type_count(v->type) != 1)
    return false;
  uint8_t byte = *(const uint8_t *)v->init->data;
  *x = v->type->dtype == DT_i8 ? (int8_t)byte : byte;
  return true;
}

/* Both, on one pair of stored values. */
typedef struct Both {
  const Op *op;
  FloatAdd add;
  Requant mul;
} Both;

static bool differ(const Both *s, int32_t a, int32_t b) {
  const Op *op = s->op;
  const Type *ta = op->in[0]->type, *tb = op->in[1]->type;
  float real = binary_float(op->kind, float_dequantize(ta, 0, a),
                            float_dequantize(tb, 0, b));
  int32_t want = float_quantize(op->out[0]->type, 0, real);
  want = want < s->add.lo ? s->add.lo : want > s->add.hi ? s->add.hi : want;
  int64_t product =
      (int64_t)(a - type_zero_point(ta)) * (b - type_zero_point(tb));
  return want != (op->kind == OP_mul ? requant_apply(&s->mul, product)
                                     : float_add_apply(&s->add, a, b));
}

int island_pair_differences(const Op *op, int *pairs) {
  Both s = {op, float_add_of(op), requant_of(op, 0)};
  int32_t first[2], last[2];
  int n = 0;
  for (int k = 0; k < 2; k++) {
    first[k] = (int32_t)dtype_min(op->in[k]->type->dtype);
    last[k] = first[k] + BYTES - 1;
    if (only_value(op, k, &first[k]))
      last[k] = first[k];
  }
  *pairs = (last[0] - first[0] + 1) * (last[1] - first[1] + 1);
  for (int32_t a = first[0]; a <= last[0]; a++)
    for (int32_t b = first[1]; b <= last[1]; b++)
      n += differ(&s, a, b);
  return n;
}
