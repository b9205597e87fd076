/* move: every op that moves elements, as a list of strided copies.
 *
 *   reshape         one part, contiguous; bitcast alike
 *   transpose       source steps permuted
 *   strided_slice   source steps multiplied, from a first element
 *   pad             the input into the middle; a slab before and after it
 *                   along each dimension, within the extent of the outer
 *                   dimensions' middles, is filled
 *   concat, split   a part an operand, or an output
 *   broadcast       source steps of 0 where an element is repeated
 *   resize_nearest  rows and columns by index tables, or by steps where an
 *                   element is repeated evenly */
#include "plan/kernels/move.h"

#include <string.h>

#include "ir/exec.h"
#include "plan/kernel.h"
#include "plan/kernels/light.h"
#include "plan/place.h"

bool match_move(const Op *op, const Target *t) {
  (void)t;
  int bits = dtype_bits(op->out[0]->type->dtype);
  return (op_info(op->kind)->traits & (T_MOVE | T_VIEW) ||
          op->kind == OP_concat) &&
         bits >= 8 && bits <= 64 &&
         (op->kind != OP_resize_nearest ||
          type_bytes(op->in[0]->type) <= INT32_MAX);
}

double cost_move(const Op *op, const Target *t) {
  double bytes = 0;
  for (int i = 0; i < op->nout; i++)
    bytes += (double)type_bytes(op->out[i]->type);
  return t->vector_bytes ? 4 * bytes / t->vector_bytes : bytes;
}

/* ---- overlap ---- */

enum { RUNS_MAX = 1 << 16 };

/* Where run r of a part begins in the source: outer dimensions count up. */
static int64_t run_source(const MovePart *m, int64_t r) {
  int64_t at = m->from;
  for (int d = m->ndim - 2; d >= 0; d--) {
    int64_t i = r % m->dim[d];
    r /= m->dim[d];
    at += m->index[d] ? ((const int32_t *)m->index[d]->data)[i]
                      : i * m->src_step[d];
  }
  return at;
}

/* How far the run that begins at byte `out` of the output gets ahead of what
 * it has yet to read; *lowest is the lowest byte it reads. Without a table
 * both go in even steps, so that the ends tell. */
static int64_t run_ahead(const MovePart *m, int64_t out, int64_t base,
                         int64_t elem, int64_t *lowest) {
  int last = m->ndim - 1;
  const int32_t *index = m->index[last] ? m->index[last]->data : NULL;
  int64_t n = m->dim[last], ahead = INT64_MIN;
  int64_t turn = index || n == 1 ? 1 : n - 1;
  *lowest = INT64_MAX;
  for (int64_t k = n - 1; k >= 0; k -= turn) {
    int64_t at = base + (index ? index[k] : k * m->src_step[last]);
    *lowest = at < *lowest ? at : *lowest;
    int64_t a = out + k * elem - *lowest;
    ahead = a > ahead ? a : ahead;
  }
  return ahead;
}

/* One part fills the output from its first byte to its last. When element t
 * is about to be read, those before it are written; so wherever it and those
 * behind it are, they have to lie higher:
 *
 *   out + t <= in + lowest byte that elements t, t + 1, ... read
 *
 * The lowest byte is carried up from the last run. Pads fill their borders
 * first, and concat has several inputs: those touch nothing. */
int64_t overlap_move(const Step *s, int input) {
  (void)input;
  const MoveParams *p = s->params;
  const MovePart *m = p->part;
  if (p->npart != 1 || m->src < 0 || m->square)
    return OVERLAP_NONE;
  int64_t n = m->ndim ? m->dim[m->ndim - 1] : 1, bytes = n * p->elem_bytes;
  int64_t runs = s->out[0]->bytes / bytes, distance = 0, later = INT64_MAX;
  if (runs > RUNS_MAX)
    return OVERLAP_NONE;
  for (int64_t r = runs - 1; r >= 0 && m->ndim; r--) {
    int64_t lowest, out = r * bytes;
    int64_t own = run_ahead(m, out, run_source(m, r), p->elem_bytes, &lowest);
    int64_t next = later == INT64_MAX ? 0 : out + bytes - later;
    own = own > next ? own : next;
    distance = own > distance ? own : distance;
    later = lowest < later ? lowest : later;
  }
  return distance;
}

/* ---- building parts ---- */

typedef struct Parts {
  Plan *p;
  Step *s;
  int64_t elem;
  ARRAY(MovePart) list;
} Parts;

static void byte_steps(const Type *t, int64_t elem, int64_t *step) {
  for (int d = t->rank - 1; d >= 0; d--) {
    step[d] = elem;
    elem *= t->dim[d];
  }
}

/* Can dimension d go on through d + 1? */
static bool joins(const MovePart *m, int d) {
  return !m->index[d] && !m->index[d + 1] &&
         m->src_step[d] == m->src_step[d + 1] * m->dim[d + 1] &&
         m->dst_step[d] == m->dst_step[d + 1] * m->dim[d + 1];
}

static void drop_dim(MovePart *m, int d) {
  size_t rest = (size_t)(m->ndim - d - 1);
  memmove(&m->dim[d], &m->dim[d + 1], rest * sizeof m->dim[0]);
  memmove(&m->src_step[d], &m->src_step[d + 1], rest * sizeof m->src_step[0]);
  memmove(&m->dst_step[d], &m->dst_step[d + 1], rest * sizeof m->dst_step[0]);
  memmove(&m->index[d], &m->index[d + 1], rest * sizeof m->index[0]);
  m->ndim--;
}

static void merge_dims(MovePart *m) {
  for (int d = m->ndim - 1; d >= 0; d--)
    if (m->dim[d] == 1 && !m->index[d])
      drop_dim(m, d);
  for (int d = m->ndim - 2; d >= 0; d--)
    if (joins(m, d)) {
      m->dim[d + 1] *= m->dim[d];
      drop_dim(m, d);
    }
}

/* Was the operand computed where the output has it, or does the output lie in
 * the operand? */
static bool is_there(const Parts *ps, const MovePart *m) {
  const Step *s = ps->s;
  if (m->src < 0)
    return false;
  if (s->op->kind == OP_split)
    return buffer_is_part(s->out[m->dst], s->in[0],
                          part_of_input(s->op, m->dst));
  return (s->op->kind == OP_concat || s->op->kind == OP_pad) &&
         buffer_is_part(s->in[m->src], s->out[0],
                        part_of_output(s->op, m->src));
}

/* Elements of a side of the tiles that the target transposes in registers: as
 * many as a vector has, of bytes and pairs one of 16 bytes. */
static int square_side(const Target *t, int64_t elem) {
  enum { LEAST = 4, REGISTERS = 16 };
  int bytes = elem < 4 ? 16 : t->vector_bytes;
  int side = t->vector_bytes && t->nvregs >= REGISTERS ? bytes / (int)elem : 0;
  return side < LEAST ? 0 : side;
}

/* Sets `square` of a part whose neighbours in the source are not those in the
 * output, where there are enough of both. */
static void choose_square(const Parts *ps, MovePart *m) {
  int side = square_side(ps->p->target, ps->elem), last = m->ndim - 1;
  bool even = m->src >= 0 && !m->table && last > 0 && side &&
              m->dst_step[last] == ps->elem && m->src_step[last] != ps->elem;
  for (int d = 0; d <= last; d++)
    even &= !m->index[d];
  for (int d = 0; even && d < last; d++)
    if (m->src_step[d] == ps->elem && m->dim[d] >= side &&
        m->dim[last] >= side) {
      m->square = side;
      m->across = d;
    }
}

static void add_part(Parts *ps, const MovePart *part) {
  MovePart m = *part;
  if (is_there(ps, &m))
    return;
  for (int d = 0; d < m.ndim; d++)
    if (m.dim[d] == 0)
      return;
  merge_dims(&m);
  if (m.src >= 0 && !m.table)
    m.flip =
        buffer_flipped(ps->s->in[m.src]) != buffer_flipped(ps->s->out[m.dst]);
  choose_square(ps, &m);
  ARRAY_PUSH(ps->p->arena, &ps->list, m);
}

/* A part over all of type t, with steps of its own on both sides. */
static MovePart part_over(const Type *t, int64_t elem) {
  MovePart m = {.ndim = t->rank};
  memcpy(m.dim, t->dim, sizeof m.dim);
  byte_steps(t, elem, m.src_step);
  byte_steps(t, elem, m.dst_step);
  return m;
}

static void move_reshape(Parts *ps) {
  MovePart m = part_over(ps->s->op->out[0]->type, ps->elem);
  add_part(ps, &m);
}

static void move_transpose(Parts *ps) {
  const Op *op = ps->s->op;
  int64_t step[MAX_RANK];
  byte_steps(op->in[0]->type, ps->elem, step);
  MovePart m = part_over(op->out[0]->type, ps->elem);
  for (int d = 0; d < m.ndim; d++)
    m.src_step[d] = step[op->attrs.perm.perm.v[d]];
  add_part(ps, &m);
}

static void move_strided_slice(Parts *ps) {
  const Op *op = ps->s->op;
  const SliceAttrs *a = &op->attrs.slice;
  int64_t step[MAX_RANK];
  byte_steps(op->in[0]->type, ps->elem, step);
  MovePart m = part_over(op->out[0]->type, ps->elem);
  for (int d = 0; d < m.ndim; d++) {
    m.from += a->begin.n ? a->begin.v[d] * step[d] : 0;
    m.src_step[d] = a->stride.n ? a->stride.v[d] * step[d] : step[d];
  }
  add_part(ps, &m);
}

/* Dimensions count from the last one; those of 1 stand still. */
static void move_broadcast(Parts *ps) {
  const Type *x = ps->s->op->in[0]->type, *y = ps->s->op->out[0]->type;
  int64_t step[MAX_RANK];
  byte_steps(x, ps->elem, step);
  MovePart m = part_over(y, ps->elem);
  for (int d = 0; d < m.ndim; d++) {
    int k = d - (y->rank - x->rank);
    m.src_step[d] = k >= 0 && x->dim[k] != 1 ? step[k] : 0;
  }
  add_part(ps, &m);
}

/* ---- pad ---- */

static uint64_t fill_element(const Step *s) {
  uint64_t v = (uint64_t)s->op->attrs.pad.value;
  return buffer_flipped(s->out[0]) ? v ^ 0x80 : v;
}

/* The slab of n elements from `begin` along dimension d. */
static void add_slab(Parts *ps, const MovePart *middle, const Type *y, int d,
                     int64_t begin, int64_t n) {
  MovePart m = *middle;
  m.src = -1;
  m.fill = fill_element(ps->s);
  for (int k = d; k < m.ndim; k++) {
    m.to -= ps->s->op->attrs.pad.before.v[k] * m.dst_step[k];
    m.dim[k] = y->dim[k];
  }
  m.to += begin * m.dst_step[d];
  m.dim[d] = n;
  memset(m.src_step, 0, sizeof m.src_step);
  add_part(ps, &m);
}

static void move_pad(Parts *ps) {
  const Op *op = ps->s->op;
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  const PadAttrs *a = &op->attrs.pad;
  MovePart m = part_over(x, ps->elem);
  byte_steps(y, ps->elem, m.dst_step);
  for (int d = 0; d < m.ndim; d++)
    m.to += a->before.v[d] * m.dst_step[d];
  for (int d = 0; d < m.ndim; d++) {
    int64_t end = a->before.v[d] + x->dim[d];
    add_slab(ps, &m, y, d, 0, a->before.v[d]);
    add_slab(ps, &m, y, d, end, a->after.v[d]);
  }
  add_part(ps, &m);
}

/* ---- concat, split ---- */

/* A table that only flips, or does nothing, is no table. */
static const Blob *needed_table(Parts *ps, int input) {
  uint8_t *t = arena_alloc(ps->p->arena, 256);
  stored_table(ps->s, input, t);
  int flip = t[0];
  for (int i = 0; i < 256; i++)
    if (t[i] != (i ^ flip) || (flip != 0 && flip != 0x80))
      return plan_blob(ps->p, ps->s,
                       arena_printf(ps->p->arena, "table%d", input), t, 256, 4);
  return NULL;
}

static void move_concat(Parts *ps) {
  const Op *op = ps->s->op;
  int axis = (int)op->attrs.axis.axis;
  int64_t step[MAX_RANK], at = 0;
  byte_steps(op->out[0]->type, ps->elem, step);
  for (int i = 0; i < op->nin; i++) {
    const Type *x = op->in[i]->type;
    MovePart m = part_over(x, ps->elem);
    memcpy(m.dst_step, step, sizeof step);
    m.src = i;
    m.to = at * step[axis];
    if (type_is_q8(x))
      m.table = needed_table(ps, i);
    add_part(ps, &m);
    at += x->dim[axis];
  }
}

static void move_split(Parts *ps) {
  const Op *op = ps->s->op;
  int axis = (int)op->attrs.axis.axis;
  int64_t step[MAX_RANK], at = 0;
  byte_steps(op->in[0]->type, ps->elem, step);
  for (int i = 0; i < op->nout; i++) {
    MovePart m = part_over(op->out[i]->type, ps->elem);
    memcpy(m.src_step, step, sizeof step);
    m.dst = i;
    m.from = at * step[axis];
    add_part(ps, &m);
    at += op->out[i]->type->dim[axis];
  }
}

/* ---- resize ---- */

/* The reference on a column of numbered elements: which one each output
 * takes along dimension d. */
static void source_index(const Op *op, int d, int32_t *index) {
  Type x = *op->in[0]->type, y = *op->out[0]->type;
  for (int k = 0; k < 4; k++)
    if (k != d)
      x.dim[k] = y.dim[k] = 1;
  x.dtype = y.dtype = DT_i32;
  x.q = y.q = NULL;
  Value vx = {.type = &x}, vy = {.type = &y};
  Value *in[] = {&vx}, *out[] = {&vy};
  Op probe = *op;
  probe.in = in;
  probe.out = out;
  Arena *scratch = arena_new();
  int32_t *number = ARENA_ARRAY(scratch, int32_t, x.dim[d]);
  for (int64_t i = 0; i < x.dim[d]; i++)
    number[i] = (int32_t)i;
  op_eval(&probe, (const void *const[]){number}, (void *const[]){index});
  arena_free(scratch);
}

/* Each source element `times` in a row? */
static bool repeats(const int32_t *index, int64_t n, int64_t times) {
  for (int64_t i = 0; i < n; i++)
    if (index[i] != i / times)
      return false;
  return true;
}

static void push_dim(MovePart *m, int64_t n, int64_t from, int64_t to,
                     const Blob *index) {
  m->dim[m->ndim] = n;
  m->src_step[m->ndim] = from;
  m->dst_step[m->ndim] = to;
  m->index[m->ndim++] = index;
}

static void resize_dim(Parts *ps, MovePart *m, int d, const int64_t *from,
                       const int64_t *to) {
  const Op *op = ps->s->op;
  int64_t in = op->in[0]->type->dim[d], out = op->out[0]->type->dim[d];
  int32_t *index = ARENA_ARRAY(ps->p->arena, int32_t, out);
  source_index(op, d, index);
  int64_t times = out / in;
  if (times * in == out && repeats(index, out, times)) {
    push_dim(m, in, from[d], to[d] * times, NULL);
    push_dim(m, times, 0, to[d], NULL);
    return;
  }
  for (int64_t i = 0; i < out; i++)
    index[i] = (int32_t)(index[i] * from[d]);
  push_dim(
      m, out, 0, to[d],
      plan_blob(ps->p, ps->s, d == 1 ? "rows" : "columns", index, 4 * out, 4));
}

static void move_resize_nearest(Parts *ps) {
  const Op *op = ps->s->op;
  const Type *x = op->in[0]->type, *y = op->out[0]->type;
  int64_t from[MAX_RANK], to[MAX_RANK];
  byte_steps(x, ps->elem, from);
  byte_steps(y, ps->elem, to);
  MovePart m = {0};
  push_dim(&m, x->dim[0], from[0], to[0], NULL);
  resize_dim(ps, &m, 1, from, to);
  resize_dim(ps, &m, 2, from, to);
  push_dim(&m, x->dim[3], from[3], to[3], NULL);
  add_part(ps, &m);
}

/* ---- by kind ---- */

static const struct {
  OpKind kind;
  void (*build)(Parts *ps);
} builders[] = {
    {OP_reshape, move_reshape},
    {OP_bitcast, move_reshape},
    {OP_transpose, move_transpose},
    {OP_strided_slice, move_strided_slice},
    {OP_broadcast, move_broadcast},
    {OP_pad, move_pad},
    {OP_concat, move_concat},
    {OP_split, move_split},
    {OP_resize_nearest, move_resize_nearest},
};

/* Parts whose innermost run is contiguous, or goes in tiles, are copied by
 * vectors. */
static bool any_vector(const Parts *ps) {
  for (int i = 0; i < ps->list.n; i++) {
    const MovePart *m = &ps->list.v[i];
    int last = m->ndim - 1;
    if (m->square ||
        (!m->table && (last < 0 || (m->dst_step[last] == ps->elem &&
                                    m->src_step[last] == ps->elem))))
      return true;
  }
  return false;
}

bool prepare_move(Plan *p, Step *s) {
  Parts ps = {
      .p = p, .s = s, .elem = dtype_bits(s->op->out[0]->type->dtype) / 8};
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i] && s->in[i]->place == PLACE_const)
      plan_const_blob(p, s->in[i]);
  for (size_t i = 0; i < sizeof builders / sizeof *builders; i++)
    if (builders[i].kind == s->op->kind)
      builders[i].build(&ps);
  MoveParams *m = ARENA_NEW(p->arena, MoveParams);
  *m = (MoveParams){(int)ps.elem, ps.list.n, ps.list.v};
  s->params = m;
  set_variant(p, s, "copy", any_vector(&ps) ? p->target->vector_bytes : 0);
  return true;
}
