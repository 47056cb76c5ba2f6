/* How a thread's computation reaches the other slices of a step: whoever runs the step answers the requests of
 * <ringtorch/exchange.h>.
 *
 *     static rt_status ask(rt__exchange *self, const rt__request *q) { ... }
 *     rt__exchange x = {.slices = 4, .slice = 2, .ask = ask};
 *     rt__thread.exchange = &x;                                 // NULL: there is only this slice
 */
#ifndef RINGTORCH_WORKER_ENGINE_BASE_EXCHANGE_H
#define RINGTORCH_WORKER_ENGINE_BASE_EXCHANGE_H

#include <ringtorch/exchange.h>

typedef enum rt__request_kind {
    RT__ASK_SUM,
    RT__ASK_GATHER,
    RT__ASK_ALL_TO_ALL,
} rt__request_kind;

typedef struct rt__request {
    rt__request_kind kind;
    rt_dtype dtype; /* for sums; otherwise RT_U8 */
    int64_t n;      /* elements that each slice contributes, or sends to each other slice */
    const void *in;
    void *out; /* may be `in` */
} rt__request;

typedef struct rt__exchange {
    int64_t slices, slice;
    rt_status (*ask)(struct rt__exchange *self, const rt__request *q);
} rt__exchange;

#endif
