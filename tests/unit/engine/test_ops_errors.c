/* Tests of the exact messages of calls that operations refuse, one row per mistake, and of a few
 * results that need no table. */
#include "check.h"

#include <float.h>
#include <math.h>

static rt_tensor *f(rt_dims dims)
{
    return rt_ones(dims);
}

static rt_tensor *i(rt_dims dims)
{
    return rt_ones(dims, RT_I64);
}

static rt_tensor *parts[4];

/* Returns a result of a call that makes `count` of them. */
static rt_tensor *several(int count)
{
    return count > 0 ? parts[0] : NULL;
}

static rt_tensor *z(rt_dims dims)
{
    return rt_ones(dims, RT_C64);
}

#define MISTAKE(name, expression, code, message)                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        assert_null(expression);                                                                   \
        assert_error(code, message);                                                               \
    }
#include "mistakes.def"
#undef MISTAKE

static void first_error_is_kept_and_everything_after_it_is_nothing(void **state)
{
    (void)state;
    rt_tensor *bad = rt_add(f(rt_shape(2)), f(rt_shape(3)));
    /* no bias (NULL), but a failed input */
    rt_tensor *y = rt_linear(rt_relu(bad), f(rt_shape(4, 2)), NULL);
    assert_null(rt_cross_entropy(y, i(rt_shape(2)), .label_smoothing = 9));
    assert_int_equal(rt_backward(y), RT_E_SHAPE);
    assert_error(SHAPE, "add: shapes [2] and [3] do not broadcast");
}

static void nan_goes_through(void **state)
{
    (void)state;
    const float v[] = {1, NAN, -3, 2};
    rt_tensor *x = rt_from(v, rt_shape(1, 1, 2, 2), RT_F32);
    assert_true(isnan(rt_item(rt_amax(x))) && isnan(rt_item(rt_amin(x))));
    assert_true(isnan(rt_item(rt_max_pool2d(x, {2, 2}))));
    assert_true(isnan(rt_f32(rt_relu(x))[1]));
    assert_true(isnan(rt_f32(rt_maximum(x, rt_scalar(0)))[1]));
    assert_int_equal(rt_item(rt_argmax(rt_reshape(x, rt_shape(4)), 0)), 1);
    assert_true(isnan(rt_item(rt_mean(rt_zeros(rt_shape(0))))));
    assert_true(rt_item(rt_sum(rt_zeros(rt_shape(0)))) == 0);
}

/* ---- special values, with the results of PyTorch 1.13 ---- */

/* Compares values; NaN equals NaN. */
static void assert_edges(const rt_tensor *x, const float *expected)
{
    const float *v = rt_f32(x);
    for (int64_t k = 0; k < rt_numel(x); k++)
        if (v[k] != expected[k] && !(isnan(v[k]) && isnan(expected[k])))
            fail_msg("element %d: %g, expected %g", (int)k, (double)v[k], (double)expected[k]);
}

/* EDGE(name, x, t, y of them, y, dy/dx for a sum of y, dy/dt or NULL) */
#define V(...) ((const float[]){__VA_ARGS__})
#define EDGES                                                                                      \
    EDGE(bce, V(INFINITY, -INFINITY, INFINITY, -INFINITY, 0, NAN), V(.5f, .5f, 1, 0, .5f, .5f),    \
         rt_bce_with_logits_loss(x, t, .reduction = RT_NONE),                                      \
         V(INFINITY, NAN, NAN, NAN, 0x1.62e43p-1f, NAN), V(.5f, -.5f, 0, 0, 0, NAN), NULL)         \
    EDGE(binary_cross_entropy, V(0, 1, 0, 1, .5f, NAN), V(0, 1, 1, 0, 1, 1),                       \
         rt_binary_cross_entropy(x, t, .reduction = RT_NONE),                                      \
         V(0, 0, 100, 100, 0x1.62e43p-1f, NAN), V(0, 0, -1e12f, 1e12f, -2, NAN), NULL)             \
    EDGE(kl_div, V(0, -1, 0, 0, -1, NAN), V(0, 0, 1, -1, NAN, 1),                                  \
         rt_kl_div(x, t, .reduction = RT_NONE), V(0, 0, 0, NAN, NAN, NAN),                         \
         V(0, 0, -1, 1, NAN, -1), NULL)                                                            \
    EDGE(huber, V(1, -1, INFINITY, NAN, 3, 0), V(0, 0, 0, 0, 0, 0),                                \
         rt_huber_loss(x, t, .reduction = RT_NONE), V(.5f, .5f, INFINITY, NAN, 2.5f, 0),           \
         V(1, -1, 1, NAN, 1, 0), NULL)                                                             \
    EDGE(silu, V(3e7f, INFINITY, -INFINITY, -3e7f, NAN, 20), V(0, 0, 0, 0, 0, 0), rt_silu(x),      \
         V(3e7f, INFINITY, NAN, -0.f, NAN, 20), V(1, NAN, NAN, -0.f, NAN, 1), NULL)                \
    EDGE(mse, V(2e38f, -3e38f, 1, 0, 0, 0), V(0, 0, 0, 0, 0, 0),                                   \
         rt_mul_scalar(rt_mse_loss(x, t, RT_NONE), .25), V(INFINITY, INFINITY, .25f, 0, 0, 0),     \
         V(1e38f, -1.5e38f, .5f, 0, 0, 0), NULL)                                                   \
    EDGE(power, V(0, 0, 0, -0.f, -0.f, 2), V(1, -1, 0, -1, -2, -1), rt_pow(x, t),                  \
         V(0, INFINITY, 1, -INFINITY, INFINITY, .5f),                                              \
         V(1, -INFINITY, 0, -INFINITY, INFINITY, -.25f),                                           \
         V(0, -INFINITY, 0, INFINITY, -INFINITY, 0x1.62e43p-2f))                                   \
    EDGE(fmod, V(5.5f, -5.5f, 5.5f, INFINITY, 1, 1e30f), V(2, 2, -2, 2, INFINITY, 3),              \
         rt_fmod(x, t), V(1.5f, -1.5f, 1.5f, NAN, 1, 0), V(1, 1, 1, 1, 1, 1),                      \
         V(-2, 2, 2, -INFINITY, 0, -3.3333333834e29f))                                             \
    EDGE(fmod_by_zero, V(5.5f, 0, 3, NAN, -1, 2), V(0, 0, NAN, 1, 0, -0.f), rt_fmod(x, t),         \
         V(NAN, NAN, NAN, NAN, NAN, NAN), V(1, 1, 1, 1, 1, 1),                                     \
         V(-INFINITY, NAN, NAN, NAN, INFINITY, INFINITY))                                          \
    EDGE(remainder, V(5.5f, -5.5f, 5.5f, INFINITY, 1, -1), V(2, 2, -2, 2, INFINITY, INFINITY),     \
         rt_remainder(x, t), V(1.5f, .5f, -.5f, NAN, 1, INFINITY), V(1, 1, 1, 1, 1, 1),            \
         V(-2, 3, 3, NAN, 0, 1))                                                                   \
    EDGE(div_floor, V(5.5f, -5.5f, 1, -1, .6f, -1), V(2, 2, 0, 0, .2f, INFINITY),                  \
         rt_add(rt_div_floor(x, t), rt_mul_scalar(x, 0)), V(2, -3, INFINITY, -INFINITY, 3, -1),    \
         V(0, 0, 0, 0, 0, 0), NULL)                                                                \
    EDGE(fmax, V(1, NAN, 1, NAN, 2, -INFINITY), V(1, 1, NAN, NAN, 3, 0), rt_fmax(x, t),            \
         V(1, 1, 1, NAN, 3, 0), V(.5f, 0, 1, 1, 0, 0), V(.5f, 1, 0, 0, 1, 1))                      \
    EDGE(fmin, V(1, NAN, 1, NAN, 2, -INFINITY), V(1, 1, NAN, NAN, 3, 0), rt_fmin(x, t),            \
         V(1, 1, 1, NAN, 2, -INFINITY), V(.5f, 0, 1, 1, 1, 1), V(.5f, 1, 0, 0, 0, 0))              \
    EDGE(clamp_min, V(1, NAN, 1, 2, -3, -INFINITY), V(1, 1, NAN, 1, -2, 0), rt_clamp_min(x, t),    \
         V(1, NAN, NAN, 2, -2, 0), V(.5f, 1, 1, 1, 0, 0), V(.5f, 1, 1, 0, 1, 1))                   \
    EDGE(clamp_max, V(1, NAN, 1, 2, -3, -INFINITY), V(1, 1, NAN, 1, -2, 0), rt_clamp_max(x, t),    \
         V(1, NAN, NAN, 1, -3, -INFINITY), V(.5f, 1, 1, 0, 1, 1), V(.5f, 1, 1, 1, 0, 0))           \
    EDGE(logaddexp, V(INFINITY, -INFINITY, INFINITY, NAN, 100, -INFINITY),                         \
         V(INFINITY, -INFINITY, -INFINITY, 1, -200, 3), rt_logaddexp(x, t),                        \
         V(INFINITY, -INFINITY, INFINITY, NAN, 100, 3), V(NAN, NAN, 1, NAN, 1, 0),                 \
         V(NAN, NAN, 0, NAN, 0, 1))                                                                \
    EDGE(logaddexp2, V(INFINITY, -INFINITY, INFINITY, NAN, 100, -INFINITY),                        \
         V(INFINITY, -INFINITY, -INFINITY, 1, -200, 3), rt_logaddexp2(x, t),                       \
         V(INFINITY, -INFINITY, INFINITY, NAN, 100, 3), V(NAN, NAN, 1, NAN, 1, 0),                 \
         V(NAN, NAN, 0, NAN, 0, 1))                                                                \
    EDGE(xlogy, V(0, 0, 0, 1, 0, 2), V(0, NAN, INFINITY, 0, -1, -1), rt_xlogy(x, t),               \
         V(0, NAN, 0, -INFINITY, 0, NAN), V(0, NAN, INFINITY, -INFINITY, 0, NAN),                  \
         V(NAN, NAN, 0, INFINITY, 0, -2))                                                          \
    EDGE(heaviside, V(0, -1, 1, NAN, -0.f, INFINITY), V(7, 7, 7, 7, NAN, 7),                       \
         rt_add(rt_heaviside(x, t), rt_mul_scalar(rt_nan_to_num(x), 0)), V(7, 0, 1, 0, NAN, 1),    \
         V(0, 0, 0, 0, 0, 0), NULL)                                                                \
    EDGE(softplus, V(20.5f, -INFINITY, INFINITY, NAN, 0, 19), V(0, 0, 0, 0, 0, 0), rt_softplus(x), \
         V(20.5f, 0, INFINITY, NAN, 0x1.62e43p-1f, 19), V(1, 0, 1, NAN, .5f, 1), NULL)             \
    EDGE(mish, V(INFINITY, 25, NAN, 0, -0.f, 200), V(0, 0, 0, 0, 0, 0), rt_mish(x),                \
         V(INFINITY, 25, NAN, 0, 0, 200), V(NAN, 1, NAN, .6f, .6f, 1), NULL)                       \
    EDGE(hardswish, V(3, -3, NAN, INFINITY, -INFINITY, 0), V(0, 0, 0, 0, 0, 0), rt_hardswish(x),   \
         V(3, 0, NAN, INFINITY, NAN, 0), V(1, 0, 1, 1, 0, .5f), NULL)                              \
    EDGE(hardsigmoid, V(3, -3, NAN, INFINITY, -INFINITY, 0), V(0, 0, 0, 0, 0, 0),                  \
         rt_hardsigmoid(x), V(1, 0, NAN, 1, 0, .5f), V(0, 0, 0, 0, 0, 0x1.555556p-3f), NULL)       \
    EDGE(logsigmoid, V(INFINITY, -INFINITY, NAN, -200, 200, 0), V(0, 0, 0, 0, 0, 0),               \
         rt_logsigmoid(x), V(0, -INFINITY, NAN, -200, 0, -0x1.62e43p-1f), V(0, 1, NAN, 1, 0, .5f), \
         NULL)                                                                                     \
    EDGE(nan_to_num, V(INFINITY, -INFINITY, NAN, -0.f, 3, 0), V(0, 0, 0, 0, 0, 0),                 \
         rt_nan_to_num(x, 5), V(FLT_MAX, -FLT_MAX, 5, 0, 3, 0), V(0, 0, 0, 1, 1, 1), NULL)         \
    EDGE(prelu, V(INFINITY, -INFINITY, NAN, -0.f, 0, -2), V(0, 0, 0, 0, 0, 0),                     \
         rt_prelu(x, rt_full(rt_shape(1), .25, RT_F32)), V(INFINITY, -INFINITY, NAN, 0, 0, -.5f),  \
         V(1, .25f, .25f, .25f, .25f, .25f), NULL)                                                 \
    EDGE(clamp, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_clamp(x, -1, 1),           \
         V(-1, 1, 0, NAN, 1, -1), V(0, 0, 1, 0, 0, 0), NULL)                                       \
    EDGE(clamp_to_nan, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_clamp(x, -1, NAN),  \
         V(NAN, NAN, NAN, NAN, NAN, NAN), V(0, 0, 0, 0, 0, 0), NULL)                               \
    EDGE(clamp_from_nan, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0),                      \
         rt_clamp(x, .low = NAN, .high = 1), V(NAN, NAN, NAN, NAN, NAN, NAN), V(0, 0, 0, 0, 0, 0), \
         NULL)                                                                                     \
    EDGE(hardtanh, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_hardtanh(x),            \
         V(-1, 1, 0, NAN, 1, -1), V(0, 0, 1, 1, 0, 0), NULL)                                       \
    EDGE(threshold, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_threshold(x, 1, 5),    \
         V(5, 5, 5, NAN, INFINITY, 5), V(0, 0, 0, 1, 1, 0), NULL)                                  \
    EDGE(hardshrink, V(-1, 1, 0, NAN, INFINITY, -2), V(0, 0, 0, 0, 0, 0), rt_hardshrink(x, 1),     \
         V(0, 0, 0, NAN, INFINITY, -2), V(0, 0, 0, 1, 1, 1), NULL)                                 \
    EDGE(elu, V(-INFINITY, 1, 0, NAN, INFINITY, 200), V(0, 0, 0, 0, 0, 0), rt_elu(x, 2),           \
         V(-2, 1, 0, NAN, INFINITY, 200), V(0, 1, 2, 1, 1, 1), NULL)                               \
    EDGE(lerp, V(1e8f, 1e8f, 1, 1, 1, 1), V(1, 0, .5f, NAN, 1, 0), rt_lerp(x, rt_scalar(3), t),    \
         V(3, 1e8f, 2, NAN, 3, 1), V(0, 1, .5f, NAN, 0, 1), V(3 - 1e8f, 3 - 1e8f, 2, 2, 2, 2))     \
    EDGE(l1, V(NAN, 1, -0.f, 0, -2, 3), V(0, 0, 0, 0, 0, 3), rt_l1_loss(x, t, RT_NONE),            \
         V(NAN, 1, 0, 0, 2, 0), V(0, 1, 0, 0, -1, 0), NULL)

#define EDGE(name, xs, ts, expression, values, dxs, dts)                                           \
    static void edges_of_##name(void **state)                                                      \
    {                                                                                              \
        (void)state;                                                                               \
        rt_tensor *x = rt_param(rt_from(xs, rt_shape(6), RT_F32));                                 \
        rt_tensor *t = rt_param(rt_from(ts, rt_shape(6), RT_F32)), *y = expression;                \
        const float *dx = dxs, *dt = dts;                                                          \
        assert_edges(y, values);                                                                   \
        rt_backward(rt_sum(y));                                                                    \
        assert_edges(rt_grad_of(x), dx);                                                           \
        if (dt)                                                                                    \
            assert_edges(rt_grad_of(t), dt);                                                       \
        rt_free(x);                                                                                \
        rt_free(t);                                                                                \
    }
EDGES
#undef EDGE

/* In training each element below 0 has a slope of its own within the ends, and that is its gradient; the thread's streams give it. */
static void slopes_of_rrelu_are_random(void **state)
{
    (void)state;
    enum { N = 1000 };
    rt_tensor *x = rt_param(rt_full(rt_shape(N), -1, RT_F32)), *y, *again;
    rt_random_seek(1, 2, 3);
    y = rt_rrelu(x, 0.25, 0.75, true);
    again = rt_rrelu(x, 0.25, 0.75, true);
    rt_backward(rt_sum(y));
    double sum = 0;
    int equal = 0;
    for (int k = 0; k < N; k++) {
        double slope = -rt_f32(y)[k];
        assert_true(slope >= 0.25 && slope < 0.75);
        assert_true(rt_f32(rt_grad_of(x))[k] == (float)slope);
        equal += rt_f32(again)[k] == rt_f32(y)[k];
        sum += slope;
    }
    assert_true(fabs(sum / N - 0.5) < 0.03 && equal < 10);
    rt_random_seek(1, 2, 3);
    assert_memory_equal(rt_f32(rt_rrelu(x, 0.25, 0.75, true)), rt_f32(y), N * sizeof(float));
    assert_true(rt_item(rt_rrelu(rt_scalar(-2), 0.25, 0.75)) == -1);
    rt_free(x);
}

/* Of equal elements topk takes the first, and NaN counts as the largest value, whichever end is
 * wanted. */
static void ties_and_nans_of_topk(void **state)
{
    (void)state;
    static const float v[] = {3, NAN, -0.f, 3, INFINITY, 0, NAN, 3};
    rt_tensor *x = rt_param(rt_from(v, rt_shape(8), RT_F32));
    const struct {
        int64_t k;
        bool largest, sorted;
        int64_t index[8];
    } rows[] = {
        {8, true, true, {1, 6, 4, 0, 3, 7, 2, 5}},
        {8, false, true, {2, 5, 0, 3, 7, 4, 1, 6}},
        {4, true, true, {1, 6, 4, 0}},
        {4, true, false, {0, 1, 4, 6}},
        {3, false, false, {0, 2, 5}},
    };
    for (int r = 0; r < COUNT(rows); r++) {
        rt_topk_results best = rt_topk(x, rows[r].k, 0, rows[r].largest, rows[r].sorted);
        float values[8], slopes[8] = {0};
        for (int64_t j = 0; j < rows[r].k; j++) {
            assert_int_equal(rt_i64(best.index)[j], rows[r].index[j]);
            values[j] = v[rows[r].index[j]];
            slopes[rows[r].index[j]] = 1;
        }
        assert_edges(best.values, values);
        assert_false(rt_requires_grad(best.index));
        rt_grad_clear(x);
        rt_backward(rt_sum(best.values));
        assert_edges(rt_grad_of(x), slopes);
    }
    rt_free(x);
}

/* The variance divides only by a count above the correction. */
static void variance_of_too_few(void **state)
{
    (void)state;
    rt_tensor *x = rt_from((const float[]){1, 3}, rt_shape(2), RT_F32);
    assert_values(rt_var_mean(x).var, 2);
    assert_values(rt_var_mean(x, .correction = 0.5).var, 2 / 1.5f);
    assert_true(isinf(rt_item(rt_var_mean(x, .correction = 2).var)));
    assert_true(isinf(rt_item(rt_var_mean(x, .correction = 3).var)));
    assert_true(isnan(rt_item(rt_var_mean(rt_zeros(rt_shape(0))).var)));
    assert_true(isnan(rt_item(rt_var_mean(rt_zeros(rt_shape(0))).mean)));
    assert_true(isnan(rt_item(rt_var_mean(rt_scalar(3)).var)));
    assert_values(rt_var_mean(rt_scalar(3)).mean, 3);
}

static void the_last_nan_of_a_pool_is_chosen(void **state)
{
    (void)state;
    static const float halves[] = {NAN, 1, NAN, 2}, wide[] = {NAN, 1, 3, 4, NAN, 2, 5, 6, 0};
    rt_tensor *x = rt_param(rt_from(halves, rt_shape(1, 1, 2, 2), RT_F32));
    rt_backward(rt_sum(rt_max_pool2d(x, {2, 2})));
    assert_values(rt_grad_of(x), 0, 0, 1, 0);
    rt_tensor *w = rt_param(rt_from(wide, rt_shape(1, 1, 3, 3), RT_F32));
    rt_backward(rt_sum(rt_max_pool2d(w, {3, 3})));
    assert_values(rt_grad_of(w), 0, 0, 0, 0, 1, 0, 0, 0, 0);
    rt_free(x);
    rt_free(w);
}

/* The gradient has no elements, so none of them depends on anything. */
static void the_mean_of_nothing_has_a_second_derivative(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_zeros(rt_shape(0, 3))), *dy = rt_param(rt_ones(rt_shape(3)));
    rt_tensor *dx[1], *ddy[1];
    rt_tensor *y = rt_sum(rt_mul(rt_mean(x, rt_shape(0)), dy));
    assert_int_equal(rt_grad(y, .inputs = &x, .count = 1, .out = dx, .create_graph = true), RT_OK);
    assert_int_equal(rt_grad(rt_sum(dx[0]), .inputs = &dy, .count = 1, .out = ddy), RT_OK);
    assert_values(ddy[0], 0, 0, 0);
    rt_free(x);
    rt_free(dy);
}

static void nearest_copies_an_image_whose_size_stays(void **state)
{
    (void)state;
    rt_tensor *x = rt_arange(1, 5, 1, RT_F32);
    assert_values(rt_interpolate(rt_view(x, rt_shape(1, 1, 1, 4)), .scale_factor = 1.2), 1, 2, 3,
                  4);
    assert_values(rt_interpolate(rt_view(x, rt_shape(1, 1, 4)), .scale_factor = 1.2), 1, 1, 2, 3);
    assert_values(rt_interpolate(rt_view(x, rt_shape(1, 1, 1, 4)), .scale_factor = 1.2,
                                 .mode = RT_INTERPOLATE_NEAREST_EXACT),
                  1, 2, 3, 3);
}

/* No table of indices is made for images that are not there, however large. */
static void no_images_become_large_at_once(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_zeros(rt_shape(0, 1, 4)));
    rt_tensor *y = rt_interpolate(x, rt_shape(1LL << 60), .mode = RT_INTERPOLATE_LINEAR);
    assert_fine();
    assert_true(rt_size(y, 2) == 1LL << 60);
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    assert_int_equal(rt_size(rt_grad_of(x), 2), 4);
    rt_grad_clear(x);
    y = rt_pad(x, (int64_t[]){0, 1LL << 60}, 2, .mode = RT_PAD_REPLICATE);
    assert_fine();
    assert_int_equal(rt_backward(rt_sum(y)), RT_OK);
    assert_int_equal(rt_size(rt_grad_of(x), 2), 4);
    rt_free(x);
}

static void ties_of_a_pool_go_to_the_first(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(f(rt_shape(1, 1, 2, 4)));
    rt_backward(rt_sum(rt_max_pool2d(x, {2, 2})));
    assert_values(rt_grad_of(x), 1, 0, 1, 0, 0, 0, 0, 0);
    rt_free(x);
}

static void loss_over_ignored_targets_only_is_not_a_number(void **state)
{
    (void)state;
    rt_tensor *target = rt_full(rt_shape(2), -100, RT_I64);
    rt_tensor *loss = rt_cross_entropy(f(rt_shape(2, 3)), target, .ignore_index = -100);
    assert_true(isnan(rt_item(loss))); /* 0/0, as in PyTorch */
    assert_fine();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define MISTAKE(name, expression, code, message) TEST(name),
#include "mistakes.def"
#undef MISTAKE
        TEST(first_error_is_kept_and_everything_after_it_is_nothing),
        TEST(nan_goes_through),
        TEST(nearest_copies_an_image_whose_size_stays),
        TEST(no_images_become_large_at_once),
        TEST(ties_of_a_pool_go_to_the_first),
        TEST(the_last_nan_of_a_pool_is_chosen),
        TEST(slopes_of_rrelu_are_random),
        TEST(ties_and_nans_of_topk),
        TEST(variance_of_too_few),
        TEST(the_mean_of_nothing_has_a_second_derivative),
#define EDGE(name, xs, ts, expression, values, dxs, dts) TEST(edges_of_##name),
        EDGES
#undef EDGE

            TEST(loss_over_ignored_targets_only_is_not_a_number),
    };
    int failed = cmocka_run_group_tests_name("ops_errors", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
