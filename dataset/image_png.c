/* PNG by libpng, which reports by a longjmp: nothing here is kept in local
 * variables across its calls. */
#include <png.h>
#include <string.h>

#include "dataset/private.h"

typedef struct Png {
  Arena *arena;
  png_structp z;
  png_infop info;
  const char *message;
  const uint8_t *data, *end;
  png_bytepp rows;
  uint8_t *pixels;
  png_uint_32 h, w;
} Png;

static _Noreturn void fail(png_structp z, png_const_charp message) {
  Png *p = png_get_error_ptr(z);
  p->message = arena_strdup(p->arena, message);
  png_longjmp(z, 1);
}

static void ignore(png_structp z, png_const_charp message) {
  (void)z;
  (void)message;
}

static void read_bytes(png_structp z, png_bytep out, size_t n) {
  Png *p = png_get_io_ptr(z);
  if ((size_t)(p->end - p->data) < n)
    png_error(z, "the picture is cut off");
  memcpy(out, p->data, n);
  p->data += n;
}

/* Every kind of pixel to grey or RGB of 8 bits. */
static void set_transforms(Png *p) {
  png_set_expand(p->z);
  png_set_scale_16(p->z);
  png_set_strip_alpha(p->z);
  png_set_interlace_handling(p->z);
  png_read_update_info(p->z, p->info);
}

static bool decode(Png *p, Diag *d, const char *file, NdArray *out) {
  png_read_info(p->z, p->info);
  p->h = png_get_image_height(p->z, p->info);
  p->w = png_get_image_width(p->z, p->info);
  set_transforms(p);
  if (!image_alloc(p->arena, d, file, p->h, p->w,
                   png_get_channels(p->z, p->info), out, &p->pixels))
    return false;
  p->rows = ARENA_ARRAY(p->arena, png_bytep, p->h);
  for (png_uint_32 y = 0; y < p->h; y++)
    p->rows[y] = p->pixels + y * (size_t)(out->dim[1] * out->dim[2]);
  png_read_image(p->z, p->rows);
  png_read_end(p->z, NULL);
  return true;
}

bool png_match(const uint8_t *data, size_t bytes) {
  return bytes >= 8 && memcmp(data, "\x89PNG\r\n\x1a\n", 8) == 0;
}

bool png_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
               size_t bytes, NdArray *out) {
  Png *p = ARENA_NEW(a, Png);
  *p = (Png){.arena = a, .data = data, .end = data + bytes};
  p->z = png_create_read_struct(PNG_LIBPNG_VER_STRING, p, fail, ignore);
  p->info = p->z ? png_create_info_struct(p->z) : NULL;
  bool ok;
  if (!p->info) {
    ok = data_error(d, file, "libpng cannot be used");
  } else if (setjmp(png_jmpbuf(p->z))) {
    ok = data_error(d, file, "%s", p->message);
  } else {
    png_set_read_fn(p->z, p, read_bytes);
    ok = decode(p, d, file, out);
  }
  png_destroy_read_struct(&p->z, &p->info, NULL);
  return ok;
}
