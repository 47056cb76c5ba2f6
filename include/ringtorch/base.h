/* Starting and ending, objects and scopes.
 *
 *     rt_init("auto", .seed = 1337);
 *     rt_scope s = rt_scope_begin();
 *     rt_tensor *y = rt_relu(rt_matmul(a, b));   // both results belong to s
 *     best = rt_keep(y);                         // one more owner, which outlives s
 *     rt_scope_end(s);                           // frees the product; y lives on in `best`
 *     rt_free(best);
 *     return rt_shutdown();
 *
 * Lifetime: every constructor and op returns an object owned by the calling thread's current scope
 * (unless its comment says otherwise). Ending a scope releases what was made since it began; a
 * scope left open by an early return is closed by the next outer end. A tensor belongs to one
 * thread; its storage may be shared.
 *
 * Mistakes: an argument that is NULL or of another type fails by name. With RT_DEBUG=1 in the
 * environment so does one that was freed, or is freed twice, and the message says where that was. */
#ifndef RINGTORCH_BASE_H
#define RINGTORCH_BASE_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/status.h>
#include <ringtorch/export.h>

RT_BEGIN_DECLS

typedef struct rt_init_args {
    const char *device; /* "auto" or "cpu" */
    uint64_t seed;      /* key of all random numbers */
    int threads;        /* 0: OMP_NUM_THREADS, else all processors */
    const char *isa;    /* NULL: the best this processor has; "ref", "sse4", "avx2", "avx512" */
    const char *blas;   /* NULL: OpenBLAS if built in; "builtin", "openblas" */
} rt_init_args;

/* Starts the engine for the calling thread (and, once, for the process). Failure fills the error
 * slot, so that the next check sees it; it is also returned. A program that skips it gets the
 * defaults at the first constructor. */
#define rt_init(...) RT_CALL(rt_init_, rt_init_args, device, __VA_ARGS__)
/* The function behind rt_init. */
rt_status rt_init_(rt_init_args a);

/* Returns the seed given to rt_init, 0 before it. */
__attribute__((pure)) uint64_t rt_seed(void);

/* Releases what the calling thread still owns and the memory pool. Prints the error in the slot, if
 * any, to stderr as "ringtorch: …" and returns 1, else 0: the last line of main. */
int rt_shutdown(void);

/* Objects: tensors, modules, optimisers, data sets, loaders, trainers. */
typedef struct rt_object rt_object;

/* Adds an owner that outlives the scope; returns its argument (NULL is fine). */
#define rt_keep(o) ((__typeof__(o))rt_object_keep(o))
/* The function behind rt_keep. */
void *rt_object_keep(void *object);

/* Drops an owner, one that rt_keep has made; the last one frees the object. NULL is fine. */
void rt_free(void *object);

/* Returns the number of live objects of the process: unchanged by a training step, 0 after
 * rt_shutdown. */
int64_t rt_live_objects(void);

typedef struct rt_scope {
    int64_t mark;
} rt_scope;

/* Opens a scope in the calling thread; what is made from now on belongs to it. */
rt_scope rt_scope_begin(void);
/* Releases what was made since, and closes inner scopes that are still open. */
void rt_scope_end(rt_scope s);
/* Ends the scope, but hands `o` to the outer one and returns it. */
#define rt_scope_return(s, o) ((__typeof__(o))rt_scope_return_(s, o))
/* The function behind rt_scope_return. */
void *rt_scope_return_(rt_scope s, void *object);

/* What the engine computes with, for logs and plans. Borrowed for the life of the process. */
/* Instruction set of the kernels, "avx2". */
const char *rt_isa(void);
/* "OpenBLAS 0.3.21 Zen" or "builtin". */
const char *rt_blas(void);
/* Threads that compute. */
int rt_threads(void);

/* Memory pool of the CPU: bytes in use (with up to some hundred KiB of small blocks that each
 * thread keeps at hand), bytes cached for reuse, and how often the system was asked: after the
 * first step of a training, never. */
typedef struct rt_memory_stats {
    int64_t bytes_used, bytes_cached, system_allocations;
} rt_memory_stats;
/* Reads the figures of the moment. */
rt_memory_stats rt_memory(void);
/* Gives memory that is cached back to the system, for a program that needs it elsewhere; the next step takes it again. The
 * pool does so itself when the system has no more to give. */
void rt_memory_trim(void);

RT_END_DECLS

#endif
