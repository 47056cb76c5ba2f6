/* The memory pool. One lock guards it: it is taken for a few instructions, and hardly ever by two
 * threads at once. */
#include "worker/engine/base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <ringtorch/base.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/base/extents.h"

enum { ALIGNMENT = 64 };

typedef rt_small_block block;

static struct {
    pthread_mutex_t lock;
    block *cached[RT_SMALL_CLASSES];
    int64_t used, held;         /* bytes of small blocks */
    int64_t system_allocations; /* for small blocks */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Takes a cached block off the shared list, or NULL. */
static void *take_shared(int class)
{
    pthread_mutex_lock(&pool.lock);
    block *b = pool.cached[class];
    if (b) {
        RT_UNPOISON(b, rt__size_class_bytes(class));
        pool.cached[class] = b->next;
        pool.used += (int64_t)rt__size_class_bytes(class);
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

/* Takes a small block from the system; when that fails, once more after giving back what is cached. */
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
    pthread_mutex_unlock(&pool.lock);
    return p;
}

static void *alloc_extent(size_t bytes)
{
    pthread_mutex_lock(&pool.lock);
    void *p = rt__extent_alloc(bytes);
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
        rt__thread_register(); /* from now on the thread keeps some */
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

/* Gives the small blocks of one class back. */
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

rt_memory_stats rt_memory(void)
{
    pthread_mutex_lock(&pool.lock);
    rt__extent_stats e = rt__extents();
    rt_memory_stats stats = {
        .bytes_used = pool.used + (int64_t)e.used,
        .bytes_cached = pool.held - pool.used + (int64_t)(e.held - e.used),
        .system_allocations = pool.system_allocations + e.segments,
    };
    pthread_mutex_unlock(&pool.lock);
    return stats;
}
