/* Operations and steps of training that run out of memory: the n-th allocation fails for every n. Each time there is an error, and nothing is
 * lost. */
#include "check.h"

#include "common/base/mem.h"

/* Returns one of more views than a call has room for without an allocation. */
static rt_tensor *many_parts(rt_tensor *x)
{
    enum { PARTS = 20 };
    rt_tensor *part[PARTS];
    int n = rt_tensor_split(x, PARTS, NULL, 1, part, PARTS);
    return n > 0 ? part[0] : NULL;
}

/* ROW(name, expression over a float32 [2,3] x and an int64 [2] i) */
#define ROWS(ROW)                                                                                  \
    ROW(binary_cross_entropy, rt_binary_cross_entropy(rt_sigmoid(x), rt_sigmoid(x)))               \
    ROW(cumprod, rt_cumprod(x, 1))                                                                 \
    ROW(conv_transpose1d,                                                                          \
        rt_conv_transpose1d(rt_reshape(x, rt_shape(1, 2, 3)),                                      \
                            rt_reshape(rt_exp(x), rt_shape(2, 1, 3)), .stride = 2))                \
    ROW(cosine_similarity, rt_cosine_similarity(x, rt_exp(x)))                                     \
    ROW(diag_embed, rt_diag_embed(x))                                                              \
    ROW(embedding_bag, rt_embedding_bag(x, rt_reshape(i, rt_shape(1, 2))))                         \
    ROW(glu, rt_glu(rt_reshape(x, rt_shape(3, 2))))                                                \
    ROW(group_norm, rt_group_norm(rt_reshape(x, rt_shape(1, 2, 3)), .groups = 2))                  \
    ROW(gumbel_softmax, rt_gumbel_softmax(x))                                                      \
    ROW(histc, rt_histc(x))                                                                        \
    ROW(huber_loss, rt_huber_loss(x, rt_exp(x)))                                                   \
    ROW(im2col, rt_im2col(rt_reshape(x, rt_shape(1, 2, 3)), {2, 2}))                               \
    ROW(isclose, rt_isclose(x, x))                                                                 \
    ROW(kl_div, rt_kl_div(x, rt_sigmoid(x)))                                                       \
    ROW(logsumexp, rt_logsumexp(x, rt_shape(1)))                                                   \
    ROW(masked_select, rt_masked_select(x, rt_gt(x, rt_scalar(0))))                                \
    ROW(mode, rt_mode(x).values)                                                                   \
    ROW(nan_to_num, rt_nan_to_num(x))                                                              \
    ROW(nonzero, rt_nonzero(x))                                                                    \
    ROW(norm, rt_norm(x, .p = 3))                                                                  \
    ROW(polygamma, rt_polygamma(rt_exp(x), 1))                                                     \
    ROW(prod, rt_prod(x))                                                                          \
    ROW(quantile, rt_quantile(x, rt_scalar(0.3)))                                                  \
    ROW(flip, rt_flip(x, rt_shape(1)))                                                             \
    ROW(scatter_add, rt_scatter_add(x, 1, rt_reshape(i, rt_shape(2, 1)), rt_exp(x)))               \
    ROW(std, rt_std(x, rt_shape(1)))                                                               \
    ROW(trapezoid, rt_trapezoid(x))                                                                \
    ROW(tensor_split, many_parts(x))                                                               \
    ROW(triplet_margin_loss, rt_triplet_margin_loss(x, rt_exp(x), rt_sin(x)))                      \
    ROW(cross_entropy, rt_cross_entropy(x, i))                                                     \
    ROW(einsum, rt_einsum("ij,ij,i->j", x, rt_exp(x), rt_sum(x, rt_shape(1))))                     \
    ROW(exponential, rt_exponential(rt_shape(3), 1))                                               \
    ROW(gamma, rt_gamma(rt_exp(x)))                                                                \
    ROW(index, rt_index(x, RT_PICK(i), RT_SLICE(0, 2)))                                            \
    ROW(index_put, rt_index_put(x, rt_scalar(1), RT_PICK(rt_gt(x, rt_scalar(0)))))                 \
    ROW(logcumsumexp, rt_logcumsumexp(x, 1))                                                       \
    ROW(median, rt_median(x, 1).values)                                                            \
    ROW(multi_dot, rt_multi_dot(((rt_tensor *[]){x, rt_t(x), x}), 3))                              \
    ROW(multinomial, rt_multinomial(rt_exp(x), 2, false))                                          \
    ROW(poisson, rt_poisson(rt_mul_scalar(rt_exp(x), 5)))                                          \
    ROW(rms_norm, rt_rms_norm(x))                                                                  \
    ROW(sort, rt_sort(x).values)                                                                   \
    ROW(tril, rt_tril(x, 0))                                                                       \
    ROW(adaptive_avg_pool1d, rt_adaptive_avg_pool1d(x, 2))                                         \
    ROW(interpolate, rt_interpolate(rt_reshape(x, rt_shape(1, 1, 2, 3)), rt_shape(3, 2),           \
                                    .mode = RT_INTERPOLATE_BICUBIC))                               \
    ROW(lp_pool1d, rt_lp_pool1d(rt_exp(x), 3, 2))                                                  \
    ROW(max_pool1d, rt_max_pool1d_with_indices(x, 2).y)                                            \
    ROW(max_unpool1d,                                                                              \
        rt_max_unpool1d(x, rt_expand(rt_arange(0, 3, 1, RT_I64), rt_shape(2, 3)), 2))              \
    ROW(pad, rt_pad(x, (int64_t[]){1, -1}, 2, RT_PAD_REFLECT))                                     \
    ROW(pixel_shuffle,                                                                             \
        rt_pixel_shuffle(rt_expand(rt_reshape(x, rt_shape(1, 2, 3)), rt_shape(4, 2, 3)), 2))       \
    ROW(unfold, rt_unfold(x, 1, 2, 1))                                                             \
    ROW(unique, rt_unique(x).values)                                                               \
    ROW(var, rt_var(x, rt_shape(1)))

#define FUNCTION(name, expression)                                                                 \
    static rt_tensor *name##_of(rt_tensor *x, rt_tensor *i)                                        \
    {                                                                                              \
        (void)x, (void)i;                                                                          \
        return expression;                                                                         \
    }
ROWS(FUNCTION)

static const struct {
    const char *name;
    rt_tensor *(*run)(rt_tensor *x, rt_tensor *i);
} rows[] = {
#define LISTED(name, expression) {#name, name##_of},
    ROWS(LISTED)
#undef LISTED
};

/* Runs a row, its gradient too, while the n-th allocation fails; returns whether there was no such. */
static bool runs(int row, int n)
{
    rt_mem_fail_after(n);
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_param(rt_normal(rt_shape(2, 3), 0, 1)), *i = rt_arange(0, 2, 1, RT_I64);
    rt_tensor *y = rows[row].run(x, i);
    if (y && rt_requires_grad(y))
        rt_backward(rt_sum(y));
    rt_mem_fail_after(-1);
    bool passed = !rt_failed();
    if (!passed && rt_error_code() != RT_E_NOMEM)
        fail_msg("%s, allocation %d: %s", rows[row].name, n, rt_error());
    rt_error_clear();
    rt_free(x);
    rt_scope_end(s);
    return passed;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    rt_shutdown(); /* empties the pool, so that every block is requested from the system */
    int64_t blocks = rt_mem_live(), live = rt_live_objects();
    for (int row = 0; row < COUNT(rows); row++) {
        int n = 0;
        for (bool passed = false; !passed; n++) {
            assert_in_range(n, 0, 1000);
            passed = runs(row, n);
            rt_shutdown();
            if (rt_live_objects() != live || rt_mem_live() != blocks)
                fail_msg("%s, allocation %d: something was lost", rows[row].name, n);
        }
        assert_true(n > 3);
    }
}

/* ---- a step of training ---- */

/* Each makes a net, a loss of it, and an optimiser that takes a step. They may go on after a failure. */
static void train_images(void)
{
    rt_module *net =
        rt_nn_sequential(rt_nn_conv2d(1, 2, 3, .padding = RT_NN_SAME), rt_nn_batch_norm2d(2),
                         rt_nn_relu(), rt_nn_max_pool2d(2), rt_nn_flatten(), rt_nn_linear(8, 3));
    rt_optim *opt = rt_optim_sgd(net, .lr = 0.1, .momentum = 0.9);
    rt_tensor *x = rt_randn(rt_shape(2, 1, 4, 4)), *y = rt_forward(net, x);
    rt_backward(rt_cross_entropy(y, rt_arange(0, 2, 1, RT_I64)));
    rt_optim_step(opt);
}

/* With rules that measure whole parameters. */
static void train_numbers(void)
{
    rt_module *net = rt_nn_sequential(rt_nn_linear(3, 4), rt_nn_dropout(0.5), rt_nn_linear(4, 2));
    rt_optim *opt = rt_optim_adafactor(net, .lr = 0.1);
    rt_backward(rt_mean(rt_square(rt_forward(net, rt_randn(rt_shape(5, 3))))));
    rt_optim_step(opt);
    opt = rt_optim_lamb(net, .lr = 0.1);
    rt_backward(rt_mean(rt_square(rt_forward(net, rt_randn(rt_shape(5, 3))))));
    rt_optim_step(opt);
}

static void train_words(void)
{
    rt_module *net =
        rt_nn_sequential(rt_nn_embedding(5, 4), rt_nn_positions(3, 4),
                         rt_nn_residual(rt_nn_layer_norm(4), rt_nn_attention(4, 2, .causal = true)),
                         rt_nn_linear(4, 5));
    rt_optim *opt = rt_optim_adamw(net, .lr = 0.1);
    rt_tensor *words = rt_randint(rt_shape(2, 3), 0, 5), *y = rt_forward(net, words);
    rt_backward(rt_cross_entropy(rt_reshape(y, rt_shape(6, 5)), rt_flatten(words, 0, 1)));
    rt_optim_step(opt);
}

/* Trains while the n-th allocation fails; returns whether there was no such. */
static bool trains(void (*train)(void), int n)
{
    rt_scope s = rt_scope_begin();
    rt_mem_fail_after(n);
    train();
    rt_mem_fail_after(-1);
    bool passed = !rt_failed();
    if (!passed && rt_error_code() != RT_E_NOMEM)
        fail_msg("allocation %d: %s", n, rt_error());
    rt_error_clear();
    rt_scope_end(s);
    return passed;
}

static void every_allocation_of_a_training_step_may_fail(void **state)
{
    (void)state;
    static void (*const steps[])(void) = {train_images, train_numbers, train_words};
    rt_shutdown();
    int64_t blocks = rt_mem_live(), live = rt_live_objects();
    for (int i = 0; i < COUNT(steps); i++) {
        int n = 0;
        for (bool passed = false; !passed; n++) {
            assert_in_range(n, 0, 10000);
            passed = trains(steps[i], n);
            rt_shutdown();
            if (rt_live_objects() != live || rt_mem_live() != blocks)
                fail_msg("net %d, allocation %d: something was lost", i, n);
        }
        assert_true(n > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_allocation_may_fail),
        TEST(every_allocation_of_a_training_step_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
