/* The memory pool. One lock guards it; it is held for a few instructions and hardly ever contended. */
#include "worker/engine/base/pool.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/device.h"
#include "worker/engine/base/extents.h"
#include <pthread.h>
#include <ringtorch/base.h>
#include <stdint.h>

enum { ALIGNMENT = 64 };

const uint8_t rt__small_class[RT_SMALL_BYTES / 16 + 1] = {
    [0 ... 4] = 0,    [5] = 1,          [6] = 2,          [7] = 3,          [8] = 4,
    [9 ... 10] = 5,   [11 ... 12] = 6,  [13 ... 14] = 7,  [15 ... 16] = 8,  [17 ... 20] = 9,
    [21 ... 24] = 10, [25 ... 28] = 11, [29 ... 32] = 12, [33 ... 40] = 13, [41 ... 48] = 14,
    [49 ... 56] = 15, [57 ... 64] = 16};

typedef rt_small_block block;

static struct {
    pthread_mutex_t lock;
    block *cached[RT_SMALL_CLASSES];
    int64_t used, held;         /* bytes of small blocks */
    int64_t system_allocations; /* for small blocks */
    int64_t peak;               /* peak use, extents included */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returns the bytes in use, small blocks and extents together. The caller holds the lock. */
static int64_t bytes_used(void)
{
    return pool.used + (int64_t)rt__extents().used;
}

/* Updates the peak after an allocation. The caller holds the lock. */
static void note_peak(void)
{
    int64_t used = bytes_used();
    if (used > pool.peak)
        pool.peak = used;
}

/* Takes a cached block off the shared list, or NULL. */
static void *take_shared(int class)
{
    pthread_mutex_lock(&pool.lock);
    block *b = pool.cached[class];
    if (b) {
        RT_UNPOISON(b, rt__size_class_bytes(class));
        pool.cached[class] = b->next;
        pool.used += (int64_t)rt__size_class_bytes(class);
        note_peak();
    }
    pthread_mutex_unlock(&pool.lock);
    return b;
}

static void give_shared(int class, block *b)
{
    pthread_mutex_lock(&pool.lock);
    b->next = pool.cached[class];
    pool.cached[class] = b;
    RT_POISON(b, rt__size_class_bytes(class));
    pool.used -= (int64_t)rt__size_class_bytes(class);
    pthread_mutex_unlock(&pool.lock);
}

/* Takes a small block from the system; if that fails, retries after returning cached memory. */
static void *alloc_small(int class)
{
    size_t bytes = rt__size_class_bytes(class);
    bool failed_before = rt_failed();
    void *p = rt_malloc_aligned(ALIGNMENT, bytes);
    if (!p) {
        rt__pool_trim();
        if (!failed_before)
            rt_error_clear();
        p = rt_malloc_aligned(ALIGNMENT, bytes);
    }
    if (!p)
        return NULL;
    pthread_mutex_lock(&pool.lock);
    pool.used += (int64_t)bytes;
    pool.held += (int64_t)bytes;
    pool.system_allocations++;
    note_peak();
    pthread_mutex_unlock(&pool.lock);
    return p;
}

static void *alloc_extent(size_t bytes)
{
    pthread_mutex_lock(&pool.lock);
    void *p = rt__extent_alloc(bytes);
    note_peak();
    pthread_mutex_unlock(&pool.lock);
    return p;
}

void *rt__pool_alloc_shared(size_t bytes)
{
    if (bytes >= (size_t)1 << (RT_SIZE_MOST_LOG2 + 1))
        return RT_FAIL_NULL(NOMEM, "out of memory: %zu bytes asked for", bytes);
    int class = rt__size_class(bytes);
    if (class >= RT_SMALL_CLASSES)
        return alloc_extent(bytes);
    void *p = take_shared(class);
    return p ? p : alloc_small(class);
}

void rt__pool_free_shared(void *p, size_t bytes)
{
    int class = rt__size_class(bytes);
    if (class < RT_SMALL_CLASSES) {
        give_shared(class, p);
        rt__thread_register(); /* from now on the thread keeps small blocks */
        return;
    }
    pthread_mutex_lock(&pool.lock);
    rt__extent_free(p);
    pthread_mutex_unlock(&pool.lock);
}

void rt__pool_thread_release(void)
{
    for (int class = 0; class < RT_SMALL_CLASSES; class ++) {
        rt_small_blocks *own = &rt__thread.small[class];
        for (block *b; (b = own->first); own->count--) {
            RT_UNPOISON(b, rt__size_class_bytes(class));
            own->first = b->next;
            give_shared(class, b);
        }
    }
}

/* Returns the cached small blocks of one class to the system. */
static void trim_class(int class)
{
    size_t bytes = rt__size_class_bytes(class);
    block *next;
    for (block *b = pool.cached[class]; b; b = next) {
        RT_UNPOISON(b, bytes);
        next = b->next;
        rt_mem_free(b);
        pool.held -= (int64_t)bytes;
    }
    pool.cached[class] = NULL;
}

void rt__pool_trim(void)
{
    pthread_mutex_lock(&pool.lock);
    for (int class = 0; class < RT_SMALL_CLASSES; class ++)
        trim_class(class);
    rt__extent_trim();
    pthread_mutex_unlock(&pool.lock);
}

void rt_memory_trim(void)
{
    rt__pool_thread_release();
    rt__pool_trim();
}

/* ---- statistics ---- */

rt_memory_stats rt_memory(void)
{
    pthread_mutex_lock(&pool.lock);
    rt__extent_stats e = rt__extents();
    rt_memory_stats stats = {
        .bytes_used = bytes_used(),
        .bytes_peak = pool.peak,
        .bytes_cached = pool.held - pool.used + (int64_t)(e.held - e.used),
        .system_allocations = pool.system_allocations + e.segments,
    };
    pthread_mutex_unlock(&pool.lock);
    return stats;
}

rt_memory_stats rt_memory_on(rt_device device)
{
    if (device.kind == RT_CPU)
        return rt_memory();
    rt_gpu *gpu = rt_gpu_open(device);
    if (!gpu)
        return (rt_memory_stats){0};
    rt_gpu_memory_stats s = rt_gpu_memory(gpu);
    return (rt_memory_stats){
        .bytes_used = s.used,
        .bytes_peak = s.most_used,
        .bytes_cached = s.held - s.used,
        .system_allocations = s.segments,
    };
}

rt_status rt_memory_reset_peak(rt_device device)
{
    if (device.kind == RT_CPU) {
        pthread_mutex_lock(&pool.lock);
        pool.peak = bytes_used();
        pthread_mutex_unlock(&pool.lock);
        return RT_OK;
    }
    rt_gpu *gpu = rt_gpu_open(device);
    if (!gpu)
        return rt_error_code();
    rt_gpu_memory_reset_peak(gpu);
    return RT_OK;
}
