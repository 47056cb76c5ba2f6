/* The coordinator's process. We start it, and restart it when it dies or hangs, at the same address and with the same
 * keys, so that workers and launcher find it again.
 *
 *     rt__coordinator c;
 *     RT_TRY(rt__coordinator_init(&c, &(rt__coordinator_spec){.program = p, .run_dir = d, ...}));
 *     RT_TRY(rt__coordinator_start(&c));
 *     ... in each turn of the loop:
 *     if (rt__coordinator_listens(&c)) connect(c.endpoint, c.run_id);   // true once for each start
 *     rt__coordinator_check(&c, rt_wire_unconfirmed_seconds(w));        // kills one that hangs
 *     RT_TRY(rt__coordinator_tend(&c));                                 // restarts it when its pause is over
 *     ... waitpid says that c.pid has ended:
 *     if (!rt__coordinator_died(&c, wait_status)) give_up(c.cause);
 *     rt__coordinator_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_RUN_COORDINATOR_PROCESS_H
#define RINGTORCH_LAUNCH_RUN_COORDINATOR_PROCESS_H

#include "common/base/restarts.h"
#include "common/control/wire.h"
#include <stdbool.h>
#include <sys/types.h>

enum { RT__KEYS_TEXT = 4 * RT_WIRE_KEY };

typedef struct rt__coordinator_spec {
    const char *program, *run_dir, *resume; /* borrowed */
    const char *bind;                       /* borrowed; where to listen if control.bind is auto */
    double started;                         /* rt_clock() when the user typed the command */
    int64_t max_restarts;                   /* run.max_restarts */
    int lock_fd;                            /* of the run directory; the coordinator inherits it */
} rt__coordinator_spec;

typedef struct rt__coordinator {
    rt__coordinator_spec spec;
    char keys[RT__KEYS_TEXT], keys_with_secret[RT__KEYS_TEXT]; /* as RINGTORCH_KEYS has them */
    char endpoint[256], run_id[64];                            /* "": it has never listened */
    pid_t pid;                                                 /* 0: none */
    bool explained; /* it has told the user why it does not come to listen */
    bool ready;     /* it listens */
    int out;        /* its standard output until it listens; -1: none */
    char line[320]; /* what it has printed there */
    size_t used;
    /* The file it has reported to be reading since we last looked, as "metrics.jsonl: 40 %"; "": none. */
    char reading[64];
    double started_at, ready_at, answered_at; /* answered_at: when it was last known to respond */
    double checked_at, awake_at;              /* our last check; since when we have checked often */
    double gone_at, start_again_at;           /* of the last death */
    rt_restarts restarts;                     /* report steps to it: rt_restarts_step */
    int refusals;    /* deaths in a row in which it exited with an error before it listened */
    int hangs;       /* in a row */
    bool hung;       /* we killed it because it hung */
    char cause[128]; /* of the last death: "was killed by signal 9" */
    /* It exited with an error before it listened, and has told the user why. */
    bool refused_itself;
    /* The files of the run are at fault for that: any other coordinator would refuse them, too. */
    bool refused_files;
} rt__coordinator;

/* Generates the run's keys. */
rt_status rt__coordinator_init(rt__coordinator *c, const rt__coordinator_spec *spec);
/* Starts the process. The environment of a restarted one names the address and the run of its predecessor. */
rt_status rt__coordinator_start(rt__coordinator *c);
/* Reads what it has printed, without waiting. Returns true once, when it reports that it listens. A report that it is
 * reading a long file counts as a sign of life. */
bool rt__coordinator_listens(rt__coordinator *c);
/* Kills it if it hangs. unconfirmed: for how many seconds the oldest message to it has been unconfirmed. One that hangs
 * repeatedly gets more time: it may have much to read. */
void rt__coordinator_check(rt__coordinator *c, double unconfirmed);
/* Records its death and schedules the restart. Returns false if another try is pointless. */
bool rt__coordinator_died(rt__coordinator *c, int wait_status);
/* Restarts it if its pause is over. */
rt_status rt__coordinator_tend(rt__coordinator *c);
/* Kills it, even if it is stopped. */
void rt__coordinator_kill(const rt__coordinator *c);
void rt__coordinator_release(rt__coordinator *c);

#endif
