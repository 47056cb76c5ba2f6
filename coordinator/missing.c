/* Ranks that do not come to a generation: who they are, what they are at, and how long they are waited for. */
#include "coordinator/inside.h"
#include "coordinator/record.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Returns the missing rank that the others wait for: MPI_Init ends for nobody before all have come to it. */
static int64_t first_missing(const rt__run *r)
{
    int64_t heard = -1;
    for (int64_t k = 0; k < r->roster.world; k++) {
        const rt__member *m = &r->roster.member[k];
        bool waits = strcmp(m->what, RT_WHAT_MPI_INIT) == 0;
        if (!m->joined && m->heard == 0)
            return k;
        if (!m->joined && (heard < 0 || !waits))
            heard = k;
    }
    return heard;
}

/* What is known of it. */
static void tell_what_is_waited_for(const rt__run *r, char *text, size_t size)
{
    int64_t k = first_missing(r);
    const rt__member *who = &r->roster.member[k];
    const char *host = rt__run_host_of(r, k);
    if (who->heard > 0)
        snprintf(text, size, "rank %" PRId64 " on %s is still %s", k, host, who->what);
    else if (r->ranks_expected > 0 && r->ranks_started == 0)
        snprintf(text, size, "mpirun has started no worker on %s", r->hosts.here);
    else if (rt__hosts_is_here(&r->hosts, host))
        snprintf(text, size, "rank %" PRId64 " on %s has not called the coordinator", k, host);
    else
        snprintf(text, size, "rank %" PRId64 " on %s does not run, or cannot reach the coordinator",
                 k, host);
}

void rt__run_look_for_missing(rt__run *r, double now)
{
    char missing[160];
    double waited = now - r->phase_since, since_last = now - r->joined_at;
    bool some = r->roster.joined > 0;
    bool report_only = r->facts.cfg->run.stall_action == RT_CFG_STALL_REPORT;
    bool over =
        waited > RT__GATHER_SECONDS || (some && !report_only && since_last > RT__JOIN_SECONDS);
    bool late = since_last > RT__LATE_SECONDS && !r->missing_told;
    bool all_have_come = r->roster.joined == r->roster.world; /* a checkpoint is still looked for */
    if ((!over && !late) || all_have_come)
        return;
    int64_t rank = rt__roster_missing(&r->roster, missing, sizeof missing);
    char what[512];
    tell_what_is_waited_for(r, what, sizeof what);
    if (late) {
        char text[960];
        r->missing_told = true;
        snprintf(text, sizeof text,
                 "no HELLO from rank %s for %.1f s: %s; %" PRId64 " of %" PRId64 " wait", missing,
                 waited, what, r->roster.joined, r->roster.world);
        rt__record_event(r, now, "stall", "{s:s, s:f, s:s}", "missing", missing, "seconds", waited,
                         "text", text);
    }
    if (!over)
        return;
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, rank, "no HELLO within %.0f s from rank %s: %s",
                       waited, missing, what);
    rt__run_give_up_generation(r, now, "not all workers came");
}
