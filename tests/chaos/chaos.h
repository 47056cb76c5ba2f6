/* A disturbed run in the making: what its parts share.
 *
 *     inject(c, &x, before);        // inject.c: waits for the moment, does it, notes whom it hit
 *     settle(c, list, count);       // settle.c: what must follow has followed, and the run goes on
 *     judge(c, ...);                // verdict.c: all that must hold at the end
 *
 * A failure is written down and the run goes on, resumed if need be: one bug must not hide others. */
#ifndef RINGTORCH_TESTS_CHAOS_CHAOS_H
#define RINGTORCH_TESTS_CHAOS_CHAOS_H

#include "plan.h"
#include "subject.h"

typedef struct chaos {
    subject run;
    plan plan;
    int64_t least, most; /* workers */
    json_t *failures;    /* texts */
    bool quiet;          /* only failures are told as they come */
    int begun_again;     /* how often a run that ended or stood still was resumed */
} chaos;

/* A fault as it happened. */
typedef struct injected {
    const fault *fault;
    int number;           /* from 1 */
    moment moment;        /* that was met */
    size_t since;         /* events before this index have nothing to do with it */
    size_t metrics_since; /* the same for lines of metrics */
    double at;            /* rt_clock() */
    int64_t step;         /* newest in the metrics */
    int64_t generation;   /* that it hit */
    int64_t size;         /* scale and resume: workers asked for */
    struct {
        int rank;
        pid_t pid;
    } hit[VICTIMS_MAX];
    int hits;
    bool paired;    /* another fault came at the same time: one event may speak for both */
    bool cut_short; /* the launcher was killed right after it: it need not be told */
    bool told;      /* what must follow has followed */
    double outage;  /* seconds until steps were made again; -1: they never stopped */
    char followed[160];
} injected;

/* Writes down that something does not hold, and says so; x: the fault it follows from, or NULL. */
__attribute__((format(printf, 3, 4))) void chaos_fail(chaos *c, const injected *x, const char *fmt,
                                                      ...);
/* Returns whether there is no point in going on: Ctrl-C, or a run that has been resumed too often. */
bool chaos_over(const chaos *c);

/* Waits for the moment of a fault and carries it out. before: the one just before, NULL at the very
 * start. */
void inject(chaos *c, const fault *f, int number, const injected *before, injected *x);

/* Waits until all that must follow from these faults has followed and `gap` more steps are made.
 * What does not come in time is a failure; a run that stands still is killed and resumed. */
void settle(chaos *c, injected *list, int count, int64_t gap);
/* Starts the command again on what there is. */
void resume(chaos *c, int64_t workers);

/* What is known at the end. */
typedef struct outcome {
    const injected *faults;
    int count;
    int exit_code; /* of the last leg */
    int64_t steps;
    char undisturbed[65], weights[65];
    int64_t outlived;        /* processes that were alive 5 s after the end */
    records reference;       /* of the undisturbed run */
    int64_t reports_lost;    /* lines of metrics that died with the process that had to send them */
    int64_t lost_steps_most; /* of a recovery that had snapshots */
} outcome;

/* Checks all that must hold, and writes down what does not. */
void judge(chaos *c, outcome *o);

#endif
