/* Orders the ops so that the most bytes live at once are as few as can be.
 *
 * The model of memory is the plan's, without what only kernels know: a value
 * that the caller sees (inputs, outputs, state) takes nothing, nor does a
 * constant; values that are the same bytes under other shapes are one block,
 * live from the op that makes it to the last one that reads it. While an op
 * runs, what it reads and what it makes are both there, but an op of single
 * elements may write over one operand that it is the last to read.
 *
 * The graph is cut where one block alone is live, all ops behind start from
 * it and all before lead to it: nothing is gained by an op on the other side.
 * Each stretch between two cuts is ordered by itself (schedule_order.c), and
 * only if that lowers its peak.
 *
 * New state may be written over the old one where all its readers are done
 * by then; ops that read it stay before the op that makes the new one. */
#include "passes/schedule.h"

#include <string.h>

#include "passes/pass.h"

typedef struct Blocks {
  int n;
  int *of;               /* by value id: -1 takes no bytes, or a constant */
  int64_t *bytes;        /* the rest by block */
  int *made, *last_read; /* op indices; last_read -1: never */
} Blocks;

static bool is_view(const Op *op) {
  return op_info(op->kind)->traits & T_VIEW && !op->in[0]->init;
}

/* Blocks of values seen by the caller lie where he has them. */
static void free_blocks(const Graph *g, Blocks *b) {
  for (int i = 0; i < g->outputs.n; i++)
    if (b->of[g->outputs.v[i]->id] >= 0)
      b->bytes[b->of[g->outputs.v[i]->id]] = 0;
  for (int i = 0; i < g->states.n; i++)
    if (b->of[g->states.v[i].out->id] >= 0)
      b->bytes[b->of[g->states.v[i].out->id]] = 0;
}

static void find_blocks(Graph *g, Arena *a, Blocks *b) {
  b->of = ARENA_ARRAY(a, int, g->values.n);
  b->bytes = ARENA_ARRAY(a, int64_t, g->values.n);
  b->made = ARENA_ARRAY(a, int, g->values.n);
  b->last_read = ARENA_ARRAY(a, int, g->values.n);
  memset(b->of, -1, (size_t)g->values.n * sizeof *b->of);
  for (const Op *op = g->first; op; op = op->next) {
    for (int i = 0; i < op->nin; i++)
      if (op->in[i] && b->of[op->in[i]->id] >= 0)
        b->last_read[b->of[op->in[i]->id]] = op->index;
    for (int i = 0; i < op->nout; i++) {
      const Value *v = op->out[i];
      if (is_view(op)) {
        b->of[v->id] = b->of[op->in[0]->id];
        continue;
      }
      b->of[v->id] = b->n;
      b->bytes[b->n] = type_bytes(v->type);
      b->made[b->n] = op->index;
      b->last_read[b->n++] = -1;
    }
  }
  free_blocks(g, b);
}

/* ---- a stretch ---- */

/* Ops first .. first + n - 1 of the graph. */
typedef struct Stretch {
  const Graph *g;
  const Blocks *b;
  Arena *scratch;
  Op *const *op; /* of the whole graph, by index */
  int first, n;
  Schedule s;
  int *local; /* by block: its number here, -1 = none yet */
} Stretch;

static bool inside(const Stretch *t, int op) {
  return op >= t->first && op < t->first + t->n;
}

static int local_block(Stretch *t, int block) {
  if (t->local[block] >= 0)
    return t->local[block];
  int k = t->local[block] = t->s.nblock++;
  t->s.block[k] =
      (ScheduleBlock){t->b->bytes[block], t->b->made[block] < t->first,
                      t->b->last_read[block] >= t->first + t->n};
  return k;
}

static void add_once(Arena *a, IntArray *l, int x) {
  for (int i = 0; i < l->n; i++)
    if (l->v[i] == x)
      return;
  ARRAY_PUSH(a, l, x);
}

/* Element by element, in ascending order? */
static bool runs_in_place(const Op *op, int input) {
  bool each =
      op_info(op->kind)->traits & (T_UNARY | T_MAP) || op->kind == OP_softmax;
  return each &&
         type_count(op->in[input]->type) == type_count(op->out[0]->type);
}

static void add_op(Stretch *t, const Op *op) {
  ScheduleOp *o = &t->s.op[op->index - t->first];
  for (int i = 0; i < op->nin; i++) {
    const Value *v = op->in[i];
    int block = v ? t->b->of[v->id] : -1;
    if (v && v->def && inside(t, v->def->index))
      ARRAY_PUSH(t->scratch, &o->before, v->def->index - t->first);
    if (block < 0 || !t->b->bytes[block])
      continue;
    add_once(t->scratch, &o->reads, local_block(t, block));
    if (runs_in_place(op, i))
      add_once(t->scratch, &o->over, local_block(t, block));
  }
  for (int i = 0; i < op->nout && !is_view(op); i++)
    ARRAY_PUSH(t->scratch, &o->makes, local_block(t, t->b->of[op->out[i]->id]));
}

/* Do all ops that read the old state come before the one that makes it? */
static bool read_before(const Value *old, const Op *def) {
  for (int i = 0; i < old->uses.n; i++)
    if (old->uses.v[i].op->index >= def->index)
      return false;
  return true;
}

static void keep_state_order(Stretch *t) {
  for (int i = 0; i < t->g->states.n; i++) {
    const State *s = &t->g->states.v[i];
    const Op *def = s->out->def;
    if (!def || !inside(t, def->index) || !read_before(s->in, def))
      continue;
    for (int k = 0; k < s->in->uses.n; k++) {
      int reader = s->in->uses.v[k].op->index;
      if (inside(t, reader))
        ARRAY_PUSH(t->scratch, &t->s.op[def->index - t->first].before,
                   reader - t->first);
    }
  }
}

/* Writes its ops' order to order[first ..]; true when it is another one. */
static bool order_stretch(Stretch *t, Op **order) {
  memset(t->local, -1, (size_t)t->b->n * sizeof *t->local);
  t->s = (Schedule){.nop = t->n,
                    .op = ARENA_ARRAY(t->scratch, ScheduleOp, t->n),
                    .block = ARENA_ARRAY(t->scratch, ScheduleBlock, t->b->n)};
  for (int i = 0; i < t->n; i++)
    add_op(t, t->op[t->first + i]);
  keep_state_order(t);
  ScheduleResult r = schedule_order(t->scratch, &t->s);
  for (int i = 0; i < t->n; i++)
    order[t->first + i] = t->op[t->first + r.order[i]];
  return r.peak < r.given;
}

/* ---- cuts ---- */

/* By op: blocks live behind it that take bytes. */
static const int *live_behind(const Graph *g, const Blocks *b, Arena *a) {
  int *live = ARENA_ARRAY(a, int, g->nop + 1);
  for (int i = 0; i < b->n; i++)
    if (b->bytes[i] && b->last_read[i] > b->made[i]) {
      live[b->made[i]]++;
      live[b->last_read[i]]--;
    }
  for (int i = 1; i < g->nop; i++)
    live[i] += live[i - 1];
  return live;
}

static bool any_bytes(const Blocks *b, Value *const *v, int n) {
  for (int i = 0; i < n; i++)
    if (v[i] && b->of[v[i]->id] >= 0 && b->bytes[b->of[v[i]->id]])
      return true;
  return false;
}

/* Ops that start from what is there all along, or end in what the caller
 * sees; views move nothing. */
static bool starts(const Blocks *b, const Op *op) {
  return !is_view(op) && !any_bytes(b, op->in, op->nin);
}

static bool ends(const Blocks *b, const Op *op) {
  return !is_view(op) && !any_bytes(b, op->out, op->nout);
}

/* Where the stretch from op `first` ends; last_start: the last op that
 * starts. */
static int stretch_end(const Blocks *b, Op *const *op, int nop, int first,
                       const int *live, int last_start) {
  for (int i = first; i < nop; i++) {
    if (ends(b, op[i]))
      break;
    if (live[i] <= 1 && i >= last_start)
      return i + 1;
  }
  return nop;
}

static int order_all(const Graph *g, const Blocks *b, Op *const *op, Op **order,
                     Arena *a) {
  const int *live = live_behind(g, b, a);
  int *local = ARENA_ARRAY(a, int, b->n), reordered = 0, last_start = 0;
  for (int i = 0; i < g->nop; i++)
    if (starts(b, op[i]))
      last_start = i;
  for (int first = 0, end = 0; first < g->nop; first = end) {
    end = stretch_end(b, op, g->nop, first, live, last_start);
    Stretch t = {.g = g,
                 .b = b,
                 .scratch = arena_new(),
                 .op = op,
                 .first = first,
                 .n = end - first,
                 .local = local};
    reordered += order_stretch(&t, order);
    arena_free(t.scratch);
  }
  return reordered;
}

bool pass_schedule(Graph *g, PassCtx *c) {
  Blocks b = {0};
  graph_number(g);
  find_blocks(g, c->scratch, &b);
  Op **op = ARENA_ARRAY(c->scratch, Op *, g->nop);
  Op **order = ARENA_ARRAY(c->scratch, Op *, g->nop);
  for (Op *o = g->first; o; o = o->next)
    op[o->index] = o;
  int reordered = order_all(g, &b, op, order, c->scratch);
  if (reordered)
    graph_reorder(g, order);
  pass_stat(c, "stretches reordered", reordered);
  return true;
}
