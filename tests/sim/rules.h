/* What must hold at every moment, whatever goes wrong. The rules know the whole world; the
 * coordinator knows what it is told.
 *
 *  1. No two generations step at once: a rank makes no step once a later generation has a plan, unless
 *     it is cut off, and then nothing that it does is used.
 *  2. The state at step t is the same whoever computed it, and every restored state is the right one.
 *  3. A step is committed once, or again with the same content; a committed checkpoint is whole.
 *  4. As long as the snapshots are there, no more is lost than the step in flight.
 *  5. Every fault leads to RUN, DONE or FAILED in bounded time, and the run goes on stepping.
 *  6. A run fails only for a reason, which it names; every lost generation is named in the events, with
 *     a rank or host at fault that really was.
 *  7. A journal read back gives the state that was.
 *  8. Messages and memory are bounded.
 *  9. What was promised to the user is kept: tools are answered, the number of workers becomes what it
 *     was to become.
 * 10. Evaluations, the best of them and the step where patience runs out are those of the undisturbed run.
 *
 * Each function below is called where the thing it is named after has just happened. */
#ifndef RINGTORCH_TESTS_SIM_RULES_H
#define RINGTORCH_TESTS_SIM_RULES_H

#include "common/best.h"
#include "common/json.h"
#include "common/messages.h"
#include "tests/sim/mail.h"
#include "tests/sim/rank.h"

enum {
    SIM_RULES_HOSTS = 256,
    SIM_NAMED_WITHIN = 7 * SIM_SECOND, /* who holds up the others is named by then */
};

typedef struct sim_rules {
    uint64_t *truth; /* [steps+1] the undisturbed state at each step */
    rt_best best;    /* of the undisturbed run ... */
    int64_t end;     /* ... and its last step */
    bool early;      /* patience ran out there */
    double *loss;    /* [steps+1] of the evaluation that metrics.jsonl has of each step; 0: none */
    bool early_told; /* by an event */
    int64_t made;    /* newest step that the newest generation has made, or started from */
    bool
        row_lost; /* the coordinator was away for longer than word of evaluations is kept, or the run goes on from a
                      * later state than its last generation has come to: it was on a host that is back */
    json_t *summary; /* the last one; NULL: none yet */
    int64_t planned; /* newest generation that was given a plan */
    /* Rule 4: the newest step that all ranks of a generation finished, and where its snapshots are. */
    int64_t whole_step, whole_generation;
    bool on_host[SIM_RULES_HOSTS];
    int64_t reached; /* the step that all ranks of the newest generation are through with */
    /* Rule 5. */
    sim_time well_at; /* when the run was last running, or over */
    sim_time stepped_at;
    int64_t stepped;      /* newest step any rank has made */
    int64_t metrics_step; /* of the last line */
    /* Rule 6. */
    int64_t lost;       /* generation whose loss was named last */
    const char *status; /* "done", "stopped", "failed"; NULL: none yet */
    char failure[256];
    sim_time lost_memory_at; /* a generation was told not to trust what memory holds */
    /* Rule 9. */
    int64_t target;           /* workers that the coordinator has promised; 0: none */
    sim_time unsettled_since; /* hosts or numbers should change since then; 0: they should not */
    /* Rule 8. */
    int64_t sent, sent_this_second, sent_most;
    int64_t live_before; /* allocations before the run */
    /* What was seen, to judge whether the simulation is worth its time. */
    int64_t generations, from_snapshot, from_checkpoint, from_nothing, commits;
} sim_rules;

void sim_rules_begin(sim_world *w);
void sim_rules_release(sim_rules *r);
/* At every second of virtual time. */
void sim_rules_look(sim_world *w);
/* At the end of everything. */
void sim_rules_end(sim_world *w);

void sim_rules_sent(sim_world *w, sim_pid to, const sim_pipe *pipe, const sim_letter *l);
/* A plan is in the journal: the run goes on from that step, and the rows after it are given up, even if the coordinator dies
 * before anybody hears of the plan. */
void sim_rules_decided(sim_world *w, int64_t start_step);
void sim_rules_planned(sim_world *w, int64_t generation, const rt_msg_plan *plan);
void sim_rules_restored(sim_world *w, sim_pid who, int64_t step, uint64_t hash);
void sim_rules_stepped(sim_world *w, sim_pid who, int64_t step, uint64_t hash);
void sim_rules_committed(sim_world *w, int64_t step, bool mixed);
void sim_rules_line(sim_world *w, const json_t *event);
void sim_rules_summary(sim_world *w, const json_t *summary);
void sim_rules_metrics(sim_world *w, int64_t generation, const json_t *row);
void sim_rules_rewound(sim_world *w, int64_t step);
/* What memory holds is not to be trusted: a bit has flipped, or a step was not finite. */
void sim_rules_doubted(sim_world *w);
/* A generation is gone, or the coordinator, and with it the sums that were to be compared: a state that
 * is wrong will not be found out any more, and the rest of the run says nothing. */
void sim_rules_sums_lost(sim_world *w, int64_t generation);
/* A worker was stopped SIM_NAMED_WITHIN ago. */
void sim_rules_stopped_for_long(sim_world *w, sim_pid who);
/* A tool has its answer. */
void sim_rules_answered(sim_world *w, rt_msg_type asked, int64_t number, const sim_letter *answer);
/* The command has been typed. */
void sim_rules_run_begins(sim_world *w);
/* A host's shared memory is gone. */
void sim_rules_memory_lost(sim_world *w, int64_t host);
/* A committed checkpoint cannot be read any more. */
void sim_rules_checkpoint_lost(sim_world *w, int64_t step);
/* The command has ended. True: for good; false: the user will resume. */
bool sim_rules_run_ended(sim_world *w, bool interrupted, int64_t exit_code);
/* Returns a metric of which more is better. */
const rt_metric_row *sim_metric(void);
/* What an evaluation of a state gives. */
rt_evaluated sim_figures_of(uint64_t hash, int64_t step);
/* The word that was left of a step's evaluation made room for another; 0: there was none. */
void sim_rules_word_lost(sim_world *w, int64_t step);
/* The state after a step that starts from a state. */
uint64_t sim_step_of(uint64_t hash, int64_t step);

#endif
