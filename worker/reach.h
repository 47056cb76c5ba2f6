/* At which of its addresses a rank of somebody's mpirun or srun reaches the coordinator. Rank 0's launcher cannot know that: a bridge for
 * containers has an address, too, and there is no remote shell to ask the other hosts. So the coordinator listens at all of them, every
 * rank tries one after the other until it answers, and all ranks learn whether each has found one.
 *
 *     rt__reach at = {.addresses = "10.0.0.1,172.17.0.1", .wire = {.endpoint = "tcp://172.17.0.1:4711", .keys = &keys, ...}};
 *     rt_status status = rt__reach_agree(comm, rank, world, rt__reach_find(&at, 60), &at, &lost);
 *     puts(at.found);                    // "tcp://10.0.0.1:4711"
 */
#ifndef RINGTORCH_WORKER_REACH_H
#define RINGTORCH_WORKER_REACH_H

#include "common/control/bind_address.h"
#include "common/control/wire.h"
#include "worker/commthread.h"

typedef struct rt__reach {
    const char *addresses; /* separated by commas; NULL or "": that of the endpoint */
    rt_wire_options wire;
    char found[RT_ENDPOINT]; /* the endpoint that answers */
} rt__reach;

/* Waits at most `seconds` until the coordinator answers with its key at one of the addresses. Returns false if it does not. */
bool rt__reach_find(rt__reach *r, double seconds);
/* Collective. If a rank has found no address, sets *lost and fails with NET, on all ranks alike; the message names the first such rank, its
 * host and what it has tried. If it fails without setting *lost, this rank does not know what the others have found. */
rt_status rt__reach_agree(rt__commthread *comm, int rank, int world, bool found, const rt__reach *r,
                          bool *lost);

#endif
