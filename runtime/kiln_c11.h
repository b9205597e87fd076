/* kiln_pool.h on the threads of C11, which C++ does not have. */
#ifndef KILN_C11_H
#define KILN_C11_H

#ifdef KILN_POOL_H
#error "one kind of threads in a file: kiln_pthread.h or kiln_c11.h"
#endif

#include <stddef.h>
#include <threads.h>

#define KILN_THREAD thrd_t
#define KILN_LOCK mtx_t
#define KILN_CONDITION cnd_t
#define KILN_THREAD_FUNCTION(name, live)                                       \
  static inline int name(void *pool) {                                         \
    live((kiln_pool *)pool);                                                   \
    return 0;                                                                  \
  }
#define KILN_THREAD_BEGIN(thread, fn, arg)                                     \
  (thrd_create(thread, fn, arg) == thrd_success)
#define KILN_THREAD_JOIN(thread) thrd_join(thread, NULL)
#define KILN_LOCK_BEGIN(lock) mtx_init(lock, mtx_plain)
#define KILN_LOCK_END(lock) mtx_destroy(lock)
#define KILN_LOCK_TAKE(lock) mtx_lock(lock)
#define KILN_LOCK_GIVE(lock) mtx_unlock(lock)
#define KILN_CONDITION_BEGIN(c) cnd_init(c)
#define KILN_CONDITION_END(c) cnd_destroy(c)
#define KILN_CONDITION_WAIT(c, lock) cnd_wait(c, lock)
#define KILN_CONDITION_ROUSE(c) cnd_broadcast(c)
#define KILN_YIELD() thrd_yield()

#include "kiln_pool.h"

#endif
