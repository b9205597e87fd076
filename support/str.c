/* Growing strings, and the two conversions whose exactness others rely on:
 * shortest round-trip floats (text models, reports) and well-formed UTF-8
 * out of untrusted names. */
#include "support/str.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Str str_new(Arena *a) { return (Str){.arena = a}; }

const char *str_cstr(const Str *b) { return b->s ? b->s : ""; }

void str_reserve(Str *b, size_t n) {
  if (b->cap > b->n && b->cap - b->n > n)
    return;
  size_t cap = 2 * b->cap < 32 ? 32 : 2 * b->cap;
  if (cap < b->n + n + 1)
    cap = b->n + n + 1;
  char *s = arena_alloc(b->arena, cap);
  if (b->n)
    memcpy(s, b->s, b->n);
  b->s = s;
  b->cap = cap;
}

void str_add_bytes(Str *b, const void *data, size_t n) {
  str_reserve(b, n);
  if (n)
    memcpy(b->s + b->n, data, n);
  b->n += n;
  b->s[b->n] = 0;
}

void str_add(Str *b, const char *s) { str_add_bytes(b, s, strlen(s)); }

void str_printf(Str *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  str_vprintf(b, fmt, ap);
  va_end(ap);
}

void str_vprintf(Str *b, const char *fmt, va_list ap) {
  va_list again;
  va_copy(again, ap);
  str_reserve(b, 0);
  int n = vsnprintf(b->s + b->n, b->cap - b->n, fmt, ap);
  if (n >= 0 && (size_t)n >= b->cap - b->n) {
    str_reserve(b, (size_t)n);
    vsnprintf(b->s + b->n, (size_t)n + 1, fmt, again);
  }
  va_end(again);
  if (n > 0)
    b->n += (size_t)n;
}

/* What printf wrote, made a float for whoever reads it: "1" -> "1.0". */
static void add_decimal(Str *b, const char *digits) {
  str_add(b, digits);
  if (!strpbrk(digits, ".e"))
    str_add(b, ".0");
}

static bool add_special(Str *b, double x) {
  if (isnan(x))
    str_add(b, "nan");
  else if (isinf(x))
    str_add(b, x < 0 ? "-inf" : "inf");
  return !isfinite(x);
}

void str_add_float(Str *b, float x) {
  if (add_special(b, (double)x))
    return;
  char digits[32];
  for (int n = 1; n <= 9; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, (double)x);
    if (strtof(digits, NULL) == x)
      break;
  }
  add_decimal(b, digits);
}

void str_add_double(Str *b, double x) {
  if (add_special(b, x))
    return;
  char digits[40];
  for (int n = 1; n <= 17; n++) {
    snprintf(digits, sizeof digits, "%.*g", n, x);
    if (strtod(digits, NULL) == x)
      break;
  }
  add_decimal(b, digits);
}

/* The length of the well-formed UTF-8 sequence at s (Unicode, table 3-7);
 * 0 when there is none. */
static size_t utf8_length(const unsigned char *s) {
  static const struct {
    unsigned char lead_min, lead_max, second_min, second_max, length;
  } rows[] = {
      {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2},
      {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
      {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
      {0xf4, 0xf4, 0x80, 0x8f, 4},
  };
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    if (s[0] < rows[r].lead_min || s[0] > rows[r].lead_max)
      continue;
    if (rows[r].length == 1)
      return 1;
    if (s[1] < rows[r].second_min || s[1] > rows[r].second_max)
      return 0;
    for (size_t i = 2; i < rows[r].length; i++)
      if ((s[i] & 0xc0) != 0x80)
        return 0;
    return rows[r].length;
  }
  return 0;
}

void str_add_clipped(Str *b, const char *s, size_t width) {
  size_t n = strlen(s), cut = width;
  while (cut < n && cut && ((unsigned char)s[cut] & 0xc0) == 0x80)
    cut--;
  str_add_bytes(b, s, cut < n ? cut : n);
  if (cut < n)
    str_add(b, "...");
}

void str_add_grouped(Str *b, int64_t x) {
  char digits[24];
  int n = snprintf(digits, sizeof digits, "%lld", (long long)x);
  for (int i = 0; i < n; i++) {
    str_add_bytes(b, digits + i, 1);
    if (digits[i] != '-' && i + 1 < n && (n - i - 1) % 3 == 0)
      str_add(b, ",");
  }
}

void str_add_utf8(Str *b, const char *s) {
  while (*s) {
    size_t n = utf8_length((const unsigned char *)s);
    str_add_bytes(b, n ? s : "\xef\xbf\xbd", n ? n : 3);
    s += n ? n : 1;
  }
}

bool str_has_prefix(const char *s, const char *prefix) {
  return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *s, const char *suffix) {
  size_t n = strlen(s), m = strlen(suffix);
  return n >= m && strcmp(s + n - m, suffix) == 0;
}
