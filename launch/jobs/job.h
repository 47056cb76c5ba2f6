/* A job is the ranks of one generation. A back end starts and watches them: mpirun, or whatever starts workers on this
 * site. launch/run knows only this header. A back end is one file, backend_<name>.c, and one row in backends.def.
 *
 *     rt__jobs jobs;                                   // once in a run
 *     RT_TRY(rt__jobs_open(getenv("RINGTORCH_JOBS"), &jobs));
 *     rt__job job;                                     // for each generation
 *     RT_TRY(rt__job_start(&job, &jobs, &(rt__job_spec){.run_dir = d, .world = 4, .generation = 1, ...}));
 *     ... poll rt__job_fd(&job), at most rt__job_patience(&job) seconds; in each turn of the loop:
 *     rt__job_watch(&job);
 *     ... waitpid says that `pid` has ended: rt__job_reaped(&job, pid, wait_status);
 *     if (job.gone && rt__job_conclude(&job, false, &report))
 *         printf("rank %ld on %s: %s\n", report.rank, report.host, report.text);
 *     rt__job_release(&job);
 *     rt__jobs_close(&jobs);
 *
 * Workers get the keys and everything else through the environment (job_environment.h), never as arguments: arguments
 * are visible to all users. */
#ifndef RINGTORCH_LAUNCH_JOBS_JOB_H
#define RINGTORCH_LAUNCH_JOBS_JOB_H

#include "launch/jobs/environment.h"
#include "launch/jobs/hosts.h"
#include "launch/jobs/log_text.h"
#include "launch/jobs/why_killed.h"
#include <stdbool.h>
#include <sys/types.h>

typedef struct rt__job_backend rt__job_backend;

/* An open back end, which has found the programs that it needs. */
typedef struct rt__jobs {
    const rt__job_backend *backend;
    char about[300]; /* what it uses, for people: "/usr/bin/mpirun, Open MPI 4.1" */
    /* What has started the workers, if it starts no others after they have ended; else "". */
    char starts_once[64];
    void *site; /* the back end's own */
} rt__jobs;

/* All borrowed. The back end copies what it needs after the call. */
typedef struct rt__job_spec {
    const char *worker; /* the program */
    const char *run_dir, *endpoint, *run_id, *keys;
    /* "10.0.0.1,172.17.0.1", where the coordinator listens, too; "" or NULL: there only */
    const char *addresses;
    int64_t generation, world, threads;
    const rt__host_list *hosts; /* whose slots are filled in order; an empty list: this host */
    rt__why_killed *why_killed; /* may be NULL */
} rt__job_spec;

typedef struct rt__job {
    const rt__jobs *jobs; /* borrowed; NULL: no job */
    int64_t generation;
    int64_t ranks_started, ranks_expected; /* on this host, as far as the back end sees them */
    bool alive;                            /* started, and not concluded yet */
    bool gone; /* it has ended; any processes it left on this host are our children now */
    void *own; /* the back end's own */
} rt__job;

/* What became of a job. */
typedef enum rt__job_outcome {
    RT__JOB_DONE,      /* all ranks exited with 0 */
    RT__JOB_ORDERED,   /* we ended it */
    RT__JOB_FAILED,    /* `rank` failed first; -1: it is unknown which did */
    RT__JOB_HOST_LOST, /* `host` is gone or cannot start workers; "": it is unknown which host */
    RT__JOB_KILLED,    /* `signal` killed the program that starts the ranks */
    RT__JOB_STILLBORN, /* the program that starts the ranks crashed before it had started one */
} rt__job_outcome;

/* How a job ended. Text and arrays belong to the job. */
typedef struct rt__job_report {
    rt__job_outcome outcome;
    int64_t rank; /* the rank that failed first; -1: none, or unknown */
    int signal,
        exit_code; /* of that rank, or of the program that started the ranks; 128 + signal if a signal ended it */
    const char *host;     /* the host that was lost; "": none, or unknown */
    const char *text;     /* why, in one line; "": unknown */
    bool final;           /* another try would end in the same way */
    const int64_t *ranks; /* [ranks_count] that ended by themselves when the first one did */
    int64_t ranks_count;
    double seconds_since_sign; /* since the first sign of the end, or since we ordered it */
    double seconds_ending;     /* how many of these it took to end the job */
} rt__job_report;

/* What a back end can do besides starting a job. */
enum {
    RT__JOB_AGAIN =
        1, /* start another job after one has ended; without it the run ends with its job */
};

enum { RT__SHELL_TEXT = 1024, RT__SHELL_WORDS = 40, RT__COMMAND_WORDS = 64 };

/* A command line that starts ranks. The words are borrowed. */
typedef struct rt__command {
    const char *word[RT__COMMAND_WORDS]; /* has room for the program and its arguments */
    int count;
    rt__environment environment;
    char world[24];
    char *made[RT__COMMAND_WORDS]; /* [made_count] owned: words that are no constants */
    int made_count;
} rt__command;

/* Functions marked (optional) may be NULL. */
struct rt__job_backend {
    const char *name, *what; /* "mpirun"; one line about it */
    unsigned can;
    /* (optional) Returns whether it can work in this environment: `auto` takes the first row that can. Without this
     * function it always can. */
    bool (*is_here)(void);
    /* (optional) Finds the programs that it needs and fills about and site. If one is missing, the error says what to do. */
    rt_status (*open)(rt__jobs *jobs);
    void (*close)(rt__jobs *jobs); /* (optional) */
    /* (optional) Returns the hosts and slots of an allocation, used if the user names none. `threads` is how many each
     * worker has. An empty list means this host. */
    rt_status (*hosts)(const rt__jobs *jobs, int64_t threads, rt__host_list *out);
    /* (optional) Returns the words of a command that runs another command on a host, with room for the host and that
     * command. Without this function no other host can be asked. Fails with NOTFOUND if there is no such program. */
    rt_status (*shell)(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                       const char *word[RT__SHELL_WORDS], int *count);
    /* (optional) Returns the command that starts `world` ranks of any program and waits for them, for `ringtorch doctor`. */
    rt_status (*command)(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                         int64_t threads, rt__command *out);
    /* (optional) Finds in what such a command has printed why it failed. Returns false if the text does not tell. */
    bool (*explain)(const rt__jobs *jobs, const char *printed, char reason[RT__REASON]);
    /* Starts the ranks, or adopts ranks that run already. Sets `own`, which release frees even if start failed. */
    rt_status (*start)(rt__job *job, const rt__job_spec *spec);
    int (*fd)(const rt__job *job); /* (optional) polls readable when watch has something to do */
    void (*watch)(
        rt__job *job); /* called in each turn of the loop; updates ranks_started and gone */
    double (*patience)(
        const rt__job *job); /* (optional) seconds until watch must be called again */
    /* (optional) Records that a child of ours ended or stopped. Returns false if the child is not part of the job. */
    bool (*reaped)(rt__job *job, pid_t pid, int wait_status);
    /* (optional) Ends the job. Without this function, workers leave when the coordinator tells them to. */
    void (*end)(rt__job *job);
    /* Reports how a job that is gone has ended. Returns false while it is still finding out why, and must then be called
     * again; with `now` it reports what it knows. */
    bool (*conclude)(rt__job *job, bool now, rt__job_report *out);
    void (*release)(rt__job *job);
};

/* Registers a back end beside those of backends.def. It must live as long as the process; of two with the same name the
 * later one wins. Registering one again does nothing. */
void rt__jobs_register(const rt__job_backend *backend);
/* Returns whether a back end of backends.def has this name, or it is "auto". */
bool rt__jobs_is_built_in(const char *name);

/* Opens a back end by its name. NULL, "" and "auto" choose the first that can work in this environment. Fails with
 * NOTFOUND if there is no such back end (the message lists those there are) or a program that it needs is missing. */
rt_status rt__jobs_open(const char *name, rt__jobs *out);
void rt__jobs_close(rt__jobs *jobs);
/* Returns the hosts of a run: those of the host file or, if hostfile is "", those that the back end brings. An empty list
 * means this host, with any number of slots. out->from says where the list comes from. */
rt_status rt__jobs_hosts(const rt__jobs *jobs, const char *hostfile, int64_t threads,
                         rt__host_list *out);
/* Call the back end's optional function; without it they fail with UNSUPPORTED. */
rt_status rt__jobs_shell(const rt__jobs *jobs, char text[RT__SHELL_TEXT],
                         const char *word[RT__SHELL_WORDS], int *count);
rt_status rt__jobs_command(const rt__jobs *jobs, const rt__host_list *hosts, int64_t world,
                           int64_t threads, rt__command *out);
/* Returns false, too, if the back end has no such function. */
bool rt__jobs_explain(const rt__jobs *jobs, const char *printed, char reason[RT__REASON]);
void rt__command_release(rt__command *c);

/* Call the back end's functions for a job. A zeroed job, which was never started, is allowed; then they do nothing. */
rt_status rt__job_start(rt__job *job, const rt__jobs *jobs, const rt__job_spec *spec);
int rt__job_fd(const rt__job *job);
void rt__job_watch(rt__job *job);
double rt__job_patience(const rt__job *job);
bool rt__job_reaped(rt__job *job, pid_t pid, int wait_status);
void rt__job_end(rt__job *job);
bool rt__job_conclude(rt__job *job, bool now, rt__job_report *out);
void rt__job_release(rt__job *job);

#endif
