/* Einsum, two operands at a time, from left to right. Each is brought to
 *
 *   a [batch.., left, summed]  b [batch.., summed, right]
 *
 * where batch are labels of both that are needed later, summed those of both
 * that are not; labels of one operand that are not needed later are summed
 * up first. A label is a number: letters, then the dimensions that "..."
 * stands for, counted from the last. */
#include <string.h>

#include "frontend/onnx/build.h"

enum { LETTERS = 52, DOTS = LETTERS, LABELS = LETTERS + MAX_RANK };
typedef uint64_t Set; /* of labels */

typedef struct Term {
  int n; /* -1: not valid */
  int label[MAX_RANK];
} Term;

typedef struct Operand {
  Value *x;
  Term t;
} Operand;

static Set bit(int label) { return (Set)1 << label; }

static Set labels_of(const Term *t) {
  Set s = 0;
  for (int i = 0; i < t->n; i++)
    s |= bit(t->label[i]);
  return s;
}

static int letter(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  return c >= 'a' && c <= 'z' ? c - 'a' + 26 : -1;
}

/* --- the equation ------------------------------------------------------ */

/* The labels of text up to `end`; "..." stands for `dots` dimensions, or for
 * as many as make the rank where that is not negative. */
static Term parse_term(const char *s, const char *end, int rank, int dots) {
  Term t = {0};
  int letters = 0;
  for (const char *p = s; p < end; p++)
    letters += letter(*p) >= 0;
  int k = rank >= 0 ? rank - letters : dots;
  for (; s < end; s++) {
    if (*s == ' ')
      continue;
    bool ellipsis = end - s >= 3 && memcmp(s, "...", 3) == 0;
    int count = ellipsis ? k : 1, l = letter(*s);
    if ((!ellipsis && l < 0) || count < 0 || t.n + count > MAX_RANK)
      return (Term){.n = -1};
    for (int i = 0; i < count; i++)
      t.label[t.n++] = ellipsis ? DOTS + k - 1 - i : l;
    s += ellipsis ? 2 : 0;
  }
  return rank >= 0 && t.n != rank ? (Term){.n = -1} : t;
}

/* Without "->": "..." first, then what is there once, in order. */
static Term implied(const Operand *v, int n, int dots) {
  Term t = {0};
  int seen[LABELS] = {0};
  for (int i = 0; i < n; i++)
    for (int k = 0; k < v[i].t.n; k++)
      seen[v[i].t.label[k]]++;
  for (int i = dots - 1; i >= 0 && t.n < MAX_RANK; i--)
    t.label[t.n++] = DOTS + i;
  for (int l = 0; l < LETTERS; l++)
    if (seen[l] == 1 && t.n < MAX_RANK)
      t.label[t.n++] = l;
  return t;
}

static int dots_of(const Term *t) {
  int dots = 0;
  for (int i = 0; i < t->n; i++)
    if (t->label[i] >= DOTS)
      dots++;
  return dots;
}

static bool parse(Node *n, const char *s, Operand *v, Term *to) {
  const char *arrow = strstr(s, "->");
  const char *end = arrow ? arrow : s + strlen(s);
  int dots = 0, count = 0;
  for (; s <= end && count < n->nin; count++) {
    const char *comma = memchr(s, ',', (size_t)(end - s));
    const char *stop = comma ? comma : end;
    v[count].x = node_in(n, count);
    if (!v[count].x)
      break;
    v[count].t = parse_term(s, stop, v[count].x->type->rank, 0);
    if (v[count].t.n < 0)
      break;
    int k = dots_of(&v[count].t);
    dots = k > dots ? k : dots;
    s = stop + 1;
  }
  if (count != n->nin || s <= end)
    return node_invalid(n, "the equation does not go with the inputs");
  *to = arrow ? parse_term(arrow + 2, arrow + strlen(arrow), -1, dots)
              : implied(v, count, dots);
  Set in = 0;
  for (int i = 0; i < count; i++)
    in |= labels_of(&v[i].t);
  if (to->n < 0 || (labels_of(to) & ~in))
    return node_invalid(n, "the equation's output is not valid");
  return true;
}

/* --- one operand ------------------------------------------------------- */

static int find(const Term *t, int label, int from) {
  for (int i = from; i < t->n; i++)
    if (t->label[i] == label)
      return i;
  return -1;
}

static void drop(Term *t, int at) {
  for (int i = at; i + 1 < t->n; i++)
    t->label[i] = t->label[i + 1];
  t->n--;
}

/* Dimensions i < k of one label: their diagonal, as dimension i. They go
 * last, become one, and every (extent + 1)th is taken. */
static void take_diagonal(Node *n, Operand *v, int i, int k) {
  int perm[MAX_RANK], last = 0, rank = v->t.n;
  for (int d = 0; d < rank; d++)
    if (d != i && d != k)
      perm[last++] = d;
  perm[last] = i;
  perm[last + 1] = k;
  Value *x = b_transpose(n, v->x, perm);
  Dims d = dims_of(x);
  if (n->bad)
    return;
  int64_t extent = d.v[last], begin[MAX_RANK] = {0}, stride[MAX_RANK];
  if (extent != d.v[last + 1]) {
    node_invalid(n, "a diagonal of %s", dims_text(n, d));
    return;
  }
  d.rank--;
  d.v[last] = extent * extent;
  x = b_reshape(n, x, d);
  for (int a = 0; a < MAX_RANK; a++)
    stride[a] = 1;
  stride[last] = extent + 1;
  d.v[last] = extent;
  v->x = b_slice(n, x, begin, d, stride);
  int label = v->t.label[i];
  drop(&v->t, k);
  drop(&v->t, i);
  v->t.label[v->t.n++] = label;
}

static void take_diagonals(Node *n, Operand *v) {
  for (int i = 0; i < v->t.n && !n->bad; i++) {
    int k = find(&v->t, v->t.label[i], i + 1);
    if (k >= 0) {
      take_diagonal(n, v, i, k);
      i = -1;
    }
  }
}

static void sum_out(Node *n, Operand *v, Set gone) {
  unsigned axes = 0;
  for (int i = 0; i < v->t.n; i++)
    axes |= gone & bit(v->t.label[i]) ? 1u << i : 0;
  if (!axes)
    return;
  v->x = b_reduce(n, OP_reduce_sum, v->x, axes, false);
  for (int i = v->t.n - 1; i >= 0; i--)
    if (axes >> i & 1)
      drop(&v->t, i);
}

static void order(Node *n, Operand *v, const Term *to) {
  int perm[MAX_RANK] = {0};
  for (int i = 0; i < to->n; i++)
    perm[i] = find(&v->t, to->label[i], 0);
  v->x = b_transpose(n, v->x, perm);
  v->t = *to;
}

/* --- two operands ------------------------------------------------------ */

/* Adds t's labels that are in the set. */
static void pick(Term *to, const Term *t, Set in) {
  for (int i = 0; i < t->n; i++)
    if ((in & bit(t->label[i])) && to->n < MAX_RANK)
      to->label[to->n++] = t->label[i];
}

static int64_t extent(const Operand *v, int begin, int end) {
  int64_t e = 1;
  for (int i = begin; i < end; i++)
    e *= v->x->type->dim[i];
  return e;
}

/* v in the order of `batch` labels, then `mid`, then `last`, the latter two
 * folded into a dimension each. */
static Value *fold(Node *n, Operand *v, const Term *batch, Set mid, Set last) {
  Term t = *batch, now = v->t;
  pick(&t, &now, mid);
  int split = t.n;
  pick(&t, &now, last);
  order(n, v, &t);
  if (n->bad)
    return NULL;
  Dims d = dims_of(v->x);
  int64_t m = extent(v, batch->n, split), l = extent(v, split, t.n);
  d.rank = batch->n;
  d.v[d.rank++] = m;
  d.v[d.rank++] = l;
  return b_reshape(n, v->x, d);
}

/* A dimension of 1 that is summed with another of more repeats. */
static void match_summed(Node *n, Operand *v, const Operand *with, Set sum) {
  Dims d = dims_of(v->x);
  for (int i = 0; i < v->t.n; i++) {
    int k = find(&with->t, v->t.label[i], 0);
    if ((sum & bit(v->t.label[i])) && d.v[i] == 1)
      d.v[i] = with->x->type->dim[k];
  }
  v->x = b_expand(n, v->x, d);
}

static Operand contract(Node *n, Operand a, Operand b, Set later) {
  Set in_a = labels_of(&a.t), in_b = labels_of(&b.t), both = in_a & in_b;
  Set sum = both & ~later;
  sum_out(n, &a, in_a & ~in_b & ~later);
  sum_out(n, &b, in_b & ~in_a & ~later);
  if (!n->bad) {
    match_summed(n, &a, &b, sum);
    match_summed(n, &b, &a, sum);
  }
  Operand r = {0};
  Term batch = {0};
  pick(&batch, &a.t, both & later);
  if (batch.n + 2 > MAX_RANK || a.t.n + b.t.n - batch.n > MAX_RANK) {
    node_refuse(n, "more than %d dimensions", MAX_RANK);
    return r;
  }
  Term left = a.t, right = b.t;
  Value *x = fold(n, &a, &batch, in_a & ~both, sum);
  Value *y = fold(n, &b, &batch, sum, in_b & ~both);
  Value *z = sum ? b_matmul(n, x, y) : b_binary(n, OP_mul, x, y);
  if (n->bad)
    return r;
  Dims d = dims_of(z);
  d.rank = batch.n;
  r.t = batch;
  pick(&r.t, &left, in_a & ~both);
  pick(&r.t, &right, in_b & ~both);
  for (int i = batch.n; i < a.t.n && !(sum & bit(a.t.label[i])); i++)
    d.v[d.rank++] = a.x->type->dim[i];
  for (int i = 0; i < b.t.n; i++)
    if (!(both & bit(b.t.label[i])))
      d.v[d.rank++] = b.x->type->dim[i];
  r.x = b_reshape(n, z, d);
  return r;
}

void onnx_einsum(Node *n) {
  const char *equation = attr_string(n, "equation", "");
  Operand *v = ARENA_ARRAY(n->im->arena, Operand, n->nin);
  Term to;
  if (!parse(n, equation, v, &to))
    return;
  for (int i = 0; i < n->nin; i++) {
    v[i].x = b_plain(n, v[i].x);
    take_diagonals(n, &v[i]);
  }
  Operand sum = v[0];
  for (int i = 1; i < n->nin && !n->bad; i++) {
    Set later = labels_of(&to);
    for (int k = i + 1; k < n->nin; k++)
      later |= labels_of(&v[k].t);
    sum = contract(n, sum, v[i], later);
  }
  if (n->bad)
    return;
  sum_out(n, &sum, ~labels_of(&to));
  if (!n->bad)
    order(n, &sum, &to);
  node_out(n, 0, sum.x);
}
