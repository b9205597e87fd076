/* What the tables say of an op kind: its row in ops.def, the fields and
 * defaults of its attributes (attrs.def), and the costs that follow from its
 * types alone. */
#include <stddef.h>
#include <string.h>

#include "ir/attrs.h"
#include "ir/graph.h"

static const OpInfo infos[OP_COUNT] = {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc)                 \
  {#name, nmin, nmax, nout, traits, doc},
#include "ir/ops.def"
#undef OP
};

const OpInfo *op_info(OpKind k) { return &infos[k]; }

OpKind op_find(const char *name) {
  int i = 0;
  while (i < OP_COUNT && strcmp(infos[i].name, name) != 0)
    i++;
  return (OpKind)i;
}

static const char *const act_names[ACT_COUNT] = {"none", "relu", "relu6",
                                                 "relu_n1_1", "relu_0_1"};
static const char *const reduction_names[REDUCTION_COUNT] = {
    "none", "add", "mul", "min", "max"};
static const char *const rounding_names[ROUND_COUNT] = {"tflite", "tflm",
                                                        "onnx", "single"};

static int name_index(const char *const *names, int n, const char *name) {
  int i = 0;
  while (i < n && strcmp(names[i], name) != 0)
    i++;
  return i;
}

const char *act_name(Act a) { return a < ACT_COUNT ? act_names[a] : "?"; }

Act act_find(const char *name) {
  return (Act)name_index(act_names, ACT_COUNT, name);
}

const char *reduction_name(Reduction r) {
  return r < REDUCTION_COUNT ? reduction_names[r] : "?";
}

Reduction reduction_find(const char *name) {
  return (Reduction)name_index(reduction_names, REDUCTION_COUNT, name);
}

const char *rounding_name(Rounding r) {
  return r < ROUND_COUNT ? rounding_names[r] : "?";
}

Rounding rounding_find(const char *name) {
  return (Rounding)name_index(rounding_names, ROUND_COUNT, name);
}

/* One array a struct of attrs.def; `Self` lets F name the struct it is in. */
typedef struct FieldList {
  const AttrField *v;
  int n;
} FieldList;

#define F(type, name, def) {#name, AT_##type, offsetof(Self, name), def},
#define ATTRS(name, fields)                                                    \
  static FieldList fields_of_##name(void) {                                    \
    typedef name Self;                                                         \
    static const AttrField v[] = {fields};                                     \
    return (FieldList){v, (int)(sizeof v / sizeof v[0])};                      \
  }
#include "ir/attrs.def"
#undef ATTRS
#undef F

static FieldList (*const field_lists[OP_COUNT])(void) = {
#define OP(name, attrs, member, nmin, nmax, nout, traits, doc)                 \
  fields_of_##attrs,
#include "ir/ops.def"
#undef OP
};

const AttrField *attr_fields(OpKind k, int *n) {
  if (field_lists[k] == fields_of_NoAttrs) {
    *n = 0;
    return NULL;
  }
  FieldList l = field_lists[k]();
  *n = l.n;
  return l.v;
}

void *attr_at(Attrs *a, const AttrField *f) { return (char *)a + f->offset; }

const void *attr_at_const(const Attrs *a, const AttrField *f) {
  return (const char *)a + f->offset;
}

static void fill(int64_t *v, int n, int64_t x) {
  for (int i = 0; i < n; i++)
    v[i] = x;
}

static void set_default(Attrs *a, const AttrField *f) {
  void *p = attr_at(a, f);
  switch (f->type) {
  case AT_Int:
    *(Int *)p = f->default_value;
    break;
  case AT_Word:
    *(Word *)p = f->default_value;
    break;
  case AT_Bool:
    *(Bool *)p = f->default_value != 0;
    break;
  case AT_Float:
    *(Float *)p = (Float)f->default_value;
    break;
  case AT_Act:
    *(Act *)p = (Act)f->default_value;
    break;
  case AT_Reduction:
    *(Reduction *)p = (Reduction)f->default_value;
    break;
  case AT_Int2:
    fill(((Int2 *)p)->v, 2, f->default_value);
    break;
  case AT_Int4:
    fill(((Int4 *)p)->v, 4, f->default_value);
    break;
  case AT_IntList:
    fill(((IntList *)p)->v, MAX_RANK, f->default_value);
    break;
  }
}

Attrs attrs_default(OpKind k) {
  Attrs a;
  memset(&a, 0, sizeof a);
  int n;
  const AttrField *f = attr_fields(k, &n);
  for (int i = 0; i < n; i++)
    set_default(&a, &f[i]);
  return a;
}

static bool list_equal(const IntList *a, const IntList *b) {
  return a->n == b->n && memcmp(a->v, b->v, (size_t)a->n * sizeof a->v[0]) == 0;
}

bool attr_equal(const AttrField *f, const Attrs *a, const Attrs *b) {
  const void *p = attr_at_const(a, f), *q = attr_at_const(b, f);
  switch (f->type) {
  case AT_Int:
    return *(const Int *)p == *(const Int *)q;
  case AT_Word:
    return *(const Word *)p == *(const Word *)q;
  case AT_Bool:
    return *(const Bool *)p == *(const Bool *)q;
  case AT_Float: /* by bits: -0 and NaN are values like any other */
    return memcmp(p, q, sizeof(Float)) == 0;
  case AT_Act:
    return *(const Act *)p == *(const Act *)q;
  case AT_Reduction:
    return *(const Reduction *)p == *(const Reduction *)q;
  case AT_Int2:
    return memcmp(p, q, sizeof(Int2)) == 0;
  case AT_Int4:
    return memcmp(p, q, sizeof(Int4)) == 0;
  case AT_IntList:
    return list_equal(p, q);
  }
  return false;
}

bool attrs_equal(OpKind k, const Attrs *a, const Attrs *b) {
  int n;
  const AttrField *f = attr_fields(k, &n);
  for (int i = 0; i < n; i++)
    if (!attr_equal(&f[i], a, b))
      return false;
  return true;
}

/* Multiply-accumulates of one output element: the weight elements that one
 * output channel reads; of one input element where it is spread over the
 * output; 0 for ops without weights. */
static int64_t macs_per_element(const Op *op) {
  const Value *w = op_in(op, 1);
  switch (op->kind) {
  case OP_conv2d: /* OHWI: H * W * I */
    return mul_saturating(mul_saturating(w->type->dim[1], w->type->dim[2]),
                          w->type->dim[3]);
  case OP_depthwise_conv2d: /* 1HWM: H * W */
    return mul_saturating(w->type->dim[1], w->type->dim[2]);
  case OP_fully_connected: /* [N, K]: K */
    return w->type->dim[1];
  case OP_matmul: /* [.., K, N]: K */
    return w->type->dim[w->type->rank - 2];
  case OP_conv_transpose2d: /* of an element of x: H * W * O / groups */
    return type_count(w->type) / op->in[0]->type->dim[3];
  default:
    return 0;
  }
}

int64_t op_macs(const Op *op) {
  int64_t each = macs_per_element(op);
  bool spreads = op->kind == OP_conv_transpose2d;
  const Value *over = spreads ? op->in[0] : op->out[0];
  return each ? mul_saturating(type_count(over->type), each) : 0;
}

int64_t op_weight_bytes(const Op *op) {
  int64_t bytes = 0;
  int first = op->kind == OP_matmul ? 0 : 1; /* either may be the weights */
  for (int i = first; i < 2 && macs_per_element(op); i++)
    bytes += op->in[i]->init ? type_bytes(op->in[i]->type) : 0;
  return bytes;
}
