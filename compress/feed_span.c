/* See feed_span.h. */
#include "compress/feed_span.h"

#include <math.h>

#include "ir/element.h"

/* ---- what samples hold ---- */

/* The type in which input i's real numbers can be seen. */
static const Type *real_type(Arena *a, const FeedInput *in) {
  bool has_reals =
      elem_is_real(in->data.type) || preprocess_changes_values(in->how);
  return has_reals ? type_with_dtype(a, in->type, DT_f32, NULL) : in->type;
}

static void widen(const Type *t, const void *data, Span *s) {
  double scale = (double)type_scale(t), zero = type_zero_point(t);
  for (int64_t i = 0; i < type_count(t); i++) {
    double x = scale * (element_real(t->dtype, data, i) - zero);
    s->lo = fmin(s->lo, x);
    s->hi = fmax(s->hi, x);
  }
}

Span feed_span(const Feed *f, int i) {
  Arena *scratch = arena_new();
  FeedInput in = f->in[i];
  in.type = real_type(scratch, &in);
  void *data = arena_alloc(scratch, (size_t)type_bytes(in.type));
  Span s = {INFINITY, -INFINITY};
  for (int64_t k = 0; k < f->samples; k++) {
    feed_input(&in, f->g->rounding, k, data);
    widen(in.type, data, &s);
  }
  arena_free(scratch);
  return s;
}

/* ---- what inputs are quantized for ---- */

static Span type_span(const Type *t) {
  double scale = (double)type_scale(t), zero = type_zero_point(t);
  return (Span){scale * ((double)t->q->qmin - zero),
                scale * ((double)t->q->qmax - zero)};
}

bool input_span(const Graph *g, const Value *v, Span *out) {
  while (!v->type->q && value_use_count(g, v) == 1 && v->uses.n == 1) {
    const Op *op = v->uses.v[0].op;
    if (op->kind != OP_quantize && op->kind != OP_transpose &&
        op->kind != OP_reshape)
      return false;
    v = op->out[0];
  }
  if (!type_is_quantized(v->type) || v->type->q->axis >= 0)
    return false;
  *out = type_span(v->type);
  return true;
}

/* ---- warnings ---- */

static const double more = 2, less = 8;

static void warn_quantized(Diag *d, const FeedInput *in, Span have,
                           Span range) {
  double part = (have.hi - have.lo) / (range.hi - range.lo);
  if (part <= more && part >= 1 / less)
    return;
  diag_warning(d, (Loc){.file = in->from},
               "the samples hold %.4g to %.4g, input '%s' is quantized for "
               "%.4g to %.4g",
               have.lo, have.hi, in->name, range.lo, range.hi);
  diag_hint(d, "--preprocess says how the model was trained to take them");
}

static void note_pixels(Diag *d, const FeedInput *in, Span have) {
  if (in->data.type != ELEM_u8 || in->how || have.hi < 128)
    return;
  diag_note(d, (Loc){.file = in->from},
            "input '%s' takes pixels as they are, %.4g to %.4g", in->name,
            have.lo, have.hi);
  diag_hint(d, "--preprocess \"scale=1/255\" if the model was trained on 0 to "
               "1; --preprocess \"\" if this is right");
}

void feed_warn(Diag *d, const Feed *f, const Span *spans) {
  for (int i = 0; i < f->g->inputs.n; i++) {
    const Value *v = f->g->inputs.v[i];
    Span range;
    if (input_span(f->g, v, &range))
      warn_quantized(d, &f->in[i], spans[i], range);
    else if (v->type->dtype == DT_f32)
      note_pixels(d, &f->in[i], spans[i]);
  }
}
