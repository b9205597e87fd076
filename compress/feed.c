/* See feed.h. */
#include "compress/feed.h"

#include <math.h>
#include <string.h>

#include "ir/array.h"
#include "ir/element.h"

/* ---- what fits ---- */

static bool check_input(Diag *d, const Graph *g, const Value *v) {
  DType t = v->type->dtype;
  if (dtype_bits(t) == 8 || t == DT_f32 || t == DT_i16)
    return true;
  return diag_error(d, E0302, (Loc){.file = g->file, .what = v->name},
                    "samples are i8, u8, i16 or f32, not %s", dtype_name(t));
}

static bool is_divisible(const NdArray *x, int64_t one) {
  int64_t all = nd_count(x);
  return one > 0 && all > 0 &&
         (all == one ||
          (x->rank == 1 ? all % one == 0 : x->rank && all / x->dim[0] == one));
}

/* NaN can't be converted to an integer. */
static bool check_finite(Diag *d, const Type *t, const NdArray *x,
                         const char *from) {
  if (t->dtype == DT_f32)
    return true;
  for (int64_t i = 0; i < nd_count(x); i++)
    if (isnan(nd_real(x, i)))
      return diag_error(d, E0701, (Loc){.file = from},
                        "element %lld is not a number", (long long)i);
  return true;
}

static bool check_data(Diag *d, const Feed *f, int i, const char *from) {
  const Value *v = f->g->inputs.v[i];
  const NdArray *x = &f->data[i];
  int64_t one = type_count(v->type);
  Loc loc = {.file = from};
  if (!is_divisible(x, one))
    return diag_error(d, E0701, loc,
                      "%s does not divide into samples of %lld elements",
                      nd_text(f->g->arena, x), (long long)one);
  if (nd_count(x) / one != f->samples)
    return diag_error(d, E0701, loc,
                      "%lld samples, but %lld for the first input",
                      (long long)(nd_count(x) / one), (long long)f->samples);
  return check_finite(d, v->type, x, from);
}

bool feed_open(Diag *d, const Graph *g, const NdArray *data,
               const char *const *from, Feed *out) {
  *out = (Feed){.g = g, .data = data};
  bool ok = true;
  for (int i = 0; i < g->inputs.n; i++)
    ok = check_input(d, g, g->inputs.v[i]) && ok;
  if (!ok || !g->inputs.n)
    return ok;
  int64_t one = type_count(g->inputs.v[0]->type);
  out->samples = one ? nd_count(&data[0]) / one : 0;
  for (int i = 0; i < g->inputs.n; i++)
    ok = check_data(d, out, i, from[i]) && ok;
  return ok;
}

/* ---- one sample ---- */

static int64_t to_integer(const Type *t, const NdArray *x, int64_t i) {
  double real = nd_real(x, i);
  bool is_real = x->type == ELEM_f32 || x->type == ELEM_f64;
  if (x->type == ELEM_u8 && t->dtype == DT_i8)
    return (int64_t)real - 128;
  if (x->type == ELEM_i8 && t->dtype == DT_u8)
    return (int64_t)real + 128;
  if (is_real && t->q)
    real = round(real / (double)type_scale(t)) + type_zero_point(t);
  double lo = (double)dtype_min(t->dtype), hi = (double)dtype_max(t->dtype);
  return (int64_t)fmin(fmax(real, lo), hi);
}

static void convert(const Type *t, const NdArray *x, int64_t first, void *out) {
  int64_t n = type_count(t);
  size_t width = elem_bytes(x->type);
  if (x->type == array_elem(t->dtype)) {
    memcpy(out, (const char *)x->data + (size_t)first * width,
           (size_t)n * width);
    return;
  }
  for (int64_t i = 0; i < n; i++) {
    if (t->dtype == DT_f32)
      ((float *)out)[i] = (float)nd_real(x, first + i);
    else
      element_store(t->dtype, out, i, (uint64_t)to_integer(t, x, first + i));
  }
}

void feed_sample(const Feed *f, int64_t s, void *const *in) {
  for (int i = 0; i < f->g->inputs.n; i++) {
    const Type *t = f->g->inputs.v[i]->type;
    convert(t, &f->data[i], s * type_count(t), in[i]);
  }
}
