#include "worker/link.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

enum { EXIT_BY_SIGTERM = 128 + SIGTERM };
static const double SLEEP_MAX = 0.5;

struct rt__link {
    pthread_t thread;
    rt_os_waker waker;     /* for a posted message, the end, or a move */
    rt_os_signals sigterm; /* not open if this thread does not handle SIGTERM */
    atomic_bool moved;     /* something that took long has ended */
    /* Used by the link thread only. */
    rt_wire *wire;
    rt__link_state state;
    rt__link_effects effects;
    rt__progress *progress;
    rt__progress_watch watch;
    rt__commthread *comm;
    void (*forget)(void *ctx, int64_t before);
    void *forget_ctx;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* of what follows */
    rt__note *posted, **posted_end;
    bool ending;
    double linger;
    bool has_plan;
    rt_msg_body plan;
    rt_saved_error ended; /* as rt__link_state.ended */
};

/* ---- the link thread: effects ---- */

static bool effect_send(void *ctx, rt_msg_type type, const void *body)
{
    rt__link *l = ctx;
    rt_status status = rt_wire_send(l->wire, NULL, type, body);
    bool again = status == RT_E_TIMEOUT || status == RT_E_CLOSED || status == RT_E_NOMEM;
    if (status != RT_OK && !again)
        rt_log_error("%s lost: %s", rt_msg_name(type), rt_error());
    rt_error_clear();
    return !again;
}

static int64_t effect_unconfirmed(void *ctx)
{
    const rt__link *l = ctx;
    return rt_wire_unconfirmed(l->wire);
}

static void effect_look(void *ctx, double now, rt_msg_progress *out)
{
    rt__link *l = ctx;
    rt_comm_wait wait;
    bool waiting = l->comm && rt__commthread_waiting(l->comm, &wait);
    rt__progress_message(l->progress, &l->watch, waiting ? &wait : NULL, now, out);
}

static void effect_forget(void *ctx, int64_t before)
{
    rt__link *l = ctx;
    if (l->forget)
        l->forget(l->forget_ctx, before);
    rt_error_clear();
}

/* ---- the link thread: events ---- */

static void step(rt__link *l, const rt__link_event *e)
{
    rt__link_step(&l->state, rt_clock(), e);
}

static void step_kind(rt__link *l, rt__link_kind kind)
{
    step(l, &(rt__link_event){.kind = kind});
}

/* Called by the wire while it receives. */
static void resend_state(void *ctx)
{
    step_kind(ctx, RT__LINK_RESET);
}

static void take_posted(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    rt__note *n = l->posted;
    l->posted = NULL;
    l->posted_end = &l->posted;
    pthread_mutex_unlock(&l->lock);
    while (n) {
        rt__note *next = n->next;
        step(l, &(rt__link_event){.kind = RT__LINK_POST, .note = n});
        n = next;
    }
}

/* Tells the state machine if the connection came up or went down; returns whether it did. */
static bool note_connection(rt__link *l)
{
    if (rt_wire_connected(l->wire) == l->state.up)
        return false;
    step_kind(l, l->state.up ? RT__LINK_DOWN : RT__LINK_UP);
    return true;
}

/* The wire's descriptor is edge-triggered, so every frame that has arrived must be received after the last send and
 * before sleeping. */
static void receive_all(rt__link *l, double seconds)
{
    rt_frame f;
    rt_status status;
    while ((status = rt_wire_receive(l->wire, seconds, &f)) == RT_OK) {
        step(l, &(rt__link_event){.kind = RT__LINK_FRAME, .frame = &f});
        rt_frame_release(&f);
        seconds = 0;
    }
    if (status != RT_E_TIMEOUT && l->state.ended.code == RT_OK) {
        rt_saved_error why;
        rt_error_save(&why);
        step(l, &(rt__link_event){.kind = RT__LINK_REFUSED, .error = &why});
    }
    rt_error_clear();
}

static void take_sigterm(rt__link *l)
{
    while (rt_os_signals_next(&l->sigterm))
        step_kind(l, RT__LINK_TERMINATE);
    if (l->state.quit)
        _exit(EXIT_BY_SIGTERM);
}

/* Publishes the plan and the end of the link to the other threads. */
static void publish(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    bool new_plan = l->state.has_plan && !l->has_plan;
    bool news = new_plan || l->state.ended.code != l->ended.code;
    if (new_plan) {
        l->has_plan = true;
        l->plan = l->state.plan;
        l->state.plan = (rt_msg_body){0};
    }
    l->ended = l->state.ended;
    if (news)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* Sleeps until a message is posted, a frame may have arrived, or the next TICK is due. */
static void wait_for_work(rt__link *l)
{
    enum { WAKER, SIGTERM_CAME, WIRE, FDS = WIRE + RT_WIRE_FDS };
    struct pollfd fds[FDS] = {[WAKER] = {.fd = l->waker.fd, .events = POLLIN},
                              [SIGTERM_CAME] = {.fd = l->sigterm.fd, .events = POLLIN}};
    rt_wire_poll(l->wire, &fds[WIRE]);
    double now = rt_clock(), seconds = rt__link_next(&l->state, now) - now;
    if (seconds > SLEEP_MAX)
        seconds = SLEEP_MAX;
    poll(fds, FDS, seconds > 0 ? (int)(1e3 * seconds) + 1 : 0);
    if (fds[WAKER].revents & POLLIN)
        rt_os_waker_clear(&l->waker);
}

static bool is_ending(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    bool ending = l->ending;
    pthread_mutex_unlock(&l->lock);
    return ending;
}

/* Sends the remaining messages, then waits until the coordinator has confirmed them, unless it ordered us to leave. */
static void send_remaining(rt__link *l)
{
    double end = rt_clock() + l->linger;
    step_kind(l, RT__LINK_ENDING);
    for (;;) {
        take_posted(l);
        step_kind(l, RT__LINK_TICK);
        receive_all(l, 0.01);
        bool confirmed = l->state.ended.code != RT_OK || rt_wire_unconfirmed_seconds(l->wire) == 0;
        if ((!l->state.queue && confirmed) || rt_clock() >= end)
            break;
    }
    rt_wire_close(l->wire, end > rt_clock() ? end - rt_clock() : 0);
}

static void *link_main(void *arg)
{
    rt__link *l = arg;
    while (!is_ending(l)) {
        take_posted(l);
        if (atomic_exchange(&l->moved, false))
            step_kind(l, RT__LINK_MOVED);
        step_kind(l, RT__LINK_TICK);
        do
            receive_all(l, 0);
        while (note_connection(l));
        take_sigterm(l); /* now that we know whether the coordinator can be reached */
        publish(l);
        wait_for_work(l);
    }
    send_remaining(l);
    return NULL;
}

/* ---- other threads ---- */

static void wake(rt__link *l)
{
    rt_os_waker_wake(&l->waker);
}

/* Called on the computing thread. */
static void on_move(void *ctx)
{
    rt__link *l = ctx;
    atomic_store(&l->moved, true);
    wake(l);
}

static void link_free(rt__link *l)
{
    while (l->posted) {
        rt__note *next = l->posted->next;
        rt__note_free(l->posted);
        l->posted = next;
    }
    rt_msg_body_release(RT_MSG_PLAN, &l->plan);
    rt__link_state_release(&l->state);
    rt_os_waker_close(&l->waker);
    rt_os_signals_close(&l->sigterm);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    rt_mem_free(l);
}

static rt_status open_descriptors(rt__link *l, bool takes_sigterm)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    RT_TRY(rt_os_waker_open(&l->waker));
    return takes_sigterm ? rt_os_signals_open(&l->sigterm, &set) : RT_OK;
}

static rt_status start_thread(rt__link *l)
{
    if (pthread_create(&l->thread, NULL, link_main, l) != 0)
        return RT_FAIL(
            NOMEM,
            "link: the system refuses another thread: raise the limit of processes (ulimit -u)");
    return RT_OK;
}

static rt__link *link_new(const rt__link_args *a)
{
    rt__link *l = rt_calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->waker.fd = l->waker.end = l->sigterm.fd = -1;
    l->effects = (rt__link_effects){.ctx = l,
                                    .send = effect_send,
                                    .unconfirmed = effect_unconfirmed,
                                    .look = effect_look,
                                    .forget = effect_forget};
    l->progress = a->progress;
    l->comm = a->comm;
    l->forget = a->forget;
    l->forget_ctx = a->forget_ctx;
    l->posted_end = &l->posted;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->changed, NULL);
    rt__link_facts facts = {a->generation, a->endpoint, a->orders, &l->effects};
    rt__link_state_init(&l->state, &facts, rt_clock());
    return l;
}

rt_status rt__link_start(const rt__link_args *a, rt__link **out)
{
    rt__link *l = link_new(a);
    if (!l)
        return RT_E_NOMEM;
    rt_wire_options o = {a->endpoint, a->keys, a->run, a->name, a->generation};
    rt_status status = open_descriptors(l, a->takes_sigterm);
    if (status == RT_OK)
        status = rt_wire_connect(&o, &l->wire);
    if (status == RT_OK) {
        rt_wire_on_reset(l->wire, resend_state, l);
        rt__progress_on_move(l->progress, on_move, l);
        status = start_thread(l);
    }
    if (status != RT_OK) {
        rt__progress_on_move(l->progress, NULL, NULL);
        rt_wire_close(l->wire, 0);
        link_free(l);
        return status;
    }
    *out = l;
    return RT_OK;
}

void rt__link_post(rt__link *l, rt_msg_type type, const void *body)
{
    rt__note *n = rt__note_make(type, body);
    if (!n) {
        rt_log_error("%s lost: %s", rt_msg_name(type), rt_error());
        rt_error_clear();
        return;
    }
    pthread_mutex_lock(&l->lock);
    *l->posted_end = n;
    l->posted_end = &n->next;
    pthread_mutex_unlock(&l->lock);
    wake(l);
}

rt_status rt__link_wait_plan(rt__link *l, rt_msg_body *out)
{
    rt_status status = RT_OK;
    pthread_mutex_lock(&l->lock);
    while (!l->has_plan && l->ended.code == RT_OK)
        pthread_cond_wait(&l->changed, &l->lock);
    if (l->ended.code != RT_OK)
        status = rt_error_restore(&l->ended);
    else {
        *out = l->plan;
        l->plan = (rt_msg_body){0};
    }
    pthread_mutex_unlock(&l->lock);
    return status;
}

rt_status rt__link_wait_leave(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    while (l->ended.code == RT_OK)
        pthread_cond_wait(&l->changed, &l->lock);
    rt_status status = l->ended.code == RT_E_ABORTED ? RT_OK : rt_error_restore(&l->ended);
    pthread_mutex_unlock(&l->lock);
    return status;
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
    rt__progress_on_move(l->progress, NULL, NULL);
    link_free(l);
}
