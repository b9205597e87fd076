/* Pictures, JPEG and PNG, as bytes H x W x C; and folders of them. Errors as
 * in data_set.h.
 *
 * What a file says of colour profiles, gamma and orientation is not looked
 * at; of transparency the colours below are taken, 16 bits are rounded to 8. */
#ifndef KILN_DATASET_IMAGE_H
#define KILN_DATASET_IMAGE_H

#include "dataset/data_set.h"
#include "support/array.h"

typedef struct ImageSize {
  int64_t h, w;
} ImageSize;

/* What becomes of a picture, in this order. */
typedef struct ImageForm {
  int64_t channels; /* 3: RGB; 1: grey, (19595 R + 38470 G + 7471 B) / 65536
                       rounded (ITU-R 601) */
  ImageSize resize; /* h 0: none; w 0: the shorter side becomes h, the other
                       in proportion, rounded down */
  ImageSize crop;   /* from the middle, where it is between two pixels the
                       upper left one; h 0: none; w 0: h */
} ImageForm;

/* The whole picture as u8[h,w,channels]; the data is in `a`. */
bool image_read(Arena *a, Diag *d, const char *path, int64_t channels,
                NdArray *out);
/* x u8[h,w,c] to u8[h',w',c]: each output pixel is the mean of the input
 * weighted by a triangle around its place, as wide as two pixels of the
 * coarser of both; columns first, then rows, each rounded to bytes. (Pillow's
 * "bilinear", its numbers.) */
void image_resize(Arena *a, const NdArray *x, ImageSize to, NdArray *out);
/* Resizes and crops; NULL, or why it cannot be. */
const char *image_fit(Arena *a, const NdArray *x, const ImageForm *form,
                      NdArray *out);

/* The pictures of a folder (.jpg, .jpeg, .png): its own in the order of their
 * names' bytes, or, if it has none, those of each of its folders, which are
 * classes in the order of their names. */
typedef struct ImageList {
  const char *folder;
  ARRAY(const char *) names;   /* within the folder: "cat/1.png" */
  ARRAY(int64_t) labels;       /* empty, or the class of each */
  ARRAY(const char *) classes; /* names of classes */
} ImageList;

bool path_is_folder(const char *path);
bool images_list(Arena *a, Diag *d, const char *folder, ImageList *out);

/* Pictures of a list that all come to one size. */
typedef struct ImageStack {
  const ImageList *list;
  const int64_t *which; /* (n) of the list; NULL: the first n */
  int64_t n;
  ImageForm form;
  NdArray one;          /* u8[h,w,channels], without data */
  const uint8_t **kept; /* (n) pixels; NULL: decoded where they are wanted */
  Diag *diag;
} ImageStack;

/* Looks at all of them, and tells of all that are wrong; keeps the pixels of
 * as many as take at most `keep` bytes. */
bool images_open(Arena *a, Diag *d, const ImageList *list, const int64_t *which,
                 int64_t n, const ImageForm *form, int64_t keep,
                 ImageStack *out);
/* The pixels of picture i, for as long as `a` lives. Of a file that is not any
 * more what it was, they are black, and the stack's diag says so. */
const uint8_t *images_get(const ImageStack *s, Arena *a, int64_t i);

/* The classes of the pictures of a list: from a .csv whose first column are
 * their names (as in the list, or behind any folder), in any order; from one
 * where it is something else, or from an array, in the order of the list. */
bool images_labels(Arena *a, Diag *d, const char *spec, const ImageList *list,
                   Labels *out);

#endif
