#include "passes/permute.h"

IntList perm_inverse(const IntList *p) {
  IntList q = {.n = p->n};
  for (int i = 0; i < p->n; i++)
    q.v[p->v[i]] = i;
  return q;
}

bool perm_equal(const IntList *p, const IntList *q) {
  bool same = p->n == q->n;
  for (int i = 0; same && i < p->n; i++)
    same = p->v[i] == q->v[i];
  return same;
}

bool perm_is_view(const IntList *p, const Type *t) {
  int64_t last = -1;
  for (int i = 0; i < p->n; i++) {
    if (t->dim[p->v[i]] == 1)
      continue;
    if (p->v[i] < last)
      return false;
    last = p->v[i];
  }
  return true;
}

const Type *perm_type(Arena *a, const IntList *p, const Type *t) {
  int64_t dim[MAX_RANK];
  for (int i = 0; i < p->n; i++)
    dim[i] = t->dim[p->v[i]];
  if (!t->q || t->q->axis < 0)
    return type_with_shape(a, t, p->n, dim);
  QuantParams q = *t->q;
  IntList to = perm_inverse(p);
  q.axis = (int)to.v[q.axis];
  return type_new(a, t->dtype, p->n, dim, &q);
}

IntList perm_list(const IntList *p, const IntList *list) {
  IntList r = *list;
  for (int i = 0; i < list->n; i++)
    r.v[i] = list->v[p->v[i]];
  return r;
}

IntList perm_without(const IntList *p, unsigned gone) {
  int64_t place[MAX_RANK];
  IntList r = {0};
  int n = 0;
  for (int i = 0; i < p->n; i++)
    place[i] = gone >> i & 1 ? -1 : n++;
  for (int i = 0; i < p->n; i++)
    if (place[p->v[i]] >= 0)
      r.v[r.n++] = place[p->v[i]];
  return r;
}

/* Dims [from, from + n) of the transpose become dims [to, to + m) of the
 * reshape; all of them together start at dim `first` of x. */
typedef struct Run {
  int from, n, to, m;
  int64_t first;
} Run;

/* The shortest run from dims (i, j) on with as many elements on both sides;
 * dims of 1 at the end belong to the last one. */
static Run next_run(const int64_t *t, int nt, int i, const int64_t *y, int ny,
                    int j) {
  Run r = {.from = i, .to = j};
  int64_t a = i < nt ? t[i++] : 1, b = j < ny ? y[j++] : 1;
  while (a != b)
    if (a < b)
      a *= t[i++];
    else
      b *= y[j++];
  while (j == ny && i < nt)
    i++;
  while (i == nt && j < ny)
    j++;
  r.n = i - r.from;
  r.m = j - r.to;
  return r;
}

/* Its dims other than 1 follow each other in x, with none but 1s between. */
static bool lies_together(const IntList *p, const Type *x, Run *r) {
  int64_t last = -1;
  r->first = -1;
  for (int i = r->from; i < r->from + r->n; i++) {
    int64_t d = p->v[i];
    if (x->dim[d] == 1)
      continue;
    for (int64_t k = last + 1; k < d && last >= 0; k++)
      if (x->dim[k] != 1)
        return false;
    if (d < last)
      return false;
    r->first = r->first < 0 ? d : r->first;
    last = d;
  }
  return true;
}

static int find_runs(const IntList *p, const Type *x, const Type *y,
                     Run run[MAX_RANK]) {
  int64_t t[MAX_RANK];
  int n = 0, i = 0, j = 0;
  for (int k = 0; k < p->n; k++)
    t[k] = x->dim[p->v[k]];
  while (i < p->n || j < y->rank) {
    Run r = next_run(t, p->n, i, y->dim, y->rank, j);
    if (!lies_together(p, x, &r))
      return 0;
    i += r.n;
    j += r.m;
    run[n++] = r;
  }
  return n;
}

bool perm_through_reshape(const IntList *p, const Type *x, const Type *y,
                          IntList *shape, IntList *perm) {
  Run run[2 * MAX_RANK];
  int n = find_runs(p, x, y, run);
  *shape = (IntList){0};
  *perm = (IntList){.n = y->rank};
  for (int64_t first = -1; first < x->rank; first++)
    for (int k = 0; k < n; k++)
      for (int d = 0; d < run[k].m && run[k].first == first; d++) {
        perm->v[run[k].to + d] = shape->n;
        shape->v[shape->n++] = y->dim[run[k].to + d];
      }
  return n > 0;
}
