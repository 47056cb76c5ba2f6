/* Processes we start, and making sure that none of them outlives us.
 *
 *     const char *const env[] = {"OMP_NUM_THREADS=1", NULL};
 *     rt__child c = {argv, env, SIGTERM, .out_fd = -1, .err_fd = -1, .keep_fd = -1};
 *     pid_t pid;
 *     RT_TRY(rt__child_start(&c, &pid));
 *     ...
 *     rt__children_end(&coordinator, 1);      // nobody but the coordinator is left
 *
 * Every child is the leader of a process group of its own, so that a Ctrl-C in the terminal reaches
 * only us, and gets death_signal from the kernel when we die. */
#ifndef RINGTORCH_LAUNCH_CHILD_H
#define RINGTORCH_LAUNCH_CHILD_H

#include <stdbool.h>
#include <sys/types.h>
#include <ringtorch/status.h>

typedef struct rt__child {
    const char *const *argv; /* argv[0] is a path, or looked for in PATH */
    const char *const *env;  /* "NAME=value" to add to or replace in ours; NULL-terminated */
    int death_signal;
    int out_fd, err_fd; /* become its standard output and error; -1: ours. Its input is /dev/null */
    int keep_fd;        /* stays open in the child under the same number; -1: none */
} rt__child;

/* Starts a process. NOTFOUND if the program is not there. */
rt_status rt__child_start(const rt__child *c, pid_t *pid);

/* Makes orphans among our descendants our children, so that rt__children_end finds them. */
rt_status rt__adopt_orphans(void);
/* Kills all our children except those to spare, and all that become ours by it, and waits until they
 * are gone, at most 5 s. Their exit codes are lost. */
void rt__children_end(const pid_t *spare, int n_spare);

/* Returns whether there is such a process on this host; one that has ended and was not yet asked how counts as
 * gone. */
bool rt__process_is_alive(pid_t pid);
/* Lists the children of any process into out[room]; returns how many. */
int rt__children_of(pid_t parent, pid_t *out, int room);
/* The same as the kernel lists them, which takes microseconds; one that is just being born may be left out. -1: this
 * kernel has no such list. */
int rt__children_listed(pid_t parent, pid_t *out, int room);
/* Says how somebody else's child ended, as waitpid would say it. False if that cannot be known: it
 * is alive, has another parent, or its parent has asked before us. */
bool rt__zombie_status(pid_t pid, pid_t parent, int *wait_status);
/* Returns for how many seconds of its life the main thread of a process has run or has waited for a processor; the rest
 * it has slept. 0 if the kernel does not tell, or the process is gone. */
double rt__process_busy(pid_t pid);

/* Finds an executable file in PATH, or takes `name` as it is if it has a slash. Returns its path
 * (rt_malloc), or NULL without an error if there is none. */
char *rt__find_program(const char *name);
/* Returns the path of a program that lies beside this one (rt_malloc; NULL on failure). */
char *rt__program_beside(const char *name);

#endif
