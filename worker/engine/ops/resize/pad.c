/* Elements before and after axes: a value, or elements of x that an index along each axis picks. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/ops/ops.h"

/* ---- a value ---- */

#define AROUND_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "what lies in the middle")
typedef struct RT_DESIGNATED around_args {
    RT_STRUCT(AROUND_FIELDS)
    rt_dims dims, before; /* of the result; how many elements there are before x along each axis */
    double value;
} around_args;

static rt_status around_infer(rt_call *c)
{
    return rt_result(c, 0, ((const around_args *)c->args)->dims, c->in[0]->dtype);
}

static rt_status around_run(rt_call *c)
{
    const around_args *a = c->args;
    const rt_tensor *x = c->in[0], *y = c->out[0];
    RT_TRY(rt__fill(c->out[0], a->value));
    int64_t first = 0;
    for (int i = 0; i < x->dims.n; i++)
        first += a->before.d[i] * y->stride[i];
    rt_tensor *middle = x->numel > 0 ? rt__tensor_view(y, x->dims, y->stride, first) : NULL;
    if (middle)
        rt__copy(middle, x);
    return rt_error_code();
}

static void around_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    const around_args *a = c->args;
    dx[0] = dy[0];
    for (int i = 0; i < a->dims.n; i++)
        dx[0] = rt_narrow(dx[0], i, a->before.d[i], c->in[0]->dims.d[i]);
}

static const rt_op around_op = {
    .name = "pad",
    RT_INTERNAL_ARGS(around_args, AROUND_FIELDS),
    .infer = around_infer,
    .run = around_run,
    .backward = around_backward,
    .strided = true,
};

/* Returns the elements that an axis has before or after x; a negative number counts as none. */
static int64_t added(int64_t pad)
{
    return pad > 0 ? pad : 0;
}

/* Cuts off what is negative, and adds the rest. */
static rt_tensor *pad_with(const rt_pad_args *a, rt_dims dims)
{
    rt_tensor *x = a->x;
    around_args args = {.dims = dims, .before = {.n = dims.n}, .value = a->value};
    for (int64_t i = 0; i < a->pads_count / 2; i++) {
        int axis = dims.n - 1 - (int)i;
        int64_t before = a->pads[2 * i], after = a->pads[2 * i + 1];
        int64_t left = dims.d[axis] - added(before) - added(after);
        if (before < 0 || after < 0)
            x = rt_narrow(x, axis, added(-before), left);
        args.before.d[axis] = added(before);
    }
    args.x = x;
    return x && rt__dims_equal(x->dims, dims) ? rt_clone(x) : rt_apply(&around_op, &args);
}

/* ---- elements of x ---- */

/* Returns the index, of those that an axis of size n has, of what is at i; from -n or -(n - 1) on. */
static int64_t origin(rt_pad_mode mode, int64_t i, int64_t n)
{
    int64_t past = i - (n - 1);
    if (i >= 0 && past <= 0)
        return i;
    if (mode == RT_PAD_REPLICATE)
        return i < 0 ? 0 : n - 1;
    if (mode == RT_PAD_REFLECT)
        return i < 0 ? -i : n - 1 - past;
    return i < 0 ? i + n : i - n;
}

static rt_tensor *pad_axis(const rt_pad_args *a, rt_tensor *x, int axis, int64_t before,
                           int64_t size)
{
    int64_t n = x ? x->dims.d[axis] : 0;
    if (!x || (size == n && before == 0))
        return x;
    int64_t *index = rt_calloc((size_t)size + 1, sizeof *index);
    if (!index)
        return NULL;
    for (int64_t i = 0; i < size; i++)
        index[i] = origin((rt_pad_mode)a->mode, i - before, n);
    rt_tensor *y = rt_index_select(x, axis, rt_from(index, rt_shape(size), RT_I64));
    rt_mem_free(index);
    return y;
}

/* Returns the number of elements that a mode can add on one side of an axis of size n. */
static int64_t most_of(rt_pad_mode mode, int64_t n)
{
    if (mode == RT_PAD_REPLICATE)
        return n > 0 ? INT64_MAX : 0;
    return mode == RT_PAD_REFLECT ? n - 1 : n;
}

/* The last axis comes first: its elements are picked one by one, those of the others as rows. Circular goes around what is left after
 * cutting, as in PyTorch; the others also find elements that are cut off on the other side. */
static rt_tensor *pad_by_index(const rt_pad_args *a, rt_dims dims)
{
    static const char *const limit[] = {
        [RT_PAD_REFLECT] = "reflect adds less than an axis has",
        [RT_PAD_REPLICATE] = "replicate needs one to repeat",
        [RT_PAD_CIRCULAR] = "circular adds at most as many as an axis has",
    };
    rt_tensor *y = a->x;
    for (int64_t i = 0; i < a->pads_count / 2 && y; i++) {
        int axis = dims.n - 1 - (int)i;
        int64_t before = a->pads[2 * i], after = a->pads[2 * i + 1];
        if (a->mode == RT_PAD_CIRCULAR && (before < 0 || after < 0)) {
            y = rt_narrow(y, axis, added(-before), dims.d[axis] - added(before) - added(after));
            before = added(before);
        }
        int64_t most = y ? most_of((rt_pad_mode)a->mode, y->dims.d[axis]) : INT64_MAX;
        if (added(before) > most || added(after) > most)
            return RT_FAIL_NULL(RANGE, "pad: %lld and %lld elements for axis %d of %s: %s",
                                (long long)before, (long long)after, axis, rt_describe(a->x),
                                limit[a->mode]);
        y = pad_axis(a, y, axis, before, dims.d[axis]);
    }
    return y && y->storage == a->x->storage ? rt_clone(y) : y;
}

/* Computes the shape of the result. */
static rt_status padded_dims(const rt_pad_args *a, rt_dims *dims)
{
    *dims = a->x->dims;
    if (a->pads_count % 2 != 0 || a->pads_count / 2 > dims->n)
        return RT_FAIL(SHAPE, "pad: %lld numbers for %s, expected two for each of the last axes",
                       (long long)a->pads_count, rt_describe(a->x));
    for (int64_t i = 0; i < a->pads_count / 2; i++) {
        int64_t before = a->pads[2 * i], after = a->pads[2 * i + 1];
        int64_t *size = &dims->d[dims->n - 1 - i];
        bool cuts = a->mode == RT_PAD_CONSTANT || a->mode == RT_PAD_CIRCULAR;
        bool gone = cuts && *size < added(-before) + added(-after);
        if (gone || __builtin_add_overflow(*size, before, size) ||
            __builtin_add_overflow(*size, after, size) || *size < 0)
            return RT_FAIL(RANGE, "pad: %lld and %lld elements for axis %d of %s: no size is left",
                           (long long)before, (long long)after, dims->n - 1 - (int)i,
                           rt_describe(a->x));
    }
    return rt__dims_numel(*dims, "pad") < 0 ? rt_error_code() : RT_OK;
}

RT_COMPOSITE(pad, rt_pad_args, RT_PAD_FIELDS,
             "y = x with elements before and after its last axes, or without some")
{
    rt_dims dims;
    if (padded_dims(a, &dims) != RT_OK)
        return NULL;
    return a->mode == RT_PAD_CONSTANT ? pad_with(a, dims) : pad_by_index(a, dims);
}

rt_tensor *rt_pad_(rt_pad_args a)
{
    return rt_apply(&rt__op_pad, &a);
}
