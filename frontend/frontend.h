/* Model files -> IR. One importer a format, a row in the table of
 * frontend.c: extension, signature check, import function. */
#ifndef KILN_FRONTEND_FRONTEND_H
#define KILN_FRONTEND_FRONTEND_H

#include "ir/graph.h"

typedef struct ImportOptions {
  Rounding rounding; /* ROUND_COUNT: the format's default */
} ImportOptions;

/* Reads any supported model. NULL: every obstacle is in `d`. The file stays
 * mapped for the life of the process: constants point into it. The graph is
 * verified. */
Graph *model_load(Arena *a, Diag *d, const char *path,
                  const ImportOptions *opt);

/* One importer over mapped bytes. */
typedef struct Importer {
  const char *format;    /* "tflite" */
  const char *extension; /* ".tflite" */
  bool (*match)(const uint8_t *data, size_t bytes);
  Graph *(*import)(Arena *a, Diag *d, const char *file, const uint8_t *data,
                   size_t bytes, const ImportOptions *opt);
} Importer;
extern const Importer importer_tflite;
extern const Importer importer_text;

/* The operators an importer knows, for `kiln ops`: calls visit per row. */
typedef void (*OpVisit)(void *ctx, const char *format, const char *op,
                        int min_version, int max_version, const char *ir_op);
void tflite_ops_visit(OpVisit visit, void *ctx);

#endif
