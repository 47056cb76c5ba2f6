/* What the parts of the chaos test share: a run that is being disturbed.
 *
 *     inject(c, &x, before);        // inject.c: waits for the moment, injects the fault, notes what it hit
 *     settle(c, list, count);       // settle.c: waits for the required consequences, and for the run to go on
 *     judge(c, ...);                // verdict.c: checks all that must hold at the end
 *
 * A failure is noted and the run goes on, resumed if necessary: one bug must not hide others. */
#ifndef RINGTORCH_TESTS_CHAOS_CHAOS_H
#define RINGTORCH_TESTS_CHAOS_CHAOS_H

#include "plan.h"
#include "subject.h"

typedef struct chaos {
    subject run;
    plan plan;
    int64_t least, most; /* workers */
    json_t *failures;    /* texts */
    bool quiet;          /* prints only failures as they happen */
    int begun_again;     /* how often a run that ended or stalled was resumed */
} chaos;

/* A fault as it happened. */
typedef struct injected {
    const fault *fault;
    int number;           /* from 1 */
    moment moment;        /* the one it actually hit */
    size_t since;         /* events before this index are not its consequences */
    size_t metrics_since; /* the same for lines of metrics */
    double at;            /* rt_clock() */
    int64_t step;         /* newest in the metrics */
    int64_t generation;   /* the one it hit */
    int64_t size;         /* scale and resume: workers asked for */
    struct {
        int rank;
        pid_t pid;
    } hit[VICTIMS_MAX];
    int hits;
    bool paired;    /* another fault happened at the same time: one event may stand for both */
    bool cut_short; /* the launcher was killed right after it: no event need report it */
    bool told;      /* its required consequences have happened */
    double outage;  /* seconds until steps were made again; -1: they never stopped */
    char followed[160];
} injected;

/* Notes and prints a failure; x: the fault that caused it, or NULL. */
__attribute__((format(printf, 3, 4))) void chaos_fail(chaos *c, const injected *x, const char *fmt,
                                                      ...);
/* Returns whether going on is pointless: after Ctrl-C, or if the run has been resumed too often. */
bool chaos_over(const chaos *c);

/* Waits for the moment of a fault and injects it. `before`: the previous fault, NULL at the very start. */
void inject(chaos *c, const fault *f, int number, const injected *before, injected *x);

/* Waits until the required consequences of these faults have happened and `gap` more steps are made. If they do not happen in time, that is a
 * failure; a run that stalls is killed and resumed. */
void settle(chaos *c, injected *list, int count, int64_t gap);
/* Starts the command again in the same run directory. */
void resume(chaos *c, int64_t workers);

/* What is known at the end. */
typedef struct outcome {
    const injected *faults;
    int count;
    int exit_code; /* of the last leg */
    int64_t steps;
    char undisturbed[65], weights[65];
    int64_t outlived;        /* processes still alive 5 s after the end */
    records reference;       /* of the undisturbed run */
    int64_t reports_lost;    /* lines of metrics that died with the process that had to send them */
    int64_t lost_steps_most; /* of a recovery that had snapshots */
} outcome;

/* Checks all that must hold, and notes each failure. */
void judge(chaos *c, outcome *o);

#endif
