/* See linear.h. LAPACK counts columns first: what is the upper half here is
 * the lower one there. */
#include "compress/linear.h"

#include <stddef.h>

/* Fortran: everything by reference, lengths of strings behind the rest. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda,
             int *info, size_t uplo_length);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda,
             int *info, size_t uplo_length);

bool spd_factor(double *a, int n) {
  int info = 0;
  dpotrf_("L", &n, a, &n, &info, 1);
  return info == 0;
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
