/* The ranks of an MPI job on this host: mpirun's children, found in /proc and watched through
 * pidfds. They are not our children, so waitpid cannot tell us of their end; a pidfd does, within a
 * millisecond, and a signal sent through one never meets a stranger that got the same number.
 *
 *     rt__ranks r;
 *     RT_TRY(rt__ranks_open(&r, mpirun, 4));           // 4 of them run here
 *     ... poll rt__ranks_fd(&r), and in each turn of the loop:
 *     rt__ranks_look(&r);
 *     for (rt__rank_end e; rt__ranks_next_end(&r, &e);)
 *         note(e.rank, e.known ? e.wait_status : -1);
 *     rt__ranks_kill(&r);
 *     rt__ranks_close(&r);
 */
#ifndef RINGTORCH_LAUNCH_RANKS_H
#define RINGTORCH_LAUNCH_RANKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ringtorch/status.h>

typedef struct rt__rank {
    int64_t number;
    pid_t pid;
    int pidfd; /* -1 once it has ended */
} rt__rank;

typedef struct rt__ranks {
    pid_t mpirun;
    int epoll;
    int64_t expected, count;
    rt__rank *rank;          /* [expected], in the order in which they were found */
    double began, next_look; /* when they are looked for */
} rt__ranks;

/* How a rank ended. Its wait status can be read only until mpirun has asked for it; then mpirun
 * knows, and does what is to be done. */
typedef struct rt__rank_end {
    int64_t rank;
    bool known;
    int wait_status; /* as of waitpid, if known */
} rt__rank_end;

/* Watches the ranks that mpirun starts here; `expected` of them will come. A kernel without pidfds
 * (before 5.3) is fine: no rank is ever found then, and only mpirun tells of their ends. */
rt_status rt__ranks_open(rt__ranks *r, pid_t mpirun, int64_t expected);
/* Returns a file descriptor that polls readable when a rank has ended, or -1. */
int rt__ranks_fd(const rt__ranks *r);
/* Looks for ranks that have come; does nothing when none is missing or the last look was just now. */
void rt__ranks_look(rt__ranks *r);
/* Returns how many seconds from now rt__ranks_look should be called at the latest. */
double rt__ranks_patience(const rt__ranks *r);
/* Returns how many ranks were never found of those that have been started: of all, or, while some may not have been, of
 * those below the highest that was found, since mpirun starts them in order. They have ended. *number: which, if it is
 * one. */
int64_t rt__ranks_unseen(const rt__ranks *r, bool all_started, int64_t *number);
/* Takes one end; false if no rank has ended that was not told of. */
bool rt__ranks_next_end(rt__ranks *r, rt__rank_end *out);
/* Kills those that are alive; a stopped one dies, too. */
void rt__ranks_kill(const rt__ranks *r);
/* Stops watching; a zeroed struct is fine. */
void rt__ranks_close(rt__ranks *r);

#endif
