#include "coordinator/machine/phase.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include <stdarg.h>
#include <stdio.h>

void rt__run_report_violation(rt__run *r, const char *fmt, ...)
{
    if (r->violation[0])
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->violation, sizeof r->violation, fmt, ap);
    va_end(ap);
    rt_log_error("internal error: %s", r->violation);
}

void rt__run_enter(rt__run *r, double now, rt__phase phase)
{
    if (!(r->handling.next >> phase & 1))
        rt__run_report_violation(r, "phase %s follows %s, which protocol.def does not have",
                                 rt__run_phase_name(phase), rt__run_phase_name(r->phase));
    if (r->facts.effects->entered)
        r->facts.effects->entered(r->facts.effects->ctx, r->handling.input, r->handling.from,
                                  phase);
    r->phase = phase;
    r->phase_since = now;
}

void rt__run_send(rt__run *r, const char *peer, rt_msg_type type, const void *body)
{
    r->facts.effects->send(r->facts.effects->ctx, peer, type, body);
}

void rt__run_send_to_all(rt__run *r, rt_msg_type type, const void *body)
{
    for (int64_t k = 0; k < r->roster.world; k++)
        if (rt__run_has_job(r) && r->roster.member[k].joined)
            rt__run_send(r, r->roster.member[k].peer, type, body);
}

void rt__run_end_job(rt__run *r, const char *reason)
{
    rt__run_send(r, r->launcher, RT_MSG_END_GENERATION,
                 &(rt_msg_end_generation){.job_generation = r->generation, .reason = reason});
}

void rt__run_fail(rt__run *r, double now, int exit_code, const char *fmt, ...)
{
    if (rt__run_failed(r))
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->failure, sizeof r->failure, fmt, ap);
    va_end(ap);
    /* Exit code 2 says that nothing was started. If wrong input turns up later, the run has failed (1), and it can be resumed from its
     * state once the input is corrected. */
    r->lost_input = exit_code == 2 && r->history.first_step_at >= 0;
    r->exit_code = r->lost_input ? 1 : exit_code;
    /* Without a job, the run is concluded after the current input. */
    rt__run_enter(r, now, RT__FAILING);
    if (rt__run_has_job(r))
        rt__run_end_job(r, "the run has failed");
}

void rt__run_fail_with_error(rt__run *r, double now)
{
    rt_saved_error e;
    rt_error_save(&e);
    if (!rt__run_failed(r))
        r->no_room = e.code == RT_E_NOSPACE;
    rt__run_fail(r, now, rt_status_exit_code(e.code), "%s", e.text);
}
