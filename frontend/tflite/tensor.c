/* Tensors of a TFLite file: names, types with their quantization, and
 * constants, which are read in place. */
#include <math.h>
#include <string.h>

#include "frontend/tflite/import.h"

/* More than LiteRT's kernels can index; also keeps all later arithmetic on
 * element counts far from overflow. */
static const int64_t max_tensor_bytes = INT32_MAX;

bool import_spend(Import *im, size_t n) {
  if (n > im->budget) {
    im->budget = 0;
    return fb_corrupt(&im->fb, 0, "the model",
                      "its parts are shared so often that together they are "
                      "many times as large as the file");
  }
  im->budget -= n;
  return true;
}

bool import_tensors(Import *im, FbTable subgraph) {
  Fb *fb = &im->fb;
  FbVec v = fb_vec(fb, subgraph, TFL_F(SubGraph, tensors), 4);
  im->tensors = ARENA_ARRAY(im->arena, Tensor, v.n);
  im->ntensor = v.n;
  for (size_t i = 0; i < v.n && !fb->bad; i++)
    im->tensors[i].table = fb_vec_table(fb, v, i, TFL_F(SubGraph, tensors));
  return !fb->bad;
}

Tensor *import_tensor(Import *im, int64_t index, const char *what) {
  if (index >= 0 && (size_t)index < im->ntensor)
    return &im->tensors[index];
  fb_corrupt(&im->fb, 0, what, "tensor %lld of %zu", (long long)index,
             im->ntensor);
  return NULL;
}

/* Length of the UTF-8 sequence at s, 0 when it is not one. Overlong forms
 * and surrogates are not. */
static size_t utf8_length(const uint8_t *s, size_t n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = s[0] < 0x80             ? 1
               : (s[0] & 0xe0) == 0xc0 ? 2
               : (s[0] & 0xf0) == 0xe0 ? 3
               : (s[0] & 0xf8) == 0xf0 ? 4
                                       : 0;
  if (len <= 1 || len > n)
    return len == 1;
  uint32_t c = s[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((s[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (s[i] & 0x3f);
  }
  bool surrogate = c >= 0xd800 && c <= 0xdfff;
  return c < least[len] || c > 0x10ffff || surrogate ? 0 : len;
}

/* The file's name with whatever is not UTF-8 replaced by '?'. */
static char *clean_name(Arena *a, const uint8_t *s, size_t n) {
  char *name = arena_alloc(a, n + 1);
  for (size_t i = 0; i < n;) {
    size_t len = s[i] ? utf8_length(s + i, n - i) : 0;
    if (len)
      memcpy(name + i, s + i, len);
    else
      name[i] = '?';
    i += len ? len : 1;
  }
  return name;
}

const char *tensor_name(Import *im, Tensor *t) {
  if (t->name)
    return t->name;
  FbVec s = fb_vec(&im->fb, t->table, TFL_F(Tensor, name), 1);
  if (s.n && import_spend(im, s.n))
    t->name = clean_name(im->arena, im->fb.data + s.pos, s.n);
  else
    t->name = arena_printf(im->arena, "tensor_%td", t - im->tensors);
  return t->name;
}

Loc tensor_loc(Import *im, Tensor *t) {
  return (Loc){.file = im->fb.file,
               .what = arena_printf(im->arena, "tensor %td '%.80s'",
                                    t - im->tensors, tensor_name(im, t))};
}

static bool refuse(Import *im, Tensor *t, Loc loc, const char *why) {
  return diag_error(im->diag, E0302, loc, "tensor '%.80s' %s",
                    tensor_name(im, t), why);
}

static bool read_dtype(Import *im, Tensor *t, Loc loc, DType *out) {
  static const struct {
    int code;
    DType dtype;
  } rows[] = {
      {TFL_FLOAT32, DT_f32}, {TFL_FLOAT16, DT_f16}, {TFL_FLOAT64, DT_f64},
      {TFL_BOOL, DT_bool},   {TFL_INT8, DT_i8},     {TFL_UINT8, DT_u8},
      {TFL_INT16, DT_i16},   {TFL_UINT16, DT_u16},  {TFL_INT32, DT_i32},
      {TFL_UINT32, DT_u32},  {TFL_INT64, DT_i64},   {TFL_UINT64, DT_u64}};
  int code = fb_i8(&im->fb, t->table, TFL_F(Tensor, type));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].code == code) {
      *out = rows[i].dtype;
      return true;
    }
  const char *name = tfl_type_name(code);
  if (name)
    return refuse(im, t, loc,
                  arena_printf(im->arena,
                               "has elements of type %s, which is "
                               "not supported",
                               name));
  return fb_corrupt(&im->fb, t->table.pos, "Tensor.type",
                    "%d is no element type", code);
}

static bool read_shape(Import *im, Tensor *t, Loc loc, Type *type) {
  FbVec v = fb_vec(&im->fb, t->table, TFL_F(Tensor, shape), 4);
  if (v.n > MAX_RANK)
    return refuse(im, t, loc,
                  arena_printf(im->arena, "has %zu dimensions, more than %d",
                               v.n, MAX_RANK));
  int64_t bytes = dtype_bits(type->dtype) / 8;
  type->rank = (int)v.n;
  for (int i = 0; i < type->rank; i++) {
    int32_t dim = fb_vec_i32(&im->fb, v, (size_t)i);
    if (dim < 0)
      return diag_error(im->diag, E0303, loc,
                        "tensor '%.80s': dimension %d is not known at "
                        "compile time",
                        tensor_name(im, t), i);
    type->dim[i] = dim;
    bytes = dim && bytes > max_tensor_bytes / dim ? INT64_MAX : bytes * dim;
    if (bytes > max_tensor_bytes)
      return refuse(im, t, loc, "is larger than 2 GB");
  }
  return true;
}

/* What a type cannot say. */
static bool check_kind(Import *im, Tensor *t, Loc loc) {
  Fb *fb = &im->fb;
  if (fb_bool(fb, t->table, TFL_F(Tensor, is_variable)))
    return refuse(im, t, loc, "is a variable, which keeps state between runs");
  if (fb_has(fb, t->table, TFL_F(Tensor, sparsity)))
    return refuse(im, t, loc, "is stored sparsely");
  if (fb_vec(fb, t->table, TFL_F(Tensor, variant_tensors), 4).n)
    return refuse(im, t, loc, "is of variant type");
  if (fb_u32(fb, t->table, TFL_F(Tensor, external_buffer)))
    return refuse(im, t, loc, "has its data in another file");
  return true;
}

/* The array lengths and the axis. A 1-D tensor has one axis only: files
 * exist (biases of depthwise convolutions) that name another. */
static bool read_axis(Import *im, Tensor *t, Loc loc, const Type *type,
                      FbTable table, QuantParams *q) {
  if (q->nscale == 1) {
    q->axis = -1;
    return true;
  }
  const FbField *f = TFL_F(QuantizationParameters, quantized_dimension);
  q->axis = type->rank == 1 ? 0 : fb_i32(&im->fb, table, f, 0);
  if (q->axis < 0 || q->axis >= type->rank || type->dim[q->axis] != q->nscale)
    return diag_error(im->diag, E0202, loc,
                      "tensor '%.80s' has %d scales for dimension %d",
                      tensor_name(im, t), q->nscale, q->axis);
  return true;
}

static bool read_zero_points(Import *im, Tensor *t, Loc loc, const Type *type,
                             FbVec v, QuantParams *q) {
  int32_t *zero = ARENA_ARRAY(im->arena, int32_t, q->nscale);
  q->zero_point = zero;
  if (v.n > 1 && v.n != (size_t)q->nscale)
    return diag_error(im->diag, E0202, loc,
                      "tensor '%.80s' has %d scales and %zu zero points",
                      tensor_name(im, t), q->nscale, v.n);
  for (int i = 0; i < q->nscale && v.n; i++) {
    int64_t z = fb_vec_i64(&im->fb, v, v.n == 1 ? 0 : (size_t)i);
    if (z < INT32_MIN || z > INT32_MAX || z < dtype_min(type->dtype) ||
        z > dtype_max(type->dtype))
      return diag_error(im->diag, E0202, loc,
                        "tensor '%.80s': zero point %lld does not fit into "
                        "%s",
                        tensor_name(im, t), (long long)z,
                        dtype_name(type->dtype));
    zero[i] = (int32_t)z;
  }
  return true;
}

static bool read_scales(Import *im, Tensor *t, Loc loc, FbVec v,
                        QuantParams *q) {
  float *scale = ARENA_ARRAY(im->arena, float, v.n);
  q->scale = scale;
  for (size_t i = 0; i < v.n; i++) {
    scale[i] = fb_vec_f32(&im->fb, v, i);
    if (!isfinite(scale[i]) || scale[i] <= 0)
      return diag_error(im->diag, E0202, loc,
                        "tensor '%.80s': scale %zu is %g, not a positive "
                        "number",
                        tensor_name(im, t), i, (double)scale[i]);
  }
  return true;
}

static bool read_quant(Import *im, Tensor *t, Loc loc, Type *type) {
  Fb *fb = &im->fb;
  FbTable table = fb_table(fb, t->table, TFL_F(Tensor, quantization));
  FbVec scale = fb_vec(fb, table, TFL_F(QuantizationParameters, scale), 4);
  FbVec zero = fb_vec(fb, table, TFL_F(QuantizationParameters, zero_point), 8);
  if (fb_u8(fb, table, TFL_F(QuantizationParameters, details_type)))
    return refuse(im, t, loc,
                  "has a quantization other than per tensor or "
                  "per axis");
  if (!scale.n || !dtype_is_integer(type->dtype))
    return true;
  if (!import_spend(im, scale.n))
    return false;
  QuantParams *q = ARENA_NEW(im->arena, QuantParams);
  q->nscale = (int)scale.n;
  q->qmin = dtype_min(type->dtype);
  q->qmax = dtype_max(type->dtype);
  type->q = q;
  return read_axis(im, t, loc, type, table, q) &&
         read_scales(im, t, loc, scale, q) &&
         read_zero_points(im, t, loc, type, zero, q);
}

const Type *tensor_type(Import *im, Tensor *t, Loc loc) {
  if (t->type || t->bad)
    return t->type;
  Type type = {.dtype = DT_COUNT};
  t->bad = !check_kind(im, t, loc) || !read_dtype(im, t, loc, &type.dtype) ||
           !read_shape(im, t, loc, &type) || !read_quant(im, t, loc, &type) ||
           im->fb.bad;
  if (!t->bad)
    t->type = type_new(im->arena, type.dtype, type.rank, type.dim, type.q);
  return t->type;
}

/* Data of files over 2 GB lies behind the flatbuffer: the Buffer has its
 * place in the file instead of the bytes. 0 and 1 are placeholders. */
static FbVec buffer_outside(Import *im, FbTable b) {
  Fb *fb = &im->fb;
  uint64_t at = fb_u64(fb, b, TFL_F(Buffer, offset));
  uint64_t n = fb_u64(fb, b, TFL_F(Buffer, size));
  if (at <= 1 && n <= 1)
    return (FbVec){0};
  if (at <= fb->bytes && n <= fb->bytes - at)
    return (FbVec){.pos = (size_t)at, .n = (size_t)n};
  fb_corrupt(fb, b.pos, "Buffer.offset",
             "%llu bytes at byte %llu, the file ends at byte %zu",
             (unsigned long long)n, (unsigned long long)at, fb->bytes);
  return (FbVec){0};
}

FbVec tensor_bytes(Import *im, const Tensor *t) {
  Fb *fb = &im->fb;
  uint32_t index = fb_u32(fb, t->table, TFL_F(Tensor, buffer));
  if (fb->bad || !index)
    return (FbVec){0};
  if (index >= im->buffers.n) {
    fb_corrupt(fb, t->table.pos, "Tensor.buffer", "buffer %u of %zu", index,
               im->buffers.n);
    return (FbVec){0};
  }
  FbTable b = fb_vec_table(fb, im->buffers, index, TFL_F(Model, buffers));
  FbVec v = fb_vec(fb, b, TFL_F(Buffer, data), 1);
  return v.n ? v : buffer_outside(im, b);
}

bool tensor_is_open(Import *im, const Tensor *t) {
  FbVec v = fb_vec(&im->fb, t->table, TFL_F(Tensor, shape_signature), 4);
  for (size_t i = 0; i < v.n; i++)
    if (fb_vec_i32(&im->fb, v, i) < 0)
      return true;
  return false;
}

/* The bytes in place, or a copy where they are not aligned. */
static const void *aligned_data(Import *im, const Type *type, FbVec v) {
  const uint8_t *data = im->fb.data + v.pos;
  size_t align = (size_t)dtype_bits(type->dtype) / 8;
  if ((uintptr_t)data % align == 0)
    return data;
  return import_spend(im, v.n) ? arena_dup(im->arena, data, v.n) : NULL;
}

static Value *make_const(Import *im, Tensor *t, const Type *type) {
  FbVec v = tensor_bytes(im, t);
  if (!im->fb.bad && v.n != (size_t)type_bytes(type))
    fb_corrupt(&im->fb, v.pos, tensor_name(im, t),
               "%zu bytes of data for a tensor of %lld", v.n,
               (long long)type_bytes(type));
  const void *data = im->fb.bad ? NULL : aligned_data(im, type, v);
  return data ? graph_const(im->graph, tensor_name(im, t), type, data) : NULL;
}

const Type *tensor_value_type(Import *im, Tensor *t, Loc loc) {
  const Type *type = tensor_type(im, t, loc);
  if (!type || type_count(type))
    return type;
  t->bad = true;
  t->type = NULL;
  refuse(im, t, loc, "has no elements");
  return NULL;
}

Value *tensor_value(Import *im, Tensor *t, Loc loc) {
  const Type *type = tensor_value_type(im, t, loc);
  if (t->value || !type)
    return t->value;
  if (t->produced) /* by an operator that was refused */
    t->value = graph_input(im->graph, tensor_name(im, t), type);
  else if (tensor_bytes(im, t).n)
    t->value = make_const(im, t, type);
  else if (!im->fb.bad)
    diag_error(im->diag, E0201, loc,
               "tensor '%.80s' is read before anything has written it",
               tensor_name(im, t));
  return t->value;
}
