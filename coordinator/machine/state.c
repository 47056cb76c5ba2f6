#include "coordinator/machine/state.h"
#include <string.h>

const char *rt__run_phase_name(rt__phase p)
{
    static const char *const names[] = {
#define PHASE(name, shown, jobs, text) #name,
#include "coordinator/machine/phases.def"
#undef PHASE
    };
    return names[p];
}

const char *rt__run_phase_shown(rt__phase p)
{
    static const char *const names[] = {
#define PHASE(name, shown, jobs, text) shown,
#include "coordinator/machine/phases.def"
#undef PHASE
    };
    return names[p];
}

const char *rt__run_host_of(const rt__run *r, int64_t rank)
{
    if (rank < 0 || rank >= r->roster.world)
        return "";
    const rt__member *m = &r->roster.member[rank];
    return m->joined ? m->host : rt__hosts_of_rank(&r->hosts, rank);
}

bool rt__run_has_hosts(const rt__run *r)
{
    return r->facts.cfg->parallel.hostfile[0] || r->hosts_listed;
}

int64_t rt__run_wanted_workers(const rt__run *r)
{
    const rt_config *cfg = r->facts.cfg;
    int64_t wanted = r->history.target > 0 ? r->history.target : cfg->parallel.workers,
            slices = cfg->parallel.slices;
    return slices == RT_AUTO || wanted < slices ? wanted : slices;
}

bool rt__run_all_finished(const rt__run *r)
{
    return r->roster.world > 0 && r->roster.finished == r->roster.world;
}

/* Step 0 needs no saving: its state can always be made again. */
bool rt__run_is_saved(const rt__run *r)
{
    return r->committed_step >= r->newest_step || r->newest_step == 0;
}

/* Judged from the disk, not from failures we saw: the coordinator that saw them may have died. */
bool rt__run_is_unsaved(const rt__run *r)
{
    const rt_config *cfg = r->facts.cfg;
    bool due = cfg->checkpoint.every > 0 && r->newest_step % cfg->checkpoint.every == 0;
    bool last = r->newest_step >= r->end_step ? cfg->checkpoint.final : r->stop != RT__STOP_NONE;
    return rt__run_all_finished(r) && (due || last) && !rt__run_is_saved(r);
}

/* Counts the snapshots of this generation and, if it had no step left to make, the one it started from. */
bool rt__run_is_in_memory(const rt__run *r)
{
    const rt__history *h = &r->history;
    bool started_from =
        h->source && strcmp(h->source, "snapshot") == 0 && h->start_step == r->newest_step;
    if (rt__run_completion_recorded(r))
        return h->completion.in_memory;
    return started_from || rt__roster_snapshot_step(&r->roster) == r->newest_step;
}

bool rt__run_may_have_state(const rt__run *r)
{
    return r->history.first_step_at >= 0 || r->history.generation > 1;
}

bool rt__run_is_untouched(const rt__run *r)
{
    return r->generations_here == 0 && !r->facts.takes_over && !rt__run_has_job(r);
}

bool rt__run_refused(const rt__run *r)
{
    return rt__run_failed(r) && r->exit_code == 2 && r->history.first_step_at < 0;
}

/* Judged from what has been reached, not from what was ordered: the coordinator that gave the order may have died. A run that was told
 * to stop is complete once its last state is on disk, or could not be put there. */
bool rt__run_is_complete(const rt__run *r)
{
    bool tried = rt__run_is_saved(r) || r->unsaved_step == r->newest_step;
    return r->newest_step >= r->end_step || (r->stop != RT__STOP_NONE && tried);
}

bool rt__run_is_ending(const rt__run *r)
{
    return r->stop != RT__STOP_NONE || rt__run_failed(r) ||
           rt__run_in(r, RT__IN(DRAIN) | RT__IN(SETTLE) | RT__IN(QUIT) | RT__IN(DONE)) ||
           (r->phase == RT__LEAVE && rt__run_is_complete(r));
}
