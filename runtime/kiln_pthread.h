/* kiln_pool.h on POSIX threads; link with -pthread. */
#ifndef KILN_PTHREAD_H
#define KILN_PTHREAD_H

#ifdef KILN_POOL_H
#error "one kind of threads in a file: kiln_pthread.h or kiln_c11.h"
#endif

#include <pthread.h>
#include <sched.h>
#include <stddef.h>

#define KILN_THREAD pthread_t
#define KILN_LOCK pthread_mutex_t
#define KILN_CONDITION pthread_cond_t
#define KILN_THREAD_FUNCTION(name, live)                                       \
  static inline void *name(void *pool) {                                       \
    live((kiln_pool *)pool);                                                   \
    return NULL;                                                               \
  }
#define KILN_THREAD_BEGIN(thread, fn, arg)                                     \
  (pthread_create(thread, NULL, fn, arg) == 0)
#define KILN_THREAD_JOIN(thread) pthread_join(thread, NULL)
#define KILN_LOCK_BEGIN(lock) pthread_mutex_init(lock, NULL)
#define KILN_LOCK_END(lock) pthread_mutex_destroy(lock)
#define KILN_LOCK_TAKE(lock) pthread_mutex_lock(lock)
#define KILN_LOCK_GIVE(lock) pthread_mutex_unlock(lock)
#define KILN_CONDITION_BEGIN(c) pthread_cond_init(c, NULL)
#define KILN_CONDITION_END(c) pthread_cond_destroy(c)
#define KILN_CONDITION_WAIT(c, lock) pthread_cond_wait(c, lock)
#define KILN_CONDITION_ROUSE(c) pthread_cond_broadcast(c)
#define KILN_YIELD() sched_yield()

#include "kiln_pool.h"

#endif
