/* The scanner of the text form. It never looks at or behind `end`; lines are
 * counted as they are passed, so that no position is ever searched for. */
#include "ir/text_lex.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { EXCERPT_COLUMNS = 72 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool lex_is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         c == '_' || c == '.' || c == '$' || c == '-';
}

Loc lex_loc(const Lexer *l, const char *at) {
  return (Loc){
      .file = l->file, .line = l->line, .col = (int)(at - l->line_start) + 1};
}

/* The line around `at`, and a caret under it. */
static void attach_excerpt(Lexer *l, const char *at) {
  const char *from = l->line_start, *to = at;
  if (at - from > EXCERPT_COLUMNS / 2)
    from = at - EXCERPT_COLUMNS / 2;
  while (to < l->end && *to != '\n' && *to != '\r' &&
         to - from < EXCERPT_COLUMNS)
    to++;
  Str caret = str_new(l->arena);
  for (const char *p = from; p < at; p++)
    if (((unsigned char)*p & 0xc0) != 0x80) /* once per UTF-8 character */
      str_add(&caret, *p == '\t' ? "\t" : " ");
  diag_excerpt(l->diag, "%.*s\n%s^", (int)(to - from), from, str_cstr(&caret));
}

bool lex_error(Lexer *l, const char *at, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *message = arena_vprintf(l->arena, fmt, ap);
  va_end(ap);
  l->errors++;
  diag_error(l->diag, l->code, lex_loc(l, at), "%s", message);
  attach_excerpt(l, at);
  return false;
}

static void skip_to_eol(Lexer *l) {
  const char *eol = memchr(l->p, '\n', (size_t)(l->end - l->p));
  l->p = eol ? eol : l->end;
}

void lex_blanks(Lexer *l) {
  while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r'))
    l->p++;
  if (l->p < l->end && *l->p == '#')
    skip_to_eol(l);
}

void lex_space(Lexer *l) {
  lex_blanks(l);
  while (l->p < l->end && *l->p == '\n') {
    l->line++;
    l->line_start = ++l->p;
    lex_blanks(l);
  }
}

bool lex_at_eol(Lexer *l) {
  lex_blanks(l);
  return l->p == l->end || *l->p == '\n';
}

/* Lines of numbers go on with a list that was begun before. */
static bool goes_on(const Lexer *l) {
  size_t n = (size_t)(l->end - l->p);
  return n > 0 && (is_digit(*l->p) || *l->p == '-' || *l->p == '}' ||
                   (n >= 3 && (memcmp(l->p, "nan", 3) == 0 ||
                               memcmp(l->p, "inf", 3) == 0)));
}

void lex_recover(Lexer *l) {
  do {
    skip_to_eol(l);
    lex_space(l);
  } while (goes_on(l));
}

char lex_peek(Lexer *l) {
  lex_blanks(l);
  return l->p < l->end ? *l->p : 0;
}

bool lex_accept(Lexer *l, const char *punctuation) {
  size_t n = strlen(punctuation);
  lex_blanks(l);
  if ((size_t)(l->end - l->p) < n || memcmp(l->p, punctuation, n) != 0)
    return false;
  l->p += n;
  return true;
}

bool lex_expect(Lexer *l, const char *punctuation) {
  return lex_accept(l, punctuation) ||
         lex_error(l, l->p, "expected '%s'", punctuation);
}

const char *lex_word(Lexer *l) {
  lex_blanks(l);
  const char *s = l->p;
  while (l->p < l->end && lex_is_name_char(*l->p))
    l->p++;
  return arena_strndup(l->arena, s, (size_t)(l->p - s));
}

static int hex_digit(char c) {
  if (is_digit(c))
    return c - '0';
  c = (char)(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind a backslash; -1 (nothing passed) when it is no escape. */
static int lex_escape(Lexer *l) {
  size_t n = (size_t)(l->end - l->p);
  if (n >= 1 && (*l->p == '"' || *l->p == '\\'))
    return *l->p++;
  if (n < 3 || *l->p != 'x')
    return -1;
  int high = hex_digit(l->p[1]), low = hex_digit(l->p[2]);
  if (high < 0 || low < 0 || high + low == 0)
    return -1;
  l->p += 3;
  return high * 16 + low;
}

bool lex_string(Lexer *l, const char **s) {
  if (!lex_expect(l, "\""))
    return false;
  const char *start = l->p - 1;
  Str b = str_new(l->arena);
  while (l->p < l->end && *l->p != '"' && *l->p != '\n' && *l->p != 0) {
    const char *at = l->p;
    int c = (unsigned char)*l->p++;
    if (c == '\\' && (c = lex_escape(l)) < 0)
      return lex_error(l, at, "expected \\\", \\\\ or \\xHH");
    char byte = (char)c;
    str_add_bytes(&b, &byte, 1);
  }
  if (l->p == l->end || *l->p != '"')
    return lex_error(l, start, "the quote is not closed on this line");
  l->p++;
  *s = str_cstr(&b);
  return true;
}

bool lex_name(Lexer *l, const char **name) {
  if (lex_peek(l) == '"')
    return lex_string(l, name);
  *name = lex_word(l);
  return **name || lex_error(l, l->p, "expected a name");
}

/* Digits up to UINT64_MAX; false without a report. */
static bool scan_digits(Lexer *l, uint64_t *x) {
  const char *start = l->p;
  bool fits = true;
  *x = 0;
  for (; l->p < l->end && is_digit(*l->p); l->p++)
    fits &= !__builtin_mul_overflow(*x, 10u, x) &&
            !__builtin_add_overflow(*x, (uint64_t)(*l->p - '0'), x);
  return fits && l->p > start;
}

bool lex_int(Lexer *l, int64_t min, int64_t max, int64_t *x) {
  lex_blanks(l);
  const char *start = l->p;
  bool negative = l->p < l->end && *l->p == '-';
  l->p += negative;
  uint64_t m;
  bool ok = scan_digits(l, &m) && m <= (uint64_t)INT64_MAX + negative;
  if (ok) {
    *x = negative ? (int64_t)(0 - m) : (int64_t)m;
    ok = *x >= min && *x <= max;
  }
  return ok || lex_error(l, start, "expected an integer in %lld..%lld",
                         (long long)min, (long long)max);
}

bool lex_uint64(Lexer *l, uint64_t *x) {
  lex_blanks(l);
  const char *start = l->p;
  return scan_digits(l, x) ||
         lex_error(l, start, "expected an integer in 0..2^64-1");
}

/* Copies the decimal at l->p to s; only what strtod must not get wrong is
 * checked: no hexadecimal, no "infinity", no blanks. */
static bool scan_decimal(Lexer *l, char *s, size_t size) {
  size_t n = 0;
  lex_blanks(l);
  for (const char *p = l->p; p < l->end && n + 1 < size; p++) {
    if (!lex_is_name_char(*p) && *p != '+')
      break;
    s[n++] = *p;
  }
  s[n] = 0;
  const char *unsigned_ = s + (s[0] == '-');
  return n > 0 && (strspn(s, "0123456789.eE+-") == n ||
                   strcmp(unsigned_, "inf") == 0 || strcmp(s, "nan") == 0);
}

static bool is_number_end(const char *end, double x, const char *s) {
  return end != s && *end == 0 && (!isinf(x) || strstr(s, "inf"));
}

bool lex_float(Lexer *l, float *x) {
  char s[64], *end;
  bool ok = scan_decimal(l, s, sizeof s);
  if (ok) {
    *x = strtof(s, &end);
    ok = is_number_end(end, (double)*x, s);
  }
  if (!ok)
    return lex_error(l, l->p, "expected a number");
  l->p += strlen(s);
  return true;
}

bool lex_double(Lexer *l, double *x) {
  char s[64], *end;
  bool ok = scan_decimal(l, s, sizeof s);
  if (ok) {
    *x = strtod(s, &end);
    ok = is_number_end(end, *x, s);
  }
  if (!ok)
    return lex_error(l, l->p, "expected a number");
  l->p += strlen(s);
  return true;
}
