/* Users' work in pieces, on the threads that kernels use. */
#include <ringtorch/parallel.h>

#include "common/base/error.h"
#include "kernels/exec.h"
#include <pthread.h>
#include <stdatomic.h>

typedef struct map {
    int64_t n, piece;
    rt_parallel_body body;
    void *context;
    _Atomic int64_t failed; /* the first piece that has failed so far, or INT64_MAX */
    pthread_mutex_t lock;   /* of `error`, and of changes of `failed` */
    rt_saved_error error;
} map;

/* Moves the error of a piece out of its thread's slot, and keeps it if no piece before has failed. */
static void keep_failure(map *m, int64_t piece, rt_status status)
{
    rt_saved_error error;
    if (!rt_failed())
        rt_fail(status, "parallel_map: piece %lld failed: %s", (long long)piece,
                rt_status_text(status));
    rt_error_save(&error);
    pthread_mutex_lock(&m->lock);
    if (piece < m->failed) {
        m->failed = piece;
        m->error = error;
    }
    pthread_mutex_unlock(&m->lock);
}

static void run_piece(void *context, int64_t piece)
{
    map *m = context;
    if (piece > m->failed) /* a piece that may be the first to fail always runs */
        return;
    int64_t begin = piece * m->piece, rest = m->n - begin;
    int64_t end = begin + (rest < m->piece ? rest : m->piece);
    rt_status status = m->body(m->context, begin, end, piece);
    if (status != RT_OK || rt_failed())
        keep_failure(m, piece, status);
}

rt_status rt_parallel_map(int64_t n, int64_t piece, rt_parallel_body body, void *context)
{
    if (rt_failed())
        return rt_error_code();
    if (!rt__given((const void *)(uintptr_t)body, "parallel_map", "body"))
        return rt_error_code();
    if (n < 0 || piece < 1)
        return RT_FAIL(
            RANGE,
            "parallel_map: %lld items in pieces of %lld, expected 0 or more in pieces of 1 or more",
            (long long)n, (long long)piece);
    rt_exec *e = rt_exec_cpu();
    if (!e)
        return rt_error_code();
    map m = {n, piece, body, context, INT64_MAX, PTHREAD_MUTEX_INITIALIZER, {0}};
    rt_exec_each(e, n / piece + (n % piece > 0), run_piece, &m);
    pthread_mutex_destroy(&m.lock);
    return rt_error_restore(&m.error);
}
