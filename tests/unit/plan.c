/* plan/plan.h: where values live, by models in text form; and random graphs
 * whose plans are carried out step by step in one arena, with op_eval in
 * place of code, against the interpreter. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/exec.h"
#include "ir/text.h"
#include "plan/kernel.h"

static const Target *target(const char *name) {
  const Target *t = target_find(arena, diag, name, NULL, NULL, NULL);
  assert_non_null(t);
  return t;
}

static Graph *parse(const char *text) {
  Graph *g = graph_parse(arena, diag, "t.kiln", text, strlen(text));
  if (!g || !graph_verify(g))
    diag_print(diag, stderr);
  assert_int_equal(diag_error_count(diag), 0);
  return g;
}

static Plan *plan_of(const Graph *g, const char *target_name, bool keep_all) {
  PlanOptions opt = {.keep_all = keep_all};
  Plan *p = plan_new(arena, g, target(target_name), &opt);
  if (!p)
    diag_print(diag, stderr);
  assert_non_null(p);
  return p;
}

static Buffer *buffer_of(const Plan *p, const char *name) {
  const Value *v = graph_find(p->graph, name);
  assert_non_null(v);
  assert_non_null(p->of_value[v->id]);
  return p->of_value[v->id];
}

/* ---- soundness of any plan ---- */

typedef struct Span {
  int64_t at, bytes;
  int first, last;
  const Buffer *buffer; /* NULL: scratch */
} Span;

static const Buffer *root_of(const Buffer *b) { return b->base ? b->base : b; }

static bool may_overlap(const Plan *p, const Span *in, const Span *out) {
  if (!in->buffer || !out->buffer || in->last != out->first)
    return false;
  const Step *s = p->steps.v[out->first];
  const Buffer *y = s->out[0];
  if (s->op->nout != 1 || root_of(y) != out->buffer)
    return false;
  bool reads = false;
  for (int i = 0; i < s->nin; i++) {
    const Buffer *b = s->in[i];
    if (!b || root_of(b) != in->buffer)
      continue;
    int64_t d = step_overlap(s, i);
    reads = true;
    if (s->reads_first && i < s->op->nin)
      continue;
    if (d == OVERLAP_SAME ? y->offset != b->offset
                          : d == OVERLAP_NONE || y->offset > b->offset - d)
      return false;
  }
  return reads;
}

static void assert_apart(const Plan *p, const Span *a, const Span *b) {
  bool together = a->first <= b->last && b->first <= a->last;
  bool apart = a->at + a->bytes <= b->at || b->at + b->bytes <= a->at;
  if (together && !apart && a->bytes && b->bytes)
    assert_true(may_overlap(p, a, b) || may_overlap(p, b, a));
}

/* Kernels are not asked whether they could update state as they read it; a
 * part of the new one may be there already. */
static void assert_no_state_in_place(const Step *s) {
  for (int i = 0; i < s->op->nin; i++)
    for (int k = 0; k < s->op->nout; k++)
      if (s->in[i] && s->in[i]->place == PLACE_state &&
          s->out[k]->place == PLACE_state &&
          root_of(s->in[i]) != root_of(s->out[k]))
        assert_int_not_equal(s->in[i]->offset, s->out[k]->offset);
}

static void assert_sound(const Plan *p) {
  Span *span = ARENA_ARRAY(arena, Span, p->buffers.n + p->steps.n);
  int n = 0;
  for (int i = 0; i < p->buffers.n; i++) {
    const Buffer *b = p->buffers.v[i];
    assert_int_equal(b->id, i);
    assert_int_equal(b->bytes, type_bytes(b->value->type));
    if (b->place == PLACE_arena && !b->base && b->first >= 0)
      span[n++] = (Span){b->offset, b->bytes, b->first, b->last, b};
    if (b->base) {
      assert_int_equal(b->offset, b->base->offset + b->base_offset);
      assert_int_equal(b->place, b->base->place);
      assert_int_equal(b->index, b->base->index);
    }
  }
  for (int i = 0; i < p->steps.n; i++) {
    const Step *s = p->steps.v[i];
    assert_int_equal(s->index, i);
    assert_non_null(s->symbol);
    assert_no_state_in_place(s);
    if (s->scratch_bytes)
      span[n++] = (Span){s->scratch_offset, s->scratch_bytes, i, i, NULL};
  }
  for (int i = 0; i < n; i++) {
    assert_true(span[i].at >= 0 && span[i].at % p->arena_align == 0);
    assert_true(span[i].at + span[i].bytes <= p->arena_bytes);
    for (int k = 0; k < i; k++)
      assert_apart(p, &span[i], &span[k]);
  }
  assert_true(p->arena_lower_bound <= p->arena_bytes);
}

/* ---- carrying a plan out ---- */

typedef struct Machine {
  const Plan *plan;
  uint8_t *arena, *state;
  const void *const *in;
  void *const *out;
} Machine;

static uint8_t *address(const Machine *m, const Buffer *b) {
  switch (b->place) {
  case PLACE_arena:
    return m->arena + b->offset;
  case PLACE_input:
    return (uint8_t *)(uintptr_t)m->in[b->index] + b->base_offset;
  case PLACE_output:
    return (uint8_t *)m->out[b->index] + b->base_offset;
  case PLACE_state:
    return m->state + b->offset;
  case PLACE_const:
    return (uint8_t *)(uintptr_t)b->value->init->data;
  }
  return NULL;
}

static void copy_bytes(void *to, const void *from, const Buffer *b) {
  const uint8_t *x = from;
  for (int64_t i = 0; i < b->bytes; i++)
    ((uint8_t *)to)[i] = x[i] ^ (buffer_flipped(b) ? 0x80 : 0);
}

/* What step s, or an op of its tail, makes of its operands: those in memory,
 * and of a tail's the one that is in no place. */
static void **run_op(const Machine *m, const Step *s, const void *chain) {
  const void **in = ARENA_ARRAY(arena, const void *, s->op->nin);
  void **out = ARENA_ARRAY(arena, void *, s->op->nout);
  for (int i = 0; i < s->op->nin; i++)
    if (s->in[i] && s->in[i]->first < 0 && s->in[i]->place == PLACE_arena) {
      in[i] = chain;
    } else if (s->in[i]) {
      uint8_t *copy = arena_alloc(arena, (size_t)s->in[i]->bytes);
      copy_bytes(copy, address(m, s->in[i]), s->in[i]);
      in[i] = copy;
    }
  for (int i = 0; i < s->op->nout; i++)
    out[i] = arena_alloc(arena, (size_t)type_bytes(s->op->out[i]->type));
  op_eval(s->op, in, out);
  return out;
}

static void run_step(const Machine *m, const Step *s) {
  void **out = run_op(m, s, NULL);
  for (int i = 0; i < s->tail.n; i++)
    out = run_op(m, s->tail.v[i].step, out[0]);
  if (s->scratch_bytes)
    memset(m->arena + s->scratch_offset, 0xa5, (size_t)s->scratch_bytes);
  for (int i = 0; i < s->op->nout; i++)
    copy_bytes(address(m, s->out[i]), out[i], s->out[i]);
}

static void reset_state(const Machine *m) {
  const Graph *g = m->plan->graph;
  for (int i = 0; i < g->states.n; i++) {
    const State *s = &g->states.v[i];
    const Buffer *b = m->plan->of_value[s->in->id];
    if (s->init)
      memcpy(address(m, b), s->init->init->data, (size_t)b->bytes);
    else
      memset(address(m, b), type_zero_point(s->in->type), (size_t)b->bytes);
  }
}

static void **buffers_for(int n, Value *const *v, uint64_t *random) {
  void **b = ARENA_ARRAY(arena, void *, n);
  for (int i = 0; i < n; i++) {
    int64_t bytes = type_bytes(v[i]->type);
    b[i] = arena_alloc(arena, (size_t)bytes);
    for (int64_t k = 0; k < bytes; k++)
      ((uint8_t *)b[i])[k] = (uint8_t)test_random(random);
  }
  return b;
}

/* Three runs of the plan and of the interpreter on the same inputs. */
static void assert_computes(const Plan *p, uint64_t *random) {
  const Graph *g = p->graph;
  Machine m = {.plan = p};
  m.arena = arena_alloc(arena, (size_t)p->arena_bytes);
  m.state = arena_alloc(arena, (size_t)p->state_bytes);
  reset_state(&m);
  Executor *e = interp_new(g, NULL, NULL);
  for (int turn = 0; turn < 3; turn++) {
    void **in = buffers_for(g->inputs.n, g->inputs.v, random);
    void **out = buffers_for(g->outputs.n, g->outputs.v, random);
    void **want = buffers_for(g->outputs.n, g->outputs.v, random);
    m.in = (const void *const *)in;
    m.out = out;
    for (int i = 0; i < p->steps.n; i++)
      run_step(&m, p->steps.v[i]);
    assert_true(e->run(e, (const void *const *)in, want));
    for (int i = 0; i < g->outputs.n; i++)
      assert_memory_equal(out[i], want[i],
                          (size_t)type_bytes(g->outputs.v[i]->type));
  }
  e->free(e);
}

static void assert_good(const Graph *g, uint64_t seed) {
  static const char *const targets[] = {"x86-64-v3", "x86-64-avx512vnni",
                                        "cortex-m4"};
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
    for (int keep = 0; keep < 2; keep++) {
      Plan *p = plan_of(g, targets[i], keep);
      assert_sound(p);
      uint64_t random = seed;
      assert_computes(p, &random);
    }
}

/* ---- by hand ---- */

#define Q " q(0.5, 3)"

static void stored_types_follow_the_target(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,8]" Q "\n"
                   "%a : i8[1,8]" Q " = relu %x\n"
                   "%b : i8[1,8]" Q " = relu %a\n"
                   "output %b\n");
  Plan *p = plan_of(g, "x86-64-avx512vnni", false);
  Buffer *a = buffer_of(p, "a");
  assert_true(buffer_flipped(a));
  assert_int_equal(a->type->dtype, DT_u8);
  assert_int_equal(type_zero_point(a->type), 131);
  assert_int_equal(a->type->q->qmin, 0);
  assert_int_equal(a->type->q->qmax, 255);
  assert_false(buffer_flipped(buffer_of(p, "x")));
  assert_false(buffer_flipped(buffer_of(p, "b")));
  assert_int_equal(buffer_of(p, "b")->place, PLACE_output);
  p = plan_of(g, "x86-64-v3", false);
  assert_false(buffer_flipped(buffer_of(p, "a")));
  assert_good(g, 1);
}

/* 8-bit elements without scale are not numbers to move. */
static void other_types_stay(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[2,4]\n"
                   "input %y : i16[2,4] q(0.5, 0)\n"
                   "%a : i8[4,2] = transpose %x { perm=[1,0] }\n"
                   "%ar : i8[8] = reshape %a\n"
                   "%b : i8[1,8] = reshape %ar\n"
                   "%c : i8[8,1] = transpose %b { perm=[1,0] }\n"
                   "%d : i16[4,2] q(0.5, 0) = transpose %y { perm=[1,0] }\n"
                   "%e : i16[2,4] q(0.5, 0) = transpose %d { perm=[1,0] }\n"
                   "output %c, %e\n");
  Plan *p = plan_of(g, "x86-64-avx512vnni", false);
  assert_ptr_equal(buffer_of(p, "a")->type, buffer_of(p, "a")->value->type);
  assert_ptr_equal(buffer_of(p, "d")->type, buffer_of(p, "d")->value->type);
  assert_good(g, 7);
}

static void reshapes_are_views(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : u8[2,8]" Q "\n"
                   "%xr : u8[16]" Q " = reshape %x\n"
                   "%a : u8[16]" Q " = relu %xr\n"
                   "%ar : u8[4,4]" Q " = reshape %a\n"
                   "%b : u8[4,4]" Q " = relu %ar\n"
                   "%br : u8[16]" Q " = reshape %b\n"
                   "output %br\n");
  Plan *p = plan_of(g, "cortex-m4", false);
  assert_int_equal(p->steps.n, 2);
  assert_ptr_equal(buffer_of(p, "xr")->base, buffer_of(p, "x"));
  assert_int_equal(buffer_of(p, "xr")->place, PLACE_input);
  assert_ptr_equal(buffer_of(p, "ar")->base, buffer_of(p, "a"));
  assert_true(buffer_flipped(buffer_of(p, "ar")));
  assert_int_equal(buffer_of(p, "b")->place, PLACE_output);
  assert_int_equal(buffer_of(p, "br")->place, PLACE_output);
  assert_int_equal(p->arena_bytes, 16);
  assert_good(g, 2);
}

/* Outputs that nothing computes, or that are one value twice. */
static void outputs_that_need_copies(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,4]" Q "\n"
                   "const @c : i8[1,4]" Q " = {1, 2, 3, 4}\n"
                   "%a : i8[1,4]" Q " = relu %x\n"
                   "%b : i8[1,4]" Q " = relu %a\n"
                   "%xr : i8[4]" Q " = reshape %x\n"
                   "%ar : i8[4]" Q " = reshape %a\n"
                   "output %x, @c, %a, %a, %b, %xr, %ar\n");
  Plan *p = plan_of(g, "x86-64-avx512vnni", false);
  assert_int_equal(p->steps.n, 2 + 5);
  assert_int_equal(buffer_of(p, "a")->place, PLACE_output);
  assert_int_equal(buffer_of(p, "a")->index, 2);
  assert_int_equal(p->arena_bytes, 0);
  assert_good(g, 3);
}

static void layers_run_in_place(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,1024]" Q "\n"
                   "%a : i8[1,1024]" Q " = relu %x\n"
                   "%b : i8[1,1024]" Q " = leaky_relu %a { alpha=0.5 }\n"
                   "%c : i8[1,1024]" Q " = add %a, %b\n"
                   "%d : i8[1,1024]" Q " = add %c, %c\n"
                   "%e : i8[1,1024]" Q " = relu %d\n"
                   "output %e\n");
  Plan *p = plan_of(g, "cortex-m4", false);
  assert_int_equal(p->arena_bytes, 2048);
  assert_int_equal(p->arena_lower_bound, 2048);
  p = plan_of(g, "cortex-m4", true);
  assert_int_equal(p->arena_bytes, 4 * 1024);
  assert_good(g, 4);
}

/* A convolution that pads has its input in scratch before it writes. */
static void staged_inputs_make_room(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,8,8,4]" Q "\n"
                   "const @w : i8[1,3,3,4] q(axis 3, {1.0, 1.0, 1.0, 1.0}, 0)"
                   " = splat 1\n"
                   "%a : i8[1,8,8,4]" Q " = relu %x\n"
                   "%b : i8[1,8,8,4]" Q
                   " = depthwise_conv2d %a, @w { pad=[1,1,1,1] }\n"
                   "%c : i8[1,8,8,4]" Q " = relu %b\n"
                   "output %c\n");
  Plan *p = plan_of(g, "aarch64", false);
  const Step *s = p->steps.v[1];
  assert_true(s->reads_first);
  assert_true(s->scratch_bytes >= 10 * 10 * 4);
  assert_int_equal(p->arena_bytes, s->scratch_bytes + 8 * 8 * 4);
  assert_good(g, 8);
}

static void state_is_read_before_it_is_written(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,4]" Q "\n"
                   "const @c : i8[1,4]" Q " = {9, 8, 7, 6}\n"
                   "state %s : i8[1,4]" Q " = @c -> %t\n"
                   "state %old : i8[1,4]" Q " -> %s\n"
                   "state %older : i8[1,4]" Q " -> %old\n"
                   "state %in : i8[1,4]" Q " = @c -> %x\n"
                   "state %kept : i8[1,4]" Q " = @c -> %kept\n"
                   "state %const : i8[1,4]" Q " -> @c\n"
                   "%t : i8[1,4]" Q " = add %s, %x\n"
                   "%u : i8[1,4]" Q " = add %older, %in\n"
                   "%v : i8[1,4]" Q " = add %u, %kept\n"
                   "output %v, %s, %old, %const, %t\n");
  assert_good(g, 5);
}

/* What nobody reads from then on is overwritten where it lies. */
static void state_is_updated_in_place(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,4]" Q "\n"
                   "state %s : i8[1,4]" Q " -> %t\n"
                   "%y : i8[1,4]" Q " = add %s, %x\n"
                   "%t : i8[1,4]" Q " = add %y, %x\n"
                   "%z : i8[1,4]" Q " = relu %t\n"
                   "output %z\n");
  Plan *p = plan_of(g, "x86-64-avx512vnni", false);
  assert_int_equal(p->steps.n, 3);
  assert_int_equal(buffer_of(p, "t")->place, PLACE_state);
  assert_int_equal(buffer_of(p, "t")->offset, buffer_of(p, "s")->offset);
  assert_false(buffer_flipped(buffer_of(p, "t")));
  assert_good(g, 6);
}

static void symbols_say_what_they_are(void **state) {
  (void)state;
  Graph *g = parse("model \"my net-2\" rounding=tflite\n"
                   "input %\"free\" : i8[1,4]" Q "\n"
                   "%\"out:0\" : i8[1,4]" Q " = relu %\"free\"\n"
                   "output %\"out:0\"\n");
  Plan *p = plan_of(g, "cortex-m4", false);
  assert_string_equal(p->name, "my_net_2");
  assert_string_equal(p->in_name[0], "input_free");
  assert_string_equal(p->out_name[0], "out_0");
  assert_memory_equal(p->steps.v[0]->symbol, "my_net_2.relu_0.", 16);
  assert_int_equal(p->blobs.n, 1);
  assert_memory_equal(p->blobs.v[0]->symbol, "my_net_2.relu_0.", 16);
}

static void equal_blobs_are_one(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : i8[1,8]" Q "\n"
                   "%a : i8[1,8] q(0.25, 1) = relu %x\n"
                   "output %a\n");
  Plan *p = plan_of(g, "cortex-m4", false);
  Step *s = p->steps.v[0];
  int64_t before = s->blob_bytes;
  int n = p->blobs.n;
  const Blob *a = plan_blob(p, s, "p", "abcd", 4, 4);
  const Blob *b = plan_blob(p, s, "q", "abcd", 4, 4);
  const Blob *c = plan_blob(p, s, "r", "abce", 4, 4);
  const Blob *d = plan_blob(p, s, "s", "abcd", 4, 16);
  assert_ptr_equal(a, b);
  assert_ptr_not_equal(a, c);
  assert_ptr_not_equal(a, d);
  assert_int_equal(p->blobs.n, n + 3);
  assert_int_equal(s->blob_bytes, before + 12);
}

static void all_ops_without_kernel_are_named(void **state) {
  (void)state;
  Graph *g = parse("model \"m\" rounding=tflite\n"
                   "input %x : f64[1,8]\n"
                   "%a : f64[1,8] = logistic %x\n"
                   "%b : f64[1,8] = tanh %x\n"
                   "output %a, %b\n");
  PlanOptions opt = {.name = NULL};
  assert_null(plan_new(arena, g, target("cortex-m4"), &opt));
  assert_int_equal(diag_error_count(diag), 2);
  assert_int_equal(diag_exit_status(diag), EXIT_UNSUPPORTED);
}

/* ---- random graphs ---- */

enum { MAX_VALUES = 40 };

typedef struct Maker {
  Graph *g;
  uint64_t random;
  const Type *shape[2];
  Value *value[MAX_VALUES];
  int n;
} Maker;

static int pick(Maker *m, int n) {
  return (int)(test_random(&m->random) % (uint64_t)n);
}

/* A value so far of shape `s` (-1: any); there is always one. */
static Value *some_value(Maker *m, int s) {
  for (;;) {
    Value *v = m->value[pick(m, m->n)];
    if (s < 0 || type_equal(v->type, m->shape[s]))
      return v;
  }
}

/* One half of v along an axis, by a split whose other half nobody reads. */
static Value *half_of(Maker *m, Value *v, int axis, int which) {
  Type *half = arena_dup(m->g->arena, v->type, sizeof *half);
  half->dim[axis] /= 2;
  const Type *types[] = {half, half};
  Attrs attrs = attrs_default(OP_split);
  attrs.axis.axis = axis;
  Op *op =
      graph_op(m->g, NULL, OP_split, &attrs, 1, &v, 2, types, NULL, (Loc){0});
  return op->out[which];
}

static void add_op(Maker *m) {
  static const OpKind kinds[] = {OP_relu,    OP_add,     OP_mul,
                                 OP_reshape, OP_reshape, OP_concat};
  OpKind kind = kinds[pick(m, 6)];
  int from = pick(m, 2), to = kind == OP_reshape ? 1 - from : from;
  Value *in[2] = {some_value(m, from), some_value(m, from)};
  Attrs attrs = attrs_default(kind);
  if (kind == OP_concat) {
    /* the outermost of several elements, or the last: parts or strided */
    int axis = pick(m, 2) ? m->shape[from]->rank - 1 : 1;
    attrs.axis.axis = axis;
    in[0] = half_of(m, in[0], axis, 0);
    in[1] = half_of(m, in[1], axis, 1);
    for (int i = 0; i < 2; i++)
      if (pick(m, 2))
        in[i] = graph_op(m->g, NULL, OP_relu, NULL, 1, &in[i], 1, &in[i]->type,
                         NULL, (Loc){0})
                    ->out[0];
  }
  int nin = kind == OP_concat ? 2 : op_info(kind)->nin_min;
  Op *op = graph_op(m->g, NULL, kind, &attrs, nin, in, 1, &m->shape[to], NULL,
                    (Loc){0});
  m->value[m->n++] = op->out[0];
}

static void add_constant(Maker *m) {
  const Type *t = m->shape[pick(m, 2)];
  uint8_t *data = arena_alloc(m->g->arena, (size_t)type_bytes(t));
  for (int64_t i = 0; i < type_bytes(t); i++)
    data[i] = (uint8_t)test_random(&m->random);
  m->value[m->n++] = graph_const(m->g, NULL, t, data);
}

static Graph *random_graph(uint64_t seed) {
  Maker m = {.g = graph_new(arena, diag, "random"), .random = seed};
  const QuantParams *q = quant_per_tensor(arena, 0.5f, -5, DT_i8);
  m.shape[0] = type_new(arena, DT_i8, 4, (int64_t[]){1, 2, 3, 4}, q);
  m.shape[1] = type_new(arena, DT_i8, 2, (int64_t[]){1, 24}, q);
  for (int i = 0; i < 2; i++)
    m.value[m.n++] = graph_input(m.g, NULL, m.shape[i]);
  add_constant(&m);
  int nstate = pick(&m, 3), nop = 1 + pick(&m, 20), noutput = 1 + pick(&m, 4);
  Value *states[2];
  for (int i = 0; i < nstate; i++)
    m.value[m.n++] = states[i] = graph_state(m.g, NULL, m.shape[i % 2], NULL);
  for (int i = 0; i < nop; i++)
    add_op(&m);
  for (int i = 0; i < noutput; i++)
    graph_output(m.g, some_value(&m, -1));
  for (int i = 0; i < nstate; i++)
    graph_set_state_out(m.g, states[i], some_value(&m, i % 2));
  if (!graph_verify(m.g))
    diag_print(diag, stderr);
  assert_int_equal(diag_error_count(diag), 0);
  return m.g;
}

static void random_graphs_compute(void **state) {
  for (uint64_t seed = 1; seed <= 300; seed++) {
    teardown(state);
    setup(state);
    assert_good(random_graph(seed * 0x9e3779b97f4a7c15u), seed);
  }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(stored_types_follow_the_target),
      TEST(other_types_stay),
      TEST(reshapes_are_views),
      TEST(outputs_that_need_copies),
      TEST(layers_run_in_place),
      TEST(staged_inputs_make_room),
      TEST(state_is_read_before_it_is_written),
      TEST(state_is_updated_in_place),
      TEST(symbols_say_what_they_are),
      TEST(equal_blobs_are_one),
      TEST(all_ops_without_kernel_are_named),
      TEST(random_graphs_compute),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
