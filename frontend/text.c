/* The text form as a model format: comments, then "model ". */
#include <string.h>

#include "frontend/frontend.h"
#include "ir/text.h"

/* The first line that is neither empty nor a comment. */
static size_t first_statement(const uint8_t *data, size_t bytes) {
  size_t i = 0;
  while (i < bytes && strchr(" \t\r\n#", data[i]) && data[i]) {
    bool comment = data[i] == '#';
    while (comment && i < bytes && data[i] != '\n')
      i++;
    i += i < bytes;
  }
  return i;
}

static bool match_text(const uint8_t *data, size_t bytes) {
  static const char keyword[] = "model ";
  size_t n = sizeof keyword - 1, i = first_statement(data, bytes);
  return bytes - i >= n && memcmp(data + i, keyword, n) == 0;
}

static Graph *import_text(Arena *a, Diag *d, const char *file,
                          const uint8_t *data, size_t bytes,
                          const ImportOptions *opt) {
  Graph *g = graph_parse(a, d, file, (const char *)data, bytes);
  if (!g)
    return NULL;
  if (opt && opt->rounding != ROUND_COUNT) {
    g->rounding = opt->rounding;
    for (Op *op = g->first; op; op = op->next)
      op->rounding = opt->rounding;
  }
  return graph_verify(g) ? g : NULL;
}

const Importer importer_text = {.format = "kiln",
                                .extension = ".kiln",
                                .match = match_text,
                                .import = import_text};
