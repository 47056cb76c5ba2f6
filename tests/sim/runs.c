#include "tests/sim/runs.h"

#include "tests/sim/world.h"
#include <inttypes.h>
#include <string.h>

static void add(sim_totals *t, const sim_world *w)
{
    t->runs++;
    t->faults += w->faults.happened;
    t->events += w->happened;
    t->generations += w->rules.generations;
    t->commits += w->rules.commits;
    t->from_nothing += w->rules.from_nothing;
    t->from_checkpoint += w->rules.from_checkpoint;
    t->from_snapshot += w->rules.from_snapshot;
    t->takeovers += w->coordinator.life - w->launcher.starts;
    t->virtual_time += w->now;
    for (int f = 0; f < SIM_FAULTS; f++)
        t->of_kind[f] += w->faults.of_kind[f];
    t->signature = sim_mix(t->signature ^ (uint64_t)w->happened) ^ (uint64_t)w->now;
}

static void tell(const sim_order *o, const sim_world *w)
{
    const char *large = o->size == SIM_LARGE ? " --large" : "";
    fputc('\n', stderr);
    if (!o->live)
        sim_trace_print(&w->trace, stderr);
    sim_scenario_print(w->s, stderr);
    fprintf(stderr, "%s\nagain, event by event: tools/soak --seed %" PRIu64 "%s --trace\n",
            w->violation, o->seed, large);
}

bool sim_run(const sim_order *o, sim_totals *t)
{
    sim_scenario s = sim_scenario_of(o->seed, o->size);
    sim_world *w = sim_world_new(&s, o->live);
    w->sabotage = o->sabotage;
    if (o->live)
        sim_scenario_print(&s, o->live);
    sim_world_run(w);
    add(t, w);
    bool good = w->violation[0] == '\0';
    if (!good) {
        t->broken++;
        memcpy(t->what, w->violation, sizeof t->what);
    }
    if (!good && o->sabotage == SIM_HONEST)
        tell(o, w);
    sim_world_free(w);
    return good;
}

void sim_totals_print(const sim_totals *t, FILE *to)
{
    fprintf(to,
            "%" PRId64 " runs, %" PRId64 " faults, %" PRId64 " events, %.1f days of virtual time\n"
            "%" PRId64 " generations: %" PRId64 " from snapshots, %" PRId64
            " from checkpoints, %" PRId64 " from nothing; %" PRId64 " checkpoints, %" PRId64
            " takeovers by another coordinator\n",
            t->runs, t->faults, t->events, (double)t->virtual_time / SIM_SECOND / 86400,
            t->generations, t->from_snapshot, t->from_checkpoint, t->from_nothing, t->commits,
            t->takeovers);
    for (int f = 0; f < SIM_FAULTS; f++)
        fprintf(to, "%10" PRId64 "  %s\n", t->of_kind[f], sim_fault_text((sim_fault)f));
}
