/* Reading attributes and constant operands of a node. */
#include <math.h>
#include <string.h>

#include "frontend/onnx/node.h"

/* --- attributes -------------------------------------------------------- */

static const char *const attr_type_names[] = {
    "undefined", "a float", "an integer", "a string",
    "a tensor",  "a graph", "floats",     "integers",
    "strings",   "tensors", "graphs",     "a sparse tensor"};

static NodeAttr *find_attr(Node *n, const char *name) {
  for (int i = 0; i < n->nattr; i++)
    if (strcmp(n->attr[i].name, name) == 0) {
      n->attr[i].used = true;
      return &n->attr[i];
    }
  return NULL;
}

/* Files before IR version 3 leave the type out: then any is believed. */
static const OnnxAttribute *typed(Node *n, const char *name, int type) {
  const NodeAttr *a = find_attr(n, name);
  if (!a)
    return NULL;
  int64_t have = a->proto.type.v;
  if (!a->proto.type.has || have == type)
    return &a->proto;
  int known = (int)(sizeof attr_type_names / sizeof *attr_type_names);
  node_invalid(n, "attribute '%s' must be %s, not %s", name,
               attr_type_names[type],
               have > 0 && have < known ? attr_type_names[have] : "that");
  return NULL;
}

bool attr_has(Node *n, const char *name) { return find_attr(n, name) != NULL; }

void attr_ignore(Node *n, const char *name) { (void)find_attr(n, name); }

int64_t attr_int(Node *n, const char *name, int64_t absent) {
  const OnnxAttribute *a = typed(n, name, ONNX_INT);
  return a ? a->i.v : absent;
}

bool attr_bool(Node *n, const char *name, bool absent) {
  return attr_int(n, name, absent) != 0;
}

float attr_float(Node *n, const char *name, float absent) {
  const OnnxAttribute *a = typed(n, name, ONNX_FLOAT);
  return a ? a->f : absent;
}

const char *attr_string(Node *n, const char *name, const char *absent) {
  const OnnxAttribute *a = typed(n, name, ONNX_STRING);
  return a ? import_string(n->im, a->s) : absent;
}

int attr_choice(Node *n, const char *name, const char *const *choices) {
  const char *s = attr_string(n, name, choices[0]);
  for (int i = 0; choices[i]; i++)
    if (strcmp(choices[i], s) == 0)
      return i;
  node_refuse(n, "attribute '%s' is '%.80s', which is not supported", name, s);
  return 0;
}

DType attr_dtype(Node *n, const char *name) {
  int64_t code = attr_int(n, name, 0);
  const OnnxDType *t = onnx_dtype(code);
  if (n->bad || !code)
    return DT_COUNT;
  if (!t)
    node_invalid(n, "element type %lld does not exist", (long long)code);
  else if (t->dtype == DT_COUNT)
    node_refuse(n, "element type %s is not supported", t->name);
  return t ? t->dtype : DT_COUNT;
}

Value *attr_tensor(Node *n, const char *name) {
  const OnnxAttribute *a = typed(n, name, ONNX_TENSOR);
  Value *v = a ? tensor_const(n->im, a->t, n->name, n->loc) : NULL;
  n->bad |= a && !v;
  return v;
}

PbSpan attr_graph(Node *n, const char *name) {
  const OnnxAttribute *a = typed(n, name, ONNX_GRAPH);
  return a ? a->g : (PbSpan){0};
}

/* How many numbers there are; at most that many bytes in the file. */
static int count_nums(Node *n, const PbNums *nums) {
  PbCursor c = {.nums = nums};
  uint64_t bits;
  int count = 0;
  while (pb_next(&n->im->pb, &c, &bits))
    count++;
  return count;
}

Ints attr_ints(Node *n, const char *name) {
  const OnnxAttribute *a = typed(n, name, ONNX_INTS);
  if (!a)
    return (Ints){0};
  int count = count_nums(n, &a->ints), i = 0;
  n->bad |= !onnx_spend(n->im, count, n->loc);
  int64_t *v = ARENA_ARRAY(n->im->arena, int64_t, count);
  PbCursor c = {.nums = &a->ints};
  for (uint64_t bits; pb_next(&n->im->pb, &c, &bits); i++)
    v[i] = (int64_t)bits;
  n->bad |= n->im->pb.bad;
  return (Ints){count, v};
}

Floats attr_floats(Node *n, const char *name) {
  const OnnxAttribute *a = typed(n, name, ONNX_FLOATS);
  if (!a)
    return (Floats){0};
  int count = count_nums(n, &a->floats), i = 0;
  n->bad |= !onnx_spend(n->im, count, n->loc);
  float *v = ARENA_ARRAY(n->im->arena, float, count);
  PbCursor c = {.nums = &a->floats};
  for (uint64_t bits; pb_next(&n->im->pb, &c, &bits); i++) {
    uint32_t word = (uint32_t)bits;
    memcpy(&v[i], &word, sizeof word);
  }
  n->bad |= n->im->pb.bad;
  return (Floats){count, v};
}

Strings attr_strings(Node *n, const char *name) {
  const OnnxAttribute *a = typed(n, name, ONNX_STRINGS);
  if (!a)
    return (Strings){0};
  const char **v = ARENA_ARRAY(n->im->arena, const char *, a->strings.n);
  for (int i = 0; i < a->strings.n; i++)
    v[i] = import_string(n->im, a->strings.v[i]);
  return (Strings){a->strings.n, v};
}

/* --- constant operands ------------------------------------------------- */

static bool is_known(Node *n, const Value *v, const char *what) {
  if (n->bad || !v)
    return false;
  return v->init || node_unknown(n, v, what);
}

static int64_t int_at(DType t, const uint8_t *data, int64_t i) {
  size_t bytes = (size_t)dtype_bits(t) / 8;
  uint64_t bits = 0;
  memcpy(&bits, data + (size_t)i * bytes, bytes); /* little-endian hosts */
  if (!dtype_is_signed(t) || bytes == 8)
    return (int64_t)bits;
  uint64_t sign = 1u;
  sign <<= 8 * bytes - 1;
  return (int64_t)((bits ^ sign) - sign);
}

/* More would be no list of sizes or axes, but data. */
enum { MAX_INTS = 1 << 16 };

Ints const_ints(Node *n, const Value *v, const char *what) {
  if (!is_known(n, v, what))
    return (Ints){0};
  DType t = v->type->dtype;
  int64_t count = type_count(v->type);
  if ((!dtype_is_integer(t) && t != DT_bool) || dtype_bits(t) < 8) {
    node_invalid(n, "%s must be integers, not %s", what, dtype_name(t));
    return (Ints){0};
  }
  if (count > MAX_INTS) {
    node_refuse(n, "%s has %lld elements", what, (long long)count);
    return (Ints){0};
  }
  int64_t *out = ARENA_ARRAY(n->im->arena, int64_t, count);
  for (int64_t i = 0; i < count; i++)
    out[i] = int_at(t, v->init->data, i);
  return (Ints){(int)count, out};
}

int64_t const_int(Node *n, const Value *v, const char *what, int64_t absent) {
  if (!v)
    return absent;
  Ints x = const_ints(n, v, what);
  if (x.n == 1)
    return x.v[0];
  if (!n->bad)
    node_invalid(n, "%s must be one integer, not %d", what, x.n);
  return absent;
}

static float half_to_float(uint32_t h, DType t) {
  uint32_t bits = h << 16;
  float x;
  if (t == DT_f16) {
    uint32_t exponent = h >> 10 & 31, mantissa = h & 1023;
    float sign = h >> 15 ? -1.0f : 1.0f;
    if (exponent == 31)
      return mantissa ? NAN : sign * INFINITY;
    return sign * (exponent
                       ? ldexpf((float)(mantissa + 1024), (int)exponent - 25)
                       : ldexpf((float)mantissa, -24));
  }
  memcpy(&x, &bits, sizeof x);
  return x;
}

static double number_at(DType t, const uint8_t *data, int64_t i) {
  if (t == DT_f32) {
    float x;
    memcpy(&x, data + 4 * i, sizeof x);
    return (double)x;
  }
  if (t == DT_f64) {
    double x;
    memcpy(&x, data + 8 * i, sizeof x);
    return x;
  }
  if (dtype_is_float(t)) {
    uint16_t h;
    memcpy(&h, data + 2 * i, sizeof h);
    return (double)half_to_float(h, t);
  }
  return (double)int_at(t, data, i);
}

double const_number(Node *n, const Value *v, const char *what, double absent) {
  if (!v || !is_known(n, v, what))
    return absent;
  if (type_count(v->type) == 1 && dtype_bits(v->type->dtype) >= 8)
    return number_at(v->type->dtype, v->init->data, 0);
  node_invalid(n, "%s must be one number", what);
  return absent;
}

Floats const_floats(Node *n, const Value *v, const char *what) {
  if (!is_known(n, v, what))
    return (Floats){0};
  int64_t count = type_count(v->type);
  if (count > INT32_MAX / 8 || dtype_bits(v->type->dtype) < 8) {
    node_refuse(n, "%s has %lld elements of type %s", what, (long long)count,
                dtype_name(v->type->dtype));
    return (Floats){0};
  }
  float *out = ARENA_ARRAY(n->im->arena, float, count);
  for (int64_t i = 0; i < count; i++)
    out[i] = (float)number_at(v->type->dtype, v->init->data, i);
  return (Floats){(int)count, out};
}

Ints ints_of(Node *n, int i, const char *name, bool *has) {
  const Value *v = node_in(n, i);
  *has = v || attr_has(n, name);
  if (!*has)
    return (Ints){0};
  return v ? const_ints(n, v, name) : attr_ints(n, name);
}

int axis_of(Node *n, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    node_invalid(n, "axis %lld of a tensor of rank %d", (long long)axis, rank);
    return 0;
  }
  return (int)(axis < 0 ? axis + rank : axis);
}

unsigned axes_of(Node *n, Ints axes, int rank) {
  unsigned mask = 0;
  if (!axes.n)
    return (1u << rank) - 1;
  for (int i = 0; i < axes.n && !n->bad; i++)
    mask |= 1u << axis_of(n, axes.v[i], rank);
  return mask;
}
