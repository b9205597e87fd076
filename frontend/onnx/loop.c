/* Loop and Scan, unrolled: how often they run has to be known.
 *
 *   carried values go from one round to the next,
 *   collected ones are joined along an axis. */
#include "frontend/onnx/build.h"

enum { MAX_COLLECTED = 32 };

typedef struct Rounds {
  PbSpan body;
  int ncarried, ncollected;
  Value **carried;
  ARRAY(Value *) collected[MAX_COLLECTED];
} Rounds;

/* The outputs of a node are the carried values, then the collected ones. */
static bool rounds_begin(Node *n, Rounds *r, int first, int count) {
  r->body = attr_graph(n, "body");
  r->ncarried = count;
  r->ncollected = n->nout - count;
  r->carried = ARENA_ARRAY(n->im->arena, Value *, count);
  if (r->ncollected < 0 || r->ncollected > MAX_COLLECTED)
    return node_invalid(n, "%d outputs of %d carried values", n->nout, count);
  for (int i = 0; i < count; i++) {
    r->carried[i] = node_in(n, first + i);
    if (!r->carried[i])
      return node_invalid(n, "input %d is absent", first + i);
  }
  return !n->bad;
}

static void rounds_take(Node *n, Rounds *r, Value *const *out) {
  for (int i = 0; i < r->ncarried && !n->bad; i++)
    r->carried[i] = out[i];
  for (int i = 0; i < r->ncollected && !n->bad; i++)
    ARRAY_PUSH(n->im->arena, &r->collected[i], out[r->ncarried + i]);
}

/* Joined along a new axis; NULL: there was no round. */
static Value *stack(Node *n, int count, Value *const *v, int64_t axis) {
  Value **parts = ARENA_ARRAY(n->im->arena, Value *, count);
  int k = n->bad || !count ? 0 : axis_of(n, axis, v[0]->type->rank + 1);
  for (int i = 0; i < count && !n->bad; i++)
    parts[i] = b_unsqueeze(n, v[i], k);
  return count ? b_concat(n, k, count, parts) : NULL;
}

static void reverse(int count, Value **v) {
  for (int i = 0; i < count / 2; i++) {
    Value *t = v[i];
    v[i] = v[count - 1 - i];
    v[count - 1 - i] = t;
  }
}

static int64_t nth(Ints list, int i) { return i < list.n ? list.v[i] : 0; }

static void rounds_end(Node *n, Rounds *r, Ints axes, Ints directions) {
  for (int i = 0; i < r->ncarried; i++)
    node_out(n, i, r->carried[i]);
  for (int i = 0; i < r->ncollected && !n->bad; i++) {
    int count = r->collected[i].n;
    if (nth(directions, i))
      reverse(count, r->collected[i].v);
    Value *all = stack(n, count, r->collected[i].v, nth(axes, i));
    node_out(n, r->ncarried + i, all);
  }
}

/* --- Loop -------------------------------------------------------------- */

void onnx_loop(Node *n) {
  Rounds r = {0};
  int64_t most = const_int(n, node_in(n, 0), "the number of rounds", INT64_MAX);
  int64_t goes_on = const_int(n, node_in(n, 1), "the condition", 1);
  int count = n->nin > 2 ? n->nin - 2 : 0;
  if (n->bad || !rounds_begin(n, &r, 2, count))
    return;
  Value **in = ARENA_ARRAY(n->im->arena, Value *, count + 2);
  in[1] = b_fill(n, DT_bool, (Dims){0}, 1);
  for (int64_t i = 0; i < most && goes_on && !n->bad; i++) {
    in[0] = b_reshape(n, b_ints(n, 1, &i), (Dims){0});
    for (int k = 0; k < count; k++)
      in[2 + k] = r.carried[k];
    Value **out = body_import(n, r.body, count + 2, in, n->nout + 1);
    rounds_take(n, &r, out + 1);
    goes_on = const_int(n, n->bad ? NULL : out[0], "the condition", 0);
    n->bad |= !onnx_spend(n->im, 16, n->loc);
  }
  rounds_end(n, &r, (Ints){0}, (Ints){0});
}

/* --- Scan -------------------------------------------------------------- */

typedef struct Scanned {
  Ints axes, directions;
  int first, count;
  int64_t length;
} Scanned;

static Value *element(Node *n, const Scanned *s, int i, int64_t round) {
  Value *x = node_in(n, s->first + i);
  int axis = axis_of(n, nth(s->axes, i), x->type->rank);
  int64_t at = nth(s->directions, i) ? s->length - 1 - round : round;
  return n->bad ? NULL : b_squeeze(n, b_slice1(n, x, axis, at, 1), 1u << axis);
}

static bool scan_lengths(Node *n, Scanned *s) {
  for (int i = 0; i < s->count && !n->bad; i++) {
    const Value *x = node_in(n, s->first + i);
    if (!x)
      return node_invalid(n, "input %d is absent", s->first + i);
    int axis = axis_of(n, nth(s->axes, i), x->type->rank);
    int64_t length = n->bad ? 0 : x->type->dim[axis];
    if (i && length != s->length && !n->bad)
      return node_invalid(n, "sequences of %lld and %lld elements",
                          (long long)s->length, (long long)length);
    s->length = length;
  }
  return !n->bad;
}

void onnx_scan(Node *n) {
  Rounds r = {0};
  int64_t count = attr_int(n, "num_scan_inputs", 0);
  Scanned s = {.axes = attr_ints(n, "scan_input_axes"),
               .directions = attr_ints(n, "scan_input_directions")};
  Ints axes = attr_ints(n, "scan_output_axes");
  Ints directions = attr_ints(n, "scan_output_directions");
  if (count < 1 || count > n->nin)
    node_invalid(n, "%lld of %d inputs are scanned", (long long)count, n->nin);
  if (n->bad)
    return;
  s.count = (int)count;
  s.first = n->nin - s.count;
  if (!rounds_begin(n, &r, 0, s.first) || !scan_lengths(n, &s))
    return;
  Value **in = ARENA_ARRAY(n->im->arena, Value *, n->nin);
  for (int64_t i = 0; i < s.length && !n->bad; i++) {
    for (int k = 0; k < s.first; k++)
      in[k] = r.carried[k];
    for (int k = 0; k < s.count; k++)
      in[s.first + k] = element(n, &s, k, i);
    rounds_take(n, &r, body_import(n, r.body, n->nin, in, n->nout));
    n->bad |= !onnx_spend(n->im, 16, n->loc);
  }
  rounds_end(n, &r, axes, directions);
}
