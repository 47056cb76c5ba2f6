/* Concatenates tensors along an existing axis. The gradient of each is its part of dy. */
#include "common/base/error.h"
#include "worker/engine/ops/views/part.h"

#define CAT_FIELDS(F)                                                                              \
    F(INPUTS, xs, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "of one shape but for the axis")            \
    F(INT, axis, 0, RT_ANY, "the axis along which they follow each other")
typedef struct RT_DESIGNATED cat_args {
    RT_STRUCT(CAT_FIELDS)
} cat_args;

typedef struct cat_plan {
    int axis; /* counted from 0 */
} cat_plan;

/* Returns whether x is of shape [0], which PyTorch leaves out whatever the others' shape is: the start of many loops. */
static bool is_left_out(const rt_tensor *x)
{
    return x->dims.n == 1 && x->dims.d[0] == 0;
}

static rt_status cat_infer(rt_call *c)
{
    const cat_args *a = c->args;
    int first = 0;
    while (first < c->n_in - 1 && is_left_out(c->in[first]))
        first++;
    rt_dims dims = c->in[first]->dims;
    int axis = rt__axis("cat", a->axis, dims.n);
    if (axis < 0)
        return rt_error_code();
    for (int i = first + 1; i < c->n_in; i++) {
        if (is_left_out(c->in[i]))
            continue;
        rt_dims expected = c->in[i]->dims;
        if (expected.n == dims.n)
            expected.d[axis] = dims.d[axis];
        if (!rt__dims_equal(expected, dims))
            return RT_FAIL(SHAPE, "cat: tensor %d is %s, which does not fit %s along axis %lld", i,
                           rt_describe(c->in[i]), rt_describe(c->in[first]), (long long)a->axis);
        if (__builtin_add_overflow(dims.d[axis], c->in[i]->dims.d[axis], &dims.d[axis]))
            return RT_FAIL(SHAPE, "cat: tensors 0 to %d are more than 2^63 long along axis %lld", i,
                           (long long)a->axis);
    }
    *(cat_plan *)c->plan = (cat_plan){axis};
    return rt_result(c, 0, dims, c->in[0]->dtype);
}

static rt_status cat_run(rt_call *c)
{
    int axis = ((const cat_plan *)c->plan)->axis;
    int64_t at = 0;
    for (int i = 0; i < c->n_in; i++) {
        if (is_left_out(c->in[i]))
            continue;
        RT_TRY(rt__copy_to_part(c->out[0], c->in[i], axis, at, 1));
        at += c->in[i]->dims.d[axis];
    }
    return RT_OK;
}

static void cat_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    int axis = ((const cat_plan *)c->plan)->axis;
    int64_t at = 0;
    for (int i = 0; i < c->n_in; i++) {
        if (is_left_out(c->in[i])) {
            if (rt_needs(c, i))
                dx[i] = rt_zeros(rt_shape(0), c->in[i]->dtype);
            continue;
        }
        int64_t size = c->in[i]->dims.d[axis];
        if (rt_needs(c, i))
            dx[i] = rt_narrow(dy[0], axis, at, size);
        at += size;
    }
}

const rt_op rt__op_cat = {
    .name = "cat",
    .help = "y = the xs one after the other along an axis",
    RT_ARGS(cat_args, CAT_FIELDS),
    .infer = cat_infer,
    .run = cat_run,
    .backward = cat_backward,
    .plan_size = sizeof(cat_plan),
    .strided = true,
};

rt_tensor *rt_cat(rt_tensor *const *xs, int count, int axis)
{
    return rt_apply(&rt__op_cat, &(cat_args){.xs = xs, .xs_count = count, .axis = axis});
}
