/* What the TFLite importer refuses, and what it says. */
#include "tests/tflite_models.h"

static void bad_unknown(Tb *b) {
  unary_i8(b, TFL_UNIQUE, "ex_x", "ex_y", 0.5f, 3);
}

static void bad_beyond(Tb *b) { unary_i8(b, 5000, "be_x", "be_y", 0.5f, 3); }

static void bad_custom(Tb *b) {
  unary_i8(b, TFL_CUSTOM, "cu_x", "cu_y", 0.5f, 3);
  TbObj *c = b->codes->item[b->codes->nitem - 1];
  tb_set_obj(c, 1, tb_bytes(b->arena, "MyOp", 4, 1));
}

static void bad_while(Tb *b) {
  unary_i8(b, TFL_WHILE, "wh_x", "wh_y", 0.5f, 3);
}

static void bad_version(Tb *b) {
  relu(b);
  tb_set(b->codes->item[0], 2, 99, 4);
}

static void bad_options(Tb *b) {
  dense(b);
  tb_set(b->ops->item[0], 3, TFL_OPTIONS_Conv2D, 1);
}

static void bad_operands(Tb *b) {
  int x = tb_input(b, F32("x", 2));
  OP(ADD, 1, Add, IN(x), OUT(tb_output(b, F32("y", 2))));
}

static void bad_absent(Tb *b) {
  int x = tb_input(b, F32("x", 2));
  OP(ADD, 1, Add, IN(-1, x), OUT(tb_output(b, F32("y", 2))));
}

static void bad_index(Tb *b) {
  OP(RELU, 1, ANY, IN(77), OUT(tb_output(b, F32("y", 2))));
}

static void bad_order(Tb *b) {
  int x = F32("later", 2);
  OP(RELU, 1, ANY, IN(x), OUT(tb_output(b, F32("y", 2))));
}

static void bad_twice(Tb *b) {
  int x = tb_input(b, F32("x", 2)), y = tb_output(b, F32("y", 2));
  OP(RELU, 1, ANY, IN(x), OUT(y));
  OP(RELU, 1, ANY, IN(x), OUT(y));
}

static void bad_hybrid(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6));
  int w = T(.name = "w", .type = TFL_UINT8, .scale = 0.25f, DIMS(5, 6),
            .data = zeros, .bytes = 30);
  OP(FULLY_CONNECTED, 1, FullyConnected, IN(x, w),
     OUT(tb_output(b, F32("y", 2, 5))));
}

static void bad_u8_weights(Tb *b) {
  int x = tb_input(b, U8("x", 0.5f, 128, 2, 6));
  int w = T(.name = "w", .type = TFL_UINT8, .scale = 0.25f, .nscale = 5,
            DIMS(5, 6), .data = zeros, .bytes = 30);
  OP(FULLY_CONNECTED, 1, FullyConnected, IN(x, w),
     OUT(tb_output(b, U8("y", 1, 0, 2, 5))));
}

static void bad_weight_zero(Tb *b) {
  int x = tb_input(b, I8("x", 0.5f, 0, 1, 2, 2, 1));
  int w = T(.name = "w", .type = TFL_INT8, .scale = 0.25f, .zero = 1,
            DIMS(1, 1, 1, 1), .data = zeros, .bytes = 1);
  TbObj *o = OP(CONV_2D, 3, Conv2D, IN(x, w),
                OUT(tb_output(b, I8("y", 1, 0, 1, 2, 2, 1))));
  tb_set(o, 1, 1, 4);
  tb_set(o, 2, 1, 4);
}

static void bad_concat(Tb *b) {
  int x = tb_input(b, I8("x", 0.5f, 0, 2)),
      z = tb_input(b, I8("z", 0.5f, 1, 2));
  OP(CONCATENATION, 1, Concatenation, IN(x, z),
     OUT(tb_output(b, I8("y", 0.5f, 0, 4))));
}

static void bad_shuffled(Tb *b) {
  dense(b);
  tb_set(b->ops->item[0]->field[4].obj, 1, 1, 1);
}

static void bad_act(Tb *b) {
  dense(b);
  tb_set(b->ops->item[0]->field[4].obj, 0, 4, 1);
}

static void bad_stride(Tb *b) {
  conv_same(b);
  tb_set(b->ops->item[0]->field[4].obj, 1, 0, 4);
}

static void bad_padding(Tb *b) {
  conv_same(b);
  tb_set(b->ops->item[0]->field[4].obj, 0, 2, 1);
}

static void bad_shape(Tb *b) { conv_like(b, "bs", 1, 1, TFL_SAME, 1, 47); }

static void bad_axes(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6));
  int axes = tb_input(b, T(.name = "axes", .type = TFL_INT32, DIMS(1)));
  OP(MEAN, 1, ANY, IN(x, axes), OUT(tb_output(b, F32("y", 2))));
}

static void bad_axis(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6)), axes = INTS("axes", 2);
  OP(MEAN, 1, ANY, IN(x, axes), OUT(tb_output(b, F32("y", 2))));
}

static void bad_new_shape(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6)), to = INTS("to", 4, 3);
  OP(RESHAPE, 1, Reshape, IN(x, to), OUT(tb_output(b, F32("y", 3, 4))));
}

static void bad_slice(Tb *b) {
  int x = tb_input(b, F32("x", 2, 6)), begin = INTS("begin", 0, 4);
  int end = INTS("end", 2, 4), stride = INTS("stride", 1, 1);
  OP(STRIDED_SLICE, 1, StridedSlice, IN(x, begin, end, stride),
     OUT(tb_output(b, F32("y", 2, 1))));
}

static void bad_int_arithmetic(Tb *b) {
  int x = tb_input(b, T(.name = "x", .type = TFL_INT32, DIMS(2)));
  int y = tb_output(b, T(.name = "y", .type = TFL_INT32, DIMS(2)));
  OP(RELU, 1, ANY, IN(x), OUT(y));
}

static void bad_mixed(Tb *b) {
  int x = tb_input(b, I8("x", 0.5f, 3, 2));
  OP(RELU, 1, ANY, IN(x), OUT(tb_output(b, U8("y", 0.5f, 3, 2))));
}

static void bad_pot(Tb *b) {
  TbTensor t = {.name = "x", .type = TFL_INT16, .scale = 0.5f, DIMS(2)};
  int x = tb_input(b, tb_tensor(b, &t)), y = tb_output(b, tb_tensor(b, &t));
  OP(ADD, 1, Add, IN(x, x), OUT(y));
}

/* One input that goes through a RELU, with something wrong about it. */
static TbObj *one_input(Tb *b, const TbTensor *t) {
  int x = tb_input(b, tb_tensor(b, t));
  OP(RELU, 1, ANY, IN(x), OUT(tb_output(b, F32("y", 2))));
  return tb_tensor_table(b, x);
}

static void bad_type(Tb *b) {
  one_input(b, &(TbTensor){.name = "x", .type = 8, DIMS(2)});
}

static void bad_type_code(Tb *b) {
  one_input(b, &(TbTensor){.name = "x", .type = 77, DIMS(2)});
}

static void bad_rank(Tb *b) {
  one_input(b, &(TbTensor){.name = "x", DIMS(1, 1, 1, 1, 1, 1, 1, 1, 2)});
}

static void bad_size(Tb *b) {
  one_input(b, &(TbTensor){.name = "x",
                           DIMS(INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX)});
}

static void bad_empty(Tb *b) {
  one_input(b, &(TbTensor){.name = "x", DIMS(2, 0)});
}

static void bad_dynamic(Tb *b) {
  one_input(b, &(TbTensor){.name = "x", DIMS(2, -1)});
}

static void bad_signature(Tb *b) {
  TbObj *t = one_input(b, &(TbTensor){.name = "x", DIMS(2, 4)});
  tb_set_obj(t, 7, tb_bytes(b->arena, LIST(2, -1), 4));
}

static void bad_variable(Tb *b) {
  tb_set(one_input(b, &(TbTensor){.name = "x", DIMS(2)}), 5, 1, 1);
}

static void bad_sparse(Tb *b) {
  TbObj *t = one_input(b, &(TbTensor){.name = "x", DIMS(2)});
  tb_set_obj(t, 6, tb_table(b->arena));
}

static void bad_external(Tb *b) {
  tb_set(one_input(b, &(TbTensor){.name = "x", DIMS(2)}), 10, 1, 4);
}

static void bad_scale(Tb *b) {
  one_input(b,
            &(TbTensor){.name = "x", .type = TFL_INT8, .scale = -1, DIMS(2)});
}

static void bad_zero_point(Tb *b) {
  one_input(
      b, &(TbTensor){
             .name = "x", .type = TFL_INT8, .scale = 1, .zero = 128, DIMS(2)});
}

static void bad_scale_count(Tb *b) {
  one_input(
      b,
      &(TbTensor){
          .name = "x", .type = TFL_INT8, .scale = 1, .nscale = 3, DIMS(2, 2)});
}

static void bad_data(Tb *b) {
  int x = tb_input(b, F32("x", 2));
  int k =
      T(.name = "k", .type = TFL_FLOAT32, DIMS(2), .data = zeros, .bytes = 7);
  OP(ADD, 1, Add, IN(x, k), OUT(tb_output(b, F32("y", 2))));
}

static void bad_buffer(Tb *b) {
  tb_set(one_input(b, &(TbTensor){.name = "x", DIMS(2)}), 2, 9, 4);
}

static void bad_schema(Tb *b) { tb_set(b->root, 0, 2, 4); }

static void bad_no_output(Tb *b) { tb_input(b, F32("x", 2)); }

typedef struct Bad {
  void (*build)(Tb *b);
  const char *message;
} Bad;

/* clang-format off */
static const Bad bads[] = {
    {bad_unknown, "m.tflite: op 0 UNIQUE 'ex_y': error E0301: operator UNIQUE"},
    {bad_beyond, "error E0301: operator BUILTIN_5000 is not supported"},
    {bad_custom, "op 0 CUSTOM MyOp 'cu_y': error E0301"},
    {bad_while, "hint: control flow"},
    {bad_version, "error E0302: version 99 of RELU"},
    {bad_options, "error E0201: has the options of another operator"},
    {bad_operands, "error E0201: 1 operands"},
    {bad_absent, "error E0201: operand 0 is absent"},
    {bad_index, "error E0102: reading Operator.inputs at byte 0: tensor 77"},
    {bad_order, "error E0201: tensor 'later' is read before"},
    {bad_twice, "op 1 RELU 'y': error E0201: tensor 'y' is written twice"},
    {bad_hybrid, "error E0302: float activations with u8 weights"},
    {bad_u8_weights, "error E0302: u8 weights with a scale per channel"},
    {bad_weight_zero, "error E0302: i8 weights with a zero point"},
    {bad_concat, "error E0302: i8 input 1 with other parameters"},
    {bad_shuffled, "error E0302: shuffled weights"},
    {bad_act, "error E0302: fused activation TANH"},
    {bad_stride, "error E0201: stride 2 x 0"},
    {bad_padding, "error E0201: padding 2 does not exist"},
    {bad_shape, "error E0201: conv2d:"},
    {bad_axes, "error E0303: the axes ('axes') must be a constant"},
    {bad_axis, "error E0201: axis 2 of a tensor of rank 2"},
    {bad_new_shape, "the new shape gives shape [4,3], the output tensor has"},
    {bad_slice, "error E0201: dimension 1: nothing is left"},
    {bad_int_arithmetic, "error E0302: arithmetic on i32 without"},
    {bad_mixed, "error E0302: element types (i8) -> u8"},
    {bad_pot, "error E0302: 16-bit tensors"},
    {bad_type, "error E0302: tensor 'x' has elements of type COMPLEX64"},
    {bad_type_code, "error E0102: reading Tensor.type"},
    {bad_rank, "error E0302: tensor 'x' has 9 dimensions, more than 8"},
    {bad_size, "error E0302: tensor 'x' is larger than 2 GB"},
    {bad_empty, "error E0302: tensor 'x' has no elements"},
    {bad_dynamic, "error E0303: tensor 'x': dimension 1 is not known"},
    {bad_signature, "tensor 0 'x': error E0303: dimension 1 of the input"},
    {bad_variable, "error E0302: tensor 'x' is a variable"},
    {bad_sparse, "error E0302: tensor 'x' is stored sparsely"},
    {bad_external, "error E0302: tensor 'x' has its data in another file"},
    {bad_scale, "error E0202: tensor 'x': scale 0 is -1"},
    {bad_zero_point, "error E0202: tensor 'x': zero point 128 does not fit"},
    {bad_scale_count, "error E0202: tensor 'x' has 3 scales for dimension 0"},
    {bad_data, "error E0102: reading k at byte"},
    {bad_buffer, "error E0102: reading Tensor.buffer"},
    {bad_schema, "error E0302: TFLite schema version 2"},
    {bad_no_output, "error E0201: the model has no output"},
};
/* clang-format on */

static void test_refusals(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
    Run r = run_new();
    bads[i].build(r.model);
    run_import(&r);
    assert_null(r.graph);
    const char *text = run_messages(&r);
    if (!strstr(text, bads[i].message))
      fail_msg("expected '%s', got '%s'", bads[i].message, text);
    run_free(&r);
  }
}

/* Every obstacle in one go; what follows a refused operator goes on from the
 * types in the file. */
static void test_all_refusals_together(void **state) {
  (void)state;
  Run r = run_new();
  Tb *b = r.model;
  int x = tb_input(b, F32("x", 2)), m = F32("m", 2), n = F32("n", 2);
  int y = tb_output(b, F32("y", 3));
  OP(UNIQUE, 1, ANY, IN(x), OUT(m));
  OP(RELU, 1, ANY, IN(m), OUT(n));
  OP(RELU, 1, ANY, IN(n), OUT(y));
  unary_i8(b, TFL_COS, "cos_x", "cos_y", 0.5f, 0);
  run_import(&r);
  const char *text = run_messages(&r);
  assert_null(r.graph);
  assert_int_equal(diag_error_count(r.diag), 3);
  assert_non_null(strstr(text, "op 0 UNIQUE 'm'"));
  assert_non_null(strstr(text, "op 2 RELU 'y'")); /* wrong shape */
  assert_non_null(strstr(text, "op 3 COS 'cos_y'"));
  run_free(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_all_refusals_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
