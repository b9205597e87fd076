#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataset/private.h"
#include "support/array.h"
#include "support/str.h"

/* One line of a .csv; fields may be in double quotes, within which commas
 * and doubled quotes are text. */
typedef struct Line {
  const char *s, *end;
} Line;

static const char *field_end(const char *s, const char *end) {
  bool quoted = false;
  for (; s < end && (quoted || *s != ','); s++)
    quoted ^= *s == '"';
  return s;
}

static int field_count(Line l) {
  int n = 1;
  for (const char *p = field_end(l.s, l.end); p < l.end;
       p = field_end(p + 1, l.end))
    n++;
  return n;
}

/* Field `column`, which exists, without quotes and spaces around it. */
static Line field(Line l, int column) {
  const char *s = l.s;
  while (column--)
    s = field_end(s, l.end) + 1;
  Line f = {s, field_end(s, l.end)};
  while (f.s < f.end && memchr(" \t\"", *f.s, 3))
    f.s++;
  while (f.s < f.end && memchr(" \t\"", f.end[-1], 3))
    f.end--;
  return f;
}

static bool parse_label(Line f, int64_t *out) {
  char digits[24] = "", *end;
  size_t n = (size_t)(f.end - f.s);
  if (!n || n >= sizeof digits)
    return false;
  memcpy(digits, f.s, n);
  *out = strtoll(digits, &end, 10);
  return end == digits + n;
}

/* Takes the next line; false at the end of the file. */
static bool next_line(Line *rest, Line *out) {
  if (rest->s == rest->end)
    return false;
  const char *nl = memchr(rest->s, '\n', (size_t)(rest->end - rest->s));
  out->s = rest->s;
  out->end = nl ? nl : rest->end;
  rest->s = nl ? nl + 1 : rest->end;
  if (out->end > out->s && out->end[-1] == '\r')
    out->end--;
  return true;
}

static bool line_error(Diag *d, const char *path, int line, int column,
                       const char *why) {
  return diag_error(d, E0701, (Loc){.file = path, .line = line}, "column %d %s",
                    column, why);
}

/* column -1: the last one of each line. */
static bool read_csv(Arena *a, Diag *d, const char *path, Line rest, int column,
                     CsvLabels *out) {
  Line l;
  for (int line = 1; next_line(&rest, &l); line++) {
    if (l.s == l.end)
      continue;
    int n = field_count(l), c = column < 0 ? n - 1 : column;
    int64_t label;
    if (c >= n)
      return line_error(d, path, line, c, "does not exist");
    if (parse_label(field(l, c), &label)) {
      Line name = field(l, 0);
      ARRAY_PUSH(a, &out->v, label);
      ARRAY_PUSH(a, &out->names,
                 arena_strndup(a, name.s, (size_t)(name.end - name.s)));
    } else if (line > 1) {
      return line_error(d, path, line, c, "is not an integer");
    }
  }
  return true;
}

static bool read_csv_file(Arena *a, Diag *d, const char *path, int column,
                          CsvLabels *out) {
  MappedFile f;
  *out = (CsvLabels){{0}, {0}};
  if (!file_map(path, &f, d))
    return false;
  const char *text = (const char *)f.data;
  bool ok = read_csv(a, d, path, (Line){text, text + f.bytes}, column, out);
  file_unmap(&f);
  return ok && (out->v.n || data_error(d, path, "has no labels"));
}

static bool read_array(Arena *a, Diag *d, const char *spec, Labels *out) {
  NdArray x;
  if (!data_read(a, d, spec, &x))
    return false;
  out->n = nd_count(&x);
  if (!out->n || !x.rank || x.dim[0] != out->n)
    return data_error(d, spec, "%s: expected one label a sample",
                      nd_text(a, &x));
  out->v = ARENA_ARRAY(a, int64_t, out->n);
  for (int64_t i = 0; i < out->n; i++) {
    double label = nd_real(&x, i);
    if (!(fabs(label) < 0x1p53) || label != floor(label))
      return data_error(d, spec, "label %lld is %g, not an integer",
                        (long long)i, label);
    out->v[i] = (int64_t)label;
  }
  return true;
}

/* PATH.csv or PATH.csv:COLUMN; false: something else. */
static bool parse_csv_spec(Arena *a, const char *spec, char **path,
                           int *column) {
  const char *colon = strrchr(spec, ':');
  *column = -1;
  *path = arena_strdup(a, spec);
  if (colon && colon[1] >= '0' && colon[1] <= '9') {
    char *end;
    long n = strtol(colon + 1, &end, 10);
    if (*end || n > 1000000)
      return false;
    *column = (int)n;
    (*path)[colon - spec] = 0;
  }
  return *column >= 0 || str_has_suffix(spec, ".csv");
}

bool labels_are_csv(Arena *a, const char *spec) {
  char *path;
  int column;
  return parse_csv_spec(a, spec, &path, &column);
}

bool labels_read_csv(Arena *a, Diag *d, const char *spec, CsvLabels *out) {
  char *path;
  int column;
  parse_csv_spec(a, spec, &path, &column);
  return read_csv_file(a, d, path, column, out);
}

bool labels_read(Arena *a, Diag *d, const char *spec, Labels *out) {
  CsvLabels csv;
  *out = (Labels){0};
  if (!labels_are_csv(a, spec))
    return read_array(a, d, spec, out);
  if (!labels_read_csv(a, d, spec, &csv))
    return false;
  *out = (Labels){.v = csv.v.v, .n = csv.v.n};
  return true;
}

void labels_pick(Arena *a, Labels *l, const int64_t *index, int64_t n) {
  int64_t *v = ARENA_ARRAY(a, int64_t, n);
  for (int64_t i = 0; i < n; i++)
    v[i] = l->v[index[i]];
  *l = (Labels){v, n};
}
