/* Placement. Values that are the same bytes under other shapes (reshape), or
 * contiguous parts of one another (concat, split; view.c), form a class: one
 * root buffer and views of it. A class lies where the
 * caller has it when the caller sees any of it: in his input, his output or
 * his state, in the model's own type; all others lie in the arena, in the
 * signedness that the target's kernels want.
 *
 * A class has one place. What is wanted in a second one is copied there: a
 * graph output that is an input, a constant, old state or another output;
 * new state that can't be written in place. State is read as it was before
 * the run, so that copies out of it come first and writes into it last:
 *
 *     before:  output <- input, constant, state;  temporary <- state
 *     the steps of the graph's ops
 *     after:   output <- output;  state <- anything
 */
#include "plan/place.h"

static Buffer *buffer_new(Plan *p, const Value *v, Place place, int index) {
  Buffer *b = ARENA_NEW(p->arena, Buffer);
  b->value = v;
  b->type = v->type;
  b->place = place;
  b->index = index;
  b->bytes = type_bytes(v->type);
  b->first = b->last = -1;
  b->id = p->buffers.n;
  ARRAY_PUSH(p->arena, &p->buffers, b);
  return b;
}

static Buffer *value_buffer(Plan *p, const Value *v, Place place, int index) {
  return p->of_value[v->id] = buffer_new(p, v, place, index);
}

static Buffer *view_new(Plan *p, const Value *v, Buffer *of) {
  Buffer *b = buffer_new(p, v, of->place, of->index);
  b->base = buffer_root(of);
  b->base_offset = of->base_offset;
  return b;
}

Buffer *buffer_root(Buffer *b) { return b->base ? b->base : b; }

/* A constant seen under another shape is copied: it is rare (passes fold
 * it), and its bytes may not even be in the object. So is state where all
 * values are kept: the new one is written over it. */
static bool can_view(const Plan *p, const Op *op) {
  Place place = p->of_value[op->in[0]->id]->place;
  if (!(op_info(op->kind)->traits & T_VIEW) || place == PLACE_const ||
      (place == PLACE_state && p->opt.keep_all))
    return false;
  const Type *from = op->in[0]->type, *to = op->out[0]->type;
  bool stored = type_is_q8(from); /* maybe with the other signedness */
  return stored == type_is_q8(to) && (from->dtype == to->dtype || !stored);
}

/* Does the caller see v itself? */
static bool is_kept(const Plan *p, const Value *v) {
  for (int i = 0; i < p->graph->states.n; i++)
    if (p->graph->states.v[i].out == v)
      return true;
  return value_is_output(p->graph, v);
}

/* A part of the input stays where it is, if the input stays, too: a copy
 * would free the rest of what nobody else reads. */
static bool can_slice(const Plan *p, const Op *op, int i) {
  const Buffer *x = buffer_root(p->of_value[op->in[0]->id]);
  bool stays = x->place == PLACE_input || op->kind == OP_split ||
               value_use_count(p->graph, op->in[0]) > 1;
  return part_of_input(op, i) >= 0 && !is_kept(p, op->out[i]) && stays &&
         (x->place == PLACE_input || x->place == PLACE_arena);
}

static void place_slices(Plan *p, const Op *op) {
  Buffer *x = p->of_value[op->in[0]->id];
  for (int i = 0; i < op->nout; i++) {
    const Value *v = op->out[i];
    if (!can_slice(p, op, i)) {
      value_buffer(p, v, PLACE_arena, 0);
      continue;
    }
    p->of_value[v->id] = view_new(p, v, x);
    p->of_value[v->id]->base_offset += part_of_input(op, i);
  }
}

/* Operands that are a class of their own in the arena are computed where the
 * output has them: the class becomes one with the output's. */
static void place_parts(Plan *p, const Op *op) {
  Buffer *y = p->of_value[op->out[0]->id];
  for (int i = 0; i < op->nin; i++) {
    Buffer *x = p->of_value[op->in[i]->id], *root = buffer_root(x);
    int64_t at = part_of_output(op, i);
    if (at < 0 || root->place != PLACE_arena || root == y ||
        root->bytes != x->bytes || is_kept(p, op->in[i]))
      continue;
    for (int k = 0; k < p->buffers.n; k++) {
      Buffer *b = p->buffers.v[k];
      if (buffer_root(b) != root || b == root)
        continue;
      b->base = y;
      b->base_offset += at;
    }
    root->base = y;
    root->base_offset = at;
  }
}

static void place_op(Plan *p, const Op *op) {
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    if (v && !p->of_value[v->id])
      value_buffer(p, v, PLACE_const, 0);
  }
  if (can_view(p, op)) {
    const Value *v = op->out[0];
    p->of_value[v->id] = view_new(p, v, p->of_value[op->in[0]->id]);
    return;
  }
  if (op->kind == OP_split || op->kind == OP_strided_slice) {
    place_slices(p, op);
    return;
  }
  for (int i = 0; i < op->nout; i++)
    value_buffer(p, op->out[i], PLACE_arena, 0);
  if (op->kind == OP_concat || op->kind == OP_pad)
    place_parts(p, op);
}

static int64_t align_up(int64_t x, int align) {
  return (x + align - 1) / align * align;
}

static void place_state_in(Plan *p, const State *s) {
  Buffer *b = value_buffer(p, s->in, PLACE_state, 0);
  b->offset = p->state_bytes;
  p->state_bytes = align_up(p->state_bytes + b->bytes, p->arena_align);
}

/* Bytes without a producer among the ops are there before the run. */
static void copy_later(Plan *p, Copies *c, Buffer *from, Buffer *to) {
  Copy copy = {from, to};
  if (buffer_root(from)->value->def)
    ARRAY_PUSH(p->arena, &c->after, copy);
  else
    ARRAY_PUSH(p->arena, &c->before, copy);
}

static void place_output(Plan *p, Copies *c, int index) {
  const Value *v = p->graph->outputs.v[index];
  Buffer *b = p->of_value[v->id];
  if (!b)
    b = value_buffer(p, v, PLACE_const, 0);
  Buffer *root = buffer_root(b);
  if (root->place == PLACE_arena && root->bytes == b->bytes) {
    root->place = PLACE_output;
    root->index = index;
    return;
  }
  copy_later(p, c, b, buffer_new(p, v, PLACE_output, index));
}

/* New state may overwrite the old one as it is computed when nothing reads
 * the old one from then on. */
static bool state_in_place(const Plan *p, Buffer *old, const Buffer *new_root) {
  if (new_root->place != PLACE_arena || new_root->bytes != old->bytes)
    return false;
  bool from_then = false;
  for (const Op *op = p->graph->first; op; op = op->next) {
    for (int i = 0; i < op->nout; i++)
      from_then |= buffer_root(p->of_value[op->out[i]->id]) == new_root;
    for (int i = 0; from_then && i < op->nin; i++)
      if (op->in[i] && buffer_root(p->of_value[op->in[i]->id]) == old)
        return false;
  }
  return true;
}

static void place_state_out(Plan *p, Copies *c, const State *s) {
  Buffer *old = p->of_value[s->in->id], *b = p->of_value[s->out->id];
  if (!b)
    b = value_buffer(p, s->out, PLACE_const, 0);
  Buffer *root = buffer_root(b);
  if (root == old)
    return;
  if (state_in_place(p, old, root)) {
    root->place = PLACE_state;
    root->offset = old->offset;
    return;
  }
  if (root->place == PLACE_state && !root->value->def) {
    Buffer *kept = buffer_new(p, s->out, PLACE_arena, 0);
    ARRAY_PUSH(p->arena, &c->before, ((Copy){b, kept}));
    b = kept;
  }
  Buffer *to = view_new(p, s->out, old);
  ARRAY_PUSH(p->arena, &c->after, ((Copy){b, to}));
}

/* The same values with the other signedness: q and zero point move by 128,
 * which in bytes is an exclusive or with 0x80. */
static const Type *flipped_type(Arena *a, const Type *t) {
  int32_t by = dtype_is_signed(t->dtype) ? 128 : -128;
  DType dtype = dtype_is_signed(t->dtype) ? DT_u8 : DT_i8;
  QuantParams q = *t->q;
  int32_t zero = q.zero_point[0] + by;
  q.zero_point = &zero;
  q.qmin += by;
  q.qmax += by;
  return type_with_dtype(a, t, dtype, &q);
}

/* Roots of classes that are also seen as plain integers or as other bytes:
 * what they hold must be what the model says. By buffer id. */
static const bool *mixed_classes(Plan *p) {
  bool *mixed = ARENA_ARRAY(p->arena, bool, p->buffers.n);
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i], *root = buffer_root(b);
    if (b->type->dtype != root->type->dtype ||
        type_is_q8(b->type) != type_is_q8(root->type))
      mixed[root->id] = true;
  }
  return mixed;
}

static void store_types(Plan *p) {
  ActSign act = p->target->act;
  if (act == ACT_SIGN_any)
    return;
  const bool *mixed = mixed_classes(p);
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (b->place == PLACE_arena && !mixed[buffer_root(b)->id] &&
        type_is_q8(b->type) &&
        dtype_is_signed(b->type->dtype) != (act == ACT_SIGN_signed))
      b->type = flipped_type(p->arena, b->type);
  }
}

bool buffer_flipped(const Buffer *b) {
  return b->type->dtype != b->value->type->dtype;
}

/* Views follow their roots, wherever those went. */
static void settle_views(Plan *p) {
  for (int i = 0; i < p->buffers.n; i++) {
    Buffer *b = p->buffers.v[i];
    if (!b->base)
      continue;
    b->place = b->base->place;
    b->index = b->base->index;
    b->offset = b->base->offset + b->base_offset;
  }
}

void place_values(Plan *p, Copies *copies) {
  const Graph *g = p->graph;
  p->of_value = ARENA_ARRAY(p->arena, Buffer *, g->values.n);
  for (int i = 0; i < g->inputs.n; i++)
    value_buffer(p, g->inputs.v[i], PLACE_input, i);
  for (int i = 0; i < g->states.n; i++)
    place_state_in(p, &g->states.v[i]);
  for (const Op *op = g->first; op; op = op->next)
    place_op(p, op);
  for (int i = 0; i < g->outputs.n; i++)
    place_output(p, copies, i);
  for (int i = 0; i < g->states.n; i++)
    place_state_out(p, copies, &g->states.v[i]);
  settle_views(p);
  store_types(p);
}
