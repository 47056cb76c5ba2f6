/* All that the engine remembers per calling thread, in one place.
 *
 *     rt__thread.no_grad = true;
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

typedef struct rt_small_block {
    struct rt_small_block *next;
} rt_small_block;

/* Free blocks of one size that belong to a thread. */
typedef struct rt_small_blocks {
    rt_small_block *first;
    int count;
} rt_small_blocks;

/* What a thread is doing: see base/trace.h. */
typedef struct rt_op_trace {
    _Atomic(const char *) name; /* of the operation begun last; static text, NULL: none yet */
    _Atomic int64_t count;      /* operations begun so far */
} rt_op_trace;

/* How many random tensors have been drawn under a path since the last rt_random_seek. */
typedef struct rt_draws {
    uint64_t path;
    uint32_t count;
    uint32_t since; /* rt_streams.since of that time; another one: the entry is free */
} rt_draws;

/* A table of them by path, open addressing. */
typedef struct rt_streams {
    rt_draws *entry; /* [capacity], a power of two */
    uint32_t capacity, used;
    uint32_t since; /* number of the last rt_random_seek */
} rt_streams;

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
    struct rt_gpu
        *gpu;   /* of the operation that is carried out, and of what is made in it; NULL: the CPU */
    void *aim;  /* where the next operation may put its result, see rt_aim in autograd/op.h */
    rt_rng rng; /* key and counters of the next random operation outside of modules */
    uint64_t path; /* of the module that runs, hashed; 0: of none, or of the outermost */
    rt_streams streams;
    struct rt_need
        *need; /* whom operations that are recorded belong to, see autograd/graph.h; or NULL */
    const void *on_need;  /* who is told of parameters that are needed (nn/forward.c), or NULL */
    const void *observer; /* who collects the statistics of batches (nn/forward.c), or NULL */
    rt_op_trace *trace;   /* where operations are noted; NULL: nowhere */
    rt_small_blocks small[RT_SMALL_CLASSES];
    unsigned text; /* how many texts have been made */
    char texts[RT_TEXTS][RT_TEXT_SIZE];
} rt_thread;

extern _Thread_local rt_thread rt__thread;

/* Sees to it that what the thread holds is released when it ends. */
void rt__thread_register(void);

/* Starts the calling thread's streams of random numbers anew. */
void rt__streams_seek(rt_rng from);
/* Takes the next stream of the module that runs, or of the thread if none does. On failure (NOMEM) the numbers are none. */
rt_rng rt__next_stream(void);
void rt__streams_release(void);

/* Returns a buffer of RT_TEXT_SIZE bytes that the thread's 8th next call will reuse. */
char *rt__text(void);

#endif
