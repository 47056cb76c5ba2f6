/* Starts processes, and makes sure that none of them outlives us.
 *
 *     const char *const env[] = {"OMP_NUM_THREADS=1", NULL};
 *     rt__child c = {argv, env, SIGTERM, .out_fd = -1, .err_fd = -1, .keep_fd = -1};
 *     pid_t pid;
 *     RT_TRY(rt__child_start(&c, &pid));
 *     ...
 *     rt__children_end(&coordinator, 1);      // only the coordinator is left
 *
 * Every child leads a process group of its own, so that Ctrl-C in the terminal reaches only us. The kernel sends it
 * death_signal when we die. */
#ifndef RINGTORCH_LAUNCH_JOBS_CHILD_H
#define RINGTORCH_LAUNCH_JOBS_CHILD_H

#include <ringtorch/status.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct rt__child {
    const char *const *argv; /* argv[0] is a path, or a name that is looked up in PATH */
    const char *const
        *env; /* "NAME=value" to add to our environment or replace in it; NULL-terminated */
    int death_signal;
    int out_fd, err_fd; /* become its standard output and error; -1: ours. Its input is /dev/null */
    int keep_fd;        /* stays open in the child under the same number; -1: none */
} rt__child;

/* Starts a process. Fails with NOTFOUND if the program does not exist. */
rt_status rt__child_start(const rt__child *c, pid_t *pid);

/* Returns the exit code of a process that has ended; 128 + its signal if a signal ended it, as in a shell. */
int rt__exit_code(int wait_status);

/* Kills all our children except those to spare, and the orphans that we adopt by that (rt_os_adopt_orphans). Waits at
 * most 5 s until they are gone. Their exit codes are lost. */
void rt__children_end(const pid_t *spare, int n_spare);

/* Looks an executable file up in PATH; a name with a slash is taken as a path. Returns its path (rt_malloc), or NULL
 * without an error if there is none. */
char *rt__find_program(const char *name);
/* Returns the path that a program beside this one would have (rt_malloc; NULL on failure). */
char *rt__program_beside(const char *name);
/* What to do when it does not lie there, in a built tree or an installed copy. */
#define RT__PROGRAM_ADVICE                                                                         \
    "it belongs beside ringtorch: install RingTorch again, or run ./quickstart where its source "  \
    "is"

#endif
