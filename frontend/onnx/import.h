/* Private to frontend/onnx: the state of one import.
 *
 * Every node becomes ops of the IR at once, with all types known; an op
 * whose operands are constants is evaluated instead (build.h), so that the
 * arithmetic of shapes is gone when import ends. Errors stick: what reports
 * one marks the node as bad, and makers and readers do nothing for a bad
 * node, so that import functions need no branches for them. Values that a
 * bad node would have made are bad, too; nodes that read those are skipped,
 * so that all obstacles are told once. A graph with any error is dropped. */
#ifndef KILN_FRONTEND_ONNX_IMPORT_H
#define KILN_FRONTEND_ONNX_IMPORT_H

#include "frontend/frontend.h"
#include "frontend/onnx/schema.h"

/* A name in a graph or function. */
typedef struct Tensor {
  const char *name;
  Value *value;    /* NULL: not there (yet) */
  PbSpan init;     /* pos != 0: an initializer, read when asked for */
  PbSpan declared; /* pos != 0: its TypeProto, where the file has one */
  bool made;       /* an input, or the output of a node that was reached */
  bool bad;        /* has no value; that was reported */
  bool absent;     /* an input of a function that its call leaves out */
} Tensor;

/* The names of a graph or function body. Bodies of If see those around. */
typedef struct Scope Scope;

/* Which version of each operator set holds: (domain, version). */
typedef struct Opset {
  const char *domain; /* "" for ai.onnx */
  int64_t version;
} Opset;
typedef struct Opsets {
  Opset *v;
  int n;
} Opsets;

typedef struct Node Node;

/* What a function of the model is called by, and where it is. */
typedef struct FunctionName {
  const char *domain, *name, *overload;
  PbSpan span;
} FunctionName;

typedef struct Import {
  Arena *arena;
  Diag *diag;
  Graph *graph;
  Pb pb;
  const ImportOptions *opt;
  const char *folder;            /* of the model, for external data */
  ARRAY(FunctionName) functions; /* of the model, sorted by domain and name */
  ARRAY(struct OpenDim {
    ImportDim bound; /* by the user, or by default */
    bool asked;      /* the model has it */
  })
  dims;
  ARRAY(struct Companion {
    const char *path;
    const uint8_t *data;
    size_t bytes;
  })
  companions;        /* files of external data, each mapped once */
  int64_t spent;     /* on work that a file can ask for many times over */
  int64_t fold_left; /* on evaluating ops */
  size_t touched;    /* bytes of the files since import_touched gave back */
  int depth;         /* of nested bodies */
} Import;

/* A body's own surroundings. */
struct Scope {
  Import *im;
  Scope *outer; /* whose names are seen, too; NULL for functions */
  Opsets opsets;
  const Node *call;   /* the call that a function's attributes come from */
  const char *prefix; /* of locations: "node 3 F / ", or "" */
  Tensor **table;     /* (cap) hash table by name */
  int n, cap;
};

/* scope.c */
Scope *scope_new(Import *im, Scope *outer, Opsets opsets, const Node *call,
                 const char *prefix);
/* The tensor of that name here; made when there is none. */
Tensor *scope_get(Scope *s, const char *name);
/* The same here or around; NULL when there is none. */
Tensor *scope_find(Scope *s, const char *name);

/* A string of the file, as valid UTF-8 without NUL. */
const char *import_string(Import *im, PbSpan s);
void import_want(Import *im, ImportWant want);
/* Counts work that is not bounded by the size of the file, as functions may
 * call functions. false: it is too much, which is reported, and the import
 * ends. */
bool onnx_spend(Import *im, int64_t work, Loc loc);
bool span_is(const Import *im, PbSpan s, const char *text);
Loc import_loc(const Import *im, const char *what);

/* tensor.c: constants. All report at `loc` and return NULL or false. */
Value *tensor_const(Import *im, PbSpan proto, const char *name, Loc loc);
/* The type that a TypeProto declares, with dimensions bound by --dim; what
 * is not declared fully is an error when `report`. */
const Type *tensor_declared(Import *im, const char *name, PbSpan type,
                            bool report, Loc loc);
/* Binds a leading dimension that is not known to 1, with a note. */
void tensor_default_dim(Import *im, const char *name, PbSpan type, Loc loc);
/* The file aligns nothing: a constant's bytes where they are aligned for its
 * type, or a copy in `a`. */
bool tensor_is_aligned(const Value *v);
const void *tensor_aligned_data(Import *im, Arena *a, const Value *v);
/* Says that bytes of the files were read for what is a copy now: from time
 * to time their pages are given back, so that no more than one copy of the
 * weights is in memory. */
void import_touched(Import *im, size_t bytes);
void tensor_align_consts(Import *im); /* all of the graph's */

/* model.c */
/* A domain's name: "" for ai.onnx. */
const char *import_domain(Import *im, PbSpan s);
bool import_opsets(Import *im, const PbSpans *list, Opsets *out);
/* The body of a graph (of If too) and of functions. */
bool import_nodes(Scope *s, PbSpans nodes);
/* Makes a graph's initializers and value infos known. */
bool import_names(Scope *s, const OnnxGraph *g);
/* The value of a name at this point; NULL: bad (reported now or before). */
Value *import_value(Scope *s, const char *name, Loc loc);

#endif
