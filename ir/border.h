/* Border classes of a padded convolution: along each axis the first outputs,
 * whose windows begin in the padding, are classes of their own, so are the
 * last ones, whose windows end there, and all between are one class. A conv2d
 * of floats may have one bias for each class, [rows, columns, O]: what goes
 * into it is then seen where there is no padding only. */
#ifndef KILN_IR_BORDER_H
#define KILN_IR_BORDER_H

#include "ir/graph.h"

typedef struct BorderAxis {
  int64_t before, after, outputs; /* before + after < outputs */
} BorderAxis;

typedef struct Border {
  BorderAxis y, x;
} Border;

/* Those of a conv2d; false: its windows are so large that no output sees all
 * of its taps inside along an axis. */
bool border_of(const Op *conv, Border *out);
/* Number of classes along an axis; the class of output o. */
int64_t border_classes(const BorderAxis *a);
int64_t border_class(const BorderAxis *a, int64_t o);
/* An output of class c. */
int64_t border_output(const BorderAxis *a, int64_t c);
/* Does tap t of the window of output row oy, column ox lie inside of x? */
bool border_sees(const Op *conv, int64_t t, int64_t oy, int64_t ox);
/* Is a bias for each class no larger than the weights on one channel? */
bool border_pays(const Op *conv);
/* Has the conv2d one? */
bool border_is_bias(const Op *conv);

#endif
