#include "worker/link.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"
#include "common/mem.h"
#include "worker/report.h"

static const double PROGRESS_SECONDS = 0.5;

/* A message on its way out. */
typedef struct queued {
    struct queued *next;
    rt_msg_type type;
    rt_msg_body body;
} queued;

struct rt__link {
    pthread_t thread;
    rt_wire *wire; /* the link thread's */
    int64_t generation;
    const rt__progress *progress;
    rt__orders *orders;
    int wake;     /* eventfd: something was queued, or the end */
    bool greeted; /* HELLO has gone out: PROGRESS may follow; the link thread's */
    double next_progress;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of what follows */
    queued *first, **last;
    bool has_plan, leave, ending;
    rt_msg_body plan;
    rt_saved_error refusal; /* code RT_OK: none */
    double linger;
};

void rt__orders_init(rt__orders *o)
{
    atomic_init(&o->abort, 0);
    atomic_init(&o->stop_after, -1);
    atomic_init(&o->stop_checkpoint, 0);
    atomic_init(&o->checkpoint_after, -1);
}

/* ---- the link thread: sending ---- */

static queued *queue_head(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    queued *q = l->first;
    pthread_mutex_unlock(&l->lock);
    return q;
}

static void queue_drop_head(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    queued *q = l->first;
    l->first = q->next;
    if (!l->first)
        l->last = &l->first;
    pthread_mutex_unlock(&l->lock);
    rt_msg_body_release(q->type, &q->body);
    rt_mem_free(q);
}

/* Sends until the queue is empty or the wire is full or closed, when the rest waits for the next
 * turn. */
static void send_queued(rt__link *l)
{
    queued *q;
    while ((q = queue_head(l))) {
        rt_status status = rt_wire_send(l->wire, NULL, q->type, &q->body);
        if (status == RT_E_TIMEOUT || status == RT_E_CLOSED) {
            rt_error_clear();
            return;
        }
        if (status != RT_OK) {
            rt_log_error("%s lost: %s", rt_msg_name(q->type), rt_error());
            rt_error_clear();
        }
        l->greeted = l->greeted || q->type == RT_MSG_HELLO;
        queue_drop_head(l);
    }
}

static void send_progress(rt__link *l, double now)
{
    if (!l->greeted || now < l->next_progress)
        return;
    l->next_progress = now + PROGRESS_SECONDS;
    rt__progress_view v = rt__progress_read(l->progress);
    rt_msg_progress m = {
        .step = v.step,
        .slice = v.slice,
        .phase = v.phase,
        .what = rt__phase_name(v.phase),
        .since = now - v.since,
        .peer = -1,
        .snapshot_step = -1,
        .rss_bytes = rt__rss(),
    };
    if (rt_wire_send(l->wire, NULL, RT_MSG_PROGRESS, &m) != RT_OK)
        rt_error_clear(); /* the next one says more */
}

/* ---- the link thread: receiving ---- */

static void take_plan(rt__link *l, rt_frame *f)
{
    pthread_mutex_lock(&l->lock);
    if (!l->has_plan) {
        l->plan = f->body; /* ours now */
        f->body = (rt_msg_body){0};
        l->has_plan = true;
        pthread_cond_broadcast(&l->changed);
    }
    pthread_mutex_unlock(&l->lock);
}

static void take_refusal(rt__link *l, const rt_msg_refused *m)
{
    rt_status code = m->code < 0 && m->code >= RT_E_INTERNAL ? (rt_status)m->code : RT_E_PROTOCOL;
    rt_log_error("refused: %s", m->reason);
    rt_fail_at(__FILE__, __LINE__, code, "%s", m->reason);
    pthread_mutex_lock(&l->lock);
    rt_error_save(&l->refusal);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void take_stop(rt__link *l, const rt_msg_stop *m)
{
    if (m->after_step >= 0) {
        rt_log_info("told to stop after step %" PRId64 ": %s", m->after_step, m->reason);
        atomic_store(&l->orders->stop_checkpoint, m->checkpoint != 0);
        atomic_store(&l->orders->stop_after, m->after_step);
        return;
    }
    rt_log_info("told to leave: %s", m->reason);
    atomic_store(&l->orders->abort, 1);
    pthread_mutex_lock(&l->lock);
    l->leave = true;
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

static void take(rt__link *l, rt_frame *f)
{
    if (f->generation != l->generation) {
        rt_log_debug("%s of generation %" PRId64 " dropped", rt_msg_name(f->type), f->generation);
        return;
    }
    switch (f->type) {
    case RT_MSG_PLAN:
        take_plan(l, f);
        break;
    case RT_MSG_REFUSED:
        take_refusal(l, &f->body.refused);
        break;
    case RT_MSG_STOP:
        take_stop(l, &f->body.stop);
        break;
    case RT_MSG_CHECKPOINT:
        atomic_store(&l->orders->checkpoint_after, f->body.checkpoint.after_step);
        break;
    case RT_MSG_COMMITTED:
        rt_log_info("checkpoint of step %" PRId64 " committed", f->body.committed.step);
        break;
    case RT_MSG_ABORTED:
        rt_log_warn("checkpoint of step %" PRId64 " given up: %s", f->body.aborted.step,
                    f->body.aborted.reason);
        break;
    default:
        rt_log_warn("%s is not for a worker: dropped", rt_msg_name(f->type));
    }
}

static void receive_all(rt__link *l)
{
    rt_frame f;
    rt_status status;
    while ((status = rt_wire_receive(l->wire, 0, &f)) == RT_OK) {
        take(l, &f);
        rt_frame_release(&f);
    }
    if (status != RT_E_TIMEOUT)
        rt_log_warn("link: %s", rt_error());
    rt_error_clear();
}

/* Sleeps until something is queued, something may have come, or it is time to show progress. */
static void wait_for_work(rt__link *l)
{
    struct pollfd fds[2] = {{.fd = l->wake, .events = POLLIN},
                            {.fd = rt_wire_fd(l->wire), .events = POLLIN}};
    poll(fds, 2, (int)(1e3 * PROGRESS_SECONDS));
    uint64_t count;
    if (fds[0].revents & POLLIN && read(l->wake, &count, sizeof count) < 0)
        rt_log_warn("link: eventfd cannot be read");
}

static bool is_ending(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    bool ending = l->ending;
    pthread_mutex_unlock(&l->lock);
    return ending;
}

/* The wire's descriptor is edge-triggered, so all that has come must be taken after the last send
 * and before sleeping. */
static void *talk(void *arg)
{
    rt__link *l = arg;
    while (!is_ending(l)) {
        send_queued(l);
        send_progress(l, rt_clock());
        receive_all(l);
        wait_for_work(l);
    }
    for (double end = rt_clock() + l->linger; queue_head(l) && rt_clock() < end;
         rt_clock_sleep(0.01)) {
        send_queued(l);
        receive_all(l);
    }
    rt_wire_close(l->wire, l->linger);
    return NULL;
}

/* ---- other threads ---- */

static void wake(rt__link *l)
{
    uint64_t one = 1;
    if (write(l->wake, &one, sizeof one) < 0)
        rt_log_warn("link: eventfd cannot be written");
}

static void link_free(rt__link *l)
{
    while (l->first)
        queue_drop_head(l);
    if (l->has_plan)
        rt_msg_body_release(RT_MSG_PLAN, &l->plan);
    if (l->wake >= 0)
        close(l->wake);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    rt_mem_free(l);
}

static rt_status start_thread(rt__link *l)
{
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->wake < 0)
        return RT_FAIL(IO, "link: no eventfd: raise the limit of open files (ulimit -n)");
    if (pthread_create(&l->thread, NULL, talk, l) != 0)
        return RT_FAIL(
            NOMEM,
            "link: the system refuses another thread: raise the limit of processes (ulimit -u)");
    return RT_OK;
}

rt_status rt__link_start(const rt__link_args *a, rt__link **out)
{
    rt__link *l = rt_calloc(1, sizeof *l);
    if (!l)
        return RT_E_NOMEM;
    l->generation = a->generation;
    l->progress = a->progress;
    l->orders = a->orders;
    l->last = &l->first;
    l->wake = -1;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    rt_wire_options o = {a->endpoint, a->keys, a->run, a->name, a->generation};
    rt_status status = rt_wire_connect(&o, &l->wire);
    if (status == RT_OK && (status = start_thread(l)) != RT_OK)
        rt_wire_close(l->wire, 0);
    if (status != RT_OK) {
        link_free(l);
        return status;
    }
    *out = l;
    return RT_OK;
}

/* A deep copy, made by way of the wire's own encoding. */
static rt_status copy_body(rt_msg_type type, const void *body, rt_msg_body *out)
{
    rt_bytes b;
    RT_TRY(rt_msg_encode(type, body, &b));
    rt_status status = rt_msg_decode(type, b.data, b.len, out);
    rt_bytes_release(&b);
    return status;
}

void rt__link_post(rt__link *l, rt_msg_type type, const void *body)
{
    queued *q = rt_calloc(1, sizeof *q);
    if (!q || copy_body(type, body, &q->body) != RT_OK) {
        rt_log_error("%s lost: %s", rt_msg_name(type), rt_error());
        rt_error_clear();
        rt_mem_free(q);
        return;
    }
    q->type = type;
    pthread_mutex_lock(&l->lock);
    *l->last = q;
    l->last = &q->next;
    pthread_mutex_unlock(&l->lock);
    wake(l);
}

rt_status rt__link_wait_plan(rt__link *l, rt_msg_body *out)
{
    rt_status status = RT_OK;
    pthread_mutex_lock(&l->lock);
    while (!l->has_plan && l->refusal.code == RT_OK && !l->leave)
        pthread_cond_wait(&l->changed, &l->lock);
    if (l->refusal.code != RT_OK)
        status = rt_error_restore(&l->refusal);
    else if (l->leave)
        status = RT_FAIL(ABORTED, "told to leave before the run began");
    else {
        *out = l->plan;
        l->plan = (rt_msg_body){0};
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

void rt__link_wait_leave(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    while (!l->leave)
        pthread_cond_wait(&l->changed, &l->lock);
    pthread_mutex_unlock(&l->lock);
}

void rt__link_end(rt__link *l, double linger)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    l->linger = linger;
    pthread_mutex_unlock(&l->lock);
    wake(l);
    pthread_join(l->thread, NULL);
    link_free(l);
}
