/* Blocks of 64 KB, chained; a larger request gets a block of its own behind
 * the current one, which stays in use. Blocks come zeroed from calloc, so
 * that big ones cost no page until touched. Under AddressSanitizer every
 * request is a block of its own: reading past its end is then found. */
#include "support/arena.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/array.h"
#include "support/diag.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCK_BYTES 0
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define BLOCK_BYTES 0
#endif
#ifndef BLOCK_BYTES
#define BLOCK_BYTES (64u << 10)
#endif

enum { ALIGN = 16 };

typedef struct Block {
  struct Block *next;
  size_t bytes; /* behind this head, which is 16 bytes long */
} Block;
_Static_assert(sizeof(Block) % ALIGN == 0, "the head keeps the alignment");

struct Arena {
  Block *blocks; /* the newest first */
  char *at;      /* free space in the current block */
  size_t left;
  size_t used;
};

static _Noreturn void out_of_memory(void) {
  fputs("kiln: out of memory\n", stderr);
  exit(EXIT_INTERNAL);
}

Arena *arena_new(void) {
  Arena *a = calloc(1, sizeof *a);
  if (!a)
    out_of_memory();
  return a;
}

void arena_free(Arena *a) {
  if (!a)
    return;
  for (Block *b = a->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(a);
}

static char *block_add(Arena *a, size_t bytes) {
  Block *b = calloc(1, sizeof *b + bytes);
  if (!b)
    out_of_memory();
  b->bytes = bytes;
  b->next = a->blocks;
  a->blocks = b;
  return (char *)(b + 1);
}

void *arena_alloc(Arena *a, size_t bytes) {
  if (bytes > SIZE_MAX / 2)
    out_of_memory();
  a->used += bytes;
  if (BLOCK_BYTES == 0)
    return block_add(a, bytes);
  bytes = bytes ? (bytes + ALIGN - 1) / ALIGN * ALIGN : ALIGN;
  if (bytes > BLOCK_BYTES / 4 && bytes > a->left)
    return block_add(a, bytes);
  if (bytes > a->left) {
    a->at = block_add(a, BLOCK_BYTES);
    a->left = BLOCK_BYTES;
  }
  char *p = a->at;
  a->at += bytes;
  a->left -= bytes;
  return p;
}

void *arena_alloc_array(Arena *a, size_t n, size_t elem_bytes) {
  if (elem_bytes && n > SIZE_MAX / elem_bytes)
    out_of_memory();
  return arena_alloc(a, n * elem_bytes);
}

void *arena_dup(Arena *a, const void *data, size_t bytes) {
  void *p = arena_alloc(a, bytes);
  if (bytes)
    memcpy(p, data, bytes);
  return p;
}

char *arena_strdup(Arena *a, const char *s) {
  return arena_dup(a, s, strlen(s) + 1);
}

char *arena_strndup(Arena *a, const char *s, size_t n) {
  const char *end = n ? memchr(s, 0, n) : NULL;
  size_t len = end ? (size_t)(end - s) : n;
  char *p = arena_alloc(a, len + 1);
  if (len)
    memcpy(p, s, len);
  return p;
}

char *arena_printf(Arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *s = arena_vprintf(a, fmt, ap);
  va_end(ap);
  return s;
}

char *arena_vprintf(Arena *a, const char *fmt, va_list ap) {
  va_list measure;
  va_copy(measure, ap);
  int n = vsnprintf(NULL, 0, fmt, measure);
  va_end(measure);
  if (n < 0)
    out_of_memory();
  char *s = arena_alloc(a, (size_t)n + 1);
  vsnprintf(s, (size_t)n + 1, fmt, ap);
  return s;
}

size_t arena_used(const Arena *a) { return a->used; }

void *array_grow(Arena *a, void *v, int n, int *cap, size_t elem_bytes) {
  if (n < *cap)
    return v;
  if (n > INT_MAX / 2)
    out_of_memory();
  *cap = n < 4 ? 8 : 2 * n;
  void *grown = arena_alloc_array(a, (size_t)*cap, elem_bytes);
  if (n)
    memcpy(grown, v, (size_t)n * elem_bytes);
  return grown;
}
