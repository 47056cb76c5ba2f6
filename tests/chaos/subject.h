/* The run that is disturbed: its folder, its processes, and its records so far.
 *
 *     subject s;
 *     subject_open(&s, &(subject_wishes){.own_disks = true});
 *     subject_start(&s, 3, 0);                          // ringtorch train, three workers, endless
 *     victim v[VICTIMS_MAX];
 *     int count = subject_workers(&s, v, 10);           // those of the newest generation, by rank
 *     victim_signal(&v[0], SIGKILL);
 *     victims_release(v, count);
 *     ...
 *     subject_close(&s, false);                         // nothing is left of it
 *
 * A run may take several starts of the command (legs), all in the same run directory. Everything it makes lies in a scratch folder. With
 * own_disks, the run directory and /dev/shm are small file systems that only the run sees. */
#ifndef RINGTORCH_TESTS_CHAOS_SUBJECT_H
#define RINGTORCH_TESTS_CHAOS_SUBJECT_H

#include "tests/system/command.h"
#include "tests/system/records.h"
#include <stdbool.h>
#include <stdint.h>

enum { VICTIMS_MAX = 64 };

typedef struct subject_wishes {
    const char *config; /* NULL: a small net on generated pictures */
    /* small file systems of our own, so that they can be filled; needs own_mounts */
    bool own_disks;
    bool verbose;
} subject_wishes;

typedef struct subject {
    subject_wishes wishes;
    scratch scratch;
    char config[512], run_dir[128], memory[32];
    char run_id[64]; /* "" until it is known */
    command launcher;
    bool started; /* the launcher runs, or has not been waited for */
    int legs;
    records records;
} subject;

/* Returns false, with a reason on stderr, if it cannot be set up. */
bool subject_open(subject *s, const subject_wishes *wishes);
/* Kills what is left, and removes the folder or, with `keep`, copies the contents of our own disks into it and leaves it. */
void subject_close(subject *s, bool keep);

/* Starts the command; `steps` 0: more than can ever be made. Resumes the run unless this is its first start. */
void subject_start(subject *s, int64_t workers, int64_t steps);
/* Returns whether the launcher is still alive. */
bool subject_lives(const subject *s);
/* Waits for the launcher's end, and kills it after `seconds`. Returns its result, which the caller must release. */
result subject_finish(subject *s, double seconds);
/* Runs "ringtorch <arguments>" beside it. Returns the exit code, or -1 if it took too long. */
int subject_tool(subject *s, const char *const *arguments);

/* A process of the run, held by a pidfd so that reuse of its number does no harm. */
typedef struct victim {
    pid_t pid;
    int fd; /* a pidfd */
    int rank, generation;
} victim;

/* Fills in all living workers of the newest generation that has any, by rank. Waits for the first at most `seconds`. Returns how many. */
int subject_workers(subject *s, victim v[VICTIMS_MAX], double seconds);
/* The same for one other program of the run. Returns false if it did not appear. */
bool subject_process(subject *s, const char *program, victim *v, double seconds);
void victim_signal(const victim *v, int signal);
/* Waits until it has ended. Returns false if it has not within `seconds`. */
bool victim_await_end(const victim *v, double seconds);
void victims_release(victim *v, int count);

/* Prints the run's processes and last events on stderr, for debugging. */
void subject_describe(subject *s);

#endif
