/* What carries the collectives: non-blocking transfers of bytes from one rank to another.
 *
 *     rt_request r = {.from = t->rank, .to = 1, .tag = 7, .data = buf, .bytes = n};
 *     RT_TRY(t->ops->post(t, &r));
 *     while (atomic_load(&r.state) == RT_REQUEST_ACTIVE)
 *         RT_TRY(t->ops->progress(t));
 *
 * A transport embeds rt_transport as its first member. Requests belong to the caller; they and their bytes must not
 * move until the state changes. A send matches the oldest receive of the same ranks and tag. */
#ifndef RINGTORCH_WORKER_COMM_TRANSPORT_H
#define RINGTORCH_WORKER_COMM_TRANSPORT_H

#include <ringtorch/dtype.h>
#include <ringtorch/status.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    RT_TRANSPORT_BYTES_MAX = 1 << 30, /* most bytes of one request */
};

typedef enum rt_request_state {
    RT_REQUEST_ACTIVE,
    RT_REQUEST_DONE,
    RT_REQUEST_REFUSED, /* a send whose receiver expected another size */
} rt_request_state;

typedef struct rt_request {
    int from, to; /* ranks; exactly one of them is this rank */
    int tag;
    void *data; /* [bytes]; a send does not change it */
    size_t bytes;
    atomic_int state;        /* rt_request_state; written by the transport */
    struct rt_request *next; /* the transport's */
} rt_request;

typedef struct rt_transport rt_transport;

typedef struct rt_transport_ops {
    const char *name;
    /* Starts a send (from == rank) or a receive (to == rank). */
    rt_status (*post)(rt_transport *t, rt_request *r);
    /* Advances all transfers and marks those that are complete; never waits. Fails with PROTOCOL, naming ranks and
     * sizes, if a message does not have the size that its receive expects. */
    rt_status (*progress)(rt_transport *t);
    /* Gives up all active requests after a failure; none is touched again. Nothing may be posted afterwards. */
    void (*cancel)(rt_transport *t);
    /* Optional (NULL): the library's own blocking sum over all ranks, in place, of a type that comm sums. */
    rt_status (*all_reduce)(rt_transport *t, void *buf, int64_t count, rt_dtype dtype);
    void (*free)(rt_transport *t);
} rt_transport_ops;

struct rt_transport {
    const rt_transport_ops *ops;
    int rank, world;
    int tags;       /* tags are 0 .. tags - 1; at least 32,768 */
    int neighbours; /* ranks on this host, itself included */
};

/* See rt_comm_mpi and rt_comm_loopback. ranks: [world]. */
rt_status rt__comm_transport_mpi(rt_transport **out);
/* Of the communicator with that Fortran handle, in a program that has started MPI itself. */
rt_status rt__comm_transport_of_mpi(int mpi_comm, rt_transport **out);
rt_status rt__comm_transport_loopback(int world, rt_transport *ranks[]);

#endif
