/* Products of matrices and vectors that come down to rt_matmul or to elementwise products. */
#include "common/base/error.h"
#include "worker/engine/ops/matmul/matrix.h"
#include "worker/engine/ops/pointwise/composites.h"

#define FACTORS_FIELDS(F)                                                                          \
    F(INPUT, a, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "the first factor")                          \
    F(INPUT, b, RT_NEEDED, RT_SAME | RT_MATRIX_TYPES, "the second factor")

bool rt__has_axes(const char *what, const char *name, const rt_tensor *x, int n)
{
    if (x && x->dims.n != n)
        rt_fail(RT_E_SHAPE, "%s: %s is %s, expected %d %s", what, name, rt_dims_text(x->dims), n,
                n == 1 ? "axis" : "axes");
    return x && x->dims.n == n;
}

rt_tensor *rt__plain_product(const char *what, rt_tensor *a, int na, rt_tensor *b, int nb)
{
    if (!rt__has_axes(what, "a", a, na) || !rt__has_axes(what, "b", b, nb))
        return NULL;
    int64_t k = a->dims.d[na - 1], kb = b->dims.d[nb > 1 ? nb - 2 : 0];
    if (k != kb || (na == 3 && a->dims.d[0] != b->dims.d[0]))
        return RT_FAIL_NULL(SHAPE, "%s: %s and %s: %s differ", what, rt_dims_text(a->dims),
                            rt_dims_text(b->dims), k != kb ? "the inner sizes" : "the batches");
    return rt_matmul(a, b);
}

RT_COMPOSITE(mm, rt_two_args, FACTORS_FIELDS, "y = a b, matrices")
{
    return rt__plain_product("mm", a->a, 2, a->b, 2);
}
RT_CALLS_TWO(mm)

RT_COMPOSITE(bmm, rt_two_args, FACTORS_FIELDS, "y[i] = a[i] b[i], matrices")
{
    return rt__plain_product("bmm", a->a, 3, a->b, 3);
}
RT_CALLS_TWO(bmm)

RT_COMPOSITE(mv, rt_two_args, FACTORS_FIELDS, "y = a b, a matrix and a vector")
{
    return rt__plain_product("mv", a->a, 2, a->b, 1);
}
RT_CALLS_TWO(mv)

RT_COMPOSITE(dot, rt_two_args, FACTORS_FIELDS, "y = sum of a b, vectors")
{
    return rt__plain_product("dot", a->a, 1, a->b, 1);
}
RT_CALLS_TWO(dot)

RT_COMPOSITE(vdot, rt_two_args, FACTORS_FIELDS, "y = sum of conj(a) b, vectors")
{
    return rt__plain_product("vdot", rt_conj(a->a), 1, a->b, 1);
}
RT_CALLS_TWO(vdot)

RT_COMPOSITE(inner, rt_two_args, FACTORS_FIELDS, "y = a b summed over the last axis of both")
{
    int na = a->a->dims.n, nb = a->b->dims.n;
    if (na == 0 || nb == 0)
        return rt_mul(a->a, a->b);
    if (a->a->dims.d[na - 1] != a->b->dims.d[nb - 1])
        return RT_FAIL_NULL(SHAPE, "inner: %s and %s: the last sizes differ",
                            rt_dims_text(a->a->dims), rt_dims_text(a->b->dims));
    return rt_tensordot(a->a, a->b, .axes_a = rt_shape(-1), .axes_b = rt_shape(-1));
}
RT_CALLS_TWO(inner)

RT_COMPOSITE(outer, rt_two_args, RT_TWO_FIELDS, "y[i, j] = a[i] b[j], vectors")
{
    if (!rt__has_axes("outer", "a", a->a, 1) || !rt__has_axes("outer", "b", a->b, 1))
        return NULL;
    return rt_mul(rt_unsqueeze(a->a, 1), a->b);
}
RT_CALLS_TWO(outer)

/* ---- Kronecker's product ---- */

/* Returns the size of axis i of n, counted with sizes of 1 in front of x's own. */
static int64_t size_at(const rt_tensor *x, int i, int n)
{
    int own = i - (n - x->dims.n);
    return own < 0 ? 1 : x->dims.d[own];
}

RT_COMPOSITE(kron, rt_two_args, RT_TWO_FIELDS, "y = each element of a times the whole of b")
{
    int n = a->a->dims.n > a->b->dims.n ? a->a->dims.n : a->b->dims.n, apart = 0;
    int64_t da[2 * RT_MAX_DIMS], db[2 * RT_MAX_DIMS];
    rt_dims both = {.n = n}, of_a = {0}, of_b = {0};
    for (int i = 0; i < n; i++) {
        int64_t size_a = size_at(a->a, i, n), size_b = size_at(a->b, i, n);
        bool split = size_a != 1 && size_b != 1;
        da[apart] = size_a;
        db[apart++] = split ? 1 : size_b;
        da[apart] = 1;
        db[apart] = size_b;
        apart += split;
        if (__builtin_mul_overflow(size_a, size_b, &both.d[i]))
            return RT_FAIL_NULL(SHAPE, "kron: %s and %s: the product is too large",
                                rt_dims_text(a->a->dims), rt_dims_text(a->b->dims));
    }
    if (apart > RT_MAX_DIMS)
        return RT_FAIL_NULL(SHAPE,
                            "kron: %s and %s: the axes, where those that are longer than 1 in both "
                            "count twice, are %d, more than %d",
                            rt_dims_text(a->a->dims), rt_dims_text(a->b->dims), apart, RT_MAX_DIMS);
    for (int i = 0; i < apart; i++) {
        of_a.d[of_a.n++] = da[i];
        of_b.d[of_b.n++] = db[i];
    }
    return rt_reshape(rt_mul(rt_reshape(a->a, of_a), rt_reshape(a->b, of_b)), both);
}
RT_CALLS_TWO(kron)

/* ---- vectors in space ---- */

/* Returns the axis counted from 0, or -1 with an error. */
static int axis_of_three(const rt_cross_args *a, const rt_dims *dims)
{
    if (a->axis != RT_NOT_GIVEN) {
        int axis = rt__axis("cross", a->axis, dims->n);
        if (axis >= 0 && (a->a->dims.d[axis] != 3 || a->b->dims.d[axis] != 3))
            return RT_FAIL(SHAPE, "cross: %s and %s: axis %d must have size 3",
                           rt_dims_text(a->a->dims), rt_dims_text(a->b->dims), axis),
                   -1;
        return axis;
    }
    for (int i = 0; i < dims->n; i++)
        if (a->a->dims.d[i] == 3 && a->b->dims.d[i] == 3)
            return i;
    return RT_FAIL(SHAPE, "cross: %s and %s: no axis has size 3 in both", rt_dims_text(a->a->dims),
                   rt_dims_text(a->b->dims)),
           -1;
}

RT_COMPOSITE(cross, rt_cross_args, RT_CROSS_FIELDS,
             "y = (a1 b2 - a2 b1, a2 b0 - a0 b2, a0 b1 - a1 b0) along the axis")
{
    rt_dims dims;
    if (a->a->dims.n != a->b->dims.n)
        return RT_FAIL_NULL(SHAPE, "cross: %s and %s: expected as many axes",
                            rt_dims_text(a->a->dims), rt_dims_text(a->b->dims));
    if (rt__broadcast("cross", a->a->dims, a->b->dims, &dims) != RT_OK)
        return NULL;
    int axis = axis_of_three(a, &dims);
    rt_tensor *x = rt_expand(a->a, dims), *y = rt_expand(a->b, dims), *part[3];
    if (axis < 0)
        return NULL;
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        rt_tensor *first = rt_mul(rt_select(x, axis, j), rt_select(y, axis, k));
        part[i] = rt_addcmul(first, rt_select(x, axis, k), rt_select(y, axis, j), .value = -1);
    }
    return rt_stack(part, 3, axis);
}
RT_CALLS(cross)

/* ---- bilinear forms ---- */

static rt_status check_bilinear(const rt_bilinear_args *a)
{
    rt_dims of_a = a->a->dims, of_b = a->b->dims, w = a->w->dims;
    bool fits = of_a.n > 0 && of_b.n > 0 && w.n == 3 && of_a.d[of_a.n - 1] == w.d[1] &&
                of_b.d[of_b.n - 1] == w.d[2];
    if (fits) {
        of_a.n--, of_b.n--;
        fits = rt__dims_equal(of_a, of_b);
    }
    if (!fits)
        return RT_FAIL(SHAPE,
                       "bilinear: a %s, b %s and w %s: expected [..., in1], [..., in2] and [out, "
                       "in1, in2]",
                       rt_dims_text(a->a->dims), rt_dims_text(a->b->dims), rt_dims_text(w));
    if (a->bias && (a->bias->dims.n != 1 || a->bias->dims.d[0] != w.d[0]))
        return RT_FAIL(SHAPE, "bilinear: bias %s, expected [%lld]", rt_dims_text(a->bias->dims),
                       (long long)w.d[0]);
    return RT_OK;
}

/* One product of all rows of a with w as a matrix [in1, out in2], then one for each row of b. */
RT_COMPOSITE(bilinear, rt_bilinear_args, RT_BILINEAR_FIELDS,
             "y[..., o] = sum of a[..., i] w[o, i, j] b[..., j] over i and j, plus bias[o]")
{
    if (check_bilinear(a) != RT_OK)
        return NULL;
    rt_dims w = a->w->dims, dims = a->a->dims;
    rt_tensor *x = rt__as_rows("bilinear", rt__widened(a->a)),
              *y = rt__as_rows("bilinear", rt__widened(a->b)), *bias = rt__widened(a->bias);
    rt_tensor *table = rt_permute(rt__widened(a->w), rt_shape(1, 0, 2));
    if (!x || !y)
        return NULL;
    rt_tensor *part = rt_matmul(x, rt_flatten(table, 1, 2));
    part = rt_unflatten(part, 1, rt_shape(w.d[0], w.d[2]));
    rt_tensor *sum = rt_squeeze(rt_matmul(part, rt_unsqueeze(y, 2)), 2);
    dims.d[dims.n - 1] = w.d[0];
    return rt_to(rt_reshape(bias ? rt_add(sum, bias) : sum, dims), a->a->dtype);
}
RT_CALLS(bilinear)
