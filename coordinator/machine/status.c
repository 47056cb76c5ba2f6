#include "coordinator/machine/status.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/phase.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/health.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <math.h>
#include <string.h>

static json_t *or_null(int64_t x)
{
    return x >= 0 ? json_integer(x) : json_null();
}

static const char *state_of(const rt__run *r, const rt__member *m, double now)
{
    if (!m->joined)
        return rt__run_in(r, RT__JOINING) ? "starting" : "gone";
    if (m->finished)
        return "finished";
    if (!rt__run_in(r, RT__STEPPING | RT__IN(SETTLE)))
        return rt__run_has_job(r) ? "starting" : "gone";
    if (rt__health_silent(m, now, r->awake_since))
        return "silent";
    return m->stall_recorded_at > 0 ? "stalled" : "ok";
}

static json_t *rank_json(const rt__run *r, int64_t k, double now)
{
    const rt__member *m = &r->roster.member[k];
    bool waited_for = !m->joined && rt__run_in(r, RT__JOINING);
    double since = m->joined ? m->since + now - m->heard : waited_for ? now - r->phase_since : 0;
    const char *what = waited_for && m->heard == 0 ? "not heard from yet" : m->what;
    return json_pack("{s:I, s:o, s:I, s:s, s:o, s:f, s:I, s:o, s:I, s:f, s:s}", "rank",
                     (json_int_t)k, "host", rt__record_text(rt__run_host_of(r, k)), "pid",
                     (json_int_t)m->pid, "phase", rt_phase_name(m->phase), "what",
                     rt__record_text(what), "since", since, "step", (json_int_t)m->step, "peer",
                     or_null(m->waits_for), "rss_bytes", (json_int_t)m->peak_rss, "heard_seconds",
                     m->joined ? now - m->heard : 0.0, "state", state_of(r, m, now));
}

/* Lists as many ranks as fit into a frame, those in trouble first. */
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
        "phase", rt__run_phase_shown(r->phase), "generation", (json_int_t)r->generation, "step",
        (json_int_t)step, "end_step", (json_int_t)r->end_step, "epoch", rt_json_number(epoch),
        "loss", rt_json_number(r->loss), "samples_per_second", rt_json_number(speed), "seconds",
        now, "eta_seconds", rt_json_number(eta), "world_size", (json_int_t)r->roster.world,
        "target_world", (json_int_t)rt__run_wanted_workers(r), "restarts",
        (json_int_t)r->history.restarts, "lost_steps", (json_int_t)r->history.lost_steps,
        "checkpoint_step", or_null(r->committed_step), "snapshot_step",
        or_null(rt__roster_snapshot_step(&r->roster)), "parameters",
        (json_int_t)r->roster.parameters, "ranks", ranks, "ranks_left_out", (json_int_t)left_out,
        "hosts", hosts_json(r, now), "events", last_events(r, events), "verifying",
        rt__record_verification_json(r));
}

void rt__run_on_status(rt__run *r, double now, const rt__input *in)
{
    const char *peer = in->frame->peer;
    int64_t events = in->frame->body.status.events;
    json_t *j = status_json(r, now, events);
    char *text = j ? rt_json_text(j) : NULL;
    if (text)
        rt__run_send(r, peer, RT_MSG_STATUS_IS, &(rt_msg_status_is){.json = text});
    else
        rt__run_refuse(r, peer, RT_E_NOMEM, "out of memory");
    rt_error_clear();
    rt_mem_free(text);
    json_decref(j);
}
