/* Weights that the object holds in fewer bits than kernels read. Before its
 * loops, or those over one block of outputs, a kernel unpacks a block's bytes
 * into scratch; what it reads there is what it would have read in the object,
 * so the forms know nothing of kernels, nor kernels of the forms.
 *
 *   codes  each byte as the index, of 1, 2 or 4 bits, of a table of bytes:
 *          weights of 4 bits, codebooks
 *   mask   a bit for each byte that is not zero, and those bytes
 *   groups 4 bits each, and for each group of inputs of an output the multiple
 *          that these are to be taken by (ir/blocks.h), of 4 bits, too
 *   f16, bf16  floats that are such
 *   levels     floats as 4-bit indices of a table of each output's 16
 *   scaled     floats as bytes, to be multiplied with each output's float
 *
 * Two bytes make a halfword, as every block has an even number of them; where
 * a kernel wants 256 a + b of two weights b, a rather than their bytes
 * (ConvParams.joined), unpacking adds instead of putting together. */
#ifndef KILN_PLAN_PACKED_H
#define KILN_PLAN_PACKED_H

#include "plan/plan.h"

typedef enum PackForm {
  PACK_none,
  PACK_codes,
  PACK_mask,
  PACK_groups,
  PACK_f16,
  PACK_bf16,
  PACK_levels,
  PACK_scaled
} PackForm;

/* How a kernel's image mixes outputs: in rows of `runs` runs, each of which
 * has bytes of `slots` outputs; rows go on along the inputs. run 0: not known,
 * or inputs are padded. */
typedef struct Weave {
  int run;         /* bytes, even */
  int slots;       /* outputs in a run */
  uint8_t slot[8]; /* (run) of each byte, its output in the run */
  int64_t runs;    /* of a row */
  int64_t depth;   /* inputs that a row has of an output */
  int64_t inputs;  /* channels: groups do not go across taps */
} Weave;

typedef struct Packed {
  PackForm form;
  int bits;            /* of a code: 1, 2 or 4 */
  bool joined;         /* halfwords are sums; for the kernel to set */
  int64_t block_bytes; /* unpacked, even */
  int64_t blocks;
  int64_t last_bytes; /* of the last block, where that is shorter (then others
                         are of 8 bytes and more); else block_bytes */
  const Blob *data;   /* codes or mask bits, lowest first, block by block from
                         a byte of their own on */
  const Blob *table;  /* of codes: i8 (1 << bits); of levels: f32 (outputs, 16);
                         of scaled: f32 (outputs) */
  const Blob *values; /* of a mask: i8; of groups: the multiples less 1, 4 bits
                         each, [block][group][run][slot] */
  Weave weave;        /* of groups (levels, scaled: slots), and ... */
  int64_t rows;       /* ... rows of one */
  const Blob *starts; /* of a mask: u32 (blocks), where a block's values are */
} Packed;

/* blocks times block_bytes bytes as a kernel reads them, the last block with
 * last_bytes of them. */
typedef struct PackSource {
  const int8_t *image; /* before they are joined */
  int64_t block_bytes, blocks, last_bytes;
  Weave weave;
  double time;       /* cycles, or instructions, of the layer */
  double unpacking;  /* of a byte */
  int64_t scratch;   /* what unpacking takes of the arena */
  int64_t available; /* what may be taken; -1: nothing, by the kernel */
} PackSource;

/* Packs where it saves flash, and the time lost is little or the object is
 * for size; else the form is PACK_none. s->weights says what came of it. */
Packed plan_pack(Plan *p, Step *s, const PackSource *w);

/* The same of an image of f32, where weave has only slots, the outputs that a
 * row has one weight each of, a block being one run of rows. */
Packed plan_pack_real(Plan *p, Step *s, const PackSource *w);

/* For a kernel that widens weights whenever it reads them: n floats as f16 or
 * bf16, *type, where that is exactly what they are and the target widens them
 * in vectors; else NULL. */
const Blob *plan_real_halves(Plan *p, Step *s, const float *image, int64_t n,
                             DType *type);

/* Bytes of the arena that a step may take besides its operands without
 * raising the arena's peak, as far as lifetimes say. */
int64_t arena_spare(Plan *p, const Step *s);

#endif
