#include "tests/sim/world.h"

#include "tests/sim/coordinator.h"
#include "tests/sim/memory.h"
#include <stdarg.h>
#include <string.h>

sim_process *sim_process_of(sim_world *w, sim_pid who)
{
    switch (who.rank) {
    case SIM_NATURE:
        return NULL;
    case SIM_LAUNCHER:
        return &w->launcher.process;
    case SIM_COORDINATOR:
        return &w->coordinator;
    case SIM_TOOL:
        return &w->launcher.tool;
    default:
        break;
    }
    sim_job *j = who.generation < w->jobs ? w->job[who.generation] : NULL;
    if (!j)
        return NULL;
    return who.rank == SIM_MPIRUN ? &j->mpirun : &j->rank[who.rank].process;
}

void sim_at(sim_world *w, sim_time at, sim_pid who, sim_action *what, int64_t arg)
{
    const sim_process *p = sim_process_of(w, who);
    sim_events_add(&w->events, &(sim_event){.at = at > w->now ? at : w->now,
                                            .what = what,
                                            .who = who,
                                            .life = p ? p->life : 0,
                                            .arg = arg});
}

/* Carries out an event, unless its process is gone; later, if the process is stopped. */
static void happen(sim_world *w, sim_event *e)
{
    if (e->who.rank != SIM_NATURE) {
        const sim_process *p = sim_process_of(w, e->who);
        if (!p || !p->alive || p->life != e->life)
            return;
        if (p->frozen_until > w->now) {
            e->at = p->frozen_until;
            sim_events_add(&w->events, e);
            return;
        }
    }
    w->happened++;
    e->what(w, e->who, e->arg);
}

static void look(sim_world *w, sim_pid who, int64_t arg)
{
    (void)arg;
    sim_rules_tick(w);
    sim_after(w, SIM_SECOND, who, look, 0);
}

void sim_world_run(sim_world *w)
{
    sim_event e;
    sim_rules_begin(w);
    sim_launcher_start(w);
    sim_faults_begin(w);
    sim_after(w, SIM_SECOND, sim_pid_of(SIM_NATURE), look, 0);
    while (!w->over && !w->violation[0] && sim_events_take(&w->events, &e)) {
        w->now = e.at;
        happen(w, &e);
    }
    if (!w->violation[0])
        sim_rules_end(w);
}

sim_world *sim_world_new(const sim_scenario *s, FILE *live)
{
    sim_world *w = sim_alloc(sizeof *w);
    w->s = s;
    w->trace.live = live;
    w->dice = sim_dice_of(s->seed, 2);
    w->host = sim_alloc((size_t)s->hosts * sizeof *w->host);
    for (int64_t i = 0; i < s->hosts; i++) {
        snprintf(w->host[i].name, sizeof w->host[i].name, "h%d", (int)i);
        w->host[i].listed = true;
        w->host[i].slots = s->slots;
    }
    sim_coordinator_new(w);
    return w;
}

void sim_world_free(sim_world *w)
{
    sim_coordinator_free(w);
    for (int64_t g = 0; g < w->jobs; g++)
        sim_job_free(w, g);
    for (int64_t i = 0; i < w->s->hosts; i++) {
        sim_host_forget(&w->host[i], INT64_MAX);
        sim_free(w->host[i].snapshot);
    }
    sim_launcher_release(&w->launcher);
    sim_letter_drop(w->plan_copy.letter);
    sim_disk_release(&w->disk);
    sim_events_release(&w->events);
    sim_rules_release(&w->rules);
    sim_free(w->job);
    sim_free(w->host);
    sim_free(w);
}

void sim_violate(sim_world *w, const char *format, ...)
{
    if (w->violation[0])
        return;
    va_list ap;
    va_start(ap, format);
    vsnprintf(w->violation, sizeof w->violation, format, ap);
    va_end(ap);
    sim_note_text(w, w->violation, "RULE BROKEN after %lld events:", w->happened);
}
