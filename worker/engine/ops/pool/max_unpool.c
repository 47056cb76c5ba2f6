/* The reverse of max pooling: zeros with the maxima in their places. */
#include "common/base/error.h"
#include "worker/engine/ops/pool/pool.h"

/* Returns the size of an axis of the result, which is n long in x; 0 with an error if what was asked for differs by a stride or more
 * from what the windows cover. */
static int64_t size_of(const rt_call *c, int64_t n, const rt_windows *w, int i, int64_t wanted)
{
    int64_t step = w->stride[i] != RT_NOT_GIVEN ? w->stride[i] : w->kernel[i], covered, end;
    if (__builtin_mul_overflow(n - 1, step, &covered) ||
        __builtin_add_overflow(covered, w->kernel[i] - 2 * w->padding[i], &covered) ||
        __builtin_add_overflow(covered, step, &end))
        covered = end = 0;
    int64_t size = wanted != RT_NOT_GIVEN ? wanted : covered;
    if (size > 0 && size > covered - step && size < end)
        return size;
    RT_FAIL(RANGE,
            "%s: size %lld: windows cover %lld and begin %lld apart, expected a size nearer "
            "to that, 1 or more",
            c->op->name, (long long)size, (long long)covered, (long long)step);
    return 0;
}

static rt_tensor *unpool(const rt_call *c, const rt_windows *w, const int64_t *size)
{
    rt_tensor *x = c->in[0], *index = c->in[1];
    rt_pool_shape s;
    if (rt__pool_input(c->op->name, x, w->axes, &s) != RT_OK)
        return NULL;
    if (!rt__dims_equal(x->dims, index->dims))
        return RT_FAIL_NULL(SHAPE, "%s: x %s and index %s, expected one shape", c->op->name,
                            rt_dims_text(x->dims), rt_dims_text(index->dims));
    rt_dims dims = x->dims;
    int64_t in = 1, out = 1;
    for (int i = 0; i < w->axes; i++) {
        int64_t *n = &dims.d[dims.n - w->axes + i];
        in *= *n;
        *n = size_of(c, *n, w, i, size[i]);
        if (*n == 0)
            return NULL;
    }
    if (rt__dims_numel(dims, c->op->name) < 0)
        return NULL;
    for (int i = 0; i < w->axes; i++)
        out *= dims.d[dims.n - w->axes + i];
    rt_tensor *zeros = rt_full(rt_shape(s.planes, out), 0, x->dtype);
    rt_tensor *y = rt_scatter(zeros, 1, rt_reshape(index, rt_shape(s.planes, in)),
                              rt_reshape(x, rt_shape(s.planes, in)));
    if (!y)
        rt_error_prefix("%s", c->op->name);
    return rt_reshape(y, dims);
}

RT_COMPOSITE(max_unpool1d, rt_max_unpool1d_args, RT_MAX_UNPOOL1D_FIELDS,
             "y = zeros, but x at the index")
{
    return unpool(c, &(rt_windows){RT_STEPS(1, &), .padding = &a->padding}, &a->size);
}

RT_COMPOSITE(max_unpool2d, rt_max_unpool2d_args, RT_MAX_UNPOOL2D_FIELDS,
             "y = zeros, but x at the index")
{
    return unpool(c, &(rt_windows){RT_STEPS(2, ), .padding = a->padding}, a->size);
}

RT_COMPOSITE(max_unpool3d, rt_max_unpool3d_args, RT_MAX_UNPOOL3D_FIELDS,
             "y = zeros, but x at the index")
{
    return unpool(c, &(rt_windows){RT_STEPS(3, ), .padding = a->padding}, a->size);
}

rt_tensor *rt_max_unpool1d_(rt_max_unpool1d_args a)
{
    return rt_apply(&rt__op_max_unpool1d, &a);
}

rt_tensor *rt_max_unpool2d_(rt_max_unpool2d_args a)
{
    return rt_apply(&rt__op_max_unpool2d, &a);
}

rt_tensor *rt_max_unpool3d_(rt_max_unpool3d_args a)
{
    return rt_apply(&rt__op_max_unpool3d, &a);
}
