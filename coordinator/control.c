/* What the operator wants: status, scale, checkpoint, stop, signals, hosts that come and go. */
#include "common/error.h"
#include "common/mem.h"
#include "common/phase.h"
#include "common/stop_signals.h"
#include "common/text.h"
#include "coordinator/health.h"
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- answers ---- */

__attribute__((format(printf, 3, 4))) static void accept(rt__run *r, const char *peer,
                                                         const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__run_send(r, peer, RT_MSG_ACCEPTED, &(rt_msg_accepted){.text = text});
}

__attribute__((format(printf, 4, 5))) static void refuse(rt__run *r, const char *peer,
                                                         rt_status code, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__run_send(r, peer, RT_MSG_REFUSED, &(rt_msg_refused){.code = code, .reason = text});
}

/* ---- scale ---- */

static bool is_over(const rt__run *r)
{
    return r->failed || r->interrupted || r->phase == RT__DONE || r->phase == RT__FAILED ||
           (r->phase == RT__DRAIN && !r->regrouping);
}

/* Changes how many workers are wanted. Fails if that cannot be written down, which is no reason to end the run. */
static rt_status set_target(rt__run *r, int64_t workers)
{
    return rt__record_decision(r, "target", "{s:I}", "workers", (json_int_t)workers);
}

static void on_scale(rt__run *r, double now, const char *peer, int64_t workers)
{
    int64_t slices = r->facts.cfg->parallel.slices, before = r->roster.world;
    int64_t room = rt__hosts_room(&r->hosts, now);
    if (is_over(r)) {
        refuse(r, peer, RT_E_CLOSED, "the run is ending");
    } else if (slices == RT_AUTO || (r->phase == RT__RECOVER && rt__run_is_untouched(r))) {
        /* the configuration is not settled yet */
        refuse(r, peer, RT_E_CLOSED, "the run is still being started: try again in a moment");
    } else if (workers < 1 || workers > slices) {
        refuse(r, peer, RT_E_RANGE,
               "scale %" PRId64 ": expected 1 to %" PRId64
               " worker%s, because a step of this run has %" PRId64
               " slice%s: a run that is to grow further is started with a larger parallel.slices",
               workers, slices, rt_plural(slices), slices, rt_plural(slices));
    } else if (workers > room) {
        refuse(r, peer, RT_E_RANGE,
               "scale %" PRId64 ": the hosts of the host file have room for %" PRId64
               " worker%s: add hosts or slots",
               workers, room, rt_plural(room));
    } else if (set_target(r, workers) != RT_OK) {
        refuse(r, peer, rt_error_code(), "%s", rt_error());
        rt_error_clear();
    } else {
        rt__record_event(r, now, "scaled", "{s:I, s:I}", "from", (json_int_t)before, "to",
                         (json_int_t)workers);
        accept(r, peer, "%" PRId64 " worker%s instead of %" PRId64 " after the step in flight",
               workers, rt_plural(workers), before);
        if (workers != before)
            rt__run_regroup_soon(r, now, "scaled");
    }
}

static void order_checkpoint(rt__run *r)
{
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_CHECKPOINT,
                 &(rt_msg_checkpoint){.after_step = r->newest_step});
}

static bool somebody_waits_for_a_checkpoint(const rt__run *r)
{
    for (int i = 0; i < RT__ASKERS; i++)
        if (r->asker[i].peer[0])
            return true;
    return false;
}

/* ---- stopping ---- */

static void order_stop(rt__run *r)
{
    /* Rank 0 alone decides after which step to end, and tells the others inside the collectives
     * of that step: the only way in which ranks at different steps end after the same one. */
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_STOP,
                 &(rt_msg_stop){.after_step = r->newest_step,
                                .checkpoint = 1,
                                .reason = "stopped by the user"});
    r->stop_sent = true;
}

void rt__run_pass_on_orders(rt__run *r, double now)
{
    if (r->phase != RT__RUN)
        return;
    if (r->interrupted && !r->stop_sent) {
        order_stop(r);
        r->phase = RT__DRAIN;
        return;
    }
    if (somebody_waits_for_a_checkpoint(r)) {
        for (int i = 0; i < RT__ASKERS; i++) /* the steps that they had seen may have been lost */
            if (r->asker[i].since_step > r->newest_step)
                r->asker[i].since_step = r->newest_step;
        order_checkpoint(r);
    }
    char why[sizeof r->regroup_why];
    memcpy(why, r->regroup_why, sizeof why);
    r->regroup_why[0] = '\0';
    if (why[0] && rt__hosts_would_change(&r->hosts, rt__run_wanted(r), r->roster.world, now))
        rt__run_regroup_soon(r, now, why);
}

/* Stops a run that has no step in flight which could be saved. What it has is in memory, and stays there. */
static void stop_without_checkpoint(rt__run *r, double now)
{
    bool waits = r->phase == RT__RECOVER || r->phase == RT__GATHER || r->phase == RT__REGROUP;
    if (!waits)
        return;
    r->interrupts = 2; /* the end of the job is the end of the run */
    if (r->job_alive) {
        rt__run_end_job(r, "stopped by the user");
        rt__run_enter(r, now, RT__DRAIN);
    } else {
        rt__run_conclude(r, now);
    }
}

/* Schedulers kill 30 s after they have asked for an end. */
void rt__run_tick_interrupt(rt__run *r, double now)
{
    if (!r->interrupted)
        return;
    if (r->interrupted_at < 0)
        r->interrupted_at = now;
    if (now - r->interrupted_at > RT__STOP_SECONDS)
        stop_without_checkpoint(r, now);
}

void rt__run_on_interrupt(rt__run *r, double now, int64_t signal)
{
    r->interrupts++;
    if (r->interrupted && !r->failed && r->interrupts > 1)
        stop_without_checkpoint(r, now);
    if (r->interrupted || r->failed)
        return;
    r->interrupted = true;
    r->interrupted_at = now;
    r->interrupt_signal = signal;
    rt__record_decision(r, "interrupt", "{s:I}", "signal", (json_int_t)signal);
    rt_error_clear(); /* a full disk is no reason not to stop */
    char name[RT_SIGNAL_NAME];
    bool something_to_save = rt__run_may_have_state(r);
    rt__record_event(r, now, "interrupted", "{s:I, s:s, s:I, s:b}", "signal", (json_int_t)signal,
                     "name", rt_signal_name(signal, name), "step", (json_int_t)r->newest_step,
                     "saves", something_to_save || r->phase == RT__RUN);
    if (r->phase == RT__RUN) {
        order_stop(r);
        rt__run_enter(r, now, RT__DRAIN);
    } else if (r->phase == RT__DRAIN && r->regrouping) {
        order_stop(r); /* in time, or the next generation stops at once */
    } else if (r->phase != RT__DRAIN && !something_to_save && r->job_alive) {
        rt__run_end_job(r, "stopped by the user");
        rt__run_enter(r, now, RT__DRAIN);
    } else if (rt__run_is_untouched(r) || (!something_to_save && !r->job_alive)) {
        rt__run_conclude(r, now); /* also while a checkpoint is being verified */
    }
}

/* ---- checkpoint now ---- */

/* While no step is being made the wish is kept until one is. */
static void on_checkpoint_now(rt__run *r, double now, const char *peer, const char *reason)
{
    int free = 0;
    while (free < RT__ASKERS && r->asker[free].peer[0])
        free++;
    if (is_over(r)) {
        refuse(r, peer, RT_E_CLOSED, "the run is ending, with a checkpoint if it has made a step");
    } else if (free == RT__ASKERS) {
        refuse(r, peer, RT_E_EXISTS, "%d others wait for a checkpoint already", RT__ASKERS);
    } else {
        snprintf(r->asker[free].peer, sizeof r->asker[free].peer, "%s", peer);
        r->asker[free].since_step = r->newest_step;
        rt__record_event(r, now, "checkpoint_ordered", "{s:o}", "reason", rt__record_text(reason));
        if (r->phase == RT__RUN)
            order_checkpoint(r);
    }
}

void rt__run_tell_askers(rt__run *r, int64_t step, bool committed, const char *text)
{
    for (int i = 0; i < RT__ASKERS; i++) {
        if (!r->asker[i].peer[0] || step < r->asker[i].since_step)
            continue;
        if (committed)
            accept(r, r->asker[i].peer, "checkpoint %s", text);
        else
            refuse(r, r->asker[i].peer, RT_E_IO, "no checkpoint was made: %s", text);
        r->asker[i].peer[0] = '\0';
    }
}

/* ---- workers and hosts that come and go ---- */

void rt__run_on_leave(rt__run *r, double now, int64_t rank, const rt_msg_leave *m)
{
    rt__member *who = &r->roster.member[rank];
    bool listed = r->facts.cfg->parallel.hostfile[0] != '\0';
    int64_t without = r->roster.world - 1;
    if (who->leaving)
        return; /* said again after a broken connection */
    who->leaving = true;
    rt__record_event(r, now, "leave", "{s:I, s:o, s:o, s:f}", "rank", (json_int_t)rank, "host",
                     rt__record_text(who->host), "reason", rt__record_text(m->reason), "grace",
                     m->grace);
    if (is_over(r))
        return;
    if (listed)
        rt__hosts_give_up(&r->hosts, who->host);
    else if (without > 0 && rt__run_wanted(r) > without)
        set_target(r, without);
    rt_error_clear(); /* it leaves all the same, and is replaced like one that was lost */
    rt__run_regroup_soon(r, now, "a worker leaves");
}

void rt__run_on_hosts(rt__run *r, double now, const rt_msg_hosts *m)
{
    bool first = !r->hosts_known;
    if (rt__hosts_set(&r->hosts, m) != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    r->hosts_known = true;
    for (int64_t k = 0; first && k < r->roster.world; k++)
        if (r->roster.member[k].leaving) /* it said so before there was a list */
            rt__hosts_give_up(&r->hosts, r->roster.member[k].host);
    if (first && r->facts.again && r->history.open)
        rt__hosts_allot(&r->hosts, r->history.world, now); /* as the generation before us had it */
    rt__run_begin(r, now);
    if (first || m->hosts_count == 0)
        return;
    rt__record_event(r, now, "hosts", "{s:I, s:I}", "hosts", (json_int_t)m->hosts_count, "room",
                     (json_int_t)rt__hosts_room(&r->hosts, now));
    if (rt__hosts_would_change(&r->hosts, rt__run_wanted(r), r->roster.world, now))
        rt__run_regroup_soon(r, now, "the host file has changed");
}

void rt__run_on_probed(rt__run *r, double now, const rt_msg_probed *m)
{
    rt__host *host = rt__hosts_find(&r->hosts, m->host);
    if (!host || !host->probing)
        return;
    host->probing = false;
    if (!m->ok) {
        rt__hosts_failed(&r->hosts, m->host, now);
        return;
    }
    host->cool_until = 0;
    rt__record_event(r, now, "host_back", "{s:o}", "host", rt__record_text(host->name));
    if (rt__hosts_would_change(&r->hosts, rt__run_wanted(r), r->roster.world, now))
        rt__run_regroup_soon(r, now, "a host is back");
}

void rt__run_probe(rt__run *r, rt__host *host)
{
    host->probing = true;
    rt__run_send(r, r->launcher, RT_MSG_PROBE, &(rt_msg_probe){.host = host->name});
}

void rt__run_tick_hosts(rt__run *r, double now)
{
    rt__host *host = rt__hosts_due(&r->hosts, now);
    if (host)
        rt__run_probe(r, host);
}

/* ---- status ---- */

static json_t *or_null(int64_t x)
{
    return x >= 0 ? json_integer(x) : json_null();
}

static const char *state_of(const rt__run *r, const rt__member *m, double now)
{
    if (!m->joined)
        return r->phase == RT__GATHER ? "starting" : "gone";
    if (m->finished)
        return "finished";
    if (r->phase != RT__RUN && r->phase != RT__DRAIN)
        return r->job_alive ? "starting" : "gone";
    if (rt__health_silent(m, now, r->awake_since))
        return "silent";
    return m->trouble_told > 0 ? "stalled" : "ok";
}

static json_t *rank_json(const rt__run *r, int64_t k, double now)
{
    const rt__member *m = &r->roster.member[k];
    bool waited_for = !m->joined && r->phase == RT__GATHER;
    double since = m->joined ? m->since + now - m->heard : waited_for ? now - r->phase_since : 0;
    const char *what = waited_for && m->heard == 0 ? "not heard of yet" : m->what;
    return json_pack("{s:I, s:o, s:I, s:s, s:o, s:f, s:I, s:o, s:I, s:f, s:s}", "rank",
                     (json_int_t)k, "host", rt__record_text(rt__run_host_of(r, k)), "pid",
                     (json_int_t)m->pid, "phase", rt_phase_name(m->phase), "what",
                     rt__record_text(what), "since", since, "step", (json_int_t)m->step, "peer",
                     or_null(m->waits_for), "rss_bytes", (json_int_t)m->peak_rss, "heard_seconds",
                     m->joined ? now - m->heard : 0.0, "state", state_of(r, m, now));
}

/* As many ranks as fit into a frame, those in trouble first. */
static json_t *ranks_json(const rt__run *r, double now, int64_t *left_out)
{
    enum { MOST = 1000 };
    json_t *list = json_array();
    for (int pass = 0; pass < 2; pass++)
        for (int64_t k = 0; k < r->roster.world && json_array_size(list) < MOST; k++) {
            bool ok = strcmp(state_of(r, &r->roster.member[k], now), "ok") == 0;
            if (ok == (pass == 1))
                json_array_append_new(list, rank_json(r, k, now));
        }
    *left_out = r->roster.world - (int64_t)json_array_size(list);
    return list;
}

static json_t *hosts_json(const rt__run *r, double now)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < r->hosts.count; i++) {
        const rt__host *h = &r->hosts.host[i];
        bool cooling = now < h->cool_until;
        const char *state = cooling       ? "cooling down"
                            : h->probing  ? "unreachable"
                            : h->used > 0 ? "in use"
                                          : "idle";
        json_array_append_new(
            list, json_pack("{s:o, s:I, s:I, s:s, s:f}", "host", rt__record_text(h->name), "slots",
                            (json_int_t)h->slots, "used", (json_int_t)h->used, "state", state,
                            "cooldown_seconds", cooling ? h->cool_until - now : 0.0));
    }
    return list;
}

static json_t *last_events(const rt__run *r, int64_t count)
{
    json_t *list = json_array();
    int64_t have = (int64_t)json_array_size(r->events), from = have > count ? have - count : 0;
    for (int64_t i = from > 0 ? from : 0; i < have; i++)
        json_array_append(list, json_array_get(r->events, (size_t)i));
    return list;
}

static json_t *status_json(const rt__run *r, double now, int64_t events)
{
    const rt_config *cfg = r->facts.cfg;
    int64_t left_out, step = r->newest_step;
    double batch = (double)cfg->data.batch, speed = r->samples_per_second;
    double epoch = r->roster.samples > 0 ? (double)step * batch / (double)r->roster.samples : NAN;
    double eta = speed > 0 ? (double)(r->end_step - step) * batch / speed : NAN;
    json_t *ranks = ranks_json(r, now, &left_out);
    return json_pack(
        "{s:s, s:o, s:s, s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:f, s:o, s:I, s:I, s:I, s:I, s:o, "
        "s:o, s:I, s:o, s:I, s:o, s:o, s:o}",
        "run", r->facts.run_id, "directory", rt__record_text(r->facts.dir), "name", cfg->run.name,
        "phase", rt__run_phase_name(r->phase), "generation", (json_int_t)r->generation, "step",
        (json_int_t)step, "end_step", (json_int_t)r->end_step, "epoch", rt_json_number(epoch),
        "loss", rt_json_number(r->loss), "samples_per_second", rt_json_number(speed), "seconds",
        now, "eta_seconds", rt_json_number(eta), "world_size", (json_int_t)r->roster.world,
        "target_world", (json_int_t)rt__run_wanted(r), "restarts", (json_int_t)r->history.restarts,
        "lost_steps", (json_int_t)r->history.lost_steps, "checkpoint_step",
        or_null(r->committed_step), "snapshot_step", or_null(rt__roster_snapshot_step(&r->roster)),
        "parameters", (json_int_t)r->roster.parameters, "ranks", ranks, "ranks_left_out",
        (json_int_t)left_out, "hosts", hosts_json(r, now), "events", last_events(r, events),
        "verifying", rt__record_looking(r));
}

static void on_status(rt__run *r, double now, const char *peer, int64_t events)
{
    json_t *j = status_json(r, now, events);
    char *text = j ? rt_json_text(j) : NULL;
    if (text)
        rt__run_send(r, peer, RT_MSG_STATUS_IS, &(rt_msg_status_is){.json = text});
    else
        refuse(r, peer, RT_E_NOMEM, "out of memory");
    rt_error_clear();
    rt_mem_free(text);
    json_decref(j);
}

bool rt__run_on_tool(rt__run *r, double now, const rt_frame *f)
{
    switch (f->type) {
    case RT_MSG_STATUS:
        on_status(r, now, f->peer, f->body.status.events);
        return true;
    case RT_MSG_SCALE:
        on_scale(r, now, f->peer, f->body.scale.workers);
        return true;
    case RT_MSG_CHECKPOINT_NOW:
        on_checkpoint_now(r, now, f->peer, f->body.checkpoint_now.reason);
        return true;
    case RT_MSG_STOP_RUN:
        if (is_over(r)) {
            refuse(r, f->peer, RT_E_CLOSED, "the run is ending already");
            return true;
        }
        accept(r, f->peer, "stops after the step in flight, with a checkpoint");
        rt__record_event(r, now, "stop_ordered", "{s:o}", "reason",
                         rt__record_text(f->body.stop_run.reason));
        rt__run_on_interrupt(r, now, SIGTERM);
        return true;
    default:
        return false;
    }
}
