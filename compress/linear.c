/* See linear.h. LAPACK counts columns first: what is the upper half here is
 * the lower one there. */
#include "compress/linear.h"

#include <stddef.h>

/* Fortran: everything by reference, lengths of strings behind the rest. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info, size_t uplo_length);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda,
             int *info, size_t uplo_length);
void dpotrs_(const char *uplo, const int *n, const int *rows, const double *a,
             const int *lda, double *b, const int *ldb, int *info,
             size_t uplo_length);

/* Terms of 0 are left out: behind a relu half of them are. */
void gram_add(double *h, int n, const float *x) {
  for (int i = 0; i < n; i++) {
    double xi = (double)x[i], *row = h + (ptrdiff_t)i * n;
    for (int j = 0; xi != 0 && j <= i; j++)
      row[j] += xi * (double)x[j];
  }
}

void gram_add_cross(double *c, int n, const float *x, int m, const float *y) {
  for (int i = 0; i < n; i++) {
    double xi = (double)x[i], *row = c + (ptrdiff_t)i * m;
    for (int j = 0; xi != 0 && j < m; j++)
      row[j] += xi * (double)y[j];
  }
}

void gram_mirror(double *h, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++)
      h[j * (ptrdiff_t)n + i] = h[i * (ptrdiff_t)n + j];
}

bool spd_factor(double *a, int n) {
  int info = 0;
  dpotrf_("L", &n, a, &n, &info, 1);
  return info == 0;
}

void spd_solve(const double *factor, int n, double *b, int m) {
  int info = 0;
  dpotrs_("L", &n, &m, factor, &n, b, &n, &info, 1);
}

bool spd_invert(double *a, int n) {
  int info = 0;
  if (!spd_factor(a, n))
    return false;
  dpotri_("L", &n, a, &n, &info, 1);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++)
      a[i * (ptrdiff_t)n + j] = a[j * (ptrdiff_t)n + i];
  return info == 0;
}
