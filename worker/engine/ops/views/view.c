/* The same elements in another shape, if that needs no copy. */
#include "worker/engine/ops/views/shaped.h"

const rt_op rt__op_view = {
    .name = "view",
    .help = "y = x in another shape; fails where that needs a copy",
    RT_ARGS(rt_shaped_args, RT_SHAPED_FIELDS),
    .infer = rt__shaped_infer,
    .backward = rt__shaped_backward,
};

rt_tensor *rt_view(rt_tensor *x, rt_dims shape)
{
    return rt_apply(&rt__op_view, &(rt_shaped_args){.x = x, .shape = shape});
}
