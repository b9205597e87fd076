/* Which ops become tails: see fuse.h. An op is taken when
 *
 *   - a step whose kernel takes tails of its types makes an operand,
 *   - which nothing else reads: no other op, not the caller, not the state,
 *   - and which has as many elements as the result: nothing is repeated,
 *   - and the other operand, as large or one element, is there when that
 *     step runs,
 *   - and the tail's arithmetic pays where the values are in vectors.
 *
 * A maximum over windows that lie side by side is one too, directly behind a
 * convolution that goes over the pixels in order, and ends the tail: each
 * value goes to where its window's maximum stands, so the map that is pooled
 * has no bytes either.
 *
 * Of two operands that would do, the one computed last is taken, as the other
 * one is there by then. With keep_all every value keeps its bytes, so there
 * is no fusion. */
#include "plan/fuse.h"

#include "plan/conv.h"
#include "plan/kernel.h"
#include "plan/kernels/lut.h"

enum { TAIL_MAX = 4 };

/* Elements that pass through a kernel's store. */
typedef enum Elements {
  ELEMENTS_none,
  ELEMENTS_bytes, /* 8 bits, quantized */
  ELEMENTS_floats /* f32, or f16 or bf16 computed in that */
} Elements;

static const Elements head_elements[K_COUNT] = {
    [K_conv_lanes] = ELEMENTS_bytes,    [K_conv_tiles] = ELEMENTS_bytes,
    [K_conv_mve] = ELEMENTS_bytes,      [K_conv_smlad] = ELEMENTS_bytes,
    [K_conv_scalar] = ELEMENTS_bytes,   [K_dw_lanes] = ELEMENTS_bytes,
    [K_dw_rows] = ELEMENTS_bytes,       [K_dw_smlad] = ELEMENTS_bytes,
    [K_dw_scalar] = ELEMENTS_bytes,     [K_binary] = ELEMENTS_bytes,
    [K_conv_f32] = ELEMENTS_floats,     [K_map] = ELEMENTS_floats,
    [K_dw_f32] = ELEMENTS_floats,       [K_matmul_lanes] = ELEMENTS_bytes,
    [K_conv_winograd] = ELEMENTS_bytes, [K_dw_f32_rows] = ELEMENTS_floats,
};

static const Elements tail_elements[K_COUNT] = {
    [K_binary] = ELEMENTS_bytes,
    [K_lut] = ELEMENTS_bytes,
    [K_map] = ELEMENTS_floats,
    [K_pool] = ELEMENTS_bytes,
};

/* Kernels that take a maximum over windows. */
static const bool pools[K_COUNT] = {
    [K_conv_smlad] = true,
    [K_conv_scalar] = true,
};

/* Of map's functions those of an instruction or two: the others would be
 * spelled out for every vector of a tile, where the head is no map, too. */
static const bool short_function[OP_COUNT] = {
    [OP_add] = true,   [OP_sub] = true,        [OP_mul] = true,
    [OP_div] = true,   [OP_min] = true,        [OP_max] = true,
    [OP_neg] = true,   [OP_abs] = true,        [OP_relu] = true,
    [OP_relu6] = true, [OP_leaky_relu] = true, [OP_cast] = true,
};

struct Fusion {
  Plan *plan;
  Step **step; /* by value id: the step that computes it, so far */
};

Fusion *fusion_new(Plan *p) {
  Fusion *f = ARENA_NEW(p->arena, Fusion);
  f->plan = p;
  f->step = ARENA_ARRAY(p->arena, Step *, p->graph->values.n);
  return f;
}

static Elements elements_of(const Elements *table, const Step *s) {
  return s->kernel ? table[s->kernel - kernel_table] : ELEMENTS_none;
}

/* ---- conditions: NULL where they hold, else why not ---- */

static const char *refuse_value(const Plan *p, const Value *v) {
  if (value_is_output(p->graph, v))
    return "the model returns what it reads";
  if (value_use_count(p->graph, v) > 1)
    return "what it reads has other readers";
  return NULL;
}

static bool is_made_of(Elements e, const Value *v) {
  DType t = v->type->dtype;
  return e == ELEMENTS_bytes ? type_is_q8(v->type)
                             : dtype_is_float(t) && t != DT_f64;
}

static bool is_maximum(const Step *s) { return s->op->kind == OP_max_pool2d; }

static bool ends_in_maximum(const Step *s) {
  return s->tail.n && is_maximum(s->tail.v[s->tail.n - 1].step);
}

/* select moves bits and cast knows more types than floats: those are computed
 * alone. */
static bool is_map(const Step *s) {
  bool floats =
      s->op->kind != OP_cast || (is_made_of(ELEMENTS_floats, s->op->in[0]) &&
                                 is_made_of(ELEMENTS_floats, s->op->out[0]));
  return s->kernel == &kernel_table[K_map] && s->op->kind != OP_select &&
         floats;
}

static const char *refuse_types(const Step *head, const Step *s) {
  Elements e = elements_of(head_elements, head);
  if (e != elements_of(tail_elements, s) || !is_made_of(e, head->op->out[0]) ||
      !is_made_of(e, s->op->out[0]))
    return "the kernel before it takes no such tail";
  bool between = is_map(head) && is_map(s);
  if (e == ELEMENTS_floats && !between &&
      (head->kernel == &kernel_table[K_map] || !short_function[s->op->kind]))
    return "the function is too long for every vector of a tile";
  if (head->tail.n == TAIL_MAX)
    return "the tail before it is long enough";
  if (ends_in_maximum(head))
    return "a maximum over windows ends the tail before it";
  return NULL;
}

/* Is v computed before the head runs? What a view shows is when all that the
 * view is made of is. */
static bool is_there(const Fusion *f, const Value *v, const Step *head) {
  const Step *s = f->step[v->id];
  if (!v->def || s)
    return !v->def || s->index < head->index;
  for (int i = 0; i < v->def->nin; i++)
    if (v->def->in[i] && !is_there(f, v->def->in[i], head))
      return false;
  return true;
}

static const char *refuse_operands(const Fusion *f, const Op *op, int chain,
                                   const Step *head) {
  int64_t n = type_count(op->out[0]->type);
  if (type_count(op->in[chain]->type) != n)
    return "what it reads is repeated over the result";
  for (int i = 0; i < op->nin; i++) {
    if (i == chain || op->kind == OP_lut) /* its table is in the plan's own */
      continue;
    int64_t count = type_count(op->in[i]->type);
    if (count != n && count != 1)
      return "its other operand is repeated over the result";
    if (!is_there(f, op->in[i], head))
      return "its other operand is computed later";
  }
  return NULL;
}

/* Do windows along an axis of n cells lie side by side, all of them whole? */
static bool is_tiled(const PoolAttrs *a, int axis, int64_t n) {
  return a->window.v[axis] == a->stride.v[axis] && n % a->window.v[axis] == 0 &&
         !a->pad.v[2 * axis] && !a->pad.v[2 * axis + 1];
}

static const char *refuse_maximum(const Step *s, const Step *head) {
  const PoolAttrs *a = &s->op->attrs.pool;
  const Type *x = s->op->in[0]->type;
  if (!pools[head->kernel - kernel_table] || head->tail.n)
    return "what is before it takes no maximum over windows";
  ConvGeom g = conv_geom(head->op);
  if (g.oh != x->dim[1] || g.ow != x->dim[2])
    return "the convolution before it knows no rows";
  if (!is_tiled(a, 0, x->dim[1]) || !is_tiled(a, 1, x->dim[2]))
    return "its windows do not tile what it reads";
  if (a->act != ACT_none || s->in[0]->type->dtype != s->out[0]->type->dtype)
    return "it changes what it takes the maximum of";
  return NULL;
}

/* Looking up the lanes of a vector one by one is what the kernel of its own
 * does better. */
static const char *refuse_lanes(const Fusion *f, const Step *s) {
  if (s->kernel == &kernel_table[K_lut] && f->plan->target->vector_bytes &&
      !lut_is_straight(s))
    return "tables are not looked up in vectors";
  return NULL;
}

static const char *refuse(const Fusion *f, const Step *s, int chain,
                          const Step *head) {
  const char *why = refuse_value(f->plan, s->op->in[chain]);
  if (!why)
    why = refuse_types(head, s);
  if (!why)
    why = is_maximum(s) ? refuse_maximum(s, head)
                        : refuse_operands(f, s->op, chain, head);
  if (!why && s->out[0]->place == PLACE_state)
    why = "its result is state, which others may still read";
  return why ? why : refuse_lanes(f, s);
}

/* ---- building ---- */

static void append(Fusion *f, Step *head, Step *s, int chain) {
  Plan *p = f->plan;
  Tail t = {s, chain, head->nin};
  Buffer **in = ARENA_ARRAY(p->arena, Buffer *, head->nin + s->nin);
  for (int i = 0; i < head->nin; i++)
    in[i] = head->in[i];
  for (int i = 0; i < s->nin; i++)
    in[head->nin + i] = i == chain ? NULL : s->in[i];
  head->in = in;
  head->nin += s->nin;
  head->out = s->out;
  s->index = head->index;
  s->place = head->tail.n + 1;
  ARRAY_PUSH(p->arena, &head->tail, t);
}

/* The operand's step that s becomes a tail of; -1: none. */
static int choose(const Fusion *f, Step *s) {
  int chain = -1, latest = -1;
  for (int i = 0; i < s->nin; i++) {
    const Step *head = s->op->in[i] ? f->step[s->op->in[i]->id] : NULL;
    if (!head || elements_of(head_elements, head) == ELEMENTS_none)
      continue;
    const char *why = refuse(f, s, i, head);
    if (why)
      s->alone = why;
    else if (head->index > latest) {
      latest = head->index;
      chain = i;
    }
  }
  return chain;
}

bool fuse_step(Fusion *f, Step *s) {
  int chain = -1;
  bool tries = !f->plan->opt.keep_all && s->kernel &&
               elements_of(tail_elements, s) != ELEMENTS_none &&
               s->op->kind != OP_avg_pool2d;
  if (tries)
    chain = choose(f, s);
  Step *head = chain < 0 ? s : f->step[s->op->in[chain]->id];
  if (head != s) {
    append(f, head, s, chain);
    s->alone = NULL;
  }
  for (int i = 0; i < s->op->nout; i++)
    f->step[s->op->out[i]->id] = head;
  return head != s;
}
