/* Dissemination barrier: D. Hensgen, R. Finkel, U. Manber, "Two algorithms for barrier
 * synchronization", 1988. In round d = 1, 2, 4, ... each rank tells the one d above that it, and
 * all it has heard of, have come: ceil(log2 W) messages of no bytes. */
#include "common/error.h"
#include "worker/comm/internal.h"

rt_status rt__comm_barrier(rt_comm *c)
{
    for (int64_t distance = 1; distance < c->world; distance <<= 1) {
        rt_request in, out;
        RT_TRY(
            rt__comm_receive(c, &in, (int)((c->rank - distance + c->world) % c->world), NULL, 0));
        RT_TRY(rt__comm_send(c, &out, (int)((c->rank + distance) % c->world), NULL, 0));
        RT_TRY(rt__comm_wait(c, &in));
        RT_TRY(rt__comm_wait(c, &out));
    }
    return RT_OK;
}
