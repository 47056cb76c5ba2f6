/* Copies of tensors with their elements repeated: expanded views that are merged, which makes one copy. */
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/base/thread.h"
#include "worker/engine/ops/ops.h"

/* ---- the whole, along each axis ---- */

#define REPEAT_FIELDS(F)                                                                           \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, times, RT_NEEDED, RT_ANY, "for each axis of y; 0 or more")
typedef struct RT_DESIGNATED repeat_args {
    RT_STRUCT(REPEAT_FIELDS)
} repeat_args;

static rt_dims with_leading_ones(rt_dims d, int n)
{
    rt_dims all = {.n = n};
    for (int i = 0; i < n; i++)
        all.d[i] = i < n - d.n ? 1 : d.d[i - (n - d.n)];
    return all;
}

/* Repeats along one axis of a tensor that has as many axes as there can be. */
static rt_tensor *repeat_by_cat(rt_tensor *x, int axis, int64_t times)
{
    if (times > INT32_MAX)
        return RT_FAIL_NULL(RANGE, "repeat: %lld times axis %d of %s, expected less than 2^31",
                            (long long)times, axis, rt_describe(x));
    rt_tensor **xs = rt_calloc((size_t)times, sizeof *xs);
    for (int64_t i = 0; i < times && xs; i++)
        xs[i] = x;
    rt_tensor *y = xs ? rt_cat(xs, (int)times, axis) : NULL;
    rt_mem_free(xs);
    return y;
}

/* Repeats along as many axes as there is room for: an axis of size n repeated r times is expanded as [r, n] and then merged. Marks
 * what is done with 1. */
static rt_tensor *repeat_some(rt_tensor *x, rt_dims *times)
{
    rt_dims apart = {0}, expanded = {0}, merged = {0};
    int room = RT_MAX_DIMS - x->dims.n;
    for (int i = 0; i < x->dims.n; i++) {
        int64_t n = x->dims.d[i], r = times->d[i];
        bool here = r != 1 && (n == 1 || room > 0);
        if (here && n != 1) {
            apart.d[apart.n++] = 1;
            expanded.d[expanded.n++] = r;
            room--;
        }
        apart.d[apart.n++] = n;
        expanded.d[expanded.n++] = here && n == 1 ? r : n;
        merged.d[merged.n++] = here ? n * r : n; /* repeat checks that it does not overflow */
        if (here)
            times->d[i] = 1;
    }
    return rt_reshape(rt_expand(rt_reshape(x, apart), expanded), merged);
}

static rt_tensor *repeat(const char *what, rt_tensor *x, rt_dims times)
{
    bool some = false;
    if (times.n < x->dims.n)
        return RT_FAIL_NULL(SHAPE, "%s: %s times of %s, expected one number for each axis", what,
                            rt_dims_text(times), rt_describe(x));
    rt_tensor *y = times.n > x->dims.n ? rt_reshape(x, with_leading_ones(x->dims, times.n)) : x;
    rt_dims dims = y ? y->dims : (rt_dims){0};
    for (int i = 0; i < dims.n; i++) {
        if (times.d[i] < 0 || __builtin_mul_overflow(dims.d[i], times.d[i], &dims.d[i]))
            return RT_FAIL_NULL(RANGE,
                                "%s: %s times of %s, expected 0 or more, and no axis longer "
                                "than 2^63",
                                what, rt_dims_text(times), rt_describe(x));
        some |= times.d[i] != 1;
    }
    int64_t numel = rt__dims_numel(dims, what);
    if (!y || numel < 0)
        return NULL;
    if (numel == 0)
        return rt_reshape(rt_narrow(rt_ravel(x), 0, 0, 0), dims);
    if (!some)
        return rt_clone(y);
    for (; y && !rt__dims_equal(y->dims, dims) && y->dims.n < RT_MAX_DIMS;)
        y = repeat_some(y, &times);
    for (int i = 0; y && i < dims.n; i++)
        if (times.d[i] != 1)
            y = y->dims.d[i] == 1 ? repeat_some(y, &times) : repeat_by_cat(y, i, times.d[i]);
    return y;
}

RT_COMPOSITE(repeat, repeat_args, REPEAT_FIELDS, "y = x repeated times[i] times along axis i")
{
    return repeat("repeat", a->x, a->times);
}

rt_tensor *rt_repeat(rt_tensor *x, rt_dims times)
{
    return rt_apply(&rt__op_repeat, &(repeat_args){.x = x, .times = times});
}

#define TILE_FIELDS(F)                                                                             \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(DIMS, times, RT_NEEDED, RT_ANY, "for the last axes; 0 or more")
typedef struct RT_DESIGNATED tile_args {
    RT_STRUCT(TILE_FIELDS)
} tile_args;

RT_COMPOSITE(tile, tile_args, TILE_FIELDS,
             "y = x repeated times[i] times along axis i, both counted from the last")
{
    int n = a->times.n > a->x->dims.n ? a->times.n : a->x->dims.n;
    return repeat("tile", a->x, with_leading_ones(a->times, n));
}

rt_tensor *rt_tile(rt_tensor *x, rt_dims times)
{
    return rt_apply(&rt__op_tile, &(tile_args){.x = x, .times = times});
}

/* ---- each element ---- */

/* Returns, for each index of y, that of x: i is there counts[i] times; NULL on failure. */
static rt_tensor *origins(const int64_t *count, int64_t n)
{
    int64_t total = 0;
    for (int64_t i = 0; i < n; i++)
        if (count[i] < 0 || __builtin_add_overflow(total, count[i], &total))
            return RT_FAIL_NULL(RANGE,
                                "repeat_interleave: counts[%lld] is %lld, expected 0 or more, "
                                "and together less than 2^63",
                                (long long)i, (long long)count[i]);
    rt_tensor *index = rt__tensor_new(rt_shape(total), RT_I64);
    int64_t *at = index ? index->data : NULL;
    for (int64_t i = 0; i < n && at; i++)
        for (int64_t k = 0; k < count[i]; k++)
            *at++ = i;
    return index;
}

/* Repeats each index of an axis as often as a tensor says, whose values it reads. */
static rt_tensor *repeat_by(rt_tensor *x, rt_tensor *counts, int axis)
{
    int64_t n = x->dims.d[axis];
    if (counts->dims.n > 1 || (counts->numel != n && counts->numel != 1))
        return RT_FAIL_NULL(SHAPE,
                            "repeat_interleave: counts %s for axis %d of %s, expected [%lld]",
                            rt_describe(counts), axis, rt_describe(x), (long long)n);
    int64_t *count = rt_calloc((size_t)n + 1, sizeof *count);
    rt_tensor *index = NULL;
    if (count && rt_copy_out(counts, count) == RT_OK) {
        for (int64_t i = 1; i < n && counts->numel == 1; i++)
            count[i] = count[0];
        rt_gpu *gpu = rt__thread.gpu;
        rt__thread.gpu = NULL;
        index = origins(count, n);
        rt__thread.gpu = gpu;
    }
    rt_mem_free(count);
    if (!index)
        return NULL;
    return rt_index_select(x, axis, rt_to_device(index, x->device));
}

static rt_tensor *repeat_evenly(rt_tensor *x, int64_t times, int axis)
{
    rt_dims dims = x->dims;
    if (__builtin_mul_overflow(dims.d[axis], times, &dims.d[axis]))
        return RT_FAIL_NULL(RANGE, "repeat_interleave: %lld times axis %d of %s is more than 2^63",
                            (long long)times, axis, rt_describe(x));
    if (rt__dims_numel(dims, "repeat_interleave") < 0)
        return NULL;
    if (dims.n == RT_MAX_DIMS) { /* there is no room for an axis: that many copies side by side */
        rt_tensor *count = rt_full(rt_shape(), (double)times, RT_I64);
        return count ? repeat_by(x, count, axis) : NULL;
    }
    rt_dims apart = dims;
    apart.n++;
    for (int i = dims.n; i > axis; i--)
        apart.d[i] = i == axis + 1 ? times : dims.d[i - 1];
    apart.d[axis] = x->dims.d[axis];
    return rt_reshape(rt_expand(rt_unsqueeze(x, axis + 1), apart), dims);
}

#define REPEAT_INTERLEAVE_FIELDS(F)                                                                \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(INPUT, counts, RT_OPTIONAL, RT_TYPE(I64), "[n], or one for all")                             \
    F(INT, repeats, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)), "how often; if no counts are given")       \
    F(INT, axis, RT_NOT_GIVEN, RT_MAYBE(RT_ANY_AXIS),                                              \
      "the axis, of size n; not given: x as if it had one axis")
typedef struct RT_DESIGNATED repeat_interleave_args {
    RT_STRUCT(REPEAT_INTERLEAVE_FIELDS)
} repeat_interleave_args;

RT_COMPOSITE(repeat_interleave, repeat_interleave_args, REPEAT_INTERLEAVE_FIELDS,
             "y = x with each index of an axis repeats times, or counts[i] times, in a row")
{
    rt_tensor *x = a->axis == RT_NOT_GIVEN ? rt_ravel(a->x) : a->x;
    if ((a->repeats == RT_NOT_GIVEN) == !a->counts)
        return RT_FAIL_NULL(ARG, "repeat_interleave: %s, expected either repeats or counts",
                            a->counts ? "both are given" : "neither is given");
    int axis = rt__axis("repeat_interleave", a->axis == RT_NOT_GIVEN ? 0 : a->axis,
                        x && x->dims.n ? x->dims.n : 1);
    x = x && x->dims.n == 0 ? rt_reshape(x, rt_shape(1)) : x;
    if (axis < 0 || !x)
        return NULL;
    return a->counts ? repeat_by(x, a->counts, axis) : repeat_evenly(x, a->repeats, axis);
}

rt_tensor *rt_repeat_interleave_(rt_repeat_interleave_args a)
{
    return rt_apply(&rt__op_repeat_interleave,
                    &(repeat_interleave_args){
                        .x = a.x, .counts = a.counts, .repeats = a.repeats, .axis = a.axis});
}
