/* The walk over a graph, and the file around what it leaves behind. */
#include "export/onnx.h"

#include <string.h>

#include "export/onnx/exporter.h"
#include "ir/text.h"

/* A file is one message, whose length has to fit an int. */
static const int64_t max_bytes = INT32_MAX;

enum { IR_VERSION = 10, OPERATOR_SET = 21 };

static const struct Row {
  ExportFn *fn;
  const char *name;
} rows[OP_COUNT] = {
#define EXPORT(kind, fn, operator) [OP_##kind] = {export_##fn, operator},
#include "export/onnx/ops.def"
#undef EXPORT
};

const char *export_name(const Op *op) { return rows[op->kind].name; }

bool export_refuse(const Exporter *x, const Op *op, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *why = arena_vprintf(x->arena, fmt, ap);
  va_end(ap);
  Loc loc = op->loc;
  loc.file = loc.file ? loc.file : x->g->file;
  diag_error(x->diag, E0306, loc, "%s: %s", op_info(op->kind)->name, why);
  Str line = str_new(x->arena);
  op_print(&line, op);
  diag_excerpt(x->diag, "%s", str_cstr(&line));
  return false;
}

void node(Exporter *x, const char *op, int nin, const char *const *in,
          const char *out, int nattr, const Attr *attrs) {
  graph_add_node(&x->nodes, op, nin, in, 1, &out, nattr, attrs);
}

static bool export_op(Exporter *x, const Op *op) {
  bool lazy = op->nout == 1 && form_is_lazy(op->out[0]);
  ExportFn *fn = rows[op->kind].fn;
  if (!fn)
    return export_refuse(x, op, "has no counterpart in ONNX");
  return lazy || fn(x, op);
}

/* --- borders ----------------------------------------------------------- */

/* What ONNX cannot keep from run to run. */
static bool check_states(const Exporter *x) {
  const Graph *g = x->g;
  for (int i = 0; i < g->states.n; i++) {
    diag_error(x->diag, E0306, (Loc){.file = g->file},
               "state '%s': ONNX keeps nothing from run to run",
               g->states.v[i].name);
    diag_hint(x->diag, "make it an input and an output of the model");
  }
  return g->states.n == 0;
}

static int64_t constant_bytes(const Graph *g) {
  int64_t bytes = 0;
  for (int i = 0; i < g->values.n; i++) {
    const Value *v = g->values.v[i];
    if (v && v->init)
      bytes += type_bytes(v->type);
  }
  return bytes;
}

static bool check_size(const Exporter *x, int64_t bytes) {
  return bytes < max_bytes ||
         diag_error(x->diag, E0306, (Loc){.file = x->g->file},
                    "the constants take %lld bytes, an .onnx file holds %lld",
                    (long long)bytes, (long long)max_bytes);
}

static void add_inputs(Exporter *x, Str *ends) {
  for (int i = 0; i < x->g->inputs.n; i++) {
    Value *v = x->g->inputs.v[i];
    Perm p = perm_identity(v->type->rank);
    x->named[v->id] = true;
    form_bind(x, v, v->name, &p);
    graph_add_end(ends, GRAPH_INPUT, v->name, v->type);
  }
}

static bool was_output(const Graph *g, int i) {
  for (int k = 0; k < i; k++)
    if (g->outputs.v[k] == g->outputs.v[i])
      return true;
  return false;
}

/* Outputs have a tensor of their own, under their name unless that is an
 * input's or another output's. */
static void add_outputs(Exporter *x, Str *ends) {
  const Graph *g = x->g;
  for (int i = 0; i < g->outputs.n; i++) {
    Value *v = g->outputs.v[i];
    Perm p = perm_identity(v->type->rank);
    const char *tensor = form_stored(x, v, &p), *name = v->name;
    bool again = was_output(g, i);
    if (again || (x->named[v->id] && (!v->def || strcmp(tensor, name) != 0)))
      name = form_word(x, name, arena_printf(x->arena, "output_%d", i));
    if (strcmp(tensor, name) != 0)
      node(x, "Identity", 1, &tensor, name, 0, NULL);
    graph_add_end(ends, GRAPH_OUTPUT, name, v->type);
  }
}

/* --- the file ---------------------------------------------------------- */

static void add_opset(Str *model) {
  Str m = str_new(model->arena);
  wire_string(&m, 1, "");
  wire_int(&m, 2, OPERATOR_SET);
  wire_message(model, 8, &m);
}

/* How the inputs' samples are preprocessed, as metadata: StringStringEntry. */
static void add_metadata(const Exporter *x, Str *model) {
  for (int i = 0; i < x->g->inputs.n; i++) {
    const Value *v = x->g->inputs.v[i];
    Str how = str_new(x->arena), m = str_new(x->arena);
    if (v->preprocess)
      preprocess_spell(&how, v->preprocess);
    if (!how.n)
      continue;
    wire_string(&m, 1, arena_printf(x->arena, "kiln.preprocess:%s", v->name));
    wire_string(&m, 2, str_cstr(&how));
    wire_message(model, 14, &m);
  }
}

/* ModelProto, with a GraphProto in it. */
static void add_model(const Exporter *x, const Str *ends, Str *out) {
  Str name = str_new(x->arena);
  wire_string(&name, 2, x->g->name);
  const Str *const parts[] = {&x->nodes, &name, &x->tensors, ends};
  size_t n = 0;
  for (int i = 0; i < 4; i++)
    n += parts[i]->n;
  str_reserve(out, n);
  wire_int(out, 1, IR_VERSION);
  wire_string(out, 2, "kiln");
  wire_begin(out, 7, n);
  for (int i = 0; i < 4; i++)
    str_add_bytes(out, str_cstr(parts[i]), parts[i]->n);
  add_opset(out);
  add_metadata(x, out);
}

bool onnx_export(Diag *d, const Graph *g, Str *out) {
  Arena *a = arena_new();
  size_t n = (size_t)g->values.n;
  Exporter x = {.arena = a,
                .diag = d,
                .g = g,
                .nodes = str_new(a),
                .tensors = str_new(a),
                .forms = ARENA_ARRAY(a, Forms, n),
                .named = ARENA_ARRAY(a, bool, n),
                .params = ARENA_ARRAY(a, bool, n)};
  Str ends = str_new(a);
  int64_t bytes = constant_bytes(g);
  bool ok = check_states(&x) && check_size(&x, bytes);
  if (ok)
    str_reserve(&x.tensors, (size_t)bytes);
  add_inputs(&x, &ends);
  for (const Op *op = g->first; op; op = op->next)
    ok &= export_op(&x, op);
  if (ok) {
    add_outputs(&x, &ends);
    add_model(&x, &ends, out);
  }
  arena_free(a);
  return ok;
}
