/* All of the engine's per-thread state, in one place.
 *
 *     rt__thread.no_grad = true;
 *
 * All zeros is the valid initial state. rt_shutdown releases the scope stack, and so does the end
 * of the thread. */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_THREAD_H
#define RINGTORCH_WORKER_ENGINE_BASE_THREAD_H

#include "kernels/kernels.h"
#include "worker/engine/base/object.h"
#include "worker/engine/base/size_class.h"
#include <stdatomic.h>

enum {
    RT_TEXTS = 8,
    RT_TEXT_SIZE = 256,
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
    _Atomic(const char *) name; /* of the latest operation; static text, NULL: none yet */
    _Atomic int64_t count;      /* operations started so far */
} rt_op_trace;

/* How many random tensors have been drawn under a path since the last rt_random_seek. */
typedef struct rt_draws {
    uint64_t path;
    uint32_t count;
    uint32_t since; /* rt_streams.since when drawn; if it differs, the entry is free */
} rt_draws;

/* An open-addressing hash table of rt_draws, keyed by path. */
typedef struct rt_streams {
    rt_draws *entry; /* [capacity], a power of two */
    uint32_t capacity, used;
    uint32_t since; /* how many times rt_random_seek was called */
} rt_streams;

/* What rt_check_values was told. */
typedef struct rt_checks {
    bool any, nan, inf;
    double most;
} rt_checks;

/* The state of one computation, swapped when computations on one thread take turns (base/fiber.h). */
#define RT_FIBER_STATE                                                                             \
    rt_object **owned; /* [capacity]: the scope stack, a scope is a mark in it */                  \
    int64_t count, capacity;                                                                       \
    const char *op;   /* name of the operation that runs, static text; NULL: none */               \
    bool no_grad;     /* operations are not recorded */                                            \
    bool inference;   /* nothing may ask for a gradient */                                         \
    rt_checks checks; /* of the values that operations make */                                     \
    bool may_aim;     /* a backward pass is filling the leaves' gradients */                       \
    /* device of the current operation, where new tensors are made; NULL: the CPU */               \
    struct rt_gpu *gpu;                                                                            \
    void *aim;     /* where the next operation may put its result, see rt_aim in autograd/op.h */  \
    rt_rng rng;    /* key and counters of the next random operation outside of modules */          \
    uint64_t path; /* of the module that runs, hashed; 0: of none, or of the outermost */          \
    rt_streams streams;                                                                            \
    /* notified when backward needs operations recorded now (autograd/graph.h); or NULL */         \
    struct rt_need *need;                                                                          \
    const void *on_need;  /* notified of parameters that are needed (nn/forward.c), or NULL */     \
    const void *observer; /* collects batch statistics (nn/forward.c), or NULL */                  \
    struct rt__exchange                                                                            \
        *exchange; /* how to reach the other slices of the step (exchange.h), or NULL */

typedef struct rt_fiber_state {
    RT_FIBER_STATE
} rt_fiber_state;

typedef struct rt_thread {
    union {
        rt_fiber_state fiber;
        struct {
            RT_FIBER_STATE
        };
    };
    rt_object *dead;                     /* objects without owners that wait to be destroyed */
    rt_object *freed_first, *freed_last; /* quarantined, see base/debug.h */
    int64_t freed_count;
    const void *frees;  /* the code that is freeing, see base/debug.h */
    bool registered;    /* thread_ends will run when the thread exits */
    bool destroying;    /* the `dead` list is being processed */
    rt_op_trace *trace; /* where operations are reported; NULL: nowhere */
    rt_small_blocks small[RT_SMALL_CLASSES];
    unsigned text; /* number of texts made so far */
    char texts[RT_TEXTS][RT_TEXT_SIZE];
} rt_thread;

extern _Thread_local rt_thread rt__thread;

/* Arranges for the thread's resources to be released when it ends. */
void rt__thread_register(void);

/* Restarts the calling thread's random streams at `from`. */
void rt__streams_seek(rt_rng from);
/* Takes the next stream of the running module, or of the thread if no module runs. On failure (NOMEM) the returned stream
 * must not be used. */
rt_rng rt__next_stream(void);
void rt__streams_release(void);

/* Returns a buffer of RT_TEXT_SIZE bytes, which the 8th call after this one on the thread reuses. */
char *rt__text(void);

#endif
