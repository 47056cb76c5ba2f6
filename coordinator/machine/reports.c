#include "coordinator/machine/reports.h"
#include "common/base/error.h"
#include "coordinator/machine/evaluations.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/recovery.h"
#include <string.h>

void rt__run_note_step(rt__run *r, double now, int64_t rank, int64_t step, int64_t rss)
{
    rt__member *m = &r->roster.member[rank];
    if (step > m->step)
        m->step = step;
    if (rss > m->peak_rss)
        m->peak_rss = rss;
    m->heard = now;
    if (step <= r->newest_step)
        return;
    r->newest_step = step;
    r->stepped_at = now;
    if (rt_restarts_step(&r->restarts, step))
        rt__hosts_made_progress(&r->hosts);
}

/* Once this generation has left snapshots of its own, nobody needs those of earlier ones. */
static void forget_earlier_snapshots(rt__run *r)
{
    if (r->forget_sent_in == r->generation ||
        rt__roster_snapshot_step(&r->roster) <= r->source.step)
        return;
    r->forget_sent_in = r->generation;
    rt__run_send_to_all(r, RT_MSG_FORGET, &(rt_msg_forget){.before = r->generation});
}

void rt__run_on_heartbeat(rt__run *r, double now, const rt__input *in)
{
    rt__roster_take_progress(&r->roster, in->rank, &in->frame->body.progress, now);
}

void rt__run_on_progress(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_progress *m = &in->frame->body.progress;
    rt__roster_take_progress(&r->roster, in->rank, m, now);
    rt__run_note_step(r, now, in->rank, m->step, m->rss_bytes);
    if (r->roster.member[in->rank].snapshot_step > r->source.step)
        forget_earlier_snapshots(r);
    if (in->rank == 0)
        rt__record_show_progress(r, m);
}

void rt__run_on_report(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_report *m = &in->frame->body.report;
    if (in->rank != 0)
        return;
    rt__run_note_step(r, now, 0, m->step, m->rss_bytes);
    r->loss = m->loss;
    r->samples_per_second = m->samples_per_second;
    r->generation_seconds = m->seconds;
    r->generation_steps = m->step - r->source.step;
    if (r->history.first_step_at < 0) {
        RT__NOTE(r, first_step, .seconds = now, .step = m->step, .loss = m->loss);
        r->history.first_step_at = now;
    }
    /* The report of a generation's first step is only sent to show that work has begun, so it gets no row of its own. */
    bool evaluated = rt__run_will_evaluate(r, m->step);
    bool tells_more = m->step > r->source.step + 1 || m->step == r->end_step || evaluated ||
                      m->step % r->facts.cfg->run.report_every == 0;
    bool said_again = m->step <= rt__record_newest_row(r);
    if (tells_more && !said_again)
        rt__record_report(r, now, m, evaluated);
    rt__run_end_recovery(r, now, m);
}

/* Writes the event with the layers of the net, once a launch. */
static void record_layers(rt__run *r, double now, const char *text)
{
    json_t *layers = NULL;
    if (r->layout || r->facts.takes_over ||
        rt_json_parse(text, strlen(text), "LAYOUT", &layers) != RT_OK) {
        rt_error_clear(); /* the event is only for people */
        return;
    }
    RT__RECORD(r, now, model, .parameters = r->roster.parameters, .layers = layers);
    json_decref(layers);
}

void rt__run_on_layout(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_layout *m = &in->frame->body.layout;
    static const char name[] = "LAYOUT of worker 0";
    json_t *layout = NULL, *preprocessing = NULL;
    const char *text = m->preprocessing ? m->preprocessing : "";
    if (in->rank != 0)
        return;
    rt_status status = rt_json_parse(m->json, strlen(m->json), name, &layout);
    if (status == RT_OK && *text)
        status = rt_json_parse(text, strlen(text), name, &preprocessing);
    if (status != RT_OK) {
        json_decref(layout);
        rt__run_fail_with_error(r, now);
        return;
    }
    if (m->layers[0])
        record_layers(r, now, m->layers);
    if (m->note && m->note[0] && !r->layout && !r->facts.takes_over)
        RT__RECORD(r, now, note, .text = m->note);
    json_decref(r->layout);
    json_decref(r->preprocessing);
    r->layout = layout;
    r->preprocessing = preprocessing;
    if (m->init_sha256[0] && !r->history.init_sha256[0]) {
        /* Without this record, a successor could not detect that the file was replaced. */
        RT__NOTE(r, init, .weights_sha256 = m->init_sha256);
    }
}

void rt__run_on_snapshot_trouble(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_snapshot_trouble *m = &in->frame->body.snapshot_trouble;
    RT__RECORD(r, now, snapshot_trouble, .rank = in->rank, .host = r->roster.member[in->rank].host,
               .text = m->reason);
}
