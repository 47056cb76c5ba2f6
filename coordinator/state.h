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
 *     BOOT     waits for the launcher
 *     RECOVER  the state to start from is being looked for (effect `recover`, then RECOVERED)
 *     GATHER   a generation is starting; waits for the HELLO of each of its ranks
 *     RUN      all ranks have the plan and step by themselves
 *     DRAIN    the last step is ordered or reached; waits for FINISHED, commits, the job's end
 *     REGROUP  a worker was lost; waits for the end of the job, then RECOVER, or FAILED
 *     DONE     finished, or stopped by the user
 *     FAILED   the reason is known; waits for the end of the job if one is running
 *
 * Time is in seconds since the user typed the command. Effects are called from inside rt__run_step,
 * in order, and must not call back; what they find out comes as a later event. */
#ifndef RINGTORCH_COORDINATOR_STATE_H
#define RINGTORCH_COORDINATOR_STATE_H

#include "common/config.h"
#include "common/json.h"
#include "common/wire.h"
#include "coordinator/checkpoints.h"
#include "coordinator/members.h"
#include "coordinator/plan.h"

enum {
    RT__GATHER_SECONDS = 120, /* how long all ranks of a generation have to say HELLO */
    RT__LEAVE_SECONDS = 10,   /* how long they have to leave after the last STOP */
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
    /* From now on frames carry this generation. */
    void (*generation)(void *ctx, int64_t generation);
    /* Writes a line of events.jsonl or metrics.jsonl, or summary.json; object is borrowed. */
    void (*line)(void *ctx, rt__line where, const json_t *object);
    /* Appends a decision to the journal; it is durable on return. */
    rt_status (*journal)(void *ctx, const json_t *record);
    /* Looks for the state to start from; answered by RECOVERED. again: a generation has failed. */
    void (*recover)(void *ctx, bool again);
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
    RT__EVENT_TICK,       /* time has passed */
} rt__event_kind;

typedef struct rt__event {
    rt__event_kind kind;
    const rt_frame *frame;
    rt_status status;
    int64_t step;
    const char *text;
    rt__source *source;
} rt__event;

/* What earlier generations of this run directory add up to; kept in the journal. */
typedef struct rt__tally {
    int64_t generation, restarts, lost_steps;
    json_t *world_sizes;      /* [generation] */
    json_t *recovery_seconds; /* one per recovery */
} rt__tally;
rt_status rt__tally_init(rt__tally *t);
void rt__tally_release(rt__tally *t);

/* Why a generation ends: the weightiest reason heard until its job is gone. */
typedef struct rt__cause {
    int weight; /* 0: none */
    int64_t rank, exit_code, signal;
    double at; /* when the first sign came */
    char text[2304];
} rt__cause;

typedef struct rt__run_facts {
    const rt_config *cfg;    /* borrowed; slices resolved before RECOVERED */
    const char *config_hash; /* borrowed; of the resolved config */
    const char *run_id;      /* borrowed */
    const char *dir;         /* borrowed; the run directory as the user wrote it */
    const rt__effects *effects;
    double started;  /* wall-clock time of now == 0 */
    rt__tally tally; /* taken over by rt__run_init */
} rt__run_facts;

typedef struct rt__run {
    rt__run_facts facts;
    rt__tally tally;
    rt__phase phase;
    bool ended; /* nothing is left to do: leave the loop */

    char launcher[64]; /* its address; "" until it has called */
    int64_t generation;
    int64_t generations_here; /* started by this coordinator */
    bool job_alive;
    double phase_since;
    rt__source source; /* of this generation */
    rt__roster roster;
    rt__checkpoints checkpoints;
    json_t *layout; /* rank 0's, for manifests */
    int64_t end_step, newest_step;
    int64_t committed_step; /* newest checkpoint that can be resumed from; -1: none */

    rt__cause cause;
    double recovering_since; /* < 0: not recovering */
    int64_t restarts_here;
    bool interrupted;
    int64_t interrupt_signal;
    int exit_code;
    bool failed;
    char failure[2048]; /* why */

    double first_step_at; /* < 0: none yet */
    double trained_seconds, generation_seconds;
    int64_t trained_steps, generation_steps;
    double loss, eval_loss, eval_accuracy; /* NaN: none yet */
    char weights_sha256[65];
} rt__run;

/* Takes over facts->tally. */
void rt__run_init(rt__run *r, const rt__run_facts *facts);
void rt__run_release(rt__run *r);
/* Takes one event. Never fails: what goes wrong becomes part of the state. */
void rt__run_step(rt__run *r, double now, const rt__event *e);
/* Returns true if the run ended because its input was wrong, before it had made a step: all should
 * be as if it had never been started. */
bool rt__run_refused(const rt__run *r);
/* Returns "GATHER". */
const char *rt__phase_name(rt__phase p);

#endif
