#include "coordinator/desk.h"
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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
    pthread_cond_t changed; /* of what follows */
    queue waiting, finished;
    bool closing;
    int fd; /* eventfd */
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
    uint64_t one = 1;
    pthread_mutex_lock(&d->lock);
    for (;;) {
        entry *e;
        while (!(e = pop(&d->waiting)) && !d->closing)
            pthread_cond_wait(&d->changed, &d->lock);
        if (!e)
            break;
        pthread_mutex_unlock(&d->lock);
        e->job.work(e->job.arg);
        rt_error_clear(); /* what went wrong is in the job */
        pthread_mutex_lock(&d->lock);
        push(&d->finished, e);
        if (write(d->fd, &one, sizeof one) < 0)
            rt_log_warn("desk: eventfd cannot be written: %s", strerror(errno));
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
    d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    if (d->fd >= 0 && pthread_create(&d->thread, NULL, work, d) == 0) {
        *out = d;
        return RT_OK;
    }
    if (d->fd >= 0)
        close(d->fd);
    rt_mem_free(d);
    return RT_FAIL(NOMEM, "the system refuses another thread or descriptor: raise ulimit -u or -n");
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
    return d->fd;
}

void rt__desk_collect(rt__desk *d)
{
    uint64_t count;
    if (read(d->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        rt_log_warn("desk: eventfd cannot be read: %s", strerror(errno));
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
    close(d->fd);
    rt_mem_free(d);
}
