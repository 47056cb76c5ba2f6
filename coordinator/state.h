/* The run as a state machine: (state, event, now) -> (state, effects). It opens no file or socket
 * and reads no clock, so that the same code runs in the coordinator, in tests and under a simulated
 * clock.
 *
 *     rt__run run;
 *     rt__run_init(&run, &(rt__run_facts){.cfg = &cfg, .run_id = id, .effects = &effects, ...});
 *     rt__run_step(&run, now, &(rt__event){.kind = RT__EVENT_FRAME, .frame = &frame});
 *     while (!run.ended) ...                      // feed it frames, answers and ticks
 *     rt__run_release(&run);
 *
 * Phases:
 *     BOOT     waits for the launcher, and for its list of hosts if there is a host file
 *     RECOVER  the newest checkpoint is being looked for (effect `recover`, then RECOVERED)
 *     GATHER   a generation is starting; waits for the HELLO of each of its ranks, which bring offers of snapshots;
 *              the newest state that is whole, in memory or on disk, becomes the plan's source
 *     RUN      all ranks have the plan and step by themselves
 *     DRAIN    the last step of the generation is ordered or reached; waits for FINISHED, commits, the job's end
 *     REGROUP  the job is lost or given up; waits for its end, and for a back-off to pass, then RECOVER, or FAILED
 *     DONE     finished, or stopped by the user
 *     FAILED   the reason is known; waits for the end of the job if one is running
 *
 * A coordinator that died is started again with the history its journal gives. If the launcher says that the job of the last
 * generation is alive, it gathers that one: workers say HELLO again in the middle of their work, and the plan they have is sent
 * again to those who have none.
 *
 * Files: state.c events, generations.c from one generation to the next, missing.c ranks that do not come, faults.c what goes wrong, control.c the operator's
 * wishes; inside.h is what they share.
 *
 * Time is in seconds since the user typed the command. Effects are called from inside rt__run_step,
 * in order, and must not call back; what they find out comes as a later event. */
#ifndef RINGTORCH_COORDINATOR_STATE_H
#define RINGTORCH_COORDINATOR_STATE_H

#include "common/config.h"
#include "common/json.h"
#include "common/restarts.h"
#include "common/wire.h"
#include "coordinator/checkpoints.h"
#include "coordinator/history.h"
#include "coordinator/hosts.h"
#include "coordinator/members.h"
#include "coordinator/plan.h"
#include "coordinator/sums.h"

enum {
    RT__GATHER_SECONDS = 120, /* how long all ranks of a generation have to say HELLO */
    RT__JOIN_SECONDS = 30,    /* how long the others have after one has */
    RT__LATE_SECONDS = 4,     /* after which those who have not are named */
    RT__BLAME_SECONDS = 1,    /* how long a rank to blame may be heard after others that are not */
    RT__LEAVE_SECONDS = 10,   /* how long they have to leave after the last STOP */
    RT__VERIFY_SECONDS = 1,   /* verifying a checkpoint that takes longer is worth a word */
    RT__STOP_SECONDS =
        15, /* how long a run that is to stop tries to get to the step that it would save */
    RT__EXIT_SECONDS =
        1, /* how long a launcher has to tell of a job that ended while no coordinator was there */
    RT__BACKOFF_MOST = 30, /* longest pause before a further generation */
    RT__EVENTS_KEPT = 50,  /* for `ringtorch status` */
    RT__ASKERS = 16,       /* tools that wait for an answer at a time */
};

typedef enum rt__phase {
    RT__BOOT,
    RT__RECOVER,
    RT__GATHER,
    RT__RUN,
    RT__DRAIN,
    RT__REGROUP,
    RT__DONE,
    RT__FAILED,
} rt__phase;

/* Where a JSON object is to be written. */
typedef enum rt__line { RT__LINE_EVENT, RT__LINE_METRICS, RT__LINE_SUMMARY } rt__line;

typedef struct rt__effects {
    void *ctx;
    /* Sends a message; it may get lost, as on any network. */
    void (*send)(void *ctx, const char *peer, rt_msg_type type, const void *body);
    /* From now on frames carry this generation; peers of the one before will not come back. */
    void (*generation)(void *ctx, int64_t generation);
    /* Writes a line of events.jsonl or metrics.jsonl, or summary.json; object is borrowed. */
    void (*line)(void *ctx, rt__line where, const json_t *object);
    /* Moves the rows of metrics.jsonl that are of steps after this one out of it: the run goes on from here. */
    void (*rewind)(void *ctx, int64_t step);
    /* Appends a decision to the journal; it is durable on return. */
    rt_status (*journal)(void *ctx, const json_t *record);
    /* Looks for the newest checkpoint to start from, of a step up to `most`; answered by RECOVERED. again: a
     * generation has run. */
    void (*recover)(void *ctx, bool again, int64_t most);
    /* Makes a complete checkpoint permanent; answered by COMMITTED. */
    void (*commit)(void *ctx, const rt__checkpoint *c);
    /* Removes what was written of a checkpoint. */
    void (*discard)(void *ctx, int64_t step);
} rt__effects;

typedef enum rt__event_kind {
    RT__EVENT_FRAME,      /* frame */
    RT__EVENT_RECOVERED,  /* status, text if it failed, source (taken over) */
    RT__EVENT_COMMITTED,  /* step; status and text if it failed; text: the checkpoint's path if not
                           */
    RT__EVENT_UNVERIFIED, /* text: a checkpoint that cannot be used, and why */
    RT__EVENT_VERIFYING,  /* text: the checkpoint that is being read; bytes of it are, of total */
    RT__EVENT_TICK, /* time has passed; at least every RT__TICK_MOST seconds, or the coordinator was not awake */
} rt__event_kind;

typedef struct rt__event {
    rt__event_kind kind;
    const rt_frame *frame;
    rt_status status;
    int64_t step;
    const char *text;
    int64_t bytes, total;
    rt__source *source;
} rt__event;

/* Why a generation ends: the weightiest reason heard until its job is gone. */
typedef struct rt__cause {
    int weight; /* 0: none */
    int64_t rank, exit_code, signal;
    double at; /* when the first sign came */
    char host[256];
    bool host_lost; /* not the worker, but the host it was on */
    char text[2304];
} rt__cause;

/* When the parts of a recovery were over. */
typedef struct rt__recovery {
    bool on;
    double sign;     /* the first sign of the loss */
    double decided;  /* its generation was given up */
    double exited;   /* no process of it was left */
    double gathered; /* all ranks of the next one had joined */
    int64_t lost_steps, rank;
    char host[256], cause[512];
} rt__recovery;

typedef struct rt__run_facts {
    const rt_config *cfg;    /* borrowed; slices resolved before RECOVERED */
    const char *config_hash; /* borrowed; of the resolved config */
    const char *run_id;      /* borrowed */
    const char *dir;         /* borrowed; the run directory as the user wrote it */
    const rt__effects *effects;
    double started;      /* wall-clock time of now == 0; set before each event, as clocks are set */
    rt__history history; /* taken over by rt__run_init */
    bool again;          /* a coordinator before us has died; its launcher has not */
    int64_t metrics_step; /* newest step in metrics.jsonl; -1: none */
} rt__run_facts;

typedef struct rt__run {
    rt__run_facts facts;
    rt__history history;
    rt__phase phase;
    bool ended; /* nothing is left to do: leave the loop */

    char launcher[64];     /* its address; "" until it has called */
    int64_t launchers_job; /* the generation it says is alive; 0: none */
    bool hosts_known;
    rt__hosts hosts;
    int64_t generation;
    int64_t generations_here; /* started by this coordinator */
    bool job_alive;
    bool
        rejoining; /* the generation was running before this coordinator was; its checkpoints are being looked for */
    bool job_unknown; /* the journal has a generation that the launcher does not speak of */
    bool missing_told;
    int64_t ranks_started,
        ranks_expected; /* on the launcher's host, as it says; expected 0: it has not said */
    double phase_since, joined_at, ticked_at, awake_since;
    struct {
        char *what; /* owned; NULL: no checkpoint is being read */
        int64_t bytes, total;
        double since;
        bool told;
    } verifying;         /* while RECOVERED is awaited */
    rt__source fallback; /* newest checkpoint, or nothing */
    rt__source source;   /* of this generation */
    rt__roster roster;
    rt__offers offers;
    rt__checkpoints checkpoints;
    rt__sums sums;
    rt_msg_checksum
        mismatch; /* found while a generation is taken over, to be acted on once it is; step -1: none */
    rt__verdict verdict;
    json_t *layout; /* rank 0's, for manifests */
    int64_t end_step, newest_step;
    double stepped_at;      /* when newest_step last grew */
    int64_t committed_step; /* newest checkpoint that can be resumed from; -1: none */
    int64_t unsaved_step;   /* newest of this generation whose checkpoint failed; -1: none did */
    bool forgotten; /* snapshots of earlier generations are no longer needed, and it was said */

    rt__cause cause;
    rt__recovery recovery;
    rt_restarts restarts; /* of generations that failed */
    double not_before;
    bool regrouping; /* the generation drains only to make room for the next one */
    char regroup_why[128];
    struct {
        bool pending; /* ranks have said so, and not yet the one whose slice it was */
        double since;
        int64_t step;
    } not_finite; /* a step of this generation, which ends for it */
    int64_t unreadable_step,
        unreadable_in; /* a checkpoint that could not be read after all, and the generation */
    rt__trace died;    /* generation and rank that crashed last, before its trace is known */
    /* The last generation lost a worker by this signal before its HELLO; so did `count` in a row, on the same host. */
    struct {
        int64_t signal;
        char host[256];
        int count;
    } stillborn;
    rt__trace crash; /* where a rank of the last generations crashed */
    int crashes;     /* at the same slice, in a row */

    bool interrupted;
    double interrupted_at; /* < 0: not known yet, by a coordinator that has taken over */
    int64_t interrupts;
    bool stop_sent;
    int64_t interrupt_signal;
    int exit_code;
    bool failed;
    char failure[2048]; /* why */
    rt_next next;       /* what to go on with */

    struct {
        char peer[64];
        int64_t since_step; /* a checkpoint of this step or a later one is meant */
    } asker[RT__ASKERS];    /* tools that wait for a checkpoint; "" : free */
    json_t *events;         /* the last RT__EVENTS_KEPT */

    double generation_seconds; /* spent in steps */
    int64_t generation_steps;
    int64_t reported_step;           /* of the last row in metrics.jsonl; -1: none */
    double loss, samples_per_second; /* NaN: none yet */
    char weights_sha256[65];
} rt__run;

enum { RT__TICK_MOST = 1 };

/* Takes over facts->history. */
void rt__run_init(rt__run *r, const rt__run_facts *facts);
void rt__run_release(rt__run *r);
/* Takes one event. Never fails: what goes wrong becomes part of the state. */
void rt__run_step(rt__run *r, double now, const rt__event *e);
/* Returns true if the run ended because its input was wrong, before it had made a step: all should
 * be as if it had never been started. */
bool rt__run_refused(const rt__run *r);
/* Returns "GATHER". */
const char *rt__run_phase_name(rt__phase p);

#endif
