#include "worker/snapshot_about.h"

#include "common/base/error.h"
#include "worker/run_parts.h"
#include <stdio.h>
#include <string.h>

static rt_status set_text(char *to, size_t room, const char *text, const char *what)
{
    if (strlen(text) >= room)
        return RT_FAIL(RANGE, "%s %s: longer than the %zu bytes a snapshot has for it", what, text,
                       room - 1);
    memcpy(to, text, strlen(text) + 1);
    return RT_OK;
}

rt_status rt__snapshot_about_run(rt_snapshot_about *out, const rt_run *run,
                                 const rt__snapshot_who *who)
{
    const int64_t count = rt_run_flat(run)->tail;
    *out = (rt_snapshot_about){
        .generation = who->generation,
        .rank = who->rank,
        .begin = who->owned.begin < count ? who->owned.begin : count,
        .end = who->owned.end < count ? who->owned.end : count,
        .count = count,
        .kinds = rt__run_buffers(run),
    };
    RT_ASSERT(out->kinds <= RT_SNAPSHOT_KINDS_MAX);
    for (int kind = 0; kind < out->kinds; kind++) {
        const char *name;
        rt__run_buffer(run, kind, &name);
        RT_TRY(set_text(out->kind[kind], sizeof out->kind[kind], name, "state"));
    }
    RT_TRY(set_text(out->run, sizeof out->run, who->run_id, "run"));
    RT_TRY(set_text(out->run_dir, sizeof out->run_dir, who->run_dir, "run directory"));
    RT_TRY(set_text(out->config_hash, sizeof out->config_hash, who->config_hash, "hash"));
    return set_text(out->layout_hash, sizeof out->layout_hash, rt_run_layout_hash(run), "hash");
}

rt_status rt__snapshot_fits(const rt_snapshot *s, const rt_snapshot_about *ours)
{
    const rt_snapshot_about *theirs = &s->about;
    const char *other = NULL;
    if (strcmp(theirs->config_hash, ours->config_hash) != 0)
        other = "configuration";
    else if (strcmp(theirs->layout_hash, ours->layout_hash) != 0 || theirs->count != ours->count)
        other = "model";
    else if (theirs->kinds != ours->kinds ||
             memcmp(theirs->kind, ours->kind, sizeof ours->kind) != 0)
        other = "optimiser";
    if (other)
        return RT_FAIL(MISMATCH, "%s: made with another %s than this run has", s->path, other);
    return RT_OK;
}
