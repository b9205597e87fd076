/* A string that grows, in an arena. `s` is always terminated once anything
 * was added; `str_cstr` gives "" for an empty one. */
#ifndef KILN_SUPPORT_STR_H
#define KILN_SUPPORT_STR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/arena.h"

typedef struct Str {
  Arena *arena;
  char *s;
  size_t n, cap;
} Str;

Str str_new(Arena *a);
/* Makes room for n bytes more and the terminator. */
void str_reserve(Str *b, size_t n);
void str_add(Str *b, const char *s);
void str_add_bytes(Str *b, const void *data, size_t n);
void str_printf(Str *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void str_vprintf(Str *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
const char *str_cstr(const Str *b);

/* `s`, of which all behind `width` bytes (or a few less, so that no character
 * of UTF-8 is cut apart) is "...": framework names run to hundreds. */
void str_add_clipped(Str *b, const char *s, size_t width);
/* 1234567 as "1,234,567". */
void str_add_grouped(Str *b, int64_t x);
/* Adds `s` as valid UTF-8: every byte that is not part of a well-formed
 * sequence becomes U+FFFD. For names out of model files. */
void str_add_utf8(Str *b, const char *s);

/* Adds the shortest decimal that reads back as exactly `x` (float), always
 * with a '.', an exponent, "inf" or "nan", so that it stays a float. */
void str_add_float(Str *b, float x);
void str_add_double(Str *b, double x);

bool str_has_prefix(const char *s, const char *prefix);
bool str_has_suffix(const char *s, const char *suffix);

#endif
