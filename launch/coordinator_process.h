/* The coordinator as a process: started, and started again when it has died or hangs, at the same
 * address and with the same keys, so that workers and launcher find it again.
 *
 *     rt__coordinator c;
 *     RT_TRY(rt__coordinator_init(&c, &(rt__coordinator_spec){.program = p, .run_dir = d, ...}));
 *     RT_TRY(rt__coordinator_start(&c));
 *     ... in each turn of the loop:
 *     if (rt__coordinator_listens(&c)) connect(c.endpoint, c.run_id);   // true once for each start
 *     rt__coordinator_check(&c, rt_wire_unconfirmed_seconds(w));        // kills one that hangs
 *     RT_TRY(rt__coordinator_tend(&c));                                 // starts it again in time
 *     ... waitpid says that c.pid has ended:
 *     if (!rt__coordinator_died(&c, wait_status)) give_up(c.cause);
 *     rt__coordinator_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_COORDINATOR_PROCESS_H
#define RINGTORCH_LAUNCH_COORDINATOR_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>
#include "common/restarts.h"
#include "common/wire.h"

enum { RT__KEYS_TEXT = 4 * RT_WIRE_KEY };

typedef struct rt__coordinator_spec {
    const char *program, *run_dir, *resume; /* borrowed */
    double started;                         /* rt_clock() when the user typed the command */
    int64_t max_restarts;                   /* run.max_restarts */
    int lock_fd;                            /* of the run directory, handed on */
} rt__coordinator_spec;

typedef struct rt__coordinator {
    rt__coordinator_spec spec;
    char keys[RT__KEYS_TEXT], keys_with_secret[RT__KEYS_TEXT]; /* as RINGTORCH_KEYS has them */
    char endpoint[256], run_id[64];                            /* "": it has never listened */
    pid_t pid;                                                 /* 0: none */
    bool ready;                                                /* it listens */
    int out;        /* its standard output until then; -1: none */
    char line[320]; /* what has come from it */
    size_t used;
    char reading
        [64]; /* what it has said to be reading since we last looked, as "metrics.jsonl: 40 %"; "": nothing */
    double started_at, ready_at, answered_at; /* answered_at: when it was last known to be well */
    double checked_at, awake_at;              /* when we looked last; since when we look often */
    double gone_at, start_again_at;           /* of the last death */
    rt_restarts restarts;                     /* tell it of steps: rt_restarts_step */
    int refusals;     /* deaths in a row in which it ended by itself before it listened */
    int hangs;        /* in a row */
    bool hung;        /* we killed it for that */
    char cause[128];  /* of the last death: "was killed by signal 9" */
    bool last_answer; /* it refused: it has told the user why itself */
} rt__coordinator;

/* Makes the keys of the run. */
rt_status rt__coordinator_init(rt__coordinator *c, const rt__coordinator_spec *spec);
/* Starts the process; the environment tells a later one that it has a predecessor. */
rt_status rt__coordinator_start(rt__coordinator *c);
/* Reads what it has said; true, once, when it says that it listens. Returns at once. That it reads a long file, which it
 * says too, is a sign of life. */
bool rt__coordinator_listens(rt__coordinator *c);
/* Kills it if it hangs. unconfirmed: seconds for which the oldest message to it has been
 * unconfirmed. One that hangs again and again gets more time: it may have much to read. */
void rt__coordinator_check(rt__coordinator *c, double unconfirmed);
/* Notes its death and when to start the next one; false if there is no point in trying again. */
bool rt__coordinator_died(rt__coordinator *c, int wait_status);
/* Starts the next one if it is time to. */
rt_status rt__coordinator_tend(rt__coordinator *c);
/* Kills it, stopped or not. */
void rt__coordinator_kill(const rt__coordinator *c);
void rt__coordinator_release(rt__coordinator *c);

#endif
