/* What the journal says about a run. The coordinator applies each record to it as it is written, and a restarted
 * coordinator applies all of them, so both know the same. Pure.
 *
 *     rt__history h;
 *     RT_TRY(rt__history_init(&h));
 *     RT_TRY(rt__journal_open(path, rt__history_visit, &h, &journal));
 *     ... h.generation, h.restarts, ...
 *     rt__history_release(&h);
 *
 * The kinds of records and their fields are the rows of common/control/journal.def. */
#ifndef RINGTORCH_COORDINATOR_BOOKS_HISTORY_H
#define RINGTORCH_COORDINATOR_BOOKS_HISTORY_H

#include "common/config/best.h"
#include "common/control/journal_order.h"
#include "coordinator/books/doubts.h"

/* A generation that has made its last step, and what we know about it once its workers are gone. */
typedef struct rt__completion {
    int64_t generation; /* 0: none */
    int64_t step, end_step, samples;
    double loss;
    char weights_sha256[65];
    bool in_memory; /* snapshots of its last step exist */
} rt__completion;

typedef struct rt__history {
    char run_id[64];       /* "": the journal is empty */
    char *config;          /* YAML; owned, NULL: none */
    char init_sha256[65];  /* weights the run began with; "": drawn at random, or not known yet */
    int64_t records;       /* applied so far */
    rt_record_order order; /* of the records in the journal */
    int64_t generation;    /* the last one; 0: none yet */
    int64_t restarts, lost_steps;
    json_t *world_sizes;      /* one per generation */
    json_t *recovery_seconds; /* one per recovery */
    bool open;                /* the last generation was started and is not known to have ended */
    int64_t world;            /* of the last generation */
    bool planned;             /* the last generation was given a plan ... */
    int64_t start_step;       /* ... that starts here ... */
    json_t *skipped;          /* the steps that were skipped, in order */
    json_t *held;             /* the last row that was held back; NULL: none */
    char *source;             /* ... from: "fresh", "snapshot" or the path of a checkpoint; owned */
    char config_hash[72];     /* of the configuration; "": not known */
    /* The first generation of the last ones that had this configuration; 0: not known. */
    int64_t config_since;
    int64_t samples; /* of the training set; 0: not known */
    json_t *data;  /* identity of the data (common/state/data_identity.h); owned, NULL: not known */
    char task[64]; /* the task's name; "": not known */
    int64_t sample_tokens;   /* tokens of text in each sample; 0: none, or not known */
    double first_loss;       /* of step 1; NaN: not known */
    int64_t committed_step;  /* newest checkpoint; -1: none */
    int64_t committing_step; /* step of the last commit that was begun; -1: none */
    /* Since the launcher was started. */
    double first_step_at;   /* < 0: not yet */
    double trained_seconds; /* in generations that have ended */
    int64_t trained_steps;
    int64_t early_stop_step; /* where patience ran out, once that was journaled; -1: it was not */
    /* All evaluations that were due up to this step have been made in the run as it stands. */
    int64_t evaluated_up_to;
    /* The last evaluation. */
    int64_t evaluated_step; /* -1: never */
    int64_t evaluated_in;   /* generation */
    rt_metrics evaluated;   /* empty: never evaluated, or forgotten */
    /* All evaluations, those of earlier launches included. */
    struct {
        int64_t newest;          /* step; 0: none */
        char by[RT_METRIC_NAME]; /* the metric that compares them; "": they are not compared */
        int64_t since;           /* the step after which they are compared */
        int64_t count;
        rt_best *better; /* [count], owned: each beat all before it, so the last is the best */
    } compared;
    int64_t target;           /* workers asked for by scale; 0: as configured */
    int64_t interrupt_signal; /* 0: none */
    int64_t not_finite_step;  /* whose loss was not finite; -1: none */
    rt__doubts doubts;
    rt__completion completion;
} rt__history;

rt_status rt__history_init(rt__history *h);
void rt__history_release(rt__history *h);
/* Returns the last step that was skipped, or -1 if none was. */
int64_t rt__history_last_skipped(const rt__history *h);
/* Returns how many steps in a row, the last of them `step`, were skipped. */
int64_t rt__history_skipped_in_row(const rt__history *h, int64_t step);
/* Returns the step of the last row that was held back, or -1 if none was. */
int64_t rt__history_held_step(const rt__history *h);
/* Returns the best evaluation up to and including `step`. */
rt_best rt__history_best(const rt__history *h, int64_t step);
/* Fails with INTERNAL if such a record cannot be the next one of the journal, which a successor would refuse. */
rt_status rt__history_allows(const rt__history *h, rt_record_kind kind, const void *values);
/* Applies one record; `values` is the struct of its kind. FORMAT if they cannot be applied. */
rt_status rt__history_apply(rt__history *h, rt_record_kind kind, const void *values);
/* Applies a record given as JSON. FORMAT also for what rt_record_read refuses. */
rt_status rt__history_apply_json(rt__history *h, const json_t *record);
/* The same as a callback of rt__journal_open, for each record from the first one. Fails with CORRUPT if the record cannot follow
 * those before it. */
rt_status rt__history_visit(void *history, const json_t *record);
/* Returns records that yield the same history (a new reference to an array), or NULL when memory runs out. */
json_t *rt__history_records(const rt__history *h);

#endif
