/* Runs a program to its end and captures what it prints.
 *
 *     const char *const argv[] = {"mpirun", "--version", NULL};
 *     rt__captured c;
 *     RT_TRY(rt__capture(argv, NULL, 5, &c));
 *     if (c.exit_code == 0) puts(c.out);
 *     rt__captured_release(&c);
 */
#ifndef RINGTORCH_LAUNCH_JOBS_CAPTURE_H
#define RINGTORCH_LAUNCH_JOBS_CAPTURE_H

#include <ringtorch/status.h>
#include <stdatomic.h>

enum { RT__CAPTURED_MAX = 1 << 16 }; /* bytes of its output that are kept */

typedef struct rt__captured {
    int exit_code; /* 128 + number for a signal; -1: it ran out of time, or was stopped, and was killed */
    /* owned; the last RT__CAPTURED_MAX bytes of its output and of its error output; zeros are line breaks */
    char *out, *err;
    double seconds; /* its running time */
} rt__captured;

/* seconds: how long it may run; then its whole process group is ended. env: as in rt__child; NULL: ours. Fails if the program cannot be started. */
rt_status rt__capture(const char *const *argv, const char *const *env, double seconds,
                      rt__captured *out);
/* Does the same, and calls `waiting` once if the program still runs after `patience` seconds. */
rt_status rt__capture_waiting(const char *const *argv, const char *const *env, double seconds,
                              double patience, void (*waiting)(const char *const *argv),
                              rt__captured *out);
/* Does the same as rt__capture, and ends the program early once another thread has set `stop`; its exit code is -1 then. */
rt_status rt__capture_stoppable(const char *const *argv, double seconds, const atomic_bool *stop,
                                rt__captured *out);
void rt__captured_release(rt__captured *c);

/* Returns the last line of `text` that is not blank, or "" if all are. Overwrites line breaks of `text` with zeros. */
char *rt__last_line(char *text);

#endif
