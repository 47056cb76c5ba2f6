/* What must hold at every moment, whatever goes wrong. The rules know the whole world; the coordinator knows only what it receives.
 *
 *  1. No two generations make steps at once: a rank makes no step once a later generation has a plan, unless it is cut off, and then nothing
 *     that it makes is used.
 *  2. The state at step t does not depend on who computed it, and every restored state is the right one.
 *  3. A step is committed once, or again with the same content; a committed checkpoint is complete.
 *  4. As long as the snapshots exist, no more is lost than the step in flight.
 *  5. Every fault leads to RUN, DONE or FAILED in bounded time, and the run goes on making steps.
 *  6. A run fails only for a real reason, which it names; every lost generation is named in the events, with the rank or host that really
 *     caused the loss.
 *  7. Replaying the journal gives the state that the coordinator had.
 *  8. Messages and memory are bounded.
 *  9. Promises to the user are kept: tools are answered, and the number of workers becomes what was asked for.
 * 10. Evaluations, the best of them and the step where patience runs out are those of the undisturbed run.
 *
 * Each function below is called right after the event that it is named after. */
#ifndef RINGTORCH_TESTS_SIM_RULES_H
#define RINGTORCH_TESTS_SIM_RULES_H

#include "common/base/json.h"
#include "common/config/best.h"
#include "common/control/messages.h"
#include "tests/sim/mail.h"
#include "tests/sim/rank.h"
#include "tests/sim/rows.h"

enum {
    SIM_RULES_HOSTS = 256,
    SIM_NAMED_WITHIN = 7 * SIM_SECOND, /* a worker that holds up the others must be named by then */
};

typedef struct sim_rules {
    uint64_t *truth; /* [steps+1] the undisturbed state at each step */
    rt_best best;    /* of the undisturbed run ... */
    int64_t end;     /* ... and its last step */
    bool early;      /* patience ran out there */
    double *loss;    /* [steps+1] evaluated loss of each step in metrics.jsonl; 0: none */
    bool early_told; /* an event has reported it */
    /* a row may be missing: the coordinator was away for longer than workers keep records of evaluations */
    bool row_lost;
    json_t *summary; /* the last one; NULL: none yet */
    int64_t planned; /* newest generation that was given a plan */
    /* Rule 4: the newest step that all ranks of a generation finished, and where its snapshots are. */
    int64_t whole_step, whole_generation;
    bool on_host[SIM_RULES_HOSTS];
    int64_t reached; /* the newest step that all ranks of the newest generation have finished */
    /* Rule 5. */
    sim_time well_at; /* when the run was last running, or had ended */
    sim_time stepped_at;
    int64_t stepped;      /* newest step that any rank has made */
    int64_t metrics_step; /* of the last line */
    /* Rule 6. */
    int64_t lost;       /* the last generation whose loss was reported */
    const char *status; /* "done", "stopped", "failed"; NULL: none yet */
    char failure[256];
    sim_time lost_memory_at; /* when a generation had to distrust all snapshots */
    /* Rule 9. */
    int64_t target;           /* workers that the coordinator has promised; 0: none */
    sim_time unsettled_since; /* since when hosts or workers should change; 0: they should not */
    /* Rule 8. */
    int64_t sent, sent_this_second, sent_most;
    int64_t live_before; /* allocations before the run */
    /* Counts of what happened, to judge whether the simulation covers enough. */
    int64_t generations, from_snapshot, from_checkpoint, from_nothing, commits;
} sim_rules;

void sim_rules_begin(sim_world *w);
void sim_rules_release(sim_rules *r);
/* Called at every second of virtual time. */
void sim_rules_tick(sim_world *w);
/* Called at the end of the simulation. */
void sim_rules_end(sim_world *w);

void sim_rules_sent(sim_world *w, sim_pid to, const sim_pipe *pipe, const sim_letter *l);
void sim_rules_planned(sim_world *w, int64_t generation, const rt_msg_plan *plan);
void sim_rules_restored(sim_world *w, sim_pid who, int64_t step, uint64_t hash);
void sim_rules_stepped(sim_world *w, sim_pid who, int64_t step, uint64_t hash);
void sim_rules_committed(sim_world *w, int64_t step, bool mixed);
void sim_rules_line(sim_world *w, const json_t *event);
void sim_rules_summary(sim_world *w, const json_t *summary);
void sim_rules_metrics(sim_world *w, const sim_row *row);
void sim_rules_rewound(sim_world *w, int64_t step, int64_t last_row);
/* Snapshots must not be trusted: a bit has flipped, or a step was not finite. */
void sim_rules_doubted(sim_world *w);
/* A generation or the coordinator is gone, and with it the sums that would have been compared. A wrong state will not be detected any
 * more, so the rest of the run proves nothing. */
void sim_rules_sums_lost(sim_world *w, int64_t generation);
/* A worker was stopped SIM_NAMED_WITHIN ago. Returns when to call it again, because the worker need not be named sooner, or 0. */
sim_time sim_rules_stopped_for_long(sim_world *w, sim_pid who);
/* A tool has received its answer. */
void sim_rules_answered(sim_world *w, rt_msg_type asked, int64_t number, const sim_letter *answer);
/* The user has typed the command. */
void sim_rules_run_begins(sim_world *w);
/* A host's shared memory is gone. */
void sim_rules_memory_lost(sim_world *w, int64_t host);
/* A committed checkpoint has become unreadable. */
void sim_rules_checkpoint_lost(sim_world *w, int64_t step);
/* The command has ended. Returns true if the run has ended for good, false if the user will resume it. */
bool sim_rules_run_ended(sim_world *w, bool interrupted, int64_t exit_code);
/* Returns a metric of which more is better. */
const rt_metric_row *sim_metric(void);
/* Returns the evaluation of a state. */
rt_evaluated sim_figures_of(uint64_t hash, int64_t step);
/* A rank's record of a step's evaluation was overwritten by a newer one; step 0: there was none. */
void sim_rules_evaluation_lost(sim_world *w, int64_t step);
/* Returns the state after one step from a state. */
uint64_t sim_step_of(uint64_t hash, int64_t step);

#endif
