#include "coordinator/machine/watch.h"
#include "common/base/phase.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/health.h"
#include "coordinator/machine/record.h"

static json_t *waiting_ranks(const rt__run *r, int64_t rank)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < r->roster.world; k++)
        if (k != rank && r->roster.member[k].waits_for >= 0 && json_array_size(list) < 1000)
            json_array_append_new(list, json_integer(k));
    return list;
}

static void record_stall(rt__run *r, double now, const rt__trouble *t, const char *text)
{
    rt__member *m = &r->roster.member[t->rank];
    m->stall_recorded_at = now;
    json_t *waiting = waiting_ranks(r, t->rank);
    RT__RECORD(r, now, stall, .rank = t->rank, .host = m->host, .pid = m->pid, .step = m->step,
               .phase = rt_phase_name(m->phase), .what = m->what, .seconds = t->seconds,
               .silent = t->silent, .waiting = waiting, .text = text);
    json_decref(waiting);
}

/* Records that workers which were named move again. */
static void record_stalls_over(rt__run *r, double now, int64_t troubled)
{
    for (int64_t k = 0; k < r->roster.world; k++) {
        rt__member *m = &r->roster.member[k];
        if (m->stall_recorded_at <= 0 || k == troubled)
            continue;
        RT__RECORD(r, now, stall_over, .rank = k, .host = m->host,
                   .stalled_seconds = now - m->stall_recorded_at);
        m->stall_recorded_at = 0;
    }
}

/* If steps are made although a worker is silent, only its messages are missing, not its work. */
static bool steps_are_made(const rt__run *r, double now)
{
    return now - r->stepped_at < RT__SILENT_SECONDS;
}

void rt__run_on_health_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    rt__trouble t;
    bool troubled = rt__health_find_trouble(&r->roster, now, r->awake_since, &t);
    record_stalls_over(r, now, troubled ? t.rank : -1);
    if (!troubled)
        return;
    char text[768];
    rt__health_describe(&r->roster, &t, text, sizeof text);
    if (r->roster.member[t.rank].stall_recorded_at <= 0)
        record_stall(r, now, &t, text);
    if (steps_are_made(r, now))
        return;
    bool host_lost =
        t.silent && rt__health_host_lost(&r->roster, t.rank, r->hosts.here, now, r->awake_since);
    bool restart = r->facts.cfg->run.stall_action == RT_CFG_STALL_RESTART &&
                   rt__health_must_act(&r->roster, &t);
    if (!host_lost && !restart)
        return;
    rt__run_note_cause(r, now - t.seconds, host_lost ? RT__CAUSE_FAULT : RT__CAUSE_STALL, t.rank,
                       "%s%s", text, host_lost ? ": its host is lost" : "");
    r->cause.host_lost = host_lost;
    rt__run_abandon_generation(r, now, host_lost ? "a host is lost" : "a worker has stalled");
}
