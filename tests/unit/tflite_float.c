/* TFLite operators that become several ops: imported, and computed by the
 * interpreter on fixed inputs. */
#include <math.h>

#include "tests/tflite_float_models.h"

/* (37 i mod 23 - 11) / 8, in integers (37 i mod 23) mod 3 + k. */
static void fill(const Type *t, int k, void *data) {
  for (int i = 0; i < type_count(t); i++) {
    int x = (37 * (i + 5 * k)) % 23;
    if (t->dtype == DT_f32)
      ((float *)data)[i] = (float)(x - 11) / 8;
    else if (t->dtype == DT_i32)
      ((int32_t *)data)[i] = k ? x % 3 + 1 : x % 3;
    else
      ((uint8_t *)data)[i] = (uint8_t)(x % 2);
  }
}

static double element(const Type *t, const void *data, int i) {
  return t->dtype == DT_f32 ? (double)((const float *)data)[i]
                            : (double)((const int32_t *)data)[i];
}

static void check_case(const Computed *c) {
  Run r = run_new();
  c->build(r.model);
  const void *out = run_compute(&r, fill);
  const Type *t = r.graph->outputs.v[0]->type;
  for (int i = 0; i < type_count(t); i++)
    if (fabs(element(t, out, i) - c->y[i]) > 2e-6 * (1 + fabs(c->y[i])))
      fail_msg("%s: element %d is %g, not %g", c->name, i, element(t, out, i),
               c->y[i]);
  run_free(&r);
}

static void test_computed(void **state) {
  (void)state;
  for (int i = 0; i < COMPUTED_COUNT; i++)
    check_case(&computed[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_computed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
