/* What snapshots of earlier generations can be read on this host, for HELLO.
 *
 *     rt__snapshot_offers offers = {0};
 *     rt__snapshot_offers_find("/dev/shm", &about, &offers);
 *     hello.offers = offers.offer;  hello.offers_count = offers.offer_count;
 *     ...
 *     rt__snapshot_offers_release(&offers);
 *
 * One rank of each host does this. What is offered has been read and its checksum is right; what
 * cannot be used is named in `trouble` with the reason, and is no failure: a checkpoint will do. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_OFFERS_H
#define RINGTORCH_WORKER_SNAPSHOT_OFFERS_H

#include "common/snapshot_header.h"

typedef struct rt__snapshot_offers {
    int64_t *offer; /* RT_OFFER_FIELDS numbers each: generation, rank, step, begin, end */
    int64_t offer_count;
    int64_t *trace; /* RT_TRACE_FIELDS numbers each: generation, rank, step, slice, phase, of the
                       newest earlier generation */
    int64_t trace_count;
    char **evaluation; /* of all earlier generations, as rt_evaluated_text writes them */
    int64_t evaluation_count;
    char trouble[512];
} rt__snapshot_offers;

/* Looks at every file in `dir` of our run and of a generation before ours, and fills *out, which is
 * zeroed or holds trouble only. The counts of offers and traces are of numbers, as in HELLO. */
void rt__snapshot_offers_find(const char *dir, const rt_snapshot_about *ours,
                              rt__snapshot_offers *out);
/* Logs, and adds to `trouble` as far as there is room. */
void rt__snapshot_offers_add_trouble(rt__snapshot_offers *o, const char *reason);
void rt__snapshot_offers_release(rt__snapshot_offers *o); /* a zeroed one is fine */

#endif
