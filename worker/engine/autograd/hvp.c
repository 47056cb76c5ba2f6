/* Products with the Hessian: the gradient is differentiated again, in the direction v. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/graph.h"

static rt_status check_args(const rt_hvp_args *a)
{
    if (a->count < 1 || !a->inputs || !a->v || !a->out)
        return RT_FAIL(ARG, "hvp: expected .inputs, .v and .out, each of .count tensors");
    for (int i = 0; i < a->count; i++) {
        if (!rt__object_is(a->inputs[i], &rt__tensor_type, "hvp: .inputs", i + 1) ||
            !rt__object_is(a->v[i], &rt__tensor_type, "hvp: .v", i + 1))
            return rt_error_code();
        if (!rt__dims_same(&a->v[i]->dims, &a->inputs[i]->dims) ||
            a->v[i]->dtype != a->inputs[i]->dtype)
            return RT_FAIL(SHAPE, "hvp: v[%d] is %s, expected the shape and type of %s", i,
                           rt_describe(a->v[i]), rt_describe(a->inputs[i]));
    }
    return RT_OK;
}

/* Adds what the gradient g by input i, times v, depends on. A gradient without a history is constant. */
static rt_status add_row(const rt_hvp_args *a, rt_tensor *g, rt_tensor *v, rt_tensor **row)
{
    if (!rt__node_of(g))
        return RT_OK;
    RT_TRY(rt_grad(g, .inputs = a->inputs, .count = a->count, .out = row, .grad = v,
                   .create_graph = true));
    for (int i = 0; i < a->count && !rt_failed(); i++)
        a->out[i] = rt_detach(a->out[i] ? rt__accumulate(a->out[i], row[i]) : row[i]);
    return rt_error_code();
}

static rt_status run(const rt_hvp_args *a, rt_tensor **list)
{
    RT_TRY(rt_grad(a->loss, .inputs = a->inputs, .count = a->count, .out = list,
                   .create_graph = true));
    for (int i = 0; i < a->count; i++)
        RT_TRY(add_row(a, list[i], a->v[i], list + a->count));
    for (int i = 0; i < a->count && !a->out[i]; i++) /* no second derivative at all */
        a->out[i] = rt_zeros_like(a->inputs[i]);
    return rt_error_code();
}

/* Hands the results to the caller's scope; on failure there are none. */
static void hand_over(const rt_hvp_args *a, rt_scope s)
{
    for (int i = 0; i < a->count; i++)
        a->out[i] = rt_failed() ? NULL : rt_keep(a->out[i]);
    rt_scope_end(s);
    for (int i = 0; i < a->count; i++)
        rt__scope_own(a->out[i]);
}

rt_status rt_hvp_(rt_hvp_args a)
{
    for (int i = 0; i < a.count && a.out; i++)
        a.out[i] = NULL;
    if (!rt__takes("hvp", a.loss) || check_args(&a) != RT_OK)
        return rt_error_code();
    rt_tensor **list = rt_calloc(2 * (size_t)a.count, sizeof *list);
    if (!list)
        return rt_error_code();
    rt_scope s = rt_scope_begin();
    run(&a, list);
    hand_over(&a, s);
    rt_mem_free(list);
    return rt_error_code();
}
