#include "coordinator/machine/mismatch.h"
#include "common/base/error.h"
#include "coordinator/machine/causes.h"
#include "coordinator/machine/record.h"
#include "coordinator/machine/saving.h"
#include <inttypes.h>
#include <stdio.h>

static void record_corruption(rt__run *r, double now, const rt_msg_checksum *m,
                              const rt__verdict *v, char text[RT__SENTENCE_BYTES])
{
    json_t *ranks = json_array();
    char workers[768] = "";
    size_t used = 0;
    for (int i = 0; i < v->count; i++) {
        const rt__member *who = &r->roster.member[v->ranks[i]];
        json_array_append_new(ranks, json_integer(v->ranks[i]));
        if (used < sizeof workers)
            used += (size_t)snprintf(workers + used, sizeof workers - used,
                                     "%sworker %" PRId64 " on %s (pid %" PRId64 ")", i ? ", " : "",
                                     v->ranks[i], who->host, who->pid);
    }
    if (m->slice < 0)
        RT__RECORD_SAID(text, r, now, corruption, .step = m->step, .slice = -1, .ranks = ranks,
                        .workers = workers, .others = v->count < r->roster.world);
    else
        RT__RECORD_SAID(text, r, now, audit, .step = m->step, .slice = m->slice, .ranks = ranks,
                        .workers = workers, .in_step = m->step + 1);
    json_decref(ranks);
}

/* Returns the newest step whose state is known to be right: all ranks started from the same bytes, committed states were compared, and so
 * were those that ranks have agreed on since. A coordinator that takes over knows the first two from the journal. */
static int64_t newest_agreed(const rt__run *r)
{
    int64_t newest = r->sums.agreed_step;
    newest = r->history.start_step > newest ? r->history.start_step : newest;
    return r->committed_step > newest ? r->committed_step : newest;
}

bool rt__run_doubt_mismatch(rt__run *r, double now)
{
    const rt_msg_checksum *m = &r->mismatch;
    const rt__verdict *v = &r->verdict;
    char text[RT__SENTENCE_BYTES];
    if (m->step < 0 || rt__doubts_last(&r->history.doubts).generation == r->generation)
        return true;
    /* Journal before telling: a crash in between must not leave an event without its decision. */
    if (!rt__run_record_doubt(r, now, m->slice < 0 ? newest_agreed(r) : m->step))
        return false;
    record_corruption(r, now, m, v, text);
    rt__run_note_cause(r, now, RT__CAUSE_FAULT, v->count == 1 ? v->ranks[0] : -1, "%s", text);
    return true;
}

void rt__run_act_on_mismatch(rt__run *r, double now)
{
    if (r->mismatch.step >= 0 && rt__run_doubt_mismatch(r, now))
        rt__run_abandon_generation(r, now, "memory or arithmetic is corrupt");
}

/* Compares a checksum. Returns true if it is the first of this generation that differs, and keeps that one. */
static bool compare(rt__run *r, const rt__input *in)
{
    const rt_msg_checksum *m = &in->frame->body.checksum;
    rt__verdict v;
    if (rt__sums_add(&r->sums, r->roster.world, in->rank, m, &v) != RT_OK) {
        rt_error_clear(); /* this sum is not compared */
        return false;
    }
    if (!v.differ) {
        rt__run_commit_agreed(r);
        return false;
    }
    if (r->mismatch.step >= 0)
        return false;
    r->mismatch = *m;
    r->verdict = v;
    return true;
}

void rt__run_on_checksum(rt__run *r, double now, const rt__input *in)
{
    if (compare(r, in))
        rt__run_act_on_mismatch(r, now);
}

void rt__run_on_checksum_unacted(rt__run *r, double now, const rt__input *in)
{
    (void)now;
    compare(r, in);
}
