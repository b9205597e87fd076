/* Least squares by normal equations, in double precision: Gram matrices of
 * rows of floats, and symmetric positive definite systems, by LAPACK on one
 * thread. Matrices are dense and row-major; of a factor only the upper half
 * (j >= i) counts. Rows are summed in the order in which they come, so that
 * results repeat. */
#ifndef KILN_COMPRESS_LINEAR_H
#define KILN_COMPRESS_LINEAR_H

#include <stdbool.h>

/* Adds x x^T to the lower half of h (n, n). */
void gram_add(double *h, int n, const float *x);
/* Adds x y^T to c (n, m). */
void gram_add_cross(double *c, int n, const float *x, int m, const float *y);
/* Copies the lower half of h (n, n) to the upper one. */
void gram_mirror(double *h, int n);

/* a becomes U with a = U^T U (dpotrf). false: a is not positive definite, and
 * its content is lost. */
bool spd_factor(double *a, int n);
/* x a = b for each of the m rows of b (m, n), in place, with a's factor. */
void spd_solve(const double *factor, int n, double *b, int m);
/* a becomes its inverse, both halves (dpotrf, dpotri). false as above. */
bool spd_invert(double *a, int n);

#endif
