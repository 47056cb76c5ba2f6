/* The places of the true elements of a mask. */
#include "worker/engine/ops/index/index.h"

#define PLACES_FIELDS(F) F(INPUT, mask, RT_NEEDED, RT_TYPE(BOOL), "any shape")
typedef struct places_args {
    rt_tensor *mask;
    int64_t count; /* of elements that are true */
} places_args;

static rt_status places_infer(rt_call *c)
{
    return rt_result(c, 0, rt_shape(((const places_args *)c->args)->count), RT_I64);
}

static rt_status places_run(rt_call *c)
{
    const rt_tensor *mask = c->in[0];
    rt_exec *e = rt_exec_of(c);
    e->kernels->places(e, mask->numel, mask->data, c->out[0]->data);
    return RT_OK;
}

static const rt_op places_op = {
    .name = "places",
    RT_INTERNAL_ARGS(places_args, PLACES_FIELDS),
    .infer = places_infer,
    .run = places_run,
};

rt_tensor *rt__places(rt_tensor *mask)
{
    rt_tensor *count = rt_sum(mask);
    if (!count)
        return NULL;
    return rt_apply(&places_op, &(places_args){.mask = mask, .count = rt__whole_item(count)});
}
