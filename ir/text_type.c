/* Reading types and constants of the text form: the parts of text_parse.c
 * that know nothing of graphs. Memory stays proportional to the text: a list
 * is counted before it is stored, and only a splat may be larger than what
 * was written. */
#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/text_parse.h"

#define SPLAT_MAX_BYTES ((int64_t)1 << 28)

/* Elements of the list behind '{', read or not: commas up to '}' plus one.
 * The text between must hold no braces. */
static int64_t count_list(const Lexer *l) {
  Lexer c = *l;
  lex_space(&c);
  if (c.p == c.end || *c.p == '}')
    return 0;
  int64_t n = 1;
  for (; c.p < c.end && *c.p != '}'; c.p++) {
    n += *c.p == ',';
    if (*c.p == '#') {
      lex_blanks(&c);
      c.p -= c.p == c.end;
    }
  }
  return n;
}

/* Between elements: a comma where another is due, '}' behind the last. */
static bool list_separator(Lexer *l, bool last) {
  lex_space(l);
  return lex_expect(l, last ? "}" : ",");
}

static bool parse_dims(Lexer *l, int *rank, int64_t *dim) {
  *rank = 0;
  if (!lex_expect(l, "["))
    return false;
  if (lex_accept(l, "]"))
    return true;
  do {
    if (*rank == MAX_RANK)
      return lex_error(l, l->p, "more than %d dimensions", MAX_RANK);
    if (!lex_int(l, 0, INT64_MAX, &dim[(*rank)++]))
      return false;
  } while (lex_accept(l, ","));
  return lex_expect(l, "]");
}

static bool parse_scale_list(Lexer *l, QuantParams *q) {
  if (!lex_expect(l, "{"))
    return false;
  const char *at = l->p;
  int64_t n = count_list(l);
  if (n == 0 || n > INT32_MAX)
    return lex_error(l, at, "%lld scales", (long long)n);
  float *scale = ARENA_ARRAY(l->arena, float, n);
  for (int64_t i = 0; i < n; i++) {
    lex_space(l);
    if (!lex_float(l, &scale[i]) || !list_separator(l, i + 1 == n))
      return false;
  }
  q->scale = scale;
  q->nscale = (int)n;
  return true;
}

/* `{...}` of integers, at least one. */
static bool parse_int_list(Lexer *l, int64_t min, int64_t max, int64_t **v,
                           int64_t *n) {
  if (!lex_expect(l, "{"))
    return false;
  const char *at = l->p;
  *n = count_list(l);
  if (*n == 0)
    return lex_error(l, at, "the list is empty");
  *v = ARENA_ARRAY(l->arena, int64_t, *n);
  for (int64_t i = 0; i < *n; i++) {
    lex_space(l);
    if (!lex_int(l, min, max, &(*v)[i]) || !list_separator(l, i + 1 == *n))
      return false;
  }
  return true;
}

static bool parse_zero_points(Lexer *l, QuantParams *q) {
  int32_t *zero = ARENA_ARRAY(l->arena, int32_t, q->nscale);
  q->zero_point = zero;
  bool listed = lex_peek(l) == '{';
  const char *at = l->p;
  int64_t one, *v = &one, n = 1;
  if (listed ? !parse_int_list(l, INT32_MIN, INT32_MAX, &v, &n)
             : !lex_int(l, INT32_MIN, INT32_MAX, &one))
    return false;
  if (listed && n != q->nscale)
    return lex_error(l, at, "%lld zero points for %d scales", (long long)n,
                     q->nscale);
  for (int i = 0; i < q->nscale; i++)
    zero[i] = (int32_t)v[listed ? i : 0];
  return true;
}

/* "axis A [block B], {scales}" or one scale. */
static bool parse_scales(Lexer *l, QuantParams *q) {
  int64_t axis, block = 0;
  if (!lex_accept(l, "axis")) {
    float *scale = ARENA_NEW(l->arena, float);
    *q = (QuantParams){.axis = -1, .nscale = 1, .scale = scale};
    return lex_float(l, scale);
  }
  if (!lex_int(l, 0, MAX_RANK - 1, &axis) ||
      (lex_accept(l, "block") && !lex_int(l, 1, INT32_MAX, &block)))
    return false;
  *q = (QuantParams){.axis = (int)axis, .block = (int)block};
  return lex_expect(l, ",") && parse_scale_list(l, q);
}

static bool parse_codebook(Lexer *l, QuantParams *q) {
  int64_t *v, n;
  if (!parse_int_list(l, INT8_MIN, INT8_MAX, &v, &n))
    return false;
  int8_t *codes = ARENA_ARRAY(l->arena, int8_t, n);
  for (int64_t i = 0; i < n; i++)
    codes[i] = (int8_t)v[i];
  q->codebook = codes;
  q->ncode = n > INT32_MAX ? INT32_MAX : (int)n;
  return true;
}

/* Behind "q(". */
static bool parse_quant(Lexer *l, DType dtype, QuantParams *q) {
  if (!parse_scales(l, q) || !lex_expect(l, ",") || !parse_zero_points(l, q))
    return false;
  q->qmin = dtype_min(dtype);
  q->qmax = dtype_max(dtype);
  while (lex_accept(l, ",")) {
    if (lex_accept(l, "range")) {
      if (!lex_int(l, INT64_MIN, INT64_MAX, &q->qmin) || !lex_expect(l, "..") ||
          !lex_int(l, INT64_MIN, INT64_MAX, &q->qmax))
        return false;
    } else if (!lex_accept(l, "codebook")) {
      return lex_error(l, l->p, "expected range or codebook");
    } else if (!parse_codebook(l, q)) {
      return false;
    }
  }
  return lex_expect(l, ")");
}

const Type *parse_type(Lexer *l) {
  lex_blanks(l);
  const char *at = l->p;
  DType dtype = dtype_find(lex_word(l));
  if (dtype == DT_COUNT) {
    lex_error(l, at, "expected a type, such as i8[1,4]");
    return NULL;
  }
  int rank;
  int64_t dim[MAX_RANK];
  if (!parse_dims(l, &rank, dim))
    return NULL;
  QuantParams q;
  bool quantized = lex_accept(l, "q(");
  if (quantized && !parse_quant(l, dtype, &q))
    return NULL;
  return type_new(l->arena, dtype, rank, dim, quantized ? &q : NULL);
}

/* 0x...: the bits of a float, for the NaNs that have no name. */
static bool parse_bits(Lexer *l, DType t, uint64_t *bits) {
  const char *at = l->p, *s = lex_word(l);
  size_t digits = strspn(s + 2, "0123456789abcdef");
  if (digits == 0 || s[2 + digits] || (int)digits * 4 > dtype_bits(t))
    return lex_error(l, at, "expected 0x and at most %d hexadecimal digits",
                     dtype_bits(t) / 4);
  *bits = 0;
  for (const char *p = s + 2; *p; p++)
    *bits = *bits << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
  return true;
}

static bool parse_float_element(Lexer *l, DType t, uint64_t *bits) {
  float f;
  double d;
  lex_blanks(l);
  if (l->end - l->p > 2 && l->p[0] == '0' && l->p[1] == 'x')
    return parse_bits(l, t, bits);
  if (t == DT_f32 ? !lex_float(l, &f) : !lex_double(l, &d))
    return false;
  *bits = element_from_double(t, t == DT_f32 ? (double)f : d);
  return true;
}

static bool parse_element(Lexer *l, DType t, uint64_t *bits) {
  int64_t x;
  if (dtype_is_float(t))
    return parse_float_element(l, t, bits);
  if (t == DT_u64)
    return lex_uint64(l, bits);
  /* a bool is a byte; what the byte is, is kept */
  if (!lex_int(l, dtype_min(t), t == DT_bool ? UINT8_MAX : dtype_max(t), &x))
    return false;
  *bits = (uint64_t)x;
  return true;
}

static const void *parse_list(Lexer *l, const Type *t) {
  const char *at = l->p;
  int64_t n = count_list(l);
  if (n != type_count(t)) {
    lex_error(l, at, "the list has %lld elements, the type %lld", (long long)n,
              (long long)type_count(t));
    return NULL;
  }
  uint8_t *data = arena_alloc(l->arena, (size_t)type_bytes(t) + 1);
  for (int64_t i = 0; i < n; i++) {
    uint64_t bits;
    lex_space(l);
    if (!parse_element(l, t->dtype, &bits) || !list_separator(l, i + 1 == n))
      return NULL;
    element_store(t->dtype, data, i, bits);
  }
  return n > 0 || list_separator(l, true) ? data : NULL;
}

static const void *parse_splat(Lexer *l, const Type *t) {
  lex_blanks(l);
  const char *at = l->p;
  uint64_t bits;
  if (!parse_element(l, t->dtype, &bits))
    return NULL;
  if (type_bytes(t) > SPLAT_MAX_BYTES) {
    lex_error(l, at, "a splat has at most 2^28 bytes");
    return NULL;
  }
  uint8_t *data = arena_alloc(l->arena, (size_t)type_bytes(t) + 1);
  int64_t n = type_count(t);
  for (int64_t i = 0; i < n; i++)
    element_store(t->dtype, data, i, bits);
  return data;
}

const void *parse_const_value(Lexer *l, FileCache *files, const Type *t) {
  lex_blanks(l);
  const char *at = l->p;
  if (lex_accept(l, "{"))
    return parse_list(l, t);
  const char *word = lex_word(l);
  if (strcmp(word, "splat") == 0)
    return parse_splat(l, t);
  if (is_file_keyword(word))
    return parse_file_const(l, files, word, t);
  if (strcmp(word, "elided") == 0)
    lex_error(l, at, "the constant was left out when this text was printed");
  else
    lex_error(l, at, "expected {...}, splat, file, npy, npz or safetensors");
  return NULL;
}
