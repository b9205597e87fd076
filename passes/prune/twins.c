/* Channels that always hold the same as another one of their value, forward
 * through the graph. Two channels are twins when
 *
 *   - they are the same constant, or
 *   - a layer makes them of the same inputs (of a depthwise layer: of twins)
 *     with the same weights, biases and step function, or
 *   - an op that pairs channels makes them of twins, and of constants that are
 *     the same for both.
 *
 * What a channel is made of is read as a sequence of words, its key; keys are
 * found by their hash and compared word by word. */
#include "ir/element.h"
#include "ir/requant.h"
#include "passes/prune/channels.h"

typedef struct Keys {
  const Prune *p;
  const Op *op;
  int o;           /* output */
  const Linear *l; /* NULL: an op that pairs channels */
  int64_t weights, biases, words;
} Keys;

enum { STEP_WORDS = 8 }; /* of a Requant */

/* --- layers ------------------------------------------------------------- */

static uint64_t step_word(const Keys *k, int64_t j, int64_t i) {
  if (dtype_is_float(k->l->x->dtype))
    return 0;
  Requant r = requant_of(k->op, j);
  const uint64_t words[STEP_WORDS] = {
      (uint64_t)r.multiplier,
      (uint64_t)r.shift,
      element_from_double(DT_f64, r.real),
      element_from_double(DT_f32, (double)r.bias),
      (uint64_t)r.zero_point,
      (uint64_t)r.lo,
      (uint64_t)r.hi,
      (uint64_t)requant_bias(k->op, j),
  };
  return words[i];
}

static uint64_t weight_word(const Keys *k, int64_t j, int64_t i) {
  const Linear *l = k->l;
  int64_t at = linear_at(l, j, i / l->inputs, i % l->inputs);
  return dtype_is_float(l->w->dtype)
             ? ((const uint32_t *)k->op->in[1]->init->data)[at]
             : (uint64_t)linear_int(l, j, at);
}

/* The inputs that it reads. */
static uint64_t source_word(const Keys *k, int64_t j) {
  int64_t group = j / k->l->group;
  const Channels *x = channels_of(k->p, k->op->in[0]);
  return (uint64_t)(k->l->depthwise ? x->v[group].twin : group);
}

static uint64_t layer_word(const Keys *k, int64_t j, int64_t i) {
  if (i < k->weights)
    return weight_word(k, j, i);
  i -= k->weights;
  const Value *b = op_in(k->op, 2);
  if (i < k->biases)
    return element_load(b->type->dtype, b->init->data, i * k->l->outputs + j);
  i -= k->biases;
  return i < STEP_WORDS ? step_word(k, j, i) : source_word(k, j);
}

static Keys layer_keys(const Prune *p, const Linear *l) {
  Keys k = {.p = p, .op = l->op, .l = l, .weights = l->taps * l->inputs};
  const Value *b = op_in(l->op, 2);
  k.biases = b ? type_count(b->type) / l->outputs : 0;
  k.words = k.weights + k.biases + STEP_WORDS + 1;
  return k;
}

/* --- ops that pair channels --------------------------------------------- */

/* Elements of constant operand i that go into one channel. */
static int64_t const_words(const Keys *k, int i) {
  int axis = channels_const_axis(k->p, k->op, i);
  const Type *t = axis < 0 ? NULL : k->op->in[i]->type;
  return t && t->dim[axis] ? type_count(t) / t->dim[axis] : 0;
}

static uint64_t const_word(const Keys *k, int operand, int64_t j, int64_t i) {
  const Value *v = k->op->in[operand];
  const Type *t = v->type;
  int axis = channels_const_axis(k->p, k->op, operand);
  int64_t inner = 1;
  for (int d = axis + 1; d < t->rank; d++)
    inner *= t->dim[d];
  int64_t at = (i / inner * t->dim[axis] + j) * inner + i % inner;
  return element_load(t->dtype, v->init->data, at);
}

/* Channel of an operand. */
static uint64_t operand_word(const Keys *k, int i, int64_t j) {
  const Value *v = k->op->in[i];
  if (!v || v->init)
    return 0;
  int64_t c = channel_pair(k->p, k->op, i, k->o, j);
  if (c < 0)
    return 0;
  int64_t twin = channels_of(k->p, v)->v[c].twin;
  return (uint64_t)(v->id + 1) << 32 ^ (uint64_t)twin;
}

/* Of a reshape that makes several indices of a channel: which of them. */
static uint64_t place_word(const Keys *k, int64_t j) {
  const Channels *y = channels_of(k->p, k->op->out[k->o]);
  if (k->op->kind != OP_reshape)
    return 0;
  const Channels *x = channels_of(k->p, k->op->in[0]);
  int64_t block = x->inner * x->n;
  return y->n == x->n ? 0 : (uint64_t)(j / block * x->inner + j % x->inner);
}

static uint64_t pair_word(const Keys *k, int64_t j, int64_t i) {
  if (i == 0)
    return place_word(k, j);
  if (--i < k->op->nin)
    return k->op->kind == OP_concat ? 0 : operand_word(k, (int)i, j);
  i -= k->op->nin;
  if (i == 0) { /* of a concat: whichever operand it comes from */
    uint64_t word = 0;
    for (int n = 0; n < k->op->nin; n++)
      word += k->op->kind == OP_concat ? operand_word(k, n, j) : 0;
    return word;
  }
  int operand = 0;
  for (i--; i >= const_words(k, operand); operand++)
    i -= const_words(k, operand);
  return const_word(k, operand, j, i);
}

static Keys pair_keys(const Prune *p, const Op *op, int o) {
  Keys k = {.p = p, .op = op, .o = o, .words = 2 + op->nin};
  for (int i = 0; i < op->nin; i++)
    k.words += const_words(&k, i);
  return k;
}

/* --- finding ------------------------------------------------------------ */

static uint64_t word(const Keys *k, int64_t j, int64_t i) {
  return k->l ? layer_word(k, j, i) : pair_word(k, j, i);
}

static uint64_t hash(const Keys *k, int64_t j) {
  uint64_t h = 0;
  for (int64_t i = 0; i < k->words; i++) {
    h = (h ^ word(k, j, i)) * UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 32;
  }
  return h;
}

static bool is_same(const Keys *k, int64_t a, int64_t b) {
  for (int64_t i = 0; i < k->words; i++)
    if (word(k, a, i) != word(k, b, i))
      return false;
  return true;
}

/* Gives every channel that is no constant its twin by key (k NULL: none), and
 * constants theirs by value. */
static void find_twins(const Prune *p, const Keys *k, Channels *y) {
  int64_t slots = 4;
  while (slots < 2 * y->n)
    slots *= 2;
  int64_t *table = ARENA_ARRAY(p->scratch, int64_t, slots); /* channel + 1 */
  uint64_t *hashes = ARENA_ARRAY(p->scratch, uint64_t, y->n);
  for (int64_t j = 0; j < y->n; j++) {
    Channel *c = &y->v[j];
    if (!c->constant && !k)
      continue;
    hashes[j] =
        c->constant ? c->bits * UINT64_C(0x9e3779b97f4a7c15) : hash(k, j);
    int64_t at = (int64_t)(hashes[j] >> 32) & (slots - 1);
    for (; table[at]; at = (at + 1) & (slots - 1)) {
      int64_t other = table[at] - 1;
      const Channel *o = &y->v[other];
      if (hashes[other] == hashes[j] && o->constant == c->constant &&
          (c->constant ? o->bits == c->bits : is_same(k, other, j)))
        break;
    }
    if (table[at])
      c->twin = table[at] - 1;
    else
      table[at] = j + 1;
  }
}

void prune_twins(Prune *p) {
  for (const Op *op = p->g->first; op; op = op->next) {
    Linear l;
    bool linear = linear_of(p, op, &l);
    bool pairs = channels_pair(p, op) && channel_span(p, op) == 1;
    for (int o = 0; o < op->nout; o++) {
      Keys k = linear  ? layer_keys(p, &l)
               : pairs ? pair_keys(p, op, o)
                       : (Keys){0};
      find_twins(p, linear || pairs ? &k : NULL, channels_of(p, op->out[o]));
    }
  }
}
