#include "coordinator/machine/causes.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rt__run_note_cause(rt__run *r, double at, int weight, int64_t rank, const char *fmt, ...)
{
    rt__cause *c = &r->cause;
    if (c->weight == 0)
        c->at = at;
    if (weight <= c->weight)
        return;
    c->weight = weight;
    c->rank = rank;
    c->host_lost = false;
    snprintf(c->host, sizeof c->host, "%s", rt__run_host_of(r, rank));
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->text, sizeof c->text, fmt, ap);
    va_end(ap);
}

void rt__run_abandon_generation(rt__run *r, double now, const char *reason)
{
    if (!r->recovery.on)
        r->recovery = (rt__recovery){.on = true, .sign = r->cause.at, .decided = now};
    rt__run_end_job(r, reason);
    rt__run_enter(r, now, RT__REGROUP);
}

bool rt__run_record_doubt(rt__run *r, double now, int64_t step)
{
    if (RT__DECIDE(r, doubt, .generation = r->generation, .step = step) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return false;
    }
    return true;
}

/* Writes "worker 1", and its host if that is not the launcher's. */
static const char *name_worker(const rt__run *r, int64_t rank, char text[300])
{
    const char *host = rt__run_host_of(r, rank);
    bool elsewhere = host[0] && !rt__hosts_is_here(&r->hosts, host);
    snprintf(text, 300, "worker %" PRId64 "%s%s", rank, elsewhere ? " on " : "",
             elsewhere ? host : "");
    return text;
}

/* Notes why the job ended, as text and with its weight as a cause. */
static void note_why_it_exited(rt__run *r, double at, const rt_msg_exited *m)
{
    int64_t killed_by =
        m->exit_code > 128 && m->exit_code <= 128 + SIGRTMAX ? m->exit_code - 128 : 0;
    /* mpirun returns the status of the first rank that failed and sends SIGTERM to the others, so that a rank which died of SIGTERM is
     * only the next one. */
    bool is_next = m->signal == SIGTERM && killed_by && killed_by != SIGTERM;
    const char *why = m->reason, *colon = why[0] ? ": " : "";
    char who[300];
    if (m->host[0])
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1, "host %s cannot %s%s%s", m->host,
                           m->final ? "run workers" : "be reached", colon, why);
    else if (m->final && m->rank < 0)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1, "%s", why);
    else if (is_next || (!m->signal && m->rank < 0 && killed_by && !why[0]))
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1,
                           "a worker was killed by signal %" PRId64 " while it was starting",
                           killed_by);
    else if (m->signal && m->rank >= 0)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, m->rank,
                           "%s was killed by signal %" PRId64 "%s%s", name_worker(r, m->rank, who),
                           m->signal, colon, why);
    else if (m->signal)
        rt__run_note_cause(r, at, RT__CAUSE_SIGNAL, -1,
                           "the job was killed by signal %" PRId64 "%s%s", m->signal, colon, why);
    else if (m->rank >= 0)
        rt__run_note_cause(r, at, RT__CAUSE_RANK_EXIT, m->rank,
                           "%s left with exit code %" PRId64 "%s%s", name_worker(r, m->rank, who),
                           m->exit_code, colon, why);
    else
        rt__run_note_cause(r, at, RT__CAUSE_JOB_EXIT, -1,
                           "the job ended with exit code %" PRId64 "%s%s", m->exit_code, colon,
                           why);
    r->cause.exit_code = m->exit_code;
    bool guess = is_next || !m->signal;
    r->cause.signal = guess && !m->final ? killed_by : guess ? 0 : m->signal;
}

/* Counts workers that crash before their HELLO, in a row and in the same way: such workers would crash each time. */
static void note_start_crash(rt__run *r)
{
    static const int crashes[] = {SIGILL, SIGSEGV, SIGBUS, SIGSYS, SIGABRT, SIGFPE};
    const rt__cause *c = &r->cause;
    bool crashed = false, known = c->rank >= 0 && c->rank < r->roster.world;
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        crashed |= c->signal == crashes[i];
    if (!crashed || !known || r->roster.member[c->rank].joined) {
        r->start_crash.count = 0;
        return;
    }
    bool again = r->start_crash.signal == c->signal && strcmp(r->start_crash.host, c->host) == 0;
    r->start_crash.count = again ? r->start_crash.count + 1 : 1;
    r->start_crash.signal = c->signal;
    snprintf(r->start_crash.host, sizeof r->start_crash.host, "%s", c->host);
}

void rt__run_note_exit(rt__run *r, double now, const rt_msg_exited *m)
{
    note_why_it_exited(r, now - m->seconds_since_sign, m);
    rt__cause *c = &r->cause;
    if (m->host[0])
        snprintf(c->host, sizeof c->host, "%s", m->host);
    note_start_crash(r);
    r->recovery.rank = c->rank;
    snprintf(r->recovery.host, sizeof r->recovery.host, "%s", c->host);
    snprintf(r->recovery.cause, sizeof r->recovery.cause, "%.*s", (int)sizeof r->recovery.cause - 1,
             c->text);
    /* SIGKILL and SIGTERM come from outside; only a crash can implicate the data. */
    bool crashed = c->rank >= 0 && m->rank >= 0 && m->exit_code != 0 && c->signal != SIGKILL &&
                   c->signal != SIGTERM;
    if (crashed)
        r->died = (rt_msg_trace){.generation = r->generation, .rank = m->rank};
}
