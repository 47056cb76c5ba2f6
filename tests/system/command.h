/* Starts the real commands from a test: with scratch folders, captured output and time limits, and without leaving a
 * process behind.
 *
 *     scratch s;
 *     scratch_make(&s);                                          // /tmp/ringtorch-test-XXXXXX
 *     result r = run(&s, 60, "ringtorch", "train", config, "-n", "2", "--run-dir", dir, NULL);
 *     assert_int_equal(r.exit_code, 0);
 *     result_release(&r);
 *     scratch_remove(&s);                                        // fails if one of its processes is alive
 *
 * Every process has RINGTORCH_TEST=<scratch folder> in its environment and passes it on to its children, so that all of
 * them can be found in /proc, whatever their names are. */
#ifndef RINGTORCH_TESTS_SYSTEM_COMMAND_H
#define RINGTORCH_TESTS_SYSTEM_COMMAND_H

#include <stdbool.h>
#include <sys/types.h>

/* Even on a loaded machine, only something broken takes this many seconds. */
enum { LONG = 600 };

typedef struct scratch {
    char path[64];
} scratch;

/* Makes an empty folder. */
void scratch_make(scratch *s);
/* Returns scratch/name formatted, in one of a few static buffers that are reused in turn. */
__attribute__((format(printf, 2, 3))) const char *in_scratch(const scratch *s, const char *fmt,
                                                             ...);
/* Waits for the processes of this scratch to end, then removes the folder. If some do not end within half a minute, kills
 * them and fails the test. */
void scratch_remove(scratch *s);
/* Ends the processes of every scratch in use in the same way. Returns whether all had ended by themselves. */
bool end_all_processes(void);

/* A command under way; standard output and error go to files in the scratch folder. */
typedef struct command {
    pid_t pid; /* leader of its own process group, as under a shell */
    const scratch *scratch;
    int number; /* of this command in the scratch folder */
} command;

typedef struct result {
    int exit_code; /* 128 + number for a signal; -1 if it was killed at the time limit */
    char *out, *err;
} result;

/* Starts a program from build/bin ("ringtorch") or the PATH; arguments end with NULL. */
command start(const scratch *s, const char *program, ...) __attribute__((sentinel));
command start_list(const scratch *s, const char *program, const char *const *arguments);
/* Waits until its standard output contains the fragment. Fails the row if it never does. */
void await_output(const command *c, const char *fragment);
/* Waits for its end, at most that many seconds. */
result finish(command c, double seconds);
/* Starts a program and waits for its end. */
result run(const scratch *s, double seconds, const char *program, ...) __attribute__((sentinel));
result run_list(const scratch *s, double seconds, const char *program,
                const char *const *arguments);
void result_release(result *r);

/* Fails the test, showing the output, unless the exit code is the one expected. */
void expect_exit(const result *r, int exit_code);
/* Fails the test, showing both, unless the text holds the fragment. */
void expect_text(const char *text, const char *fragment);

/* A process as /proc shows it. */
typedef struct process {
    pid_t pid, parent;
    char state;           /* 'R', 'S', 'D', 'T', ... */
    char program[32];     /* file name of its executable, e.g. "ringtorch-worker" */
    int rank, generation; /* of a worker; -1: none */
} process;

/* Calls f for each living process of this scratch whose program is `name` (NULL: any), until it
 * returns false. */
void each_process(const scratch *s, const char *name, bool (*f)(const process *p, void *context),
                  void *context);
/* Returns how many processes of this scratch are alive whose program is `name` (NULL: any). */
int count_processes(const scratch *s, const char *name);
/* Returns the process id of the worker with that MPI rank, waiting for it at most that many
 * seconds; 0 if none came. */
pid_t find_worker(const scratch *s, int rank, double seconds);
/* Waits for that worker, long, and sends it a signal; fails the row if there is none. */
pid_t signal_worker(const scratch *s, int rank, int signal);
/* Lets programs that a test starts from now on die of SIGSEGV also when they are built with a sanitizer, which would turn it into an
 * exit code. */
void let_crashes_be_signals(void);
/* Lets them call exit() wherever they are, without a report of what they had not freed by then. */
void let_exits_be_sudden(void);
/* Loads a library of the tests, preload_<name>.c, into programs that are started from now on; NULL: no longer. */
void preload(const char *name);
/* As find_worker, for any process of a program. */
pid_t find_program(const scratch *s, const char *name, double seconds);

/* Waits until no process of this scratch is alive; false when some are after so many seconds. */
bool all_ended(const scratch *s, double seconds);

#endif
