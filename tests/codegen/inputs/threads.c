/* NAME_run_parallel from a program's side: the bytes of NAME_run from parts
 * in any order, by the adapters of runtime/ and any number of threads.
 * POOL is the header of one of them. */
#include POOL

#include "net.h"

#include <stdio.h>
#include <string.h>

static NET_DECLARE_ARENA(arena);
static int8_t image[NET_IMAGE_COUNT];
static float want[NET_HEAT_COUNT], got[NET_HEAT_COUNT];
static const net_in in = {image};
static const net_out out = {got}, whole = {want};
static int failures;

/* Parts from the first to the last, in this thread. */
static void one_by_one(void *ctx, int count, void (*body)(void *, int),
                       void *data) {
  int i;
  (void)ctx;
  for (i = 0; i < count; i++)
    body(data, i);
}

/* Parts from the last to the first, and how many of them there were. */
static void backwards(void *ctx, int count, void (*body)(void *, int),
                      void *data) {
  int i;
  for (i = count - 1; i >= 0; i--)
    body(data, i);
  *(int *)ctx += count;
}

static void check(int status, const char *what, int threads) {
  if (status != 0 || memcmp(want, got, sizeof want) != 0) {
    failures++;
    printf("%s of %d: status %d, or other bytes\n", what, threads, status);
  }
  memset(got, 0, sizeof got);
  memset(arena, 0x5a, sizeof arena);
}

/* Pools of the caller alone: never started, of no thread, stopped. */
static void by_none(void) {
#ifdef KILN_POOL_H
  static kiln_pool pool;
  int threads;
  check(net_run_parallel(&in, &out, arena, kiln_pool_for, &pool), "new pool",
        0);
  kiln_pool_stop(&pool);
  for (threads = -1; threads <= 1; threads++) {
    if (kiln_pool_start(&pool, threads) != 1)
      failures++;
    check(net_run_parallel(&in, &out, arena, kiln_pool_for, &pool), "pool",
          threads);
    kiln_pool_stop(&pool);
    kiln_pool_stop(&pool);
  }
  check(net_run_parallel(&in, &out, arena, kiln_pool_for, &pool),
        "stopped pool", 0);
#endif
}

static void by_threads(int threads) {
  int i;
#ifdef KILN_POOL_H
  static kiln_pool pool;
  if (kiln_pool_start(&pool, threads) != threads)
    failures++;
  for (i = 0; i < 3; i++)
    check(net_run_parallel(&in, &out, arena, kiln_pool_for, &pool), "pool",
          threads);
  kiln_pool_stop(&pool);
#else
  for (i = 0; i < 3; i++)
    check(net_run_parallel(&in, &out, arena, kiln_openmp_for, NULL), "openmp",
          threads);
#endif
}

int main(void) {
  int i, parts = 0;
  for (i = 0; i < NET_IMAGE_COUNT; i++)
    image[i] = (int8_t)(i * 37 + i / 251);
  if (net_run(&in, &whole, arena) != 0)
    failures++;
  check(net_run_parallel(&in, &out, arena, backwards, &parts), "backwards", 1);
  check(net_run_parallel(&in, &out, arena, one_by_one, NULL), "one by one", 1);
  by_none();
  if (parts < 3 * NET_THREADS) {
    failures++;
    printf("%d parts\n", parts);
  }
  if (net_run_parallel(&in, &out, arena, NULL, NULL) != 1 ||
      net_run_parallel(&in, NULL, arena, backwards, &parts) != 1 ||
      net_run_parallel(&in, &out, arena + 1, backwards, &parts) != 2 ||
      net_run_parallel(&in, (const net_out *)(const void *)&in, arena,
                       backwards, &parts) != 3) {
    failures++;
    printf("status\n");
  }
  for (i = 1; i <= 7; i++)
    by_threads(i);
#ifdef KILN_POOL_H
  by_threads(KILN_POOL_MOST + 1);
#endif
  return failures != 0;
}
