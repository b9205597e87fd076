/* What the convolution kernels share: geometry, the staged copy of the
 * input, folded biases and the requantization. A fully_connected op is a
 * 1x1 convolution over one row of as many pixels as it has rows, and so is a
 * matmul whose second operand is one known matrix.
 *
 * A window is read as runs: with dilation 1 along the width the kw * ic
 * elements of a window row lie side by side in NHWC, so a kh x kw window is
 * kh runs; else kh * kw runs of ic. Kernels see no padding: where there is
 * any, or where the input's form does not suit the dot instruction, a padded
 * copy is made first ("staged"). */
#ifndef KILN_PLAN_CONV_H
#define KILN_PLAN_CONV_H

#include "ir/border.h"
#include "plan/packed.h"
#include "plan/requant_table.h"
#include "plan/sparse.h"

typedef struct ConvGeom {
  int64_t n, ih, iw, ic, oh, ow, oc;
  int64_t kh, kw, sh, sw, dh, dw;
  int64_t pt, pl; /* leading pads; trailing ones follow from oh, ow */
  int64_t groups;
  bool depthwise; /* then groups == ic and there are ... */
  int64_t mult;   /* ... this many outputs per input channel; else 1 */
} ConvGeom;

/* The copy: rows * pitch elements and `slack` more that reads past the last
 * run may touch. Row: left fill, copied elements, right fill. */
typedef struct Stage {
  bool on;
  int64_t top, copied_rows, bottom;
  int64_t left, copied, right; /* elements of a row */
  int64_t slack;
  int elem_bytes; /* as read: the stored element's, or 2 for bytes that are
                     sign-extended to i16 */
  int64_t expand; /* copies of each element (depthwise mult) */
  int32_t fill;   /* stored zero point of the copy; 0 of floats */
  int xor ;       /* 0x80 when the copy changes signedness */
} Stage;

typedef struct ConvParams {
  ConvGeom g;
  Stage stage;
  DType in_type, out_type; /* stored; in_type after staging */
  int in_bytes, out_bytes; /* of a stored element, before staging */
  int64_t pitch, pixel;    /* source elements per row and per pixel */
  int64_t taps_h, taps_w;  /* runs of a window */
  int64_t run;             /* elements of a run */
  int64_t run_padded;      /* to a multiple of the group, zero weights */
  Dot dot;                 /* of conv_lanes: the target's, or a narrower one */
  bool apart;              /* DOT_smull: two products may not fit 16 bits */
  uint64_t added_up;       /* dw_lanes on NEON: behind which taps products,
                              summed in 16 bits so far, are added up; or 0 */
  int group;               /* k that one lane takes at a time */
  bool last_back;          /* a run's last group ends with the run, however
                              much of the one before it takes again with
                              weights of zero; set before conv_source */
  int lanes;               /* i32 lanes of a vector; 1 = scalar */
  int vectors;             /* vectors (or channels) of outputs in a tile */
  int pixels;              /* pixels of a tile; <= ow */
  int rows;                /* of outputs of a tile: dw_f32_rows */
  int64_t blocks;          /* tiles over the channels */
  int join;                /* vectors that are packed together: see
                              conv_joined_channel; tables are in that order,
                              but where ... */
  bool in_order;           /* ... packing keeps the channels', or where ... */
  bool parted;             /* ... channels are parted: conv_parted_channel */
  bool patched;            /* windows are gathered into scratch, tile by tile,
                              from the input itself: no stage */
  bool clipped;            /* with `patched`: some stick out of the image */
  Int2 pool;               /* pixels of which one maximum is stored, down and
                              across: see conv_pool */
  bool joined;             /* two channels in a sum, odd ones times 256: see
                              conv_smlad; conv_finish takes it back where
                              sums are too large for that */
  int32_t in_zero;         /* stored zero point of the source */
  int32_t weight_zero;     /* != 0: subtract it times the sum of inputs */
  int weight_bytes;        /* 1, or 2 where w - zero needs 9 bits */
  bool widens;             /* each block's bytes of weights become i16 in
                              scratch before it goes over the pixels */
  int32_t any_weight;      /* conv_any_weight */
  const Blob *w;           /* order: see each kernel's pack function */
  SparseLists sparse;      /* instead of w, where it has counts */
  Packed packed;           /* instead of w, where it has a form: blocks as
                              kernels go over outputs, or ... */
  int64_t pass;            /* ... outputs that such a block is of, in kernels
                              that go over the image once for each; oc: w */
  const Blob *bias;        /* i32 (blocks * vectors * lanes): where the
                              accumulators start, for rq's form too */
  DType w_type;            /* of floats: f32, or f16 or bf16, which are widened
                              wherever they are read */
  bool pixels_first;       /* all blocks of a tile before the next
                              tile, so that outputs are stored in order */
  bool tile_words;         /* with it: a tile's inputs become i16 in scratch,
                              behind the weights; no stage */
  int64_t bias_classes;    /* of floats: tables of biases; 1, or ... */
  Border border;           /* ... one for each class */
  bool sums;               /* the i32 accumulators are the output */
  int zero_operand;        /* of sums: the input's zero point known at run
                              time; -1: there is none */
  DType zero_type;
  int64_t zero_step;       /* its bytes from pixel to pixel; 0: one for all */
  const Blob *weight_sums; /* with it: i32 like bias, sum of w less its zero */
  Act act;                 /* of floats; integers clamp in rq */
  RequantPlan rq;
  RequantTables rt;
} ConvParams;

/* Geometry of a conv2d, depthwise_conv2d or fully_connected op. 1x1
 * convolutions without stride and padding are flattened into one row. */
ConvGeom conv_geom(const Op *op);

/* Does the op have the 8-bit types that these kernels take, with weights and
 * biases known? */
bool conv_has_q8_types(const Op *op);
/* And do its sums fit 32 bits (plan/proof.h)? */
bool conv_is_q8(const Op *op);
/* Of a matmul: is its second operand one matrix for all of the first? */
bool conv_is_one_matrix(const Op *op);
/* Or is it one of plain bytes, with known weights, whose sums are wanted? */
bool conv_is_sums(const Op *op);

/* DOT_smull: where of 16 weights those of output o (of 4) for k (of 4) are. */
int smull_place(int o, int k);

/* Source geometry. elem_bytes: what the kernel reads elements as. `want` is
 * the stored dtype that it reads (DT_COUNT:
 * either), force: stage in any case. */
void conv_source(ConvParams *p, const Step *s, DType want, int elem_bytes,
                 bool force);

/* Weight (output c, tap row, tap column, input channel of the group), as
 * stored minus 128 for u8; and its zero point likewise. */
int32_t conv_weight(const Op *op, const ConvGeom *g, int64_t c, int64_t y,
                    int64_t x, int64_t i);
int32_t conv_weight_zero(const Op *op, int64_t c);
/* A weight that occurs, 0 if that does: for what is multiplied by zeros or
 * never stored, so that there is no further value because of it. */
int32_t conv_any_weight(const Op *op);
/* The same for all channels? Kernels that subtract it times the sum of the
 * inputs take one. */
bool conv_one_weight_zero(const Op *op);

/* After conv_source without `want`, for a kernel that gathers windows itself:
 * takes the stage off. A lone window that lies in the input without gaps is
 * read in place, all others are patched. */
void conv_patch(ConvParams *p);
/* The window of the maximum that s has as its tail; 1 x 1: it has none. */
Int2 conv_pool(const Step *s);
/* How far the output may start before the input when a patched kernel goes
 * over the pixels in order, c->pixels of a row at a time: see conv_patch.c.
 */
int64_t conv_patch_overlap(const ConvParams *c);

/* Bias with the zero points folded in; requantization over the reachable
 * accumulators, or what sums need. Tables have `entries` entries, entry i for
 * channel order[i] (order NULL: for i; past the end: biases 0). `split_zero`:
 * the kernel subtracts weight_zero * sum of inputs itself (else its weights
 * have the zero point taken off). `forms`: allowed requantizations. */
void conv_finish(Plan *p, Step *s, ConvParams *c, int64_t entries,
                 const int32_t *order, bool split_zero, unsigned forms);

/* For kernels that lay out their constants themselves: sets c->rq, and gives
 * the biases (oc) that accumulators start from, for rq's form too. */
const int32_t *conv_biases(Plan *p, Step *s, ConvParams *c, unsigned forms);

/* Weights of one block of conv_lanes, with those that pad a run or its last
 * channels. */
int64_t conv_block_weights(const ConvParams *c);

/* The join that mixes channels: c->join, or 1. */
int conv_mix(const ConvParams *c);

/* Accumulators of `join` neighbouring vectors that x86's in-lane packs put
 * together stand for channels in this order: position (vector v, lane i) is
 * channel (v / join) * join * lanes + i / 4 * 4 * join + v % join * 4 + i % 4
 * of the tile. join 1 is the natural order. */
int64_t conv_joined_channel(int join, int lanes, int64_t v, int64_t i);
/* The same of four vectors of which 0 and 1 have the even channels of every
 * 16, 2 and 3 the odd ones. */
int64_t conv_parted_channel(int64_t v, int64_t i);

#endif
