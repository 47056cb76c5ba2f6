/* The workers that have joined a generation, and whether they fit together. Pure.
 *
 *     rt__roster roster = {0};
 *     RT_TRY(rt__roster_reset(&roster, 4));                       // expects four ranks
 *     rt_status s = rt__roster_join(&roster, frame.peer, &frame.body.hello, config_hash);
 *     if (s == RT_OK && roster.joined == roster.world) ...        // all here
 *     rt__roster_release(&roster);
 *
 * All ranks must run the same mathematics: configuration, parameter layout, data, instruction set and BLAS must agree, because a sum
 * that depends on which rank computes it is not exact. */
#ifndef RINGTORCH_COORDINATOR_MACHINE_MEMBERS_H
#define RINGTORCH_COORDINATOR_MACHINE_MEMBERS_H

#include "common/base/json.h"
#include "common/control/messages.h"
#include <stdbool.h>

typedef struct rt__member {
    bool joined, finished;
    bool planned;  /* it has a plan, from a previous coordinator */
    bool leaving;  /* it has sent LEAVE */
    char peer[64]; /* address on the wire */
    char host[256];
    int64_t pid;
    int64_t peak_rss; /* bytes */
    int64_t step;     /* newest step that it has finished */
    /* From its last PROGRESS; see messages.def. */
    int64_t slice, phase, waits_for, snapshot_step;
    char what[128];
    double since, usual, cpu;
    double heard; /* when its last frame arrived */
    double ran;   /* when its CPU time last grew */
    /* when it last reported that it compiles kernels, or computes while it opens the data set; 0: never */
    double prepared;
    double stall_recorded_at; /* when it was named as holding up the others; 0: it does not */
} rt__member;

typedef struct rt__roster {
    int64_t world, joined, finished;
    rt__member *member; /* [world], by rank */
    int32_t *place;     /* [places], a power of two: a hash table from peer to rank + 1; 0: free */
    int64_t places;
    /* From the HELLO of the first rank to join, which all others must match. */
    int64_t first, parameters, elements, samples, sample_tokens;
    char task[64], device[64], isa[32], blas[128], layout_hash[65];
    json_t *data; /* identity, owned; NULL: not known */
} rt__roster;

/* Empties the roster and makes room for `world` ranks. */
rt_status rt__roster_reset(rt__roster *r, int64_t world);
void rt__roster_release(rt__roster *r);

/* Takes a PROGRESS that arrived at `now`. */
void rt__roster_take_progress(rt__roster *r, int64_t rank, const rt_msg_progress *m, double now);

/* Takes a HELLO. MISMATCH, naming both ranks, hosts and values, if it does not match the others; PROTOCOL if its rank or world size is
 * impossible; EXISTS if the rank has already joined. */
rt_status rt__roster_join(rt__roster *r, const char *peer, const rt_msg_hello *hello,
                          const char *config_hash);
/* Returns the rank behind a wire address, or -1. Takes constant time, whatever the world's size, because it is called for every frame. */
int64_t rt__roster_rank(const rt__roster *r, const char *peer);
/* Are all ranks that have joined on one host? */
bool rt__roster_one_host(const rt__roster *r);
/* Returns the newest step of which every rank has left a snapshot, or -1 if there is none. */
int64_t rt__roster_snapshot_step(const rt__roster *r);
/* Writes the ranks that have not joined as "1, 3, 4" (cut off with "…" when long). If only one is missing, returns that rank, else -1. */
int64_t rt__roster_missing(const rt__roster *r, char *text, size_t size);

#endif
