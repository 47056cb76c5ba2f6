#include "coordinator/machine/answers.h"
#include "coordinator/machine/phase.h"
#include <stdarg.h>
#include <stdio.h>

void rt__run_accept(rt__run *r, const char *peer, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__run_send(r, peer, RT_MSG_ACCEPTED, &(rt_msg_accepted){.text = text});
}

void rt__run_refuse(rt__run *r, const char *peer, rt_status code, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    rt__run_send(r, peer, RT_MSG_REFUSED, &(rt_msg_refused){.code = code, .reason = text});
}

void rt__run_answer_waiting_tools(rt__run *r, int64_t step, bool committed, const char *text)
{
    for (int i = 0; i < RT__ASKERS; i++) {
        if (!r->asker[i].peer[0] || step < r->asker[i].since_step)
            continue;
        if (committed)
            rt__run_accept(r, r->asker[i].peer, "checkpoint %s", text);
        else
            rt__run_refuse(r, r->asker[i].peer, RT_E_IO, "no checkpoint was made: %s", text);
        r->asker[i].peer[0] = '\0';
    }
}
