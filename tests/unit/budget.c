/* plan/budget.h, plan/peak.h: the figures that budgets are held against, and
 * who takes them. */
#include "tests/unit/fixture.h"

#include <string.h>

#include "ir/text.h"
#include "plan/budget.h"
#include "plan/peak.h"

/* relu and add are tails. Fullest in the last layer: %a of 300 bytes, %c and
 * what is gathered. */
static const char model[] =
    "model net rounding=tflite\n"
    "input %x : i8[1,60] q(0.5, 0)\n"
    "const @w : i8[300,60] q(0.25, 0) = splat 3\n"
    "const @v : i8[200,60] q(0.25, 0) = splat 2\n"
    "const @u : i8[200,300] q(0.25, 0) = splat 1\n"
    "%a : i8[1,300] q(0.5, 0) = fully_connected %x, @w\n"
    "%b : i8[1,200] q(0.5, 0) = fully_connected %x, @v\n"
    "%c : i8[1,200] q(0.5, 1) = relu %b\n"
    "%d : i8[1,200] q(0.5, 1) = fully_connected %a, @u\n"
    "%e : i8[1,200] q(0.5, 1) = add %c, %d\n"
    "output %e\n";

static const ObjectSizes sizes = {.code_bytes = 3000,
                                  .rodata_bytes = 97000,
                                  .flash_bytes = 100000,
                                  .stack_bytes = 140};

static Plan *plan_of(const char *text) {
  Graph *g = graph_parse(arena, diag, "net.kiln", text, strlen(text));
  const Target *t = target_find(arena, diag, "cortex-m3", NULL, NULL, NULL);
  Plan *p = g && t ? plan_new(arena, g, t, &(PlanOptions){0}) : NULL;
  if (!p)
    diag_print(diag, stderr);
  assert_non_null(p);
  return p;
}

static void figures(void **state) {
  (void)state;
  const Plan *p = plan_of(model);
  assert_int_equal(budget_figure(BUDGET_ram, p, &sizes), p->arena_bytes);
  assert_int_equal(budget_figure(BUDGET_flash, p, &sizes), 100000);
  assert_int_equal(budget_figure(BUDGET_stack, p, &sizes), 140);
  assert_int_equal(budget_figure(BUDGET_macs, p, &sizes),
                   300 * 60 + 200 * 60 + 200 * 300);
  assert_int_equal(plan_io_bytes(p), 260);
}

static void state_counts(void **state) {
  (void)state;
  const Plan *p = plan_of("model net rounding=tflite\n"
                          "input %x : i8[1,60] q(0.5, 0)\n"
                          "state %s : i8[1,60] q(0.5, 0) -> %y\n"
                          "%y : i8[1,60] q(0.5, 0) = add %x, %s\n"
                          "output %y\n");
  assert_int_equal(p->state_bytes, 60);
  assert_int_equal(budget_figure(BUDGET_ram, p, &sizes), p->arena_bytes + 60);
}

static void peak_of_blocks(void **state) {
  (void)state;
  const Plan *p = plan_of(model);
  Peak peak = plan_peak(p);
  assert_non_null(peak.step);
  int64_t sum = 0, end = 0;
  for (int i = 0; i < peak.blocks.n; i++) {
    const PeakBlock *b = &peak.blocks.v[i];
    assert_true(i == 0 || b->bytes <= peak.blocks.v[i - 1].bytes);
    sum += b->bytes;
    end = b->offset + b->bytes > end ? b->offset + b->bytes : end;
  }
  assert_int_equal(end, p->arena_bytes);
  assert_true(peak.bytes <= sum && peak.bytes <= p->arena_bytes);
  assert_true(peak.bytes >= 500);
  assert_string_equal(peak.blocks.v[0].buffer->value->name, "a");
}

/* Two blocks at one place are as many bytes as the larger. */
static void shared_bytes_count_once(void **state) {
  (void)state;
  const Plan *p = plan_of("model net rounding=tflite\n"
                          "input %x : i8[1,60] q(0.5, 0)\n"
                          "%a : i8[1,60] q(0.5, 1) = relu %x\n"
                          "%b : i8[1,60] q(0.5, 2) = relu6 %a\n"
                          "%c : i8[1,60] q(0.5, 3) = relu %b\n"
                          "output %c\n");
  Peak peak = plan_peak(p);
  assert_int_equal(p->arena_bytes, 60);
  assert_int_equal(peak.bytes, 60);
  assert_int_equal(peak.step->index, 0);
}

static void empty_arena(void **state) {
  (void)state;
  const Plan *p = plan_of("model net rounding=tflite\n"
                          "input %x : i8[1,60] q(0.5, 0)\n"
                          "%a : i8[1,60] q(0.5, 1) = relu %x\n"
                          "output %a\n");
  Peak peak = plan_peak(p);
  assert_null(peak.step);
  assert_int_equal(peak.bytes, 0);
}

static const char *consumers(BudgetKind k, const Plan *p,
                             const ObjectSizes *of) {
  Str s = str_new(arena);
  budget_consumers(&s, k, p, of);
  return str_cstr(&s);
}

static void lists(void **state) {
  (void)state;
  Plan *p = plan_of(model);
  assert_string_equal(consumers(BUDGET_macs, p, &sizes),
                      "60,000  step 2 fully_connected+add 'e'\n"
                      "18,000  step 0 fully_connected 'a'\n"
                      "12,000  step 1 fully_connected+relu 'c'");
  ObjectSizes with = sizes;
  FunctionSize f[] = {
      {"m_run", 40, 32, true}, {"m.a", 900, 8, false}, {"m.b", 500, 108, true}};
  with.functions.v = f;
  with.functions.n = 3;
  assert_string_equal(
      consumers(BUDGET_stack, p, &with),
      "frames; those marked * call each other down to the bound:\n"
      "108  * m.b\n"
      " 32  * m_run\n"
      "  8    m.a");
  const char *ram = consumers(BUDGET_ram, p, &sizes);
  assert_non_null(strstr(ram, "fullest in step "));
  assert_non_null(strstr(ram, " 'a' i8[1,300]"));
  p->steps.v[1]->code_bytes = 88;
  p->steps.v[1]->blob_bytes = 99000;
  const char *flash = consumers(BUDGET_flash, p, &sizes);
  assert_non_null(strstr(flash,
                         "99,088  step 1 fully_connected+relu 'c': code 88, "
                         "constants 99,000"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(figures),        TEST(state_counts),
      TEST(peak_of_blocks), TEST(shared_bytes_count_once),
      TEST(empty_arena),    TEST(lists),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
