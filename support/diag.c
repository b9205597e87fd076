/* The list of diagnostics and its two renderings. Everything shown may come
 * from an untrusted file: text for terminals has its control characters
 * spelled out, JSON is always valid UTF-8. */
#include "support/diag.h"

#include <json-c/json.h>
#include <stdint.h>
#include <string.h>

#include "support/array.h"

typedef struct CodeRow {
  const char *name;
  ExitStatus exit;
  const char *title, *text;
} CodeRow;

static const CodeRow codes[] = {
#define DIAG(code, exit, title, text) {#code, exit, title, text},
#include "support/diag.def"
#undef DIAG
};

static const char *const level_names[] = {"note", "warning", "error"};

typedef struct Entry {
  DiagLevel level;
  DiagCode code; /* of errors; DIAG_CODE_COUNT otherwise */
  Loc loc;
  char *message, *excerpt, *hint;
} Entry;

struct Diag {
  Arena *arena;
  ARRAY(Entry) entries;
  int errors;
};

Diag *diag_new(Arena *a) {
  Diag *d = ARENA_NEW(a, Diag);
  d->arena = a;
  return d;
}

static char *copy_of(Diag *d, const char *s) {
  return s ? arena_strdup(d->arena, s) : NULL;
}

static void __attribute__((format(printf, 5, 0)))
record(Diag *d, DiagLevel level, DiagCode code, Loc loc, const char *fmt,
       va_list ap) {
  Entry e = {.level = level, .code = code, .loc = loc};
  e.loc.file = copy_of(d, loc.file);
  e.loc.what = copy_of(d, loc.what);
  e.message = arena_vprintf(d->arena, fmt, ap);
  ARRAY_PUSH(d->arena, &d->entries, e);
  d->errors += level == DIAG_ERROR;
}

bool diag_error(Diag *d, DiagCode code, Loc loc, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  record(d, DIAG_ERROR, code, loc, fmt, ap);
  va_end(ap);
  return false;
}

void diag_warning(Diag *d, Loc loc, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  record(d, DIAG_WARNING, DIAG_CODE_COUNT, loc, fmt, ap);
  va_end(ap);
}

void diag_note(Diag *d, Loc loc, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  record(d, DIAG_NOTE, DIAG_CODE_COUNT, loc, fmt, ap);
  va_end(ap);
}

void diag_hint(Diag *d, const char *fmt, ...) {
  if (!d->entries.n)
    return;
  va_list ap;
  va_start(ap, fmt);
  d->entries.v[d->entries.n - 1].hint = arena_vprintf(d->arena, fmt, ap);
  va_end(ap);
}

void diag_excerpt(Diag *d, const char *fmt, ...) {
  if (!d->entries.n)
    return;
  va_list ap;
  va_start(ap, fmt);
  d->entries.v[d->entries.n - 1].excerpt = arena_vprintf(d->arena, fmt, ap);
  va_end(ap);
}

void diag_append(Diag *d, const Diag *from) {
  for (int i = 0; i < from->entries.n; i++) {
    Entry e = from->entries.v[i];
    e.loc.file = copy_of(d, e.loc.file);
    e.loc.what = copy_of(d, e.loc.what);
    e.message = copy_of(d, e.message);
    e.excerpt = copy_of(d, e.excerpt);
    e.hint = copy_of(d, e.hint);
    ARRAY_PUSH(d->arena, &d->entries, e);
  }
  d->errors += from->errors;
}

int diag_error_count(const Diag *d) { return d->errors; }

ExitStatus diag_exit_status(const Diag *d) {
  for (int i = 0; i < d->entries.n; i++)
    if (d->entries.v[i].level == DIAG_ERROR)
      return codes[d->entries.v[i].code].exit;
  return EXIT_OK;
}

/* Control characters as \xNN; a newline starts the next line with
 * `indent`. */
static void print_plain(FILE *out, const char *s, const char *indent) {
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '\n')
      fprintf(out, "\n%s", indent);
    else if ((c < 0x20 && c != '\t') || c == 0x7f)
      fprintf(out, "\\x%02x", c);
    else
      putc(c, out);
  }
}

/* "model.kiln:3:7: op 'x': ", as far as known. */
static void print_loc(FILE *out, const Loc *loc) {
  print_plain(out, loc->file ? loc->file : "kiln", "");
  if (loc->line)
    fprintf(out, ":%d", loc->line);
  if (loc->line && loc->col)
    fprintf(out, ":%d", loc->col);
  fputs(": ", out);
  if (!loc->what)
    return;
  print_plain(out, loc->what, "");
  fputs(": ", out);
}

static void entry_print(const Entry *e, FILE *out) {
  print_loc(out, &e->loc);
  fputs(level_names[e->level], out);
  if (e->level == DIAG_ERROR)
    fprintf(out, " %s", diag_code_name(e->code));
  fputs(": ", out);
  print_plain(out, e->message, "  ");
  if (e->excerpt) {
    fputs("\n  ", out);
    print_plain(out, e->excerpt, "  ");
  }
  if (e->hint) {
    fputs("\nhint: ", out);
    print_plain(out, e->hint, "  ");
  }
  putc('\n', out);
}

void diag_print(const Diag *d, FILE *out) {
  for (int i = 0; i < d->entries.n; i++)
    entry_print(&d->entries.v[i], out);
}

static void json_add_text(Arena *a, json_object *o, const char *key,
                          const char *s) {
  json_object *value = NULL;
  if (s) {
    Str clean = str_new(a);
    str_add_utf8(&clean, s);
    value = json_object_new_string(str_cstr(&clean));
  }
  json_object_object_add(o, key, value);
}

static void json_add_position(json_object *o, const char *key, int n) {
  json_object_object_add(o, key, n ? json_object_new_int(n) : NULL);
}

static json_object *entry_json(Arena *a, const Entry *e) {
  json_object *o = json_object_new_object();
  json_add_text(a, o, "code",
                e->level == DIAG_ERROR ? diag_code_name(e->code) : NULL);
  json_add_text(a, o, "level", level_names[e->level]);
  json_add_text(a, o, "file", e->loc.file);
  json_add_text(a, o, "what", e->loc.what);
  json_add_position(o, "line", e->loc.line);
  json_add_position(o, "col", e->loc.col);
  json_add_text(a, o, "message", e->message);
  json_add_text(a, o, "excerpt", e->excerpt);
  json_add_text(a, o, "hint", e->hint);
  return o;
}

void diag_print_json(const Diag *d, FILE *out) {
  Arena *scratch = arena_new();
  json_object *list = json_object_new_array();
  for (int i = 0; i < d->entries.n; i++)
    json_object_array_add(list, entry_json(scratch, &d->entries.v[i]));
  int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
              JSON_C_TO_STRING_NOSLASHESCAPE;
  fprintf(out, "%s\n", json_object_to_json_string_ext(list, flags));
  json_object_put(list);
  arena_free(scratch);
}

const char *diag_code_name(DiagCode code) { return codes[code].name; }

DiagCode diag_code_find(const char *name) {
  for (int c = 0; c < DIAG_CODE_COUNT; c++)
    if (strcmp(codes[c].name, name) == 0)
      return (DiagCode)c;
  return DIAG_CODE_COUNT;
}

const char *diag_code_title(DiagCode code) { return codes[code].title; }

const char *diag_code_text(DiagCode code) { return codes[code].text; }

ExitStatus diag_code_exit(DiagCode code) { return codes[code].exit; }
