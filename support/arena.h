/* Region allocation: everything of one compilation lives in one arena and
 * goes with it; a pass or a planner takes a scratch arena of its own. Nothing
 * is freed singly. Running out of memory prints one line and exits with 70:
 * no caller has to check. */
#ifndef KILN_SUPPORT_ARENA_H
#define KILN_SUPPORT_ARENA_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *a);

/* Returns `bytes` zeroed bytes aligned to 16; never NULL. */
void *arena_alloc(Arena *a, size_t bytes);
/* n elements; a product that overflows counts as out of memory. */
void *arena_alloc_array(Arena *a, size_t n, size_t elem_bytes);
void *arena_dup(Arena *a, const void *data, size_t bytes);
char *arena_strdup(Arena *a, const char *s);
char *arena_strndup(Arena *a, const char *s, size_t n);
char *arena_printf(Arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
char *arena_vprintf(Arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

/* Bytes handed out so far. */
size_t arena_used(const Arena *a);

#define ARENA_NEW(a, T) ((T *)arena_alloc((a), sizeof(T)))
#define ARENA_ARRAY(a, T, n)                                                   \
  ((T *)arena_alloc_array((a), (size_t)(n), sizeof(T)))

#endif
