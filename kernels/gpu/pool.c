/* The memory pool of a device. The lists of free blocks are in host memory, because the host cannot access
 * the blocks. */
#include "kernels/gpu/pool.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <pthread.h>

enum {
    LEAST_LOG2 =
        8, /* the smallest block has 256 bytes, so that neighbouring items read whole lines */
    MOST_LOG2 = 46, /* no request of 2^47 bytes or more can succeed */
    CLASSES = 4 * (MOST_LOG2 - LEAST_LOG2 + 1) + 1,
    SEGMENT = 1 << 20,
    LARGE = 1 << 18, /* blocks of this size and larger have a segment each */
};

/* Free blocks of one size. */
typedef struct stack {
    void **block;
    int64_t count, capacity;
} stack;

typedef struct rt__gpu_pool {
    pthread_mutex_t lock;
    stack kept[CLASSES];
    rt_gpu_memory_stats stats;
} pool;

/* The smallest class that holds that many bytes, and the bytes of a class. */
static int class_of(size_t bytes)
{
    if (bytes <= (size_t)1 << LEAST_LOG2)
        return 0;
    uint64_t last = bytes - 1;
    int log2 = 63 - __builtin_clzll(last);
    return 4 * (log2 - LEAST_LOG2) + (int)(last >> (log2 - 2) & 3) + 1;
}

static size_t bytes_of(int class)
{
    if (class == 0)
        return (size_t)1 << LEAST_LOG2;
    int log2 = LEAST_LOG2 + (class - 1) / 4;
    return ((size_t)1 << log2) + (((size_t)(class - 1) % 4 + 1) << (log2 - 2));
}

void rt__gpu_pool_open(rt_gpu *d)
{
    d->pool = rt_calloc(1, sizeof *d->pool);
    if (d->pool)
        pthread_mutex_init(&d->pool->lock, NULL);
}

static bool push(stack *s, void *block)
{
    if (s->count == s->capacity) {
        int64_t capacity = s->capacity ? 2 * s->capacity : 16;
        void **blocks = rt_realloc(s->block, (size_t)capacity * sizeof *blocks);
        if (!blocks)
            return false;
        s->block = blocks;
        s->capacity = capacity;
    }
    s->block[s->count++] = block;
    return true;
}

static void trim(rt_gpu *d)
{
    pool *p = d->pool;
    for (int class = class_of(LARGE); class < CLASSES; class ++) {
        stack *s = &p->kept[class];
        for (; s->count > 0; p->stats.held -= (int64_t)bytes_of(class))
            d->ops->segment_free(d, s->block[--s->count], bytes_of(class));
    }
}

static void *segment(rt_gpu *d, size_t bytes)
{
    void *p = d->ops->segment(d, bytes);
    if (!p) {
        trim(d);
        p = d->ops->segment(d, bytes);
    }
    if (p) {
        d->pool->stats.held += (int64_t)bytes;
        d->pool->stats.segments++;
    }
    return p;
}

/* Cuts a new segment into blocks of a small class. */
static void cut(rt_gpu *d, int class)
{
    char *first = segment(d, SEGMENT);
    size_t bytes = bytes_of(class);
    for (size_t at = 0; first && at + bytes <= SEGMENT; at += bytes)
        if (!push(&d->pool->kept[class], first + at))
            return;
}

static void *take(rt_gpu *d, int class)
{
    stack *s = &d->pool->kept[class];
    size_t bytes = bytes_of(class);
    if (s->count == 0 && bytes < LARGE)
        cut(d, class);
    if (s->count > 0)
        return s->block[--s->count];
    return bytes < LARGE ? NULL : segment(d, bytes);
}

void *rt_gpu_alloc(rt_gpu *d, size_t bytes)
{
    if (bytes >= (size_t)1 << (MOST_LOG2 + 1))
        return RT_FAIL_NULL(NOMEM, "%s: out of memory: %zu bytes asked for", d->name, bytes);
    pool *p = d->pool;
    pthread_mutex_lock(&p->lock);
    int class = class_of(bytes);
    void *block = take(d, class);
    rt_gpu_memory_stats *s = &p->stats;
    if (block)
        s->used += (int64_t)bytes_of(class);
    if (s->used > s->most_used)
        s->most_used = s->used;
    rt_gpu_memory_stats now = *s;
    pthread_mutex_unlock(&p->lock);
    if (block || rt_failed())
        return block;
    return RT_FAIL_NULL(
        NOMEM,
        "%s: out of memory: %zu bytes asked for, %lld in use, %lld kept, the device has %lld",
        d->name, bytes, (long long)now.used, (long long)(now.held - now.used),
        (long long)d->memory);
}

void rt_gpu_free(rt_gpu *d, void *block, size_t bytes)
{
    if (!block)
        return;
    int class = class_of(bytes);
    pthread_mutex_lock(&d->pool->lock);
    d->pool->stats.used -= (int64_t)bytes_of(class);
    if (!push(&d->pool->kept[class], block) && bytes_of(class) >= LARGE)
        d->ops->segment_free(d, block, bytes_of(class));
    pthread_mutex_unlock(&d->pool->lock);
}

void rt_gpu_trim(rt_gpu *d)
{
    pthread_mutex_lock(&d->pool->lock);
    trim(d);
    pthread_mutex_unlock(&d->pool->lock);
}

rt_gpu_memory_stats rt_gpu_memory(rt_gpu *d)
{
    pthread_mutex_lock(&d->pool->lock);
    rt_gpu_memory_stats stats = d->pool->stats;
    pthread_mutex_unlock(&d->pool->lock);
    return stats;
}

void rt_gpu_memory_reset_peak(rt_gpu *d)
{
    pthread_mutex_lock(&d->pool->lock);
    d->pool->stats.most_used = d->pool->stats.used;
    pthread_mutex_unlock(&d->pool->lock);
}
