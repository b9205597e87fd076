/* See conv.h. */
#include "codegen/kernels/conv.h"

#include "codegen/kernels/packed.h"
#include "codegen/kernels/stage.h"
#include "codegen/kernels/tail.h"
#include "codegen/lower.h"
#include "codegen/targets/dot.h"

static void conv_stage(Cg *g, const ConvParams *c, const StepArgs *a, Val in) {
  Val fill = NULL;
  if (c->zero_operand >= 0 && !c->zero_step)
    fill = ll_load(g, g->i8, a->in[c->zero_operand], 1);
  stage_input(g, c, a->scratch, in, fill);
}

void lower_stage(Cg *g, const Step *s, const StepArgs *a) {
  conv_stage(g, s->params, a, a->in[0]);
}

ConvImage conv_image_begin(Cg *g, const ConvParams *c, const StepArgs *a) {
  const ConvGeom *q = &c->g;
  ConvImage im = {.loop = loop_begin_part(g, SPLIT_images, 0, q->n, 1, 1)};
  int64_t in_bytes = q->ih * q->iw * q->ic * c->in_bytes;
  int64_t out_bytes = q->oh * q->ow * q->oc * c->out_bytes;
  Val in = ll_gep(g, a->in[0], ll_mulc(g, im.loop.i, in_bytes));
  im.out = ll_gep(g, a->out[0], ll_mulc(g, im.loop.i, out_bytes));
  im.src = in;
  if (c->stage.on) {
    if (!g->step->split.stage_parts)
      conv_stage(g, c, a, in);
    im.src = a->scratch;
  }
  return im;
}

void conv_image_end(Cg *g, ConvImage *im) { loop_end(g, &im->loop, NULL); }

Pass pass_begin(Cg *g, const ConvParams *c, Val scratch, int64_t room) {
  int64_t passes = (c->g.oc + c->pass - 1) / c->pass;
  Pass p = {.loop = loop_begin(g, 0, passes, 1), .left = c->g.oc % c->pass};
  p.first = ll_mulc(g, p.loop.i, c->pass);
  if (p.left)
    p.last = ll_icmp(g, LLVMIntEQ, p.loop.i, ll_idx(g, passes - 1));
  if (c->packed.form) {
    p.w = ll_gepc(g, scratch, room);
    unpack_block(g, &c->packed, p.loop.i, p.w);
  } else if (c->w) {
    p.w = ll_blob(g, c->w);
  }
  return p;
}

Val pass_more(Cg *g, const ConvParams *c, const Pass *p, Val i, int64_t step) {
  if (!p->last)
    return NULL;
  Val n = ll_select(g, p->last, ll_idx(g, p->left / step * step),
                    ll_idx(g, c->pass / step * step));
  return ll_icmp(g, LLVMIntULT, ll_addc(g, i, step), n);
}

void pass_end(Cg *g, Pass *p) { loop_end(g, &p->loop, NULL); }

Val conv_scratch(Cg *g, const ConvParams *c, const StepArgs *a) {
  const Stage *st = &c->stage;
  if (a->own)
    return a->own;
  if (!st->on)
    return a->scratch;
  int64_t rows = st->top + st->copied_rows + st->bottom;
  int64_t bytes = (rows * c->pitch + st->slack) * st->elem_bytes;
  return ll_gepc(g, a->scratch, (bytes + 15) / 16 * 16);
}

Tiles tiles_begin(Cg *g, int64_t total, int64_t size) {
  return tiles_begin_part(g, SPLIT_none, total, size);
}

Tiles tiles_begin_part(Cg *g, SplitAxis axis, int64_t total, int64_t size) {
  int64_t turns = (total + size - 1) / size;
  Tiles t = {.loop = loop_begin_part(g, axis, 0, turns, 1, 1)};
  t.at = ll_mulc(g, t.loop.i, size);
  if (total % size) {
    Val args[] = {t.at, ll_idx(g, total - size)};
    t.at = ll_intrinsic(g, "llvm.umin", &g->idx, 1, args, 2);
  }
  return t;
}

void tiles_end(Cg *g, Tiles *t) { loop_end(g, &t->loop, NULL); }

Runs runs_begin(Cg *g, const ConvParams *c, Val src, Val w, int64_t w_bytes,
                int n, const Val *init) {
  const int64_t elem = c->stage.elem_bytes;
  Runs r = {.rows = loop_begin_carry(g, 0, c->taps_h, 1, n, init)};
  src = ll_gep(g, src, ll_mulc(g, r.rows.i, c->g.dh * c->pitch * elem));
  w = ll_gep(g, w, ll_mulc(g, r.rows.i, c->taps_w * w_bytes));
  r.cols = loop_begin_carry(g, 0, c->taps_w, 1, n, r.rows.carry);
  r.src = ll_gep(g, src, ll_mulc(g, r.cols.i, c->g.dw * c->pixel * elem));
  r.w = ll_gep(g, w, ll_mulc(g, r.cols.i, w_bytes));
  return r;
}

void runs_end(Cg *g, Runs *r, const Val *next) {
  loop_end(g, &r->cols, next);
  loop_end(g, &r->rows, r->cols.carry);
}

int64_t conv_step_bytes(const ConvParams *c) {
  return c->g.sw * c->pixel * c->stage.elem_bytes;
}

int64_t conv_tiles_across(const ConvParams *c) {
  return (c->g.ow + c->pixels - 1) / c->pixels;
}

Val conv_window(Cg *g, const ConvParams *c, Val src, Val y, Val x) {
  int64_t row = c->g.sh * c->pitch * c->stage.elem_bytes;
  src = ll_gep(g, src, ll_mulc(g, y, row));
  return ll_gep(g, src, ll_mulc(g, x, conv_step_bytes(c)));
}

Val conv_tap(Cg *g, const ConvParams *c, Val window, int64_t tap) {
  int64_t taps = c->g.kh * c->g.kw;
  if (tap >= taps)
    tap = taps - 1;
  int64_t row = tap / c->g.kw * c->g.dh * c->pitch;
  int64_t col = tap % c->g.kw * c->g.dw * c->pixel;
  return ll_gepc(g, window, row + col);
}

Val conv_row(Cg *g, const ConvParams *c, Val src, Val y, int64_t pitch,
             Val zeros) {
  Val row = ll_gep(g, src, ll_mulc(g, y, pitch));
  if (!zeros)
    return row;
  Val inside = ll_icmp(g, LLVMIntULT, y, ll_idx(g, c->g.ih));
  return ll_select(g, inside, row, zeros);
}

Val conv_output(Cg *g, const ConvParams *c, Val out, Val y, Val x) {
  int64_t pixel = c->g.oc * c->out_bytes;
  out = ll_gep(g, out, ll_mulc(g, y, c->g.ow * pixel));
  return ll_gep(g, out, ll_mulc(g, x, pixel));
}

Val conv_take_zero(Cg *g, const ConvParams *c, Val acc, Val sum) {
  return ll_sub(g, acc, ll_mulc(g, sum, c->weight_zero));
}

Val conv_take_input_zero(Cg *g, const ConvParams *c, Val acc, Val first,
                         Val zeros, int64_t pixel) {
  if (!c->weight_sums)
    return acc;
  Val z = ll_load(g, g->i8, ll_gepc(g, zeros, pixel * c->zero_step), 1);
  z = ll_splat(g, ll_extend(g, z, c->zero_type, g->i32), ll_lanes(acc));
  Val w = ll_gep(g, ll_blob(g, c->weight_sums), ll_mulc(g, first, 4));
  return ll_sub(g, acc, ll_mul(g, z, ll_load(g, LLVMTypeOf(acc), w, 4)));
}

int64_t largest_divisor(int64_t n, int64_t most) {
  int64_t d = most < n ? most : n;
  while (d > 1 && n % d)
    d--;
  return d < 1 ? 1 : d;
}

/* n elements of v from `first` on. */
static Val part_of(Cg *g, Val v, int first, int n) {
  int mask[64];
  for (int i = 0; i < n; i++)
    mask[i] = first + i;
  return ll_shuffle(g, v, v, mask, n);
}

/* The first n bytes of a vector, where there are no masks in falling powers
 * of two. */
static void store_bytes(Cg *g, Val bytes, Val p, int64_t n) {
  int lanes = ll_lanes(bytes), at = 0;
  if (n >= lanes) {
    ll_store(g, bytes, p, 1);
    return;
  }
  if (g->target->masks && lanes >= 16) {
    ll_store_masked(g, bytes, p, n);
    return;
  }
  for (int part = lanes / 2; part; part /= 2) {
    if (n - at < part)
      continue;
    ll_store(g, part_of(g, bytes, at, part), ll_gepc(g, p, at), 1);
    at += part;
  }
}

/* To the plan's range, of bytes saturated to their type's. */
static Val clamp_bytes(Cg *g, const ConvParams *c, Val bytes) {
  bool is_signed = dtype_is_signed(c->out_type);
  int lanes = ll_lanes(bytes);
  Ty t = LLVMTypeOf(bytes);
  Val lo = ll_const_splat(g, g->i8, c->rq.lo, lanes);
  Val hi = ll_const_splat(g, g->i8, c->rq.hi, lanes);
  if (c->rq.lo > dtype_min(c->out_type))
    bytes = ll_intrinsic(g, is_signed ? "llvm.smax" : "llvm.umax", &t, 1,
                         (Val[]){bytes, lo}, 2);
  if (c->rq.hi < dtype_max(c->out_type))
    bytes = ll_intrinsic(g, is_signed ? "llvm.smin" : "llvm.umin", &t, 1,
                         (Val[]){bytes, hi}, 2);
  return bytes;
}

/* In the channels' order, from that of x86_pack4. */
static Val unparted(Cg *g, Val bytes) {
  int mask[64], n = ll_lanes(bytes);
  for (int v = 0; v < 4; v++)
    for (int i = 0; i < n / 4; i++)
      mask[conv_parted_channel(v, i)] =
          (int)conv_joined_channel(4, n / 4, v, i);
  return ll_shuffle(g, bytes, bytes, mask, n);
}

/* Do packs of the form RF_bits want high halves below zero? */
static bool packs_negative(const Cg *g, const ConvParams *c) {
  return g->target->arch == ARCH_x86_64 && !dtype_is_signed(c->out_type);
}

/* Four accumulators, whose tables go around with `join`, as bytes in the
 * order of x86_pack4. */
static Val requant_four(Cg *g, const ConvParams *c, const Val acc[4],
                        Val entry) {
  Val v[4];
  bool low = c->rq.form == RF_bits, negative = packs_negative(g, c);
  for (int i = 0; i < 4; i++) {
    int64_t lanes = ll_lanes(acc[0]);
    Val at = ll_addc(g, entry, i % c->join * lanes);
    v[i] = low ? vec_requant_low(g, &c->rq, &c->rt, acc[i], at, negative)
               : vec_requant_saturating(g, &c->rq, &c->rt, acc[i], at,
                                        c->out_type);
  }
  if (!low)
    return x86_pack4(g, v, c->out_type);
  return clamp_bytes(g, c, x86_pack_low(g, v, c->out_type));
}

/* n <= 4 vectors of i32 whose lanes are in order, as bytes in order: the first
 * of a vector. `low`: only their low halves count. */
static Val pack_in_order(Cg *g, const Val *v, int n, bool low, DType out) {
  if (g->target->arch == ARCH_x86_64)
    return x86_pack_in_order(g, v, n, low, out);
  return low ? neon_pack_low(g, v, n, out) : neon_pack(g, v, n, out);
}

/* The same of n accumulators in order: the first bytes of a vector. */
static Val requant_in_order(Cg *g, const ConvParams *c, const Val *acc, int n,
                            Val entry) {
  Val v[4];
  bool low = c->rq.form == RF_bits, negative = packs_negative(g, c);
  for (int i = 0; i < n; i++) {
    Val at = ll_addc(g, entry, (int64_t)(i % c->join) * ll_lanes(acc[0]));
    v[i] = low ? vec_requant_low(g, &c->rq, &c->rt, acc[i], at, negative)
               : vec_requant_wide(g, &c->rq, &c->rt, acc[i], at);
  }
  return clamp_bytes(g, c, pack_in_order(g, v, n, low, c->out_type));
}

int conv_inputs_ahead(const Cg *g, const ConvParams *c) {
  enum { MOST = 4 };
  int left = g->target->nvregs - (c->pixels + 1) * c->vectors;
  return left > MOST ? MOST : left < 1 ? 1 : left;
}

int conv_pixels_together(const Cg *g, const ConvParams *c) {
  bool packs =
      g->target->arch == ARCH_x86_64 && c->lanes * 4 == g->target->vector_bytes;
  bool plain = !c->sums && !tail_any(g);
  return (packs || c->in_order) && plain && c->join < 4 ? 4 / c->join : 1;
}

static int64_t min64(int64_t a, int64_t b) { return a < b ? a : b; }

/* `pixels` pixels of n channels. */
static void store_pixels(Cg *g, const ConvParams *c, Val bytes, Val p,
                         int pixels, int64_t n) {
  int vector = ll_lanes(bytes) / pixels; /* bytes of a pixel */
  if (n == c->g.oc && n == vector) {
    store_bytes(g, bytes, p, ll_lanes(bytes));
    return;
  }
  for (int i = 0; i < pixels; i++)
    store_bytes(g, part_of(g, bytes, i * vector, vector),
                ll_gepc(g, p, i * c->g.oc), n);
}

/* A pixel's channels are where the packs put its accumulators: `join` dwords
 * of every four. */
void conv_store_together(Cg *g, const ConvParams *c, const Val acc[4],
                         Val entry, Val p, int64_t n) {
  int join = c->join, pixels = 4 / join, lanes = ll_lanes(acc[0]), mask[16];
  if (c->in_order) {
    Val bytes = requant_in_order(g, c, acc, pixels * join, entry);
    store_pixels(g, c, bytes, p, pixels, n);
    return;
  }
  Val bytes = requant_four(g, c, acc, entry);
  for (int i = 0; i < lanes; i++) {
    int pixel = i / (lanes / pixels), at = i % (lanes / pixels);
    mask[i] = at / join * 4 + pixel * join + at % join;
  }
  Val words = ll_bitcast(g, bytes, LLVMTypeOf(acc[0]));
  words = ll_shuffle(g, words, words, mask, lanes);
  store_pixels(g, c, ll_bitcast(g, words, LLVMTypeOf(bytes)), p, pixels, n);
}

void conv_store_apart(Cg *g, const ConvParams *c, const Val *acc, int pieces,
                      int64_t pitch, Val entry, Val p) {
  int at_once = tail_any(g) ? 1 : 4 / c->join, n = c->lanes;
  for (int i = 0; i < pieces; i += at_once, acc += at_once * c->join) {
    Val to = ll_gepc(g, p, i * pitch), bytes;
    if (at_once == 1) {
      conv_store_joined(g, c, acc, entry, to, n);
      continue;
    }
    int now = pieces - i < at_once ? pieces - i : at_once;
    bytes = requant_in_order(g, c, acc, now * c->join, entry);
    for (int k = 0; k < now; k++)
      store_bytes(g, part_of(g, bytes, k * n, n), ll_gepc(g, to, k * pitch), n);
  }
}

static void store_through_tail(Cg *g, Val y, Val p, Val begins) {
  TailAt at = {.p = p, .n = ll_lanes(y), .join = 1, .begins = begins};
  if (!at.n)
    at.n = 1;
  tail_apply(g, &y, &at);
  vec_store8(g, y, p);
}

void conv_store(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                Val begins) {
  Val y = vec_requant(g, &c->rq, &c->rt, acc, channel);
  store_through_tail(g, y, p, begins);
}

void conv_store_up(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                   Val begins) {
  Val y = vec_requant_up(g, &c->rq, &c->rt, acc, channel);
  store_through_tail(g, y, p, begins);
}

void conv_store_pixels(Cg *g, const ConvParams *c, Val acc, Val channel, Val p,
                       int n) {
  Val y = vec_requant_same(g, &c->rq, &c->rt, acc, channel);
  tail_apply(g, &y, &(TailAt){.p = p, .n = n, .join = 1, .pitch = c->g.oc});
  if (n == ll_lanes(y)) {
    mve_store_apart(g, y, p, c->g.oc);
    return;
  }
  for (int i = 0; i < n; i++)
    vec_store8(g, ll_extract(g, y, i), ll_gepc(g, p, i * c->g.oc));
}

void conv_store_joined(Cg *g, const ConvParams *c, const Val *acc, Val entry,
                       Val p, int64_t n) {
  if (c->in_order && !tail_any(g)) {
    Val bytes = requant_in_order(g, c, acc, c->join, entry);
    store_bytes(g, bytes, p, min64(n, (int64_t)c->join * ll_lanes(acc[0])));
    return;
  }
  if (c->join == 4 && !tail_any(g)) {
    Val bytes = requant_four(g, c, acc, entry);
    store_bytes(g, c->parted ? unparted(g, bytes) : bytes, p, n);
    return;
  }
  Val v[4];
  bool bits = c->rq.form == RF_bits && tail_takes_more(g);
  for (int i = 0; i < c->join; i++) {
    Val at = ll_addc(g, entry, (int64_t)i * ll_lanes(acc[0]));
    v[i] = bits ? vec_requant_bits(g, &c->rq, &c->rt, acc[i], at)
                : vec_requant(g, &c->rq, &c->rt, acc[i], at);
  }
  tail_apply(g, v,
             &(TailAt){.p = p,
                       .n = n,
                       .join = c->join,
                       .in_order = c->in_order,
                       .parted = c->parted,
                       .above = bits ? RQ_BITS : 0,
                       .saturated = c->join == 4 && !c->in_order});
  DType out = g->step->out[0]->type->dtype;
  if (c->in_order) {
    bool low = g->target->arch == ARCH_aarch64; /* the quicker there */
    store_bytes(g, pack_in_order(g, v, c->join, low, out), p,
                min64(n, (int64_t)c->join * ll_lanes(acc[0])));
    return;
  }
  Val bytes = c->join == 4   ? x86_pack4(g, v, out)
              : c->join == 2 ? ll_trunc(g, x86_pack2(g, v[0], v[1]), g->i8)
                             : ll_trunc(g, v[0], g->i8);
  store_bytes(g, c->parted ? unparted(g, bytes) : bytes, p, n);
}
