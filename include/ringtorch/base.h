/* Starting and shutting down, objects and scopes.
 *
 *     rt_init("auto", .seed = 1337);
 *     rt_memory_count_by_op(true);
 *     rt_scope s = rt_scope_begin();
 *     rt_tensor *a = rt_ones(rt_shape(2, 3)), *b = rt_ones(rt_shape(3, 2));
 *     rt_tensor *y = rt_relu(rt_matmul(a, b));   // [2,2] both results belong to s
 *     rt_tensor *best = rt_keep(y);              // one more owner, which outlives the scope
 *     rt_scope_end(s);                           // frees the product; y lives on as `best`
 *     printf("%g\n", rt_item(rt_sum(best)));     // 12
 *     rt_free(best);
 *     rt_op_memory most;
 *     rt_memory_by_op(&most, 1);
 *     printf("'%s': %d bytes at the peak\n", most.op, (int)most.bytes_at_peak);   // '': 48 bytes at the peak
 *     return rt_shutdown();
 *
 * Lifetime: every constructor and operation returns an object that the calling thread's current scope
 * owns, unless its comment says otherwise. Ending a scope releases everything that was made since the
 * scope began. If a function returns early and leaves a scope open, ending the next outer scope closes
 * it. A tensor belongs to one thread; its storage may be shared between threads.
 *
 * Mistakes: passing NULL or an object of the wrong type fails with a message that names the argument.
 * With RT_DEBUG=1 in the environment, so does passing an object that was already freed, and freeing an
 * object twice; the message then says where it was freed. */
#ifndef RINGTORCH_BASE_H
#define RINGTORCH_BASE_H

#include <ringtorch/device.h>
#include <ringtorch/export.h>
#include <ringtorch/field.h>
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* The arguments of rt_init. */
typedef struct rt_init_args {
    const char *device;                  /* "auto" or "cpu" */
    uint64_t seed;                       /* the key of all random numbers */
    int64_t threads RT_DEFAULT(RT_AUTO); /* auto: OMP_NUM_THREADS, otherwise all processors */
    /* "ref", "sse4", "avx2" or "avx512"; NULL: the best that this processor has */
    const char *isa;
    const char *blas; /* "builtin" or "openblas"; NULL: OpenBLAS if it is built in */
} rt_init_args;

#define RT_INIT_DEFAULTS .threads = RT_AUTO
/* Starts the engine for the calling thread, and once for the process. A failure fills the error slot,
 * so that the next check finds it, and is also returned. A program that does not call this gets the
 * defaults when it makes its first object. */
#define rt_init(...)                                                                               \
    RT_CALL_WITH_DEFAULTS(rt_init_, rt_init_args, RT_INIT_DEFAULTS, device, __VA_ARGS__)
RT_API rt_status rt_init_(rt_init_args a);

/* Returns the seed that rt_init was given, or 0 before rt_init. */
RT_API __attribute__((pure)) uint64_t rt_seed(void);

/* Releases what the calling thread still owns, and the memory pool. If the error slot is filled,
 * prints the message to stderr as "ringtorch: …" and returns 1, otherwise returns 0: call it in
 * the last line of main. */
RT_API int rt_shutdown(void);

/* Any object of this library: a tensor, module, optimiser, data set, loader or trainer. */
typedef struct rt_object rt_object;

/* Adds an owner that outlives the scope, and returns its argument. NULL is allowed. */
#define rt_keep(o) ((__typeof__(o))rt_object_keep(o))
/* The function behind rt_keep. */
RT_API void *rt_object_keep(void *object);

/* Drops an owner that rt_keep added; dropping the last one frees the object. NULL is allowed. */
RT_API void rt_free(void *object);

/* Returns the number of live objects in the process. A training step leaves it unchanged, and it
 * is 0 after rt_shutdown. */
RT_API int64_t rt_live_objects(void);

/* A scope, as rt_scope_begin returns it. */
typedef struct rt_scope {
    int64_t mark; /* private */
} rt_scope;

/* Opens a scope in the calling thread, which owns everything that is made from now on. */
RT_API rt_scope rt_scope_begin(void);
/* Releases everything made since the scope began, and closes inner scopes that are still open. */
RT_API void rt_scope_end(rt_scope s);
/* Ends the scope, but hands the object `o` to the outer scope and returns it. */
#define rt_scope_return(s, o) ((__typeof__(o))rt_scope_return_(s, o))
RT_API void *rt_scope_return_(rt_scope s, void *object);

/* ---- what the engine computes with ---- */
/* Returns the instruction set that the kernels use, for example "avx2". Borrowed for the life of
 * the process, like all texts here. */
RT_API const char *rt_isa(void);
/* Returns what computes matrix products: "OpenBLAS 0.3.21 Zen" for example, or "builtin". */
RT_API const char *rt_blas(void);
/* Returns the number of threads that compute. */
RT_API int rt_threads(void);

/* ---- memory ---- */
/* The state of a device's memory pool. */
typedef struct rt_memory_stats {
    /* In use. On the CPU this includes the small blocks, up to some hundred KiB, that each thread
     * keeps at hand. */
    int64_t bytes_used;
    /* The maximum of bytes_used since the pool began, or since rt_memory_reset_peak. */
    int64_t bytes_peak;
    int64_t bytes_cached; /* kept for reuse */
    /* How often the pool asked the system for memory: never after the first training step. */
    int64_t system_allocations;
} rt_memory_stats;
/* Returns the current state of the CPU's memory pool. */
RT_API rt_memory_stats rt_memory(void);
/* Returns the current state of a device's memory pool. Fails with DEVICE, and returns zeros, if
 * there is no such device. */
RT_API rt_memory_stats rt_memory_on(rt_device device);
/* Restarts bytes_peak at what is used now. Fails with DEVICE if there is no such device. */
RT_API rt_status rt_memory_reset_peak(rt_device device);
/* Returns cached memory to the system, for a program that needs it elsewhere; the next step
 * allocates it again. The pool does so itself when the system runs out of memory. */
RT_API void rt_memory_trim(void);

/* The memory of the tensors that one operation made. */
typedef struct rt_op_memory {
    /* The operation's name, valid as long as the operation; "" for what no operation made, such as
     * parameters, constants and data. */
    const char *op;
    int64_t bytes;         /* of those that exist */
    int64_t bytes_at_peak; /* of those that existed when all tensors together took most */
    int64_t tensors;       /* how many exist, views and clones that share memory not counted */
} rt_op_memory;
/* Starts to count the memory of tensors by the operation that makes them, from nothing: only tensors that are
 * made from now on count, on all devices together, by all threads. Of operations that are composed of
 * others, the inner ones count. With false, new tensors are not counted any more; those that were still
 * leave the count when they are freed. Counting slows operations down a little; without it, nothing is
 * lost. */
RT_API void rt_memory_count_by_op(bool on);
/* Writes a row for each operation whose tensors have memory now, or had at the peak since the count began, at
 * most `room`, those with the most bytes at the peak first. Returns how many rows there are, which may be
 * more. The bytes are those of the elements; the pool takes more for what it rounds up. */
RT_API int rt_memory_by_op(rt_op_memory *rows, int room);

RT_END_DECLS

#endif
