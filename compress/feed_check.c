/* Does an array hold samples for an input? Everything that is in the way is
 * told, with the shape that was expected. */
#include <math.h>
#include <string.h>

#include "compress/feed_private.h"
#include "ir/array.h"

/* Dimensions other than 1. */
typedef struct Shape {
  int rank;
  int64_t dim[ND_MAX_RANK];
} Shape;

static void add_dim(Shape *s, int64_t dim) {
  if (dim != 1)
    s->dim[s->rank++] = dim;
}

static bool shape_equal(const Shape *a, const Shape *b) {
  return a->rank == b->rank &&
         memcmp(a->dim, b->dim, (size_t)a->rank * sizeof *a->dim) == 0;
}

/* What a sample for t should look like: channels last where the layout is
 * nchw. */
static Shape wanted_shape(const Type *t, SampleLayout layout) {
  Shape s = {0};
  bool planes = layout == LAYOUT_nchw && t->rank >= 3;
  for (int i = 0; i < t->rank; i++)
    if (!planes || i != 1)
      add_dim(&s, t->dim[i]);
  if (planes)
    add_dim(&s, t->dim[1]);
  return s;
}

/* Of x's dimensions, those of one sample of `one` elements. */
static Shape sample_shape(const NdArray *x, int64_t one) {
  Shape s = {0};
  for (int i = nd_count(x) != one; i < x->rank; i++)
    add_dim(&s, x->dim[i]);
  return s;
}

static const char *wanted_text(Arena *a, const FeedInput *in) {
  const Type *t = in->type;
  bool planes = in->how && in->how->layout == LAYOUT_nchw && t->rank >= 3;
  Str s = str_new(a);
  for (int i = 0; i < t->rank; i++) {
    int from = !planes || !i ? i : i + 1 < t->rank ? i + 1 : 1;
    str_printf(&s, "%s%lld", i ? "," : "[", (long long)t->dim[from]);
  }
  str_add(&s, t->rank ? "]" : "[]");
  return str_cstr(&s);
}

static bool misfit(Diag *d, const Graph *g, const FeedInput *in) {
  data_error(d, in->from,
             "%s does not hold samples %s (%lld elements) of "
             "input '%s'",
             nd_text(g->arena, &in->data), wanted_text(g->arena, in),
             (long long)type_count(in->type), in->name);
  return false;
}

static bool is_divisible(const NdArray *x, int64_t one) {
  int64_t all = nd_count(x);
  return one > 0 && all > 0 &&
         (all == one ||
          (x->rank == 1 ? all % one == 0 : x->rank && all / x->dim[0] == one));
}

/* Samples with as many dimensions as the input have to have its own; others
 * are taken as their elements in a row. */
static bool check_shape(Diag *d, const Graph *g, const FeedInput *in) {
  const NdArray *x = &in->data;
  int64_t one = type_count(in->type);
  SampleLayout layout = in->how ? in->how->layout : LAYOUT_nhwc;
  if (!is_divisible(x, one))
    return misfit(d, g, in);
  Shape have = sample_shape(x, one), want = wanted_shape(in->type, layout);
  if (x->rank == 1 || have.rank != want.rank || shape_equal(&have, &want))
    return true;
  misfit(d, g, in);
  Shape other =
      wanted_shape(in->type, layout == LAYOUT_nhwc ? LAYOUT_nchw : LAYOUT_nhwc);
  if (shape_equal(&have, &other))
    diag_hint(d, layout == LAYOUT_nhwc
                     ? "--preprocess \"layout=nchw\" moves channels to where "
                       "the model takes them"
                     : "these samples are as the model takes them, without "
                       "layout=nchw");
  return false;
}

/* NaN can't be converted to an integer. */
static bool check_finite(Diag *d, const FeedInput *in) {
  const NdArray *x = &in->data;
  if (dtype_is_float(in->type->dtype) || !elem_is_real(x->type))
    return true;
  for (int64_t i = 0; i < nd_count(x); i++)
    if (isnan(nd_real(x, i)))
      return data_error(d, in->from, "element %lld is not a number",
                        (long long)i);
  return true;
}

static bool check_type(Diag *d, const Graph *g, const FeedInput *in) {
  DType t = in->type->dtype;
  return (dtype_bits(t) >= 8 && array_elem(t) != ELEM_COUNT) ||
         diag_error(d, E0302, (Loc){.file = g->file, .what = in->name},
                    "samples are not %s", dtype_name(t));
}

bool feed_check(Diag *d, const Graph *g, const FeedInput *in) {
  return check_type(d, g, in) && check_shape(d, g, in) && check_finite(d, in);
}

bool feed_check_count(Diag *d, const Feed *f, const FeedInput *in,
                      int64_t samples) {
  return samples == f->total ||
         data_error(d, in->from, "%lld samples, but %lld in %s",
                    (long long)samples, (long long)f->total, f->in[0].from);
}
