/* Ranks as MPI processes: point-to-point on a duplicate of MPI_COMM_WORLD, or of a program's own communicator. The only
 * file that knows MPI. */
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
    bool broken;   /* cancelled: MPI's state is unknown, so it must not be called again */
    bool borrowed; /* the program has started MPI, and ends it */
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

/* Returns whether MPI was ended. */
static bool is_over(void)
{
    int over = 0;
    MPI_Finalized(&over);
    return over;
}

static rt_status post(rt_transport *base, rt_request *r)
{
    mpi *t = (mpi *)base;
    if (t->borrowed && is_over())
        return RT_FAIL(ARG, "mpi: the program has called MPI_Finalize");
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
    if (!t->broken && !(t->borrowed && is_over())) {
        MPI_Comm_free(&t->comm);
        if (!t->borrowed)
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

static rt_status join(mpi *t, MPI_Comm of)
{
    MPI_Comm_rank(of, &t->base.rank);
    MPI_Comm_size(of, &t->base.world);
    const int code = MPI_Comm_dup(of, &t->comm);
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

static rt_status make(MPI_Comm of, bool borrowed, rt_transport **out)
{
    mpi *t = rt_calloc(1, sizeof *t);
    if (!t)
        return RT_E_NOMEM;
    t->borrowed = borrowed;
    t->comm = MPI_COMM_NULL;
    rt_status status = join(t, of);
    if (status != RT_OK) {
        if (t->comm != MPI_COMM_NULL)
            MPI_Comm_free(&t->comm);
        rt_mem_free(t);
        return status;
    }
    t->base.ops = &ops;
    *out = &t->base;
    return RT_OK;
}

rt_status rt__comm_transport_mpi(rt_transport **out)
{
    RT_TRY(start());
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    return make(MPI_COMM_WORLD, false, out);
}

/* ---- a program's own MPI ---- */

/* Checks that MPI runs and that this thread may call it while the engine has threads. */
static rt_status check_running(void)
{
    int started = 0, level = MPI_THREAD_SINGLE, is_main = 0;
    MPI_Initialized(&started);
    if (!started || is_over())
        return RT_FAIL(ARG,
                       "comm_from_mpi: MPI is not running: call it between MPI_Init_thread and "
                       "MPI_Finalize");
    MPI_Query_thread(&level);
    if (level < MPI_THREAD_FUNNELED)
        return RT_FAIL(UNSUPPORTED, "comm_from_mpi: MPI was started for one thread, but the engine "
                                    "has threads of its own: start it with MPI_Init_thread(..., "
                                    "MPI_THREAD_FUNNELED, ...)");
    MPI_Is_thread_main(&is_main);
    if (level < MPI_THREAD_SERIALIZED && !is_main)
        return RT_FAIL(ARG, "comm_from_mpi: with MPI_THREAD_FUNNELED only the thread that started "
                            "MPI may call it");
    return RT_OK;
}

rt_status rt__comm_transport_of_mpi(int mpi_comm, rt_transport **out)
{
    RT_TRY(check_running());
    int several = 1;
    const MPI_Comm of = MPI_Comm_f2c(mpi_comm);
    if (of && of != MPI_COMM_NULL)
        MPI_Comm_test_inter(of, &several);
    if (several)
        return RT_FAIL(ARG, "comm_from_mpi: not a communicator of one group of ranks");
    return make(of, true, out);
}
