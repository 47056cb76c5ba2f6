/* A ring of slots between one producer thread and one consumer. Batch `n` lives in slot n % slots. One mutex guards everything
 * except the buffers themselves: batches [next, made) are finished and wait for the consumer, batch `made` belongs to the
 * producer, and the `held` batches before `next` are in use by the consumer.
 *
 * Waking a thread costs some microseconds, as much as a whole batch if steps are small. So each side wakes the other only if
 * it sleeps, and a producer that finds all slots full sleeps until half of them are free. */
#include "worker/engine/data/prefetch.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <pthread.h>
#include <signal.h>
#include <string.h>

typedef struct slot {
    rt__filled batch;
    rt_saved_error error; /* error of the fill; RT_OK if it succeeded */
} slot;

struct rt__prefetch {
    rt__prefetch_args a;
    slot *slot;
    pthread_t thread;
    bool started; /* the thread was started */

    pthread_mutex_t lock;
    pthread_cond_t work, progress; /* the producer waits for work, the consumer for progress */
    int64_t next;                  /* the number that the consumer takes next */
    int64_t made;                  /* the number the producer makes next */
    bool idle;                     /* nothing has been requested yet */
    bool filling;                  /* the producer is inside fill, without the lock */
    bool asleep, waiting;          /* the producer; the consumer */
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

/* Returns how many slots may be filled ahead: those that the consumer does not hold. */
static int ahead_of(const rt__prefetch *p)
{
    return p->a.slots - p->a.held;
}

static bool has_room(const rt__prefetch *p)
{
    return !p->idle && p->made - p->next < ahead_of(p);
}

/* Called with the lock held. */
static void wake_producer(rt__prefetch *p)
{
    p->asleep = false;
    pthread_cond_signal(&p->work);
}

static void *produce(void *arg)
{
    rt__prefetch *p = arg;
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        if (!has_room(p)) {
            for (p->asleep = true; p->asleep && !p->stop;)
                pthread_cond_wait(&p->work, &p->lock);
            continue;
        }
        int64_t number = p->made;
        p->filling = true;
        pthread_mutex_unlock(&p->lock);
        fill(p, number);
        pthread_mutex_lock(&p->lock);
        p->filling = false;
        p->made++;
        if (p->waiting)
            pthread_cond_signal(&p->progress);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

/* Waits until the producer has made another batch. Called with the lock held. */
static void wait_for_progress(rt__prefetch *p)
{
    p->waiting = true;
    pthread_cond_wait(&p->progress, &p->lock);
    p->waiting = false;
}

/* Makes `number` the next batch to make and take, unless it is already. Called with the lock held. */
static void restart(rt__prefetch *p, int64_t number)
{
    if (!p->idle && p->next == number)
        return;
    p->idle = true; /* keeps the producer from starting another */
    while (p->filling)
        wait_for_progress(p);
    p->next = p->made = number;
    p->idle = false;
    wake_producer(p);
}

rt_status rt__prefetch_take(rt__prefetch *p, int64_t number, const rt__filled **out)
{
    if (!p->a.threaded) {
        fill(p, number);
    } else {
        pthread_mutex_lock(&p->lock);
        restart(p, number);
        while (p->made <= number)
            wait_for_progress(p);
        p->next++;
        if (p->asleep && p->made - p->next <= ahead_of(p) / 2)
            wake_producer(p);
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

/* Signals are handled by other threads, so this one blocks all of them. */
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
    RT_ASSERT(a->held >= 1 && a->slots >= a->held + a->threaded);
    rt__prefetch *p = rt_calloc(1, sizeof *p);
    if (!p)
        return rt_error_code();
    p->a = *a;
    p->idle = true;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->work, NULL);
    pthread_cond_init(&p->progress, NULL);
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
        wake_producer(p);
        pthread_mutex_unlock(&p->lock);
        pthread_join(p->thread, NULL);
    }
    pthread_cond_destroy(&p->work);
    pthread_cond_destroy(&p->progress);
    pthread_mutex_destroy(&p->lock);
    for (int i = 0; p->slot && i < p->a.slots; i++)
        rt__filled_release(&p->slot[i].batch);
    rt_mem_free(p->slot);
    rt_mem_free(p);
}
