/* Labels of pictures, told by name. */
#include <stdlib.h>
#include <string.h>

#include "dataset/image.h"
#include "dataset/private.h"

typedef struct Row {
  const char *name;
  int64_t label;
} Row;

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static int by_name(const void *a, const void *b) {
  return strcmp(((const Row *)a)->name, ((const Row *)b)->name);
}

static Row *find_row(Row *rows, int n, const char *name) {
  Row key = {.name = name};
  return n ? bsearch(&key, rows, (size_t)n, sizeof *rows, by_name) : NULL;
}

/* Where pictures lie in folders of classes, the folder belongs to the name. */
static Row *sorted_rows(Arena *a, const CsvLabels *csv, const ImageList *list) {
  Row *rows = ARENA_ARRAY(a, Row, csv->v.n);
  for (int i = 0; i < csv->v.n; i++)
    rows[i] =
        (Row){list->classes.n ? csv->names.v[i] : base_name(csv->names.v[i]),
              csv->v.v[i]};
  qsort(rows, (size_t)csv->v.n, sizeof *rows, by_name);
  return rows;
}

/* How many pictures have a row; out gets their labels. */
static int64_t match_rows(Row *rows, int n, const ImageList *list,
                          int64_t *out) {
  int64_t found = 0;
  for (int i = 0; i < list->names.n; i++) {
    Row *r = find_row(rows, n, list->names.v[i]);
    if (r)
      out[i] = r->label;
    found += r != NULL;
  }
  return found;
}

static bool tell_missing(Arena *a, Diag *d, const char *spec, Row *rows, int n,
                         const ImageList *list, int64_t found) {
  const char *first = NULL;
  for (int i = 0; i < list->names.n && !first; i++)
    if (!find_row(rows, n, list->names.v[i]))
      first = list->names.v[i];
  return data_error(d, spec, "no line for %lld pictures; the first is %s",
                    (long long)(list->names.n - found),
                    path_join(a, list->folder, first));
}

bool images_labels(Arena *a, Diag *d, const char *spec, const ImageList *list,
                   Labels *out) {
  CsvLabels csv;
  if (!labels_are_csv(a, spec))
    return labels_read(a, d, spec, out);
  if (!labels_read_csv(a, d, spec, &csv))
    return false;
  Row *rows = sorted_rows(a, &csv, list);
  *out = (Labels){ARENA_ARRAY(a, int64_t, list->names.n), list->names.n};
  int64_t found = match_rows(rows, csv.v.n, list, out->v);
  if (found == list->names.n)
    return true;
  if (found)
    return tell_missing(a, d, spec, rows, csv.v.n, list, found);
  *out = (Labels){csv.v.v, csv.v.n};
  return true;
}
