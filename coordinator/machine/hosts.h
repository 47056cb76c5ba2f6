/* The hosts on which workers may run, and which of them are set aside for a while because they failed. Pure.
 *
 *     rt__hosts h = {0};                              // no list: any number, on the launcher's own host
 *     RT_TRY(rt__hosts_set(&h, &frame.body.hosts));
 *     int64_t world = rt__hosts_allot(&h, 8, now);    // h.host[i].used: how many on each
 *     rt__hosts_failed(&h, "h1", now);                // cools down: 10 s, 20 s, 40 s, ...
 *     rt__hosts_release(&h);
 */
#ifndef RINGTORCH_COORDINATOR_MACHINE_HOSTS_H
#define RINGTORCH_COORDINATOR_MACHINE_HOSTS_H

#include "common/control/messages.h"
#include <stdbool.h>

enum {
    RT__COOLDOWN_SECONDS = 10,  /* after the first failure; each further one doubles it */
    RT__COOLDOWN_MOST = 600,    /* up to this */
    RT__HOST_START_CRASHES = 2, /* so many crashes of workers before their HELLO set a host aside */
    RT__HOST_DEATHS = 3, /* so many deaths of workers without progress in between set it aside */
};

typedef struct rt__host {
    char name[256];
    /* Its own name for itself, if that is another; "": it is the same, or unknown. */
    char called[256];
    int64_t slots;   /* as listed */
    int64_t retired; /* slots that were given up (LEAVE) */
    int64_t used;    /* by the current generation */
    int failures;    /* of the host itself, in a row */
    int deaths;      /* of workers on it, in a row */
    double cool_until;
    bool probing; /* we have asked the launcher whether it is back */
} rt__host;

typedef struct rt__hosts {
    rt__host *host; /* [count], in order of preference */
    int64_t count;
    /* name of the launcher's host, which the list may call localhost; "": not known */
    char here[256];
} rt__hosts;

/* Takes over a new list; what is known about hosts that stay is kept. PROTOCOL if there are not as many names as numbers of slots. */
rt_status rt__hosts_set(rt__hosts *h, const rt_msg_hosts *m);
void rt__hosts_release(rt__hosts *h);

/* Takes a slot of a host out of use, because its worker has left for good. The only slot that remains stays in use. Likewise, if a new
 * list holds only slots that were taken out of use, all of them are offered again. */
void rt__hosts_retire_slot(rt__hosts *h, const char *name);

/* Returns the entry of that name, or NULL. Names also match if one of them is the other cut at its first dot, if `name` is what the
 * host calls itself, or if it is the launcher's host and the entry is localhost or 127.0.0.1. */
rt__host *rt__hosts_find(const rt__hosts *h, const char *name);
/* Allots up to `wanted` workers to hosts and returns how many: all of them if no hosts are listed. */
int64_t rt__hosts_allot(rt__hosts *h, int64_t wanted, double now);
/* Returns the host of a rank of the current generation, given that slots are filled in order, or "" if it is unknown. */
const char *rt__hosts_of_rank(const rt__hosts *h, int64_t rank);
/* Is this the launcher's own host? */
bool rt__hosts_is_here(const rt__hosts *h, const char *name);
/* Would rt__hosts_allot place workers differently from the current generation of `world` workers? */
bool rt__hosts_would_change(const rt__hosts *h, int64_t wanted, int64_t world, double now);
/* Returns how many workers could run on hosts that are not cooling down at `now`; INT64_MAX without a list. */
int64_t rt__hosts_room(const rt__hosts *h, double now);

/* Sets a lost host aside. Returns for how many seconds, or 0 if it is not listed. */
double rt__hosts_failed(rt__hosts *h, const char *name, double now);
/* Counts the death of a worker on a host. If `most` have died there in a row and another host has room, sets the host aside and returns
 * for how many seconds, else 0. */
double rt__hosts_worker_died(rt__hosts *h, const char *name, int64_t most, double now);
/* Clears the failures of all hosts in use, because steps were made on them. */
void rt__hosts_made_progress(rt__hosts *h);
/* Returns a host that has cooled down and is not being probed yet, or NULL. */
rt__host *rt__hosts_due_for_probe(const rt__hosts *h, double now);

#endif
