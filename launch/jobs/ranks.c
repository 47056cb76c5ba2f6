#include "launch/jobs/ranks.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/os/os.h"
#include "common/base/rank_variables.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds between two looks: few at first, since a rank that dies before we find it is hard to identify. */
static const double LOOK_SECONDS = 0.002, LOOK_SECONDS_SOON = 0.01, LOOK_SECONDS_LATER = 0.5;
static const double SOON = 1,
                    LATER = 10; /* seconds since the start; after LATER something else is wrong */

rt_status rt__ranks_open(rt__ranks *r, pid_t mpirun, int64_t expected)
{
    *r = (rt__ranks){.mpirun = mpirun,
                     .variable = RT_RANK_OF_OPEN_MPI,
                     .watch.fd = -1,
                     .expected = expected,
                     .began = rt_clock()};
    r->rank = rt_calloc((size_t)expected, sizeof *r->rank);
    if (!r->rank)
        return rt_error_code();
    rt_status status = rt_os_watch_open(&r->watch);
    if (status != RT_OK)
        rt__ranks_close(r);
    return status;
}

int rt__ranks_fd(const rt__ranks *r)
{
    return r->rank ? r->watch.fd : -1;
}

/* Returns whether this system can report the ends of processes that are not our children. If not, we look for none. */
static bool reports_ends(const rt__ranks *r)
{
    return r->watch.fd >= 0;
}

static bool is_known(const rt__ranks *r, pid_t pid)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->rank[i].pid == pid)
            return true;
    return false;
}

/* Reads a process's rank from its environment. Returns -1 if it has none, or has not executed its program yet. */
static int64_t rank_of(const rt__ranks *r, pid_t pid)
{
    char *text = rt_os_process_variable(pid, r->variable);
    int64_t rank = text && *text >= '0' && *text <= '9' ? strtol(text, NULL, 10) : -1;
    rt_mem_free(text);
    return rank;
}

/* Starts to watch a child of mpirun if it is a rank. */
static void add(rt__ranks *r, pid_t pid)
{
    int64_t number = rank_of(r, pid);
    if (number < 0 || rt_os_watch_add(&r->watch, pid) < 0)
        return;
    r->rank[r->count++] = (rt__rank){.number = number, .pid = pid};
}

void rt__ranks_look(rt__ranks *r)
{
    double now = rt_clock();
    if (!reports_ends(r) || r->count == r->expected || now < r->next_look)
        return;
    double since = now - r->began;
    r->next_look = now + (since < SOON    ? LOOK_SECONDS
                          : since < LATER ? LOOK_SECONDS_SOON
                                          : LOOK_SECONDS_LATER);
    enum { AT_ONCE = 1024 }; /* mpirun has few children besides its ranks: the remote shells */
    pid_t child[AT_ONCE];
    int children = rt_os_children_listed(r->mpirun, child, AT_ONCE);
    if (children < 0)
        children = rt_os_children(r->mpirun, child, AT_ONCE);
    for (int i = 0; i < children && r->count < r->expected; i++)
        if (!is_known(r, child[i]))
            add(r, child[i]);
}

double rt__ranks_patience(const rt__ranks *r)
{
    return !reports_ends(r) || r->count == r->expected ? 1 : r->next_look - rt_clock();
}

int64_t rt__ranks_unseen(const rt__ranks *r, bool all_started, int64_t *number)
{
    int64_t highest = all_started ? r->expected - 1 : -1, sum = 0;
    for (int64_t i = 0; i < r->count; i++) {
        highest = r->rank[i].number > highest ? r->rank[i].number : highest;
        sum += r->rank[i].number;
    }
    *number = highest * (highest + 1) / 2 - sum; /* right if exactly one is missing */
    return highest + 1 - r->count;
}

bool rt__ranks_next_end(rt__ranks *r, rt__rank_end *out)
{
    rt_os_end end;
    int64_t i = r->rank ? rt_os_watch_next(&r->watch, &end) : -1;
    if (i < 0)
        return false;
    *out = (rt__rank_end){.rank = r->rank[i].number,
                          .unasked = end.unasked_by == r->mpirun,
                          .known = end.how_known,
                          .wait_status = end.wait_status};
    return true;
}

void rt__ranks_kill(const rt__ranks *r)
{
    rt_os_watch_signal(&r->watch, SIGKILL);
}

void rt__ranks_close(rt__ranks *r)
{
    if (r->rank)
        rt_os_watch_close(&r->watch);
    rt_mem_free(r->rank);
    *r = (rt__ranks){.watch.fd = -1};
}
