#include "coordinator/machine/recovery.h"
#include "coordinator/machine/record.h"

void rt__run_begin_recovery(rt__run *r, double now, const rt_msg_exited *m)
{
    rt__recovery *x = &r->recovery;
    double sign = now - m->seconds_since_sign, ending = now - m->seconds_ending;
    if (!x->on) {
        *x = (rt__recovery){.on = true, .sign = sign, .decided = ending};
        if (r->cause.weight > 0 && r->cause.at < sign)
            x->sign = r->cause.at;
    }
    if (x->decided < x->sign)
        x->decided = x->sign;
    x->exited = now;
}

void rt__run_end_recovery(rt__run *r, double now, const rt_msg_report *m)
{
    rt__recovery *x = &r->recovery;
    if (!x->on)
        return;
    double seconds = now - x->sign, first = m ? m->seconds : 0;
    double restore = now - x->gathered - first;
    x->on = false;
    RT__RECORD(r, now, recovered, .recovery_seconds = seconds, .step = r->newest_step,
               .lost_steps = x->lost_steps, .detect = x->decided - x->sign,
               .stop = x->exited - x->decided, .start = x->gathered - x->exited,
               .restore = restore > 0 ? restore : 0, .first_step = first, .cause = x->cause,
               .rank = x->rank, .host = x->host);
    RT__NOTE(r, recovered, .recovery_seconds = seconds); /* the summary shows it */
}
