/* The ONNX importer: ModelProto, operator sets, the main graph with its
 * inputs and outputs, and what all bodies share. */
#include <string.h>

#include "frontend/onnx/node.h"
#include "support/file.h"

static bool match(const uint8_t *data, size_t bytes) {
  return onnx_looks_like_model(data, bytes);
}

/* --- bodies ------------------------------------------------------------ */

static bool name_initializer(Scope *s, PbSpan span) {
  Import *im = s->im;
  OnnxTensor t;
  if (!onnx_read_Tensor(&im->pb, span, &t))
    return false;
  Tensor *named = scope_get(s, import_string(im, t.name));
  named->init = span;
  return !im->pb.bad;
}

static bool name_declared(Scope *s, PbSpan span) {
  OnnxValueInfo v;
  if (!onnx_read_ValueInfo(&s->im->pb, span, &v))
    return false;
  scope_get(s, import_string(s->im, v.name))->declared = v.type;
  return !s->im->pb.bad;
}

bool import_names(Scope *s, const OnnxGraph *g) {
  Import *im = s->im;
  int names = g->initializer.n + g->value_info.n + g->output.n;
  if (!onnx_spend(im, names, import_loc(im, NULL)))
    return false;
  for (int i = 0; i < g->initializer.n; i++)
    if (!name_initializer(s, g->initializer.v[i]))
      return false;
  for (int i = 0; i < g->value_info.n; i++)
    if (!name_declared(s, g->value_info.v[i]))
      return false;
  for (int i = 0; i < g->output.n; i++)
    if (!name_declared(s, g->output.v[i]))
      return false;
  if (g->sparse_initializer.n)
    diag_error(im->diag, E0302, import_loc(im, NULL),
               "sparse initializers are not supported");
  return true;
}

Value *import_value(Scope *s, const char *name, Loc loc) {
  Import *im = s->im;
  Tensor *t = scope_find(s, name);
  if (!t) {
    diag_error(im->diag, E0201, loc,
               "'%.80s' is read before anything has written it", name);
    return NULL;
  }
  if (!t->value && t->init.pos && !t->bad) {
    t->value = tensor_const(im, t->init, name, loc);
    t->bad = !t->value;
  }
  return t->value;
}

bool import_nodes(Scope *s, PbSpans nodes) {
  for (int i = 0; i < nodes.n; i++)
    if (!import_node(s, nodes.v[i], i))
      return false;
  return true;
}

/* --- inputs ------------------------------------------------------------ */

static Loc input_loc(Import *im, const char *kind, const char *name) {
  return import_loc(im, arena_printf(im->arena, "%s '%.80s'", kind, name));
}

static const ImportBind *find_bind(const Import *im, const char *name) {
  for (int i = 0; im->opt && i < im->opt->nbind; i++)
    if (strcmp(im->opt->bind[i].name, name) == 0)
      return &im->opt->bind[i];
  return NULL;
}

/* Whether what the file says of an input or output allows for type t. */
static bool fits_declared(Import *im, const OnnxValueInfo *v, const Type *t) {
  OnnxTypeProto p;
  OnnxTensorType tt;
  OnnxShape s;
  OnnxDim d;
  if (!onnx_read_TypeProto(&im->pb, v->type, &p) ||
      !onnx_read_TensorType(&im->pb, p.tensor_type, &tt) ||
      !onnx_read_Shape(&im->pb, tt.shape, &s))
    return false;
  const OnnxDType *row = onnx_dtype(tt.elem_type.v);
  if (!row || row->dtype != t->dtype)
    return false;
  if (tt.shape.pos && s.dim.n != t->rank)
    return false;
  for (int i = 0; i < s.dim.n; i++)
    if (!onnx_read_Dim(&im->pb, s.dim.v[i], &d) ||
        (d.dim_value.has && d.dim_value.v >= 0 && d.dim_value.v != t->dim[i]))
      return false;
  return true;
}

static Value *bound_input(Import *im, const OnnxValueInfo *v,
                          const ImportBind *b, Loc loc) {
  if (fits_declared(im, v, b->type))
    return graph_const(im->graph, b->name, b->type, b->data);
  Str t = str_new(im->arena);
  type_print(&t, b->type);
  diag_error(im->diag, E0701, loc,
             "what is bound is %s, which the model does not take here",
             str_cstr(&t));
  return NULL;
}

static Value *free_input(Import *im, const char *name, const OnnxValueInfo *v,
                         Loc loc) {
  static const uint64_t nothing[1];
  const Type *t = tensor_declared(im, name, v->type, true, loc);
  if (!t)
    return NULL;
  if (type_count(t))
    return graph_input(im->graph, name, t);
  diag_note(im->diag, loc, "it has no elements and is left out");
  return graph_const(im->graph, name, t, nothing);
}

static void import_input(Scope *s, const OnnxValueInfo *v) {
  Import *im = s->im;
  const char *name = import_string(im, v->name);
  Loc loc = input_loc(im, "input", name);
  Tensor *t = scope_get(s, name);
  const ImportBind *b = find_bind(im, name);
  if (t->init.pos || im->pb.bad) /* only a default in files before 2019 */
    return;
  if (t->made) {
    diag_error(im->diag, E0201, loc, "it is listed twice");
    return;
  }
  t->made = true;
  if (im->opt && im->opt->inputs)
    ARRAY_PUSH(im->arena, im->opt->inputs, name);
  t->value = b ? bound_input(im, v, b, loc) : free_input(im, name, v, loc);
  t->bad = !t->value;
}

enum { MAX_PORTS = 4096 }; /* inputs without a default, and outputs */

static void import_inputs(Scope *s, const PbSpans *inputs) {
  Import *im = s->im;
  OnnxValueInfo v;
  int count = 0;
  for (int i = 0; i < inputs->n; i++) {
    if (!onnx_read_ValueInfo(&im->pb, inputs->v[i], &v))
      return;
    const char *name = import_string(im, v.name);
    bool is_free = !scope_get(s, name)->init.pos;
    count += is_free;
    if (is_free && count <= MAX_PORTS && !find_bind(im, name))
      tensor_default_dim(im, name, v.type, input_loc(im, "input", name));
  }
  if (count > MAX_PORTS) {
    diag_error(im->diag, E0302, import_loc(im, NULL), "more than %d inputs",
               MAX_PORTS);
    im->pb.bad = true;
  }
  for (int i = 0; i < inputs->n && !im->pb.bad; i++)
    if (onnx_read_ValueInfo(&im->pb, inputs->v[i], &v))
      import_input(s, &v);
}

/* Names in the options that the model does not have are mistakes. */
static void check_options(Import *im, Scope *s) {
  for (int i = 0; im->opt && i < im->opt->nbind; i++) {
    const Tensor *t = scope_find(s, im->opt->bind[i].name);
    if (!t || !t->made)
      diag_error(im->diag, E0001, import_loc(im, NULL),
                 "the model has no input '%.80s' to bind",
                 im->opt->bind[i].name);
  }
}

/* --- outputs ----------------------------------------------------------- */

/* The same bytes under a name of their own. */
static Value *view(Import *im, Value *v, const char *name, Loc loc) {
  return graph_op(im->graph, NULL, OP_reshape, NULL, 1, &v, 1, &v->type, &name,
                  loc)
      ->out[0];
}

static void take_name(Graph *g, Value *v, const char *name) {
  Value *other = graph_find(g, name);
  if (other == v)
    return;
  if (other)
    graph_swap_names(g, v, other);
  else
    graph_rename(g, v, name);
}

/* Outputs may be declared without a type. What the nodes make is right all the
 * same, but whoever wrote the model meant something else. */
static void compare_declared(Import *im, const OnnxValueInfo *info,
                             const Type *t, Loc loc) {
  if (!info->type.pos || fits_declared(im, info, t))
    return;
  Str made = str_new(im->arena);
  Type shape = *t;
  shape.q = NULL;
  type_print(&made, &shape);
  diag_warning(im->diag, loc,
               "the model declares another type or shape than its nodes make, "
               "%s",
               str_cstr(&made));
}

static void import_output(Scope *s, PbSpan span) {
  Import *im = s->im;
  OnnxValueInfo info;
  if (!onnx_read_ValueInfo(&im->pb, span, &info))
    return;
  const char *name = import_string(im, info.name);
  Loc loc = input_loc(im, "output", name);
  Value *v = import_value(s, name, loc);
  if (!v)
    return;
  if (!type_count(v->type)) {
    diag_error(im->diag, E0302, loc, "it has no elements");
    return;
  }
  compare_declared(im, &info, v->type, loc);
  if (!v->def || value_is_output(im->graph, v))
    v = view(im, v, name, loc);
  take_name(im->graph, v, name);
  graph_output(im->graph, v);
}

/* --- the model --------------------------------------------------------- */

const char *import_domain(Import *im, PbSpan s) {
  const char *domain = import_string(im, s);
  return strcmp(domain, "ai.onnx") == 0 ? "" : domain;
}

bool import_opsets(Import *im, const PbSpans *list, Opsets *out) {
  *out = (Opsets){ARENA_ARRAY(im->arena, Opset, list->n), list->n};
  for (int i = 0; i < list->n; i++) {
    OnnxOpset o;
    if (!onnx_read_Opset(&im->pb, list->v[i], &o))
      return false;
    out->v[i] = (Opset){import_domain(im, o.domain), o.version.v};
  }
  return !im->pb.bad;
}

static bool check_opsets(Import *im, const Opsets *sets) {
  for (int i = 0; i < sets->n; i++) {
    int64_t version = sets->v[i].version;
    if (*sets->v[i].domain)
      continue;
    if (version >= ONNX_OLDEST && version <= ONNX_NEWEST)
      return true;
    diag_error(im->diag, E0302, import_loc(im, NULL),
               "opset %lld is not supported, only %d to %d", (long long)version,
               ONNX_OLDEST, ONNX_NEWEST);
    diag_hint(im->diag, "onnx.version_converter changes the version");
    return false;
  }
  return true;
}

static void import_graph(Import *im, PbSpan span, Opsets opsets) {
  OnnxGraph g;
  Scope *s = scope_new(im, NULL, opsets, NULL, "");
  if (!onnx_read_Graph(&im->pb, span, &g) || !import_names(s, &g))
    return;
  import_inputs(s, &g.input);
  check_options(im, s);
  if (im->pb.bad || !import_nodes(s, g.node))
    return;
  if (g.output.n > MAX_PORTS)
    diag_error(im->diag, E0302, import_loc(im, NULL), "more than %d outputs",
               MAX_PORTS);
  else if (!g.output.n)
    diag_error(im->diag, E0201, import_loc(im, NULL), "it has no outputs");
  for (int i = 0; i < g.output.n && i < MAX_PORTS && !im->pb.bad; i++)
    import_output(s, g.output.v[i]);
}

/* One entry of the metadata: "kiln.preprocess:INPUT" says how samples become
 * its content, as on a command line. Others are for others. */
static bool import_metadata(Import *im, PbSpan span) {
  static const char key[] = "kiln.preprocess:";
  OnnxStringString entry;
  if (!onnx_read_StringString(&im->pb, span, &entry))
    return false;
  const char *name = import_string(im, entry.key);
  if (!str_has_prefix(name, key))
    return true;
  name += sizeof key - 1;
  Graph *g = im->graph;
  for (int i = 0; i < g->inputs.n; i++) {
    Value *v = g->inputs.v[i];
    if (strcmp(v->name, name) != 0)
      continue;
    Preprocess p;
    const char *why =
        preprocess_parse(im->arena, import_string(im, entry.value), &p);
    why = why ? why : preprocess_misfit(im->arena, &p, v->type);
    if (why)
      return diag_error(im->diag, E0201, input_loc(im, "input", name),
                        "the metadata says how to preprocess it: %s", why);
    v->preprocess = preprocess_copy(g->arena, &p);
  }
  return true;
}

static void import_model(Import *im) {
  OnnxModel m;
  Opsets opsets;
  if (!onnx_read_Model(&im->pb, (PbSpan){0, im->pb.bytes}, &m))
    return;
  if (!m.graph.pos) {
    pb_corrupt(&im->pb, im->pb.bytes, "the model", "it has no graph");
    return;
  }
  if (functions_index(im, &m.functions) &&
      import_opsets(im, &m.opset_import, &opsets) && check_opsets(im, &opsets))
    import_graph(im, m.graph, opsets);
  for (int i = 0; i < m.metadata_props.n && !im->pb.bad; i++)
    if (!import_metadata(im, m.metadata_props.v[i]))
      return;
}

/* Constants that nobody reads: initializers of shapes, and what was
 * evaluated on the way to something else. */
static void drop_unused(Graph *g) {
  for (int i = 0; i < g->values.n; i++) {
    Value *v = g->values.v[i];
    if (v && v->init && !value_use_count(g, v))
      graph_remove_value(g, v);
  }
}

/* A number for a dimension that the model does not leave open is perhaps a
 * misspelling. */
static void name_unasked_dims(const Import *im) {
  for (int i = 0; i < im->dims.n; i++)
    if (!im->dims.v[i].asked)
      diag_warning(im->diag, (Loc){.file = im->pb.file},
                   "--dim %s: the model has no open dimension of that name",
                   im->dims.v[i].bound.name);
}

/* What evaluating ops may cost at least, in bytes and multiplications. */
enum { FOLD_COST = 1 << 28 };

static Graph *import(Arena *a, Diag *d, const char *file, const uint8_t *data,
                     size_t bytes, const ImportOptions *opt) {
  bool rounding_given = opt && opt->rounding != ROUND_COUNT;
  int errors_before = diag_error_count(d);
  Import im = {
      .arena = a,
      .diag = d,
      .opt = opt,
      .graph = graph_new(a, d, path_stem(a, file)),
      .folder = path_dir(a, file),
      .fold_left = FOLD_COST + 16 * (int64_t)bytes,
      .pb = {
          .data = data, .bytes = bytes, .arena = a, .diag = d, .file = file}};
  for (int i = 0; opt && i < opt->ndim; i++)
    ARRAY_PUSH(a, &im.dims, ((struct OpenDim){opt->dim[i], false}));
  im.graph->file = file;
  im.graph->rounding = rounding_given ? opt->rounding : ROUND_onnx;
  import_model(&im);
  if (diag_error_count(d) != errors_before)
    return NULL;
  name_unasked_dims(&im);
  drop_unused(im.graph);
  tensor_align_consts(&im);
  return graph_verify(im.graph) ? im.graph : NULL;
}

const Importer importer_onnx = {
    .format = "onnx",
    .extension = ".onnx",
    .binds = true,
    .match = match,
    .import = import,
};
