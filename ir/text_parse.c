/* Reading graphs in the text form: one statement a line, recursive descent
 * without recursion. After an error the parser goes on with the next line;
 * values that could not be read are defined as poison, so that one mistake
 * is reported once. */
#include "ir/text_parse.h"

#include <string.h>

#include "ir/attrs.h"
#include "ir/text.h"

enum { MAX_ERRORS = 20 };

/* The `->` of a state names a value of a later line. */
typedef struct Pending {
  const Value *in;
  const char *out; /* name */
  bool is_const;
  Lexer at; /* for the error */
} Pending;

typedef struct Parser {
  Lexer l;
  Graph *g;
  FileCache files;
  ARRAY(Pending) pending;
} Parser;

static const Type poison_type = {.dtype = DT_f32};

static bool is_poison(const Value *v) { return v->type == &poison_type; }

/* ---- values ---- */

/* '%' or '@', and a name. */
static bool parse_ref(Lexer *l, bool *is_const, const char **name,
                      const char **at) {
  char c = lex_peek(l);
  *at = l->p;
  if (c != '%' && c != '@')
    return lex_error(l, *at, "expected %%name or @name");
  *is_const = c == '@';
  l->p++;
  if (l->p == l->end || (*l->p != '"' && !lex_is_name_char(*l->p)))
    return lex_error(l, l->p, "expected a name");
  return lex_name(l, name) &&
         (**name || lex_error(l, *at, "a name must not be empty"));
}

static Value *resolve(const Parser *p, Lexer *l, bool is_const,
                      const char *name, const char *at) {
  Value *v = graph_find(p->g, name);
  if (!v)
    lex_error(l, at, "%c%s is not defined", is_const ? '@' : '%', name);
  else if (!is_poison(v) && is_const != (v->init != NULL))
    lex_error(l, at, "%s is a %s, write %c%s", name,
              v->init ? "constant" : "variable", v->init ? '@' : '%', name);
  else
    return v;
  return NULL;
}

static Value *parse_value(Parser *p) {
  bool is_const;
  const char *name, *at;
  if (!parse_ref(&p->l, &is_const, &name, &at))
    return NULL;
  return resolve(p, &p->l, is_const, name, at);
}

/* A name being defined, with its type; on errors behind the name the type
 * is poison. */
typedef struct Definition {
  const char *name; /* NULL: none was read */
  const Type *type;
} Definition;

static bool parse_definition(Parser *p, bool want_const, Definition *d) {
  Lexer *l = &p->l;
  const char *at, *name;
  bool is_const;
  *d = (Definition){NULL, &poison_type};
  if (!parse_ref(l, &is_const, &name, &at))
    return false;
  if (is_const != want_const)
    return lex_error(l, at, "expected %c here", want_const ? '@' : '%');
  if (graph_find(p->g, name))
    return lex_error(l, at, "%s is defined twice", name);
  d->name = name;
  if (!lex_expect(l, ":"))
    return false;
  const Type *t = parse_type(l);
  d->type = t ? t : &poison_type;
  return t;
}

static bool poison(Parser *p, const Definition *d) {
  if (d->name && !graph_find(p->g, d->name))
    graph_input(p->g, d->name, &poison_type);
  return false;
}

/* ---- attributes ---- */

static bool parse_ints(Lexer *l, int64_t *v, int min, int max, int *n) {
  const char *at = l->p;
  int count = 0;
  if (!lex_expect(l, "["))
    return false;
  while (!lex_accept(l, "]")) {
    if (count == max)
      return lex_error(l, at, "more than %d elements", max);
    if ((count > 0 && !lex_expect(l, ",")) ||
        !lex_int(l, INT64_MIN, INT64_MAX, &v[count++]))
      return false;
  }
  if (count < min)
    return lex_error(l, at, "fewer than %d elements", min);
  *n = count;
  return true;
}

static bool parse_bool(Lexer *l, bool *b) {
  *b = lex_accept(l, "true");
  return *b || lex_accept(l, "false") ||
         lex_error(l, l->p, "expected true or false");
}

static bool parse_act(Lexer *l, Act *act) {
  const char *at = l->p;
  *act = act_find(lex_word(l));
  return *act != ACT_COUNT ||
         lex_error(l, at, "expected none, relu, relu6, relu_n1_1 or relu_0_1");
}

static bool parse_reduction(Lexer *l, Reduction *r) {
  const char *at = l->p;
  *r = reduction_find(lex_word(l));
  return *r != REDUCTION_COUNT ||
         lex_error(l, at, "expected none, add, mul, min or max");
}

static bool parse_attr_value(Lexer *l, const AttrField *f, Attrs *a) {
  void *x = attr_at(a, f);
  int n;
  lex_blanks(l);
  switch (f->type) {
  case AT_Int:
  case AT_Word:
    return lex_int(l, INT64_MIN, INT64_MAX, x);
  case AT_Bool:
    return parse_bool(l, x);
  case AT_Float:
    return lex_float(l, x);
  case AT_Act:
    return parse_act(l, x);
  case AT_Reduction:
    return parse_reduction(l, x);
  case AT_Int2:
    return parse_ints(l, ((Int2 *)x)->v, 2, 2, &n);
  case AT_Int4:
    return parse_ints(l, ((Int4 *)x)->v, 4, 4, &n);
  case AT_IntList:
    return parse_ints(l, ((IntList *)x)->v, 0, MAX_RANK, &((IntList *)x)->n);
  }
  return false;
}

static bool parse_rounding(Lexer *l, Rounding *r) {
  lex_blanks(l);
  const char *at = l->p;
  *r = rounding_find(lex_word(l));
  return *r != ROUND_COUNT ||
         lex_error(l, at, "expected tflite, tflm, onnx or single");
}

/* Also when the kind has no such attribute: tells which it has. */
static bool unknown_attr(Lexer *l, const char *at, OpKind kind) {
  int n;
  const AttrField *f = attr_fields(kind, &n);
  Str known = str_new(l->arena);
  for (int i = 0; i < n; i++)
    str_printf(&known, "%s, ", f[i].name);
  return lex_error(l, at, "%s has no such attribute, only %srounding",
                   op_info(kind)->name, str_cstr(&known));
}

static bool parse_attr(Parser *p, OpKind kind, Attrs *a, Rounding *r) {
  Lexer *l = &p->l;
  lex_blanks(l);
  const char *at = l->p, *name = lex_word(l);
  if (!lex_expect(l, "="))
    return false;
  if (strcmp(name, "rounding") == 0)
    return parse_rounding(l, r);
  int n, i = 0;
  const AttrField *f = attr_fields(kind, &n);
  while (i < n && strcmp(f[i].name, name) != 0)
    i++;
  return i < n ? parse_attr_value(l, &f[i], a) : unknown_attr(l, at, kind);
}

static bool parse_attrs(Parser *p, OpKind kind, Attrs *a, Rounding *r) {
  if (!lex_accept(&p->l, "{") || lex_accept(&p->l, "}"))
    return true;
  do {
    if (!parse_attr(p, kind, a, r))
      return false;
  } while (lex_accept(&p->l, ","));
  return lex_expect(&p->l, "}");
}

/* ---- statements ---- */

static bool parse_loc(Lexer *l, const char **what) {
  if (!lex_accept(l, "loc"))
    return true;
  return lex_expect(l, "(") && lex_string(l, what) && lex_expect(l, ")");
}

typedef struct Results {
  ARRAY(const char *) names;
  ARRAY(const Type *) types;
} Results;

static bool parse_results(Parser *p, Results *r) {
  bool ok = true;
  do {
    Definition d;
    ok = parse_definition(p, false, &d);
    if (!d.name)
      return false;
    for (int i = 0; i < r->names.n; i++)
      if (strcmp(r->names.v[i], d.name) == 0)
        return lex_error(&p->l, p->l.p, "%s is defined twice", d.name);
    ARRAY_PUSH(p->l.arena, &r->names, d.name);
    ARRAY_PUSH(p->l.arena, &r->types, d.type);
  } while (ok && lex_accept(&p->l, ","));
  return ok && lex_expect(&p->l, "=");
}

typedef struct Operands {
  ARRAY(Value *) v;
} Operands;

static bool is_absent_operand(Lexer *l) {
  return lex_peek(l) == '_' &&
         (l->p + 1 == l->end || !lex_is_name_char(l->p[1])) &&
         lex_accept(l, "_");
}

static bool parse_operands(Parser *p, Operands *o) {
  if (lex_at_eol(&p->l) || *p->l.p == '{')
    return true;
  do {
    Value *v = NULL;
    if (!is_absent_operand(&p->l) && !(v = parse_value(p)))
      return false;
    ARRAY_PUSH(p->l.arena, &o->v, v);
  } while (lex_accept(&p->l, ","));
  return true;
}

static bool parse_op_body(Parser *p, const Results *r) {
  Lexer *l = &p->l;
  lex_blanks(l);
  Loc loc = lex_loc(l, l->line_start);
  const char *at = l->p;
  OpKind kind = op_find(lex_word(l));
  if (kind == OP_COUNT) {
    lex_error(l, at, "expected an operator");
    diag_hint(l->diag, "`kiln ops` lists the operators");
    return false;
  }
  Operands in = {{0}};
  Attrs attrs = attrs_default(kind);
  Rounding rounding = p->g->rounding;
  if (!parse_operands(p, &in) || !parse_attrs(p, kind, &attrs, &rounding) ||
      !parse_loc(l, &loc.what))
    return false;
  Op *op = graph_op(p->g, NULL, kind, &attrs, in.v.n, in.v.v, r->names.n,
                    r->types.v, r->names.v, loc);
  op->rounding = rounding;
  return true;
}

static bool parse_op(Parser *p) {
  Results r = {{0}, {0}};
  if (parse_results(p, &r) && parse_op_body(p, &r))
    return true;
  for (int i = 0; i < r.names.n; i++)
    poison(p, &(Definition){r.names.v[i], &poison_type});
  return false;
}

static bool parse_input(Parser *p) {
  Definition d;
  const Preprocess *how = NULL;
  if (!parse_definition(p, false, &d) ||
      (lex_accept(&p->l, "preprocess") &&
       !(how = parse_preprocess(&p->l, d.type))))
    return poison(p, &d);
  graph_input(p->g, d.name, d.type)->preprocess = how;
  return true;
}

static bool parse_const(Parser *p) {
  Definition d;
  const void *data = NULL;
  if (parse_definition(p, true, &d) && lex_expect(&p->l, "="))
    data = parse_const_value(&p->l, &p->files, d.type);
  if (!data)
    return poison(p, &d);
  graph_const(p->g, d.name, d.type, data);
  return true;
}

static bool parse_state(Parser *p) {
  Definition d;
  Value *init = NULL;
  Pending next = {0};
  const char *at;
  if (!parse_definition(p, false, &d) ||
      (lex_accept(&p->l, "=") && !(init = parse_value(p))) ||
      !lex_expect(&p->l, "->"))
    return poison(p, &d);
  lex_blanks(&p->l);
  next.at = p->l;
  if (!parse_ref(&p->l, &next.is_const, &next.out, &at))
    return poison(p, &d);
  next.in = graph_state(p->g, d.name, d.type, init);
  ARRAY_PUSH(p->l.arena, &p->pending, next);
  return true;
}

static bool parse_output(Parser *p) {
  do {
    Value *v = parse_value(p);
    if (!v)
      return false;
    graph_output(p->g, v);
  } while (lex_accept(&p->l, ","));
  return true;
}

static const struct {
  const char *keyword;
  bool (*parse)(Parser *p);
} statements[] = {
    {"input", parse_input},
    {"const", parse_const},
    {"state", parse_state},
    {"output", parse_output},
};

static bool parse_statement(Parser *p) {
  Lexer *l = &p->l;
  if (lex_peek(l) == '%')
    return parse_op(p);
  const char *at = l->p, *word = lex_word(l);
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
    if (strcmp(word, statements[i].keyword) == 0)
      return statements[i].parse(p);
  return lex_error(l, at,
                   "expected input, const, state, output or %%value : type");
}

static bool parse_eol(Lexer *l) {
  return lex_at_eol(l) || lex_error(l, l->p, "expected the end of the line");
}

static bool parse_model(Parser *p) {
  Lexer *l = &p->l;
  lex_space(l);
  const char *at = l->p;
  if (strcmp(lex_word(l), "model") != 0)
    return lex_error(l, at, "expected 'model NAME'");
  if (!lex_name(l, &p->g->name))
    return false;
  if (lex_accept(l, "rounding"))
    return lex_expect(l, "=") && parse_rounding(l, &p->g->rounding);
  return true;
}

static void resolve_pending(Parser *p) {
  for (int i = 0; i < p->pending.n; i++) {
    Pending *n = &p->pending.v[i];
    Value *out = resolve(p, &n->at, n->is_const, n->out, n->at.p);
    graph_set_state_out(p->g, n->in, out);
    p->l.errors += !out;
  }
}

Graph *graph_parse(Arena *a, Diag *d, const char *file, const char *text,
                   size_t bytes) {
  Parser p = {.l = {.arena = a,
                    .diag = d,
                    .code = E0103,
                    .file = file,
                    .p = text,
                    .end = text + bytes,
                    .line_start = text,
                    .line = 1}};
  Lexer *l = &p.l;
  p.g = graph_new(a, d, "");
  p.g->file = file;
  if (!parse_model(&p) || !parse_eol(l))
    lex_recover(l);
  for (lex_space(l); l->p < l->end && l->errors < MAX_ERRORS; lex_space(l))
    if (!parse_statement(&p) || !parse_eol(l))
      lex_recover(l);
  if (l->errors == MAX_ERRORS)
    diag_note(d, lex_loc(l, l->p), "too many errors, the rest is not read");
  else
    resolve_pending(&p);
  return l->errors ? NULL : p.g;
}
