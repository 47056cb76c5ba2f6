#include "worker/link.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "common/clock.h"
#include "common/log.h"
#include "common/mem.h"

enum { EXIT_BY_SIGTERM = 128 + SIGTERM };
static const double SLEEP_MAX = 0.5;

struct rt__link {
    pthread_t thread;
    int wake;          /* eventfd: something was posted, the end, or a move */
    int sigterm;       /* signalfd; -1: SIGTERM is not ours */
    atomic_bool moved; /* something that has lasted long is over */
    /* The link thread's. */
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
    rt_saved_error over; /* as rt__link_state.over */
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
static void say_again(void *ctx)
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

/* Returns whether there was anything to note. */
static bool note_connection(rt__link *l)
{
    if (rt_wire_connected(l->wire) == l->state.up)
        return false;
    step_kind(l, l->state.up ? RT__LINK_DOWN : RT__LINK_UP);
    return true;
}

/* The wire's descriptor is edge-triggered, so all that has come must be taken after the last send
 * and before sleeping. */
static void receive_all(rt__link *l, double seconds)
{
    rt_frame f;
    rt_status status;
    while ((status = rt_wire_receive(l->wire, seconds, &f)) == RT_OK) {
        step(l, &(rt__link_event){.kind = RT__LINK_FRAME, .frame = &f});
        rt_frame_release(&f);
        seconds = 0;
    }
    if (status != RT_E_TIMEOUT && l->state.over.code == RT_OK) {
        rt_saved_error why;
        rt_error_save(&why);
        step(l, &(rt__link_event){.kind = RT__LINK_REFUSED, .error = &why});
    }
    rt_error_clear();
}

static void take_sigterm(rt__link *l)
{
    struct signalfd_siginfo info;
    while (l->sigterm >= 0 && read(l->sigterm, &info, sizeof info) == sizeof info)
        step_kind(l, RT__LINK_TERMINATE);
    if (l->state.quit)
        _exit(EXIT_BY_SIGTERM);
}

/* Lets the other threads know what has become of us. */
static void publish(rt__link *l)
{
    pthread_mutex_lock(&l->lock);
    bool new_plan = l->state.has_plan && !l->has_plan;
    bool news = new_plan || l->state.over.code != l->over.code;
    if (new_plan) {
        l->has_plan = true;
        l->plan = l->state.plan;
        l->state.plan = (rt_msg_body){0};
    }
    l->over = l->state.over;
    if (news)
        pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
}

/* Sleeps until something is posted, something may have come, or time itself is an event. */
static void wait_for_work(rt__link *l)
{
    struct pollfd fds[3] = {{.fd = l->wake, .events = POLLIN},
                            {.fd = rt_wire_fd(l->wire), .events = POLLIN},
                            {.fd = l->sigterm, .events = POLLIN}};
    double now = rt_clock(), seconds = rt__link_next(&l->state, now) - now;
    if (seconds > SLEEP_MAX)
        seconds = SLEEP_MAX;
    poll(fds, 3, seconds > 0 ? (int)(1e3 * seconds) + 1 : 0);
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

/* Sends what is left; then waits until the coordinator has it, unless that is who sent us away. */
static void say_goodbye(rt__link *l)
{
    double end = rt_clock() + l->linger;
    step_kind(l, RT__LINK_ENDING);
    for (;;) {
        take_posted(l);
        step_kind(l, RT__LINK_TICK);
        receive_all(l, 0.01);
        bool heard = l->state.over.code != RT_OK || rt_wire_unconfirmed_seconds(l->wire) == 0;
        if ((!l->state.queue && heard) || rt_clock() >= end)
            break;
    }
    rt_wire_close(l->wire, end > rt_clock() ? end - rt_clock() : 0);
}

static void *talk(void *arg)
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
        take_sigterm(l); /* now that it is known whether somebody can be told */
        publish(l);
        wait_for_work(l);
    }
    say_goodbye(l);
    return NULL;
}

/* ---- other threads ---- */

static void wake(rt__link *l)
{
    uint64_t one = 1;
    if (write(l->wake, &one, sizeof one) < 0)
        rt_log_warn("link: eventfd cannot be written");
}

/* On the computing thread. */
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
    if (l->wake >= 0)
        close(l->wake);
    if (l->sigterm >= 0)
        close(l->sigterm);
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    rt_mem_free(l);
}

static rt_status open_descriptors(rt__link *l, bool takes_sigterm)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->sigterm = takes_sigterm ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) : -1;
    if (l->wake < 0 || (takes_sigterm && l->sigterm < 0))
        return RT_FAIL(IO,
                       "link: no eventfd or signalfd: raise the limit of open files (ulimit -n)");
    return RT_OK;
}

static rt_status start_thread(rt__link *l)
{
    if (pthread_create(&l->thread, NULL, talk, l) != 0)
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
    l->wake = l->sigterm = -1;
    l->effects = (rt__link_effects){l, effect_send, effect_look, effect_forget};
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
        rt_wire_on_reset(l->wire, say_again, l);
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
    while (!l->has_plan && l->over.code == RT_OK)
        pthread_cond_wait(&l->changed, &l->lock);
    if (l->over.code != RT_OK)
        status = rt_error_restore(&l->over);
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
    while (l->over.code == RT_OK)
        pthread_cond_wait(&l->changed, &l->lock);
    rt_status status = l->over.code == RT_E_ABORTED ? RT_OK : rt_error_restore(&l->over);
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
