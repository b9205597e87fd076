/* The forms of values: see exporter.h. */
#include <string.h>

#include "export/onnx/constant.h"
#include "export/onnx/exporter.h"

/* --- perms ------------------------------------------------------------- */

Perm perm_identity(int rank) {
  Perm p = {.n = rank};
  for (int i = 0; i < rank; i++)
    p.v[i] = i;
  return p;
}

bool perm_is_identity(const Perm *p) {
  for (int i = 0; i < p->n; i++)
    if (p->v[i] != i)
      return false;
  return true;
}

Perm perm_channels_first(void) { return (Perm){4, {0, 3, 1, 2}}; }

int perm_place(const Perm *p, int axis) {
  int i = 0;
  while (p->v[i] != axis)
    i++;
  return i;
}

void perm_apply(const Perm *p, const int64_t *of_value, int64_t *out) {
  for (int i = 0; i < p->n; i++)
    out[i] = of_value[p->v[i]];
}

static bool same(const Perm *p, const Perm *q) {
  return p->n == q->n && memcmp(p->v, q->v, (size_t)p->n * sizeof p->v[0]) == 0;
}

/* The layout of x in which transpose(x, t) has layout p: its tensor's dim i
 * is dim p[i] of the result, which is dim t[p[i]] of x. */
static Perm before(const Perm *t, const Perm *p) {
  Perm r = {.n = p->n};
  perm_apply(p, t->v, r.v);
  return r;
}

/* The layout of transpose(x, t) where x has layout p. */
static Perm behind(const Perm *t, const Perm *p) {
  Perm r = {.n = p->n};
  for (int i = 0; i < p->n; i++)
    r.v[i] = perm_place(t, (int)p->v[i]);
  return r;
}

/* --- names ------------------------------------------------------------- */

const char *form_word(const Exporter *x, const char *base, const char *word) {
  const char *name = arena_printf(x->arena, "%s/%s", base, word);
  while (graph_find(x->g, name))
    name = arena_printf(x->arena, "%s_", name);
  return name;
}

/* "transposed_0312", of a real form "real_0312" */
static const char *form_own_name(const Exporter *x, const Value *v,
                                 const Perm *p, bool real) {
  Str word = str_new(x->arena);
  str_add(&word, real ? "real" : "transposed");
  for (int i = 0; i < p->n && !perm_is_identity(p); i++)
    str_printf(&word, "%s%d", i ? "" : "_", (int)p->v[i]);
  return form_word(x, v->name, str_cstr(&word));
}

/* A transpose of v that gives the tensor of v in layout p as it is; outputs
 * before others. */
static const Value *as_transposed(const Exporter *x, const Value *v,
                                  const Perm *p) {
  const Value *found = NULL;
  for (int i = 0; i < v->uses.n; i++) {
    const Op *op = v->uses.v[i].op;
    if (op->kind != OP_transpose || x->named[op->out[0]->id] ||
        !same(&op->attrs.perm.perm, p))
      continue;
    if (value_is_output(x->g, op->out[0]))
      return op->out[0];
    found = found ? found : op->out[0];
  }
  return found;
}

/* The value whose name the tensor of v in layout p should have; NULL: none's,
 * as outputs keep theirs for their own layout. */
static const Value *namesake(const Exporter *x, const Value *v, const Perm *p) {
  bool output = value_is_output(x->g, v), own = perm_is_identity(p);
  const Value *t = as_transposed(x, v, p);
  if (output && own)
    return v;
  if (t && (!own || value_is_output(x->g, t)))
    return t;
  return own || !output ? v : NULL;
}

/* "conv.nhwc" and "conv.nhwc.q", as passes and quantization name what they
 * make of a model's "conv" in another layout, as "conv" and "conv.q". */
static const char *as_in_model(const Exporter *x, const Value *v,
                               const Perm *p) {
  static const char mark[] = ".nhwc";
  static const size_t n = sizeof mark - 1;
  Perm image = perm_channels_first();
  const char *at = strstr(v->name, mark);
  if (!at || (at[n] && at[n] != '.' && at[n] != '/') || !same(p, &image))
    return v->name;
  const char *name =
      arena_printf(x->arena, "%.*s%s", (int)(at - v->name), v->name, at + n);
  return graph_find(x->g, name) ? v->name : name;
}

const char *form_name(Exporter *x, const Value *v, const Perm *p) {
  const Value *by = namesake(x, v, p);
  if (!by || x->named[by->id])
    return form_own_name(x, v, p, false);
  x->named[by->id] = true;
  return by == v ? as_in_model(x, v, p) : by->name;
}

/* --- forms ------------------------------------------------------------- */

static const char *find(const Exporter *x, const Value *v, const Perm *p,
                        bool real) {
  const Forms *f = &x->forms[v->id];
  for (int i = 0; i < f->n; i++)
    if (f->v[i].real == real && same(&f->v[i].perm, p))
      return f->v[i].name;
  return NULL;
}

static const char *add(Exporter *x, const Value *v, const char *name,
                       const Perm *p, bool real) {
  ARRAY_PUSH(x->arena, &x->forms[v->id], ((Form){name, *p, real}));
  return name;
}

void form_bind(Exporter *x, const Value *v, const char *name, const Perm *p) {
  add(x, v, name, p, false);
}

static bool keeps_lazy(const Op *op) {
  return op->kind == OP_dequantize || op->kind == OP_transpose ||
         (op->kind == OP_cast && !op->attrs.cast.saturate);
}

bool form_is_lazy(const Value *v) {
  return v->init ||
         (v->def && keeps_lazy(v->def) && form_is_lazy(v->def->in[0]));
}

static const char *make_transpose(Exporter *x, const Value *v, const Perm *p,
                                  Form from) {
  Perm t = {.n = p->n};
  for (int i = 0; i < p->n; i++)
    t.v[i] = perm_place(&from.perm, (int)p->v[i]);
  const char *name =
      from.real ? form_own_name(x, v, p, true) : form_name(x, v, p);
  Attr perm = A_INTS("perm", t.v, t.n);
  node(x, "Transpose", 1, &from.name, name, 1, &perm);
  return name;
}

/* A constant, or something of a constant, in layout p. */
static const char *make_lazy(Exporter *x, Value *v, const Perm *p) {
  const Op *op = v->def;
  if (!op) {
    const char *name = form_name(x, v, p);
    constant_add(x, name, v->type, v->init->data, p);
    return name;
  }
  const char *in = form_stored(x, op->in[0], p), *name = form_name(x, v, p);
  if (op->kind == OP_dequantize) {
    dequantize_node(x, op->in[0], p, in, name);
  } else {
    Attr to = A_INT("to", onnx_code(v->type->dtype));
    node(x, "Cast", 1, &in, name, 1, &to);
  }
  return name;
}

/* v or, of transposes, what they transpose, and the layout that this has
 * where v has *p. */
static Value *root_of(Value *v, Perm *p) {
  for (; v->def && v->def->kind == OP_transpose; v = v->def->in[0])
    *p = before(&v->def->attrs.perm.perm, p);
  return v;
}

const char *form_stored(Exporter *x, Value *v, const Perm *p) {
  Perm of_root = *p;
  Value *root = root_of(v, &of_root);
  const char *name = find(x, root, &of_root, false);
  if (name)
    return name;
  if (form_is_lazy(root))
    name = make_lazy(x, root, &of_root);
  else if (x->forms[root->id].n)
    name = make_transpose(x, root, &of_root, x->forms[root->id].v[0]);
  else /* what computes it was refused */
    return root->name;
  return add(x, root, name, &of_root, false);
}

const char *form_real(Exporter *x, Value *v, const Perm *p) {
  if (!v->type->q)
    return form_stored(x, v, p);
  Perm of_root = *p;
  Value *root = root_of(v, &of_root);
  const char *name = find(x, root, &of_root, true);
  if (name)
    return name;
  const char *in = form_stored(x, root, &of_root);
  name = form_own_name(x, root, &of_root, true);
  dequantize_node(x, root, &of_root, in, name);
  return add(x, root, name, &of_root, true);
}

Perm form_perm(const Exporter *x, const Value *v) {
  if (form_is_lazy(v))
    return perm_identity(v->type->rank);
  if (v->def && v->def->kind == OP_transpose) {
    Perm p = form_perm(x, v->def->in[0]);
    return behind(&v->def->attrs.perm.perm, &p);
  }
  const Forms *f = &x->forms[v->id];
  return f->n ? f->v[0].perm : perm_identity(v->type->rank);
}

/* A transpose is its operand in other layouts, and gets no node. */
bool export_transpose(Exporter *x, const Op *op) {
  (void)x;
  (void)op;
  return true;
}
