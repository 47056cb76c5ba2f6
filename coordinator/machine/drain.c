#include "coordinator/machine/drain.h"
#include "common/base/error.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/exits.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/recovery.h"
#include "coordinator/machine/reports.h"
#include "coordinator/machine/saving.h"
#include <stdio.h>

static bool drained(const rt__run *r)
{
    return rt__run_in(r, RT__DRAINING) && rt__run_all_finished(r) && r->checkpoints.count == 0;
}

/* A coordinator that takes over from now on must not wait for the workers, because they may have left by then. */
static void record_completion(rt__run *r)
{
    if (rt__run_completion_recorded(r))
        return;
    rt_status status =
        RT__DECIDE(r, over, .generation = r->generation, .step = r->newest_step,
                   .end_step = r->end_step, .samples = r->roster.samples, .loss = r->loss,
                   .trained_seconds = r->history.trained_seconds + r->generation_seconds,
                   .trained_steps = r->history.trained_steps + r->generation_steps,
                   .weights_sha256 = r->weights_sha256, .in_memory = rt__run_is_in_memory(r));
    if (status == RT_OK) { /* the record counts them */
        r->generation_seconds = 0;
        r->generation_steps = 0;
    }
    rt_error_clear(); /* without the record, a successor learns it from workers that are left, or repeats the last steps */
}

void rt__run_send_completion(rt__run *r, const char *peer)
{
    bool last = rt__run_is_complete(r);
    const char *why = last                ? "the run is over"
                      : r->reshape_why[0] ? r->reshape_why
                                          : "another generation takes over";
    if (last && !rt__run_is_unsaved(r))
        rt__run_send(r, peer, RT_MSG_FORGET, &(rt_msg_forget){.before = INT64_MAX});
    rt__run_send(r, peer, RT_MSG_STOP, &(rt_msg_stop){.after_step = -1, .reason = why});
}

/* Snapshots are forgotten once the run is complete, unless they hold the only copy of the last state. A run that goes on needs them
 * for its next generation. */
void rt__run_finish_drain(rt__run *r, double now)
{
    if (!drained(r))
        return;
    if (!rt__run_has_job(r)) {
        rt__run_complete_generation(r, now);
        return;
    }
    rt__run_enter(r, now, RT__LEAVE);
    record_completion(r);
    for (int64_t k = 0; k < r->roster.world; k++)
        if (r->roster.member[k].joined)
            rt__run_send_completion(r, r->roster.member[k].peer);
}

void rt__run_complete_if_finished(rt__run *r, double now)
{
    if (!rt__run_all_finished(r))
        return;
    /* A rank reports its pieces before it finishes, so a checkpoint that is incomplete now will stay so. */
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--)
        if (!rt__checkpoint_answered(&r->checkpoints.open[i]))
            rt__run_abort_checkpoint(r, now, r->checkpoints.open[i].step,
                                     "a worker finished without its piece");
    rt__run_commit_agreed(r);
    rt__run_finish_drain(r, now);
}

/* Answers a worker that repeats its report because our predecessor died before it could answer. */
static bool is_committed(rt__run *r, const char *peer, int64_t step)
{
    if (step > r->committed_step)
        return false;
    rt__run_send(r, peer, RT_MSG_COMMITTED, &(rt_msg_committed){.step = step});
    return true;
}

/* Goes on with a checkpoint once each rank has answered. */
static void handle_piece(rt__run *r, double now, rt_status status, rt__checkpoint *c)
{
    if (status != RT_OK) {
        rt__run_fail_with_error(r, now);
        return;
    }
    if (!rt__checkpoint_answered(c) || c->state != RT__CHECKPOINT_WRITING)
        return;
    if (c->reason) {
        rt__run_abort_checkpoint(r, now, c->step, c->reason);
        rt__run_finish_drain(r, now);
        return;
    }
    c->state = RT__CHECKPOINT_HELD;
    rt__run_commit_agreed(r);
}

void rt__run_on_piece_done(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_piece_done *m = &in->frame->body.piece_done;
    rt__checkpoint *c = NULL;
    if (is_committed(r, in->frame->peer, m->step))
        return;
    rt_status status =
        rt__checkpoints_piece_done(&r->checkpoints, r->roster.world, in->rank, m, &c);
    handle_piece(r, now, status, c);
}

void rt__run_on_piece_failed(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_piece_failed *m = &in->frame->body.piece_failed;
    rt__checkpoint *c = NULL;
    if (is_committed(r, in->frame->peer, m->step))
        return;
    rt_status status =
        rt__checkpoints_piece_failed(&r->checkpoints, r->roster.world, in->rank, m, &c);
    handle_piece(r, now, status, c);
}

void rt__run_on_committed(rt__run *r, double now, const rt__input *in)
{
    const rt__event *e = in->event;
    if (e->status != RT_OK) {
        rt__run_abort_checkpoint(r, now, e->step, e->text);
    } else {
        r->committed_step = e->step;
        RT__RECORD(r, now, checkpoint, .step = e->step, .path = e->text);
        RT__NOTE(r, commit, .step = e->step); /* may fail: the rename was the commit */
        rt__run_send_to_all(r, RT_MSG_COMMITTED, &(rt_msg_committed){.step = e->step});
        rt__run_answer_waiting_tools(r, e->step, true, e->text);
        rt__checkpoints_close(&r->checkpoints, e->step);
    }
    rt__run_finish_drain(r, now);
}

void rt__run_on_finished_early(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_finished *m = &in->frame->body.finished;
    rt__member *member = &r->roster.member[in->rank];
    if (member->finished)
        return; /* sent again after a broken connection */
    member->finished = true;
    if (m->snapshot_step > member->snapshot_step)
        member->snapshot_step = m->snapshot_step;
    r->roster.finished++;
    if (in->rank == 0)
        snprintf(r->weights_sha256, sizeof r->weights_sha256, "%s", m->weights_sha256);
    rt__run_note_step(r, now, in->rank, m->step, m->rss_bytes);
}

void rt__run_on_finished(rt__run *r, double now, const rt__input *in)
{
    if (r->roster.member[in->rank].finished)
        return;
    rt__run_on_finished_early(r, now, in);
    rt__run_end_recovery(r, now, NULL);
    if (r->phase == RT__RUN)
        rt__run_enter(r, now, RT__DRAIN);
    rt__run_complete_if_finished(r, now);
}
