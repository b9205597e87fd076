/* Feeds of arrays, and one sample after the other: see feed.h. */
#include <math.h>
#include <string.h>

#include "compress/feed_private.h"
#include "ir/array.h"
#include "ir/element.h"

/* ---- opening arrays ---- */

Feed feed_start(const Graph *g) {
  Feed f = {.g = g, .in = ARENA_ARRAY(g->arena, FeedInput, g->inputs.n)};
  for (int i = 0; i < g->inputs.n; i++) {
    const Value *v = g->inputs.v[i];
    f.in[i] =
        (FeedInput){.name = v->name, .type = v->type, .how = v->preprocess};
  }
  return f;
}

int64_t feed_array_samples(const FeedInput *in) {
  int64_t one = type_count(in->type);
  return one ? nd_count(&in->data) / one : 0;
}

bool feed_open(Diag *d, const Graph *g, const NdArray *data,
               const char *const *from, Feed *out) {
  bool ok = true;
  *out = feed_start(g);
  for (int i = 0; i < g->inputs.n; i++) {
    FeedInput *in = &out->in[i];
    in->data = data[i];
    in->from = from[i];
    if (i == 0)
      out->samples = out->total = feed_array_samples(in);
    ok = feed_check(d, g, in) &&
         feed_check_count(d, out, in, feed_array_samples(in)) && ok;
  }
  return ok;
}

bool feed_for(Diag *d, const Feed *f, const Graph *g, Feed *out) {
  bool ok = g->inputs.n == f->g->inputs.n;
  *out = feed_start(g);
  for (int i = 0; i < g->inputs.n && ok; i++) {
    FeedInput in = f->in[i], *to = &out->in[i];
    ok = type_count(to->type) == type_count(in.type);
    in.type = to->type;
    if (to->how || (in.how && preprocess_misfit(g->arena, in.how, to->type)))
      in.how = to->how;
    *to = in;
    ok = ok && feed_check(d, g, to);
  }
  out->samples = f->samples;
  out->index = f->index;
  out->total = f->total;
  out->images = f->images;
  return ok || diag_error(d, E0701, (Loc){.file = g->file},
                          "the inputs are not those of '%s'", f->g->name);
}

/* How elements become those of an input. */
typedef struct Conversion {
  const Type *t;
  Rounding rounding;
  const NdArray *x;
  bool is_real; /* x's elements, or what is made of them, are real numbers */
} Conversion;

static int64_t clamped(const Type *t, double x) {
  double lo = (double)dtype_min(t->dtype), hi = (double)dtype_max(t->dtype);
  if (x != x || x <= lo)
    return dtype_min(t->dtype);
  return x >= hi ? dtype_max(t->dtype) : (int64_t)x;
}

static int64_t quantized(const Conversion *c, float real) {
  float x = real / type_scale(c->t);
  double q = (double)(c->rounding == ROUND_onnx ? rintf(x) : roundf(x));
  return clamped(c->t, q + type_zero_point(c->t));
}

static int64_t to_integer(const Conversion *c, double x) {
  if (c->is_real && c->t->q)
    return quantized(c, (float)x);
  if (c->is_real)
    return clamped(c->t, round(x));
  if (c->x->type == ELEM_u8 && c->t->dtype == DT_i8)
    return (int64_t)x - 128;
  if (c->x->type == ELEM_i8 && c->t->dtype == DT_u8)
    return (int64_t)x + 128;
  return clamped(c->t, x);
}

static void store(const Conversion *c, void *out, int64_t i, double x) {
  DType t = c->t->dtype;
  if (t == DT_f32)
    ((float *)out)[i] = (float)x;
  else if (dtype_is_float(t))
    element_store(t, out, i, element_from_double(t, x));
  else
    element_store(t, out, i, (uint64_t)to_integer(c, x));
}

/* ---- as they are ---- */

static void copy_sample(const Conversion *c, int64_t first, void *out) {
  int64_t n = type_count(c->t);
  size_t width = elem_bytes(c->x->type);
  if (array_holds(c->x, c->t->dtype)) {
    memcpy(out, (const char *)c->x->data + (size_t)first * width,
           (size_t)n * width);
    return;
  }
  for (int64_t i = 0; i < n; i++)
    store(c, out, i, nd_real(c->x, first + i));
}

/* ---- preprocessed ---- */

static double entry(const RealList *r, int64_t c, double otherwise) {
  return r->n ? r->v[r->n > 1 ? c : 0] : otherwise;
}

/* Elements of t as images x pixels x channels; channels of a pixel lie
 * `apart` from each other in the input. */
typedef struct Pixels {
  int64_t images, pixels, channels;
} Pixels;

static Pixels pixels_of(const Preprocess *p, const Type *t) {
  int axis = preprocess_channel_axis(p, t);
  Pixels n = {1, 1, axis < 0 ? 1 : t->dim[axis]};
  for (int i = 0; i < t->rank; i++)
    if (i != axis)
      *(p->layout == LAYOUT_nchw && i < axis ? &n.images : &n.pixels) *=
          t->dim[i];
  return n;
}

/* Channel c of every pixel: from x[first + ...], NHWC, to its place. */
static void put_channel(const Conversion *cv, const Preprocess *p,
                        const Pixels *n, int64_t c, int64_t first, void *out) {
  double mean = entry(&p->mean, c, 0), by = entry(&p->std, c, 1);
  int64_t from = p->order == ORDER_bgr ? n->channels - 1 - c : c;
  bool planes = p->layout == LAYOUT_nchw;
  for (int64_t i = 0; i < n->images; i++)
    for (int64_t k = 0; k < n->pixels; k++) {
      int64_t pixel = i * n->pixels + k;
      double x = nd_real(cv->x, first + pixel * n->channels + from);
      int64_t to = planes ? (i * n->channels + c) * n->pixels + k
                          : pixel * n->channels + c;
      store(cv, out, to, (x * p->scale - mean) / by);
    }
}

static void preprocess_sample(const Conversion *c, const Preprocess *p,
                              int64_t first, void *out) {
  Pixels n = pixels_of(p, c->t);
  for (int64_t i = 0; i < n.channels; i++)
    put_channel(c, p, &n, i, first, out);
}

/* The sample that begins with element `first` of `data`. */
static void convert(const FeedInput *x, Rounding rounding, const NdArray *data,
                    int64_t first, void *in) {
  Conversion c = {x->type, rounding, data,
                  elem_is_real(data->type) ||
                      preprocess_changes_values(x->how)};
  if (x->how)
    preprocess_sample(&c, x->how, first, in);
  else
    copy_sample(&c, first, in);
}

void feed_input(const FeedInput *x, Rounding rounding, int64_t s, void *in) {
  if (!x->pictures) {
    int64_t at = x->pick ? x->pick[s] : s;
    convert(x, rounding, &x->data, at * type_count(x->type), in);
    return;
  }
  Arena *scratch = arena_new();
  NdArray one = x->pictures->one;
  one.data = images_get(x->pictures, scratch, s);
  convert(x, rounding, &one, 0, in);
  arena_free(scratch);
}

void feed_sample(const Feed *f, int64_t s, void *const *in) {
  for (int i = 0; i < f->g->inputs.n; i++)
    feed_input(&f->in[i], f->g->rounding, s, in[i]);
}

bool feed_run(const Feed *f, int64_t s, Executor *x, void *const *in,
              void *const *out) {
  feed_sample(f, s, in);
  x->reset(x);
  return x->run(x, (const void *const *)in, out);
}
