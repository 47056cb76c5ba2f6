/* Where workers may run, and which hosts are set aside for a while because they failed. Pure.
 *
 *     rt__hosts h = {0};                              // none: the launcher's own host, any number
 *     RT_TRY(rt__hosts_set(&h, &frame.body.hosts));
 *     int64_t world = rt__hosts_allot(&h, 8, now);    // h.host[i].used says where
 *     rt__hosts_failed(&h, "h1", now);                // cools down: 10 s, 20 s, 40 s, ...
 *     rt__hosts_release(&h);
 */
#ifndef RINGTORCH_COORDINATOR_HOSTS_H
#define RINGTORCH_COORDINATOR_HOSTS_H

#include <stdbool.h>
#include "common/messages.h"

enum {
    RT__COOLDOWN_SECONDS = 10, /* after the first failure; doubles with each further one */
    RT__COOLDOWN_MOST = 600,   /* up to this */
    RT__HOST_STILLBORN = 2,    /* workers that crash there before their HELLO do */
    RT__HOST_DEATHS = 3, /* workers that die on a host, with no progress between, set it aside */
};

typedef struct rt__host {
    char name[256];
    int64_t slots; /* as listed */
    int64_t left;  /* slots that were given up (LEAVE) */
    int64_t used;  /* by the present generation */
    int failures;  /* of the host itself, in a row */
    int deaths;    /* of workers on it, in a row */
    double cool_until;
    bool probing; /* the launcher was asked whether it is back */
} rt__host;

typedef struct rt__hosts {
    rt__host *host; /* [count], in order of preference */
    int64_t count;
    char here
        [256]; /* the name of the launcher's host, which a list may call localhost; "": not known */
} rt__hosts;

/* Takes a list over; what is known of hosts that stay is kept. PROTOCOL if names and slots do not
 * go together. */
rt_status rt__hosts_set(rt__hosts *h, const rt_msg_hosts *m);
void rt__hosts_release(rt__hosts *h);

/* A worker on that host has left for good, and its slot is not used again, unless it is the only one: then it is filled
 * anew. Likewise a new list that holds no other slots offers all of them again. */
void rt__hosts_give_up(rt__hosts *h, const char *name);

/* Returns the entry of that name, also if one of both is cut at its first dot, or if it is `here` and the entry localhost
 * or 127.0.0.1; NULL if there is none. */
rt__host *rt__hosts_find(const rt__hosts *h, const char *name);
/* Deals out up to `wanted` workers and returns how many: all of them if no hosts are listed. */
int64_t rt__hosts_allot(rt__hosts *h, int64_t wanted, double now);
/* Returns the host that has this rank of the present generation, as mpirun fills slots: in order. "": not known. */
const char *rt__hosts_of_rank(const rt__hosts *h, int64_t rank);
/* Is that the launcher's own host? */
bool rt__hosts_is_here(const rt__hosts *h, const char *name);
/* Would rt__hosts_allot deal out differently than the generation of `world` workers is now? */
bool rt__hosts_would_change(const rt__hosts *h, int64_t wanted, int64_t world, double now);
/* Returns how many workers could run on hosts that are not cooling down at `now`; INT64_MAX without a list. */
int64_t rt__hosts_room(const rt__hosts *h, double now);

/* A host was lost: sets it aside. Returns for how many seconds, 0 if it is not listed. */
double rt__hosts_failed(rt__hosts *h, const char *name, double now);
/* A worker died there by itself. Returns seconds as above if that was the last of the deaths that are borne, `most`, and there
 * is another host. */
double rt__hosts_worker_died(rt__hosts *h, const char *name, int64_t most, double now);
/* Steps were made: hosts in use are sound. */
void rt__hosts_made_progress(rt__hosts *h);
/* Returns a host whose cooling down is over and that nobody has asked about, or NULL. */
rt__host *rt__hosts_due(const rt__hosts *h, double now);

#endif
