#include "coordinator/machine/saving.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"

/* A checkpoint that is being committed stays, because its renaming no longer depends on the workers. */
void rt__run_discard_checkpoints(rt__run *r, double now, const char *reason)
{
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--) {
        const rt__checkpoint *c = &r->checkpoints.open[i];
        int64_t step = c->step;
        if (c->state == RT__CHECKPOINT_COMMITTING)
            continue;
        r->facts.effects->discard(r->facts.effects->ctx, step);
        RT__RECORD(r, now, checkpoint_failed, .step = step, .reason = reason);
        rt__checkpoints_close(&r->checkpoints, step);
    }
}

void rt__run_abort_checkpoint(rt__run *r, double now, int64_t step, const char *reason)
{
    r->facts.effects->discard(r->facts.effects->ctx, step);
    RT__RECORD(r, now, checkpoint_failed, .step = step, .reason = reason);
    RT__NOTE(r, abort, .step = step); /* may fail: the journal may be on the same full disk */
    rt__run_send_to_all(r, RT_MSG_ABORTED, &(rt_msg_aborted){.step = step, .reason = reason});
    rt__run_answer_waiting_tools(r, step, false, reason);
    rt__checkpoints_close(&r->checkpoints, step);
    if (step > r->unsaved_step)
        r->unsaved_step = step;
}

/* A checkpoint is committed only once all ranks are known to have had the same parameters, or have all finished: a rank that has finished
 * sends no more sums. While a generation is being adopted, the checkpoint may be on disk already, so nothing is committed. */
void rt__run_commit_agreed(rt__run *r)
{
    bool compares = r->facts.cfg->run.hash_every > 0 && r->roster.world > 1;
    if (r->sums.wrong || rt__doubts_last(&r->history.doubts).generation == r->generation)
        return; /* ranks may agree on a state that was computed from a wrong one */
    for (int64_t i = 0; i < r->checkpoints.count; i++) {
        rt__checkpoint *c = &r->checkpoints.open[i];
        bool agreed = !compares || r->sums.agreed_step >= c->step || rt__run_all_finished(r);
        if (c->state != RT__CHECKPOINT_HELD || r->disk_unseen || !agreed)
            continue;
        c->state = RT__CHECKPOINT_COMMITTING;
        /* A coordinator that takes over during the commit knows from this record that the checkpoint may exist. */
        RT__NOTE(r, committing, .step = c->step);
        r->facts.effects->commit(r->facts.effects->ctx, c);
        r->lookup.outdated = true;
    }
}

void rt__run_close_committed(rt__run *r)
{
    for (int64_t i = r->checkpoints.count - 1; i >= 0; i--) {
        int64_t step = r->checkpoints.open[i].step;
        if (step > r->committed_step)
            continue;
        rt__run_send_to_all(r, RT_MSG_COMMITTED, &(rt_msg_committed){.step = step});
        rt__checkpoints_close(&r->checkpoints, step);
    }
    rt__run_commit_agreed(r);
}
