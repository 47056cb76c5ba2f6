#include "coordinator/machine/reshape.h"
#include "common/base/error.h"
#include "common/base/text.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/start.h"
#include "coordinator/machine/stop.h"
#include <inttypes.h>
#include <stdio.h>

void rt__run_reshape(rt__run *r, double now, const char *why)
{
    snprintf(r->reshape_why, sizeof r->reshape_why, "%s", why);
    if (r->phase != RT__RUN)
        return; /* the next generation will have the right workers */
    /* Snapshots are lost with the host that leaves. */
    bool needs_checkpoint =
        rt__roster_snapshot_step(&r->roster) < 0 || !rt__roster_one_host(&r->roster);
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_STOP,
                 &(rt_msg_stop){.after_step = r->newest_step,
                                .checkpoint = needs_checkpoint,
                                .reason = r->reshape_why});
    rt__run_enter(r, now, RT__RESHAPE);
}

/* Changes how many workers are wanted. Fails if that cannot be journaled, which is no reason to end the run. */
static rt_status set_target(rt__run *r, int64_t workers)
{
    return RT__DECIDE(r, target, .workers = workers);
}

void rt__run_on_scale(rt__run *r, double now, const rt__input *in)
{
    const char *peer = in->frame->peer;
    int64_t workers = in->frame->body.scale.workers;
    int64_t slices = r->facts.cfg->parallel.slices, before = r->roster.world;
    int64_t room = rt__hosts_room(&r->hosts, now);
    if (rt__run_is_ending(r)) {
        rt__run_refuse(r, peer, RT_E_CLOSED, "the run is ending");
    } else if (slices == RT_AUTO || (r->phase == RT__RECOVER && rt__run_is_untouched(r))) {
        /* the configuration is not final yet */
        rt__run_refuse(r, peer, RT_E_CLOSED,
                       "the run is still being started: try again in a moment");
    } else if (workers < 1 || workers > slices) {
        rt__run_refuse(
            r, peer, RT_E_RANGE,
            "scale %" PRId64 ": expected 1 to %" PRId64
            " worker%s, because a step of this run has %" PRId64
            " slice%s: a run that is to grow further is started with a larger parallel.slices",
            workers, slices, rt_plural(slices), slices, rt_plural(slices));
    } else if (r->starts_once[0]) {
        rt__run_refuse(
            r, peer, RT_E_UNSUPPORTED,
            "scale %" PRId64 ": %s has started the %" PRId64
            " workers of this run and starts no others: stop the run, and start it again "
            "with as many as you want and --resume auto",
            workers, r->starts_once, r->roster.world);
    } else if (workers > room) {
        rt__run_refuse(r, peer, RT_E_RANGE,
                       "scale %" PRId64 ": the hosts of this run have room for %" PRId64
                       " worker%s: add hosts or slots to its host file, if it has one",
                       workers, room, rt_plural(room));
    } else if (set_target(r, workers) != RT_OK) {
        rt__run_refuse(r, peer, rt_error_code(), "%s", rt_error());
        rt_error_clear();
    } else {
        RT__RECORD(r, now, scaled, .from = before, .to = workers);
        rt__run_accept(r, peer,
                       "%" PRId64 " worker%s instead of %" PRId64 " after the step in flight",
                       workers, rt_plural(workers), before);
        if (workers != before)
            rt__run_reshape(r, now, "scaled");
    }
}

void rt__run_on_leave(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_leave *m = &in->frame->body.leave;
    int64_t rank = in->rank;
    rt__member *who = &r->roster.member[rank];
    bool listed = rt__run_has_hosts(r);
    int64_t without = r->roster.world - 1;
    if (who->leaving)
        return; /* sent again after a broken connection */
    who->leaving = true;
    RT__RECORD(r, now, leave, .rank = rank, .host = who->host, .reason = m->reason,
               .grace = m->grace);
    if (rt__run_is_ending(r))
        return;
    if (r->starts_once[0]) { /* a run without this worker is none */
        rt__run_stop_for_worker(r, now);
        return;
    }
    if (listed)
        rt__hosts_retire_slot(&r->hosts, who->host);
    else if (without > 0 && rt__run_wanted_workers(r) > without)
        set_target(r, without);
    rt_error_clear(); /* the worker leaves all the same, and is replaced like a lost one */
    rt__run_reshape(r, now, "a worker leaves");
}

/* Sets aside the hosts that did not answer when the launcher started, so that the first generation does without them. */
static void set_aside_absent(rt__run *r, double now, const rt_msg_hosts *m)
{
    for (int64_t i = 0; i < m->away_count; i++) {
        double seconds = rt__hosts_failed(&r->hosts, m->away[i], now);
        if (seconds > 0)
            RT__RECORD(r, now, host_lost, .host = m->away[i], .reason = "it cannot be reached",
                       .cooldown_seconds = seconds);
    }
}

void rt__run_on_hosts(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_hosts *m = &in->frame->body.hosts;
    bool first = !r->hosts_known;
    if (rt__hosts_set(&r->hosts, m) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    r->hosts_known = true;
    if (first && !r->facts.takes_over)
        set_aside_absent(r, now, m);
    for (int64_t k = 0; first && k < r->roster.world; k++)
        if (r->roster.member[k].leaving) /* its LEAVE arrived before the list of hosts */
            rt__hosts_retire_slot(&r->hosts, r->roster.member[k].host);
    if (first && r->facts.takes_over && r->history.open)
        rt__hosts_allot(&r->hosts, r->history.world, now); /* as our predecessor did */
    rt__run_begin_if_ready(r, now);
    if (first || m->hosts_count == 0)
        return;
    RT__RECORD(r, now, hosts, .hosts = m->hosts_count, .room = rt__hosts_room(&r->hosts, now));
    if (rt__hosts_would_change(&r->hosts, rt__run_wanted_workers(r), r->roster.world, now))
        rt__run_reshape(r, now, "the host file has changed");
}

void rt__run_on_probed(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_probed *m = &in->frame->body.probed;
    rt__host *host = rt__hosts_find(&r->hosts, m->host);
    if (!host || !host->probing)
        return;
    host->probing = false;
    if (!m->ok) {
        rt__hosts_failed(&r->hosts, m->host, now);
        return;
    }
    host->cool_until = 0;
    RT__RECORD(r, now, host_back, .host = host->name);
    if (rt__hosts_would_change(&r->hosts, rt__run_wanted_workers(r), r->roster.world, now))
        rt__run_reshape(r, now, "a host is back");
}

void rt__run_probe(rt__run *r, rt__host *host)
{
    host->probing = true;
    rt__run_send(r, r->launcher, RT_MSG_PROBE, &(rt_msg_probe){.host = host->name});
}

void rt__run_on_hosts_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    rt__host *host = rt__hosts_due_for_probe(&r->hosts, now);
    if (host)
        rt__run_probe(r, host);
}
