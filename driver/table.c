#include "driver/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Table table_new(Arena *a, int columns, const char *const *heading) {
  return (Table){.arena = a, .columns = columns, .heading = heading};
}

void table_add(Table *t, const char *const *cells) {
  size_t n = (size_t)t->columns;
  const char **row = ARENA_ARRAY(t->arena, const char *, n);
  for (size_t i = 0; i < n; i++)
    row[i] = cells[i] ? cells[i] : "";
  ARRAY_PUSH(t->arena, &t->rows, row);
}

const char *table_number(Arena *a, int64_t x) {
  return arena_printf(a, "%lld", (long long)x);
}

const char *table_name(Arena *a, const char *name) {
  enum { WIDTH = 40 };
  Str s = str_new(a);
  str_add_clipped(&s, name, WIDTH);
  return str_cstr(&s);
}

static bool is_number(const Table *t, int column) {
  return t->heading[column][0] == '>';
}

static const char *title(const Table *t, int column) {
  return t->heading[column] + is_number(t, column);
}

/* Characters, not bytes: continuation bytes take no column. */
static int width(const char *s) {
  int n = 0;
  for (; *s; s++)
    n += ((unsigned char)*s & 0xc0) != 0x80;
  return n;
}

static int column_width(const Table *t, int column) {
  int most = width(title(t, column));
  for (int r = 0; r < t->rows.n; r++) {
    int n = width(t->rows.v[r][column]);
    most = n > most ? n : most;
  }
  return most;
}

/* Text of names out of model files must not steer the terminal. */
static void put_plain(FILE *out, const char *s) {
  for (; *s; s++)
    putc((unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s, out);
}

static void print_line(const Table *t, const int *widths, FILE *out,
                       const char *const *cells) {
  for (int c = 0; c < t->columns; c++) {
    int fill = widths[c] - width(cells[c]);
    bool last = c == t->columns - 1;
    if (is_number(t, c))
      fprintf(out, "%*s", fill, "");
    put_plain(out, cells[c]);
    if (!last)
      fprintf(out, "%*s", is_number(t, c) ? 2 : fill + 2, "");
  }
  putc('\n', out);
}

void table_print(const Table *t, FILE *out) {
  size_t n = (size_t)t->columns;
  int *widths = ARENA_ARRAY(t->arena, int, n);
  const char **titles = ARENA_ARRAY(t->arena, const char *, n);
  for (int c = 0; c < t->columns; c++) {
    widths[c] = column_width(t, c);
    titles[c] = title(t, c);
  }
  print_line(t, widths, out, titles);
  for (int r = 0; r < t->rows.n; r++)
    print_line(t, widths, out, t->rows.v[r]);
}

/* A bar inside a cell would end it. */
static void put_cell(FILE *out, const char *s) {
  fputs(" ", out);
  for (; *s; s++)
    fprintf(out, *s == '|' ? "\\%c" : "%c", *s);
  fputs(" |", out);
}

void table_print_markdown(const Table *t, FILE *out) {
  putc('|', out);
  for (int c = 0; c < t->columns; c++)
    put_cell(out, title(t, c));
  fputs("\n|", out);
  for (int c = 0; c < t->columns; c++)
    fputs(is_number(t, c) ? "---:|" : "---|", out);
  putc('\n', out);
  for (int r = 0; r < t->rows.n; r++) {
    putc('|', out);
    for (int c = 0; c < t->columns; c++)
      put_cell(out, t->rows.v[r][c]);
    putc('\n', out);
  }
}

json_object *json_text(const char *s) {
  if (!s)
    return NULL;
  Arena *scratch = arena_new();
  Str clean = str_new(scratch);
  str_add_utf8(&clean, s);
  json_object *o = json_object_new_string(str_cstr(&clean));
  arena_free(scratch);
  return o;
}

static json_object *cell_json(const Table *t, int column, const char *cell) {
  if (!is_number(t, column))
    return json_text(cell);
  if (!*cell)
    return NULL;
  return strchr(cell, '.') ? json_object_new_double_s(strtod(cell, NULL), cell)
                           : json_object_new_int64(strtoll(cell, NULL, 10));
}

json_object *table_json(const Table *t) {
  json_object *list = json_object_new_array();
  for (int r = 0; r < t->rows.n; r++) {
    json_object *o = json_object_new_object();
    for (int c = 0; c < t->columns; c++)
      json_object_object_add(o, title(t, c), cell_json(t, c, t->rows.v[r][c]));
    json_object_array_add(list, o);
  }
  return list;
}

void json_print(json_object *o, FILE *out) {
  int flags = JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
              JSON_C_TO_STRING_NOSLASHESCAPE;
  fprintf(out, "%s\n", json_object_to_json_string_ext(o, flags));
  json_object_put(o);
}

json_object *json_real(double x) {
  return isfinite(x) ? json_object_new_double(x) : NULL;
}
