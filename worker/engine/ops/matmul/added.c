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

/* Cuts the fractions of factors of integers, as PyTorch does; fails if one is no int64. */
static rt_status cut_fractions(const char *what, rt_addmm_args *a)
{
    rt_dtype type = rt__result_type((rt_tensor *[]){a->x, a->a, a->b}, 3);
    if (type == RT_BOOL || !rt__dtype_is_whole(type))
        return RT_OK;
    if (!(fabs(a->beta) < 0x1p63) || !(fabs(a->alpha) < 0x1p63))
        return RT_FAIL(ARG, "%s: beta %g and alpha %g: those of integers must fit into int64", what,
                       a->beta, a->alpha);
    a->beta = trunc(a->beta);
    a->alpha = trunc(a->alpha);
    return RT_OK;
}

/* Fails if x does not broadcast to the shape. */
static rt_status check(const char *what, const rt_addmm_args *a, rt_dims dims)
{
    rt_dims both;
    if (rt__broadcast(what, a->x->dims, dims, &both) == RT_OK && !rt__dims_equal(both, dims))
        return RT_FAIL(SHAPE, "%s: x is %s, which does not broadcast to the product, %s", what,
                       rt_dims_text(a->x->dims), rt_dims_text(dims));
    return rt_error_code();
}

/* Returns zeros in the place of x, NaN too, with a gradient of zeros. */
static rt_tensor *ignored(rt_tensor *x)
{
    return rt_masked_fill(x, rt_full(rt_shape(), 1, RT_BOOL), 0);
}

/* Returns beta x, or NULL if there is nothing to add. */
static rt_tensor *addend(const rt_addmm_args *a)
{
    if (a->beta != 0)
        return times(rt__widened(a->x), a->beta);
    return rt_requires_grad(a->x) ? ignored(rt__widened(a->x)) : NULL;
}

static rt_tensor *added(const char *what, const rt_addmm_args *given, rt_tensor *product)
{
    rt_addmm_args a = *given;
    if (!product || check(what, &a, product->dims) != RT_OK || cut_fractions(what, &a) != RT_OK)
        return NULL;
    rt_tensor *y = a.alpha != 0 ? times(product, a.alpha) : ignored(product), *x = addend(&a);
    return rt_to(x ? rt_add(y, x) : y, a.x->dtype);
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

/* ---- in place ---- */

RT_COMPOSITE(addmm_, rt_addmm_args, RT_ADDMM_FIELDS, "x = beta x + alpha a b, matrices",
             .writes = true)
{
    return rt__put_in_place("addmm", a->x, rt_addmm_(*a));
}

RT_COMPOSITE(addmv_, rt_addmm_args, RT_ADDMM_FIELDS,
             "x = beta x + alpha a b, a matrix and a vector", .writes = true)
{
    return rt__put_in_place("addmv", a->x, rt_addmv_(*a));
}

RT_COMPOSITE(baddbmm_, rt_addmm_args, RT_ADDMM_FIELDS,
             "x[i] = beta x[i] + alpha a[i] b[i], matrices", .writes = true)
{
    return rt__put_in_place("baddbmm", a->x, rt_baddbmm_(*a));
}

RT_COMPOSITE(addbmm_, rt_addmm_args, RT_ADDMM_FIELDS,
             "x = beta x + alpha (sum of a[i] b[i] over i), matrices", .writes = true)
{
    return rt__put_in_place("addbmm", a->x, rt_addbmm_(*a));
}

/* Nothing is converted, because x must remain x. */
#define ADDR_IN_PLACE_FIELDS(F)                                                                    \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "[m, n]")                                                  \
    F(INPUT, a, RT_NEEDED, RT_ANY_TYPE, "[m]")                                                     \
    F(INPUT, b, RT_NEEDED, RT_ANY_TYPE, "[n]")                                                     \
    RT_ADDMM_FACTORS(F)

RT_COMPOSITE(addr_, rt_addmm_args, ADDR_IN_PLACE_FIELDS, "x[i, j] = beta x[i, j] + alpha a[i] b[j]",
             .writes = true)
{
    return rt__put_in_place("addr", a->x, rt_addr_(*a));
}

#define CALLS_ADDED(id)                                                                            \
    rt_tensor *rt_##id##_(rt_addmm_args a)                                                         \
    {                                                                                              \
        return rt_apply(&rt__op_##id, &a);                                                         \
    }                                                                                              \
    rt_tensor *rt_##id##_inplace_(rt_addmm_args a)                                                 \
    {                                                                                              \
        return rt_apply(&rt__op_##id##_, &a);                                                      \
    }
CALLS_ADDED(addmm)
CALLS_ADDED(addmv)
CALLS_ADDED(addbmm)
CALLS_ADDED(baddbmm)
CALLS_ADDED(addr)
