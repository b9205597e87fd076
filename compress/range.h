/* From what was observed of a tensor to the range that its quantized type
 * covers, and from a range to scale and zero point. */
#ifndef KILN_COMPRESS_RANGE_H
#define KILN_COMPRESS_RANGE_H

#include "compress/tensor_stats.h"
#include "ir/types.h"

typedef enum RangeMethod {
#define RANGE(function, name, about) RANGE_##function,
#include "compress/range.def"
#undef RANGE
  RANGE_COUNT
} RangeMethod;

typedef struct RangeRule {
  RangeMethod method;
  double percentile; /* of RANGE_percentile, in percent; 0: 99.99 */
} RangeRule;

const char *range_method_name(RangeMethod m);
const char *range_method_about(RangeMethod m);
/* "mse", "percentile:99.9" (50 to 100). */
bool range_rule_parse(const char *s, RangeRule *out);

/* How reals become integers. */
typedef struct QuantForm {
  int bits;       /* 2 to 16 */
  bool is_signed; /* -2^(bits-1)..2^(bits-1)-1, else 0..2^bits-1 */
  bool symmetric; /* zero point in the middle: 0, or 2^(bits-1) */
  int scale_bits; /* of the scale's mantissa: 1 is a power of two */
} QuantForm;

typedef struct QuantChoice {
  float scale; /* at least 2^-64, so that products of scales are normal */
  int32_t zero_point;
  int32_t qmin, qmax;
} QuantChoice;

/* The range of t by the rule, or the one that people gave. It holds 0 (padding
 * and relu are exact so). {0, 0} where nothing finite was seen. */
Range calibration_range(const TensorStats *t, const RangeRule *rule,
                        const QuantForm *form);

/* The least number of a mantissa of so many bits that is not smaller; of 24, a
 * float's, the nearest one. */
float scale_up(double scale, int bits);

/* The least such number above x. */
float scale_next(float x, int bits);

/* The least such number, from x on, with which sums in units of it and in_scale
 * fall where floats do once they are stored as y (ir/island.h), 8 bits; NULL:
 * they are not. */
float scale_for_sums(double x, int bits, float in_scale, const Type *y);

/* The parameters with which [r.lo, r.hi] and 0 are represented, to within half
 * a step at the ends; 0 exactly. Asymmetric: scale (hi - lo) / (qmax - qmin),
 * zero_point round(qmin - lo / scale), halves to even, as the TFLite 8-bit
 * quantization specification and ONNX Runtime's quantizer have it; symmetric:
 * scale max(|lo|, |hi|) / (2^(bits-1) - 1); then scale_up. {0, 0} has scale 1.
 */
QuantChoice quant_of_range(Range r, const QuantForm *form);
/* The same with a scale that is given. */
QuantChoice quant_of_scale(Range r, const QuantForm *form, float scale);

/* Expected |x - quantized x|^p, a mean over t's finite elements; p 2 or 3.
 * Elements lie evenly in their bins. 0 where there are none. */
double quant_error(const TensorStats *t, const QuantChoice *q, int p);

#endif
