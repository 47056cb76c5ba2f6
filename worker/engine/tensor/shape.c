/* Shape arithmetic. */
#include "worker/engine/tensor/tensor.h"

#include "common/base/error.h"
#include "worker/engine/base/thread.h"
#include <stdio.h>
#include <string.h>

static bool has_empty_axis(const rt_dims *d)
{
    for (int i = 0; i < d->n; i++)
        if (d->d[i] == 0)
            return true;
    return false;
}

int64_t rt__dims_numel(rt_dims d, const char *what)
{
    if (d.n < 0 || d.n > RT_MAX_DIMS)
        return RT_FAIL(SHAPE, "%s: %d axes, expected 0 to %d", what, d.n, RT_MAX_DIMS), -1;
    /* `full` counts an empty axis as 1, because operations multiply the sizes of others. */
    int64_t n = 1, full = 1;
    for (int i = 0; i < d.n; i++) {
        if (d.d[i] < 0)
            return RT_FAIL(SHAPE, "%s: negative size in %s", what, rt_dims_text(d)), -1;
        if (__builtin_mul_overflow(full, d.d[i] > 0 ? d.d[i] : 1, &full))
            return RT_FAIL(SHAPE, "%s: shape %s has more than 2^63 elements%s", what,
                           rt_dims_text(d), has_empty_axis(&d) ? " beside its empty axis" : ""),
                   -1;
        n *= d.d[i];
    }
    return n;
}

void rt__dims_strides(rt_dims d, int64_t *stride)
{
    int64_t n = 1;
    for (int i = d.n - 1; i >= 0; i--) {
        stride[i] = n; /* may wrap around for a shape that will be refused */
        (void)__builtin_mul_overflow(n, d.d[i] > 0 ? d.d[i] : 1, &n);
    }
}

rt_status rt__broadcast(const char *what, rt_dims a, rt_dims b, rt_dims *out)
{
    out->n = a.n > b.n ? a.n : b.n;
    for (int i = 1; i <= out->n; i++) {
        int64_t p = i <= a.n ? a.d[a.n - i] : 1;
        int64_t q = i <= b.n ? b.d[b.n - i] : 1;
        if (p != q && p != 1 && q != 1)
            return RT_FAIL(SHAPE, "%s: shapes %s and %s do not broadcast", what, rt_dims_text(a),
                           rt_dims_text(b));
        out->d[out->n - i] = p == 1 ? q : p;
    }
    return RT_OK;
}

void rt__broadcast_strides(const rt_tensor *x, rt_dims dims, int64_t *stride)
{
    int lead = dims.n - x->dims.n;
    for (int i = 0; i < dims.n; i++)
        stride[i] =
            i < lead || (x->dims.d[i - lead] == 1 && dims.d[i] != 1) ? 0 : x->stride[i - lead];
}

int rt__axis(const char *what, int64_t axis, int n)
{
    if (axis >= -n && axis < n)
        return (int)(axis < 0 ? axis + n : axis);
    if (n == 0)
        return RT_FAIL(RANGE, "%s: axis %lld of a scalar, which has none", what, (long long)axis),
               -1;
    return RT_FAIL(RANGE, "%s: axis %lld, expected %d to %d", what, (long long)axis, -n, n - 1), -1;
}

int rt__axis_or_scalar(const char *what, int64_t axis, int n)
{
    return rt__axis(what, axis, n > 0 ? n : 1);
}

const char *rt_dims_text(rt_dims d)
{
    char *text = rt__text();
    size_t at = (size_t)snprintf(text, RT_TEXT_SIZE, "[");
    for (int i = 0; i < d.n && i < RT_MAX_DIMS; i++)
        at +=
            (size_t)snprintf(text + at, RT_TEXT_SIZE - at, i ? ",%lld" : "%lld", (long long)d.d[i]);
    snprintf(text + at, RT_TEXT_SIZE - at, "]");
    return text;
}
