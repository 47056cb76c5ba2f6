#include "worker/engine/base/exchange.h"

#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include <string.h>

int64_t rt_exchange_slices(void)
{
    const rt__exchange *x = rt__thread.exchange;
    return x ? x->slices : 1;
}

int64_t rt_exchange_slice(void)
{
    const rt__exchange *x = rt__thread.exchange;
    return x ? x->slice : 0;
}

/* Fails if a request is wrong; `what` begins the message. */
static rt_status check(const char *what, const rt__request *q)
{
    if (rt_failed())
        return rt_error_code();
    if (q->n < 0 || q->n > INT32_MAX)
        return RT_FAIL(RANGE, "%s: %lld elements, expected 0 to %d", what, (long long)q->n,
                       INT32_MAX);
    if (q->kind == RT__ASK_SUM && q->dtype != RT_F32 && q->dtype != RT_F64)
        return RT_FAIL(DTYPE, "%s: type %d, expected RT_F32 or RT_F64", what, (int)q->dtype);
    if (!rt__given(q->in, what, "input") || !rt__given(q->out, what, "place for the result"))
        return rt_error_code();
    return RT_OK;
}

static rt_status ask(const char *what, const rt__request *q)
{
    rt__exchange *x = rt__thread.exchange;
    RT_TRY(check(what, q));
    if (x && x->slices > 1)
        return x->ask(x, q);
    if (q->out != q->in)
        memcpy(q->out, q->in, (size_t)q->n * rt_dtype_size(q->dtype));
    return RT_OK;
}

rt_status rt_exchange_sum(void *x, int64_t n, rt_dtype dtype)
{
    return ask("exchange_sum",
               &(rt__request){.kind = RT__ASK_SUM, .dtype = dtype, .n = n, .in = x, .out = x});
}

rt_status rt_exchange_gather(const void *mine, void *all, int64_t bytes)
{
    return ask(
        "exchange_gather",
        &(rt__request){.kind = RT__ASK_GATHER, .dtype = RT_U8, .n = bytes, .in = mine, .out = all});
}

rt_status rt_exchange_all_to_all(const void *to, void *from, int64_t bytes)
{
    return ask("exchange_all_to_all",
               &(rt__request){
                   .kind = RT__ASK_ALL_TO_ALL, .dtype = RT_U8, .n = bytes, .in = to, .out = from});
}
