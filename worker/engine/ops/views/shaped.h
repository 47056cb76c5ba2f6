/* What rt_view and rt_reshape share: both record a view, each under its own name.
 *
 *     const rt_op rt__op_view = {
 *         .name = "view",
 *         RT_ARGS(rt_shaped_args, RT_SHAPED_FIELDS),
 *         .infer = rt__shaped_infer,
 *         .backward = rt__shaped_backward,
 *     }; */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_VIEWS_SHAPED_H
#define RINGTORCH_WORKER_ENGINE_OPS_VIEWS_SHAPED_H

#include "worker/engine/ops/ops.h"

#define RT_SHAPED_FIELDS(F)                                                                        \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, shape, RT_NEEDED, RT_ANY, "of as many elements; one size may be -1, what is left")
typedef struct RT_DESIGNATED rt_shaped_args {
    RT_STRUCT(RT_SHAPED_FIELDS)
} rt_shaped_args;

/* Infer: makes the view; fails if that shape needs a copy. */
rt_status rt__shaped_infer(rt_call *c);
void rt__shaped_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);

/* Replaces one -1 by the size that makes the number of elements match, and checks that number. what: the
 * operation, for messages. */
rt_status rt__shaped_resolve(const char *what, const rt_tensor *x, rt_dims *dims);
/* Finds strides that show x as `dims` without a copy; returns false if there are none. */
bool rt__shaped_strides(const rt_tensor *x, rt_dims dims, int64_t *stride);

#endif
