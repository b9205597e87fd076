#ifndef CLASSIFY_H
#define CLASSIFY_H

#include <stdint.h>

/* The digit that an image (DIGITS_IMAGE_COUNT) shows, -1 on a fault. */
int classify(const int8_t *image);

/* Classifies the test set: its size, and how many were right. */
int test_set_count(void);
int test_set_correct(void);

#endif
