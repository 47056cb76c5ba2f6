/* What the journal says of a run. The coordinator applies each record to it when it is written, and a coordinator that
 * is started again applies all of them: so both know the same. Pure.
 *
 *     rt__history h;
 *     RT_TRY(rt__history_init(&h));
 *     RT_TRY(rt__journal_open(path, rt__history_visit, &h, &journal));
 *     ... h.generation, h.restarts, ...
 *     rt__history_release(&h);
 *
 * Records are JSON objects with a `kind`:
 *     run         run, config (YAML): the first one
 *     launch      a launcher has started the run, anew or again: what follows is counted from here
 *     init        weights_sha256: what model.init gave
 *     generation  generation, world, restart, trained_seconds, trained_steps (before it)
 *     plan        generation, start_step, lost_steps, source, samples (of the training set), task, sample_tokens: it has begun to step, or may have
 *     exited      generation: no process of it is left
 *     recovered   recovery_seconds
 *     committing  step (of a checkpoint): it is about to be renamed, and may have been
 *     commit, abort   step (of a checkpoint)
 *     first_step  seconds; step, loss: of the first report of a launch
 *     reported    row: of metrics.jsonl, held back until its step has been evaluated
 *     evaluated   generation, step and the metrics by name; better: it beats all before; best: {step, metrics} of the best
 *                 with it, so that it makes up for a record before it that could not be written
 *     early_stop  step: that patience ran out there was said
 *     compare     by (the name of a metric), since (step): from here on evaluations are compared by this
 *     target      workers: what scale asked for
 *     interrupt   signal
 *     doubt       generation, step: snapshots of generations up to this one are good only up to that step
 *     skipped     step: it was left out, because its loss or gradient was not finite
 *     not_finite  step: it was not finite, and is tried again from a checkpoint
 *     over        generation, step, end_step, samples, loss, trained_seconds, trained_steps (with it), weights_sha256,
 *                 in_memory: it has done all there was to do, and its workers are told to leave
 *     end         status, step
 *     history     all of the above that counts, from a journal that was made shorter */
#ifndef RINGTORCH_COORDINATOR_HISTORY_H
#define RINGTORCH_COORDINATOR_HISTORY_H

#include "common/best.h"
#include "common/json.h"
#include "coordinator/offers.h"

/* A generation after which there is no other, and what is known of it when its workers are gone. */
typedef struct rt__over {
    int64_t generation; /* 0: none */
    int64_t step, end_step, samples;
    double loss;
    char weights_sha256[65];
    bool in_memory; /* there are snapshots of its last step */
} rt__over;

typedef struct rt__history {
    char run_id[64];      /* "": the journal is empty */
    char *config;         /* YAML; owned, NULL: none */
    char init_sha256[65]; /* weights the run began with; "": drawn at random, or not known yet */
    int64_t records;      /* applied so far */
    int64_t generation;   /* the last one; 0: none yet */
    int64_t restarts, lost_steps;
    json_t *world_sizes;      /* one per generation */
    json_t *recovery_seconds; /* one per recovery */
    bool open;                /* the last generation was started and is not known to have ended */
    int64_t world;            /* of the last generation */
    bool planned;             /* it was given a plan ... */
    int64_t start_step;       /* ... that starts here ... */
    json_t *skipped;          /* steps that were left out, in order */
    json_t *held;             /* the last row that was held back; NULL: none */
    char *source;             /* ... from: "fresh", "snapshot" or the path of a checkpoint; owned */
    int64_t samples;          /* of the training set; 0: not known */
    char task[64];            /* what is trained for; "": not known */
    int64_t sample_tokens;    /* of text, in each sample; 0: none, or not known */
    double first_loss;        /* of step 1; NaN: not known */
    int64_t committed_step;   /* newest checkpoint; -1: none */
    int64_t committing_step;  /* the last one that was to be committed; -1: none */
    /* Since the launcher was started. */
    double first_step_at;   /* < 0: not yet */
    double trained_seconds; /* in generations that are over */
    int64_t trained_steps;
    int64_t early_stop_step; /* where patience ran out, once that was said; -1: it was not */
    int64_t
        evaluated_up_to; /* step: on the way that the run has taken, all that were due so far have been evaluated */
    /* The last evaluation. */
    int64_t evaluated_step; /* -1: never */
    int64_t evaluated_in;   /* generation */
    rt_metrics evaluated;   /* none: never, or it is forgotten */
    /* All evaluations, of earlier launches, too. */
    struct {
        int64_t newest;          /* step; 0: none */
        char by[RT_METRIC_NAME]; /* how they are compared; "": they are not */
        int64_t since;           /* step from which on they are */
        int64_t count;
        rt_best *better; /* [count], owned: each that beat all before it, so the last is the best */
    } compared;
    int64_t target;           /* workers asked for by scale; 0: as configured */
    int64_t interrupt_signal; /* 0: none */
    int64_t not_finite_step;  /* -1: none was */
    rt__doubts doubts;
    rt__over over;
} rt__history;

rt_status rt__history_init(rt__history *h);
void rt__history_release(rt__history *h);
/* Returns the last step that was left out; -1: none was. */
int64_t rt__history_last_skipped(const rt__history *h);
/* Returns how many steps that end with this one were left out in a row. */
int64_t rt__history_skipped_in_row(const rt__history *h, int64_t step);
/* Returns the step of the last row that was held back; -1: none. */
int64_t rt__history_held_step(const rt__history *h);
/* Returns the best evaluation up to a step. */
rt_best rt__history_best(const rt__history *h, int64_t step);
/* Takes one record in. FORMAT for one without a kind; kinds of a later version are passed over. */
rt_status rt__history_apply(rt__history *h, const json_t *record);
/* The same, for rt__journal_open. */
rt_status rt__history_visit(void *history, const json_t *record);
/* Returns records that give the same history (a new reference to an array), NULL when memory is out. */
json_t *rt__history_records(const rt__history *h);

#endif
