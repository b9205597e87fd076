/* conv_smlad, conv_scalar: convolutions that gather the windows of a tile of
 * pixels from the image itself, clipped at its borders, and then compute all
 * outputs of those pixels. The loops are in codegen/kernels/.
 *
 * So the output may overwrite the input. With the pixels up to column x of
 * row y done, the first `written` bytes of the output are there,
 *
 *   written = (y ow + x) oc
 *
 * (of maxima over windows py x px those begun: ((y / py) ow / px + n) oc with
 * n = x / px, rounded up, in a window's first row, else a whole row of them)
 * and what is read from now on are the windows of the rest of the row, and
 * those of the rows below from their first column on; none starts before
 *
 *   unread = min(top(y) iw ic + max(0, x sw - pl) ic, top(y + 1) iw ic)
 *   top(y) = max(0, y sh - pt)
 *
 * (of the two only what there is; top(y + 1) = ih past the last row of an
 * image that another follows). Nothing unread is lost as long as out +
 * written <= in + unread after every tile, that is in - out >= the largest
 * written - unread: 0 for a 1x1 convolution whose channels don't grow, the
 * growth of all pixels but the last tile's where they do, the rows that run
 * behind of a larger window. */
#include "plan/kernel.h"
#include "plan/kernels/conv.h"

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

Int2 conv_pool(const Step *s) {
  if (!s->tail.n || s->tail.v[0].step->op->kind != OP_max_pool2d)
    return (Int2){{1, 1}};
  return s->tail.v[0].step->op->attrs.pool.window;
}

void conv_patch(ConvParams *p) {
  const ConvGeom *g = &p->g;
  const Stage *st = &p->stage;
  p->clipped = st->top || st->bottom || st->left || st->right;
  bool gapless = p->taps_h == 1 && p->taps_w == 1;
  p->patched = g->n * g->oh * g->ow > 1 || p->clipped || !gapless;
  p->stage = (Stage){.elem_bytes = p->in_bytes, .expand = 1};
  p->pitch = g->iw * p->pixel;
}

static int64_t window_top(const ConvGeom *g, int64_t y) {
  return max64(0, y * g->sh - g->pt);
}

/* Bytes written with x pixels of row y done. */
static int64_t written(const ConvParams *c, int64_t y, int64_t x) {
  const ConvGeom *g = &c->g;
  int64_t py = c->pool.v[0], px = c->pool.v[1], row = g->ow / px;
  int64_t begun = y % py ? row : ceil_div(x, px);
  return (y / py * row + begun) * g->oc * c->out_bytes;
}

/* written - unread in bytes with x pixels of row y done. */
static int64_t lead(const ConvParams *c, bool last_image, int64_t y,
                    int64_t x) {
  const ConvGeom *g = &c->g;
  int64_t row = g->iw * g->ic, unread = INT64_MAX;
  if (x < g->ow)
    unread = window_top(g, y) * row + max64(0, x * g->sw - g->pl) * g->ic;
  if (y + 1 < g->oh)
    unread = min64(unread, window_top(g, y + 1) * row);
  else if (!last_image)
    unread = min64(unread, g->ih * row);
  if (unread == INT64_MAX)
    return 0;
  return written(c, y, x) - unread * c->in_bytes;
}

/* A later image leads as much as the first and the difference of sizes. */
int64_t conv_patch_overlap(const ConvParams *c) {
  const ConvGeom *g = &c->g;
  if (!c->patched || g->groups > 1 || c->pass < g->oc)
    return OVERLAP_NONE;
  int64_t grown =
      written(c, g->oh - 1, g->ow) - g->ih * g->iw * g->ic * c->in_bytes;
  int64_t first = 0, last = 0;
  for (int64_t y = 0; y < g->oh; y++)
    for (int64_t x = c->pixels; x < g->ow + c->pixels; x += c->pixels) {
      first = max64(first, lead(c, false, y, min64(x, g->ow)));
      last = max64(last, lead(c, true, y, min64(x, g->ow)));
    }
  last += (g->n - 1) * max64(grown, 0);
  return g->n == 1 ? last : max64(last, first + (g->n - 2) * max64(grown, 0));
}

int64_t overlap_conv_patch(const Step *s, int input) {
  return input == 0 ? conv_patch_overlap(s->params) : OVERLAP_NONE;
}

static double macs(const Op *op) { return (double)op_macs(op); }

/* ---- conv_smlad ---- */

bool match_conv_smlad(const Op *op, const Target *t) {
  return conv_is_full(op) && t->dot == DOT_smlad && conv_one_group(op) &&
         conv_one_weight_zero(op);
}

double cost_conv_smlad(const Op *op, const Target *t) {
  (void)t;
  return macs(op);
}

/* Weight k of channel o: k counts the window's elements, runs padded. */
static int32_t weight_of(const Step *s, const ConvParams *c, int64_t o,
                         int64_t k) {
  const ConvGeom *g = &c->g;
  int64_t tap = k / c->run_padded, in_run = k % c->run_padded;
  int64_t x = c->taps_w > 1 ? tap % c->taps_w : in_run / g->ic;
  if (o >= g->oc || in_run >= c->run)
    return c->any_weight;
  return conv_weight(s->op, g, o, tap / c->taps_w, x, in_run % g->ic);
}

/* Is 256 a + b a halfword for all weights of odd and even channels? */
static bool weights_join(const Step *s, const ConvParams *c) {
  if (conv_weight_zero(s->op, 0))
    return false;
  int64_t window = c->taps_h * c->taps_w * c->run_padded;
  for (int64_t o = 0; o < c->g.oc; o += 2)
    for (int64_t k = 0; k < window; k++)
      if (256 * weight_of(s, c, o + 1, k) + weight_of(s, c, o, k) < INT16_MIN)
        return false;
  return true;
}

/* [4 channels][k / 4][k % 2][pair of channels][k / 2 % 2], halfwords of a
 * pair: the first channel in the low byte, and above it the second one, or
 * (joined) what makes 256 second + first of the whole. */
static const int8_t *pack_pairs(Plan *p, const Step *s, const ConvParams *c,
                                bool joined) {
  int64_t window = c->taps_h * c->taps_w * c->run_padded;
  int8_t *image = pack_image(p, c->blocks * window * 2);
  for (int64_t pair = 0; pair < c->blocks; pair++) {
    int8_t *block = image + pair / 2 * window * 4;
    int64_t pairs = min64(2, c->blocks - pair / 2 * 2);
    for (int64_t k = 0; k < window; k++) {
      int32_t b = weight_of(s, c, 2 * pair, k);
      int32_t a = weight_of(s, c, 2 * pair + 1, k);
      int64_t word = (k / 4 * 2 + k % 2) * pairs + pair % 2;
      int8_t *at = block + word * 4 + k / 2 % 2 * 2;
      at[0] = (int8_t)b;
      at[1] = (int8_t)(joined && b < 0 ? a - 1 : a);
    }
  }
  return image;
}

/* Where element k of the window stands among the halfwords of a lone pixel,
 * two at a time in a word: (0, 2), (1, 3). */
static int64_t place_in_words(int64_t k) {
  return k / 4 * 4 + k % 2 * 2 + k / 2 % 2;
}

/* Lists, where they pay: of all outputs, of the window as it is gathered. */
static SparseLists list_pairs(Plan *p, Step *s, const ConvParams *c) {
  int64_t window = c->taps_h * c->taps_w * c->run_padded, oc = c->g.oc;
  int32_t zero = conv_weight_zero(s->op, 0);
  int16_t *w = ARENA_ARRAY(p->arena, int16_t, oc *window);
  for (int64_t o = 0; o < oc; o++)
    for (int64_t k = 0; k < window; k++) {
      int64_t at = c->pixels > 1 ? k : place_in_words(k);
      bool exists = k % c->run_padded < c->run;
      w[o * window + at] = (int16_t)(exists ? weight_of(s, c, o, k) - zero : 0);
    }
  SparseWeights all = {.w = w,
                       .outputs = oc,
                       .window = window,
                       .dense_bytes = c->blocks * window * 2};
  all.cost = c->pixels == 4   ? (SparseCost){3.6, 8.3, 16}
             : c->pixels == 2 ? (SparseCost){1.8, 5.3, 14}
                              : (SparseCost){1.2, 4.3, 12};
  return sparse_lists(p, s, &all);
}

/* Bytes of the arena: pixels x window in i16; a clipped run of each. */
static int64_t gathered_bytes(const ConvParams *c) {
  int64_t window = c->taps_h * c->taps_w * c->run_padded * 2;
  int64_t a_pixel = window + (c->clipped ? c->run_padded : 0);
  return c->patched ? (c->pixels * a_pixel + 3) / 4 * 4 : 0;
}

/* Of four pixels at a time for speed, where there is room for their windows.
 */
static void list_tiles(Plan *p, Step *s, ConvParams *c) {
  ConvParams wide = *c;
  wide.pixels = 4;
  if (sparse_is_fast(p) && c->pixels == 2 && c->g.ow >= 4 &&
      gathered_bytes(&wide) <= arena_spare(p, s))
    *c = wide;
  c->sparse = list_pairs(p, s, c);
  if (!c->sparse.counts && c->pixels == 4)
    c->pixels = 2;
}

/* See pack_pairs; a last pair alone has another order. */
static Weave pairs_weave(const ConvParams *c) {
  bool lone = c->blocks % 2, padded = c->run != c->run_padded;
  return lone || padded ? (Weave){0}
                        : (Weave){.run = 8,
                                  .slots = 4,
                                  .slot = {0, 1, 0, 1, 2, 3, 2, 3},
                                  .runs = 1,
                                  .depth = 2,
                                  .inputs = c->g.ic};
}

/* Lists for speed; bits for size, lists where bits have no room. */
static void pack_or_list_pairs(Plan *p, Step *s, ConvParams *c) {
  int64_t window = c->taps_h * c->taps_w * c->run_padded;
  PassSource from = {.image = pack_pairs(p, s, c, false),
                     .bytes = c->blocks * window * 2,
                     .row = window,
                     .unit = 4,
                     .weave = pairs_weave(c),
                     .scratch = gathered_bytes(c),
                     .time = cost_conv_smlad(s->op, p->target)};
  bool fast = sparse_is_fast(p);
  if (fast)
    list_tiles(p, s, c);
  if (!c->sparse.counts && !conv_pack_passes(p, s, c, &from) && !fast)
    list_tiles(p, s, c);
}

bool prepare_conv_smlad(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 4, .lanes = 1, .vectors = 4};
  conv_source(&c, s, DT_COUNT, 1, false);
  conv_patch(&c);
  c.weight_bytes = 1;
  c.any_weight = conv_any_weight(s->op);
  c.blocks = ceil_div(c.g.oc, 2);
  c.pixels = c.patched && c.g.ow > 1 ? 2 : 1;
  c.pool = conv_pool(s);
  c.pass = c.g.oc;
  pack_or_list_pairs(p, s, &c);
  bool listed = c.sparse.counts;
  c.patched |= listed || conv_weight_zero(s->op, 0); /* for its sum */
  c.joined = !listed && weights_join(s, &c);
  conv_finish(p, s, &c, c.blocks * 2, NULL, !listed,
              target_conv_forms(p->target));
  c.packed.joined = c.joined;
  if (!listed && !c.packed.form)
    c.w = plan_blob(p, s, "weights", pack_pairs(p, s, &c, c.joined),
                    s->weights.bytes, 4);
  conv_done(p, s, &c, gathered_bytes(&c) + c.packed.block_bytes);
  if (listed)
    s->variant = arena_printf(p->arena, "q%s_%dx1_lists_smlad",
                              c.in_type == DT_u8 ? "u8" : "s8", c.pixels);
  return true;
}

/* ---- conv_scalar ---- */

bool match_conv_scalar(const Op *op, const Target *t) {
  (void)t;
  return conv_is_full(op) || conv_is_sums(op);
}

double cost_conv_scalar(const Op *op, const Target *t) {
  (void)t;
  return macs(op) * 4;
}

/* [output][tap][run], i16 with the zero point taken off */
static const int16_t *wide_rows(Plan *p, const Step *s, const ConvParams *c) {
  const ConvGeom *g = &c->g;
  int64_t depth = g->ic / g->groups, row = g->kh * g->kw * depth;
  int16_t *image = ARENA_ARRAY(p->arena, int16_t, row * g->oc);
  for (int64_t o = 0; o < g->oc; o++)
    for (int64_t k = 0; k < row; k++)
      image[o * row + k] = (int16_t)(conv_weight(s->op, g, o, k / depth / g->kw,
                                                 k / depth % g->kw, k % depth) -
                                     conv_weight_zero(s->op, o));
  return image;
}

static bool any_weight_zero(const Op *op, int64_t oc) {
  for (int64_t o = 0; o < oc; o++)
    if (conv_weight_zero(op, o))
      return true;
  return false;
}

/* Lists, where they pay: of the window of an output's group. */
static SparseLists list_rows(Plan *p, Step *s, const ConvParams *c,
                             const int16_t *w) {
  int64_t window = c->taps_h * c->taps_w * c->run;
  SparseWeights all = {.w = w,
                       .outputs = c->g.oc,
                       .window = window,
                       .dense_bytes = c->g.oc * window * c->weight_bytes,
                       .cost = {6.5, 6, 12}};
  return sparse_lists(p, s, &all);
}

/* Of the arena: a window, gathered. */
static int64_t window_bytes(const ConvParams *c) {
  return c->patched ? (c->taps_h * c->taps_w * c->run + 1) / 2 * 2 : 0;
}

static void pack_or_list_rows(Plan *p, Step *s, ConvParams *c) {
  const int16_t *rows = wide_rows(p, s, c);
  int64_t bytes = c->taps_h * c->taps_w * c->run * c->g.oc;
  bool fast = sparse_is_fast(p), wide = c->weight_bytes == 2;
  PassSource from = {.image = wide ? NULL : conv_pack_rows(p, s, c),
                     .bytes = bytes,
                     .row = c->taps_h * c->taps_w * c->run,
                     .unit = 1,
                     .weave = conv_rows_weave(c),
                     .scratch = window_bytes(c),
                     .time = cost_conv_scalar(s->op, p->target)};
  if (fast)
    c->sparse = list_rows(p, s, c, rows);
  if (!c->sparse.counts && !wide)
    conv_pack_passes(p, s, c, &from);
  if (!c->packed.form && !fast)
    c->sparse = list_rows(p, s, c, rows);
  if (!c->packed.form && !c->sparse.counts)
    c->w = plan_blob(p, s, "weights", wide ? (const void *)rows : from.image,
                     bytes * c->weight_bytes, p->target->simd_align);
}

bool prepare_conv_scalar(Plan *p, Step *s) {
  ConvParams c = {.g = conv_geom(s->op), .group = 1, .lanes = 1};
  conv_source(&c, s, DT_COUNT, 1, false);
  conv_grouped_runs(&c);
  conv_patch(&c);
  c.vectors = c.pixels = 1;
  c.pool = conv_pool(s);
  c.blocks = c.g.oc;
  c.weight_bytes = any_weight_zero(s->op, c.g.oc) ? 2 : 1;
  c.pass = c.g.oc;
  pack_or_list_rows(p, s, &c);
  conv_finish(p, s, &c, c.g.oc, NULL, false, target_conv_forms(p->target));
  conv_done(p, s, &c, window_bytes(&c) + c.packed.block_bytes);
  if (c.sparse.counts)
    s->variant = arena_printf(p->arena, "q%s_1x1_lists",
                              c.in_type == DT_u8 ? "u8" : "s8");
  return true;
}
