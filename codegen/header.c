/* NAME.h: the interface of the object, C99 and C++, for people first (the
 * comment block), then for programs. Names of the model's own tensors are
 * untrusted text and appear only inside the comment, spelled out. */
#include "codegen/emit.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* C spelling of an element; bits packed below a byte and floats without a
 * C type travel as unsigned integers. */
static const char *const c_types[DT_COUNT] = {
    [DT_i4] = "uint8_t",   [DT_u4] = "uint8_t",   [DT_i8] = "int8_t",
    [DT_u8] = "uint8_t",   [DT_i16] = "int16_t",  [DT_u16] = "uint16_t",
    [DT_i32] = "int32_t",  [DT_u32] = "uint32_t", [DT_i64] = "int64_t",
    [DT_u64] = "uint64_t", [DT_f16] = "uint16_t", [DT_bf16] = "uint16_t",
    [DT_f32] = "float",    [DT_f64] = "double",   [DT_bool] = "uint8_t"};

/* A model tensor as the header shows it. */
typedef struct Tensor {
  const char *name;  /* member of the struct */
  const char *macro; /* "KWS_AUDIO" */
  const char *original;
  const Type *type;
  const Preprocess *how; /* of an input; or NULL */
} Tensor;

typedef struct Header {
  Str *out;
  const Plan *plan;
  const ObjectSizes *sizes;
  const char *lower, *upper; /* "kws", "KWS" */
  Tensor *in, *output;
  int nin, nout;
} Header;

static char *upper_case(Arena *a, const char *s) {
  char *u = arena_strdup(a, s);
  for (char *c = u; *c; c++)
    *c = (char)toupper((unsigned char)*c);
  return u;
}

static Tensor *tensors(Header *h, Value *const *v, const char *const *name,
                       int n) {
  Arena *a = h->plan->arena;
  Tensor *t = ARENA_ARRAY(a, Tensor, n);
  for (int i = 0; i < n; i++)
    t[i] = (Tensor){name[i],
                    arena_printf(a, "%s_%s", h->upper, upper_case(a, name[i])),
                    v[i]->name, v[i]->type, v[i]->preprocess};
  return t;
}

/* Any text as part of a comment: valid UTF-8, no control characters, neither
 * end nor start of a comment, no trigraph, no continued line. */
static void add_comment_text(Str *out, const char *s) {
  Str clean = str_new(out->arena);
  str_add_utf8(&clean, s);
  const char *p = str_cstr(&clean);
  for (char last = 0; *p; last = *p++) {
    if ((last == '*' && *p == '/') || (last == '/' && *p == '*') ||
        (last == '?' && *p == '?'))
      str_add(out, " ");
    char c = (unsigned char)*p < 32 || *p == 127 || *p == '\\' ? '?' : *p;
    str_add_bytes(out, &c, 1);
  }
}

static void add_tensor_line(Str *out, const char *role, const Tensor *t) {
  str_printf(out, " *   %-6s %-20s ", role, t->name);
  Type shape = *t->type;
  shape.q = NULL;
  type_print(out, &shape);
  if (type_is_quantized(t->type)) {
    str_add(out, ", real = ");
    str_add_float(out, type_scale(t->type));
    int zero = type_zero_point(t->type);
    str_printf(out, " * (q %c %d)", zero < 0 ? '+' : '-', abs(zero));
  }
  if (strcmp(t->name, t->original) != 0) {
    str_add(out, ", '");
    add_comment_text(out, t->original);
    str_add(out, "' in the model");
  }
  str_add(out, "\n");
  if (t->how) {
    str_add(out, " *     made of samples by ");
    preprocess_print(out, t->how);
    str_add(out, "\n");
  }
}

static int64_t plan_macs(const Plan *p) {
  int64_t macs = 0;
  for (const Op *op = p->graph->first; op; op = op->next)
    macs += op_macs(op);
  return macs;
}

static void add_tiers(Str *o, const Plan *p) {
  if (p->tiers.n == 1)
    return;
  for (int i = 0; i < p->tiers.n; i++)
    str_printf(o, "%s%s", i ? ", " : " * tiers ", p->tiers.v[i]->tier);
  if (p->opt.caller_tier)
    str_printf(o, ":\n *   %s_tier says which one runs\n", p->name);
  else
    str_add(o, ":\n *   which one a machine runs is settled by the first "
               "call\n");
}

/* What the caller chooses by. */
static void add_tier_word(Header *h) {
  const Plan *p = h->plan;
  if (p->tiers.n == 1 || !p->opt.caller_tier)
    return;
  str_printf(h->out,
             "\n/* The tier that runs: of those that the machine has the last. "
             "To be set\n * before the first run; 0 is the first. */\n"
             "extern uint32_t %s_tier;\n",
             h->lower);
  for (int i = 0; i < p->tiers.n; i++)
    str_printf(h->out, "#define %s_TIER_%s %d\n", h->upper,
               upper_case(p->arena, p->tiers.v[i]->tier), i + 1);
}

static void add_comment(Header *h) {
  const Plan *p = h->plan;
  Str *o = h->out;
  str_printf(o, "/* %s: a neural network, compiled by Kiln.\n *\n", h->lower);
  for (int i = 0; i < h->nin; i++)
    add_tensor_line(o, "input", &h->in[i]);
  for (int i = 0; i < h->nout; i++)
    add_tensor_line(o, "output", &h->output[i]);
  str_printf(o, " *\n * target %s (%s), compile with\n *   %s\n",
             p->whole->name, p->whole->triple, p->whole->gcc);
  add_tiers(o, p);
  str_printf(o, " * flash %lld bytes (code %lld, constants %lld)\n",
             (long long)h->sizes->flash_bytes, (long long)h->sizes->code_bytes,
             (long long)h->sizes->rodata_bytes);
  str_printf(o, " * arena %lld bytes, stack %lld bytes, state %lld bytes\n",
             (long long)p->arena_bytes, (long long)h->sizes->stack_bytes,
             (long long)p->state_bytes);
  str_printf(o, " * %lld multiply-accumulates, rounding %s\n *\n",
             (long long)plan_macs(p), rounding_name(p->graph->rounding));
  str_printf(
      o,
      " * %s_run is re-entrant: calls may run at the same time when each has\n"
      " * an arena%s and outputs of its own. It allocates nothing, calls\n"
      " * nothing outside of its object and keeps nothing between calls%s%s.\n"
      " * Inputs and outputs need no alignment beyond their type; an output\n"
      " * may not overlap any other buffer. */\n",
      h->lower, p->state_bytes ? ", a state" : "",
      p->state_bytes ? " but\n * the state" : "",
      p->tiers.n == 1  ? ""
      : p->state_bytes ? " and the tier"
                       : " but\n * the tier");
}

static void add_sizes(Header *h) {
  const Plan *p = h->plan;
  int threads = p->opt.threads;
  struct {
    const char *name;
    int64_t value;
  } rows[] = {{"ARENA_BYTES", p->arena_bytes},
              {"ARENA_ALIGN", p->arena_align},
              {"STACK_BYTES", h->sizes->stack_bytes},
              {"STATE_BYTES", p->state_bytes},
              {"THREADS", threads},
              {"PARALLEL_STACK_BYTES", h->sizes->parallel_stack_bytes}};
  size_t n = sizeof rows / sizeof *rows - (threads ? 0 : 2);
  for (size_t i = 0; i < n; i++)
    str_printf(h->out, "#define %s_%s %lld\n", h->upper, rows[i].name,
               (long long)rows[i].value);
}

static void add_tensor_macros(Header *h, const Tensor *t) {
  Str *o = h->out;
  str_printf(o, "\n#define %s_COUNT %lld\n", t->macro,
             (long long)type_count(t->type));
  str_printf(o, "#define %s_RANK %d\n", t->macro, t->type->rank);
  for (int i = 0; i < t->type->rank; i++)
    str_printf(o, "#define %s_DIM%d %lld\n", t->macro, i,
               (long long)t->type->dim[i]);
  if (!type_is_quantized(t->type))
    return;
  str_printf(o, "#define %s_SCALE ", t->macro);
  str_add_float(o, type_scale(t->type));
  int zero = type_zero_point(t->type);
  str_printf(o,
             zero < 0 ? "f\n#define %s_ZERO (%d)\n" : "f\n#define %s_ZERO %d\n",
             t->macro, zero);
}

/* Memory that a program declares: aligned by whatever its compiler has. */
static void add_memory(Header *h, const char *what) {
  static const char text[] =
      "\n#if defined(__GNUC__)\n"
      "#define ^0_DECLARE_^1(name) \\\n"
      "  unsigned char name[^0_^1_BYTES > 0 ? ^0_^1_BYTES : 1] \\\n"
      "  __attribute__((aligned(^0_ARENA_ALIGN)))\n"
      "#elif defined(__cplusplus)\n"
      "#define ^0_DECLARE_^1(name) \\\n"
      "  unsigned char name alignas(^0_ARENA_ALIGN) \\\n"
      "  [^0_^1_BYTES > 0 ? ^0_^1_BYTES : 1]\n"
      "#else\n"
      "#define ^0_DECLARE_^1(name) \\\n"
      "  _Alignas(^0_ARENA_ALIGN) unsigned char \\\n"
      "  name[^0_^1_BYTES > 0 ? ^0_^1_BYTES : 1]\n"
      "#endif\n";
  template_add(h->out, text, (const char *const[]){h->upper, what});
}

static void add_struct(Header *h, const char *suffix, const Tensor *t, int n,
                       bool input) {
  str_add(h->out, "\ntypedef struct {\n");
  for (int i = 0; i < n; i++)
    str_printf(h->out, "  %s%s *%s; /* (%s_COUNT) */\n", input ? "const " : "",
               c_types[t[i].type->dtype], t[i].name, t[i].macro);
  if (input && h->plan->state_bytes)
    str_printf(h->out,
               "  void *state; /* (%s_STATE_BYTES), aligned as the "
               "arena */\n",
               h->upper);
  else if (n == 0)
    str_add(h->out, "  const void *unused;\n");
  str_printf(h->out, "} %s_%s;\n", h->lower, suffix);
}

static int member_count(const Header *h, bool input) {
  int n = input ? h->nin + (h->plan->state_bytes ? 1 : 0) : h->nout;
  return n ? n : 1;
}

static void add_asserts(Header *h) {
  static const struct {
    const char *condition, *word;
  } languages[] = {
      {"#if defined(__cplusplus)\n#if __cplusplus >= 201103L", "static_assert"},
      {"#endif\n#elif defined(__STDC_VERSION__) && "
       "__STDC_VERSION__ >= 201112L",
       "_Static_assert"}};
  str_add(h->out, "\n/* Callers that know no names may pass arrays of "
                  "pointers. */\n");
  for (int i = 0; i < 2; i++) {
    str_printf(h->out, "%s\n", languages[i].condition);
    for (int k = 0; k < 2; k++)
      str_printf(h->out,
                 "%s(sizeof(%s_%s) == %d * sizeof(void *),\n"
                 "  \"only pointers, in order\");\n",
                 languages[i].word, h->lower, k ? "out" : "in",
                 member_count(h, k == 0));
  }
  str_add(h->out, "#endif\n");
}

static void add_parallel(Header *h) {
  static const char text[] =
      "\n/* The same bytes by threads of the caller's. parallel_for(ctx, "
      "count, body,\n"
      " * data) calls body(data, part) once for each part from 0 to count - "
      "1, in any\n"
      " * order, from any threads, and returns when all of them have; count "
      "is at most\n"
      " * ^1_THREADS. 1 also where it is null. */\n"
      "int ^0_run_parallel(\n"
      "    const ^0_in *in, const ^0_out *out, void *arena,\n"
      "    void (*parallel_for)(void *ctx, int count,\n"
      "                         void (*body)(void *data, int part), "
      "void *data),\n"
      "    void *ctx);\n";
  if (h->plan->opt.threads)
    template_add(h->out, text, (const char *const[]){h->lower, h->upper});
}

static void add_functions(Header *h) {
  str_printf(h->out,
             "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
             "/* 0 done, 1 a null pointer, 2 arena%s misaligned, 3 buffers "
             "overlap,\n * 4 reserved. Nothing is written unless it returns "
             "0. */\n"
             "int %s_run(const %s_in *in, const %s_out *out, void *arena);\n",
             h->plan->state_bytes ? " or state" : "", h->lower, h->lower,
             h->lower);
  add_parallel(h);
  if (h->plan->state_bytes)
    str_printf(h->out,
               "\n/* Before the first run, and to start over. */\n"
               "void %s_reset(void *state);\n",
               h->lower);
  add_tier_word(h);
  str_add(h->out, "\n#ifdef __cplusplus\n}\n#endif\n");
}

static const char *number(Arena *a, int64_t x) {
  return arena_printf(a, "%lld", (long long)x);
}

static bool has_converters(const Tensor *t) {
  return type_is_quantized(t->type) && dtype_bits(t->type->dtype) >= 8 &&
         dtype_bits(t->type->dtype) <= 16;
}

/* Rounds half away from zero and saturates, as TFLite's Quantize does; the
 * comparisons come first, so that no conversion can overflow, and send NaN
 * to the low end. */
static void add_quantize(Header *h, const Tensor *t) {
  static const char text[] = "\nstatic inline ^0 ^1_quantize_^2(float x) {\n"
                             "  const float q = x / ^3_SCALE;\n"
                             "  int whole;\n"
                             "  if (!(q > ^4.0f))\n"
                             "    return (^0)(^6);\n"
                             "  if (q >= ^5.0f)\n"
                             "    return (^0)^7;\n"
                             "  whole = (int)q;\n"
                             "  if (q - (float)whole >= 0.5f)\n"
                             "    whole++;\n"
                             "  else if (q - (float)whole <= -0.5f)\n"
                             "    whole--;\n"
                             "  return (^0)(whole + ^3_ZERO);\n"
                             "}\n";
  if (!has_converters(t))
    return;
  Arena *a = h->plan->arena;
  DType dt = t->type->dtype;
  int64_t lo = dtype_min(dt), hi = dtype_max(dt);
  int64_t zero = type_zero_point(t->type);
  template_add(h->out, text,
               (const char *const[]){c_types[dt], h->lower, t->name, t->macro,
                                     number(a, lo - zero), number(a, hi - zero),
                                     number(a, lo), number(a, hi)});
}

static void add_dequantize(Header *h, const Tensor *t) {
  if (!has_converters(t))
    return;
  str_printf(h->out,
             "\nstatic inline float %s_dequantize_%s(%s q) {\n"
             "  return %s_SCALE * (float)(q - %s_ZERO);\n"
             "}\n",
             h->lower, t->name, c_types[t->type->dtype], t->macro, t->macro);
}

static void add_macros(Header *h) {
  add_sizes(h);
  for (int i = 0; i < h->nin; i++)
    add_tensor_macros(h, &h->in[i]);
  for (int i = 0; i < h->nout; i++)
    add_tensor_macros(h, &h->output[i]);
  add_memory(h, "ARENA");
  if (h->plan->state_bytes)
    add_memory(h, "STATE");
}

void header_write(Str *out, const Plan *p, const ObjectSizes *sizes) {
  Header h = {.out = out,
              .plan = p,
              .sizes = sizes,
              .lower = p->name,
              .upper = upper_case(p->arena, p->name),
              .nin = p->graph->inputs.n,
              .nout = p->graph->outputs.n};
  h.in = tensors(&h, p->graph->inputs.v, p->in_name, h.nin);
  h.output = tensors(&h, p->graph->outputs.v, p->out_name, h.nout);
  add_comment(&h);
  str_printf(out, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n",
             h.upper, h.upper);
  add_macros(&h);
  add_struct(&h, "in", h.in, h.nin, true);
  add_struct(&h, "out", h.output, h.nout, false);
  add_asserts(&h);
  add_functions(&h);
  for (int i = 0; i < h.nin; i++)
    add_quantize(&h, &h.in[i]);
  for (int i = 0; i < h.nout; i++)
    add_dequantize(&h, &h.output[i]);
  str_printf(out, "\n#endif\n");
}
