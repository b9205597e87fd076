/* The TFLite importer: what every operator becomes, and tensors: names,
 * types, constants in place. */
#include "tests/tflite_models.h"

static const char *ops_text(Run *r) {
  Str s = str_new(r->arena);
  for (const Op *op = r->graph->first; op; op = op->next) {
    Str line = str_new(r->arena);
    op_print(&line, op);
    const char *text = str_cstr(&line), *loc = strstr(text, " loc(");
    size_t n = loc ? (size_t)(loc - text) : line.n;
    str_add_bytes(&s, text, n);
    str_add(&s, "\n");
  }
  return str_cstr(&s);
}

static void test_operators(void **state) {
  (void)state;
  for (int i = 0; i < CASE_COUNT; i++) {
    Run r = run_new();
    cases[i].build(r.model);
    run_import(&r);
    assert_string_equal(run_messages(&r), "");
    assert_non_null(r.graph);
    assert_string_equal(ops_text(&r), cases[i].ir);
    run_free(&r);
  }
}

static void test_all_operators_together(void **state) {
  (void)state;
  Run r = run_new();
  build_all(r.model);
  run_import(&r);
  assert_string_equal(run_messages(&r), "");
  assert_non_null(r.graph);
  assert_string_equal(r.graph->name, "m");
  assert_int_equal(r.graph->rounding, ROUND_tflite);
  assert_int_equal(r.graph->nop, CASE_COUNT + 2);
  assert_int_equal(r.graph->inputs.n, r.model->nin);
  assert_int_equal(r.graph->outputs.n, r.model->nout);
  run_free(&r);
}

static void visit(void *ctx, const char *format, const char *op, int min,
                  int max, const char *ir_op) {
  assert_string_equal(format, "tflite");
  assert_true(*op && min >= 1 && max >= min);
  assert_true(op_find(ir_op) != OP_COUNT);
  ++*(int *)ctx;
}

static void test_visit(void **state) {
  (void)state;
  int n = 0;
  tflite_ops_visit(visit, &n);
  assert_true(n > 60);
}

/* --- tensors ------------------------------------------------------------ */

static void test_names(void **state) {
  (void)state;
  Run r = run_new();
  Tb *b = r.model;
  tb_input(b, F32("same", 1));
  tb_input(b, F32("same", 1));
  tb_input(b, F32(NULL, 1));
  tb_input(b, F32("a\xffz\xc3\xa9\xc0\x80", 1));
  tb_output(b, 0);
  run_import(&r);
  assert_non_null(r.graph);
  Value **in = r.graph->inputs.v;
  assert_string_equal(in[0]->name, "same");
  assert_string_equal(in[1]->name, "same_1");
  assert_string_equal(in[2]->name, "tensor_2");
  assert_string_equal(in[3]->name, "a?z\xc3\xa9??");
  run_free(&r);
}

/* The weights that the graph sees are those in the file, not copies. */
static void test_constants_in_place(void **state) {
  (void)state;
  Run r = run_new();
  conv_same(r.model);
  run_import(&r);
  for (int i = 1; i <= 2; i++) {
    const uint8_t *p = r.graph->first->in[i]->init->data;
    assert_true(p >= r.data && p < r.data + r.bytes);
  }
  run_free(&r);
}

/* Data behind the flatbuffer, as in files over 2 GB; misaligned, so copied. */
static void test_data_outside(void **state) {
  (void)state;
  for (int far = 0; far < 2; far++) {
    Run r = run_new();
    Tb *b = r.model;
    int x = tb_input(b, F32("x", 2));
    int k =
        T(.name = "k", .type = TFL_FLOAT32, DIMS(2), .data = zeros, .bytes = 1);
    OP(ADD, 1, Add, IN(x, k), OUT(tb_output(b, F32("y", 2))));
    TbObj *buffer = b->buffers->item[1];
    *buffer = (TbObj){0};
    tb_set(buffer, 1, far ? 100000 : 33, 8);
    tb_set(buffer, 2, 8, 8);
    run_import(&r);
    if (far) {
      assert_null(r.graph);
      assert_non_null(strstr(run_messages(&r), "8 bytes at byte 100000"));
    } else {
      assert_non_null(r.graph);
      const void *data = r.graph->first->in[1]->init->data;
      assert_memory_equal(data, r.data + 33, 8);
      assert_int_equal((uintptr_t)data % 4, 0);
    }
    run_free(&r);
  }
}

static void test_batch_is_bound(void **state) {
  (void)state;
  Run r = run_new();
  relu(r.model);
  TbObj *t = tb_tensor_table(r.model, 0);
  tb_set_obj(t, 7, tb_bytes(r.arena, LIST(-1, 4), 4));
  run_import(&r);
  assert_non_null(r.graph);
  assert_non_null(strstr(run_messages(&r), "note: the batch"));
  run_free(&r);
}

static void test_quantization(void **state) {
  (void)state;
  Run r = run_new();
  conv_same(r.model);
  depthwise(r.model);
  run_import(&r);
  const Op *conv = r.graph->first, *dw = conv->next;
  const QuantParams *q = conv->in[1]->type->q;
  assert_int_equal(q->axis, 0);
  assert_int_equal(q->nscale, 4);
  assert_true(q->scale[2] == 0.75f);
  assert_int_equal(q->zero_point[3], 0);
  assert_int_equal(conv->in[2]->type->q->axis, 0);
  q = dw->in[1]->type->q;
  assert_int_equal(q->axis, -1);
  assert_int_equal(q->zero_point[0], 7);
  assert_int_equal(q->qmin, 0);
  assert_int_equal(q->qmax, 255);
  run_free(&r);
}

/* LiteRT computes shapes, so a file may leave one out. */
static void test_missing_shape(void **state) {
  (void)state;
  Run r = run_new();
  resize(r.model);
  TbObj *t = tb_tensor_table(r.model, r.model->out[0]);
  tb_set_obj(t, 0, tb_bytes(r.arena, NULL, 0, 4));
  run_import(&r);
  assert_non_null(r.graph);
  assert_non_null(strstr(ops_text(&r), "rn_y : i8[1,4,6,1]"));
  run_free(&r);
}

/* Under tflm only what TFLite Micro's bytes are known for is taken. */
static void test_rounding_option(void **state) {
  (void)state;
  void (*const builds[])(Tb *) = {dense, logistic};
  for (int i = 0; i < 2; i++) {
    Run r = run_new();
    builds[i](r.model);
    Str s = tb_model(r.model);
    ImportOptions opt = {.rounding = ROUND_tflm};
    Graph *g = importer_tflite.import(r.arena, r.diag, "m.tflite",
                                      (const uint8_t *)s.s, s.n, &opt);
    if (i == 0)
      assert_int_equal(g->first->rounding, ROUND_tflm);
    else
      assert_non_null(strstr(run_messages(&r), "logistic has no defined"));
    run_free(&r);
  }
}

static void test_second_subgraph(void **state) {
  (void)state;
  Run r = run_new();
  relu(r.model);
  tb_push(r.model->subgraphs, tb_table(r.arena));
  run_import(&r);
  assert_non_null(r.graph);
  assert_non_null(strstr(run_messages(&r), "only the first of 2 subgraphs"));
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_operators),
      cmocka_unit_test(test_all_operators_together),
      cmocka_unit_test(test_visit),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_constants_in_place),
      cmocka_unit_test(test_data_outside),
      cmocka_unit_test(test_batch_is_bound),
      cmocka_unit_test(test_quantization),
      cmocka_unit_test(test_missing_shape),
      cmocka_unit_test(test_rounding_option),
      cmocka_unit_test(test_second_subgraph),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
