/* Finds the snapshots of earlier generations that can be read on this host, for HELLO.
 *
 *     rt__snapshot_offers offers = {0};
 *     rt__snapshot_offers_find("/dev/shm", &about, &offers);
 *     hello.offers = offers.offer;  hello.offers_count = offers.offer_count;
 *     ...
 *     rt__snapshot_offers_release(&offers);
 *
 * One rank of each host does this. Offered snapshots have been read and their checksums verified. Those that cannot be
 * used are named in `trouble` with the reason; that is not a failure, because the run can recover from a checkpoint. */
#ifndef RINGTORCH_WORKER_SNAPSHOT_OFFERS_H
#define RINGTORCH_WORKER_SNAPSHOT_OFFERS_H

#include "common/control/messages.h"
#include "common/state/snapshot_header.h"

typedef struct rt__snapshot_offers {
    rt_msg_offer *offer;
    int64_t offer_count;
    rt_msg_trace *trace; /* of the newest earlier generation */
    int64_t trace_count;
    char **evaluation; /* of all earlier generations, as rt_evaluated_text writes them */
    int64_t evaluation_count;
    char trouble[512];
} rt__snapshot_offers;

/* Reads every file in `dir` of our run and of an earlier generation, and fills *out, which must be zeroed or hold only
 * trouble. */
void rt__snapshot_offers_find(const char *dir, const rt_snapshot_about *ours,
                              rt__snapshot_offers *out);
/* Logs the reason and appends it to `trouble` as far as there is room. */
void rt__snapshot_offers_add_trouble(rt__snapshot_offers *o, const char *reason);
void rt__snapshot_offers_release(rt__snapshot_offers *o); /* may be zeroed */

#endif
