#include "coordinator/machine/orders.h"
#include "coordinator/machine/answers.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/reshape.h"
#include "coordinator/machine/stop.h"
#include <stdio.h>
#include <string.h>

static void order_checkpoint(rt__run *r)
{
    rt__run_send(r, r->roster.member[0].peer, RT_MSG_CHECKPOINT,
                 &(rt_msg_checkpoint){.after_step = r->newest_step});
}

static bool has_askers(const rt__run *r)
{
    for (int i = 0; i < RT__ASKERS; i++)
        if (r->asker[i].peer[0])
            return true;
    return false;
}

void rt__run_send_pending_orders(rt__run *r, double now)
{
    if (r->phase != RT__RUN)
        return;
    if (r->stop != RT__STOP_NONE) {
        rt__run_order_stop(r);
        rt__run_enter(r, now, RT__DRAIN);
        return;
    }
    if (has_askers(r)) {
        for (int i = 0; i < RT__ASKERS; i++) /* the step that they wait for may have been lost */
            if (r->asker[i].since_step > r->newest_step)
                r->asker[i].since_step = r->newest_step;
        order_checkpoint(r);
    }
    char why[sizeof r->reshape_why];
    memcpy(why, r->reshape_why, sizeof why);
    r->reshape_why[0] = '\0';
    if (why[0] &&
        rt__hosts_would_change(&r->hosts, rt__run_wanted_workers(r), r->roster.world, now))
        rt__run_reshape(r, now, why);
}

/* While no generation steps, the request waits for one that does. */
void rt__run_on_checkpoint_now(rt__run *r, double now, const rt__input *in)
{
    const char *peer = in->frame->peer, *reason = in->frame->body.checkpoint_now.reason;
    int free = 0;
    while (free < RT__ASKERS && r->asker[free].peer[0])
        free++;
    if (rt__run_is_ending(r)) {
        rt__run_refuse(r, peer, RT_E_CLOSED,
                       "the run is ending, with a checkpoint if it has made a step");
    } else if (free == RT__ASKERS) {
        rt__run_refuse(r, peer, RT_E_EXISTS,
                       "%d tools wait for a checkpoint already: try again in a moment", RT__ASKERS);
    } else {
        snprintf(r->asker[free].peer, sizeof r->asker[free].peer, "%s", peer);
        r->asker[free].since_step = r->newest_step;
        RT__RECORD(r, now, checkpoint_ordered, .reason = reason);
        if (r->phase == RT__RUN)
            order_checkpoint(r);
    }
}
