/* Runs calls on the CPU when their device lacks a kernel. */
#include "worker/engine/autograd/fallback.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "worker/engine/base/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Logs that an operation of a device runs on the CPU, so that a user can see why it is slow. Each combination of operation,
 * kernel and element type is logged once per process. We remember their hash, because a user's operation may be gone later. */
static void log_once(const rt_gpu *gpu, const rt_call *c, const char *kernel)
{
    enum { MOST = 1024 };
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t logged[MOST];
    static int count;
    char text[200];
    const char *type = rt_dtype_name(rt__call_type(c));
    snprintf(text, sizeof text, "%s of %s: no kernel %s", c->op->name, type, kernel);
    uint64_t hash = rt_hash64(text, strlen(text));
    pthread_mutex_lock(&lock);
    int i = 0;
    while (i < count && logged[i] != hash)
        i++;
    bool new = i == count &&count < MOST;
    if (new)
        logged[count++] = hash;
    pthread_mutex_unlock(&lock);
    if (new)
        rt_log_info("%s: %s: it runs on the CPU", gpu->name, text);
}

static _Atomic bool forbidden;

void rt_allow_fallback(bool allowed)
{
    atomic_store(&forbidden, !allowed);
}

rt_status rt__fallback_begin(rt__fallback *b, rt_call *c, rt_gpu *gpu, const char *kernel)
{
    *b = (rt__fallback){.gpu = gpu, .in = c->in, .out = c->out};
    if (atomic_load(&forbidden))
        return RT_FAIL(UNSUPPORTED,
                       "%s: no kernel %s on %s, and running it on the CPU instead is not allowed",
                       c->op->name, kernel, gpu->name);
    log_once(gpu, c, kernel);
    rt__thread.gpu = NULL;
    b->copy = rt_calloc((size_t)(c->n_in + c->n_out), sizeof(rt_tensor *));
    for (int i = 0; i < c->n_in && b->copy; i++)
        b->copy[i] = c->in[i] && c->in[i]->storage ? rt__copy_to(c->in[i], NULL) : c->in[i];
    for (int k = 0; k < c->n_out && b->copy; k++)
        b->copy[c->n_in + k] = rt__tensor_new(c->out[k]->dims, c->out[k]->dtype);
    c->in = b->copy;
    c->out = b->copy + c->n_in;
    return rt_error_code();
}

/* Copies results to the device. Where run saved a CPU copy, saves the tensor that it was copied from. */
static void bring_back(const rt__fallback *b, rt_call *c)
{
    int count = c->n_in + c->n_out;
    for (int k = 0; k < c->n_out; k++)
        rt__copy(b->out[k], b->copy[c->n_in + k]);
    for (int i = 0; i < c->op->n_saved; i++) {
        int k = 0;
        while (k < count && b->copy[k] != c->saved[i])
            k++;
        if (k < count)
            c->saved[i] = k < c->n_in ? b->in[k] : b->out[k - c->n_in];
        else if (c->saved[i])
            c->saved[i] = rt__copy_to(c->saved[i], b->gpu);
    }
}

rt_status rt__fallback_end(rt__fallback *b, rt_call *c, rt_status status)
{
    rt__thread.gpu = b->gpu;
    if (status == RT_OK && !rt_failed())
        bring_back(b, c);
    c->in = b->in;
    c->out = b->out;
    rt_mem_free(b->copy);
    return status == RT_OK ? rt_error_code() : status;
}
