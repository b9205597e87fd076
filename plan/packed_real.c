/* Floats in fewer bits than 32: 16 where the low ones are all zero, else codes
 * of each output's few values; see packed.h. */
#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "plan/packed.h"
#include "plan/sparse.h"

enum { CODE_BYTES = 160, MOST_TIME_LOST = 25 }; /* as of bytes */
enum { LEVELS = 16, MOST_MULTIPLE = 127, NEAR_SCALES = 5 };

/* An image, outputs one after the other in each row of a block. */
typedef struct Image {
  const float *v;
  int64_t n, block, outputs; /* floats; of a block; in a block */
} Image;

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* Is x the same as f16? Of cores that take subnormals for zero, only where it
 * is none there. */
static bool is_f16(float x, bool flushes) {
  uint64_t half = element_from_double(DT_f16, (double)x);
  bool normal = x == 0 || fabsf(x) >= 0x1p-14f;
  float back = (float)element_to_double(DT_f16, half);
  return isfinite(x) && bits_of(back) == bits_of(x) && (normal || !flushes);
}

static PackForm half_form(const Image *w, bool flushes) {
  bool f16 = true, bf16 = true;
  for (int64_t i = 0; i < w->n && (f16 || bf16); i++) {
    bf16 = bf16 && !(bits_of(w->v[i]) & 0xffff);
    f16 = f16 && is_f16(w->v[i], flushes);
  }
  return bf16 ? PACK_bf16 : f16 ? PACK_f16 : PACK_none;
}

/* ---- codes of each output ---- */

/* The first weight of output o; others follow at steps of image->outputs. */
static const float *weights_of(const Image *w, int64_t o) {
  return w->v + o / w->outputs * w->block + o % w->outputs;
}

static int64_t outputs_of(const Image *w) {
  return w->n / w->block * w->outputs;
}

/* x's place among *n levels, which it joins if it is new; LEVELS: no room. */
static int level_of(float *level, int *n, float x) {
  for (int i = 0; i < *n; i++)
    if (bits_of(level[i]) == bits_of(x))
      return i;
  if (*n < LEVELS)
    level[*n] = x;
  return *n < LEVELS ? (*n)++ : LEVELS;
}

/* The levels of every output, f32 (outputs, LEVELS), and each weight's code;
 * false: an output has more. */
static bool find_levels(const Image *w, float *level, int8_t *code) {
  for (int64_t o = 0; o < outputs_of(w); o++) {
    const float *from = weights_of(w, o);
    int n = 0;
    for (int64_t i = 0; i < w->block; i += w->outputs) {
      int at = level_of(level + o * LEVELS, &n, from[i]);
      if (at == LEVELS)
        return false;
      code[from - w->v + i] = (int8_t)at;
    }
  }
  return true;
}

/* Are an output's weights multiples of scale, as a product of floats gives
 * them, on every core? */
static bool are_multiples(const Image *w, const float *from, float scale) {
  for (int64_t i = 0; i < w->block; i += w->outputs) {
    float q = rintf(from[i] / scale);
    bool fits = fabsf(q) <= (float)MOST_MULTIPLE; /* no NaN */
    if (!fits || bits_of((q + 0.0F) * scale) != bits_of(from[i]))
      return false;
  }
  return true;
}

/* What an output's weights are multiples of; 0: nothing. The largest of them
 * is some multiple, and the scale at most two floats off their quotient. */
static float scale_of(const Image *w, const float *from) {
  float most = 0;
  for (int64_t i = 0; i < w->block; i += w->outputs)
    most = fmaxf(most, fabsf(from[i]));
  if (most == 0)
    return are_multiples(w, from, 1) ? 1 : 0;
  for (int m = MOST_MULTIPLE; m > 0 && isfinite(most); m--) {
    float scale = most / (float)m;
    for (int i = 0; i < NEAR_SCALES / 2; i++)
      scale = nextafterf(scale, 0);
    for (int i = 0; i < NEAR_SCALES; i++, scale = nextafterf(scale, INFINITY))
      if (scale >= 0x1p-126f && are_multiples(w, from, scale))
        return scale;
  }
  return 0;
}

/* Every output's scale, and each weight's multiple of it. */
static bool find_scales(const Image *w, float *scale, int8_t *code) {
  for (int64_t o = 0; o < outputs_of(w); o++) {
    const float *from = weights_of(w, o);
    scale[o] = scale_of(w, from);
    if (scale[o] == 0)
      return false;
    for (int64_t i = 0; i < w->block; i += w->outputs)
      code[from - w->v + i] = (int8_t)rintf(from[i] / scale[o]);
  }
  return true;
}

/* ---- choice ---- */

/* What may become of an image. */
typedef struct Form {
  PackForm form;
  const char *name;
  int64_t bytes;
  float *table;
  int8_t *code;
} Form;

static int64_t levels_bytes(const Image *w) {
  return w->n / w->block * ((w->block + 1) / 2) + 4 * LEVELS * outputs_of(w);
}

static int64_t scaled_bytes(const Image *w) { return w->n + 4 * outputs_of(w); }

static Form form_of(Arena *a, const Image *w, bool flushes) {
  Form f = {.form = half_form(w, flushes),
            .table = ARENA_ARRAY(a, float, outputs_of(w) * LEVELS),
            .code = ARENA_ARRAY(a, int8_t, w->n)};
  f.name = f.form == PACK_bf16 ? "bf16" : "f16";
  f.bytes = f.form ? 2 * w->n : 4 * w->n;
  bool few = levels_bytes(w) < f.bytes && find_levels(w, f.table, f.code);
  if (few)
    f = (Form){PACK_levels, "4-bit codes", levels_bytes(w), f.table, f.code};
  /* where both do, into memory of its own */
  float *scale = ARENA_ARRAY(a, float, outputs_of(w));
  int8_t *multiple = ARENA_ARRAY(a, int8_t, w->n);
  if (scaled_bytes(w) < f.bytes && find_scales(w, scale, multiple))
    f = (Form){PACK_scaled, "scaled bytes", scaled_bytes(w), scale, multiple};
  return f;
}

static const char *why_plain(const Plan *p, const PackSource *w, const Form *f,
                             int64_t n) {
  if (w->available < 0)
    return "they are read in groups";
  if (!f->form)
    return "they are no 16-bit floats, nor 16 values or multiples of one to "
           "127 an output";
  if (4 * n - f->bytes <= CODE_BYTES)
    return "they are few";
  if (!p->opt.for_size && w->unpacking * (double)(n * MOST_TIME_LOST) > w->time)
    return "unpacking takes too long at this level; -Os does it";
  return NULL;
}

/* ---- making them ---- */

static const Blob *make_halves(Plan *p, Step *s, const Image *w, bool bf16) {
  uint16_t *to = ARENA_ARRAY(p->arena, uint16_t, w->n);
  for (int64_t i = 0; i < w->n; i++)
    to[i] = (uint16_t)(bf16 ? bits_of(w->v[i]) >> 16
                            : element_from_double(DT_f16, (double)w->v[i]));
  return plan_blob(p, s, "halves", to, 2 * w->n, 4);
}

/* Two codes a byte, the first below; blocks begin with a byte. */
static const Blob *make_nibbles(Plan *p, Step *s, const Image *w,
                                const int8_t *code) {
  int64_t row = (w->block + 1) / 2, bytes = w->n / w->block * row;
  uint8_t *to = ARENA_ARRAY(p->arena, uint8_t, bytes);
  for (int64_t i = 0; i < w->n; i++) {
    uint8_t *byte = &to[i / w->block * row + i % w->block / 2];
    *byte = (uint8_t)(*byte | code[i] << i % w->block % 2 * 4);
  }
  return plan_blob(p, s, "codes", to, bytes, 4);
}

static const Blob *make_multiples(Plan *p, Step *s, const Image *w,
                                  const int8_t *code) {
  int8_t *to = ARENA_ARRAY(p->arena, int8_t, w->n);
  memcpy(to, code, (size_t)w->n);
  return plan_blob(p, s, "multiples", to, w->n, 4);
}

static const Blob *make_table(Plan *p, Step *s, const float *table, int64_t n) {
  float *to = ARENA_ARRAY(p->arena, float, n);
  memcpy(to, table, (size_t)n * sizeof *to);
  return plan_blob(p, s, "codebook", to, 4 * n, 4);
}

static void make_form(Plan *p, Step *s, const Image *w, const Form *f,
                      Packed *to) {
  if (f->form == PACK_levels) {
    to->data = make_nibbles(p, s, w, f->code);
    to->table = make_table(p, s, f->table, LEVELS * outputs_of(w));
  } else if (f->form == PACK_scaled) {
    to->data = make_multiples(p, s, w, f->code);
    to->table = make_table(p, s, f->table, outputs_of(w));
  } else {
    to->data = make_halves(p, s, w, f->form == PACK_bf16);
  }
}

Packed plan_pack_real(Plan *p, Step *s, const PackSource *w) {
  Image image = {.v = (const float *)(const void *)w->image,
                 .n = w->block_bytes / 4 * w->blocks,
                 .block = w->block_bytes / 4,
                 .outputs = w->weave.slots};
  Packed packed = {.form = PACK_none};
  Arena *scratch = arena_new();
  Form form = form_of(scratch, &image, p->target->flushes);
  const char *why = why_plain(p, w, &form, image.n);
  if (why) {
    sparse_stays_plain(p, s, why, 4 * image.n);
  } else {
    s->weights.form = form.name;
    s->weights.bytes = form.bytes;
    packed = (Packed){.form = form.form,
                      .block_bytes = w->block_bytes,
                      .blocks = w->blocks,
                      .last_bytes = w->block_bytes,
                      .weave.slots = w->weave.slots};
    make_form(p, s, &image, &form, &packed);
  }
  arena_free(scratch);
  return packed;
}

const Blob *plan_real_halves(Plan *p, Step *s, const float *image, int64_t n,
                             DType *type) {
  const Target *t = p->target;
  Image w = {.v = image, .n = n};
  PackForm form =
      target_f32_lanes(t) > 1 ? half_form(&w, t->flushes) : PACK_none;
  if (!form || (form == PACK_f16 && !target_converts_f16(t)))
    return NULL;
  *type = form == PACK_bf16 ? DT_bf16 : DT_f16;
  s->weights = (StoredWeights){.form = dtype_name(*type), .bytes = 2 * n};
  return make_halves(p, s, &w, form == PACK_bf16);
}
