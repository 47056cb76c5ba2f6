/* The state of a run: the struct that the files of the machine share, and questions about it. Those files change it; machine.h is the
 * interface for everybody else.
 *
 * Each bool in it is either a fact or independent of the phase; the latter are marked "orthogonal". */
#ifndef RINGTORCH_COORDINATOR_MACHINE_STATE_H
#define RINGTORCH_COORDINATOR_MACHINE_STATE_H

#include "common/base/json.h"
#include "common/base/restarts.h"
#include "common/config/config.h"
#include "common/control/wire.h"
#include "coordinator/books/history.h"
#include "coordinator/books/metrics.h"
#include "coordinator/machine/checkpoints.h"
#include "coordinator/machine/hosts.h"
#include "coordinator/machine/members.h"
#include "coordinator/machine/offers.h"
#include "coordinator/machine/plan.h"
#include "coordinator/machine/sums.h"

enum {
    RT__GATHER_SECONDS = 120, /* all ranks of a generation must send HELLO within this time */
    RT__JOIN_SECONDS = 30,    /* and within this time after the last rank that did */
    RT__LATE_SECONDS = 4,     /* after this time, missing ranks are named */
    /* how long a rank that compiles kernels or opens its data set is not counted as missing */
    RT__PREPARE_SECONDS = 900,
    RT__BLAME_SECONDS = 1,  /* how long to wait for the rank that can explain a failed step */
    RT__LEAVE_SECONDS = 10, /* how long workers may take to leave after the last STOP */
    RT__VERIFY_SECONDS = 1, /* verifying a checkpoint is reported if it takes longer */
    RT__STOP_SECONDS = 15,  /* how long a run that stops tries to reach a step it can save */
    RT__EXIT_SECONDS = 1,   /* how long a launcher may take to tell a new coordinator of a job */
    RT__BACKOFF_MOST = 30,  /* longest pause before another generation */
    RT__EVENTS_KEPT = 50,   /* for `ringtorch status` */
    RT__UNWRITTEN = 10000,  /* findings that wait for room on the disk; later ones die with us */
    RT__ASKERS = 16,        /* tools that may wait for an answer at the same time */
};

typedef enum rt__phase {
#define PHASE(name, shown, jobs, text) RT__##name,
#include "coordinator/machine/phases.def"
#undef PHASE
    RT__PHASES
} rt__phase;

/* Sets of phases: RT__IN(GATHER) | RT__IN(REJOIN). */
#define RT__IN(phase) (UINT32_C(1) << RT__##phase)
enum {
    /* Ranks have a plan, and their job has not ended. */
    RT__STEPPING = RT__IN(RUN) | RT__IN(RESHAPE) | RT__IN(DRAIN) | RT__IN(LEAVE) | RT__IN(QUIT),
    /* The generation's last step has been ordered or made. */
    RT__DRAINING = RT__IN(RESHAPE) | RT__IN(DRAIN) | RT__IN(LEAVE) | RT__IN(QUIT) | RT__IN(SETTLE),
    /* Ranks are joining. */
    RT__JOINING = RT__IN(REJOIN) | RT__IN(GATHER),
};

/* The processes of the last generation. The phase tells whether they are starting or ending. */
typedef enum rt__job_state {
    RT__JOB_NONE, /* the launcher has reported that no process is left, or none was ever started */
    RT__JOB_UNKNOWN, /* the journal has the generation, but the launcher has not mentioned it: either it never received
                        START_GENERATION, or its EXITED is on the way */
    RT__JOB_ALIVE, /* START_GENERATION was sent, or the launcher has mentioned the job; EXITED will arrive */
} rt__job_state;

/* Has somebody asked the run to stop? */
typedef enum rt__stop {
    RT__STOP_NONE,
    RT__STOP_INHERITED, /* according to the journal; if the launcher repeats the signal, it does not count as a second one */
    RT__STOP_ASKED,     /* after the step in flight, with a checkpoint */
    RT__STOP_AT_ONCE, /* after a second signal, or because stopping took too long: without trying for a checkpoint */
} rt__stop;

/* Where a JSON object is written. */
typedef enum rt__line { RT__LINE_EVENT, RT__LINE_METRICS, RT__LINE_SUMMARY } rt__line;

/* The inputs that frames, answers and ticks are turned into: the rows of protocol.def. */
typedef enum rt__input_kind {
#define MESSAGE(name, sender, text) RT__INPUT_##name,
#define INPUT(name, from, text)     RT__INPUT_##name,
#include "coordinator/machine/protocol.def"
    RT__INPUTS
} rt__input_kind;

typedef struct rt__effects {
    void *ctx;
    /* Sends a message, which may get lost, as on any network. */
    void (*send)(void *ctx, const char *peer, rt_msg_type type, const void *body);
    /* From now on frames carry this generation; peers of the previous one will not come back. */
    void (*generation)(void *ctx, int64_t generation);
    /* Writes a line of events.jsonl or metrics.jsonl, or summary.json; object is borrowed. The run goes on if that fails. */
    rt_status (*line)(void *ctx, rt__line where, const json_t *object);
    /* Moves the rows of later steps out of metrics.jsonl, because the run goes on from this step. */
    void (*rewind)(void *ctx, int64_t step);
    /* Moves rows back that `rewind` has moved, because the run goes on from a later state after all. Writes the step of the last row; if that
     * fails, *newest stays. */
    void (*bring_back)(void *ctx, const rt__rows_wanted *want, int64_t *newest);
    /* Appends a decision to the journal; it is durable on return. */
    rt_status (*journal)(void *ctx, const json_t *record);
    /* Looks for the newest checkpoint up to step `most` to start from; answered by RECOVERED with the same `lookup`. `again`: a generation of
     * this run has been started before. */
    void (*recover)(void *ctx, bool again, int64_t most, int64_t lookup);
    /* Makes a complete checkpoint permanent; answered by COMMITTED. */
    void (*commit)(void *ctx, const rt__checkpoint *c);
    /* Removes the files of a checkpoint that was not committed. */
    void (*discard)(void *ctx, int64_t step);
    /* Tells tests that an input, handled in phase `from`, makes the run enter a phase. May be NULL. */
    void (*entered)(void *ctx, rt__input_kind input, rt__phase from, rt__phase to);
} rt__effects;

typedef enum rt__event_kind {
    RT__EVENT_FRAME,      /* frame */
    RT__EVENT_RECOVERED,  /* lookup, status, text (why it failed), source (taken over) */
    RT__EVENT_COMMITTED,  /* step, status, text (the checkpoint's path, or why it failed) */
    RT__EVENT_UNVERIFIED, /* text: a checkpoint that cannot be used, and why */
    RT__EVENT_VERIFYING,  /* text: the checkpoint that is being read; bytes of total have been */
    RT__EVENT_TICK, /* time has passed; a gap of more than RT__TICK_MOST seconds means that the coordinator was not running */
} rt__event_kind;

typedef struct rt__event {
    rt__event_kind kind;
    const rt_frame *frame;
    rt_status status;
    int64_t step;
    const char *text;
    int64_t bytes, total;
    int64_t lookup;
    rt__source *source;
} rt__event;

/* Why a generation ends: the weightiest reason reported before its job has ended. */
typedef struct rt__cause {
    int weight; /* 0: no reason yet */
    int64_t rank, exit_code, signal;
    double at; /* time of the first sign */
    char host[256];
    bool host_lost; /* the host failed, not only the worker */
    char text[2304];
} rt__cause;

/* The times at which the parts of a recovery ended. */
typedef struct rt__recovery {
    /* Orthogonal: the run has not recovered from a loss yet. Stays true over generations until one of them makes a step. */
    bool on;
    double sign;     /* first sign of the loss */
    double decided;  /* the generation was abandoned */
    double exited;   /* its last process had ended */
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
    double started;        /* wall-clock time of now == 0; updated before each event */
    rt__history history;   /* taken over by rt__run_init */
    bool takes_over;       /* we replace a coordinator that died under the same launcher */
    int64_t metrics_step;  /* newest step in metrics.jsonl; -1: none */
    int64_t metrics_moved; /* lines of it that did not belong to one history */
} rt__run_facts;

typedef struct rt__run {
    rt__run_facts facts;
    rt__history history;
    rt__phase phase;
    uint8_t rule[RT__INPUTS][RT__PHASES]; /* row of protocol.def */
    struct {
        rt__input_kind input;
        rt__phase from;
        uint32_t next; /* phases that may be entered; 0: between two inputs */
    } handling;        /* the current input */
    /* the first violation of protocol.def, phases.def or journal.def; "": none */
    char violation[400];
    rt__job_state job;
    rt__stop stop;
    bool stop_for_worker; /* one that must leave and cannot be replaced; nobody has asked */

    char launcher[64];     /* its address; "" until it has sent LAUNCHER */
    char starts_once[64];  /* what has started the workers, if it starts no others; else "" */
    int64_t launchers_job; /* the generation whose job it reports as alive; 0: none */
    bool hosts_listed;     /* the launcher has said that it sends a list of hosts */
    bool hosts_known;      /* orthogonal: the launcher has sent HOSTS, if there is a host file */
    rt__hosts hosts;
    int64_t generation;
    int64_t generations_here; /* generations that this coordinator started */
    /* Orthogonal: this generation was adopted and RECOVERED has not arrived yet, so there may be newer checkpoints on disk than
     * the journal knows of. True from ADOPT to the end of REJOIN, and longer if REJOIN ends without RECOVERED. */
    bool disk_unseen;
    int64_t missing_reported_in; /* the last generation whose missing ranks were named */
    double missing_after;        /* seconds of waiting after which they are named again */
    int64_t ranks_started,
        ranks_expected; /* on the launcher's host, as it reports; expected 0: not reported yet */
    double phase_since, joined_at, ticked_at, awake_since;
    struct {
        char *what; /* owned; NULL: no checkpoint is being read */
        int64_t bytes, total;
        double since;
        bool reported; /* orthogonal: an event about it was written */
    } verifying;       /* while we wait for RECOVERED */
    /* The last effect recover. Answers to lookups before `good_from` are outdated: later lookups have another `most`, or follow a commit. */
    struct {
        int64_t number, good_from, most;
        bool outdated; /* orthogonal: a commit was begun since the last lookup */
    } lookup;
    rt__source fallback; /* the newest checkpoint, or fresh weights */
    rt__source source;   /* of this generation */
    rt__roster roster;
    rt__offers offers;
    rt__checkpoints checkpoints;
    rt__sums sums;
    /* found while a generation is being adopted, and acted on when it steps; step -1: none */
    rt_msg_checksum mismatch;
    rt__verdict verdict;
    json_t *layout;        /* from rank 0, for manifests */
    json_t *preprocessing; /* likewise; NULL: none */
    int64_t end_step, newest_step;
    double stepped_at;      /* when newest_step last grew */
    int64_t committed_step; /* newest checkpoint that the run can resume from; -1: none */
    int64_t unsaved_step;   /* newest step of this generation whose checkpoint failed; -1: none */
    int64_t forget_sent_in; /* the last generation that was told to forget older snapshots */

    rt__cause cause;
    rt__recovery recovery;
    rt_restarts restarts;  /* after generations that failed */
    double not_before;     /* no generation is started earlier */
    char reshape_why[128]; /* why another set of workers is wanted; "": it is not */
    struct {
        bool pending; /* orthogonal: reported by ranks, but not yet by the one that knows why */
        double since;
        int64_t step;
    } not_finite; /* a step of this generation whose loss or gradient is not finite */
    struct {
        bool snapshot; /* else a checkpoint that had been verified */
        int64_t step, generation;
    } unreadable; /* a source that was there when it was chosen, and the generation that could not read it; step -1: none */
    rt_msg_trace died; /* generation and rank of the last crash, until its trace is known */
    /* The last generation lost a worker to this signal before its HELLO; so did `count` in a row, on the same host. */
    struct {
        int64_t signal;
        char host[256];
        int count;
    } start_crash;
    rt_msg_trace crash; /* where a rank of the last generations crashed */
    int crashes;        /* how many in a row crashed at that slice, or in the update of that step */

    double stop_since;   /* < 0: not known yet, in a coordinator that has taken over */
    int64_t stop_signal; /* the signal that asked for it */
    int exit_code;
    bool lost_input; /* orthogonal: it failed because of wrong input, after it had made steps */
    /* likewise: because the journal or another file could not be written to a full disk */
    bool no_room;
    char failure[2048]; /* why the run fails */
    rt_next next;       /* what the user can do next */

    struct {
        char peer[64];
        int64_t since_step; /* waits for a checkpoint of this step or a later one */
    } asker[RT__ASKERS];    /* tools that wait for a checkpoint; "" : free */
    json_t *events;         /* the last RT__EVENTS_KEPT */
    json_t *unwritten;      /* findings that could not be journaled yet */
    struct {
        int64_t events,
            rows;         /* that could not be written, since the last time that everything could */
        char reason[512]; /* why the first one could not; "" : everything could */
        bool shown;       /* the user knows */
        bool work_again;  /* the last write has succeeded */
    } lost;

    double generation_seconds; /* spent in steps */
    int64_t generation_steps;
    int64_t reported_step;           /* of the last row in metrics.jsonl; -1: none */
    double loss, samples_per_second; /* NaN: none yet */
    char weights_sha256[65];
} rt__run;

/* An input for a handler. */
typedef struct rt__input {
    rt__input_kind kind;
    const rt_frame *frame;  /* of a message, else NULL */
    const rt__event *event; /* of an answer, else NULL */
    int64_t rank;           /* of the worker that sent it, else -1 */
} rt__input;

/* Handles an input in a phase; see protocol.def. */
typedef void rt__handler(rt__run *r, double now, const rt__input *in);

/* Returns "REJOIN", for logs. */
const char *rt__run_phase_name(rt__phase p);
/* Returns "GATHER", the name that tools show; several phases share one. */
const char *rt__run_phase_shown(rt__phase p);

/* Is the run in one of these phases? */
static inline bool rt__run_in(const rt__run *r, uint32_t phases)
{
    return phases >> r->phase & 1;
}
/* Is nothing left to do? Then the loop ends. */
static inline bool rt__run_ended(const rt__run *r)
{
    return rt__run_in(r, RT__IN(DONE) | RT__IN(FAILED));
}
static inline bool rt__run_failed(const rt__run *r)
{
    return rt__run_in(r, RT__IN(FAILING) | RT__IN(FAILED));
}
/* May processes of the generation exist? */
static inline bool rt__run_has_job(const rt__run *r)
{
    return r->job != RT__JOB_NONE;
}

/* Returns the host of a rank: as its HELLO says or, before that, as it was allotted. Returns "" if it is unknown. */
const char *rt__run_host_of(const rt__run *r, int64_t rank);
/* Returns whether the workers' places are listed, by a host file or an allocation. */
bool rt__run_has_hosts(const rt__run *r);
/* Returns how many workers the next generation should have. */
int64_t rt__run_wanted_workers(const rt__run *r);
bool rt__run_all_finished(const rt__run *r);
/* Is the newest step on disk? */
bool rt__run_is_saved(const rt__run *r);
/* Have all planned steps been made without the state after the last one being on disk, where it should be? */
bool rt__run_is_unsaved(const rt__run *r);
/* Is the newest step in snapshots? */
bool rt__run_is_in_memory(const rt__run *r);
/* Could a state beyond step 0 exist, in memory or on disk? */
bool rt__run_may_have_state(const rt__run *r);
/* Has this launch of the run changed nothing yet? Then everything an earlier launch left must stay as it is. */
bool rt__run_is_untouched(const rt__run *r);
/* Returns true if the run failed because of wrong input before it had made a step: all should be as if it had never been started. */
bool rt__run_refused(const rt__run *r);
/* Is no further generation needed once this one has finished? */
bool rt__run_is_complete(const rt__run *r);
/* Will no other generation be started, so that requests from tools come too late? */
bool rt__run_is_ending(const rt__run *r);
/* Does the journal say that this generation completed its work? */
static inline bool rt__run_completion_recorded(const rt__run *r)
{
    return r->history.completion.generation == r->generation && r->generation > 0;
}

#endif
