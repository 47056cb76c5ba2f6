/* One mutex, one condition variable, one slot for a job. Handing over a job costs two wake-ups (about 20 us together),
 * two or three times per step. In exchange an idle thread costs nothing, and ranks may outnumber cores. */
#include "worker/commthread.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <pthread.h>

enum state { OPENING, IDLE, POSTED, ENDING };

struct rt__commthread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* of `state` */
    enum state state;
    rt__comm_job job;
    void *arg;
    rt_saved_error error; /* of the last job, or of opening */

    rt__comm_open open;
    void *open_arg;
    const atomic_int *abort;
    rt_comm *comm;
};

static void set_state(rt__commthread *t, enum state state)
{
    pthread_mutex_lock(&t->lock);
    t->state = state;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* Waits until the state is no longer `state`; returns the new one. */
static enum state wait_while(rt__commthread *t, enum state state)
{
    pthread_mutex_lock(&t->lock);
    while (t->state == state)
        pthread_cond_wait(&t->changed, &t->lock);
    enum state now = t->state;
    pthread_mutex_unlock(&t->lock);
    return now;
}

/* Keeps this thread's error, if any, for the thread that waits. */
static void finish(rt__commthread *t, rt_status status)
{
    RT_ASSERT((status != RT_OK) == rt_failed());
    rt_error_save(&t->error);
    set_state(t, IDLE);
}

static void *communicate(void *arg)
{
    rt__commthread *t = arg;
    rt_status status = t->open(t->open_arg, &t->comm);
    if (status == RT_OK)
        rt_comm_set_abort_flag(t->comm, t->abort);
    finish(t, status);

    while (wait_while(t, IDLE) == POSTED)
        finish(t, t->job(t->comm, t->arg));
    rt_comm_free(t->comm);
    return NULL;
}

rt_status rt__commthread_start(rt__comm_open open, void *arg, const atomic_int *abort,
                               rt__commthread **out)
{
    rt__commthread *t = rt_calloc(1, sizeof *t);
    if (!t)
        return RT_E_NOMEM;
    t->open = open;
    t->open_arg = arg;
    t->abort = abort;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    if (pthread_create(&t->thread, NULL, communicate, t) != 0) {
        rt_mem_free(t);
        return RT_FAIL(NOMEM, "communication thread: the system refuses another thread: raise the "
                              "limit of processes (ulimit -u)");
    }
    *out = t;
    return RT_OK;
}

rt_status rt__commthread_ready(rt__commthread *t, int *rank, int *world)
{
    wait_while(t, OPENING);
    RT_TRY(rt_error_restore(&t->error));
    *rank = rt_comm_rank(t->comm);
    *world = rt_comm_world(t->comm);
    return RT_OK;
}

void rt__commthread_post(rt__commthread *t, rt__comm_job job, void *arg)
{
    t->job = job;
    t->arg = arg;
    set_state(t, POSTED);
}

rt_status rt__commthread_wait(rt__commthread *t)
{
    wait_while(t, POSTED);
    return rt_error_restore(&t->error);
}

rt_status rt__commthread_run(rt__commthread *t, rt__comm_job job, void *arg)
{
    rt__commthread_post(t, job, arg);
    return rt__commthread_wait(t);
}

bool rt__commthread_busy(rt__commthread *t)
{
    pthread_mutex_lock(&t->lock);
    bool busy = t->state == OPENING || t->state == POSTED;
    pthread_mutex_unlock(&t->lock);
    return busy;
}

bool rt__commthread_waiting(rt__commthread *t, rt_comm_wait *out)
{
    pthread_mutex_lock(&t->lock);
    const rt_comm *c =
        t->state == OPENING ? NULL : t->comm; /* no communicator yet, so no wait either */
    pthread_mutex_unlock(&t->lock);
    return c && rt_comm_waiting(c, out);
}

void rt__commthread_end(rt__commthread *t)
{
    if (!t)
        return;
    wait_while(t, OPENING);
    set_state(t, ENDING);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    rt_mem_free(t);
}
