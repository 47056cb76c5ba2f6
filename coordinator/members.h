/* Who has joined a generation, and whether they fit together. Pure.
 *
 *     rt__roster roster = {0};
 *     RT_TRY(rt__roster_reset(&roster, 4));                       // four ranks are expected
 *     rt_status s = rt__roster_join(&roster, frame.peer, &frame.body.hello, config_hash);
 *     if (s == RT_OK && roster.joined == roster.world) ...        // all here
 *     rt__roster_release(&roster);
 *
 * All ranks must run the same mathematics: configuration, parameter layout, data set size,
 * instruction set and BLAS have to agree, because a sum that depends on who computes it is not
 * exact. */
#ifndef RINGTORCH_COORDINATOR_MEMBERS_H
#define RINGTORCH_COORDINATOR_MEMBERS_H

#include <stdbool.h>
#include "common/messages.h"

typedef struct rt__member {
    bool joined, finished;
    bool planned;  /* it has a plan, from a coordinator before this one */
    bool leaving;  /* it has said so */
    char peer[64]; /* address on the wire */
    char host[256];
    int64_t pid;
    int64_t peak_rss; /* bytes */
    int64_t step;     /* newest step it said to have finished */
    /* What it said last; see PROGRESS in messages.def. */
    int64_t slice, phase, waits_for, snapshot_step;
    char what[128];
    double since, usual, cpu;
    double heard;        /* when that was, or anything else */
    double ran;          /* when its cpu time last grew */
    bool silent_told;    /* a silence was reported and is not over */
    double trouble_told; /* when it was last named as what the others wait for; 0: it is not */
} rt__member;

typedef struct rt__roster {
    int64_t world, joined, finished;
    rt__member *member; /* [world], by rank */
    int32_t *place;     /* [places], a power of two: a hash table from peer to rank + 1; 0: free */
    int64_t places;
    /* What the first to join said, and all others must match. */
    int64_t first, parameters, elements, samples, sample_tokens;
    char task[64], device[64], isa[32], blas[128], layout_hash[65];
} rt__roster;

/* Empties the roster and makes room for `world` ranks. */
rt_status rt__roster_reset(rt__roster *r, int64_t world);
void rt__roster_release(rt__roster *r);

/* Notes what a member says of itself at `now`. */
void rt__roster_heard(rt__roster *r, int64_t rank, const rt_msg_progress *m, double now);

/* Takes in one HELLO. MISMATCH, naming both ranks, hosts and values, if it does not fit the others;
 * PROTOCOL for a rank or world size that cannot be; EXISTS for a rank that is already there. */
rt_status rt__roster_join(rt__roster *r, const char *peer, const rt_msg_hello *hello,
                          const char *config_hash);
/* Returns the rank behind a wire address, or -1. Its cost does not depend on the world's size: it is
 * asked for every frame. */
int64_t rt__roster_rank(const rt__roster *r, const char *peer);
/* Are all that have joined on one host? */
bool rt__roster_one_host(const rt__roster *r);
/* Returns the newest step that every rank has left a snapshot of; -1: none. */
int64_t rt__roster_snapshot_step(const rt__roster *r);
/* Writes the ranks that have not joined as "1, 3, 4" (cut off with "…" when long). Returns the rank if it is a single
 * one, else -1. */
int64_t rt__roster_missing(const rt__roster *r, char *text, size_t size);

#endif
