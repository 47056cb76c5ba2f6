/* The communicator: life cycle, beginning and end of calls, and common checks. */
#include "worker/comm/comm.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "kernels/device.h"
#include "worker/comm/internal.h"
#include <unistd.h>

rt_buf rt_buf_range(rt_buf buf, rt_range elements)
{
    if (buf.data) /* an empty buffer may have none */
        buf.data = (char *)buf.data + (size_t)elements.begin * rt_dtype_size(buf.dtype);
    buf.count = elements.end - elements.begin;
    return buf;
}

size_t rt_buf_bytes(rt_buf buf)
{
    return (size_t)buf.count * rt_dtype_size(buf.dtype);
}

/* ---- life cycle ---- */

rt_status rt__comm_new(rt__end *end, int rank, int world, rt_comm **out)
{
    rt_comm *c = rt_calloc(1, sizeof *c);
    int *members = rt_calloc((size_t)world, sizeof *members);
    if (!c || !members) {
        rt_mem_free(c);
        rt_mem_free(members);
        return RT_E_NOMEM;
    }
    *c = (rt_comm){.end = end, .rank = rank, .world = world, .members = members};
    end->communicators++;
    *out = c;
    return RT_OK;
}

static void end_free(rt__end *end)
{
    end->transport->ops->free(end->transport);
    rt_mem_free(end);
}

/* Takes ownership of the transport, also on failure. */
static rt_status world_new(rt_transport *transport, rt_comm **out)
{
    rt__end *end = rt_calloc(1, sizeof *end);
    if (!end) {
        transport->ops->free(transport);
        return RT_E_NOMEM;
    }
    end->transport = transport;
    end->oversubscribed = transport->neighbours > sysconf(_SC_NPROCESSORS_ONLN);
    end->contexts = 1; /* 0 is the world's */
    end->created = rt_clock();
    const rt_status status = rt__comm_new(end, transport->rank, transport->world, out);
    if (status != RT_OK) {
        end_free(end);
        return status;
    }
    for (int i = 0; i < transport->world; i++)
        (*out)->members[i] = i;
    return RT_OK;
}

rt_status rt_comm_mpi(rt_comm **out)
{
    rt_transport *transport;
    *out = NULL;
    RT_TRY(rt__comm_transport_mpi(&transport));
    return world_new(transport, out);
}

rt_status rt_comm_from_fortran(int mpi_comm, rt_comm **out)
{
    rt_transport *transport;
    if (!out)
        return RT_FAIL(ARG, "comm_from_mpi: the place for the result is NULL");
    *out = NULL;
    RT_TRY(rt_error_code());
    RT_TRY(rt__comm_transport_of_mpi(mpi_comm, &transport));
    return world_new(transport, out);
}

rt_status rt_comm_loopback(int world, rt_comm *ranks[])
{
    if (world < 1)
        return RT_FAIL(ARG, "loopback: %d ranks, expected at least 1", world);
    rt_status status = RT_OK;
    for (int i = 0; i < world; i++)
        ranks[i] = NULL;
    rt_transport **transports = rt_calloc((size_t)world, sizeof *transports);
    if (!transports)
        return RT_E_NOMEM;
    RT_TRY_GOTO(rt__comm_transport_loopback(world, transports), done);
    for (int i = 0; i < world; i++) {
        rt_status one = world_new(transports[i], &ranks[i]);
        status = status == RT_OK ? one : status;
    }
    for (int i = 0; status != RT_OK && i < world; i++) {
        rt_comm_free(ranks[i]);
        ranks[i] = NULL;
    }
done:
    rt_mem_free(transports);
    return status;
}

void rt_comm_free(rt_comm *c)
{
    if (!c)
        return;
    if (--c->end->communicators == 0)
        end_free(c->end);
    for (int i = 0; i < RT__SCRATCHES; i++)
        rt_mem_free(c->scratch[i].data);
    rt_mem_free(c->members);
    rt_mem_free(c);
}

int rt_comm_rank(const rt_comm *c)
{
    return c ? c->rank : -1;
}

int rt_comm_world(const rt_comm *c)
{
    return c ? c->world : 0;
}

void rt_comm_set_abort_flag(rt_comm *c, const atomic_int *flag)
{
    c->abort_flag = flag;
}

rt_comm_stats rt_comm_stats_of(const rt_comm *c)
{
    return c->stats;
}

void *rt__comm_scratch(rt_comm *c, rt__scratch_use use, size_t bytes)
{
    if (c->scratch[use].bytes < bytes || !c->scratch[use].data) {
        rt_mem_free(c->scratch[use].data);
        c->scratch[use].bytes = bytes;
        c->scratch[use].data = rt_malloc_aligned(64, bytes);
    }
    return c->scratch[use].data;
}

/* ---- begin and end of a call ---- */

rt_status rt__comm_may_begin(const rt_comm *c)
{
    const rt__end *end = c->end;
    if (end->broken)
        return rt_fail_at(__FILE__, __LINE__, end->broken, "rank %d: an earlier collective failed",
                          end->transport->rank);
    if (c->abort_flag && atomic_load_explicit(c->abort_flag, memory_order_acquire))
        return RT_FAIL(ABORTED, "rank %d: the run was aborted", end->transport->rank);
    return RT_OK;
}

rt_status rt__comm_begin(rt_comm *c, rt__op op)
{
    RT_TRY(rt__comm_may_begin(c));
    c->op = op;
    if (op == RT__SEND || op == RT__RECV) {
        c->tag = RT__TAG_MESSAGES;
        return RT_OK;
    }
    c->turn = (c->turn + 1) % (RT__CONTEXT_TAGS - RT__TAG_FIRST);
    c->tag = RT__TAG_FIRST + c->turn;
    return RT_OK;
}

rt_status rt__comm_end(rt_comm *c, rt_status status)
{
    c->op = RT__IDLE;
    return status == RT_OK ? RT_OK : rt__comm_break(c, status);
}

/* ---- checks ---- */

rt_status rt__comm_check_buf(const rt_buf *b, const char *what)
{
    if ((unsigned)b->dtype >= RT_DTYPES)
        return RT_FAIL(DTYPE, "%s: %d is not an element type", what, (int)b->dtype);
    if (b->device.kind != RT_CPU) {
        char name[16];
        rt_gpu_name(b->device, name);
        return RT_FAIL(DEVICE, "%s: device %s: comm moves host memory: copy the buffer there first",
                       what, name);
    }
    const int64_t most = INT64_MAX / (int64_t)rt_dtype_size(b->dtype);
    if (b->count < 0 || b->count > most || (!b->data && b->count > 0))
        return RT_FAIL(ARG, "%s: %lld elements of %s at %s, expected 0 to %lld", what,
                       (long long)b->count, rt_dtype_name(b->dtype),
                       b->data ? "an address" : "no address", (long long)most);
    return RT_OK;
}

rt_status rt__comm_check_ranges(const rt_comm *c, const rt_range *owned, int64_t count)
{
    for (int i = 0; i < c->world; i++)
        if (owned[i].begin < 0 || owned[i].end < owned[i].begin || owned[i].end > count)
            return RT_FAIL(ARG, "rank %d owns elements %lld to %lld, expected a range within %lld",
                           i, (long long)owned[i].begin, (long long)owned[i].end, (long long)count);
    return RT_OK;
}

rt_status rt__comm_check_peer(const rt_comm *c, int peer, const char *what)
{
    if (peer < 0 || peer >= c->world || peer == c->rank)
        return RT_FAIL(ARG, "%s between rank %d and rank %d, expected another rank below %d", what,
                       c->rank, peer, c->world);
    return RT_OK;
}
