/* Dissemination barrier: D. Hensgen, R. Finkel, U. Manber, "Two algorithms for barrier synchronization", 1988. In round
 * d = 1, 2, 4, ... each rank sends to the rank d above it that it and all ranks it has heard from have arrived:
 * ceil(log2 W) messages without bytes. */
#include "common/base/error.h"
#include "worker/comm/internal.h"

static rt_status barrier(rt_comm *c)
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

rt_status rt_comm_barrier(rt_comm *c)
{
    if (!c)
        return RT_FAIL(ARG, "comm_barrier: the communicator is NULL");
    RT_TRY(rt__comm_begin(c, RT__BARRIER));
    return rt__comm_end(c, barrier(c));
}
