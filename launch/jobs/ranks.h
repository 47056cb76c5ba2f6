/* The ranks of an MPI job on this host: mpirun's children, found in /proc and watched through pidfds. They are not our
 * children, so waitpid does not report their end. A pidfd does, within a millisecond, and a signal sent through it never
 * hits another process that got the same number.
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
#ifndef RINGTORCH_LAUNCH_JOBS_RANKS_H
#define RINGTORCH_LAUNCH_JOBS_RANKS_H

#include "common/base/os/os.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct rt__rank {
    int64_t number;
    pid_t pid;
} rt__rank;

typedef struct rt__ranks {
    pid_t mpirun;         /* or another program that starts them */
    const char *variable; /* in which a rank finds its number */
    rt_os_watch watch;    /* lists the ranks in the same order as `rank` */
    int64_t expected, count;
    rt__rank *rank;          /* [expected], in the order in which they were found */
    double began, next_look; /* next_look: when we look for new ranks again */
} rt__ranks;

/* How a rank ended. Until its parent, mpirun, has collected the wait status with waitpid, everybody can read it; after
 * that only Linux 6.15 and newer still report it through the pidfd. */
typedef struct rt__rank_end {
    int64_t rank;
    /* Its parent has not called waitpid for it yet, so cannot have reacted to this end. */
    bool unasked;
    bool known;      /* wait_status is known; always so if unasked */
    int wait_status; /* as from waitpid */
} rt__rank_end;

/* Watches the ranks that mpirun starts on this host, `expected` in all. `variable` is Open MPI's until the caller sets another. A system without pidfds (Linux before 5.3) is
 * allowed: then no rank is ever found, and only mpirun reports their ends. */
rt_status rt__ranks_open(rt__ranks *r, pid_t mpirun, int64_t expected);
/* Returns a file descriptor that polls readable when a rank has ended, or -1. */
int rt__ranks_fd(const rt__ranks *r);
/* Looks for new ranks. Does nothing if all have been found or the last look was only just now. */
void rt__ranks_look(rt__ranks *r);
/* Returns how many seconds from now rt__ranks_look should be called at the latest. */
double rt__ranks_patience(const rt__ranks *r);
/* Returns how many started ranks we never found; they ended before we looked. Unless all have been started, counts only
 * ranks below the highest one found, since mpirun starts them in order. *number: the rank, if exactly one is missing. */
int64_t rt__ranks_unseen(const rt__ranks *r, bool all_started, int64_t *number);
/* Takes one end, in the order in which they happened. Returns false if there is no new one. */
bool rt__ranks_next_end(rt__ranks *r, rt__rank_end *out);
/* Kills the ranks that are alive, stopped ones included. */
void rt__ranks_kill(const rt__ranks *r);
/* Stops watching. A zeroed struct is allowed. */
void rt__ranks_close(rt__ranks *r);

#endif
