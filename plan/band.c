/* Which layers are computed in bands, and of how many rows: see band.h. A
 * band is paid for in outputs that are computed again (the last one overlaps
 * the one before, and so does the last tile of each), and dearly where the
 * weights do not stay in the cache beside it; what it saves is the map's way
 * there and back, and its bytes. So layers are computed in bands
 *
 *   - for size, where one by one they take more than the network's largest
 *     tensor, below which no arena gets,
 *   - for speed, where the weights stay and the estimate is lower; or a little
 *     higher, where the arena may shrink,
 *   - of floats for speed, where the map is more than the second cache should
 *     hold, in bands of so many bytes as it does, beside the weights. */
#include "plan/band.h"

#include "plan/kernel.h"
#include "plan/kernels/conv.h"
#include "plan/kernels/conv_f32.h"

enum { CACHE_BYTES_A_CYCLE = 32, BAND_ALIGN = 64 };
enum { FAR_MAP = 1 << 20, REAL_BAND = 256 << 10, REAL_WEIGHTS = 128 << 10 };

/* The two layers, while it is being decided. */
typedef struct Pair {
  const Op *front, *op;
  ConvGeom f, g;
  const Target *target;
} Pair;

static bool is_pointwise(const Op *op, const ConvGeom *f, const ConvGeom *g) {
  return op->kind == OP_conv2d && g->groups == 1 && g->kh == 1 && g->kw == 1 &&
         g->oh == 1 && g->ow == f->n * f->oh * f->ow;
}

static bool is_kernel(const Step *s, KernelId k) {
  return s->kernel == &kernel_table[k];
}

static bool is_real(const Step *s) { return is_kernel(s, K_conv_f32); }

static bool is_known(const Op *op) {
  return real_is_const(op->in[1]) && real_is_const(op_in(op, 2));
}

static bool takes_front(const Step *front, const Step *s) {
  if (is_real(s))
    return is_kernel(front, K_dw_f32_rows) && is_known(front->op) &&
           is_known(s->op);
  return is_kernel(s, K_conv_lanes) && is_kernel(front, K_dw_rows);
}

static bool can_be_front(const Plan *p, const Step *front, const Step *s) {
  const Value *v = s->op->in[0];
  const Buffer *b = front->out ? front->out[0] : NULL;
  return takes_front(front, s) && !front->tail.n && front->op->out[0] == v &&
         !value_is_output(p->graph, v) && value_use_count(p->graph, v) == 1 &&
         b->place == PLACE_arena && !b->base &&
         front->in[0]->place != PLACE_const;
}

/* A pixel's channels are whole groups, or the last group can end with them.
 */
static bool reads_in_place(const Pair *x) {
  int group = dot_group(conv_lanes_dot(&x->g, x->target));
  bool back = x->g.ic >= group && !conv_weight_zero(x->op, 0);
  return !conv_is_sums(x->op) && (x->g.ic % group == 0 || back);
}

/* Depthwise rows come in pairs; one alone takes three quarters of that. */
static double front_cycles(const Pair *x, int64_t rows) {
  const ConvGeom *f = &x->f;
  double pairs = (double)(rows / 2) + (double)(rows % 2) * 0.75;
  double row = (double)(f->ow * f->oc * 9) / (x->target->vector_bytes / 2);
  return pairs * 2 * row;
}

static double moved(int64_t bytes) {
  return (double)bytes / (double)CACHE_BYTES_A_CYCLE;
}

static ConvGeom geom_of_rows(const Pair *x, int64_t rows) {
  ConvGeom g = x->g;
  g.iw = g.ow = rows * x->f.ow;
  return g;
}

/* Do the weights stay beside bands of so many rows? */
static bool weights_stay(const Pair *x, int64_t rows) {
  int64_t ic = x->g.ic;
  return ic * x->g.oc + rows * x->f.ow * ic <= x->target->cache;
}

/* Cycles of all bands of so many rows. */
static double band_cycles(const Pair *x, int64_t rows) {
  ConvGeom g = geom_of_rows(x, rows);
  int64_t weights = g.ic * g.oc, bands = x->f.n * ceil_div(x->f.oh, rows);
  double pixels = (double)conv_lanes_pixels(x->op, &g, x->target);
  double macs = pixels * (double)weights / x->target->vector_bytes;
  double all = (double)bands * (front_cycles(x, rows) + macs);
  return all + moved(weights_stay(x, rows) ? weights : bands * weights);
}

/* Cycles of the layers one by one: the map is written, then read for every
 * block of outputs. */
static double apart_cycles(const Pair *x) {
  const Target *t = x->target;
  const ConvGeom *g = &x->g;
  int64_t map = g->ow * g->ic, weights = g->ic * g->oc;
  int64_t blocks = ceil_div(g->oc, t->conv_vectors * (t->vector_bytes / 4));
  double macs = (double)conv_lanes_pixels(x->op, g, t) * (double)weights /
                t->vector_bytes;
  double all = (double)x->f.n * front_cycles(x, x->f.oh) + macs;
  return all + moved(weights + (map > t->cache ? (1 + blocks) * map : 0));
}

/* The best number of rows that half the cache takes; 0: the map is no two
 * bands. */
static int64_t choose_rows(const Pair *x) {
  int64_t row = x->f.ow * x->g.ic, best = 0;
  double least = 0;
  for (int64_t rows = 1; rows <= x->f.oh / 2; rows++) {
    if (best && rows * row > x->target->cache / 2)
      break;
    double cycles = band_cycles(x, rows);
    if (!best || cycles < least) {
      best = rows;
      least = cycles;
    }
  }
  return best;
}

/* May the arena shrink when the map goes? */
static bool arena_may_shrink(const Plan *p, const Step *front, const Step *s) {
  int64_t largest = 0, in = front->in[0]->bytes, map = front->out[0]->bytes;
  int64_t out = s->out[0]->bytes;
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    if (b->place == PLACE_arena && b->bytes > largest)
      largest = b->bytes;
  }
  return map + (in > out ? in : out) > largest;
}

static bool pays(const Plan *p, const Pair *x, int64_t rows, bool shrinks) {
  if (shrinks && p->opt.for_size)
    return true;
  return weights_stay(x, rows) &&
         band_cycles(x, rows) <= apart_cycles(x) * (shrinks ? 1.05 : 1);
}

/* Rows of a band of floats, an even number and such as divide the map, if they
 * can be; 0: it does not pay. */
static int64_t choose_real_rows(const Plan *p, const Pair *x, bool shrinks) {
  int64_t row = x->f.ow * x->g.ic * 4, weights = x->g.ic * x->g.oc * 4;
  int64_t most = REAL_BAND / row;
  most = most < x->f.oh / 2 ? most : x->f.oh / 2;
  bool far = x->f.oh * row >= FAR_MAP && x->target->asks_ahead;
  if (most < 1 || weights > REAL_WEIGHTS ||
      !(far || (shrinks && p->opt.for_size)))
    return 0;
  for (int64_t rows = most / 2 * 2; rows > most / 2; rows -= 2)
    if (x->f.oh % rows == 0)
      return rows;
  return most > 1 ? most / 2 * 2 : 1;
}

/* 0: one by one. */
static int64_t rows_of_band(const Plan *p, const Pair *x, const Step *front,
                            const Step *s) {
  bool shrinks = arena_may_shrink(p, front, s);
  if (is_real(s))
    return choose_real_rows(p, x, shrinks);
  int64_t rows = reads_in_place(x) ? choose_rows(x) : 0;
  return rows && pays(p, x, rows, shrinks) ? rows : 0;
}

bool band_fuse(Plan *p, Step *s) {
  if (p->opt.keep_all || !p->steps.n)
    return false;
  Step *front = p->steps.v[p->steps.n - 1];
  if (!can_be_front(p, front, s))
    return false;
  Pair x = {front->op, s->op, conv_geom(front->op), conv_geom(s->op),
            p->target};
  if (!is_pointwise(s->op, &x.f, &x.g))
    return false;
  s->band_rows = rows_of_band(p, &x, front, s);
  if (!s->band_rows)
    return false;
  s->front = front;
  s->index = front->index;
  p->steps.v[s->index] = s;
  return true;
}

ConvGeom band_geom(const Step *s) {
  ConvGeom g = conv_geom(s->op);
  if (s->front)
    g.iw = g.ow = s->band_rows * conv_geom(s->front->op).ow;
  return g;
}

static int64_t element_bytes(const Buffer *b) {
  return dtype_bits(b->type->dtype) / 8;
}

/* The band lies in scratch behind what the front needs there. The last band
 * does rows of the one before again, from a tail's operands as they were. */
bool band_prepare(Plan *p, Step *s) {
  Step *front = s->front;
  if (!front->kernel->prepare(p, front) || !s->kernel->prepare(p, s))
    return false;
  const ConvGeom f = conv_geom(front->op);
  s->band_offset = ceil_div(front->scratch_bytes, BAND_ALIGN) * BAND_ALIGN;
  s->scratch_bytes = s->band_offset +
                     s->band_rows * f.ow * f.oc * element_bytes(front->out[0]);
  s->blob_bytes += front->blob_bytes;
  if (f.oh % s->band_rows)
    s->tail_overlap = OVERLAP_NONE;
  s->in[0] = front->in[0];
  return true;
}

/* First element of the input that the band of rows from y on reads. */
static int64_t first_read(const ConvGeom *f, int64_t image, int64_t y) {
  int64_t row = y * f->sh - f->pt;
  return (image * f->ih + (row < 0 ? 0 : row)) * f->iw * f->ic;
}

/* A band's outputs are written when its inputs, and all before, were read;
 * they must not reach those of the next. */
static int64_t band_overlap(const Step *s) {
  const ConvGeom f = conv_geom(s->front->op);
  int64_t row = f.ow * conv_geom(s->op).oc * element_bytes(s->out[0]);
  int64_t in = element_bytes(s->in[0]), bands = ceil_div(f.oh, s->band_rows);
  int64_t most = 0;
  for (int64_t i = 1; i < f.n * bands; i++) {
    int64_t image = i / bands, y = i % bands * s->band_rows;
    int64_t before = (i - 1) % bands * s->band_rows + s->band_rows;
    if (y > f.oh - s->band_rows)
      y = f.oh - s->band_rows;
    if (before > f.oh)
      before = f.oh;
    int64_t d =
        ((i - 1) / bands * f.oh + before) * row - in * first_read(&f, image, y);
    most = d > most ? d : most;
  }
  return most;
}

int64_t overlap_band(const Step *s, int input) {
  return s->front && input == 0 ? band_overlap(s) : OVERLAP_NONE;
}
