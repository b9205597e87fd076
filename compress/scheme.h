/* What a layer is stored and computed in, and which layers of a model are what:
 * the settings of `kiln quantize`. */
#ifndef KILN_COMPRESS_SCHEME_H
#define KILN_COMPRESS_SCHEME_H

#include "compress/calibration.h"
#include "compress/range.h"

/* Codes are indices into a table of 4, 16 or 256 weights (k-means). */
typedef enum WeightForm {
  WEIGHTS_f32,
  WEIGHTS_f16,
  WEIGHTS_bf16,
  WEIGHTS_i12, /* in words of 16, for activations of 16 bits */
  WEIGHTS_i8,
  WEIGHTS_i4,
  WEIGHTS_code4,
  WEIGHTS_code16,
  WEIGHTS_code256,
  WEIGHTS_COUNT
} WeightForm;

/* Dynamic ones are bytes whose range is taken at run time. */
typedef enum ActivationForm {
  ACTIVATIONS_f32,
  ACTIVATIONS_i8,
  ACTIVATIONS_u8,
  ACTIVATIONS_i16,
  ACTIVATIONS_dynamic,
  ACTIVATIONS_COUNT
} ActivationForm;

typedef struct LayerScheme {
  WeightForm weights;
  ActivationForm activations;
  bool per_tensor;         /* one scale for all weights of a layer, else one an
                              output channel */
  bool symmetric;          /* activations with zero point 0 (of u8: 128) */
  bool asymmetric_weights; /* weights with zero points */
  int group;               /* of weights of 4 bits, inputs that share a scale;
                              0: all of an output channel */
  int scale_bits;          /* of the mantissas of scales: 1, powers of two, to
                              24, any; 0: as many as let floats hold sums of
                              bytes, see quantize_weights.c */
} LayerScheme;

/* A layer that differs from the rest: the one whose result, or whose operator
 * in the model file, has that name there. */
typedef struct SchemeRow {
  const char *layer;
  LayerScheme scheme;
} SchemeRow;

typedef struct Scheme {
  LayerScheme base;
  ARRAY(SchemeRow) rows; /* the last that fits counts */
  RangeRule rule;
  bool corrects_biases; /* for what rounding weights does on average */
} Scheme;

/* int8 weights, one scale an output channel, around zero; int8 activations
 * anywhere; ranges by the method that suits each tensor best; biases are
 * corrected. */
Scheme scheme_default(void);
/* With rows of its own, in `a`. */
Scheme scheme_copy(Arena *a, const Scheme *s);

/* Sets what `key` ("weights", "per-tensor", ...) names; flags take "". false:
 * there is no such key, or it takes no such value; *expected is then what it
 * takes, NULL for an unknown key. */
bool scheme_set(LayerScheme *s, const char *key, const char *value,
                const char **expected);

/* What of a scheme does not go together, for messages; NULL: all does. */
const char *scheme_misfit(const LayerScheme *s);

/* How op is to be stored and computed. */
const LayerScheme *scheme_of(const Scheme *s, const Op *op);
/* Does the name belong to op? */
bool scheme_names(const char *layer, const Op *op);

const char *weight_form_name(WeightForm w);         /* "int8" */
const char *activation_form_name(ActivationForm a); /* "int8" */
DType activation_dtype(ActivationForm a);           /* i8, u8, i16; f32 */
bool activation_is_integer(ActivationForm a);

#endif
