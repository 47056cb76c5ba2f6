/* The CPU's rt_exec of each thread. Its scratch memory is freed when the thread ends or calls rt_kernels_shutdown. */
#include "common/base/mem.h"
#include "kernels/cpu/cpu.h"
#include <pthread.h>

static _Thread_local rt_exec mine;
static pthread_key_t at_thread_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;

rt_exec *rt_exec_cpu(void)
{
    if (mine.kernels)
        return &mine;
    mine.threads = omp_get_max_threads();
    mine.kernels = rt_kernels_cpu();
    return mine.kernels ? &mine : NULL;
}

static void release(void *e_)
{
    rt_exec *e = e_;
    rt_mem_free(e->scratch.data);
    e->scratch.data = NULL;
    e->scratch.size = 0;
}

static void make_key(void)
{
    pthread_key_create(&at_thread_end, release);
}

void *rt_scratch(rt_exec *e, size_t bytes)
{
    if (bytes <= e->scratch.size)
        return e->scratch.data;
    pthread_once(&once, make_key);
    pthread_setspecific(at_thread_end, &mine);
    release(e);
    size_t size =
        (bytes + bytes / 4 + 4095) & ~(size_t)4095; /* with some slack, so that growth is rare */
    e->scratch.data = rt_malloc_aligned(64, size);
    e->scratch.size = e->scratch.data ? size : 0;
    return e->scratch.data;
}

void rt_exec_each(rt_exec *e, int64_t n, void (*body)(void *context, int64_t i), void *context)
{
    bool team = e->threads > 1 && n > 1 && !omp_in_parallel();
    RT_PRAGMA(omp parallel for schedule(dynamic) num_threads(e->threads) if (team))
    for (int64_t i = 0; i < n; i++)
        body(context, i);
}

void rt_kernels_shutdown(void)
{
    release(&mine);
}

/* Sets OpenMP's number, which OpenBLAS follows too, and the thread's own copy of it. */
void rt_kernels_set_threads(int n)
{
    omp_set_num_threads(n);
    mine.threads = n;
}

int rt_kernels_threads(void)
{
    return omp_get_max_threads();
}
