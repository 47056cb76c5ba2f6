/* Products that are added to a tensor: y = beta x + alpha a b. 16-bit types are computed in float32 and rounded once. */
#include "common/base/error.h"
#include "worker/engine/ops/matmul/matrix.h"
#include "worker/engine/ops/pointwise/composites.h"
#include <math.h>

/* Returns s x; for bool, x or only falses. */
static rt_tensor *times(rt_tensor *x, double s)
{
    if (!x || s == 1)
        return x;
    if (x->dtype == RT_BOOL)
        return s != 0 ? x : rt_logical_and(x, rt_full(rt_shape(), 0, RT_BOOL));
    return rt_mul_scalar(x, s);
}

/* Fails if a factor of integers has a fraction, or x does not broadcast to the shape. */
static rt_status check(const char *what, const rt_addmm_args *a, rt_dims dims)
{
    rt_dims both;
    bool whole = a->beta == floor(a->beta) && a->alpha == floor(a->alpha);
    if (!whole && rt__dtype_is_whole(rt__result_type((rt_tensor *[]){a->x, a->a, a->b}, 3)))
        return RT_FAIL(ARG, "%s: beta %g and alpha %g: integers need whole factors", what, a->beta,
                       a->alpha);
    if (rt__broadcast(what, a->x->dims, dims, &both) == RT_OK && !rt__dims_equal(both, dims))
        return RT_FAIL(SHAPE, "%s: x is %s, which does not broadcast to the product, %s", what,
                       rt_dims_text(a->x->dims), rt_dims_text(dims));
    return rt_error_code();
}

/* Returns beta x, as zeros with a gradient of zeros if beta is 0, or NULL if there is nothing to add. */
static rt_tensor *addend(const rt_addmm_args *a)
{
    if (a->beta != 0)
        return times(rt__widened(a->x), a->beta);
    if (!rt_requires_grad(a->x))
        return NULL;
    return rt_masked_fill(rt__widened(a->x), rt_full(rt_shape(), 1, RT_BOOL), 0);
}

static rt_tensor *added(const char *what, const rt_addmm_args *a, rt_tensor *product)
{
    if (!product || check(what, a, product->dims) != RT_OK)
        return NULL;
    rt_tensor *y = times(product, a->alpha), *x = addend(a);
    return rt_to(x ? rt_add(y, x) : y, a->x->dtype);
}

/* Returns whether the product can add x by itself: a row of floats. */
static bool is_linear(const rt_addmm_args *a)
{
    return rt__dtype_is_float(a->x->dtype) && a->beta == 1 && a->alpha == 1 && a->x->dims.n == 1 &&
           a->a->dims.n == 2 && a->b->dims.n == 2 && a->a->dims.d[1] == a->b->dims.d[0] &&
           a->x->dims.d[0] == a->b->dims.d[1];
}

RT_COMPOSITE(addmm, rt_addmm_args, RT_ADDMM_FIELDS, "y = beta x + alpha a b, matrices")
{
    if (is_linear(a))
        return rt_linear(a->a, rt_t(a->b), a->x);
    rt_tensor *y = rt__plain_product("addmm", rt__widened(a->a), 2, rt__widened(a->b), 2);
    return added("addmm", a, y);
}

RT_COMPOSITE(addmv, rt_addmm_args, RT_ADDMM_FIELDS, "y = beta x + alpha a b, a matrix and a vector")
{
    rt_tensor *y = rt__plain_product("addmv", rt__widened(a->a), 2, rt__widened(a->b), 1);
    return added("addmv", a, y);
}

RT_COMPOSITE(baddbmm, rt_addmm_args, RT_ADDMM_FIELDS,
             "y[i] = beta x[i] + alpha a[i] b[i], matrices")
{
    rt_tensor *y = rt__plain_product("baddbmm", rt__widened(a->a), 3, rt__widened(a->b), 3);
    return added("baddbmm", a, y);
}

/* The sum over the batch is part of one product of [m, batch k] and [batch k, n]. */
RT_COMPOSITE(addbmm, rt_addmm_args, RT_ADDMM_FIELDS,
             "y = beta x + alpha (sum of a[i] b[i] over i), matrices")
{
    if (!rt__has_axes("addbmm", "a", a->a, 3) || !rt__has_axes("addbmm", "b", a->b, 3))
        return NULL;
    if (a->a->dims.d[0] != a->b->dims.d[0] || a->a->dims.d[2] != a->b->dims.d[1])
        return RT_FAIL_NULL(SHAPE, "addbmm: %s and %s: expected [batch, m, k] and [batch, k, n]",
                            rt_dims_text(a->a->dims), rt_dims_text(a->b->dims));
    rt_tensor *y = rt_tensordot(rt__widened(a->a), rt__widened(a->b), .axes_a = rt_shape(0, 2),
                                .axes_b = rt_shape(0, 1));
    return added("addbmm", a, y);
}

RT_COMPOSITE(addr, rt_addmm_args, RT_ADDR_FIELDS, "y[i, j] = beta x[i, j] + alpha a[i] b[j]")
{
    return added("addr", a, rt_outer(rt__widened(a->a), rt__widened(a->b)));
}

#define CALLS_ADDED(id)                                                                            \
    rt_tensor *rt_##id##_(rt_addmm_args a)                                                         \
    {                                                                                              \
        return rt_apply(&rt__op_##id, &a);                                                         \
    }
CALLS_ADDED(addmm)
CALLS_ADDED(addmv)
CALLS_ADDED(addbmm)
CALLS_ADDED(baddbmm)
CALLS_ADDED(addr)
