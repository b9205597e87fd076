/* What an application does with a compiled model: declare an arena, point at
 * input and output, call digits_run(). The same file serves every target. */
#include "classify.h"

#include "digits.h"
#include "test_set.h"

enum { LABEL_BYTES = 2 };

int classify(const int8_t *image) {
  static DIGITS_DECLARE_ARENA(arena);
  int8_t scores[DIGITS_SCORES_COUNT];
  const digits_in in = {image};
  const digits_out out = {scores};
  int best = 0;
  if (digits_run(&in, &out, arena) != 0)
    return -1;
  for (int i = 1; i < DIGITS_SCORES_COUNT; i++)
    if (scores[i] > scores[best])
      best = i;
  return best;
}

int test_set_count(void) {
  return (int)(test_labels_end - test_labels) / LABEL_BYTES;
}

int test_set_correct(void) {
  int correct = 0;
  for (int i = 0; i < test_set_count(); i++) {
    int label = test_labels[i * LABEL_BYTES] - '0';
    correct += classify(&test_images[i * DIGITS_IMAGE_COUNT]) == label;
  }
  return correct;
}
