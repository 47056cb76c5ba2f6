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
    char peer[64]; /* address on the wire */
    char host[256];
    int64_t pid;
    int64_t step;     /* newest step it said to have finished */
    int64_t peak_rss; /* bytes */
} rt__member;

typedef struct rt__roster {
    int64_t world, joined, finished;
    rt__member *member; /* [world], by rank */
    /* What the first to join said, and all others must match. */
    int64_t first, parameters, samples;
    char device[64], isa[32], blas[128], layout_hash[65];
} rt__roster;

/* Empties the roster and makes room for `world` ranks. */
rt_status rt__roster_reset(rt__roster *r, int64_t world);
void rt__roster_release(rt__roster *r);

/* Takes in one HELLO. MISMATCH, naming both ranks, hosts and values, if it does not fit the others;
 * PROTOCOL for a rank or world size that cannot be; EXISTS for a rank that is already there. */
rt_status rt__roster_join(rt__roster *r, const char *peer, const rt_msg_hello *hello,
                          const char *config_hash);
/* Returns the rank behind a wire address, or -1. */
int64_t rt__roster_rank(const rt__roster *r, const char *peer);
/* Writes the ranks that have not joined as "1, 3, 4" (cut off with "…" when long). */
void rt__roster_missing(const rt__roster *r, char *text, size_t size);

#endif
