/* A ring of slots between one producer thread and one consumer. Batch `n` lives in slot n % slots.
 * Everything is guarded by one mutex, except the buffers themselves: those numbered [next, made)
 * belong to the consumer's future and are left alone, the one at `made` is the producer's, and the
 * one before `next` is what the consumer is looking at. */
#include "worker/engine/data/prefetch.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"

typedef struct slot {
    rt__filled batch;
    rt_saved_error error; /* of the fill; RT_OK if it went well */
} slot;

struct rt__prefetch {
    rt__prefetch_args a;
    slot *slot;
    pthread_t thread;
    bool started; /* the thread runs */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    int64_t next; /* the number the consumer is to take next */
    int64_t made; /* the number the producer makes next */
    bool idle;    /* nobody has asked for anything yet */
    bool filling; /* the producer is inside fill, without the lock */
    bool stop;
};

static slot *slot_of(rt__prefetch *p, int64_t number)
{
    return &p->slot[number % p->a.slots];
}

static void fill(rt__prefetch *p, int64_t number)
{
    slot *s = slot_of(p, number);
    s->error.code = RT_OK;
    if (p->a.fill(p->a.ctx, number, &s->batch) != RT_OK)
        rt_error_save(&s->error);
}

/* The slot before `next` is still being looked at, so one slot fewer than there are may be filled
 * ahead. */
static bool has_room(const rt__prefetch *p)
{
    return !p->idle && p->made - p->next < p->a.slots - 1;
}

static void *produce(void *arg)
{
    rt__prefetch *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (!has_room(p)) {
            pthread_cond_wait(&p->changed, &p->lock);
            continue;
        }
        int64_t number = p->made;
        p->filling = true;
        pthread_mutex_unlock(&p->lock);
        fill(p, number);
        pthread_mutex_lock(&p->lock);
        p->filling = false;
        p->made++;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Makes `number` the next to be made and taken, unless it is already. Called with the lock held. */
static void restart(rt__prefetch *p, int64_t number)
{
    if (!p->idle && p->next == number)
        return;
    p->idle = true; /* keeps the producer from beginning another */
    while (p->filling)
        pthread_cond_wait(&p->changed, &p->lock);
    p->next = p->made = number;
    p->idle = false;
    pthread_cond_broadcast(&p->changed);
}

rt_status rt__prefetch_take(rt__prefetch *p, int64_t number, const rt__filled **out)
{
    if (!p->a.threaded) {
        fill(p, number);
    } else {
        pthread_mutex_lock(&p->lock);
        restart(p, number);
        while (p->made <= number)
            pthread_cond_wait(&p->changed, &p->lock);
        p->next++;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
    }
    const slot *s = slot_of(p, number);
    *out = &s->batch;
    return rt_error_restore(&s->error);
}

void rt__prefetch_hint(rt__prefetch *p, int64_t number)
{
    if (!p->a.threaded)
        return;
    pthread_mutex_lock(&p->lock);
    restart(p, number);
    pthread_mutex_unlock(&p->lock);
}

static rt_status allocate(rt__prefetch *p)
{
    p->slot = rt_calloc((size_t)p->a.slots, sizeof *p->slot);
    if (!p->slot)
        return rt_error_code();
    for (int i = 0; i < p->a.slots; i++)
        RT_TRY(rt__filled_init(&p->slot[i].batch, p->a.data, p->a.most));
    return RT_OK;
}

/* Signals are for the threads that know about them, so this one takes none. */
static rt_status start(rt__prefetch *p)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&p->thread, NULL, produce, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return RT_FAIL(NOMEM, "data loader: cannot start a thread: %s", strerror(rc));
    p->started = true;
    return RT_OK;
}

rt_status rt__prefetch_new(const rt__prefetch_args *a, rt__prefetch **out)
{
    *out = NULL;
    RT_ASSERT(a->slots >= (a->threaded ? 2 : 1));
    rt__prefetch *p = rt_calloc(1, sizeof *p);
    if (!p)
        return rt_error_code();
    p->a = *a;
    p->idle = true;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    rt_status status = allocate(p);
    if (status == RT_OK && a->threaded)
        status = start(p);
    if (status != RT_OK) {
        rt__prefetch_free(p);
        return status;
    }
    *out = p;
    return RT_OK;
}

void rt__prefetch_free(rt__prefetch *p)
{
    if (!p)
        return;
    if (p->started) {
        pthread_mutex_lock(&p->lock);
        p->stop = true;
        pthread_cond_broadcast(&p->changed);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    for (int i = 0; p->slot && i < p->a.slots; i++)
        rt__filled_release(&p->slot[i].batch);
    rt_mem_free(p->slot);
    rt_mem_free(p);
}
