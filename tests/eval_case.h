/* Cases of the interpreter, worked out by hand: the operands are constants of
 * a text model, the result is its only output. */
#ifndef KILN_TESTS_EVAL_CASE_H
#define KILN_TESTS_EVAL_CASE_H

#include "tests/testing.h"

#include <math.h>
#include <string.h>

#include "ir/element.h"
#include "ir/exec.h"
#include "ir/text.h"

typedef struct Case {
  const char *text;
  int n;
  double want[16];
} Case;

static double element(const Type *t, const void *data, int64_t i) {
  uint64_t bits = element_load(t->dtype, data, i);
  if (dtype_is_float(t->dtype))
    return element_to_double(t->dtype, bits);
  return dtype_is_signed(t->dtype) ? (double)element_to_int(t->dtype, bits)
                                   : (double)bits;
}

static Graph *parse(Arena *a, const char *text) {
  Diag *d = diag_new(a);
  const char *model = arena_printf(a, "model m rounding=tflite\n%s", text);
  Graph *g = graph_parse(a, d, "case.kiln", model, strlen(model));
  if (!g || !graph_verify(g)) {
    diag_print(d, stderr);
    fail_msg("bad case: %s", text);
  }
  return g;
}

static void run_case(const Case *c) {
  Arena *a = arena_new();
  Graph *g = parse(a, c->text);
  const Type *t = g->outputs.v[0]->type;
  void *out[] = {arena_alloc(a, (size_t)type_bytes(t))};
  Executor *e = interp_new(g, NULL, NULL);
  assert_true(e->run(e, NULL, out));
  e->free(e);
  assert_int_equal(type_count(t), c->n);
  for (int i = 0; i < c->n; i++) {
    double got = element(t, out[0], i);
    if (got != c->want[i] && !(isnan(got) && isnan(c->want[i])))
      fail_msg("%s\n[%d]: %.9g, expected %.9g", c->text, i, got, c->want[i]);
  }
  arena_free(a);
}

static void run_cases(const Case *c, size_t n) {
  for (size_t i = 0; i < n; i++)
    run_case(&c[i]);
}
#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof *(cases))
#define Y "\noutput %y\n"

#endif
