/* The TFLite importer: one subgraph of a flatbuffer into a graph. Quantized
 * tensors keep their parameters as types, so operators map one to one. */
#include <string.h>

#include "frontend/tflite/import.h"
#include "support/file.h"

static bool match(const uint8_t *data, size_t bytes) {
  return bytes >= 8 && memcmp(data + 4, "TFL3", 4) == 0;
}

static Loc file_loc(const Import *im) { return (Loc){.file = im->fb.file}; }

/* A leading -1 is the batch: the file's shape says for how many. */
static bool check_signature(Import *im, Tensor *t) {
  Fb *fb = &im->fb;
  FbVec v = fb_vec(fb, t->table, TFL_F(Tensor, shape_signature), 4);
  for (size_t i = 0; i < v.n; i++)
    if (fb_vec_i32(fb, v, i) < 0 && i > 0)
      return diag_error(im->diag, E0303, tensor_loc(im, t),
                        "dimension %zu of the input is not known at compile "
                        "time",
                        i);
  if (v.n && fb_vec_i32(fb, v, 0) < 0 && t->type->rank)
    diag_note(im->diag, tensor_loc(im, t),
              "the batch of the input is not fixed; compiled for %lld",
              (long long)t->type->dim[0]);
  return !fb->bad;
}

static void import_input(Import *im, Tensor *t) {
  Loc loc = tensor_loc(im, t);
  if (t->produced || tensor_bytes(im, t).n) {
    diag_error(im->diag, E0201, loc,
               "an input that is listed twice or is a "
               "constant");
    return;
  }
  t->produced = true;
  const Type *type = tensor_value_type(im, t, loc);
  if (type && check_signature(im, t))
    t->value = graph_input(im->graph, tensor_name(im, t), type);
}

static void import_inputs(Import *im, FbTable subgraph) {
  const FbField *f = TFL_F(SubGraph, inputs);
  FbVec v = fb_vec(&im->fb, subgraph, f, 4);
  for (size_t i = 0; i < v.n && !im->fb.bad; i++) {
    Tensor *t = import_tensor(im, fb_vec_i32(&im->fb, v, i), f->name);
    if (t)
      import_input(im, t);
  }
}

/* Shape arithmetic may be what the model answers: an output is what an op
 * makes. */
static Value *made_by_op(Import *im, Tensor *t, Value *v) {
  if (!v->init || !t->produced)
    return v;
  Op *op = graph_op(im->graph, NULL, OP_reshape, NULL, 1, &v, 1, &v->type, NULL,
                    tensor_loc(im, t));
  graph_swap_names(im->graph, v, op->out[0]);
  t->value = op->out[0];
  return t->value;
}

static void import_outputs(Import *im, FbTable subgraph) {
  const FbField *f = TFL_F(SubGraph, outputs);
  FbVec v = fb_vec(&im->fb, subgraph, f, 4);
  for (size_t i = 0; i < v.n && !im->fb.bad; i++) {
    Tensor *t = import_tensor(im, fb_vec_i32(&im->fb, v, i), f->name);
    Value *value = t ? tensor_value(im, t, tensor_loc(im, t)) : NULL;
    if (value)
      graph_output(im->graph, made_by_op(im, t, value));
  }
}

static void import_subgraph(Import *im, FbTable subgraph) {
  if (!import_tensors(im, subgraph))
    return;
  import_inputs(im, subgraph);
  import_ops(im, subgraph);
  import_outputs(im, subgraph);
}

static void import_model(Import *im) {
  Fb *fb = &im->fb;
  FbTable model = fb_root(fb, "the model");
  uint32_t version = fb_u32(fb, model, TFL_F(Model, version));
  im->opcodes = fb_vec(fb, model, TFL_F(Model, operator_codes), 4);
  im->buffers = fb_vec(fb, model, TFL_F(Model, buffers), 4);
  FbVec subgraphs = fb_vec(fb, model, TFL_F(Model, subgraphs), 4);
  if (fb->bad)
    return;
  if (version != TFL_SCHEMA_VERSION) {
    diag_error(im->diag, E0302, file_loc(im),
               "TFLite schema version %u is not supported, only %d", version,
               TFL_SCHEMA_VERSION);
    return;
  }
  if (!subgraphs.n) {
    diag_error(im->diag, E0201, file_loc(im), "the model has no subgraph");
    return;
  }
  import_subgraph(im, fb_vec_table(fb, subgraphs, 0, TFL_F(Model, subgraphs)));
  if (subgraphs.n > 1)
    diag_warning(im->diag, file_loc(im),
                 "only the first of %zu subgraphs is compiled", subgraphs.n);
}

/* After errors the ops that did get made are still worth checking: what is
 * wrong with them is news to the user. */
static bool verify(Import *im, int errors_before) {
  if (diag_error_count(im->diag) == errors_before)
    return graph_verify(im->graph);
  for (const Op *op = im->graph->first; op && !im->fb.bad; op = op->next)
    op_verify(op);
  return false;
}

static Graph *import(Arena *a, Diag *d, const char *file, const uint8_t *data,
                     size_t bytes, const ImportOptions *opt) {
  bool rounding_given = opt && opt->rounding != ROUND_COUNT;
  int errors_before = diag_error_count(d);
  Import im = {.arena = a,
               .diag = d,
               .graph = graph_new(a, d, path_stem(a, file)),
               .fb = {.data = data, .bytes = bytes, .diag = d, .file = file},
               .budget = bytes * 16};
  im.graph->file = file;
  im.graph->rounding = rounding_given ? opt->rounding : ROUND_tflite;
  import_model(&im);
  return verify(&im, errors_before) ? im.graph : NULL;
}

const Importer importer_tflite = {
    .format = "tflite",
    .extension = ".tflite",
    .match = match,
    .import = import,
};
