/* The run that is disturbed: its folder, its processes, and what it has written so far.
 *
 *     subject s;
 *     subject_open(&s, &(subject_wishes){.own_disks = true});
 *     subject_start(&s, 3, 0);                          // ringtorch train, three workers, without end
 *     victim v[VICTIMS_MAX];
 *     int count = subject_workers(&s, v, 10);           // those of the newest generation, by rank
 *     victim_signal(&v[0], SIGKILL);
 *     victims_release(v, count);
 *     ...
 *     subject_close(&s, false);                         // nothing is left of it
 *
 * A run may take several starts of the command (legs), all in the same run directory. Everything it
 * makes lies in a scratch folder; with disks of its own, the run directory and /dev/shm are small
 * file systems that only it sees. */
#ifndef RINGTORCH_TESTS_CHAOS_SUBJECT_H
#define RINGTORCH_TESTS_CHAOS_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include "tests/system/command.h"
#include "tests/system/records.h"

enum { VICTIMS_MAX = 64 };

typedef struct subject_wishes {
    const char *config; /* NULL: a small net on generated pictures */
    bool
        own_disks; /* small file systems of our own, so that they can be filled; needs own_mounts */
    bool verbose;
} subject_wishes;

typedef struct subject {
    subject_wishes wishes;
    scratch scratch;
    char config[512], run_dir[128], memory[32];
    char run_id[64]; /* "" until it is known */
    command launcher;
    bool started; /* launcher has not been waited for */
    int legs;
    records records;
} subject;

/* False, with a reason on stderr, if it cannot be set up. */
bool subject_open(subject *s, const subject_wishes *wishes);
/* Kills what is left; removes the folder, or (keep) copies what lies on disks of our own out of them
 * and leaves it. */
void subject_close(subject *s, bool keep);

/* Starts the command; steps 0: more than can ever be made. Resumes when it is not the first time. */
void subject_start(subject *s, int64_t workers, int64_t steps);
/* Returns whether the launcher is still there. */
bool subject_lives(const subject *s);
/* Waits for the launcher's end at most that long, else kills it; its result, to be released. */
result subject_finish(subject *s, double seconds);
/* Runs "ringtorch <arguments>" beside it; its exit code, -1 if it took too long. */
int subject_tool(subject *s, const char *const *arguments);

/* A process of the run, safe from reuse of its number. */
typedef struct victim {
    pid_t pid;
    int fd; /* a pidfd */
    int rank, generation;
} victim;

/* Fills in all living workers of the newest generation that has any, by rank, waiting for the first
 * at most that many seconds; returns how many. */
int subject_workers(subject *s, victim v[VICTIMS_MAX], double seconds);
/* The same for one other program of the run; false: none came. */
bool subject_process(subject *s, const char *program, victim *v, double seconds);
void victim_signal(const victim *v, int signal);
/* Waits until it is gone; false if it is not in that time. */
bool victim_await_end(const victim *v, double seconds);
void victims_release(victim *v, int count);

/* Prints the run's processes and last events on stderr: for whoever must find out what is wrong. */
void subject_describe(subject *s);

#endif
