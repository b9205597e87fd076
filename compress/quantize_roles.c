/* Which operators become integer ones. Layers that multiply do, if nothing
 * speaks against it. What else has an integer form (light) does where its
 * operands are integers anyway and something wants the result as integers: so
 * the inside of a normalization, whose squares no 8 bits hold, stays float,
 * and so does what stands behind it up to the next layer.
 *
 * A function of one value, element by element, is a table (lut-activation),
 * however many operators it is written as: those inside get no scale of their
 * own. Neither does what a clamp alone reads.
 *
 * Both rules only take integer operators away, until none goes. */
#include "compress/quantize_roles.h"

#include "ir/border.h"

static const char *const no_form = "it has no integer form";
static const char *const float_operand = "an operand is computed in floats";
static const char *const float_readers = "all that reads it computes on floats";
static const char *const asked = "asked to stay float";
static const char *const between = "floats between dynamic layers";
static const char *const no_range = "its results are of no one magnitude";

/* What an operator is by its kind; all others are ROLE_float. An `end` may be
 * the last of a table. */
static const struct {
  OpKind kind;
  Role role;
  bool end;
} kinds[] = {
    /* clang-format off */
    {OP_conv2d,           ROLE_heavy, false},
    {OP_depthwise_conv2d, ROLE_heavy, false},
    {OP_fully_connected,  ROLE_heavy, false},
    {OP_matmul,           ROLE_heavy, false},
    {OP_add,              ROLE_light, true},
    {OP_sub,              ROLE_light, true},
    {OP_mul,              ROLE_light, true},
    {OP_mean,             ROLE_light, false},
    {OP_avg_pool2d,       ROLE_light, false},
    {OP_logistic,         ROLE_light, true},
    {OP_tanh,             ROLE_light, true},
    {OP_leaky_relu,       ROLE_light, true},
    {OP_relu,             ROLE_light, true},
    {OP_relu6,            ROLE_light, true},
    {OP_min,              ROLE_float, true},
    {OP_max,              ROLE_float, true},
    {OP_select,           ROLE_float, true},
    {OP_neg,              ROLE_float, true},
    {OP_abs,              ROLE_float, true},
    {OP_erf,              ROLE_float, true},
    {OP_div,              ROLE_float, true},
    {OP_max_pool2d,       ROLE_move,  false},
    {OP_concat,           ROLE_move,  false},
    {OP_reshape,          ROLE_move,  false},
    {OP_transpose,        ROLE_move,  false},
    {OP_split,            ROLE_move,  false},
    {OP_strided_slice,    ROLE_move,  false},
    {OP_resize_nearest,   ROLE_move,  false},
    {OP_pad,              ROLE_move,  false},
    {OP_broadcast,        ROLE_move,  false},
    /* clang-format on */
};

static Role kind_role(OpKind k, bool *end) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (kinds[i].kind == k) {
      *end = kinds[i].end;
      return kinds[i].role;
    }
  *end = false;
  return ROLE_float;
}

static bool is_f32(const Value *v) { return v->type->dtype == DT_f32; }
static bool is_data(const Value *v) { return v && !v->init && is_f32(v); }

Role role_of(const Roles *r, const Op *op) {
  return op && op->index >= 0 ? r->role[op->index] : ROLE_other;
}

bool role_is_integer(Role role) {
  return role == ROLE_heavy || role == ROLE_light;
}

int op_weights(const Op *op) {
  bool end;
  bool has = kind_role(op->kind, &end) == ROLE_heavy && op->in[1]->init &&
             is_f32(op->in[1]);
  return has ? 1 : -1;
}

/* ---- what stands in the way of one operator ---- */

static const char *move_fault(const Op *op) {
  if (op->kind == OP_pad && op->attrs.pad.value != 0)
    return "it pads with something else than 0";
  if (op->kind == OP_max_pool2d && op->attrs.pool.act != ACT_none &&
      op->attrs.pool.act != ACT_relu)
    return "its activation cuts the scale that it shares with its input";
  return NULL;
}

static bool are_floats(WeightForm w) {
  return w == WEIGHTS_f32 || w == WEIGHTS_f16 || w == WEIGHTS_bf16;
}

static const char *heavy_fault(const Op *op, const LayerScheme *s) {
  if (op_weights(op) >= 0 && are_floats(s->weights))
    return "its weights are floats";
  if (op_weights(op) >= 0 && s->weights == WEIGHTS_i12 &&
      s->activations != ACTIVATIONS_i16)
    return "weights of int12 go with activations of int16";
  if (op->kind == OP_matmul)
    return op->nin > 2 ? no_form : NULL;
  if (!op->in[1]->init)
    return "its weights are computed";
  if (op_in(op, 2) && !op->in[2]->init)
    return "its bias is computed";
  if (op->kind == OP_conv2d && border_is_bias(op))
    return "its bias is another at the border";
  return NULL;
}

static const char *dynamic_fault(const Op *op, const LayerScheme *s) {
  if (op_weights(op) < 0)
    return "its weights are computed";
  return s->weights == WEIGHTS_i8 ? NULL
                                  : "dynamic ranges go with weights of int8";
}

static bool all_f32(const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !is_f32(op->in[i]))
      return false;
  return true;
}

static void set_float(Roles *r, const Op *op, const char *why) {
  r->role[op->index] = ROLE_float;
  r->why[op->index] = why;
}

static void set_kind_role(Roles *r, const Op *op) {
  bool end;
  Role role = kind_role(op->kind, &end);
  const LayerScheme *s = scheme_of(r->scheme, op);
  r->layer[op->index] = s;
  if (!op->nout || !is_f32(op->out[0])) {
    r->role[op->index] = ROLE_other;
    return;
  }
  const char *fault = role == ROLE_move    ? move_fault(op)
                      : role == ROLE_heavy ? heavy_fault(op, s)
                      : role == ROLE_float ? no_form
                                           : NULL;
  if (!fault && !all_f32(op))
    fault = no_form;
  if (!fault && role == ROLE_heavy && s->activations == ACTIVATIONS_dynamic) {
    fault = dynamic_fault(op, s);
    role = ROLE_dynamic;
  } else if (role != ROLE_move && !activation_is_integer(s->activations)) {
    fault = s->activations == ACTIVATIONS_f32 ? asked : between;
  }
  r->role[op->index] = role;
  if (fault)
    set_float(r, op, fault);
}

/* ---- tables ---- */

static bool is_parameter(const Value *v) {
  return v && v->init && type_count(v->type) == 1;
}

static Value *origin(const Roles *r, Value *v) {
  return r->source[v->id] ? r->source[v->id] : v;
}

static bool has_table(const LayerScheme *s) {
  DType t = activation_dtype(s->activations);
  return t == DT_i8 || t == DT_u8;
}

/* The one value that op's result is a function of, or NULL. */
static Value *source_of(const Roles *r, const Op *op) {
  Value *source = NULL;
  if (op->nout != 1 || !(op_info(op->kind)->traits & T_MAP) ||
      !has_table(r->layer[op->index]))
    return NULL;
  for (int i = 0; i < op->nin; i++) {
    Value *v = op->in[i];
    if (is_parameter(v))
      continue;
    Value *from = v && !v->init ? origin(r, v) : NULL;
    if (!from || !is_f32(from) || (source && source != from))
      return NULL;
    source = from;
  }
  bool fits = source && type_same_shape(source->type, op->out[0]->type);
  return fits ? source : NULL;
}

/* Is v a step on the way of a table: do only operators read it that are
 * functions of its source too? */
static bool is_step(const Roles *r, const Value *v) {
  if (!r->source[v->id] || !v->uses.n || value_use_count(r->g, v) != v->uses.n)
    return false;
  for (int i = 0; i < v->uses.n; i++) {
    const Op *reader = v->uses.v[i].op;
    if (reader->nout != 1 || r->source[reader->out[0]->id] != r->source[v->id])
      return false;
  }
  return true;
}

/* Can a table end in op? A quotient needs a divisor that is a number, or of
 * the same source (x / (1 + exp(-x))), and no number above it. */
static bool is_end(const Op *op) {
  bool end;
  kind_role(op->kind, &end);
  return end && !(op->kind == OP_div && op->in[0]->init);
}

static void find_tables(Roles *r) {
  for (const Op *op = r->g->first; op; op = op->next)
    if (op->nout == 1)
      r->source[op->out[0]->id] = source_of(r, op);
  for (const Op *op = r->g->first; op; op = op->next) {
    if (op->nout != 1 || !r->source[op->out[0]->id] ||
        !activation_is_integer(r->layer[op->index]->activations))
      continue;
    if (is_step(r, op->out[0]))
      r->role[op->index] = ROLE_inner;
    else if (!is_f32(op->out[0]))
      r->role[op->index] = ROLE_other;
    else if (is_end(op))
      r->role[op->index] = ROLE_light;
    else
      set_float(r, op, no_range);
  }
}

/* ---- clamps ---- */

static bool is_clamp(const Op *op) {
  return op->kind == OP_relu || op->kind == OP_relu6 ||
         ((op->kind == OP_min || op->kind == OP_max) &&
          is_parameter(op->in[1]));
}

/* What a clamp alone reads is the clamp's operator's business. */
bool value_is_clamped(const Roles *r, const Value *v) {
  if (v->uses.n != 1 || value_use_count(r->g, v) != 1 || !v->def)
    return false;
  const Op *clamp = v->uses.v[0].op;
  return is_clamp(clamp) && role_is_integer(role_of(r, clamp)) &&
         role_is_integer(role_of(r, v->def));
}

bool value_is_inner(const Roles *r, const Value *v) {
  return role_of(r, v->def) == ROLE_inner || value_is_clamped(r, v);
}

/* ---- who wants integers ---- */

bool op_wants(const Roles *r, const Op *op, bool heavy) {
  Role role = role_of(r, op);
  if (role == ROLE_move || role == ROLE_inner) {
    for (int i = 0; i < op->nout; i++)
      if (value_is_wanted(r, op->out[i], heavy))
        return true;
    return false;
  }
  return role == ROLE_heavy || (!heavy && role == ROLE_light);
}

bool value_is_wanted(const Roles *r, const Value *v, bool heavy) {
  for (int i = 0; i < v->uses.n; i++)
    if (op_wants(r, v->uses.v[i].op, heavy))
      return true;
  return false;
}

/* Is it as good to v's readers to read integers? Outputs are stored, an
 * argmax sees the same order, a softmax comes from logits. */
static bool is_taken(const Roles *r, const Value *v) {
  if (value_use_count(r->g, v) != v->uses.n || value_is_wanted(r, v, false))
    return true;
  for (int i = 0; i < v->uses.n; i++) {
    const Op *op = v->uses.v[i].op;
    Role role = role_of(r, op);
    if (role == ROLE_other || op->kind == OP_softmax)
      return true;
    bool on = role == ROLE_move || role == ROLE_inner;
    for (int k = 0; on && k < op->nout; k++)
      if (is_taken(r, op->out[k]))
        return true;
  }
  return false;
}

/* Is v an integer without op's asking? */
static bool is_integer_anyway(const Roles *r, const Value *v) {
  if (!is_data(v) || !v->def)
    return true;
  const Op *op = v->def;
  switch (role_of(r, op)) {
  case ROLE_inner:
    return is_integer_anyway(r, r->source[v->id]);
  case ROLE_move:
    for (int i = 0; i < op->nin; i++)
      if (op->in[i] && !is_integer_anyway(r, op->in[i]))
        return false;
    return true;
  case ROLE_heavy:
  case ROLE_light:
    return true;
  case ROLE_other:
  case ROLE_dynamic:
  case ROLE_float:
    break;
  }
  return value_is_wanted(r, v, true);
}

static const char *light_fault(const Roles *r, const Op *op) {
  for (int i = 0; i < op->nin; i++)
    if (op->in[i] && !is_integer_anyway(r, op->in[i]))
      return float_operand;
  return is_taken(r, op->out[0]) ? NULL : float_readers;
}

static bool demote(Roles *r) {
  bool changed = false;
  for (const Op *op = r->g->first; op; op = op->next) {
    const char *fault =
        role_of(r, op) == ROLE_light ? light_fault(r, op) : NULL;
    if (fault)
      set_float(r, op, fault);
    changed |= fault != NULL;
  }
  return changed;
}

/* What leads to a table that is none is float for the same reason. */
static void settle_inner(Roles *r) {
  for (const Op *op = r->g->last; op; op = op->prev) {
    if (role_of(r, op) != ROLE_inner)
      continue;
    const Op *reader = op->out[0]->uses.v[0].op;
    if (role_of(r, reader) == ROLE_float)
      set_float(r, op, r->why[reader->index]);
  }
}

Roles roles_find(Arena *a, const Graph *g, const Scheme *s) {
  Roles r = {.g = g,
             .scheme = s,
             .role = ARENA_ARRAY(a, Role, g->nop),
             .why = ARENA_ARRAY(a, const char *, g->nop),
             .layer = ARENA_ARRAY(a, const LayerScheme *, g->nop),
             .source = ARENA_ARRAY(a, Value *, g->values.n)};
  for (const Op *op = g->first; op; op = op->next)
    set_kind_role(&r, op);
  widen_recurrences(a, &r);
  find_tables(&r);
  while (demote(&r))
    ;
  settle_inner(&r);
  return r;
}
