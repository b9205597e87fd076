/* RNN, GRU and LSTM, unrolled.
 *
 *   for direction d:
 *     p = x W[d]^T + bias                     [length, batch, gates * hidden]
 *     for t:
 *       h, c = cell(p[t], h, c)               [batch, hidden]
 *       where t is behind the end of a sequence, h and c stay, and 0 goes out
 *
 * What does not depend on h is one product over all steps. 16-bit floats
 * compute in f32. The cells differ in how many gates they have and in the
 * step. */
#include "frontend/onnx/recurrent.h"
#include "frontend/onnx/spatial.h"

enum { FORWARD, REVERSE, BIDIRECTIONAL, MAX_STEPS = 4096 };

/* One direction. */
typedef struct Lane {
  Value *r;        /* [gates * hidden, hidden], of GRU those of z and r */
  Value *rb;       /* [rows of r] added to h R^T; NULL: it is in p */
  Value *rh, *rbh; /* of GRU: those of h */
  Value *peep[3];  /* [hidden] of input, output, forget; or NULL */
  const Gate *gate;
  int64_t hidden;
  Value *h, *c;
} Lane;

typedef struct Cell {
  int gates, states;
  const char *const *activations;
  int nactivation;
  /* Sets h (and c) from p [batch, gates * hidden]. */
  void (*step)(Node *n, Lane *l, Value *p);
} Cell;

static Value *add(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_add, a, b);
}
static Value *mul(Node *n, Value *a, Value *b) {
  return b_binary(n, OP_mul, a, b);
}

/* `count` gates from `first` on, of a tensor that has them along `axis`. */
static Value *gates(Node *n, const Lane *l, Value *x, int axis, int first,
                    int count) {
  return b_slice1(n, x, axis, first * l->hidden, count * l->hidden);
}

static Value *one_minus(Node *n, Value *x) {
  return b_k_binary(n, OP_sub, 1, x);
}

/* --- cells ------------------------------------------------------------- */

static void step_rnn(Node *n, Lane *l, Value *p) {
  Value *x = add(n, p, b_dense(n, l->h, l->r, NULL));
  l->h = gate_apply(n, &l->gate[0], x);
}

/* What r lets through of h: before the product, or after it. */
static Value *reset(Node *n, const Lane *l, Value *r) {
  if (!l->rbh)
    return b_dense(n, mul(n, r, l->h), l->rh, NULL);
  return mul(n, r, b_dense(n, l->h, l->rh, l->rbh));
}

/* z, r, h: h' = (1 - z) g(..) + z h */
static void step_gru(Node *n, Lane *l, Value *p) {
  Value *zr = b_dense(n, l->h, l->r, l->rb);
  zr = gate_apply(n, &l->gate[0], add(n, gates(n, l, p, 1, 0, 2), zr));
  Value *z = gates(n, l, zr, 1, 0, 1), *r = gates(n, l, zr, 1, 1, 1);
  Value *x = add(n, gates(n, l, p, 1, 2, 1), reset(n, l, r));
  Value *h = gate_apply(n, &l->gate[1], x);
  l->h = add(n, mul(n, one_minus(n, z), h), mul(n, z, l->h));
}

static Value *peek(Node *n, const Lane *l, int gate, Value *x, Value *c) {
  return l->peep[gate] ? add(n, x, mul(n, l->peep[gate], c)) : x;
}

/* i, o, f, c: c' = f c + i g(..), h' = o h(c') */
static void step_lstm(Node *n, Lane *l, Value *p) {
  bool coupled = attr_bool(n, "input_forget", false);
  Value *x = add(n, p, b_dense(n, l->h, l->r, NULL));
  Value *i = peek(n, l, 0, gates(n, l, x, 1, 0, 1), l->c);
  Value *f = peek(n, l, 2, gates(n, l, x, 1, 2, 1), l->c);
  Value *g = gate_apply(n, &l->gate[1], gates(n, l, x, 1, 3, 1));
  i = gate_apply(n, &l->gate[0], i);
  f = coupled ? one_minus(n, i) : gate_apply(n, &l->gate[0], f);
  l->c = add(n, mul(n, f, l->c), mul(n, i, g));
  Value *o = peek(n, l, 1, gates(n, l, x, 1, 1, 1), l->c);
  o = gate_apply(n, &l->gate[0], o);
  Gate out = l->gate[2];
  out.clip = 0; /* ONNX Runtime limits the inputs of the gates only */
  l->h = mul(n, o, gate_apply(n, &out, l->c));
}

static const char *const rnn_names[] = {"Tanh"};
static const char *const gru_names[] = {"Sigmoid", "Tanh"};
static const char *const lstm_names[] = {"Sigmoid", "Tanh", "Tanh"};

static const Cell cell_rnn = {1, 1, rnn_names, 1, step_rnn};
static const Cell cell_gru = {3, 1, gru_names, 2, step_gru};
static const Cell cell_lstm = {4, 2, lstm_names, 3, step_lstm};

/* --- operands ---------------------------------------------------------- */

typedef struct Layer {
  const Cell *cell;
  int direction, lanes;
  int64_t length, batch, hidden;
  bool batch_first;
  bool late_reset; /* of GRU: linear_before_reset */
  Value *x;        /* [length, batch, size] */
  Value *ends;     /* [batch, 1] lengths of the sequences; NULL: all */
  DType dtype;
  Gate *gate; /* [lanes][nactivation] */
} Layer;

/* Input i has this shape; absent ones do, too. */
static bool check_shape(Node *n, int i, Dims want) {
  Value *v = node_in(n, i);
  return !v || dims_equal(dims_of(v), want) ||
         node_invalid(n, "input %d is %s, expected %s", i,
                      dims_text(n, dims_of(v)), dims_text(n, want));
}

static bool check_operands(Node *n, const Layer *l) {
  int64_t d = l->lanes, h = l->hidden, rows = l->cell->gates * h;
  int64_t size = l->x->type->dim[2];
  Dims state = {3, {d, l->batch, h}};
  if (l->batch_first)
    state = (Dims){3, {l->batch, d, h}};
  return check_shape(n, 1, (Dims){3, {d, rows, size}}) &&
         check_shape(n, 2, (Dims){3, {d, rows, h}}) &&
         check_shape(n, 3, (Dims){2, {d, 2 * rows}}) &&
         check_shape(n, 4, (Dims){1, {l->batch}}) && check_shape(n, 5, state) &&
         check_shape(n, 6, state) && check_shape(n, 7, (Dims){2, {d, 3 * h}});
}

static bool read_layer(Node *n, const Cell *cell, Layer *l) {
  static const char *const directions[] = {"forward", "reverse",
                                           "bidirectional", NULL};
  *l = (Layer){.cell = cell, .dtype = node_in(n, 0)->type->dtype};
  l->direction = attr_choice(n, "direction", directions);
  l->lanes = l->direction == BIDIRECTIONAL ? 2 : 1;
  l->batch_first = attr_bool(n, "layout", false);
  l->late_reset =
      cell == &cell_gru && attr_bool(n, "linear_before_reset", false);
  attr_ignore(n, "hidden_size");
  attr_ignore(n, "input_forget");
  if (node_in(n, 0)->type->rank != 3 || node_in(n, 2)->type->rank != 3)
    return node_invalid(n, "x, W and R must have 3 dimensions");
  Value *x = b_widen(n, b_plain(n, node_in(n, 0)));
  l->x = l->batch_first ? b_swap(n, x, 0, 1) : x;
  if (n->bad)
    return false;
  l->length = l->x->type->dim[0];
  l->batch = l->x->type->dim[1];
  l->hidden = node_in(n, 2)->type->dim[2];
  if (l->length > MAX_STEPS)
    return node_refuse(n, "%lld steps are too many to unroll",
                       (long long)l->length);
  int count = l->lanes * cell->nactivation;
  l->gate = ARENA_ARRAY(n->im->arena, Gate, count);
  if (node_in(n, 4))
    l->ends = b_unsqueeze(n, node_in(n, 4), 1);
  return check_operands(n, l) &&
         gates_read(n, count, cell->activations, cell->nactivation, l->gate);
}

/* Lane d of an operand, without that dimension; NULL when it is absent. */
static Value *lane_of(Node *n, int input, int axis, int d) {
  Value *v = node_in(n, input);
  return v ? b_squeeze(n, b_slice1(n, b_widen(n, v), axis, d, 1), 1u << axis)
           : NULL;
}

static Value *initial(Node *n, const Layer *l, int input, int d) {
  Value *v = lane_of(n, input, l->batch_first ? 1 : 0, d);
  Dims shape = {2, {l->batch, l->hidden}};
  return v || n->bad ? v : b_fill(n, l->x->type->dtype, shape, 0);
}

/* Biases come as those of W, then those of R: one sum, where nothing is
 * between the two. */
static Value *split_bias(Node *n, const Layer *l, Lane *lane, int d) {
  Value *b = lane_of(n, 3, 0, d);
  int64_t rows = l->cell->gates * l->hidden;
  if (!b)
    return NULL;
  Value *wb = b_slice1(n, b, 0, 0, rows), *rb = b_slice1(n, b, 0, rows, rows);
  if (!l->late_reset)
    return add(n, wb, rb);
  lane->rb = rb;
  return wb;
}

/* Once for all steps. */
static void part_gru(Node *n, Lane *l) {
  l->rh = gates(n, l, l->r, 0, 2, 1);
  l->r = gates(n, l, l->r, 0, 0, 2);
  if (!l->rb)
    return;
  l->rbh = gates(n, l, l->rb, 0, 2, 1);
  l->rb = gates(n, l, l->rb, 0, 0, 2);
}

static Lane lane_new(Node *n, const Layer *l, int d, Value **p) {
  Lane lane = {.r = lane_of(n, 2, 0, d),
               .gate = l->gate + d * l->cell->nactivation,
               .hidden = l->hidden,
               .h = initial(n, l, 5, d)};
  Value *bias = split_bias(n, l, &lane, d);
  if (l->late_reset && !lane.rb && !n->bad)
    lane.rb = b_fill(n, l->x->type->dtype,
                     (Dims){1, {l->cell->gates * l->hidden}}, 0);
  *p = b_dense(n, l->x, lane_of(n, 1, 0, d), bias);
  if (l->cell == &cell_gru)
    part_gru(n, &lane);
  if (l->cell->states < 2)
    return lane;
  lane.c = initial(n, l, 6, d);
  Value *peeps = lane_of(n, 7, 0, d);
  for (int i = 0; peeps && i < 3; i++)
    lane.peep[i] = gates(n, &lane, peeps, 0, i, 1);
  return lane;
}

/* --- steps ------------------------------------------------------------- */

/* What goes out at step t. */
static Value *step(Node *n, const Layer *l, Lane *lane, Value *p, int64_t t) {
  Value *h = lane->h, *c = lane->c;
  Value *now = b_squeeze(n, b_slice1(n, p, 0, t, 1), 1);
  l->cell->step(n, lane, now);
  if (!l->ends || n->bad)
    return lane->h;
  Value *runs = b_k_binary(n, OP_less, (double)t, l->ends);
  lane->h = b_select(n, runs, lane->h, h);
  lane->c = c ? b_select(n, runs, lane->c, c) : NULL;
  Value *zero = n->bad ? NULL : b_scalar(n, h->type->dtype, 0);
  return b_select(n, runs, lane->h, zero);
}

/* All outputs of a lane, [length, 1, batch, hidden]. */
static Value *run_lane(Node *n, const Layer *l, int d, Lane *lane) {
  bool back = l->direction == REVERSE || d == 1;
  Value *p, **y = ARENA_ARRAY(n->im->arena, Value *, l->length);
  Dims one = {4, {1, 1, l->batch, l->hidden}};
  *lane = lane_new(n, l, d, &p);
  for (int64_t i = 0; i < l->length && !n->bad; i++) {
    int64_t t = back ? l->length - 1 - i : i;
    y[t] = b_reshape(n, step(n, l, lane, p, t), one);
  }
  return n->bad ? NULL : b_concat(n, 0, (int)l->length, y);
}

/* [lanes, batch, hidden], or the batch first. */
static Value *final_state(Node *n, const Layer *l, Value *const *state) {
  Value *v[2] = {0};
  for (int d = 0; d < l->lanes; d++)
    v[d] = b_unsqueeze(n, state[d], l->batch_first ? 1 : 0);
  return b_cast(n, b_concat(n, l->batch_first ? 1 : 0, l->lanes, v), l->dtype);
}

static void import_layer(Node *n, const Cell *cell) {
  static const int batch_first[] = {2, 0, 1, 3, 4, 5, 6, 7};
  Layer l;
  Lane lane[2] = {0};
  Value *y[2] = {0};
  if (!read_layer(n, cell, &l))
    return;
  if (!l.length || !l.batch || !l.hidden) {
    node_refuse(n, "there is nothing to compute");
    return;
  }
  for (int d = 0; d < l.lanes && !n->bad; d++)
    y[d] = run_lane(n, &l, d, &lane[d]);
  Value *h[] = {lane[0].h, lane[1].h}, *c[] = {lane[0].c, lane[1].c};
  if (n->bad)
    return;
  Value *all = b_cast(n, b_concat(n, 1, l.lanes, y), l.dtype);
  node_out(n, 0, l.batch_first ? b_transpose(n, all, batch_first) : all);
  node_out(n, 1, final_state(n, &l, h));
  if (cell->states > 1)
    node_out(n, 2, final_state(n, &l, c));
}

void onnx_rnn(Node *n) { import_layer(n, &cell_rnn); }
void onnx_gru(Node *n) { import_layer(n, &cell_gru); }
void onnx_lstm(Node *n) { import_layer(n, &cell_lstm); }
