/* All that the engine remembers per calling thread, in one place.
 *
 *     rt__thread.rng.stream++;
 *
 * Zero is a good start. The scope stack is released by rt_shutdown, or when the thread ends. */
#ifndef RINGTORCH_ENGINE_THREAD_H
#define RINGTORCH_ENGINE_THREAD_H

#include <stdatomic.h>
#include "worker/engine/base/object.h"
#include "kernels/kernels.h"

enum {
    RT_TEXTS = 8,
    RT_TEXT_SIZE = 256,
    RT_SMALL_CLASSES = 17, /* of the memory pool: up to 1 KiB */
};

/* Free blocks of one size that belong to a thread. */
typedef struct rt_small_blocks {
    void *first;
    int count;
} rt_small_blocks;

/* What a thread is doing: see base/trace.h. */
typedef struct rt_op_trace {
    _Atomic(const char *) name; /* of the operation begun last; static text, NULL: none yet */
    _Atomic int64_t count;      /* operations begun so far */
} rt_op_trace;

typedef struct rt_thread {
    rt_object **owned; /* [capacity]: the scope stack, a scope is a mark in it */
    int64_t count, capacity;
    rt_object *dead;                     /* objects without owners that wait to be destroyed */
    rt_object *freed_first, *freed_last; /* kept after their end, see base/debug.h */
    int64_t freed_count;
    const void *frees; /* the code that is freeing, likewise */
    bool registered;   /* thread_ends will be called */
    bool burying;      /* the list is being worked off */
    bool no_grad;      /* operations are not recorded */
    bool may_aim;      /* a backward pass is filling the leaves' gradients */
    void *aim;  /* where the next operation may put its result, see rt_aim in autograd/op.h */
    rt_rng rng; /* key and counters of the next random operation */
    rt_op_trace *trace; /* where operations are noted; NULL: nowhere */
    rt_small_blocks small[RT_SMALL_CLASSES];
    unsigned text; /* how many texts have been made */
    char texts[RT_TEXTS][RT_TEXT_SIZE];
} rt_thread;

extern _Thread_local rt_thread rt__thread;

/* Sees to it that what the thread holds is released when it ends. */
void rt__thread_register(void);

/* Takes the next stream of random numbers of the calling thread. */
static inline rt_rng rt__next_stream(void)
{
    rt_rng r = rt__thread.rng;
    rt__thread.rng.stream++;
    return r;
}

/* Returns a buffer of RT_TEXT_SIZE bytes that the thread's 8th next call will reuse. */
char *rt__text(void);

#endif
