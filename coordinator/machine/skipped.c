#include "coordinator/machine/skipped.h"
#include "common/base/text.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/reports.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

static const char against_not_finite[] =
    "lower optimizer.lr, lengthen schedule.warmup or set optimizer.clip_norm";

void rt__run_on_skipped(rt__run *r, double now, const rt__input *in)
{
    const rt_msg_skipped *m = &in->frame->body.skipped;
    int64_t step = m->step + 1, limit = r->facts.cfg->run.nan_skip_limit;
    /* This may fail the run before the step's report arrives. */
    rt__run_note_step(r, now, in->rank, step, 0);
    if (step <= rt__history_last_skipped(&r->history))
        return; /* sent again after a broken connection */
    RT__RECORD(r, now, step_skipped, .step = step, .what = isfinite(m->loss) ? "gradient" : "loss");
    RT__FIND(r, skipped, .step = step);
    int64_t in_row = rt__history_skipped_in_row(&r->history, step);
    if (limit == 0 || in_row < limit)
        return;
    r->next = RT_NEXT_OTHER_RATE;
    rt__run_fail(r, now, 1,
                 "the last %" PRId64 " step%s up to step %" PRId64
                 " %s left out because their loss or gradient is not finite "
                 "(run.nan_skip_limit): %s",
                 in_row, rt_plural(in_row), step, in_row == 1 ? "was" : "were", against_not_finite);
}

/* Was every step that the last report covers skipped? Then its loss is not a number. */
static bool last_loss_is_not_finite(const rt__run *r)
{
    int64_t step = r->newest_step, every = r->facts.cfg->run.report_every;
    return step > 0 && rt__history_skipped_in_row(&r->history, step) > (step - 1) % every;
}

bool rt__run_is_last_loss_bad(rt__run *r)
{
    const rt__history *h = &r->history;
    bool evaluated = h->evaluated_step == r->newest_step;
    bool test = evaluated && !isfinite(rt_metrics_get(&h->evaluated, "loss")),
         train = last_loss_is_not_finite(r);
    if (!test && !train)
        return false;
    r->exit_code = 1;
    r->next = RT_NEXT_OTHER_RATE;
    size_t skipped = json_array_size(h->skipped);
    snprintf(r->failure, sizeof r->failure,
             "training ended after step %" PRId64
             ", but the %s loss at the end is not a number, and %zu step%s "
             "left out because %s loss or gradient is not finite: %s",
             r->newest_step, train ? "training" : "test", skipped, skipped == 1 ? " was" : "s were",
             skipped == 1 ? "its" : "their", against_not_finite);
    return true;
}
