/* One test case of the ONNX project: a model, the tensors that it is fed,
 * the tensors that it has to answer. The model is imported, optimized,
 * compiled for this machine and run in this process, and interpreted. */
#ifndef KILN_TESTS_SHARED_ONNX_CASE_H
#define KILN_TESTS_SHARED_ONNX_CASE_H

#include <json-c/json.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "codegen/codegen.h"
#include "frontend/frontend.h"
#include "frontend/onnx/schema.h"
#include "ir/element.h"
#include "passes/pass.h"
#include "support/file.h"

/* Of the project's own comparison: |got - want| <= ATOL + RTOL * |want|, two
 * last places for bf16. Integers have to be equal. */
#define CASE_RTOL 1e-3
#define CASE_RTOL_BF16 0x1p-6
#define CASE_ATOL 1e-7
/* Of cases whose expected values are rounding noise where the true result is
 * 0: the reference's own transform in single precision, which is up to 1.5e-6
 * away from the one in double precision, and from ONNX Runtime's. */
#define CASE_ATOL_NOISY 2e-6

typedef enum Outcome { PASSED, REFUSED, WRONG, CRASHED, OUTCOMES } Outcome;

typedef struct Result {
  Outcome outcome;
  const char *why; /* one line; "" when it passed */
} Result;

typedef struct CaseTensor {
  const char *name;
  const Type *type; /* NULL: not a tensor that Kiln has */
  const void *data;
} CaseTensor;

typedef struct CaseTensors {
  ARRAY(CaseTensor) of;
} CaseTensors;

typedef struct CaseRun {
  Arena *arena;
  Diag *diag;
  const char *model; /* path */
  bool interpret;    /* also by the interpreter */
  bool noisy;        /* CASE_ATOL_NOISY */
  CaseTensors in, out;
} CaseRun;

/* ---- what went wrong, as one line ---- */

static inline Result case_result(Outcome o, const char *why) {
  return (Result){o, why};
}

/* The first error, of a JSON list of diagnostics. */
static inline const char *case_first_error(Arena *a, json_object *list) {
  for (size_t i = 0; i < json_object_array_length(list); i++) {
    json_object *e = json_object_array_get_idx(list, i);
    const char *code =
        json_object_get_string(json_object_object_get(e, "code"));
    const char *what =
        json_object_get_string(json_object_object_get(e, "what"));
    const char *why =
        json_object_get_string(json_object_object_get(e, "message"));
    if (code)
      return arena_printf(a, "%s%s%s: %s", code, what ? " " : "",
                          what ? what : "", why);
  }
  return "no error was told";
}

/* Unsupported forms are refusals; that a valid model is called invalid, or
 * anything else, is not. */
static inline Result case_error(const CaseRun *r) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  diag_print_json(r->diag, f);
  fclose(f);
  json_object *list = json_tokener_parse(text);
  const char *why = case_first_error(r->arena, list);
  json_object_put(list);
  free(text);
  ExitStatus status = diag_exit_status(r->diag);
  return case_result(status == EXIT_UNSUPPORTED                     ? REFUSED
                     : status == EXIT_INTERNAL || status == EXIT_OK ? CRASHED
                                                                    : WRONG,
                     why);
}

/* ---- tensors in files ---- */

static inline void *case_raw(Arena *a, const Pb *pb, PbSpan raw,
                             int64_t bytes) {
  if (raw.n != (uint64_t)bytes)
    return NULL;
  return arena_dup(a, pb->data + raw.pos, raw.n);
}

/* Numbers in the typed field, one each; two 4-bit elements share one. */
static inline void *case_typed(Arena *a, Pb *pb, const PbNums *nums,
                               const Type *t) {
  void *data = arena_alloc(a, (size_t)type_bytes(t));
  DType element = dtype_bits(t->dtype) < 8 ? DT_u8 : t->dtype;
  int64_t n = dtype_bits(t->dtype) < 8 ? type_bytes(t) : type_count(t);
  PbCursor c = {.nums = nums};
  uint64_t bits;
  int64_t i = 0;
  while (pb_next(pb, &c, &bits) && i < n)
    element_store(element, data, i++, bits);
  return i == n ? data : NULL;
}

static inline const PbNums *case_field(const OnnxTensor *t, DType dtype) {
  switch (dtype_bits(dtype)) {
  case 64:
    return dtype == DT_f64   ? &t->double_data
           : dtype == DT_i64 ? &t->int64_data
                             : &t->uint64_data;
  case 32:
    return dtype == DT_f32   ? &t->float_data
           : dtype == DT_i32 ? &t->int32_data
                             : &t->uint64_data;
  default:
    return &t->int32_data;
  }
}

static inline bool case_parse_type(Arena *a, Pb *pb, const OnnxTensor *t,
                                   const Type **out) {
  const OnnxDType *d = onnx_dtype(t->data_type.v);
  int64_t dim[MAX_RANK];
  PbCursor c = {.nums = &t->dims};
  uint64_t bits = 0;
  int rank = 0;
  while (pb_next(pb, &c, &bits) && rank < MAX_RANK && bits <= INT32_MAX)
    dim[rank++] = (int64_t)bits;
  if (pb->bad || bits > INT32_MAX || !d || d->dtype == DT_COUNT)
    return false;
  *out = type_new(a, d->dtype, rank, dim, NULL);
  return type_count(*out) / 2 <= (int64_t)pb->bytes;
}

/* Reads a TensorProto; type NULL: it holds something else. */
static inline CaseTensor case_read(const CaseRun *r, const char *path) {
  Arena *a = r->arena;
  CaseTensor x = {0};
  MappedFile f;
  OnnxTensor t = {0};
  Diag *d = diag_new(a);
  if (!file_map(path, &f, d))
    return x;
  Pb pb = {.data = f.data, .bytes = f.bytes, .arena = a, .diag = d};
  const Type *type;
  if (!onnx_read_Tensor(&pb, (PbSpan){0, f.bytes}, &t) ||
      !case_parse_type(a, &pb, &t, &type))
    return x;
  x.data = t.raw_data.n ? case_raw(a, &pb, t.raw_data, type_bytes(type))
                        : case_typed(a, &pb, case_field(&t, type->dtype), type);
  x.type = x.data ? type : NULL;
  return x;
}

/* FOLDER/input_0.pb and so on. */
static inline CaseTensors case_read_all(const CaseRun *r, const char *prefix) {
  CaseTensors all = {0};
  for (;;) {
    char *path = arena_printf(r->arena, "%s_%d.pb", prefix, all.of.n);
    struct stat st;
    if (stat(path, &st) != 0)
      return all;
    CaseTensor x = case_read(r, path);
    ARRAY_PUSH(r->arena, &all.of, x);
  }
}

/* 0, 1, 2, ... divided by how many they are: what the project feeds to its
 * large models. */
static inline CaseTensor case_ramp(Arena *a, const Value *v) {
  int64_t n = type_count(v->type);
  float *x = ARENA_ARRAY(a, float, n);
  for (int64_t i = 0; i < n; i++)
    x[i] = (float)((double)i / (double)n);
  return (CaseTensor){v->name, v->type, x};
}

/* ---- the model's inputs ---- */

typedef struct CaseNames {
  ARRAY(const char *) of;
} CaseNames;

static inline const char *case_string(Arena *a, const Pb *pb, PbSpan s) {
  return arena_strndup(a, (const char *)pb->data + s.pos, s.n);
}

static inline bool case_is_initializer(Arena *a, Pb *pb, const OnnxGraph *g,
                                       const char *name) {
  OnnxTensor t;
  for (int i = 0; i < g->initializer.n; i++) {
    t = (OnnxTensor){0};
    if (onnx_read_Tensor(pb, g->initializer.v[i], &t) &&
        strcmp(case_string(a, pb, t.name), name) == 0)
      return true;
  }
  return false;
}

/* The inputs as the file lists them, without those that have a content. */
static inline CaseNames case_input_names(const CaseRun *r) {
  Arena *a = r->arena;
  CaseNames names = {0};
  MappedFile f;
  OnnxModel m = {0};
  OnnxGraph g = {0};
  if (!file_map(r->model, &f, r->diag))
    return names;
  Pb pb = {.data = f.data, .bytes = f.bytes, .arena = a, .diag = diag_new(a)};
  if (!onnx_read_Model(&pb, (PbSpan){0, f.bytes}, &m) ||
      !onnx_read_Graph(&pb, m.graph, &g))
    return names;
  for (int i = 0; i < g.input.n; i++) {
    OnnxValueInfo v = {0};
    if (!onnx_read_ValueInfo(&pb, g.input.v[i], &v))
      return names;
    const char *name = case_string(a, &pb, v.name);
    if (!case_is_initializer(a, &pb, &g, name))
      ARRAY_PUSH(a, &names.of, name);
  }
  return names;
}

static inline void case_name_inputs(CaseRun *r) {
  CaseNames names = case_input_names(r);
  for (int i = 0; i < r->in.of.n && i < names.of.n; i++)
    r->in.of.v[i].name = names.of.v[i];
}

static inline Graph *case_load(CaseRun *r) {
  Arena *a = r->arena;
  ImportOptions opt = {.rounding = ROUND_COUNT};
  ImportBind *have = ARENA_ARRAY(a, ImportBind, r->in.of.n + 1);
  int n = 0;
  for (int i = 0; i < r->in.of.n; i++) {
    const CaseTensor *x = &r->in.of.v[i];
    if (x->type && x->name)
      have[n++] =
          (ImportBind){.name = x->name, .type = x->type, .data = x->data};
  }
  return model_load_with(a, r->diag, r->model, &opt, have, n);
}

/* ---- running ---- */

static inline const CaseTensor *case_find(const CaseRun *r, const Value *v) {
  for (int i = 0; i < r->in.of.n; i++)
    if (r->in.of.v[i].name && strcmp(r->in.of.v[i].name, v->name) == 0)
      return &r->in.of.v[i];
  return NULL;
}

static inline const char *case_type_text(Arena *a, const Type *t) {
  Str s = str_new(a);
  type_print(&s, t);
  return str_cstr(&s);
}

/* Inputs in graph order. Why that is not possible, or NULL. */
static inline const char *case_feed(CaseRun *r, const Graph *g,
                                    const void **in) {
  for (int i = 0; i < g->inputs.n; i++) {
    const Value *v = g->inputs.v[i];
    const CaseTensor *x = case_find(r, v);
    if (!x || !x->type)
      return arena_printf(r->arena, "the case has no tensor for input %s",
                          v->name);
    if (x->type->dtype != v->type->dtype || !type_same_shape(x->type, v->type))
      return arena_printf(r->arena, "input %s is %s, the case has %s", v->name,
                          case_type_text(r->arena, v->type),
                          case_type_text(r->arena, x->type));
    in[i] = x->data;
  }
  return NULL;
}

static inline void **case_buffers(Arena *a, const Graph *g) {
  void **out = ARENA_ARRAY(a, void *, g->outputs.n);
  for (int i = 0; i < g->outputs.n; i++)
    out[i] = arena_alloc(a, (size_t)type_bytes(g->outputs.v[i]->type));
  return out;
}

static inline bool case_run(Executor *e, const void *const *in,
                            void *const *out) {
  bool ok = e && e->run(e, in, out);
  if (e)
    e->free(e);
  return ok;
}

static inline bool case_run_object(const CaseRun *r, const Graph *g,
                                   const void *const *in, void *const *out) {
  PlanOptions plan_options = {0};
  CodegenOptions codegen = {.opt_level = 2};
  Emitted e = {0};
  const Target *t = target_find(r->arena, r->diag, "host", NULL, NULL, NULL);
  Plan *p = t ? plan_new(r->arena, g, t, &plan_options) : NULL;
  return p && codegen_emit(p, &codegen, EMIT_object, &e) &&
         case_run(jit_new(p, &e), in, out);
}

/* ---- comparing ---- */

static inline double case_value(DType t, const void *data, int64_t i) {
  uint64_t bits = element_load(t, data, i);
  return dtype_is_float(t)    ? element_to_double(t, bits)
         : dtype_is_signed(t) ? (double)element_to_int(t, bits)
                              : (double)bits;
}

static inline bool case_close(DType t, double got, double want, double atol) {
  if (!dtype_is_float(t) || isinf(want) || isinf(got))
    return got == want;
  double rtol = t == DT_bf16 ? CASE_RTOL_BF16 : CASE_RTOL;
  return (isnan(got) && isnan(want)) ||
         fabs(got - want) <= atol + rtol * fabs(want);
}

static inline const char *case_compare(const CaseRun *r, const char *who,
                                       int output, const Type *t,
                                       const void *got,
                                       const CaseTensor *want) {
  Arena *a = r->arena;
  double atol = r->noisy ? CASE_ATOL_NOISY : CASE_ATOL;
  if (t->dtype != want->type->dtype || !type_same_shape(t, want->type))
    return arena_printf(a, "output %d is %s, expected %s", output,
                        case_type_text(a, t), case_type_text(a, want->type));
  int64_t n = type_count(t), bad = 0, first = 0;
  for (int64_t i = 0; i < n; i++)
    if (!case_close(t->dtype, case_value(t->dtype, got, i),
                    case_value(t->dtype, want->data, i), atol) &&
        bad++ == 0)
      first = i;
  if (!bad)
    return NULL;
  return arena_printf(a,
                      "%s: output %d: %lld of %lld elements, element %lld is "
                      "%.9g, expected %.9g",
                      who, output, (long long)bad, (long long)n,
                      (long long)first, case_value(t->dtype, got, first),
                      case_value(t->dtype, want->data, first));
}

static inline const char *case_compare_all(const CaseRun *r, const char *who,
                                           const Graph *g, void *const *got) {
  if (r->out.of.n != g->outputs.n)
    return arena_printf(r->arena, "%d outputs, expected %d", g->outputs.n,
                        r->out.of.n);
  for (int i = 0; i < g->outputs.n; i++) {
    const CaseTensor *want = &r->out.of.v[i];
    const char *why =
        want->type
            ? case_compare(r, who, i, g->outputs.v[i]->type, got[i], want)
            : "the expected output is no tensor";
    if (why)
      return why;
  }
  return NULL;
}

/* The object gives the interpreter's bytes. */
static inline const char *case_same(const CaseRun *r, const Graph *g,
                                    void *const *object, void *const *interp) {
  for (int i = 0; i < g->outputs.n; i++) {
    const Type *t = g->outputs.v[i]->type;
    const CaseTensor want = {.type = t, .data = interp[i]};
    const char *why = case_compare(r, "object", i, t, object[i], &want);
    if (why || memcmp(object[i], interp[i], (size_t)type_bytes(t)) != 0)
      return arena_printf(r->arena, "object and interpreter differ: %s",
                          why ? why : "in the last places");
  }
  return NULL;
}

/* ---- the whole ---- */

static inline Result case_run_graph(CaseRun *r, Graph *g) {
  Arena *a = r->arena;
  const void **in = ARENA_ARRAY(a, const void *, g->inputs.n + 1);
  void **object = case_buffers(a, g), **interp = case_buffers(a, g);
  const char *why = case_feed(r, g, in);
  if (why)
    return case_result(WRONG, why);
  if (!passes_run(g, &(PassOptions){.verify_each = true}, NULL) ||
      (r->interpret && !case_run(interp_new(g, NULL, NULL), in, interp)))
    return case_error(r);
  const char *wrong =
      r->interpret ? case_compare_all(r, "interpreter", g, interp) : NULL;
  if (!case_run_object(r, g, in, object))
    return wrong ? case_result(WRONG, wrong) : case_error(r);
  why = wrong ? wrong : case_compare_all(r, "object", g, object);
  if (!why && r->interpret)
    why = case_same(r, g, object, interp);
  return why ? case_result(WRONG, why) : case_result(PASSED, "");
}

/* The inputs and outputs of `in` and `out` (path prefixes); in NULL: ramps. */
static inline Result case_try(CaseRun *r, const char *in, const char *out) {
  if (in)
    r->in = case_read_all(r, in);
  r->out = case_read_all(r, out);
  case_name_inputs(r);
  Graph *g = case_load(r);
  if (!g)
    return case_error(r);
  for (int i = 0; !in && i < g->inputs.n; i++) {
    CaseTensor x = case_ramp(r->arena, g->inputs.v[i]);
    ARRAY_PUSH(r->arena, &r->in.of, x);
  }
  return case_run_graph(r, g);
}

#endif
