/* The messages between launcher and coordinator, and what the launcher does when the coordinator dies. */
#include "launch/run/supervise_coordinator.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/stop_signals.h"
#include "common/base/text.h"
#include "launch/jobs/log_text.h"
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const double LAST_MESSAGES_SECONDS = 5, ALIVE_SECONDS = 1;

void rt__supervisor_give_up(rt__supervisor *s, int exit_code, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(s->out.message, sizeof s->out.message, fmt, ap);
    va_end(ap);
    s->out.exit_code = exit_code;
    s->ended = true;
    s->ended_at = rt_clock();
}

/* ---- to the coordinator ---- */

void rt__supervisor_send(rt__supervisor *s, rt_msg_type type, const void *body)
{
    if (rt_wire_send(s->wire, NULL, type, body) != RT_OK) {
        rt_log_warn("%s: %s", rt_msg_name(type), rt_error());
        rt_error_clear();
    }
}

void rt__supervisor_send_hosts(rt__supervisor *s)
{
    const rt__host_list *h = &s->hosts.hosts;
    const char **known = rt_calloc(2 * (size_t)h->count + 1, sizeof *known);
    rt_msg_hosts m = {.hosts = (const char *const *)h->name,
                      .hosts_count = h->count,
                      .slots = h->slots,
                      .slots_count = h->count};
    for (int64_t i = 0; known && i < h->count; i++) {
        const rt__asked_host *asked = rt__preflight_find(s->spec->preflight, h->name[i]);
        known[i] = asked ? asked->called : "";
        m.called_count += known[i][0] != '\0';
        if (asked && asked->state == RT__HOST_AWAY)
            known[h->count + m.away_count++] = h->name[i];
    }
    m.called = known;
    m.called_count = m.called_count > 0 ? h->count : 0;
    m.away = known ? known + h->count : NULL;
    rt__supervisor_send(s, RT_MSG_HOSTS, &m);
    rt_mem_free(known);
    rt_error_clear(); /* without memory for it the coordinator does without these names */
}

void rt__supervisor_send_interrupt(rt__supervisor *s)
{
    char name[RT_SIGNAL_NAME];
    rt__supervisor_send(s, RT_MSG_INTERRUPT,
                        &(rt_msg_interrupt){.signal = s->interrupt_signal,
                                            .reason = rt_signal_name(s->interrupt_signal, name)});
}

void rt__supervisor_send_state(void *ctx)
{
    rt__supervisor *s = ctx;
    char host[HOST_NAME_MAX + 1] = "";
    gethostname(host, sizeof host - 1);
    rt__supervisor_send(s, RT_MSG_LAUNCHER,
                        &(rt_msg_launcher){.pid = getpid(),
                                           .host = host,
                                           .job_generation = rt__generations_alive(&s->generations),
                                           .starts_once = s->spec->jobs->starts_once,
                                           .listed = s->hosts.hosts.count > 0});
    rt__supervisor_send_hosts(s);
    for (int i = 0; i < s->interrupts; i++)
        rt__supervisor_send_interrupt(s);
    rt__generations_resend_exited(&s->generations);
}

/* Sends ALIVE, whose confirmation shows that the coordinator is not stuck. While one is unconfirmed, another would tell
 * us nothing new. */
static void send_alive(rt__supervisor *s)
{
    double now = rt_clock();
    if (!s->coordinator.ready || now < s->next_alive ||
        rt_wire_unconfirmed_seconds(s->wire) > ALIVE_SECONDS)
        return;
    s->next_alive = now + ALIVE_SECONDS;
    const rt__job *job = &s->generations.job;
    rt__supervisor_send(s, RT_MSG_ALIVE,
                        &(rt_msg_alive){.seconds = now,
                                        .ranks_started = job->ranks_started,
                                        .ranks_expected = job->ranks_expected});
}

/* ---- from the coordinator ---- */

static void handle_frame(rt__supervisor *s, const rt_frame *f)
{
    switch (f->type) {
    case RT_MSG_START_GENERATION:
        rt__generations_start(&s->generations, &f->body.start_generation);
        break;
    case RT_MSG_END_GENERATION:
        rt__generations_end_one(&s->generations, f->body.end_generation.job_generation);
        break;
    case RT_MSG_PROBE:
        if (rt__probes_ask(&s->probes, f->body.probe.host) != RT_OK) {
            rt_log_warn("PROBE: %s", rt_error());
            rt_error_clear();
        }
        break;
    case RT_MSG_SHOW:
        rt__display_show(&s->display, f->body.show.json);
        rt_restarts_step(&s->coordinator.restarts, s->display.step);
        break;
    case RT_MSG_RUN_ENDED:
        if (s->ended) /* we gave up before it arrived */
            break;
        rt__supervisor_give_up(s, (int)f->body.run_ended.exit_code, "%s",
                               f->body.run_ended.message);
        s->by_coordinator = !f->body.run_ended.keep;
        s->out.next = f->body.run_ended.next;
        break;
    default:
        rt_log_warn("unexpected %s from %s", rt_msg_name(f->type), f->sender);
    }
}

void rt__supervisor_receive(rt__supervisor *s, double seconds)
{
    rt_frame f;
    rt_status status;
    while ((status = rt_wire_receive(s->wire, seconds, &f)) == RT_OK) {
        handle_frame(s, &f);
        rt_frame_release(&f);
        seconds = 0;
    }
    if (status != RT_E_TIMEOUT)
        rt_log_warn("%s", rt_error());
    rt_error_clear();
}

/* ---- the coordinator's life ---- */

/* Receives what the dead coordinator sent before it died, which may say why. Everything has arrived once the kernel has
 * closed its end of the connection. Drain before asking for the connection: we may not have had a turn since it was made. */
static void receive_last_messages(rt__supervisor *s)
{
    double end = rt_clock() + LAST_MESSAGES_SECONDS;
    do
        rt__supervisor_receive(s, 0.01);
    while (!s->ended && rt_wire_connected(s->wire) && rt_clock() < end);
    rt__supervisor_receive(s, 0);
}

void rt__supervisor_coordinator_gone(rt__supervisor *s, int wait_status)
{
    rt__coordinator *c = &s->coordinator;
    char why[RT__REASON];
    receive_last_messages(s);
    bool again = rt__coordinator_died(c, wait_status);
    if (!c->hung && WIFSIGNALED(wait_status) &&
        rt__why_killed_find(&s->why_killed, WTERMSIG(wait_status), why, sizeof why))
        snprintf(c->cause, sizeof c->cause, "was %.*s", (int)sizeof c->cause - 5, why);
    if (s->ended || again)
        return;
    if (c->refused_files) /* its refusal says what to do instead */
        s->out.next = RT_NEXT_NOTHING;
    if (c->refused_itself)
        rt__supervisor_give_up(
            s, 1, "the coordinator refuses to start again, for the reason it gave (%s)", c->cause);
    else
        rt__supervisor_give_up(
            s, 1,
            "gave up after %" PRId64 " restart%s of the coordinator (run.max_restarts): it %s: "
            "%s/logs/coordinator.log may say why",
            c->restarts.count, rt_plural(c->restarts.count), c->cause, s->spec->rundir->path);
}

bool rt__supervisor_check_listening(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    bool listens = rt__coordinator_listens(c);
    if (c->reading[0])
        rt__display_say(&s->display, "the coordinator reads %s", c->reading);
    c->reading[0] = '\0';
    return listens;
}

void rt__supervisor_tend_coordinator(rt__supervisor *s)
{
    rt__coordinator *c = &s->coordinator;
    if (s->ended)
        return;
    if (rt__supervisor_check_listening(s))
        rt__display_say(&s->display, "the coordinator %s; restarted after %.2f s", c->cause,
                        c->ready_at - c->gone_at);
    rt__coordinator_check(c, rt_wire_unconfirmed_seconds(s->wire));
    if (rt__coordinator_tend(c) != RT_OK) {
        rt_log_warn("%s", rt_error());
        rt_error_clear();
        rt__supervisor_coordinator_gone(s, W_EXITCODE(127, 0));
    }
    send_alive(s);
}
