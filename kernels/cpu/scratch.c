/* Scratch memory: one buffer per thread that calls kernels, grown to the largest ever asked for and
 * kept, so that a training step after the first allocates nothing. It is freed when the thread ends
 * or calls rt_kernels_shutdown. */
#include "common/mem.h"
#include "kernels/cpu/cpu.h"
#include <pthread.h>

typedef struct scratch {
    void *data;
    size_t size;
} scratch;

static _Thread_local scratch mine;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *s_)
{
    scratch *s = s_;
    rt_mem_free(s->data);
    *s = (scratch){0};
}

static void make_key(void)
{
    pthread_key_create(&at_thread_end, release);
}

void *rt__scratch(size_t bytes)
{
    if (bytes <= mine.size)
        return mine.data;
    pthread_once(&once, make_key);
    pthread_setspecific(at_thread_end, &mine);
    release(&mine);
    size_t size =
        (bytes + bytes / 4 + 4095) & ~(size_t)4095; /* some room, so that growth is rare */
    mine.data = rt_malloc_aligned(64, size);
    mine.size = mine.data ? size : 0;
    return mine.data;
}

void rt_kernels_shutdown(void)
{
    release(&mine);
}
