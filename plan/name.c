/* Names from model files are any UTF-8 ("serving_default_x:0", "音声", "",
 * "1st", "free"); headers need C and C++ identifiers that are nobody else's.
 * Runs of other characters become one underscore; double and leading ones
 * are reserved in C++ and go. */
#include "plan/name.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 48 }; /* compilers need to tell 63 characters apart */

/* clang-format off */
/* Sorted by strcmp: keywords of C11 and C++20, macros that
 * common headers and compilers define, and names of the C library that a
 * member or parameter of the same name would shadow. */
static const char *const reserved[] = {
  "BUFSIZ", "EDOM", "EILSEQ", "EOF", "ERANGE", "EXIT_FAILURE", "EXIT_SUCCESS",
  "FILE", "HUGE_VAL", "I", "INFINITY", "NAN", "NULL", "RAND_MAX", "SEEK_CUR",
  "SEEK_END", "SEEK_SET", "SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV",
  "SIGTERM", "abort", "abs", "acos", "alignas", "alignof", "alloca", "and",
  "and_eq", "asin", "asm", "assert", "atan", "atan2", "atexit", "atof",
  "atoi", "atol", "auto", "bcmp", "bcopy", "bitand", "bitor", "bool", "break",
  "bsearch", "bzero", "calloc", "case", "catch", "ceil", "char", "char16_t",
  "char32_t", "char8_t", "class", "clearerr", "clock", "clock_t", "co_await",
  "co_return", "co_yield", "compl", "complex", "concept", "const",
  "const_cast", "consteval", "constexpr", "constinit", "continue", "cos",
  "cosh", "ctime", "decltype", "default", "delete", "difftime", "div",
  "div_t", "do", "double", "dynamic_cast", "else", "enum", "environ", "erf",
  "errno", "exit", "exp", "exp2", "explicit", "export", "extern", "fabs",
  "false", "far", "fclose", "feof", "ferror", "fflush", "fgetc", "fgets",
  "float", "floor", "fmax", "fmin", "fmod", "fopen", "for", "fprintf",
  "fputc", "fputs", "fread", "free", "freopen", "frexp", "friend", "fscanf",
  "fseek", "ftell", "fwrite", "gamma", "getc", "getchar", "getenv", "gets",
  "gmtime", "goto", "huge", "hypot", "i386", "if", "imaginary", "index",
  "inline", "int", "int16_t", "int32_t", "int64_t", "int8_t", "interface",
  "intptr_t", "isalnum", "isalpha", "isdigit", "isfinite", "isinf", "islower",
  "isnan", "isnormal", "isspace", "isupper", "j0", "j1", "jmp_buf", "jn",
  "labs", "ldexp", "lgamma", "linux", "localtime", "log", "log10", "log2",
  "logb", "long", "longjmp", "lrint", "lround", "main", "malloc", "memchr",
  "memcmp", "memcpy", "memmove", "memset", "mips", "mktime", "modf",
  "mutable", "namespace", "nan", "near", "new", "noexcept", "noreturn", "not",
  "not_eq", "nullptr", "offsetof", "operator", "or", "or_eq", "pascal",
  "perror", "pipe", "pow", "printf", "private", "protected", "ptrdiff_t",
  "public", "putc", "putchar", "puts", "qsort", "raise", "rand", "read",
  "realloc", "register", "reinterpret_cast", "remove", "rename", "requires",
  "restrict", "return", "rewind", "rindex", "rint", "round", "scalb", "scanf",
  "setbuf", "setjmp", "setvbuf", "short", "signal", "signbit", "signed",
  "sin", "sinh", "size_t", "sizeof", "small", "snprintf", "sprintf", "sqrt",
  "srand", "sscanf", "ssize_t", "state", "static", "static_assert",
  "static_cast", "stderr", "stdin", "stdout", "strcat", "strchr", "strcmp",
  "strcpy", "strcspn", "strdup", "strerror", "strlen", "strncmp", "strncpy",
  "strpbrk", "strrchr", "strspn", "strstr", "strtod", "strtok", "strtol",
  "strtoul", "struct", "sun", "switch", "system", "tan", "tanh", "template",
  "tgamma", "this", "thread_local", "throw", "time", "time_t", "tmpfile",
  "tmpnam", "tolower", "toupper", "true", "trunc", "try", "typedef", "typeid",
  "typename", "typeof", "uint16_t", "uint32_t", "uint64_t", "uint8_t",
  "uintptr_t", "ungetc", "union", "unix", "unsigned", "using", "va_arg",
  "va_copy", "va_end", "va_list", "va_start", "virtual", "void", "volatile",
  "vprintf", "wchar_t", "while", "write", "xor", "xor_eq", "y0", "y1", "yn",
};
/* clang-format on */

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_reserved(const char *s) {
  return bsearch(&s, reserved, sizeof reserved / sizeof *reserved,
                 sizeof *reserved, compare_names) != NULL;
}

/* Without the locale's idea of letters. */
static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static char *sanitize(Arena *a, const char *raw) {
  char out[MAX_NAME + 1];
  size_t n = 0;
  bool gap = false;
  for (const char *p = raw ? raw : ""; *p && n < MAX_NAME; p++) {
    if (!is_letter(*p) && !is_digit(*p)) {
      gap = n > 0;
      continue;
    }
    if (gap && n + 1 < MAX_NAME)
      out[n++] = '_';
    gap = false;
    out[n++] = *p;
  }
  return arena_strndup(a, out, n);
}

/* "input_1st", or "input" of nothing. */
static char *with_kind(Arena *a, const char *kind, const char *name) {
  return *name ? arena_printf(a, "%s_%s", kind, name) : arena_strdup(a, kind);
}

const char *name_prefix(Arena *a, const char *raw) {
  char *name = sanitize(a, raw);
  return is_letter(*name) ? name : with_kind(a, "model", name);
}

static bool same_folded(const char *a, const char *b) {
  for (; *a && *b; a++, b++) {
    char x = is_letter(*a) ? (char)(*a | 0x20) : *a;
    char y = is_letter(*b) ? (char)(*b | 0x20) : *b;
    if (x != y)
      return false;
  }
  return *a == *b;
}

static bool is_taken(const NameSet *set, const char *name) {
  for (int i = 0; i < set->taken.n; i++)
    if (same_folded(set->taken.v[i], name))
      return true;
  return false;
}

const char *name_member(NameSet *set, const char *raw, const char *kind) {
  char *base = sanitize(set->arena, raw);
  if (!is_letter(*base) || is_reserved(base))
    base = with_kind(set->arena, kind, base);
  char *name = base;
  for (int i = 2; is_taken(set, name); i++)
    name = arena_printf(set->arena, "%s_%d", base, i);
  ARRAY_PUSH(set->arena, &set->taken, name);
  return name;
}
