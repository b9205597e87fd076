/* The held-back digits, linked in by test_set.S. */
#ifndef TEST_SET_H
#define TEST_SET_H

#include <stdint.h>

extern const int8_t test_images[]; /* (samples, DIGITS_IMAGE_COUNT) */
extern const char test_labels[];   /* one line a sample: a digit, '\n' */
extern const char test_labels_end[];

#endif
