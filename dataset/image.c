/* One picture: from a file, to other channels, another size, a part. */
#include "dataset/image.h"

#include <string.h>

#include "dataset/private.h"

enum { MAX_PIXELS = 1 << 28 };

static NdArray new_image(Arena *a, int64_t h, int64_t w, int64_t channels,
                         uint8_t **data) {
  NdArray x = {.type = ELEM_u8, .rank = 3, .dim = {h, w, channels}};
  x.bytes = (size_t)(h * w * channels);
  x.data = *data = arena_alloc(a, x.bytes);
  return x;
}

static bool is_size(int64_t h, int64_t w) {
  return h > 0 && w > 0 && h <= MAX_PIXELS / w;
}

bool image_alloc(Arena *a, Diag *d, const char *file, int64_t h, int64_t w,
                 int64_t channels, NdArray *out, uint8_t **data) {
  if (!is_size(h, w))
    return data_error(d, file, "%lld x %lld pixels are not decoded",
                      (long long)h, (long long)w);
  *out = new_image(a, h, w, channels, data);
  return true;
}

/* ---- channels ---- */

static uint8_t grey_of(const uint8_t *rgb) {
  return (uint8_t)((rgb[0] * 19595 + rgb[1] * 38470 + rgb[2] * 7471 + 0x8000) >>
                   16);
}

static void set_channels(Arena *a, int64_t channels, NdArray *x) {
  int64_t has = x->dim[2], pixels = x->dim[0] * x->dim[1];
  const uint8_t *from = x->data;
  uint8_t *to;
  if (has == channels)
    return;
  *x = new_image(a, x->dim[0], x->dim[1], channels, &to);
  for (int64_t i = 0; i < pixels; i++)
    if (channels == 1)
      to[i] = grey_of(from + 3 * i);
    else
      memset(to + 3 * i, from[i], 3);
}

bool image_read(Arena *a, Diag *d, const char *path, int64_t channels,
                NdArray *out) {
  MappedFile f;
  if (!file_map(path, &f, d))
    return false;
  bool ok;
  if (jpeg_match(f.data, f.bytes))
    ok = jpeg_parse(a, d, path, f.data, f.bytes, out);
  else if (png_match(f.data, f.bytes))
    ok = png_parse(a, d, path, f.data, f.bytes, out);
  else
    ok = data_error(d, path, "neither JPEG nor PNG");
  file_unmap(&f);
  if (ok)
    set_channels(a, channels, out);
  return ok;
}

/* ---- size ---- */

/* Weights are integers of 22 fraction bits: sums of bytes stay in 31. */
enum { FRACTION = 22 };

/* The input elements that one output element is made of. */
typedef struct Tap {
  int64_t first, n;
  int32_t *weight; /* (n) */
} Tap;

static int32_t round_weight(double x) {
  return (int32_t)(x * (1 << FRACTION) + (x < 0 ? -0.5 : 0.5));
}

static Tap make_tap(Arena *a, int64_t from, double centre, double wide) {
  int64_t first = (int64_t)(centre - wide + 0.5);
  int64_t end = (int64_t)(centre + wide + 0.5);
  first = centre - wide + 0.5 < 0 ? 0 : first;
  end = end > from ? from : end;
  Tap t = {first, end - first, ARENA_ARRAY(a, int32_t, end - first)};
  double *w = ARENA_ARRAY(a, double, t.n), sum = 0;
  for (int64_t i = 0; i < t.n; i++) {
    double away = ((double)(i + first) - centre + 0.5) * (1 / wide);
    away = away < 0 ? -away : away;
    w[i] = away < 1 ? 1 - away : 0;
    sum += w[i];
  }
  for (int64_t i = 0; i < t.n; i++)
    t.weight[i] = round_weight(sum != 0 ? w[i] / sum : w[i]);
  return t;
}

/* For each of `to` elements made of `from`. */
static const Tap *make_taps(Arena *a, int64_t from, int64_t to) {
  double scale = (double)from / (double)to;
  Tap *t = ARENA_ARRAY(a, Tap, to);
  for (int64_t i = 0; i < to; i++)
    t[i] = make_tap(a, from, ((double)i + 0.5) * scale, scale < 1 ? 1 : scale);
  return t;
}

/* x as [outer, from, inner] to [outer, to, inner]. */
static void resample(const uint8_t *x, int64_t outer, int64_t from,
                     int64_t inner, const Tap *taps, int64_t to, uint8_t *out) {
  for (int64_t o = 0; o < outer; o++)
    for (int64_t k = 0; k < to; k++)
      for (int64_t i = 0; i < inner; i++) {
        const Tap *t = &taps[k];
        const uint8_t *p = x + (o * from + t->first) * inner + i;
        int64_t sum = 1 << (FRACTION - 1);
        for (int64_t j = 0; j < t->n; j++)
          sum += (int64_t)p[j * inner] * t->weight[j];
        sum >>= FRACTION;
        out[(o * to + k) * inner + i] = (uint8_t)(sum > 255 ? 255 : sum);
      }
}

void image_resize(Arena *a, const NdArray *x, ImageSize to, NdArray *out) {
  int64_t h = x->dim[0], w = x->dim[1], c = x->dim[2];
  uint8_t *data;
  NdArray wide = *x;
  if (w != to.w) {
    wide = new_image(a, h, to.w, c, &data);
    resample(x->data, h, w, c, make_taps(a, w, to.w), to.w, data);
  }
  *out = wide;
  if (h != to.h) {
    *out = new_image(a, to.h, to.w, c, &data);
    resample(wide.data, 1, h, to.w * c, make_taps(a, h, to.h), to.h, data);
  }
}

static ImageSize resized(const NdArray *x, ImageSize to) {
  int64_t h = x->dim[0], w = x->dim[1];
  if (to.w)
    return to;
  return h < w ? (ImageSize){to.h, to.h * w / h}
               : (ImageSize){to.h * h / w, to.h};
}

static void crop(Arena *a, const NdArray *x, ImageSize to, NdArray *out) {
  int64_t c = x->dim[2], top = (x->dim[0] - to.h) / 2;
  int64_t left = (x->dim[1] - to.w) / 2;
  uint8_t *data;
  *out = new_image(a, to.h, to.w, c, &data);
  for (int64_t y = 0; y < to.h; y++)
    memcpy(data + y * to.w * c,
           (const uint8_t *)x->data + ((y + top) * x->dim[1] + left) * c,
           (size_t)(to.w * c));
}

const char *image_fit(Arena *a, const NdArray *x, const ImageForm *form,
                      NdArray *out) {
  ImageSize whole = {x->dim[0], x->dim[1]}, part = form->crop;
  NdArray y = *x;
  if (form->resize.h)
    whole = resized(x, form->resize);
  if (part.h && !part.w)
    part.w = part.h;
  if (!is_size(whole.h, whole.w) || part.h > whole.h || part.w > whole.w)
    return arena_printf(a, "is %lld x %lld pixels for a crop of %lld x %lld",
                        (long long)whole.h, (long long)whole.w,
                        (long long)part.h, (long long)part.w);
  if (form->resize.h)
    image_resize(a, x, whole, &y);
  *out = y;
  if (part.h)
    crop(a, &y, part, out);
  return NULL;
}
