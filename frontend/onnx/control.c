/* Operators with bodies: functions are inlined where they are called, the
 * branch of an If that is taken becomes part of the graph. */
#include <stdlib.h>
#include <string.h>

#include "frontend/onnx/build.h"

enum { MAX_DEPTH = 32 }; /* of bodies in bodies */

static bool enter(Node *n) {
  if (n->im->depth == MAX_DEPTH)
    return node_refuse(n, "bodies are nested more than %d deep", MAX_DEPTH);
  n->im->depth++;
  return true;
}

static const char *inner_prefix(Node *n) {
  return arena_printf(n->im->arena, "%s / ", n->loc.what);
}

/* The values of names in s as the node's outputs. */
static void take_outputs(Node *n, Scope *s, int count,
                         const char *const *names) {
  for (int i = 0; i < n->nout && i < count && !n->im->pb.bad; i++)
    if (node_has_out(n, i)) {
      Value *v = import_value(s, names[i], n->loc);
      n->bad |= !v;
      node_out(n, i, v);
    }
}

/* --- functions --------------------------------------------------------- */

static int compare_names(const void *a, const void *b) {
  const FunctionName *x = a, *y = b;
  int by_domain = strcmp(x->domain, y->domain);
  return by_domain ? by_domain : strcmp(x->name, y->name);
}

bool functions_index(Import *im, const PbSpans *functions) {
  for (int i = 0; i < functions->n; i++) {
    OnnxFunction f;
    if (!onnx_read_Function(&im->pb, functions->v[i], &f))
      return false;
    FunctionName name = {import_domain(im, f.domain), import_string(im, f.name),
                         import_string(im, f.overload), functions->v[i]};
    ARRAY_PUSH(im->arena, &im->functions, name);
  }
  if (im->functions.n)
    qsort(im->functions.v, (size_t)im->functions.n, sizeof *im->functions.v,
          compare_names);
  return !im->pb.bad;
}

/* The first function of that name, or the place behind the last before. */
static int first_named(const Import *im, const FunctionName *key) {
  int lo = 0, hi = im->functions.n;
  while (lo < hi) {
    int mid = lo + (hi - lo) / 2;
    if (compare_names(&im->functions.v[mid], key) < 0)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

bool function_find(const Node *n, PbSpan overload, OnnxFunction *f) {
  Import *im = n->im;
  FunctionName key = {.domain = n->domain, .name = n->op};
  const char *wanted = import_string(im, overload);
  for (int i = first_named(im, &key); i < im->functions.n; i++) {
    const FunctionName *have = &im->functions.v[i];
    if (compare_names(have, &key) != 0)
      return false;
    if (strcmp(have->overload, wanted) == 0)
      return onnx_read_Function(&im->pb, have->span, f);
    if (!onnx_spend(im, 1, n->loc))
      return false;
  }
  return false;
}

static void take_inputs(Node *n, Scope *s, const OnnxFunction *f) {
  for (int i = 0; i < f->input.n; i++) {
    Tensor *t = scope_get(s, import_string(n->im, f->input.v[i]));
    t->value = node_in(n, i);
    t->made = true;
    t->bad = t->absent = !t->value;
  }
}

/* Attributes of the call, then defaults of those that it leaves out. */
static bool add_defaults(Node *n, const OnnxFunction *f) {
  Import *im = n->im;
  NodeAttr *all =
      ARENA_ARRAY(im->arena, NodeAttr, n->nattr + f->attribute_proto.n);
  int count = n->nattr;
  for (int i = 0; i < n->nattr; i++)
    all[i] = n->attr[i];
  for (int i = 0; i < f->attribute_proto.n; i++) {
    NodeAttr a = {0};
    if (!onnx_read_Attribute(&im->pb, f->attribute_proto.v[i], &a.proto))
      return false;
    a.name = import_string(im, a.proto.name);
    if (!attr_has(n, a.name))
      all[count++] = a;
  }
  n->attr = all;
  n->nattr = count;
  return !im->pb.bad;
}

bool import_function(Node *n, const OnnxFunction *f) {
  Import *im = n->im;
  Opsets opsets;
  if (n->nin > f->input.n || n->nout > f->output.n)
    return node_invalid(n,
                        "%d inputs and %d outputs of a function with %d "
                        "and %d",
                        n->nin, n->nout, f->input.n, f->output.n);
  int fields =
      f->input.n + f->output.n + f->attribute_proto.n + f->opset_import.n;
  if (n->bad || !onnx_spend(im, fields, n->loc) ||
      !import_opsets(im, &f->opset_import, &opsets) || !add_defaults(n, f) ||
      !enter(n))
    return false;
  Scope *s = scope_new(im, NULL, opsets, n, inner_prefix(n));
  take_inputs(n, s, f);
  const char **names = ARENA_ARRAY(im->arena, const char *, f->output.n);
  for (int i = 0; i < f->output.n; i++)
    names[i] = import_string(im, f->output.v[i]);
  if (import_nodes(s, f->node))
    take_outputs(n, s, f->output.n, names);
  im->depth--;
  return !n->bad;
}

/* --- bodies ------------------------------------------------------------ */

static void bind_inputs(Scope *s, const PbSpans *inputs, int nin,
                        Value *const *in) {
  for (int i = 0; i < inputs->n && i < nin; i++) {
    OnnxValueInfo v;
    if (!onnx_read_ValueInfo(&s->im->pb, inputs->v[i], &v))
      return;
    Tensor *t = scope_get(s, import_string(s->im, v.name));
    t->value = in[i];
    t->made = true;
    t->bad = !t->value;
  }
}

static void collect(Node *n, Scope *s, const PbSpans *outputs, Value **out) {
  for (int i = 0; i < outputs->n && !n->im->pb.bad; i++) {
    OnnxValueInfo v;
    if (!onnx_read_ValueInfo(&n->im->pb, outputs->v[i], &v))
      return;
    out[i] = import_value(s, import_string(n->im, v.name), n->loc);
    n->bad |= !out[i];
  }
}

Value **body_import(Node *n, PbSpan span, int nin, Value *const *in, int nout) {
  Import *im = n->im;
  OnnxGraph g;
  Value **out = ARENA_ARRAY(im->arena, Value *, nout);
  if (!span.pos)
    node_invalid(n, "a body is missing");
  if (n->bad || !onnx_read_Graph(&im->pb, span, &g))
    return out;
  if (g.input.n != nin || g.output.n != nout) {
    node_invalid(n, "a body of %d inputs and %d outputs, expected %d and %d",
                 g.input.n, g.output.n, nin, nout);
    return out;
  }
  Scope *s = scope_new(im, n->scope, n->scope->opsets, NULL, inner_prefix(n));
  if (!import_names(s, &g) || !enter(n))
    return out;
  bind_inputs(s, &g.input, nin, in);
  if (!im->pb.bad && import_nodes(s, g.node))
    collect(n, s, &g.output, out);
  im->depth--;
  n->bad |= im->pb.bad;
  return out;
}

void onnx_if(Node *n) {
  PbSpan yes = attr_graph(n, "then_branch"), no = attr_graph(n, "else_branch");
  int64_t condition = const_int(n, node_in(n, 0), "the condition", 0);
  Value **out = body_import(n, condition ? yes : no, 0, NULL, n->nout);
  for (int i = 0; i < n->nout && !n->bad; i++)
    node_out(n, i, out[i]);
}
