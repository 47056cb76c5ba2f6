/* The coordinator's shell: everything the state machine must not touch. It owns the socket, the run
 * directory's files, the journal and the clock, turns effects into deeds and deeds into events.
 *
 *     rt__loop_options o = {.dir = "runs/x", .resume = "never", .started = rt_clock()};
 *     int exit_code = rt__coordinate(&o);
 */
#ifndef RINGTORCH_COORDINATOR_LOOP_H
#define RINGTORCH_COORDINATOR_LOOP_H

typedef struct rt__loop_options {
    const char
        *dir; /* the run directory; holds .config.next.yaml (or, after a crash, config.yaml) */
    const char *resume; /* "never", "auto" or a path; see resume.h */
    double started;     /* rt_clock() when the user typed the command */
} rt__loop_options;

/* Runs one run to its end and returns the exit code. Once it listens it writes "ENDPOINT RUN_ID\n"
 * to standard output; failures before that go to standard error as one line. Keys come from
 * RINGTORCH_KEYS. */
int rt__coordinate(const rt__loop_options *o);

#endif
