/* Symmetric positive definite matrices, by LAPACK. An n x n matrix is dense
 * and row-major; of a factor only the upper half (j >= i) counts. */
#ifndef KILN_COMPRESS_LINEAR_H
#define KILN_COMPRESS_LINEAR_H

#include <stdbool.h>

/* a becomes U with a = U^T U (dpotrf). false: a is not positive definite, and
 * its content is lost. */
bool spd_factor(double *a, int n);
/* a becomes its inverse, both halves (dpotrf, dpotri). false as above. */
bool spd_invert(double *a, int n);

#endif
