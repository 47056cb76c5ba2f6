/* The simulated world: hosts, processes, a network, a disk, and one virtual clock.
 *
 *     sim_scenario s = sim_scenario_of(seed, SIM_MIXED);
 *     sim_world *w = sim_world_new(&s, NULL);
 *     sim_world_run(w);                                    // until the run has ended
 *     if (w->violation[0]) ...                             // a rule was broken: what and when
 *     sim_world_free(w);
 *
 * The parts, each in its file:
 *     events.h   future events                     mail.h        conversations with the coordinator
 *     disk.h     checkpoints, the journal          host.h        snapshots in shared memory
 *     rank.h     a worker process                  job.h         mpirun and the collectives of its ranks
 *     launcher.h `ringtorch train`                 coordinator.h coordinator/machine/state.h and its shell
 *     faults.h   what goes wrong                   rules.h       what must hold at every moment
 *
 * Everything but coordinator.c is a model. The state of the training is a number, a hash that each step turns into the next, so that a rank
 * that computes or restores a wrong state is detected at once. */
#ifndef RINGTORCH_TESTS_SIM_WORLD_H
#define RINGTORCH_TESTS_SIM_WORLD_H

#include "tests/sim/disk.h"
#include "tests/sim/events.h"
#include "tests/sim/faults.h"
#include "tests/sim/host.h"
#include "tests/sim/job.h"
#include "tests/sim/launcher.h"
#include "tests/sim/mail.h"
#include "tests/sim/process.h"
#include "tests/sim/rules.h"
#include "tests/sim/sabotage.h"
#include "tests/sim/scenario.h"
#include "tests/sim/trace.h"

#define SIM_CONFIG_HASH "c0ffee"

typedef struct sim_shell sim_shell;

struct sim_world {
    const sim_scenario *s;
    sim_time now; /* since the user first typed the command */
    sim_events events;
    int64_t happened; /* events so far */
    sim_dice dice;    /* for delays and orders */
    sim_trace trace;

    sim_host *host; /* [s->hosts]; host 0 is the launcher's */
    sim_time slow_network_until;
    sim_disk disk;
    sim_job **job; /* [jobs], by generation; NULL: no process of it is left */
    int64_t jobs, jobs_room;
    sim_launcher launcher;
    sim_process coordinator;
    sim_shell *shell; /* the coordinator's state */
    struct sim_plan_copy {
        sim_letter *letter;
        int64_t event; /* during which it was made */
        rt_msg_plan body;
    } plan_copy; /* every rank receives the same PLAN */
    sim_faults faults;
    sim_sabotage sabotage;
    sim_rules rules;

    bool over; /* the run has ended, for good */
    char violation[512];
};

/* `live`: where every event is printed as it happens; NULL: nowhere. */
sim_world *sim_world_new(const sim_scenario *s, FILE *live);
void sim_world_free(sim_world *w);
void sim_world_run(sim_world *w);

/* Plans an event of `who`, in its current life. */
void sim_at(sim_world *w, sim_time at, sim_pid who, sim_action *what, int64_t arg);
static inline void sim_after(sim_world *w, sim_time pause, sim_pid who, sim_action *what,
                             int64_t arg)
{
    sim_at(w, w->now + pause, who, what, arg);
}
/* Returns the process of that name, alive or not, or NULL if no trace of it is left. */
sim_process *sim_process_of(sim_world *w, sim_pid who);
static inline sim_pid sim_pid_of(int32_t rank)
{
    return (sim_pid){0, rank};
}

/* Notes an event for the trace: `format` has up to five %lld. */
#define sim_note(w, format, ...) sim_note_text(w, "", format, __VA_ARGS__)
#define sim_note_text(w, text, format, ...)                                                        \
    sim_trace_add(&(w)->trace, (w)->now, format, text, __VA_ARGS__)

/* Reports that a rule was broken. The first report ends the run. */
__attribute__((format(printf, 2, 3))) void sim_violate(sim_world *w, const char *format, ...);

#endif
