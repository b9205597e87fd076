/* Model files -> IR. One importer a format, a row in the table of
 * frontend.c: extension, signature check, import function. */
#ifndef KILN_FRONTEND_FRONTEND_H
#define KILN_FRONTEND_FRONTEND_H

#include "ir/graph.h"

/* A dimension that a model leaves open, by the name that it has there; one
 * without a name is "INPUT:AXIS". */
typedef struct ImportDim {
  const char *name;
  int64_t value;
} ImportDim;

/* An input that becomes a constant. The data is borrowed for the life of the
 * graph. */
typedef struct ImportBind {
  const char *name;
  const Type *type; /* must be what the model declares */
  const void *data; /* dense, aligned; type_bytes(type) */
  bool used;        /* set by model_load_with where it became a constant */
} ImportBind;

/* What an importer would have had to be told: the contents of an input
 * (axis = -1), or the size of one of its dimensions, by the name for
 * ImportDim. Dimensions that were given a default are listed, too. */
typedef struct ImportWant {
  const char *input;
  int axis;
  const char *dim; /* NULL for axis = -1 */
} ImportWant;
typedef ARRAY(ImportWant) ImportWants;
typedef ARRAY(const char *) ImportNames;

typedef struct ImportOptions {
  Rounding rounding; /* ROUND_COUNT: the format's default */
  int ndim;
  const ImportDim *dim; /* (ndim) */
  int nbind;
  const ImportBind *bind; /* (nbind) */
  ImportWants *wants;     /* filled in, in the graph's arena; may be NULL */
  ImportNames *inputs;    /* the same: inputs as the file lists them, bound
                             ones too; of formats that bind any */
} ImportOptions;

/* Reads any supported model. NULL: every obstacle is in `d`. The file stays
 * mapped for the life of the process: constants point into it. The graph is
 * verified. */
Graph *model_load(Arena *a, Diag *d, const char *path,
                  const ImportOptions *opt);

/* As model_load, with inputs that will be fed, n of them: where a model leaves
 * a dimension open it gets theirs, and an input whose content the importer
 * must know becomes that constant. One without a name (NULL) is the input
 * behind that of the one before; the name is filled in where it is known. */
Graph *model_load_with(Arena *a, Diag *d, const char *path,
                       const ImportOptions *opt, ImportBind *have, int n);

/* One importer over mapped bytes. */
typedef struct Importer {
  const char *format;    /* "tflite" */
  const char *extension; /* ".tflite" */
  bool binds;            /* takes dimensions and inputs that become constants */
  bool (*match)(const uint8_t *data, size_t bytes);
  Graph *(*import)(Arena *a, Diag *d, const char *file, const uint8_t *data,
                   size_t bytes, const ImportOptions *opt);
} Importer;
extern const Importer importer_tflite;
extern const Importer importer_onnx;
extern const Importer importer_text;

/* The operators an importer knows, for `kiln ops`: calls visit per row. */
typedef void (*OpVisit)(void *ctx, const char *format, const char *op,
                        int min_version, int max_version, const char *ir_op);
void tflite_ops_visit(OpVisit visit, void *ctx);
/* ir_op is NULL for operators made of several ops; max_version is 0 when the
 * newest version is included. */
void onnx_ops_visit(OpVisit visit, void *ctx);

#endif
