#include "coordinator/machine/late.h"
#include "common/base/phase.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/phase.h"
#include "coordinator/machine/record.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Returns the missing rank that the others wait for. A rank inside MPI_Init is not it: MPI_Init returns only when all have called it. */
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

/* Our predecessor may have told all ranks to leave, and died without a record of it because the disk was full. */
static bool may_have_left(const rt__run *r)
{
    return r->generations_here == 0 && r->roster.finished > 0 &&
           r->roster.finished == r->roster.joined;
}

static bool nobody_was_heard(const rt__run *r)
{
    for (int64_t k = 0; k < r->roster.world; k++)
        if (r->roster.member[k].heard > 0)
            return false;
    return true;
}

/* Describes what is known about the missing rank. */
static void describe_missing(const rt__run *r, char *text, size_t size)
{
    int64_t k = first_missing(r);
    const rt__member *who = &r->roster.member[k];
    const char *host = rt__run_host_of(r, k);
    if (may_have_left(r))
        snprintf(text, size, "it may have left, as all others have finished");
    else if (who->heard > 0)
        snprintf(text, size, "rank %" PRId64 " on %s is still %s", k, host, who->what);
    else if (r->starts_once[0] && nobody_was_heard(r))
        snprintf(text, size, "not all ranks that %s starts have started MPI yet", r->starts_once);
    else if (r->ranks_expected > 0 && r->ranks_started == 0)
        snprintf(text, size, "no worker has been started on %s", r->hosts.here);
    else if (rt__hosts_is_here(&r->hosts, host))
        snprintf(text, size, "rank %" PRId64 " on %s has not called the coordinator", k, host);
    else
        snprintf(text, size, "rank %" PRId64 " on %s does not run, or cannot reach the coordinator",
                 k, host);
}

/* Returns the time from which the wait for HELLO counts. A device's driver compiles kernels when they are first used, which may take
 * minutes on a busy processor, and so may the opening of a large data set. While a rank reports that, the wait for it does not count, for at
 * most RT__PREPARE_SECONDS. A rank that opens a data set must use its processor meanwhile: a file server may hang. */
static double counted_from(const rt__run *r, double since)
{
    double earliest = INFINITY, most = r->phase_since + RT__PREPARE_SECONDS;
    for (int64_t k = 0; k < r->roster.world; k++) {
        const rt__member *m = &r->roster.member[k];
        if (m->joined || strcmp(m->what, RT_WHAT_MPI_INIT) == 0)
            continue; /* MPI_Init waits for the others */
        double from = fmax(since, fmin(m->prepared, most));
        earliest = fmin(earliest, from);
    }
    return isfinite(earliest) ? earliest : since;
}

void rt__run_on_gather_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    char missing[160];
    double waited = now - r->phase_since, since_last = now - r->joined_at;
    bool some = r->roster.joined > 0;
    bool report_only = r->facts.cfg->run.stall_action == RT_CFG_STALL_REPORT;
    bool over = now - counted_from(r, r->phase_since) > RT__GATHER_SECONDS ||
                (some && !report_only && now - counted_from(r, r->joined_at) > RT__JOIN_SECONDS);
    bool told = r->missing_reported_in == r->generation;
    bool late = since_last > RT__LATE_SECONDS && (!told || waited > r->missing_after);
    /* In these cases we wait for RECOVERED, not for ranks; ranks that are missing may have left. */
    bool all_have_come = r->roster.joined == r->roster.world || rt__run_completion_recorded(r);
    if ((!over && !late) || all_have_come)
        return;
    int64_t rank = rt__roster_missing(&r->roster, missing, sizeof missing);
    char what[512];
    describe_missing(r, what, sizeof what);
    if (late) {
        r->missing_reported_in = r->generation;
        r->missing_after = 2 * waited;
        RT__RECORD(r, now, missing, .missing = missing, .seconds = waited, .reason = what,
                   .joined = r->roster.joined, .world_size = r->roster.world);
    }
    if (!over)
        return;
    rt__run_note_cause(r, now, RT__CAUSE_STALL, may_have_left(r) ? -1 : rank,
                       "no HELLO within %.0f s from rank %s: %s", waited, missing, what);
    rt__run_abandon_generation(r, now, "not all workers have joined");
}

static bool is_late(const rt__run *r, double now)
{
    return now - r->phase_since > RT__LEAVE_SECONDS;
}

void rt__run_on_leave_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    if (r->checkpoints.count > 0 || !is_late(r, now))
        return;
    rt__run_end_job(r, "the workers did not leave by themselves");
    r->phase_since = now;
}

void rt__run_on_end_timer(rt__run *r, double now, const rt__input *in)
{
    (void)in;
    if (!is_late(r, now))
        return;
    rt__run_end_job(r, "it has not ended yet"); /* the first order may have been lost */
    r->phase_since = now;
}
