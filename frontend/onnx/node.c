/* What all nodes share: looking up the operator, reading inputs, outputs and
 * attributes, reporting. */
#include <stdlib.h>
#include <string.h>

#include "frontend/onnx/build.h"

/* --- the table --------------------------------------------------------- */

#define DOMAIN_onnx ""
#define DOMAIN_microsoft "com.microsoft"

enum { OP_several = OP_COUNT };

static const OnnxRow rows[] = {
#define ONNX(domain, name, since, until, nmin, nmax, nout, fn, kind)           \
  {DOMAIN_##domain,  #name, since, until, nmin, nmax, nout, onnx_##fn,         \
   (OpKind)OP_##kind},
#include "frontend/onnx/ops.def"
#undef ONNX
};

enum { ROW_COUNT = sizeof rows / sizeof *rows };

static bool row_holds(const OnnxRow *r, int64_t version) {
  return version >= r->since && (r->until == ONNX_OPEN || version <= r->until);
}

const OnnxRow *onnx_row(const char *domain, const char *name, int64_t version,
                        bool *known) {
  *known = false;
  for (int i = 0; i < ROW_COUNT; i++) {
    const OnnxRow *r = &rows[i];
    if (strcmp(r->name, name) != 0 || strcmp(r->domain, domain) != 0)
      continue;
    *known = true;
    if (row_holds(r, version))
      return r;
  }
  return NULL;
}

void onnx_ops_visit(OpVisit visit, void *ctx) {
  Arena *a = arena_new();
  for (int i = 0; i < ROW_COUNT; i++) {
    const OnnxRow *r = &rows[i];
    const char *name =
        *r->domain ? arena_printf(a, "%s::%s", r->domain, r->name) : r->name;
    visit(ctx, "onnx", name, r->since, r->until,
          r->kind < OP_COUNT ? op_info(r->kind)->name : NULL);
  }
  arena_free(a);
}

/* --- reporting --------------------------------------------------------- */

static bool report(Node *n, DiagCode code, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static bool report(Node *n, DiagCode code, const char *fmt, va_list ap) {
  n->bad = true;
  return diag_error(n->im->diag, code, n->loc, "%s",
                    arena_vprintf(n->im->arena, fmt, ap));
}

bool node_refuse(Node *n, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  report(n, E0302, fmt, ap);
  va_end(ap);
  return false;
}

bool node_invalid(Node *n, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  report(n, E0201, fmt, ap);
  va_end(ap);
  return false;
}

/* The inputs of the graph that v comes from, into `names`; `seen` by id. */
static void find_sources(const Value *v, bool *seen, Arena *scratch,
                         ImportWants *out) {
  ARRAY(const Value *) stack = {0};
  ARRAY_PUSH(scratch, &stack, v);
  while (stack.n) {
    v = stack.v[--stack.n];
    if (!v || v->init || seen[v->id])
      continue;
    seen[v->id] = true;
    if (!v->def)
      ARRAY_PUSH(scratch, out, ((ImportWant){v->name, -1, NULL}));
    for (int i = 0; v->def && i < v->def->nin; i++)
      ARRAY_PUSH(scratch, &stack, v->def->in[i]);
  }
}

static void hint_bind(Import *im, const ImportWants *from) {
  if (from->n == 1)
    diag_hint(im->diag,
              "it comes from an input; if that never changes: "
              "--bind %s=FILE.npy",
              from->v[0].input);
  else if (from->n)
    diag_hint(im->diag,
              "it comes from %d inputs, '%s' and others; if they "
              "never change, --bind them",
              from->n, from->v[0].input);
}

bool node_unknown(Node *n, const Value *v, const char *what) {
  enum { MOST = 100 }; /* searches: each may see the whole graph */
  Import *im = n->im;
  Arena *scratch = arena_new();
  ImportWants from = {0};
  if (diag_error_count(im->diag) < MOST)
    find_sources(v, ARENA_ARRAY(scratch, bool, im->graph->values.n), scratch,
                 &from);
  n->bad = true;
  diag_error(im->diag, E0303, n->loc, "%s is not known at compile time", what);
  hint_bind(im, &from);
  for (int i = 0; i < from.n; i++)
    import_want(im, from.v[i]);
  arena_free(scratch);
  return false;
}

/* --- inputs and outputs ------------------------------------------------ */

Value *node_in(const Node *n, int i) { return i < n->nin ? n->in[i] : NULL; }

bool node_has_out(const Node *n, int i) {
  return i < n->nout && n->out[i] != NULL;
}

void node_out(Node *n, int i, Value *v) {
  if (!n->bad && node_has_out(n, i))
    n->made[i] = v;
}

/* A value that the node made gets its output's name; the same image with its
 * channels last, of which it is a transpose, that name and ".nhwc". */
static void name_output(const Node *n, Value *v, const char *name,
                        int first_id) {
  Graph *g = n->im->graph;
  graph_rename(g, v, name);
  if (!v->def || v->def->kind != OP_transpose || v->def->in[0]->id < first_id)
    return;
  const IntList *p = &v->def->attrs.perm.perm;
  if (p->n == 4 && !p->v[0] && p->v[1] == 3 && p->v[2] == 1)
    graph_rename(g, v->def->in[0], arena_printf(n->im->arena, "%s.nhwc", name));
}

static void bind_outputs(Node *n, int first_id) {
  for (int i = 0; i < n->nout; i++) {
    Tensor *t = n->out[i];
    if (!t)
      continue;
    t->made = true;
    t->value = n->bad ? NULL : n->made[i];
    if (!n->bad && !t->value)
      node_refuse(n, "output %d ('%.80s') is not supported", i, t->name);
    if (t->value && t->value->id >= first_id)
      name_output(n, t->value, t->name, first_id);
    t->bad = !t->value;
  }
}

/* After an error: what the file declares lets the nodes behind be checked,
 * too. */
static void placeholders(Node *n) {
  for (int i = 0; i < n->nout; i++) {
    Tensor *t = n->out[i];
    if (!t || t->value || !t->declared.pos)
      continue;
    const Type *type =
        tensor_declared(n->im, t->name, t->declared, false, n->loc);
    if (!type || !type_count(type))
      continue;
    t->value = graph_input(n->im->graph, t->name, type);
    t->bad = false;
  }
}

static bool claim_outputs(Node *n, Scope *s, const OnnxNode *proto) {
  Import *im = n->im;
  n->nout = proto->output.n;
  n->out = ARENA_ARRAY(im->arena, Tensor *, n->nout);
  n->made = ARENA_ARRAY(im->arena, Value *, n->nout);
  for (int i = 0; i < n->nout; i++) {
    const char *name = import_string(im, proto->output.v[i]);
    if (!*name)
      continue;
    n->out[i] = scope_get(s, name);
    if (n->out[i]->made || n->out[i]->init.pos)
      return node_invalid(n,
                          "'%.80s' is written twice, or is a constant or "
                          "an input",
                          name);
    n->out[i]->made = true;
  }
  return !im->pb.bad;
}

static bool read_inputs(Node *n, Scope *s, const OnnxNode *proto) {
  Import *im = n->im;
  n->nin = proto->input.n;
  n->in = ARENA_ARRAY(im->arena, Value *, n->nin);
  for (int i = 0; i < n->nin; i++) {
    const char *name = import_string(im, proto->input.v[i]);
    const Tensor *t = scope_find(s, name);
    if (!*name || (t && t->absent))
      continue;
    n->in[i] = import_value(s, name, n->loc);
    n->bad |= !n->in[i];
  }
  while (n->nin && !n->in[n->nin - 1] && !n->bad)
    n->nin--; /* absent inputs at the end are as good as none */
  return !n->bad && !im->pb.bad;
}

static bool check_arity(Node *n) {
  const OnnxRow *r = n->row;
  if (n->nin < r->nin_min || (r->nin_max >= 0 && n->nin > r->nin_max))
    return node_invalid(n, "%d inputs, expected %s%d", n->nin,
                        n->nin < r->nin_min ? "at least " : "at most ",
                        n->nin < r->nin_min ? r->nin_min : r->nin_max);
  for (int i = 0; i < r->nin_min; i++)
    if (!n->in[i])
      return node_invalid(n, "input %d is absent", i);
  if (r->nout_max >= 0 && n->nout > r->nout_max)
    return node_invalid(n, "%d outputs, expected at most %d", n->nout,
                        r->nout_max);
  return true;
}

/* --- attributes -------------------------------------------------------- */

/* The attribute of the call that stands for `ref`; NULL: none. */
static const NodeAttr *referenced(const Scope *s, const char *ref) {
  while (s && !s->call)
    s = s->outer;
  for (int i = 0; s && i < s->call->nattr; i++)
    if (strcmp(s->call->attr[i].name, ref) == 0)
      return &s->call->attr[i];
  return NULL;
}

static bool read_attr(Node *n, Scope *s, PbSpan span) {
  Import *im = n->im;
  NodeAttr a = {0};
  if (!onnx_read_Attribute(&im->pb, span, &a.proto))
    return false;
  a.name = import_string(im, a.proto.name);
  if (a.proto.ref_attr_name.n) {
    const NodeAttr *from =
        referenced(s, import_string(im, a.proto.ref_attr_name));
    if (!from)
      return true; /* absent at the call: absent here */
    a.proto = from->proto;
  }
  for (int i = 0; i < n->nattr; i++)
    if (strcmp(n->attr[i].name, a.name) == 0)
      return node_invalid(n, "attribute '%.80s' is given twice", a.name);
  n->attr[n->nattr++] = a;
  return true;
}

static bool read_attrs(Node *n, Scope *s, const PbSpans *attrs) {
  enum { MOST = 256 };
  if (attrs->n > MOST)
    return node_refuse(n, "more than %d attributes", MOST);
  n->attr = ARENA_ARRAY(n->im->arena, NodeAttr, attrs->n);
  for (int i = 0; i < attrs->n; i++)
    if (!read_attr(n, s, attrs->v[i]))
      return false;
  return true;
}

/* What an import function has not asked for, it does not know. */
static void check_attrs_used(Node *n) {
  for (int i = 0; i < n->nattr && !n->bad; i++)
    if (!n->attr[i].used)
      node_refuse(n, "attribute '%.80s' is not supported", n->attr[i].name);
}

/* --- one node ---------------------------------------------------------- */

static int64_t opset_of(const Scope *s, const char *domain) {
  for (int i = 0; i < s->opsets.n; i++)
    if (strcmp(s->opsets.v[i].domain, domain) == 0)
      return s->opsets.v[i].version;
  return 1; /* com.microsoft is often left out, and has one version only */
}

static bool refuse_operator(Node *n, bool known) {
  Diag *d = n->im->diag;
  const char *sep = *n->domain ? "::" : "";
  n->bad = true;
  if (known)
    return diag_error(d, E0302, n->loc, "%s%s%s of opset %lld is not supported",
                      n->domain, sep, n->op, (long long)n->opset);
  const OnnxRefusal *r = onnx_refusal(n->domain, n->op);
  diag_error(d, E0301, n->loc, "operator %s%s%s is not supported%s%s",
             n->domain, sep, n->op, r ? ": " : "", r ? r->reason : "");
  if (r)
    diag_hint(d, "%s", r->hint);
  return false;
}

static void describe(Node *n, Scope *s, const OnnxNode *proto, int index) {
  Import *im = n->im;
  const char *name = import_string(im, proto->name);
  if (!*name && proto->output.n)
    name = import_string(im, proto->output.v[0]);
  n->name = name;
  n->loc = import_loc(
      im, arena_printf(im->arena, "%snode %d %s%s%s '%.80s' (opset %lld)",
                       s->prefix, index, n->domain, *n->domain ? "::" : "",
                       n->op, name, (long long)n->opset));
}

static void run(Node *n, const OnnxNode *proto) {
  bool known;
  OnnxFunction f;
  n->row = onnx_row(n->domain, n->op, n->opset, &known);
  if (!n->row && function_find(n, proto->overload, &f)) {
    import_function(n, &f);
    return;
  }
  if (n->im->pb.bad)
    return;
  if (!n->row)
    refuse_operator(n, known);
  else if (!n->bad && check_arity(n)) {
    n->row->import(n);
    check_attrs_used(n);
  }
}

bool import_node(Scope *s, PbSpan span, int index) {
  Import *im = s->im;
  OnnxNode proto;
  Node n = {.im = im, .scope = s};
  if (!onnx_read_Node(&im->pb, span, &proto))
    return false;
  n.op = import_string(im, proto.op_type);
  n.domain = import_domain(im, proto.domain);
  n.opset = opset_of(s, n.domain);
  describe(&n, s, &proto, index);
  if (!onnx_spend(im, 8 + proto.input.n + proto.output.n, n.loc))
    return false;
  bool claimed = claim_outputs(&n, s, &proto);
  int first_id = im->graph->values.n;
  if (claimed && read_attrs(&n, s, &proto.attribute)) {
    read_inputs(&n, s, &proto);
    first_id = im->graph->values.n;
    run(&n, &proto);
  }
  bind_outputs(&n, first_id);
  placeholders(&n);
  return !im->pb.bad;
}
