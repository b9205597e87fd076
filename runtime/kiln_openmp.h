/* A parallel_for for NAME_run_parallel on OpenMP's threads; compile with
 * -fopenmp, without which the caller does all parts. ctx is not looked at. */
#ifndef KILN_OPENMP_H
#define KILN_OPENMP_H

#ifdef __cplusplus
extern "C" {
#endif

static inline void kiln_openmp_for(void *ctx, int count,
                                   void (*body)(void *data, int part),
                                   void *data) {
  int i;
  (void)ctx;
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 1)
#endif
  for (i = 0; i < count; i++)
    body(data, i);
}

#ifdef __cplusplus
}
#endif
#endif
