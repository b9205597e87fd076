/* Types and quantization parameters: makers, predicates, comparison, the
 * text of a type. Sizes saturate at INT64_MAX instead of wrapping, because
 * shapes come from untrusted files; ir/verify.c refuses what is too large. */
#include "ir/types.h"

#include <assert.h>
#include <string.h>

typedef enum DTypeClass { SINT, UINT, FLOAT, BOOL } DTypeClass;

static const struct {
  const char *name;
  int bits;
  DTypeClass class_;
} dtypes[DT_COUNT] = {
#define DTYPE(name, text, bits, class) {text, bits, class},
#include "ir/dtypes.def"
#undef DTYPE
};

const char *dtype_name(DType t) { return t < DT_COUNT ? dtypes[t].name : "?"; }

DType dtype_find(const char *name) {
  int i = 0;
  while (i < DT_COUNT && strcmp(dtypes[i].name, name) != 0)
    i++;
  return (DType)i;
}

int dtype_bits(DType t) { return dtypes[t].bits; }

bool dtype_is_float(DType t) { return dtypes[t].class_ == FLOAT; }

bool dtype_is_integer(DType t) {
  return dtypes[t].class_ == SINT || dtypes[t].class_ == UINT;
}

bool dtype_is_signed(DType t) {
  return dtypes[t].class_ == SINT || dtypes[t].class_ == FLOAT;
}

int64_t dtype_min(DType t) {
  if (dtypes[t].class_ != SINT)
    return 0;
  return -dtype_max(t) - 1;
}

int64_t dtype_max(DType t) {
  int value_bits = dtypes[t].bits - (dtypes[t].class_ == SINT);
  if (dtypes[t].class_ == BOOL)
    return 1;
  if (value_bits >= 63)
    return INT64_MAX;
  return ((int64_t)1 << value_bits) - 1;
}

static const QuantParams *quant_dup(Arena *a, const QuantParams *q) {
  if (!q)
    return NULL;
  QuantParams *c = arena_dup(a, q, sizeof *q);
  size_t n = (size_t)q->nscale;
  c->scale = arena_dup(a, q->scale, n * sizeof *q->scale);
  c->zero_point = arena_dup(a, q->zero_point, n * sizeof *q->zero_point);
  if (q->codebook)
    c->codebook = arena_dup(a, q->codebook, (size_t)q->ncode);
  return c;
}

const Type *type_new(Arena *a, DType dtype, int rank, const int64_t *dim,
                     const QuantParams *q) {
  assert(rank >= 0 && rank <= MAX_RANK);
  Type *t = ARENA_NEW(a, Type);
  t->dtype = dtype;
  t->rank = rank;
  if (rank > 0)
    memcpy(t->dim, dim, (size_t)rank * sizeof *dim);
  t->q = quant_dup(a, q);
  return t;
}

const Type *type_with_shape(Arena *a, const Type *t, int rank,
                            const int64_t *dim) {
  return type_new(a, t->dtype, rank, dim, t->q);
}

const Type *type_with_dtype(Arena *a, const Type *t, DType dtype,
                            const QuantParams *q) {
  return type_new(a, dtype, t->rank, t->dim, q);
}

const QuantParams *quant_per_tensor(Arena *a, float scale, int32_t zero_point,
                                    DType dtype) {
  QuantParams q = {.axis = -1,
                   .nscale = 1,
                   .scale = &scale,
                   .zero_point = &zero_point,
                   .qmin = dtype_min(dtype),
                   .qmax = dtype_max(dtype)};
  return quant_dup(a, &q);
}

int64_t mul_saturating(int64_t a, int64_t b) {
  int64_t r;
  return __builtin_mul_overflow(a, b, &r) ? INT64_MAX : r;
}

int64_t type_count(const Type *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] == 0)
      return 0;
    n = mul_saturating(n, t->dim[i]);
  }
  return n;
}

int64_t type_bytes(const Type *t) {
  int64_t bits = mul_saturating(type_count(t), dtype_bits(t->dtype));
  return bits == INT64_MAX ? bits : bits / 8 + (bits % 8 != 0);
}

bool type_same_shape(const Type *a, const Type *b) {
  return a->rank == b->rank &&
         memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

bool type_equal(const Type *a, const Type *b) {
  return a == b || (a->dtype == b->dtype && type_same_shape(a, b) &&
                    quant_equal(a->q, b->q));
}

bool quant_equal(const QuantParams *a, const QuantParams *b) {
  if (a == b)
    return true;
  if (!a || !b || a->axis != b->axis || a->block != b->block ||
      a->nscale != b->nscale || a->qmin != b->qmin || a->qmax != b->qmax ||
      !a->codebook != !b->codebook)
    return false;
  size_t n = (size_t)a->nscale;
  if (memcmp(a->scale, b->scale, n * sizeof *a->scale) != 0 ||
      memcmp(a->zero_point, b->zero_point, n * sizeof *a->zero_point) != 0)
    return false;
  return !a->codebook ||
         (a->ncode == b->ncode &&
          memcmp(a->codebook, b->codebook, (size_t)a->ncode) == 0);
}

bool type_is_quantized(const Type *t) {
  return t->q && dtype_is_integer(t->dtype);
}

bool type_is_q8(const Type *t) {
  return t->q && t->q->axis < 0 && !t->q->codebook &&
         (t->dtype == DT_i8 || t->dtype == DT_u8);
}

float type_scale(const Type *t) { return t->q ? t->q->scale[0] : 1.0f; }

int32_t type_zero_point(const Type *t) {
  return t->q ? t->q->zero_point[0] : 0;
}

static int64_t elements_behind(const Type *t, int axis) {
  int64_t n = 1;
  for (int i = axis + 1; i < t->rank; i++)
    n *= t->dim[i];
  return n;
}

/* Blocks along the axis. */
static int64_t block_count(const Type *t) {
  return (t->dim[t->q->axis] - 1) / t->q->block + 1;
}

int64_t type_entry(const Type *t, int64_t at) {
  if (!t->q || t->q->axis < 0)
    return 0;
  int64_t n = t->dim[t->q->axis], inner = elements_behind(t, t->q->axis);
  int64_t c = at / inner % n;
  if (!t->q->block)
    return c;
  return (at / inner / n * block_count(t) + c / t->q->block) * inner +
         at % inner;
}

int64_t type_entries(const Type *t) {
  if (!t->q || t->q->axis < 0)
    return 1;
  int64_t n = t->dim[t->q->axis];
  return t->q->block ? type_count(t) / n * block_count(t) : n;
}

float type_channel_scale(const Type *t, int64_t c) {
  return t->q ? t->q->scale[t->q->axis < 0 ? 0 : c] : 1.0f;
}

int32_t type_channel_zero_point(const Type *t, int64_t c) {
  return t->q ? t->q->zero_point[t->q->axis < 0 ? 0 : c] : 0;
}

static void print_scales(Str *out, const QuantParams *q) {
  if (q->axis < 0) {
    str_add_float(out, q->scale[0]);
    return;
  }
  str_printf(out, "axis %d", q->axis);
  if (q->block)
    str_printf(out, " block %d", q->block);
  for (int i = 0; i < q->nscale; i++) {
    str_add(out, i ? ", " : ", {");
    str_add_float(out, q->scale[i]);
  }
  str_add(out, q->nscale ? "}" : ", {}");
}

static bool all_zero_points_equal(const QuantParams *q) {
  for (int i = 1; i < q->nscale; i++)
    if (q->zero_point[i] != q->zero_point[0])
      return false;
  return q->nscale > 0;
}

static void print_zero_points(Str *out, const QuantParams *q) {
  if (all_zero_points_equal(q)) {
    str_printf(out, ", %d", (int)q->zero_point[0]);
    return;
  }
  for (int i = 0; i < q->nscale; i++)
    str_printf(out, "%s%d", i ? ", " : ", {", (int)q->zero_point[i]);
  str_add(out, q->nscale ? "}" : ", {}");
}

static void print_quant(Str *out, const QuantParams *q, DType dtype) {
  str_add(out, " q(");
  print_scales(out, q);
  print_zero_points(out, q);
  if (q->qmin != dtype_min(dtype) || q->qmax != dtype_max(dtype))
    str_printf(out, ", range %lld..%lld", (long long)q->qmin,
               (long long)q->qmax);
  if (q->codebook) {
    for (int i = 0; i < q->ncode; i++)
      str_printf(out, "%s%d", i ? ", " : ", codebook {", q->codebook[i]);
    str_add(out, q->ncode ? "}" : ", codebook {}");
  }
  str_add(out, ")");
}

void type_print(Str *out, const Type *t) {
  str_add(out, dtype_name(t->dtype));
  str_add(out, "[");
  for (int i = 0; i < t->rank; i++)
    str_printf(out, "%s%lld", i ? "," : "", (long long)t->dim[i]);
  str_add(out, "]");
  if (t->q)
    print_quant(out, t->q, t->dtype);
}
