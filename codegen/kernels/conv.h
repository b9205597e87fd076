/* Shared by the convolution kernels: images, the staged copy, tiles. */
#ifndef KILN_CODEGEN_KERNELS_CONV_H
#define KILN_CODEGEN_KERNELS_CONV_H

#include "codegen/nest.h"
#include "codegen/vec.h"
#include "plan/conv.h"

/* A loop over the images of a batch. `src` is the padded copy, or the input
 * itself; `out` the image's output. */
typedef struct ConvImage {
  Loop loop;
  Val src, out;
} ConvImage;

ConvImage conv_image_begin(Cg *g, const ConvParams *c, const StepArgs *a);
void conv_image_end(Cg *g, ConvImage *im);

/* A loop over the passes that ConvParams.pass tells of, one where weights are
 * not packed: `first` output, its weights. Unpacked ones lie at `room` bytes
 * in `scratch`. */
typedef struct Pass {
  Loop loop;
  Val first, w;
  Val last; /* is it the last one, of `left` outputs? NULL: all are alike */
  int64_t left;
} Pass;
/* i + step for a loop over a pass's outputs, or those of them that come in
 * groups of `step`: are there more? NULL: the loop's own bound is right. */
Val pass_more(Cg *g, const ConvParams *c, const Pass *p, Val i, int64_t step);
Pass pass_begin(Cg *g, const ConvParams *c, Val scratch, int64_t room);
void pass_end(Cg *g, Pass *p);

/* The free part of the scratch, behind the staged copy. */
Val conv_scratch(Cg *g, const ConvParams *c, const StepArgs *a);

/* A loop over tiles of `size` of `total` positions. `at` is the first
 * position; the last tile overlaps the one before when they don't divide. */
typedef struct Tiles {
  Loop loop;
  Val at;
} Tiles;
Tiles tiles_begin(Cg *g, int64_t total, int64_t size);
/* The same where a step may be split by them. */
Tiles tiles_begin_part(Cg *g, SplitAxis axis, int64_t total, int64_t size);
void tiles_end(Cg *g, Tiles *t);

/* A loop over a window's runs with carried values; `src` moves with it from
 * the tile's first run, `w` by `w_bytes` a run. */
typedef struct Runs {
  Loop rows, cols;
  Val src, w;
} Runs;
Runs runs_begin(Cg *g, const ConvParams *c, Val src, Val w, int64_t w_bytes,
                int n, const Val *init);
/* carried values: runs->cols.carry in the body, rows.carry after the end */
void runs_end(Cg *g, Runs *r, const Val *next);

/* Byte distance between neighbouring output pixels' windows. */
int64_t conv_step_bytes(const ConvParams *c);
/* Tiles of a row of outputs. */
int64_t conv_tiles_across(const ConvParams *c);
/* Pointer to the window of output (y, x). */
Val conv_window(Cg *g, const ConvParams *c, Val src, Val y, Val x);
/* Pointer to row y of the image at src, whose rows are `pitch` bytes apart;
 * `zeros` for a row outside of it, unless that is NULL. */
Val conv_row(Cg *g, const ConvParams *c, Val src, Val y, int64_t pitch,
             Val zeros);
/* Pointer to a tap of a depthwise window; taps past the last have zero weights
 * and read the last one. */
Val conv_tap(Cg *g, const ConvParams *c, Val window, int64_t tap);
/* Pointer to output (y, x), channel 0. */
Val conv_output(Cg *g, const ConvParams *c, Val out, Val y, Val x);

/* acc less weight_zero times the sum of the window's inputs. */
Val conv_take_zero(Cg *g, const ConvParams *c, Val acc, Val sum);

/* Requantizes, sends through the step's tail and stores acc, an i32 for
 * `channel` or a vector for those from it on, at p. `begins`: see TailAt. */
void conv_store(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                Val begins);
/* The same of 256 times an odd channel's accumulator (ConvParams.joined). */
void conv_store_up(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                   Val begins);
/* The same with the lanes being n pixels of one channel, c->g.oc apart. */
void conv_store_pixels(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                       int n);
/* Requantizes, sends through the tail and stores `join` accumulators (see
 * conv_joined_channel) whose table entries start at `entry`; the first n of
 * their channels, at p. */
void conv_store_joined(Cg *g, const ConvParams *c, const Val *acc, Val entry,
                       Val p, int64_t n);

/* How many pixels' inputs a tile's loop loads before it uses them. */
int conv_inputs_ahead(const Cg *g, const ConvParams *c);

/* Neighbouring pixels of a tile that the target stores together, 1 where it
 * does not; and that: acc[pixel * join + vector], else as above. */
int conv_pixels_together(const Cg *g, const ConvParams *c);
void conv_store_together(Cg *g, const ConvParams *c, const Val acc[4],
                         Val entry, Val p, int64_t n);
/* Kernels whose channels are in order: `pieces` times `join` accumulators,
 * all of the same channels, to p and `pitch` bytes on from there. */
void conv_store_apart(Cg *g, const ConvParams *c, const Val *acc, int pieces,
                      int64_t pitch, Val entry, Val p);

/* Sums that need the input's zero point at run time: takes that of the pixel
 * off acc, whose first lane is channel `first`; zero points from `zeros` on.
 * Others: acc itself. */
Val conv_take_input_zero(Cg *g, const ConvParams *c, Val acc, Val first,
                         Val zeros, int64_t pixel);

/* Divides n into equal parts of at most `most`: the largest such divisor. */
int64_t largest_divisor(int64_t n, int64_t most);

#endif
