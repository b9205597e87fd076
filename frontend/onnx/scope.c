/* Names: a hash table with open addressing for each body, and the strings of
 * the file as C strings. */
#include <string.h>

#include "frontend/onnx/import.h"

Loc import_loc(const Import *im, const char *what) {
  return (Loc){.file = im->pb.file, .what = what};
}

bool span_is(const Import *im, PbSpan s, const char *text) {
  return strlen(text) == s.n && memcmp(im->pb.data + s.pos, text, s.n) == 0;
}

const char *import_string(Import *im, PbSpan s) {
  if (!s.n)
    return "";
  const char *text = (const char *)im->pb.data + s.pos;
  if (memchr(text, 0, s.n)) {
    pb_corrupt(&im->pb, s.pos, "a string", "it has a zero byte");
    return "";
  }
  Str valid = str_new(im->arena);
  str_add_utf8(&valid, arena_strndup(im->arena, text, s.n));
  return str_cstr(&valid);
}

static size_t hash(const char *s) {
  uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
  for (; *s; s++)
    h = (h ^ (unsigned char)*s) * 0x100000001b3u;
  return (size_t)(h ^ (h >> 32));
}

static Tensor **slot(const Scope *s, const char *name) {
  size_t mask = (size_t)s->cap - 1, i = hash(name) & mask;
  while (s->table[i] && strcmp(s->table[i]->name, name) != 0)
    i = (i + 1) & mask;
  return &s->table[i];
}

static void grow(Scope *s) {
  Tensor **old = s->table;
  int n = s->cap;
  s->cap *= 2;
  s->table = ARENA_ARRAY(s->im->arena, Tensor *, s->cap);
  for (int i = 0; i < n; i++)
    if (old[i])
      *slot(s, old[i]->name) = old[i];
}

Scope *scope_new(Import *im, Scope *outer, Opsets opsets, const Node *call,
                 const char *prefix) {
  Scope *s = ARENA_NEW(im->arena, Scope);
  *s = (Scope){.im = im,
               .outer = outer,
               .opsets = opsets,
               .call = call,
               .prefix = prefix,
               .cap = 16};
  s->table = ARENA_ARRAY(im->arena, Tensor *, s->cap);
  return s;
}

Tensor *scope_get(Scope *s, const char *name) {
  if (s->n * 4 >= s->cap * 3)
    grow(s);
  Tensor **at = slot(s, name);
  if (!*at) {
    *at = ARENA_NEW(s->im->arena, Tensor);
    (*at)->name = name;
    s->n++;
  }
  return *at;
}

Tensor *scope_find(Scope *s, const char *name) {
  for (; s; s = s->outer) {
    Tensor *t = *slot(s, name);
    if (t && (t->made || t->init.pos))
      return t;
  }
  return NULL;
}

bool onnx_spend(Import *im, int64_t work, Loc loc) {
  enum { MOST = 1 << 23 };
  im->spent += work;
  if (im->spent <= MOST || im->pb.bad)
    return !im->pb.bad;
  im->pb.bad = true;
  return diag_error(im->diag, E0302, loc,
                    "the model has too many nodes, functions inlined");
}

void import_want(Import *im, ImportWant want) {
  enum { MOST = 1000 };
  ImportWants *list = im->opt ? im->opt->wants : NULL;
  if (!list || list->n >= MOST)
    return;
  for (int i = 0; i < list->n; i++)
    if (strcmp(list->v[i].input, want.input) == 0 &&
        list->v[i].axis == want.axis)
      return;
  ARRAY_PUSH(im->arena, list, want);
}
