/* JPEG by libjpeg: the slow integer transform and smooth upsampling, which
 * are the same on every machine. It reports by a longjmp, so that nothing
 * here is kept in local variables across its calls. */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>

#include "dataset/private.h"

/* What the library's manual numbers as "premature end of file". */
enum { SOI = 0xd8 };

typedef struct Jpeg {
  struct jpeg_decompress_struct z;
  struct jpeg_error_mgr errors;
  jmp_buf failed;
  char message[JMSG_LENGTH_MAX];
  bool is_cut;
  struct jpeg_source_mgr source;
  uint8_t *row;
} Jpeg;

static _Noreturn void fail(j_common_ptr z) {
  Jpeg *j = z->client_data;
  z->err->format_message(z, j->message);
  longjmp(j->failed, 1);
}

/* Warnings are not told: a picture that decodes is one. */
static void ignore(j_common_ptr z, int level) {
  (void)z;
  (void)level;
}

/* ---- the file in memory as a source ---- */

static void source_nothing(j_decompress_ptr z) { (void)z; }

static boolean source_empty(j_decompress_ptr z) {
  static const JOCTET end[2] = {0xff, JPEG_EOI};
  ((Jpeg *)z->client_data)->is_cut = true;
  z->src->next_input_byte = end;
  z->src->bytes_in_buffer = sizeof end;
  return TRUE;
}

static void source_skip(j_decompress_ptr z, long n) {
  struct jpeg_source_mgr *s = z->src;
  if (n <= 0)
    return;
  if ((size_t)n > s->bytes_in_buffer) {
    source_empty(z);
    return;
  }
  s->next_input_byte += n;
  s->bytes_in_buffer -= (size_t)n;
}

static void set_source(Jpeg *j, const uint8_t *data, size_t bytes) {
  j->source = (struct jpeg_source_mgr){
      .next_input_byte = data,
      .bytes_in_buffer = bytes,
      .init_source = source_nothing,
      .fill_input_buffer = source_empty,
      .skip_input_data = source_skip,
      .resync_to_restart = jpeg_resync_to_restart,
      .term_source = source_nothing,
  };
  j->z.src = &j->source;
}

/* ---- decoding ---- */

static bool decode(Jpeg *j, Arena *a, Diag *d, const char *file, NdArray *out) {
  struct jpeg_decompress_struct *z = &j->z;
  jpeg_read_header(z, TRUE);
  z->out_color_space = z->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  z->dct_method = JDCT_ISLOW;
  if (!image_alloc(a, d, file, z->image_height, z->image_width,
                   z->num_components == 1 ? 1 : 3, out, &j->row))
    return false;
  jpeg_start_decompress(z);
  size_t stride = (size_t)(out->dim[1] * out->dim[2]);
  while (z->output_scanline < z->output_height) {
    JSAMPROW rows[1] = {j->row};
    jpeg_read_scanlines(z, rows, 1);
    j->row += stride;
  }
  jpeg_finish_decompress(z);
  return !j->is_cut || data_error(d, file, "the picture is cut off");
}

bool jpeg_match(const uint8_t *data, size_t bytes) {
  return bytes >= 3 && data[0] == 0xff && data[1] == SOI && data[2] == 0xff;
}

bool jpeg_parse(Arena *a, Diag *d, const char *file, const uint8_t *data,
                size_t bytes, NdArray *out) {
  Jpeg *j = ARENA_NEW(a, Jpeg);
  j->z.err = jpeg_std_error(&j->errors);
  j->z.client_data = j;
  j->errors.error_exit = fail;
  j->errors.emit_message = ignore;
  bool ok;
  if (setjmp(j->failed)) {
    ok = data_error(d, file, "%s", j->message);
  } else {
    jpeg_create_decompress(&j->z);
    set_source(j, data, bytes);
    ok = decode(j, a, d, file, out);
  }
  jpeg_destroy_decompress(&j->z);
  return ok;
}
