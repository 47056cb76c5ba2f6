#include "coordinator/machine/health.h"
#include "common/base/phase.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static double later(double a, double b)
{
    return a > b ? a : b;
}

/* Returns the seconds without a frame. While the coordinator was not running, it could receive none. */
static double silence(const rt__member *m, double now, double awake_since)
{
    return now - later(m->heard, awake_since);
}

bool rt__health_silent(const rt__member *m, double now, double awake_since)
{
    return m->joined && !m->finished && silence(m, now, awake_since) > RT__SILENT_SECONDS;
}

/* Returns the seconds without movement: those that the worker last reported, and the time since. What it sent while the coordinator was not
 * running has yet to be read. */
static double standstill(const rt__member *m, double now, double awake_since)
{
    return m->since + silence(m, now, awake_since);
}

/* Returns the standstill after which a worker counts as stalled. That a worker computes shows only in frames, so the time before
 * awake_since does not count against it. */
static double patience(const rt__member *m, double now, double awake_since)
{
    double usual = RT__STALL_FACTOR * m->usual;
    bool computes = now - later(m->ran, awake_since) < RT__SILENT_SECONDS;
    if (m->usual <= 0 && computes)
        return RT__COMPUTE_SECONDS;
    return later(usual, RT__SILENT_SECONDS);
}

static bool stalled(const rt__member *m, double now, double awake_since)
{
    return m->joined && !m->finished &&
           standstill(m, now, awake_since) > patience(m, now, awake_since);
}

/* Returns true if every unfinished worker waits for another: only then is a collective wedged. */
static bool all_wait(const rt__roster *r, double now, double awake_since)
{
    int64_t waiting = 0;
    for (int64_t k = 0; k < r->world; k++) {
        const rt__member *m = &r->member[k];
        if (m->finished)
            continue;
        if (!m->joined || m->waits_for < 0 || !stalled(m, now, awake_since))
            return false;
        waiting++;
    }
    return waiting > 0;
}

/* Returns the rank that is furthest behind; among several, the first that another rank waits for. */
static int64_t furthest_behind(const rt__roster *r)
{
    int64_t least = INT64_MAX, found = -1;
    for (int64_t k = 0; k < r->world; k++)
        if (!r->member[k].finished && r->member[k].step < least) {
            least = r->member[k].step;
            found = k;
        }
    for (int64_t k = 0; k < r->world; k++) {
        int64_t peer = r->member[k].waits_for;
        if (!r->member[k].finished && peer >= 0 && peer < r->world && !r->member[peer].finished &&
            r->member[peer].step == least)
            return peer;
    }
    return found;
}

/* A silent worker comes before one that is behind, however long, because the latter still works or reports, and the former may never
 * do so again. */
static bool is_worse(const rt__trouble *a, const rt__trouble *b)
{
    return a->silent != b->silent ? a->silent : a->seconds > b->seconds;
}

bool rt__health_find_trouble(const rt__roster *r, double now, double awake_since, rt__trouble *out)
{
    *out = (rt__trouble){.rank = -1};
    for (int64_t k = 0; k < r->world; k++) {
        const rt__member *m = &r->member[k];
        bool silent = rt__health_silent(m, now, awake_since);
        if (!silent && (m->waits_for >= 0 || !stalled(m, now, awake_since)))
            continue;
        double seconds = silent ? silence(m, now, awake_since) : standstill(m, now, awake_since);
        rt__trouble t = {.rank = k, .silent = silent, .seconds = seconds};
        if (out->rank < 0 || is_worse(&t, out))
            *out = t;
    }
    if (out->rank < 0 && now - awake_since > RT__SILENT_SECONDS && all_wait(r, now, awake_since)) {
        int64_t k = furthest_behind(r);
        *out = (rt__trouble){
            .rank = k, .wedged = true, .seconds = standstill(&r->member[k], now, awake_since)};
    }
    return out->rank >= 0;
}

bool rt__health_must_act(const rt__roster *r, const rt__trouble *t)
{
    int64_t phase = r->member[t->rank].phase;
    bool disk = phase == RT_PHASE_LOAD || phase == RT_PHASE_CHECKPOINT ||
                phase == RT_PHASE_FINISH || phase == RT_PHASE_RESTORE || phase == RT_PHASE_START;
    return t->seconds > (disk && !t->silent ? RT__ACT_DISK_SECONDS : RT__ACT_SECONDS);
}

bool rt__health_host_lost(const rt__roster *r, int64_t rank, const char *here, double now,
                          double awake_since)
{
    const char *host = r->member[rank].host;
    bool others = false;
    for (int64_t k = 0; k < r->world; k++) {
        const rt__member *m = &r->member[k];
        if (!m->joined || m->finished)
            continue;
        double silent = silence(m, now, awake_since);
        if (silent > RT__SILENT_SECONDS && strcmp(m->host, here) == 0)
            return false; /* there is no network between us and it, so the job itself is dying */
        if (strcmp(m->host, host) != 0)
            others |= silent < RT__SILENT_SECONDS;
        else if (silent < RT__HOST_LOST_SECONDS)
            return false;
    }
    return others;
}

/* Appends "; ranks 0, 2 wait". */
static void append_waiting_ranks(const rt__roster *r, int64_t rank, char *text, size_t size)
{
    size_t used = strlen(text);
    int64_t count = 0, last = -1;
    for (int64_t k = 0; k < r->world; k++)
        if (k != rank && r->member[k].waits_for >= 0 && !r->member[k].finished)
            count++;
    for (int64_t k = 0, n = 0; k < r->world && n < 8; k++) {
        if (k == rank || r->member[k].waits_for < 0 || r->member[k].finished)
            continue;
        int wrote = snprintf(text + used, used < size ? size - used : 0, "%s%" PRId64,
                             n > 0       ? ", "
                             : count > 1 ? "; ranks "
                                         : "; rank ",
                             k);
        used += (size_t)wrote;
        n++;
        last = k;
    }
    if (last >= 0 && used < size)
        snprintf(text + used, size - used, "%s wait%s", count > 8 ? ", ..." : "",
                 count > 1 ? "" : "s");
}

void rt__health_describe(const rt__roster *r, const rt__trouble *t, char *text, size_t size)
{
    const rt__member *m = &r->member[t->rank];
    const char *phase = rt_phase_name(m->phase);
    bool told_what = m->what[0] && strcmp(m->what, phase) != 0;
    snprintf(text, size,
             "rank %" PRId64 " on %s (pid %" PRId64 ") at step %" PRId64
             " %s for %.1f s, %s%s%s%s%s",
             t->rank, m->host, m->pid, m->step,
             t->silent   ? "has sent nothing"
             : t->wedged ? "waits with all the others"
                         : "has not moved",
             t->seconds, t->silent ? "last in " : "in ", phase, told_what ? " (" : "",
             told_what ? m->what : "", told_what ? ")" : "");
    append_waiting_ranks(r, t->rank, text, size);
}
