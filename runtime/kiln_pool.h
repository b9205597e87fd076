/* A small pool of threads for NAME_run_parallel: included by kiln_pthread.h
 * and kiln_c11.h, which say what a thread, a lock and a condition are.
 *
 *   static kiln_pool pool;
 *   kiln_pool_start(&pool, 4);                  (the caller is one of the 4)
 *   kws_run_parallel(&in, &out, arena, kiln_pool_for, &pool);
 *   kiln_pool_stop(&pool);
 *
 * One caller at a time, and 32 parts at most, as NAME_run_parallel has. A pool
 * of zeros that was not started, or that was stopped, is one of the caller
 * alone. Threads that have nothing to do look for work as long as a layer
 * of the caller's alone takes, some hundred microseconds, and sleep then; to
 * wake one takes some ten. Define KILN_POOL_SPINS to have it otherwise.
 * The ticket is a job's number and a bit for each part that nobody has taken:
 * who clears a bit owns that part, and since a job ends only when all its parts
 * are done, body and data are those of the part. A thread takes the part of its
 * own number first: part i of a layer reads most of what part i of the layer
 * before has written, which is in that core's cache. */
#ifndef KILN_POOL_H
#define KILN_POOL_H

#ifndef KILN_THREAD
#error "include kiln_pthread.h or kiln_c11.h"
#endif

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { KILN_POOL_MOST = 31 };
#ifndef KILN_POOL_SPINS
#define KILN_POOL_SPINS 12000 /* looks for work before a thread sleeps */
#endif

typedef void kiln_body(void *data, int part);

typedef struct kiln_pool {
  int open;    /* between start and stop */
  int workers; /* threads besides the caller's, ... */
  int started; /* ... those that have their number */
  int stop, sleeping;
  int done;        /* parts of the job */
  uint64_t ticket; /* number << 32 | parts that are not taken */
  kiln_body *body;
  void *data;
  KILN_LOCK lock;
  KILN_CONDITION wake;
  KILN_THREAD thread[KILN_POOL_MOST];
} kiln_pool;

static inline void kiln_pool_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
  __asm__ volatile("yield");
#endif
}

static inline int kiln_pool_has_part(uint64_t ticket) {
  return (uint32_t)ticket != 0;
}

/* The part of thread `self`, or the first. */
static inline int kiln_pool_choose(uint64_t ticket, int self) {
  if (ticket >> self & 1)
    return self;
  return __builtin_ctz((uint32_t)ticket);
}

/* Does parts of the job until all are taken. */
static inline void kiln_pool_work(kiln_pool *p, int self) {
  uint64_t t = __atomic_load_n(&p->ticket, __ATOMIC_ACQUIRE);
  while (kiln_pool_has_part(t)) {
    int part = kiln_pool_choose(t, self);
    uint64_t left = t & ~((uint64_t)1 << part);
    if (!__atomic_compare_exchange_n(&p->ticket, &t, left, 0, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE))
      continue;
    p->body(p->data, part);
    __atomic_add_fetch(&p->done, 1, __ATOMIC_RELEASE);
    t = __atomic_load_n(&p->ticket, __ATOMIC_ACQUIRE);
  }
}

static inline int kiln_pool_is_idle(kiln_pool *p) {
  return !__atomic_load_n(&p->stop, __ATOMIC_SEQ_CST) &&
         !kiln_pool_has_part(__atomic_load_n(&p->ticket, __ATOMIC_SEQ_CST));
}

/* Until there is work, or no more to come. */
static inline void kiln_pool_wait(kiln_pool *p) {
  int i;
  for (i = 0; i < KILN_POOL_SPINS; i++) {
    if (!kiln_pool_is_idle(p))
      return;
    kiln_pool_pause();
  }
  KILN_LOCK_TAKE(&p->lock);
  __atomic_add_fetch(&p->sleeping, 1, __ATOMIC_SEQ_CST);
  while (kiln_pool_is_idle(p))
    KILN_CONDITION_WAIT(&p->wake, &p->lock);
  __atomic_sub_fetch(&p->sleeping, 1, __ATOMIC_SEQ_CST);
  KILN_LOCK_GIVE(&p->lock);
}

static inline void kiln_pool_live(kiln_pool *p) {
  int self = __atomic_add_fetch(&p->started, 1, __ATOMIC_RELAXED);
  while (!__atomic_load_n(&p->stop, __ATOMIC_SEQ_CST)) {
    kiln_pool_work(p, self);
    kiln_pool_wait(p);
  }
}

KILN_THREAD_FUNCTION(kiln_pool_thread, kiln_pool_live)

static inline void kiln_pool_rouse(kiln_pool *p) {
  if (!__atomic_load_n(&p->sleeping, __ATOMIC_SEQ_CST))
    return;
  KILN_LOCK_TAKE(&p->lock);
  KILN_CONDITION_ROUSE(&p->wake);
  KILN_LOCK_GIVE(&p->lock);
}

/* The parallel_for of a pool (ctx). */
static inline void kiln_pool_for(void *ctx, int count, kiln_body *body,
                                 void *data) {
  kiln_pool *p = (kiln_pool *)ctx;
  uint64_t last = __atomic_load_n(&p->ticket, __ATOMIC_RELAXED);
  uint64_t parts = ((uint64_t)1 << count) - 1;
  int spins = 0;
  p->body = body;
  p->data = data;
  __atomic_store_n(&p->done, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&p->ticket, ((last >> 32) + 1) << 32 | parts,
                   __ATOMIC_SEQ_CST);
  kiln_pool_rouse(p);
  kiln_pool_work(p, 0);
  while (__atomic_load_n(&p->done, __ATOMIC_ACQUIRE) < count) {
    if (++spins % KILN_POOL_SPINS)
      kiln_pool_pause();
    else
      KILN_YIELD();
  }
}

/* Ends the threads; the pool may be started again. Of one that is not open:
 * nothing. */
static inline void kiln_pool_stop(kiln_pool *p) {
  int i;
  if (!p->open)
    return;
  __atomic_store_n(&p->stop, 1, __ATOMIC_SEQ_CST);
  KILN_LOCK_TAKE(&p->lock);
  KILN_CONDITION_ROUSE(&p->wake);
  KILN_LOCK_GIVE(&p->lock);
  for (i = 0; i < p->workers; i++)
    KILN_THREAD_JOIN(p->thread[i]);
  KILN_LOCK_END(&p->lock);
  KILN_CONDITION_END(&p->wake);
  p->open = p->workers = 0;
}

/* Starts threads - 1 threads, at most KILN_POOL_MOST; none for 1, 0 and less.
 * How many threads there are with the caller's, fewer where the system gives no
 * more. Not of a pool that is open. */
static inline int kiln_pool_start(kiln_pool *p, int threads) {
  p->open = 1;
  p->workers = p->started = p->stop = p->sleeping = p->done = 0;
  p->ticket = 0;
  KILN_LOCK_BEGIN(&p->lock);
  KILN_CONDITION_BEGIN(&p->wake);
  while (p->workers < threads - 1 && p->workers < KILN_POOL_MOST &&
         KILN_THREAD_BEGIN(&p->thread[p->workers], kiln_pool_thread, p))
    p->workers++;
  return p->workers + 1;
}

#ifdef __cplusplus
}
#endif
#endif
