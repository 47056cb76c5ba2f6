/* The memory pool. One lock guards it: it is taken for a few instructions, and hardly ever by two
 * threads at once. */
#include "worker/engine/base/pool.h"

#include <pthread.h>
#include <stdint.h>
#include <ringtorch/base.h>
#include "common/error.h"
#include "common/mem.h"
#include "worker/engine/base/thread.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

enum {
    ALIGNMENT = 64,
    LEAST_LOG2 = 6, /* the smallest class has 64 bytes */
    MOST_LOG2 = 46, /* no request of 2^47 bytes or more can succeed */
    CLASSES = 4 * (MOST_LOG2 - LEAST_LOG2 + 1) + 1,
    KEPT = 256, /* most small blocks of one size that a thread keeps */
};

typedef struct block {
    struct block *next;
} block;

static struct {
    pthread_mutex_t lock;
    block *cached[CLASSES];
    rt_memory_stats stats;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Returns the class of a request: 0 holds up to 64 bytes, then come 80, 96, 112, 128, 160, ... */
static int class_of(size_t bytes)
{
    if (bytes <= (size_t)1 << LEAST_LOG2)
        return 0;
    uint64_t last = bytes - 1;
    int log2 = 63 - __builtin_clzll(last);
    return 4 * (log2 - LEAST_LOG2) + (int)(last >> (log2 - 2) & 3) + 1;
}

static size_t class_bytes(int class)
{
    if (class == 0)
        return (size_t)1 << LEAST_LOG2;
    int log2 = LEAST_LOG2 + (class - 1) / 4;
    return ((size_t)1 << log2) + (((size_t)(class - 1) % 4 + 1) << (log2 - 2));
}

/* Takes a block from the system; when that fails, once more after giving back what is cached. */
static void *alloc_system(size_t bytes)
{
    bool failed_before = rt_failed();
    void *p = rt_malloc_aligned(ALIGNMENT, bytes);
    if (!p && rt_memory().bytes_cached > 0) {
        rt__pool_trim();
        if (!failed_before)
            rt_error_clear();
        p = rt_malloc_aligned(ALIGNMENT, bytes);
    }
    return p;
}

/* Takes a cached block off the shared list, or NULL. */
static void *take_shared(int class)
{
    pthread_mutex_lock(&pool.lock);
    block *b = pool.cached[class];
    if (b) {
        ASAN_UNPOISON_MEMORY_REGION(b, class_bytes(class));
        pool.cached[class] = b->next;
        pool.stats.bytes_cached -= (int64_t)class_bytes(class);
        pool.stats.bytes_used += (int64_t)class_bytes(class);
    }
    pthread_mutex_unlock(&pool.lock);
    return b;
}

static void give_shared(int class, block *b)
{
    pthread_mutex_lock(&pool.lock);
    b->next = pool.cached[class];
    pool.cached[class] = b;
    ASAN_POISON_MEMORY_REGION(b, class_bytes(class));
    pool.stats.bytes_cached += (int64_t)class_bytes(class);
    pool.stats.bytes_used -= (int64_t)class_bytes(class);
    pthread_mutex_unlock(&pool.lock);
}

/* The same for the blocks that this thread keeps. */
static void *take_own(int class)
{
    rt_small_blocks *own = &rt__thread.small[class];
    block *b = own->first;
    if (!b)
        return NULL;
    ASAN_UNPOISON_MEMORY_REGION(b, class_bytes(class));
    own->first = b->next;
    own->count--;
    return b;
}

static bool give_own(int class, block *b)
{
    rt_small_blocks *own = &rt__thread.small[class];
    if (own->count == KEPT)
        return false;
    b->next = own->first;
    own->first = b;
    own->count++;
    rt__thread_register();
    ASAN_POISON_MEMORY_REGION(b, class_bytes(class));
    return true;
}

void *rt__pool_alloc(size_t bytes)
{
    if (bytes >= (size_t)1 << (MOST_LOG2 + 1))
        return RT_FAIL_NULL(NOMEM, "out of memory: %zu bytes asked for", bytes);
    int class = class_of(bytes);
    void *p = class < RT_SMALL_CLASSES ? take_own(class) : NULL;
    if (!p)
        p = take_shared(class);
    if (p)
        return p;
    p = alloc_system(class_bytes(class));
    if (!p)
        return NULL;
    pthread_mutex_lock(&pool.lock);
    pool.stats.bytes_used += (int64_t)class_bytes(class);
    pool.stats.system_allocations++;
    pthread_mutex_unlock(&pool.lock);
    return p;
}

void rt__pool_free(void *p, size_t bytes)
{
    if (!p)
        return;
    int class = class_of(bytes);
    if (class >= RT_SMALL_CLASSES || !give_own(class, p))
        give_shared(class, p);
}

void rt__pool_thread_release(void)
{
    for (int class = 0; class < RT_SMALL_CLASSES; class ++)
        for (void *p; (p = take_own(class));)
            give_shared(class, p);
}

void rt__pool_trim(void)
{
    pthread_mutex_lock(&pool.lock);
    for (int class = 0; class < CLASSES; class ++) {
        block *next;
        for (block *b = pool.cached[class]; b; b = next) {
            ASAN_UNPOISON_MEMORY_REGION(b, class_bytes(class));
            next = b->next;
            rt_mem_free(b);
        }
        pool.cached[class] = NULL;
    }
    pool.stats.bytes_cached = 0;
    pthread_mutex_unlock(&pool.lock);
}

rt_memory_stats rt_memory(void)
{
    pthread_mutex_lock(&pool.lock);
    rt_memory_stats stats = pool.stats;
    pthread_mutex_unlock(&pool.lock);
    return stats;
}
