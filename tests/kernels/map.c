/* Kernels of plain elements: every op of ir/map.def, select, cast, bitcast
 * on every type that it takes, broadcasting; softmax of floats; values at the
 * ends of the range, subnormals, infinities and NaN. */
#include "ir/map.h"
#include "tests/kernels/light.h"

static const DType floats[] = {DT_f32, DT_f16, DT_bf16, DT_f64};
static const DType integers[] = {DT_i8,  DT_u8,  DT_i16, DT_u16,
                                 DT_i32, DT_u32, DT_i64, DT_u64};

static DType random_plain(Random *r, const MapInfo *m) {
  for (;;) {
    int k = random_below(r, 10);
    if (k == 0 && m->takes_bool)
      return DT_bool;
    if (k < 5 && m->takes_float)
      return floats[random_below(r, 4)];
    DType t = integers[random_below(r, 8)];
    if (k >= 5 && (dtype_is_signed(t) ? m->takes_signed : m->takes_unsigned))
      return t;
  }
}

static DType any_dtype(Random *r) {
  int k = random_below(r, 13);
  return k < 4 ? floats[k] : k < 12 ? integers[k - 4] : DT_bool;
}

typedef struct Dims {
  int rank;
  int64_t dim[MAX_RANK];
} Dims;

static Dims broadcast_dims(Random *r, const Dims *y, int odds) {
  int skip = random_below(r, odds) == 0 ? random_below(r, y->rank) : 0;
  Dims d = {.rank = y->rank - skip};
  for (int i = 0; i < d.rank; i++)
    d.dim[i] = random_below(r, odds) == 0 ? 1 : y->dim[i + skip];
  return d;
}

static void join_dims(Dims *y, const Dims *a) {
  for (int i = 1; i <= a->rank; i++)
    if (a->dim[a->rank - i] != 1)
      y->dim[y->rank - i] = a->dim[a->rank - i];
}

static Dims random_dims(Random *r) {
  Dims y = {.rank = random_in(r, 1, 4)};
  for (int i = 0; i < y.rank; i++)
    y.dim[i] = random_in(r, 1, y.rank == 1 ? 150 : i == y.rank - 1 ? 40 : 4);
  return y;
}

static Value *operand(Check *c, Random *r, const char *name, DType t,
                      const Dims *d) {
  const Type *type = type_new(c->arena, t, d->rank, d->dim, NULL);
  if (random_below(r, 4))
    return random_input(c, r, name, type);
  uint8_t *data = arena_alloc(c->arena, (size_t)type_bytes(type));
  for (int64_t i = 0; i < type_bytes(type); i++)
    data[i] = (uint8_t)random_below(r, 256);
  return graph_const(c->graph, name, type, data);
}

/* Operands of n inputs that broadcast; *y: the result's dimensions. */
static void operands(Check *c, Random *r, int n, const DType *t, Value **in,
                     Dims *y) {
  static const char *const names[] = {"a", "b", "c"};
  int odds = random_below(r, 2) ? 3 : 100;
  Dims full = random_dims(r), d[3];
  *y = (Dims){.rank = 0};
  for (int i = 0; i < n; i++) {
    d[i] = n == 1 ? full : broadcast_dims(r, &full, odds);
    y->rank = d[i].rank > y->rank ? d[i].rank : y->rank;
  }
  for (int i = 0; i < y->rank; i++)
    y->dim[i] = 1;
  for (int i = 0; i < n; i++) {
    join_dims(y, &d[i]);
    in[i] = operand(c, r, names[i], t[i], &d[i]);
  }
}

static void set_attrs(Random *r, OpKind k, DType t, Attrs *at) {
  *at = attrs_default(k);
  bool fuses = k == OP_add || k == OP_sub || k == OP_mul;
  if (fuses && dtype_is_float(t))
    at->act.act = (Act)random_below(r, ACT_COUNT);
  if (k == OP_leaky_relu)
    at->leaky.alpha = 0.01f * (float)random_in(r, -20, 120);
  if (k == OP_mod)
    at->mod.fmod = random_below(r, 2);
  if (k == OP_is_inf) {
    at->is_inf.detect_negative = random_below(r, 2);
    at->is_inf.detect_positive = random_below(r, 2);
  }
}

/* Every row in turn. */
static void function_case(Check *c, Random *r, int seed) {
  int rows = 0, at = 0;
  for (int k = 0; k < OP_COUNT; k++)
    rows += map_info((OpKind)k) != NULL;
  int want = seed % rows;
  while (!map_info((OpKind)at) || want-- > 0)
    at++;
  OpKind k = (OpKind)at;
  DType t = random_plain(r, map_info(k));
  int n = op_info(k)->nin_min;
  DType types[2] = {t, t};
  Value *in[2];
  Dims y;
  Attrs attrs;
  operands(c, r, n, types, in, &y);
  set_attrs(r, k, t, &attrs);
  DType out = map_info(k)->makes_bool ? DT_bool : t;
  const Type *yt = type_new(c->arena, out, y.rank, y.dim, NULL);
  give(c, r, add_op(c, k, &attrs, n, in, yt));
}

static void select_case(Check *c, Random *r) {
  bool quantized = random_below(r, 2);
  DType t = quantized ? random_q8(r) : any_dtype(r);
  DType types[] = {DT_bool, t, t};
  Value *in[3];
  Dims y;
  operands(c, r, 3, types, in, &y);
  const Type *yt = type_new(c->arena, t, y.rank, y.dim, NULL);
  if (quantized) {
    yt = q8_type(c, r, t, y.rank, y.dim, random_scale(r));
    for (int i = 1; i < 3; i++) {
      const Type *x = in[i]->type;
      x = type_new(c->arena, t, x->rank, x->dim, yt->q);
      in[i] = random_input(c, r, "q", x);
    }
  }
  Attrs at = attrs_default(OP_select);
  give(c, r, add_op(c, OP_select, &at, 3, in, yt));
}

static void cast_case(Check *c, Random *r) {
  DType from = any_dtype(r), to = any_dtype(r);
  if (random_below(r, 4) == 0)
    from = random_below(r, 2) ? DT_i4 : DT_u4;
  if (random_below(r, 4) == 0)
    to = random_below(r, 2) ? DT_i4 : DT_u4;
  Value *in[1];
  Dims y;
  operands(c, r, 1, &from, in, &y);
  bool view = dtype_bits(from) == dtype_bits(to) && from != DT_bool &&
              to != DT_bool && !dtype_is_float(from) && dtype_bits(from) >= 8 &&
              random_below(r, 2);
  OpKind k = view ? OP_bitcast : OP_cast;
  Attrs at = attrs_default(k);
  if (k == OP_cast)
    at.cast.saturate = random_below(r, 2);
  const Type *yt = type_new(c->arena, to, y.rank, y.dim, NULL);
  give(c, r, add_op(c, k, &at, 1, in, yt));
}

static bool is_wide(const Type *t) {
  return dtype_is_integer(t->dtype) && dtype_bits(t->dtype) == 64;
}

static void softmax_case(Check *c, Random *r) {
  DType t = floats[random_below(r, 4)];
  int64_t dim[2] = {random_in(r, 1, random_below(r, 2) ? 40 : 4),
                    random_in(r, 1, 100)};
  Attrs at = attrs_default(OP_softmax);
  at.softmax.beta = random_below(r, 2) ? 1 : 0.3f;
  const Type *type = type_new(c->arena, t, 2, dim, NULL);
  Value *x = random_input(c, r, "x", type);
  give(c, r, add_op(c, OP_softmax, &at, 1, &x, type));
}

/* Targets without doubles refuse them, and 32-bit ones the conversion of
 * 64-bit integers to doubles and back. */
static bool is_refused(const Check *c) {
  bool is_arm = c->target->arch == ARCH_arm;
  for (const Op *op = c->graph->first; op; op = op->next)
    if (op->kind == OP_cast && is_arm &&
        ((is_wide(op->in[0]->type) && op->out[0]->type->dtype == DT_f64) ||
         (is_wide(op->out[0]->type) && op->in[0]->type->dtype == DT_f64)))
      return true;
  return check_lacks_doubles(c);
}

static void one_case(const char *target, int seed) {
  Random r = {(uint32_t)seed * 7919u + 41};
  Check c = check_new(target);
  random_below(&r, 2);
  c.any_bits = seed % 8 < 5;
  if (seed % 4 == 1)
    select_case(&c, &r);
  else if (seed % 8 == 3)
    softmax_case(&c, &r);
  else if (seed % 8 == 7)
    cast_case(&c, &r);
  else
    function_case(&c, &r, seed / 2);
  if (is_refused(&c))
    arena_free(c.arena);
  else
    check_finish(&c, &r, seed);
}

int main(void) { return check_everywhere((Everywhere){one_case, 264, 64, 64}); }
