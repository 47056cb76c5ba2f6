/* Attention over more places than a block of its kernels has, against the same composed of other operations; its dropout, and the memory
 * that it needs. */
#include "check.h"

#include <math.h>

enum { INPUTS = 4 };

typedef struct attended {
    rt_tensor *in[INPUTS]; /* q [2, 1, t, d], k [3, s, d], v [s, e], mask [2, 1, 1, s] or NULL */
    bool causal;
    double dropout;
} attended;

static rt_tensor *tiled(const attended *a)
{
    return rt_scaled_dot_product_attention(a->in[0], a->in[1], a->in[2], .mask = a->in[3],
                                           .causal = a->causal, .scale = 0.4,
                                           .dropout = a->dropout);
}

static rt_tensor *composed(const attended *a)
{
    rt_tensor *scores = rt_mul_scalar(rt_matmul(a->in[0], a->in[1], .transpose_b = true), 0.4);
    if (a->in[3])
        scores = rt_add(scores, a->in[3]);
    int64_t t = rt_size(scores, -2), s = rt_size(scores, -1);
    rt_tensor *hidden = rt_eq(rt_tril(rt_ones(rt_shape(t, s)), 0), rt_zeros(rt_shape()));
    if (a->causal)
        scores = rt_masked_fill(scores, hidden, -INFINITY);
    rt_tensor *weights = rt_softmax(scores, -1);
    return rt_matmul(a->dropout > 0 ? rt_dropout(weights, a->dropout) : weights, a->in[2]);
}

static void assert_near(const char *what, rt_tensor *got, rt_tensor *want)
{
    assert_fine();
    double error = rt_item(rt_amax(rt_abs(rt_sub(got, want)))),
           largest = rt_item(rt_amax(rt_abs(want)));
    if (!(error <= 1e-12 * largest) || !(largest > 0))
        fail_msg("%s: an error of %g where the largest is %g", what, error, largest);
}

/* Writes y, the gradients of sum(y * w), and those of the sum of these, each times other numbers. */
static int derivatives(rt_tensor *(*f)(const attended *), const attended *a, rt_tensor **out)
{
    int n = a->in[3] ? INPUTS : INPUTS - 1;
    rt_random_seek(3, 0, 0);
    out[0] = f(a);
    rt_tensor *sum = rt_zeros(rt_shape(), RT_F64);
    rt_grad(rt_sum(rt_mul(out[0], rt_randn_like(out[0]))), a->in, n, out + 1, .create_graph = true);
    for (int i = 0; i < n && !rt_failed(); i++)
        sum = rt_add(sum, rt_sum(rt_mul(out[1 + i], rt_randn_like(out[1 + i]))));
    rt_grad(sum, a->in, n, out + 1 + n);
    return 1 + 2 * n;
}

static rt_tensor *drawn(rt_dims dims)
{
    return rt_param(rt_to(rt_randn(dims), RT_F64));
}

static void agrees_with_operations(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        rt_scope scope = rt_scope_begin();
        rt_random_seek(1, 0, 0);
        attended a = {{drawn(rt_shape(2, 1, 60, 7)), drawn(rt_shape(3, 140, 7)),
                       drawn(rt_shape(140, 5)), i & 1 ? drawn(rt_shape(2, 1, 1, 140)) : NULL},
                      i & 2,
                      i & 4 ? 0.3 : 0};
        rt_tensor *got[1 + 2 * INPUTS], *want[1 + 2 * INPUTS];
        int n = derivatives(composed, &a, want);
        assert_int_equal(derivatives(tiled, &a, got), n);
        for (int k = 0; k < n; k++)
            assert_near(k == 0       ? "y"
                        : k <= n / 2 ? "a gradient"
                                     : "a second gradient",
                        got[k], want[k]);
        for (int k = 0; k < INPUTS; k++)
            rt_free(a.in[k]);
        rt_scope_end(scope);
    }
}

/* Two matrices of 2,048 x 2,048 weights would be 32 MiB; inputs, results and gradients are 2 MiB. */
static void keeps_no_weights(void **state)
{
    (void)state;
    rt_tensor *x[3];
    for (int i = 0; i < 3; i++)
        x[i] = rt_param(rt_randn(rt_shape(2, 2048, 16)));
    rt_memory_trim();
    assert_int_equal(rt_memory_reset_peak((rt_device){RT_CPU, 0}), RT_OK);
    int64_t before = rt_memory().bytes_used;
    rt_tensor *out[3];
    rt_tensor *y = rt_scaled_dot_product_attention(x[0], x[1], x[2], .causal = true);
    assert_int_equal(rt_grad(rt_sum(rt_square(y)), x, 3, out), RT_OK);
    assert_in_range(rt_memory().bytes_peak - before, 1, 4 << 20);
    for (int i = 0; i < 3; i++)
        rt_free(x[i]);
}

/* Without anything to see, y and all gradients are 0: by a mask of either kind, and of no keys at all. */
static void nothing_seen_is_zero(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        rt_tensor *q = rt_param(rt_ones(rt_shape(2, 3))), *k = rt_ones(rt_shape(i == 2 ? 0 : 5, 3));
        rt_tensor *mask = i == 0   ? rt_zeros(rt_shape(5), RT_BOOL)
                          : i == 1 ? rt_full(rt_shape(5), -INFINITY, RT_F32)
                                   : NULL;
        rt_tensor *y = rt_scaled_dot_product_attention(q, k, k, .mask = mask), *dq;
        assert_int_equal(rt_grad(rt_sum(y), &q, 1, &dq), RT_OK);
        assert_values(y, 0, 0, 0, 0, 0, 0);
        assert_values(dq, 0, 0, 0, 0, 0, 0);
        rt_free(q);
    }
}

/* Dropout of everything is 0; a NaN and an infinite score show, also where other keys are hidden. */
static void odd_arguments(void **state)
{
    (void)state;
    rt_tensor *x = rt_ones(rt_shape(2, 2));
    assert_values(rt_scaled_dot_product_attention(x, x, x, .dropout = 1), 0, 0, 0, 0);
    rt_tensor *q = rt_from((const float[]){NAN, INFINITY}, rt_shape(2, 1), RT_F32);
    rt_tensor *k = rt_ones(rt_shape(2, 1));
    rt_tensor *y = rt_scaled_dot_product_attention(q, k, k, .causal = true);
    assert_true(isnan(rt_item(rt_select(y, 0, 0))) && isnan(rt_item(rt_select(y, 0, 1))));
    assert_null(rt_scaled_dot_product_attention(x, x, x, .mask = rt_ones(rt_shape(3, 1, 1))));
    assert_error(SHAPE, "scaled_dot_product_attention: mask [3,1,1] does not broadcast to the "
                        "weights, [2,2]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(agrees_with_operations), TEST(keeps_no_weights),
                                       TEST(nothing_seen_is_zero), TEST(odd_arguments)};
    int failed = cmocka_run_group_tests_name("attention", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
