#include "coordinator/shell/desk.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include <pthread.h>
#include <stdbool.h>

typedef struct entry {
    struct entry *next;
    rt__job job;
} entry;

typedef struct queue {
    entry *first, **last;
} queue;

struct rt__desk {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* signalled when one of the members below changes */
    queue waiting, finished;
    bool closing;
    rt_os_waker done;
};

static void push(queue *q, entry *e)
{
    e->next = NULL;
    *q->last = e;
    q->last = &e->next;
}

static entry *pop(queue *q)
{
    entry *e = q->first;
    if (e && !(q->first = e->next))
        q->last = &q->first;
    return e;
}

static void *work(void *arg)
{
    rt__desk *d = arg;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        entry *e;
        while (!(e = pop(&d->waiting)) && !d->closing)
            pthread_cond_wait(&d->changed, &d->lock);
        if (!e)
            break;
        pthread_mutex_unlock(&d->lock);
        e->job.work(e->job.arg);
        rt_error_clear(); /* the job has its own record of a failure */
        pthread_mutex_lock(&d->lock);
        push(&d->finished, e);
        rt_os_waker_wake(&d->done);
    }
    pthread_mutex_unlock(&d->lock);
    return NULL;
}

rt_status rt__desk_open(rt__desk **out)
{
    rt__desk *d = rt_calloc(1, sizeof *d);
    if (!d)
        return rt_error_code();
    d->waiting.last = &d->waiting.first;
    d->finished.last = &d->finished.first;
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    rt_status status = rt_os_waker_open(&d->done);
    if (status == RT_OK && pthread_create(&d->thread, NULL, work, d) != 0)
        status = RT_FAIL(NOMEM, "the system refuses another thread: raise ulimit -u");
    if (status == RT_OK) {
        *out = d;
        return RT_OK;
    }
    rt_os_waker_close(&d->done);
    rt_mem_free(d);
    return status;
}

void rt__desk_put(rt__desk *d, rt__job job)
{
    entry *e = rt_malloc(sizeof *e);
    if (!e) {
        rt_error_clear();
        job.work(job.arg);
        job.done(job.arg);
        return;
    }
    e->job = job;
    pthread_mutex_lock(&d->lock);
    push(&d->waiting, e);
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

int rt__desk_fd(const rt__desk *d)
{
    return d->done.fd;
}

void rt__desk_collect(rt__desk *d)
{
    rt_os_waker_clear(&d->done);
    for (;;) {
        pthread_mutex_lock(&d->lock);
        entry *e = pop(&d->finished);
        pthread_mutex_unlock(&d->lock);
        if (!e)
            return;
        e->job.done(e->job.arg);
        rt_mem_free(e);
    }
}

void rt__desk_close(rt__desk *d)
{
    if (!d)
        return;
    pthread_mutex_lock(&d->lock);
    d->closing = true;
    pthread_cond_signal(&d->changed);
    pthread_mutex_unlock(&d->lock);
    pthread_join(d->thread, NULL);
    rt__desk_collect(d);
    pthread_cond_destroy(&d->changed);
    pthread_mutex_destroy(&d->lock);
    rt_os_waker_close(&d->done);
    rt_mem_free(d);
}
