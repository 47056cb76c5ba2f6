#include "launch/ranks.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/file.h"
#include "common/mem.h"
#include "launch/child.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <unistd.h>

/* From one look to the next: often at first, since one that dies before it is found is hard to name. */
static const double LOOK_SECONDS = 0.002, LOOK_SECONDS_SOON = 0.01, LOOK_SECONDS_LATER = 0.5;
static const double SOON = 1, LATER = 10; /* after so many seconds something else is wrong */
enum { ENVIRONMENT_MAX = 4 << 20 };       /* the kernel allows 6 MiB of arguments and environment */

rt_status rt__ranks_open(rt__ranks *r, pid_t mpirun, int64_t expected)
{
    *r = (rt__ranks){.mpirun = mpirun, .epoll = -1, .expected = expected, .began = rt_clock()};
    r->rank = rt_calloc((size_t)expected, sizeof *r->rank);
    if (!r->rank)
        return rt_error_code();
    r->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (r->epoll < 0) {
        RT_FAIL(IO, "cannot make an epoll: %s", strerror(errno));
        rt__ranks_close(r);
    }
    return r->epoll >= 0 ? RT_OK : rt_error_code();
}

int rt__ranks_fd(const rt__ranks *r)
{
    return r->rank ? r->epoll : -1;
}

static bool is_known(const rt__ranks *r, pid_t pid)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->rank[i].pid == pid)
            return true;
    return false;
}

/* Reads a process's rank out of its environment; -1: it has none (yet: it may be about to exec). */
static int64_t rank_of(pid_t pid)
{
    static const char name[] = "OMPI_COMM_WORLD_RANK=";
    char path[64];
    int64_t rank = -1;
    rt_bytes b = {0};
    snprintf(path, sizeof path, "/proc/%d/environ", (int)pid);
    if (rt_file_read(path, ENVIRONMENT_MAX, &b) != RT_OK)
        rt_error_clear(); /* it is gone */
    for (size_t at = 0; at < b.len; at += strlen((char *)b.data + at) + 1)
        if (strncmp((char *)b.data + at, name, sizeof name - 1) == 0)
            rank = strtol((char *)b.data + at + sizeof name - 1, NULL, 10);
    rt_bytes_release(&b);
    return rank;
}

/* Starts to watch a child of mpirun, if it is a rank. */
static void add(rt__ranks *r, pid_t pid)
{
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return;
    rt__rank *next = &r->rank[r->count];
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = (uint64_t)r->count};
    *next = (rt__rank){.number = rank_of(pid), .pid = pid, .pidfd = pidfd};
    if (next->number < 0 || epoll_ctl(r->epoll, EPOLL_CTL_ADD, pidfd, &event) != 0)
        close(pidfd);
    else
        r->count++;
}

void rt__ranks_look(rt__ranks *r)
{
    double now = rt_clock();
    if (r->count == r->expected || now < r->next_look)
        return;
    double since = now - r->began;
    r->next_look = now + (since < SOON    ? LOOK_SECONDS
                          : since < LATER ? LOOK_SECONDS_SOON
                                          : LOOK_SECONDS_LATER);
    enum {
        AT_ONCE = 1024
    }; /* a rank is one of few children of mpirun, the others are its agents */
    pid_t child[AT_ONCE];
    int children = rt__children_listed(r->mpirun, child, AT_ONCE);
    if (children < 0)
        children = rt__children_of(r->mpirun, child, AT_ONCE);
    for (int i = 0; i < children && r->count < r->expected; i++)
        if (!is_known(r, child[i]))
            add(r, child[i]);
}

double rt__ranks_patience(const rt__ranks *r)
{
    return r->count == r->expected ? 1 : r->next_look - rt_clock();
}

int64_t rt__ranks_unseen(const rt__ranks *r, bool all_started, int64_t *number)
{
    int64_t highest = all_started ? r->expected - 1 : -1, sum = 0;
    for (int64_t i = 0; i < r->count; i++) {
        highest = r->rank[i].number > highest ? r->rank[i].number : highest;
        sum += r->rank[i].number;
    }
    *number = highest * (highest + 1) / 2 - sum; /* if it is one */
    return highest + 1 - r->count;
}

bool rt__ranks_next_end(rt__ranks *r, rt__rank_end *out)
{
    struct epoll_event event;
    if (!r->rank || epoll_wait(r->epoll, &event, 1, 0) != 1)
        return false;
    rt__rank *rank = &r->rank[event.data.u64];
    *out = (rt__rank_end){.rank = rank->number};
    out->known = rt__zombie_status(rank->pid, r->mpirun, &out->wait_status);
    close(rank->pidfd); /* which takes it out of the epoll */
    rank->pidfd = -1;
    return true;
}

void rt__ranks_kill(const rt__ranks *r)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->rank[i].pidfd >= 0)
            pidfd_send_signal(r->rank[i].pidfd, SIGKILL, NULL, 0);
}

void rt__ranks_close(rt__ranks *r)
{
    for (int64_t i = 0; i < r->count; i++)
        if (r->rank[i].pidfd >= 0)
            close(r->rank[i].pidfd);
    if (r->rank && r->epoll >= 0)
        close(r->epoll);
    rt_mem_free(r->rank);
    *r = (rt__ranks){.epoll = -1};
}
