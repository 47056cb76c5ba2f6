/* Ranks as MPI processes: point-to-point on a duplicate of MPI_COMM_WORLD. The only file that knows
 * MPI. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/comm/comm.h"
#include "worker/comm/transport.h"
#include <limits.h>
#include <mpi.h>
#include <stdbool.h>

typedef struct mpi {
    rt_transport base;
    MPI_Comm comm;
    bool broken; /* cancelled: MPI's state is unknown, so it must not be called again */
    int count, capacity;
    /* Active requests and the outputs of MPI_Testsome, all [capacity]. */
    MPI_Request *handle;
    rt_request **request;
    int *index;
    MPI_Status *status;
} mpi;

static rt_status fail(int code, const rt_request *r, int rank, const char *doing)
{
    char text[MPI_MAX_ERROR_STRING];
    int length;
    if (MPI_Error_string(code, text, &length) != MPI_SUCCESS)
        text[0] = 0;
    if (!r)
        return RT_FAIL(NET, "mpi: rank %d: %s: %s", rank, doing, text);
    return RT_FAIL(NET, "mpi: %s from rank %d to rank %d, %zu bytes: %s", doing, r->from, r->to,
                   r->bytes, text);
}

static rt_status grow(mpi *t)
{
    const int capacity = t->capacity > 0 ? 2 * t->capacity : 64;
    const size_t n = (size_t)capacity;
    MPI_Request *handle = rt_realloc(t->handle, n * sizeof *handle);
    t->handle = handle ? handle : t->handle;
    rt_request **request = rt_realloc(t->request, n * sizeof *request);
    t->request = request ? request : t->request;
    int *index = rt_realloc(t->index, n * sizeof *index);
    t->index = index ? index : t->index;
    MPI_Status *status = rt_realloc(t->status, n * sizeof *status);
    t->status = status ? status : t->status;
    if (!handle || !request || !index || !status)
        return RT_E_NOMEM;
    t->capacity = capacity;
    return RT_OK;
}

static rt_status post(rt_transport *base, rt_request *r)
{
    mpi *t = (mpi *)base;
    if (t->count == t->capacity)
        RT_TRY(grow(t));
    MPI_Request *handle = &t->handle[t->count];
    const bool send = r->from == base->rank;
    const int bytes = (int)r->bytes;
    const int code = send ? MPI_Isend(r->data, bytes, MPI_BYTE, r->to, r->tag, t->comm, handle)
                          : MPI_Irecv(r->data, bytes, MPI_BYTE, r->from, r->tag, t->comm, handle);
    if (code != MPI_SUCCESS)
        return fail(code, r, base->rank, send ? "send" : "receive");
    t->request[t->count++] = r;
    return RT_OK;
}

/* `code` is MPI's result for this request. */
static rt_status complete(const mpi *t, rt_request *r, int code, const MPI_Status *status)
{
    int bytes = 0;
    int class = code;
    if (code != MPI_SUCCESS)
        MPI_Error_class(code, &class);
    if (class == MPI_ERR_TRUNCATE)
        return RT_FAIL(PROTOCOL, "rank %d sent more than the %zu bytes that rank %d expected",
                       r->from, r->bytes, r->to);
    if (code != MPI_SUCCESS)
        return fail(code, r, t->base.rank, r->from == t->base.rank ? "send" : "receive");
    if (r->to == t->base.rank) {
        MPI_Get_count(status, MPI_BYTE, &bytes);
        if ((size_t)bytes != r->bytes)
            return RT_FAIL(PROTOCOL, "rank %d sent %d bytes, rank %d expected %zu", r->from, bytes,
                           r->to, r->bytes);
    }
    atomic_store_explicit(&r->state, RT_REQUEST_DONE, memory_order_release);
    return RT_OK;
}

static rt_status progress(rt_transport *base)
{
    mpi *t = (mpi *)base;
    int done;
    const int code = MPI_Testsome(t->count, t->handle, &done, t->index, t->status);
    if (code != MPI_SUCCESS && code != MPI_ERR_IN_STATUS)
        return fail(code, NULL, base->rank, "test");
    if (done == MPI_UNDEFINED || done == 0)
        return RT_OK;
    for (int i = 0; i < done; i++)
        RT_TRY(complete(t, t->request[t->index[i]],
                        code == MPI_SUCCESS ? code : t->status[i].MPI_ERROR, &t->status[i]));
    int left = 0;
    for (int i = 0; i < t->count; i++)
        if (t->handle[i] != MPI_REQUEST_NULL) {
            t->handle[left] = t->handle[i];
            t->request[left++] = t->request[i];
        }
    t->count = left;
    return RT_OK;
}

/* MPI cannot cancel a send, so nothing is undone; instead MPI is not called any more, so it touches no buffer. */
static void cancel(rt_transport *base)
{
    mpi *t = (mpi *)base;
    t->broken = true;
}

static MPI_Datatype type_of(rt_dtype dtype)
{
    switch (dtype) {
    case RT_F64:
        return MPI_DOUBLE;
    case RT_I32:
        return MPI_INT32_T;
    case RT_I64:
        return MPI_INT64_T;
    default:
        return MPI_FLOAT;
    }
}

static rt_status all_reduce(rt_transport *base, void *buf, int64_t count, rt_dtype dtype)
{
    mpi *t = (mpi *)base;
    const int64_t element = (int64_t)rt_dtype_size(dtype), most = RT_TRANSPORT_BYTES_MAX / element;
    for (int64_t at = 0; at < count; at += most) {
        const int n = (int)(count - at < most ? count - at : most);
        const int code = MPI_Allreduce(MPI_IN_PLACE, (char *)buf + at * element, n, type_of(dtype),
                                       MPI_SUM, t->comm);
        if (code != MPI_SUCCESS)
            return fail(code, NULL, base->rank, "all_reduce");
    }
    return RT_OK;
}

static void mpi_free(rt_transport *base)
{
    mpi *t = (mpi *)base;
    if (!t->broken) {
        MPI_Comm_free(&t->comm);
        MPI_Finalize();
    }
    rt_mem_free(t->handle);
    rt_mem_free(t->request);
    rt_mem_free(t->index);
    rt_mem_free(t->status);
    rt_mem_free(t);
}

static const rt_transport_ops ops = {
    .name = "mpi",
    .post = post,
    .progress = progress,
    .cancel = cancel,
    .all_reduce = all_reduce,
    .free = mpi_free,
};

static rt_status start(void)
{
    int started, provided;
    MPI_Initialized(&started);
    if (started)
        return RT_FAIL(EXISTS, "mpi: already started in this process, and it can be only once");
    int code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code != MPI_SUCCESS)
        return RT_FAIL(NET, "mpi: MPI_Init_thread failed with code %d", code);
    if (provided < MPI_THREAD_FUNNELED)
        return RT_FAIL(UNSUPPORTED,
                       "mpi: this library does not allow threads besides its own; use one that "
                       "offers MPI_THREAD_FUNNELED");
    return RT_OK;
}

static rt_status count_neighbours(mpi *t)
{
    MPI_Comm host;
    int code = MPI_Comm_split_type(t->comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    if (code != MPI_SUCCESS)
        return fail(code, NULL, t->base.rank, "find the ranks of this host");
    MPI_Comm_size(host, &t->base.neighbours);
    MPI_Comm_free(&host);
    return RT_OK;
}

/* The largest tag is an attribute of MPI_COMM_WORLD only. */
static rt_status count_tags(mpi *t)
{
    int *most, known;
    const int code = MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, &most, &known);
    if (code != MPI_SUCCESS || !known)
        return fail(code, NULL, t->base.rank, "find the largest tag");
    t->base.tags = *most < INT_MAX ? *most + 1 : INT_MAX;
    return RT_OK;
}

static rt_status join(mpi *t)
{
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &t->base.rank);
    MPI_Comm_size(MPI_COMM_WORLD, &t->base.world);
    const int code = MPI_Comm_dup(MPI_COMM_WORLD, &t->comm);
    if (code != MPI_SUCCESS)
        return fail(code, NULL, t->base.rank, "duplicate the communicator");
    MPI_Comm_set_errhandler(t->comm, MPI_ERRORS_RETURN);
    RT_TRY(count_tags(t));
    return count_neighbours(t);
}

bool rt_comm_has_mpi(void)
{
    return true;
}

rt_status rt__comm_transport_mpi(rt_transport **out)
{
    mpi *t = rt_calloc(1, sizeof *t);
    if (!t)
        return RT_E_NOMEM;
    rt_status status = start();
    if (status == RT_OK)
        status = join(t);
    if (status != RT_OK) {
        rt_mem_free(t);
        return status;
    }
    t->base.ops = &ops;
    *out = &t->base;
    return RT_OK;
}
