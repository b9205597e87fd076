/* See scheme.h. */
#include "compress/scheme.h"

#include <stdlib.h>
#include <string.h>

static const char *const weight_names[WEIGHTS_COUNT] = {
    "float", "f16",   "bf16",   "int12",  "int8",
    "int4",  "code4", "code16", "code256"};

static const struct {
  const char *name;
  DType dtype;
} activations[ACTIVATIONS_COUNT] = {
    [ACTIVATIONS_f32] = {"float", DT_f32},
    [ACTIVATIONS_i8] = {"int8", DT_i8},
    [ACTIVATIONS_u8] = {"uint8", DT_u8},
    [ACTIVATIONS_i16] = {"int16", DT_i16},
    [ACTIVATIONS_dynamic] = {"dynamic", DT_f32},
};

const char *weight_form_name(WeightForm w) { return weight_names[w]; }
const char *activation_form_name(ActivationForm a) {
  return activations[a].name;
}
DType activation_dtype(ActivationForm a) { return activations[a].dtype; }

bool activation_is_integer(ActivationForm a) {
  return activations[a].dtype != DT_f32;
}

Scheme scheme_default(void) {
  return (Scheme){.base = {WEIGHTS_i8, ACTIVATIONS_i8, .per_tensor = false},
                  .rule = {.method = RANGE_automatic},
                  .corrects_biases = true};
}

Scheme scheme_copy(Arena *a, const Scheme *s) {
  Scheme copy = {.base = s->base, .rule = s->rule};
  for (int i = 0; i < s->rows.n; i++)
    ARRAY_PUSH(a, &copy.rows, s->rows.v[i]);
  return copy;
}

/* ---- keys ---- */

static bool set_weights(LayerScheme *s, const char *value) {
  for (int w = 0; w < WEIGHTS_COUNT; w++)
    if (strcmp(value, weight_names[w]) == 0) {
      s->weights = (WeightForm)w;
      return true;
    }
  return false;
}

static bool set_activations(LayerScheme *s, const char *value) {
  for (int a = 0; a < ACTIVATIONS_COUNT; a++)
    if (strcmp(value, activations[a].name) == 0) {
      s->activations = (ActivationForm)a;
      return true;
    }
  return false;
}

static bool set_float(LayerScheme *s, const char *value) {
  s->weights = WEIGHTS_f32;
  s->activations = ACTIVATIONS_f32;
  return !*value;
}

static bool set_per_tensor(LayerScheme *s, const char *value) {
  s->per_tensor = true;
  return !*value;
}

static bool set_symmetric(LayerScheme *s, const char *value) {
  s->symmetric = true;
  return !*value;
}

static bool set_asymmetric_weights(LayerScheme *s, const char *value) {
  s->asymmetric_weights = true;
  return !*value;
}

static bool set_scale_bits(LayerScheme *s, const char *value) {
  char *end;
  long n = strtol(value, &end, 10);
  s->scale_bits = (int)n;
  return end > value && !*end && n >= 1 && n <= 24;
}

static bool set_group(LayerScheme *s, const char *value) {
  char *end;
  long n = strtol(value, &end, 10);
  s->group = (int)n;
  return end != value && !*end && n >= 8 && n <= 4096 && n % 8 == 0;
}

static const struct {
  const char *key;
  bool (*set)(LayerScheme *s, const char *value);
  const char *expected;
} keys[] = {
    /* clang-format off */
    {"weights", set_weights,
     "float, f16, bf16, int12, int8, int4, code4, code16, code256"},
    {"activations", set_activations, "float, int8, uint8, int16, dynamic"},
    {"float", set_float, "nothing"},
    {"per-tensor", set_per_tensor, "nothing"},
    {"symmetric", set_symmetric, "nothing"},
    {"asymmetric-weights", set_asymmetric_weights, "nothing"},
    {"group", set_group, "a multiple of 8 up to 4096, such as 32"},
    {"scale-bits", set_scale_bits, "a number from 1 to 24"},
    /* clang-format on */
};

bool scheme_set(LayerScheme *s, const char *key, const char *value,
                const char **expected) {
  *expected = NULL;
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
    if (strcmp(key, keys[i].key) != 0)
      continue;
    *expected = keys[i].expected;
    return keys[i].set(s, value);
  }
  return false;
}

const char *scheme_misfit(const LayerScheme *s) {
  if (s->weights == WEIGHTS_i12 && s->activations != ACTIVATIONS_i16)
    return "weights of int12 go with activations of int16";
  if (s->activations == ACTIVATIONS_dynamic && s->weights != WEIGHTS_i8)
    return "dynamic activations go with weights of int8";
  if (s->group && s->weights != WEIGHTS_i4)
    return "group goes with weights of int4";
  if (s->group && s->per_tensor)
    return "group and per-tensor exclude each other";
  return NULL;
}

/* ---- layers ---- */

/* The importers quote the operator's own name in its place: 'conv1'. */
static bool is_quoted_in(const char *name, const char *what) {
  size_t n = strlen(name);
  for (const char *p = what; p && (p = strstr(p, name)); p++)
    if (p > what && p[-1] == '\'' && p[n] == '\'')
      return true;
  return false;
}

/* With channels last, the importers call an operator's result "x.nhwc" that
 * the model file calls "x". */
static bool is_result(const char *name, const Value *v) {
  size_t n = strlen(name);
  return strncmp(name, v->name, n) == 0 &&
         (!v->name[n] || strcmp(v->name + n, ".nhwc") == 0);
}

bool scheme_names(const char *layer, const Op *op) {
  for (int i = 0; i < op->nout; i++)
    if (is_result(layer, op->out[i]))
      return true;
  return is_quoted_in(layer, op->loc.what);
}

const LayerScheme *scheme_of(const Scheme *s, const Op *op) {
  for (int i = s->rows.n - 1; i >= 0; i--)
    if (scheme_names(s->rows.v[i].layer, op))
      return &s->rows.v[i].scheme;
  return &s->base;
}
