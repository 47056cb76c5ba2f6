#include "worker/snapshot_offers.h"

#include "common/base/error.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/state/snapshot_list.h"
#include "worker/snapshot_about.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { ENTRIES_MAX = 4000, EVALUATIONS_MAX = 2000 }; /* in an array of HELLO */

void rt__snapshot_offers_add_trouble(rt__snapshot_offers *o, const char *reason)
{
    size_t used = strlen(o->trouble);
    rt_log_warn("snapshots: %s", reason);
    snprintf(o->trouble + used, sizeof o->trouble - used, "%s%s", used > 0 ? "; " : "", reason);
}

/* A failure here costs an offer, nothing more. */
static void note_failure(rt__snapshot_offers *o)
{
    rt__snapshot_offers_add_trouble(o, rt_error());
    rt_error_clear();
}

/* If hosts share the directory, a copy may be beside the original. */
static bool is_offered(const rt__snapshot_offers *o, const rt_msg_offer *offer)
{
    for (int64_t i = 0; i < o->offer_count; i++)
        if (memcmp(&o->offer[i], offer, sizeof *offer) == 0)
            return true;
    return false;
}

static void offer_slot(rt__snapshot_offers *o, const rt_snapshot *s, int slot)
{
    const rt_snapshot_about *a = &s->about;
    const rt_msg_offer offer = {.generation = a->generation,
                                .rank = a->rank,
                                .step = s->slot[slot].step,
                                .begin = a->begin,
                                .end = a->end};
    if (offer.step < 0 || a->begin == a->end || o->offer_count == ENTRIES_MAX ||
        is_offered(o, &offer))
        return;
    if (rt_snapshot_verify(s, slot) != RT_OK) {
        note_failure(o);
        return;
    }
    o->offer[o->offer_count++] = offer;
}

/* All ranks make the same evaluations and only the seconds may differ, so one of each is enough. */
static bool has_evaluation(const rt__snapshot_offers *o, int64_t generation, int64_t step)
{
    char head[64];
    snprintf(head, sizeof head, "{\"generation\":%" PRId64 ",\"step\":%" PRId64 ",", generation,
             step);
    for (int64_t i = 0; i < o->evaluation_count; i++)
        if (strncmp(o->evaluation[i], head, strlen(head)) == 0)
            return true;
    return false;
}

static void add_evaluations(rt__snapshot_offers *o, const rt_snapshot *s)
{
    for (int i = 0; i < s->evaluations && o->evaluation_count < EVALUATIONS_MAX; i++) {
        if (has_evaluation(o, s->about.generation, s->evaluation[i].step))
            continue;
        char *text = rt_evaluated_text(&s->evaluation[i], s->about.generation);
        if (text)
            o->evaluation[o->evaluation_count++] = text;
        else
            note_failure(o);
    }
}

static void offer_file(rt__snapshot_offers *o, const rt_snapshot_about *ours,
                       const rt_snapshot_entry *e)
{
    rt_snapshot s;
    rt_status status = rt_snapshot_open(e->path, &s);
    if (status == RT_OK && (status = rt__snapshot_fits(&s, ours)) == RT_OK) {
        for (int slot = 0; slot < RT_SNAPSHOT_SLOTS; slot++)
            offer_slot(o, &s, slot);
        add_evaluations(o, &s);
    }
    if (status != RT_OK)
        note_failure(o);
    rt_snapshot_close(&s);
}

static void add_trace(rt__snapshot_offers *o, const rt_snapshot *s)
{
    if (o->trace_count == ENTRIES_MAX)
        return;
    o->trace[o->trace_count++] = (rt_msg_trace){.generation = s->about.generation,
                                                .rank = s->about.rank,
                                                .step = s->mark.step,
                                                .slice = s->mark.slice,
                                                .phase = s->mark.phase};
}

/* Returns whether a snapshot is this run's and not that of a copy of its run directory, which has the same run id. */
static bool is_of_this_run(const rt_snapshot_about *ours, const rt_snapshot_entry *e)
{
    const rt_snapshot_owner owner = rt_snapshot_owner_of(e->snapshot->about.run_dir, ours->run_dir);
    return owner == RT_SNAPSHOT_OURS || (owner == RT_SNAPSHOT_ORPHAN && !e->in_use);
}

/* A run that finds only snapshots of a copy of its directory says so: the state that its user misses goes on there. */
static void tell_of_others(rt__snapshot_offers *o, const rt_snapshot_entry *others)
{
    char line[512];
    if (!others || o->offer_count > 0)
        return;
    snprintf(line, sizeof line,
             "the snapshots of generation %" PRId64 " belong to %.300s, another directory of the "
             "same run: not used here",
             others->name.generation, others->snapshot->about.run_dir);
    rt__snapshot_offers_add_trouble(o, line);
}

/* Newest first, so that entries that do not fit are the least useful. */
static void find(const rt_snapshot_about *ours, const rt_snapshot_list *l, rt__snapshot_offers *o)
{
    int64_t newest = -1;                    /* generation of the traces */
    const rt_snapshot_entry *others = NULL; /* the newest of a copy of the run directory */
    for (int64_t i = l->count - 1; i >= 0; i--) {
        const rt_snapshot_entry *e = &l->item[i];
        if (e->name.generation >= ours->generation || e->name.what == RT_SNAPSHOT_MPI || e->foreign)
            continue;
        if (!e->snapshot) {
            rt__snapshot_offers_add_trouble(o, e->reason);
            continue;
        }
        if (!is_of_this_run(ours, e)) {
            others = others ? others : e;
            continue;
        }
        offer_file(o, ours, e);
        if (e->name.what != RT_SNAPSHOT_OWN)
            continue;
        if (newest < 0)
            newest = e->name.generation;
        if (e->name.generation == newest)
            add_trace(o, e->snapshot);
    }
    tell_of_others(o, others);
}

void rt__snapshot_offers_find(const char *dir, const rt_snapshot_about *ours,
                              rt__snapshot_offers *out)
{
    rt_snapshot_list l;
    if (rt_snapshot_list_read(dir, ours->run, &l) != RT_OK) {
        note_failure(out);
        return;
    }
    /* A file gives two offers, one trace and a few evaluations at most. */
    out->offer = rt_calloc((size_t)(l.count * 2 + 1), sizeof *out->offer);
    out->trace = rt_calloc((size_t)(l.count + 1), sizeof *out->trace);
    out->evaluation = rt_calloc(EVALUATIONS_MAX, sizeof *out->evaluation);
    if (out->offer && out->trace && out->evaluation)
        find(ours, &l, out);
    else
        note_failure(out);
    rt_snapshot_list_release(&l);
}

void rt__snapshot_offers_release(rt__snapshot_offers *o)
{
    rt_mem_free(o->offer);
    rt_mem_free(o->trace);
    for (int64_t i = 0; i < o->evaluation_count; i++)
        rt_mem_free(o->evaluation[i]);
    rt_mem_free(o->evaluation);
    *o = (rt__snapshot_offers){0};
}
