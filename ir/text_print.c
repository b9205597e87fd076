/* Printing graphs in the text form. Every element of a constant is printed
 * so that it reads back to the same bits, a NaN that is not the usual one as
 * its bit pattern, so that print -> parse -> print is the identity. */
#include <math.h>
#include <string.h>

#include "ir/attrs.h"
#include "ir/element.h"
#include "ir/text.h"
#include "ir/text_lex.h"

enum { WRAP_COLUMN = 78, BLOB_ALIGN = 64, LARGE_COUNT = 32 };

static bool is_plain_name(const char *s) {
  for (const char *p = s; *p; p++)
    if (!lex_is_name_char(*p))
      return false;
  return *s;
}

void text_quote(Str *out, const char *s) {
  str_add(out, "\"");
  for (; *s; s++) {
    unsigned char c = (unsigned char)*s;
    if (c == '"' || c == '\\')
      str_printf(out, "\\%c", c);
    else if (c < 0x20 || c == 0x7f)
      str_printf(out, "\\x%02x", c);
    else
      str_add_bytes(out, s, 1);
  }
  str_add(out, "\"");
}

static void print_name(Str *out, const char *s) {
  if (is_plain_name(s))
    str_add(out, s);
  else
    text_quote(out, s);
}

void value_print(Str *out, const Value *v) {
  if (!v) {
    str_add(out, "_");
    return;
  }
  str_add(out, v->init ? "@" : "%");
  print_name(out, v->name);
}

static void print_typed(Str *out, const Value *v) {
  value_print(out, v);
  str_add(out, " : ");
  type_print(out, v->type);
}

static void print_list(Str *out, const int64_t *v, int n) {
  for (int i = 0; i < n; i++)
    str_printf(out, "%s%lld", i ? "," : "[", (long long)v[i]);
  str_add(out, n ? "]" : "[]");
}

static void print_attr(Str *out, const Attrs *a, const AttrField *f) {
  const void *p = attr_at_const(a, f);
  str_printf(out, "%s=", f->name);
  switch (f->type) {
  case AT_Int:
    str_printf(out, "%lld", (long long)*(const Int *)p);
    break;
  case AT_Word:
    str_printf(out, "%lld", (long long)*(const Word *)p);
    break;
  case AT_Bool:
    str_add(out, *(const Bool *)p ? "true" : "false");
    break;
  case AT_Float:
    str_add_float(out, *(const Float *)p);
    break;
  case AT_Act:
    str_add(out, act_name(*(const Act *)p));
    break;
  case AT_Reduction:
    str_add(out, reduction_name(*(const Reduction *)p));
    break;
  case AT_Int2:
    print_list(out, ((const Int2 *)p)->v, 2);
    break;
  case AT_Int4:
    print_list(out, ((const Int4 *)p)->v, 4);
    break;
  case AT_IntList:
    print_list(out, ((const IntList *)p)->v, ((const IntList *)p)->n);
    break;
  }
}

/* Attributes that are not at their defaults, and the rounding where it is
 * not the model's. */
static void print_attrs(Str *out, const Op *op) {
  const char *sep = " { ";
  Attrs defaults = attrs_default(op->kind);
  int n;
  const AttrField *f = attr_fields(op->kind, &n);
  for (int i = 0; i < n; i++) {
    if (attr_equal(&f[i], &op->attrs, &defaults))
      continue;
    str_add(out, sep);
    print_attr(out, &op->attrs, &f[i]);
    sep = ", ";
  }
  if (op->rounding != op->graph->rounding) {
    str_printf(out, "%srounding=%s", sep, rounding_name(op->rounding));
    sep = ", ";
  }
  if (sep[0] == ',')
    str_add(out, " }");
}

void op_print(Str *out, const Op *op) {
  for (int i = 0; i < op->nout; i++) {
    str_add(out, i ? ", " : "");
    print_typed(out, op->out[i]);
  }
  str_printf(out, " = %s", op_info(op->kind)->name);
  for (int i = 0; i < op->nin; i++) {
    str_add(out, i ? ", " : " ");
    value_print(out, op->in[i]);
  }
  print_attrs(out, op);
  if (op->loc.what) {
    str_add(out, " loc(");
    text_quote(out, op->loc.what);
    str_add(out, ")");
  }
}

static void print_float_element(Str *out, DType t, uint64_t bits) {
  double x = element_to_double(t, bits);
  if (isnan(x) && bits != element_from_double(t, (double)NAN))
    str_printf(out, "0x%llx", (unsigned long long)bits);
  else if (t == DT_f64)
    str_add_double(out, x);
  else
    str_add_float(out, (float)x);
}

static void print_element(Str *out, DType t, uint64_t bits) {
  if (dtype_is_float(t))
    print_float_element(out, t, bits);
  else if (dtype_is_signed(t))
    str_printf(out, "%lld", (long long)element_to_int(t, bits));
  else
    str_printf(out, "%llu", (unsigned long long)bits);
}

static bool all_elements_equal(const Type *t, const void *data) {
  int64_t n = type_count(t);
  if (n < 2)
    return false;
  uint64_t first = element_load(t->dtype, data, 0);
  for (int64_t i = 1; i < n; i++)
    if (element_load(t->dtype, data, i) != first)
      return false;
  return true;
}

/* {1, 2, ...}, broken where a line would get too long. */
static void print_elements(Str *out, const Type *t, const void *data) {
  int64_t n = type_count(t);
  size_t start = out->n;
  while (start > 0 && out->s[start - 1] != '\n')
    start--;
  size_t column = out->n - start;
  Str word = str_new(out->arena);
  for (int64_t i = 0; i < n; i++) {
    word.n = 0;
    print_element(&word, t->dtype, element_load(t->dtype, data, i));
    bool wrap = i > 0 && column + word.n + 3 > WRAP_COLUMN;
    str_add(out, i == 0 ? "{" : wrap ? ",\n  " : ", ");
    str_add_bytes(out, word.s, word.n);
    column = (wrap ? 2 : column + 2) + word.n;
  }
  str_add(out, n ? "}" : "{}");
}

static void print_blob_ref(Str *out, const Value *v, const char *blob_name,
                           Str *blob) {
  static const char zeros[BLOB_ALIGN];
  str_add_bytes(blob, zeros, -blob->n % BLOB_ALIGN);
  str_add(out, "file ");
  text_quote(out, blob_name);
  str_printf(out, "+%zu", blob->n);
  str_add_bytes(blob, v->init->data, (size_t)type_bytes(v->type));
}

static void print_const(Str *out, const Value *v, TextConsts consts,
                        const char *blob_name, Str *blob) {
  str_add(out, "const ");
  print_typed(out, v);
  str_add(out, " = ");
  const Type *t = v->type;
  bool splat = all_elements_equal(t, v->init->data);
  bool large = !splat && type_count(t) > LARGE_COUNT;
  if (consts == TEXT_ELIDED) {
    str_add(out, "elided");
  } else if (consts == TEXT_FILE || (consts == TEXT_LARGE && large)) {
    print_blob_ref(out, v, blob_name, blob);
  } else if (splat) {
    str_add(out, "splat ");
    print_element(out, t->dtype, element_load(t->dtype, v->init->data, 0));
  } else {
    print_elements(out, t, v->init->data);
  }
  str_add(out, "\n");
}

static void print_state(Str *out, const State *s) {
  str_add(out, "state ");
  print_typed(out, s->in);
  if (s->init) {
    str_add(out, " = ");
    value_print(out, s->init);
  }
  str_add(out, " -> ");
  value_print(out, s->out);
  str_add(out, "\n");
}

static void print_input(Str *out, const Value *v) {
  str_add(out, "input ");
  print_typed(out, v);
  if (v->preprocess) {
    str_add(out, " preprocess ");
    preprocess_print(out, v->preprocess);
  }
  str_add(out, "\n");
}

void graph_print(Str *out, const Graph *g, TextConsts consts,
                 const char *blob_name, Str *blob) {
  str_add(out, "model ");
  print_name(out, g->name);
  str_printf(out, " rounding=%s\n", rounding_name(g->rounding));
  for (int i = 0; i < g->inputs.n; i++)
    print_input(out, g->inputs.v[i]);
  for (int i = 0; i < g->values.n; i++)
    if (g->values.v[i] && g->values.v[i]->init)
      print_const(out, g->values.v[i], consts, blob_name, blob);
  for (int i = 0; i < g->states.n; i++)
    print_state(out, &g->states.v[i]);
  for (const Op *op = g->first; op; op = op->next) {
    op_print(out, op);
    str_add(out, "\n");
  }
  for (int i = 0; i < g->outputs.n; i++) {
    str_add(out, "output ");
    value_print(out, g->outputs.v[i]);
    str_add(out, "\n");
  }
}
