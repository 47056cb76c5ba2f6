/* What golden values cannot show of losses, softmax and embeddings: random numbers, changes of tables, functions as arguments. */
#include "check.h"

#include <math.h>

static rt_tensor *ids(int64_t n, const int64_t *v)
{
    return rt_from(v, rt_shape(n), RT_I64);
}

/* Checks the gradient of sum(rows) by the table, whose rows have one element. */
static void assert_table_grad(rt_tensor *table, rt_tensor *rows, const float *expected)
{
    rt_backward(rt_sum(rows));
    assert_fine();
    for (int64_t i = 0; i < rt_numel(table); i++)
        assert_float_equal(rt_f32(rt_grad_of(table))[i], expected[i], 1e-6);
    rt_grad_clear(table);
}

static void gradients_of_rows(void **state)
{
    (void)state;
    rt_tensor *table = rt_param(rt_ones(rt_shape(4, 1)));
    rt_tensor *index = ids(5, (int64_t[]){1, 2, 1, 1, 3});
    assert_table_grad(table, rt_embedding(table, index), (float[]){0, 3, 1, 1});
    assert_table_grad(table, rt_embedding(table, index, .padding_idx = -3), (float[]){0, 0, 1, 1});
    assert_table_grad(table, rt_embedding(table, index, .scale_grad_by_freq = true),
                      (float[]){0, 1, 1, 1});
    rt_tensor *offsets = ids(2, (int64_t[]){0, 3});
    assert_table_grad(table, rt_embedding_bag(table, index, offsets, .padding_idx = 2),
                      (float[]){0, 1.5f, 0, .5f});
    assert_table_grad(table, rt_embedding_bag(table, index, offsets, .mode = RT_BAG_MAX),
                      (float[]){0, 2, 0, 0});
    rt_free(table);
}

/* Where the difference is infinite, the loss is, and its slope is that of the straight line. */
static void infinite_differences_have_a_slope(void **state)
{
    (void)state;
    const float x[] = {INFINITY, -INFINITY, 0.5f, 3}, y[] = {INFINITY, INFINITY, 0.125f, 4};
    for (int huber = 0; huber < 2; huber++) {
        rt_tensor *a = rt_param(rt_from(x, rt_shape(4), RT_F32)), *b = rt_zeros(rt_shape(4));
        rt_tensor *loss = huber ? rt_huber_loss(a, b, .reduction = RT_NONE, .delta = 2)
                                : rt_smooth_l1_loss(a, b, .reduction = RT_NONE, .beta = 2);
        rt_backward(rt_sum(loss));
        assert_fine();
        const float slope[] = {2, -2, 0.5f, 2}, scale = huber ? 1 : 0.5f;
        for (int i = 0; i < 4; i++) {
            assert_true(rt_f32(loss)[i] == y[i] * scale);
            assert_true(rt_f32(rt_grad_of(a))[i] == slope[i] * scale);
        }
        rt_free(a);
    }
}

/* As PyTorch: rows that are picked and too long change in the table; others stay, however long. */
static void long_rows_are_scaled(void **state)
{
    (void)state;
    const float rows[] = {3, 4, 30, 40, .3f, .4f};
    rt_tensor *table = rt_param(rt_from(rows, rt_shape(3, 2), RT_F32));
    rt_tensor *y = rt_embedding(table, ids(3, (int64_t[]){2, 0, 0}), .max_norm = 1);
    assert_fine();
    const float want[] = {.6f, .8f, 30, 40, .3f, .4f};
    for (int i = 0; i < 6; i++)
        assert_float_equal(rt_f32(table)[i], want[i], 1e-6);
    assert_float_equal(rt_f32(y)[2], .6f, 1e-6);
    rt_backward(rt_sum(y));
    assert_float_equal(rt_f32(rt_grad_of(table))[0], 2, 0);
    rt_free(table);
}

/* The largest element is distributed as softmax says: 3 in 4 for log 3 and log 1. */
static void gumbel_softmax_chooses_by_probability(void **state)
{
    (void)state;
    enum { N = 20000 };
    rt_tensor *x =
        rt_expand(rt_from((float[]){1.0986123f, 0}, rt_shape(1, 2), RT_F32), rt_shape(N, 2));
    rt_tensor *hard = rt_gumbel_softmax(x, .hard = true, .tau = 0.5);
    double share = rt_item(rt_mean(rt_select(hard, 1, 0)));
    assert_fine();
    assert_true(share > 0.735 && share < 0.765);
    for (int i = 0; i < 2 * N; i++)
        assert_true(fabsf(rt_f32(hard)[i]) < 1e-6f || fabsf(rt_f32(hard)[i] - 1) < 1e-6f);
    rt_tensor *soft = rt_gumbel_softmax(x);
    assert_float_equal(rt_item(rt_sum(soft)), N, 1);
    assert_float_not_equal(rt_f32(soft)[0], rt_f32(soft)[2], 1e-9); /* not the same noise */
    rt_tensor *logits = rt_param(rt_zeros(rt_shape(3)));
    rt_backward(rt_select(rt_gumbel_softmax(logits, .hard = true), 0, 0));
    assert_true(rt_f32(rt_grad_of(logits))[0] > 0);
    rt_free(logits);
}

static rt_tensor *taxicab(rt_tensor *a, rt_tensor *b, void *user)
{
    ++*(int *)user;
    return rt_sum(rt_abs(rt_sub(a, b)), rt_shape(-1));
}

static void triplets_with_a_distance_of_the_program(void **state)
{
    (void)state;
    int calls = 0;
    rt_tensor *a = rt_param(rt_randn(rt_shape(6, 3))), *p = rt_randn(rt_shape(6, 3)),
              *n = rt_randn(rt_shape(6, 3));
    rt_tensor *own = rt_triplet_margin_with_distance_loss(a, p, n, .distance = taxicab,
                                                          .user = &calls, .swap = true);
    rt_tensor *ours = rt_triplet_margin_loss(a, p, n, .p = 1, .eps = 0, .swap = true);
    assert_fine();
    assert_int_equal(calls, 3);
    assert_float_equal(rt_item(own), rt_item(ours), 1e-5);
    rt_backward(own);
    assert_fine();
    assert_true(rt_grad_of(a) != NULL);
    assert_null(rt_triplet_margin_with_distance_loss(a, p, n, .distance = taxicab, .user = &calls,
                                                     .reduction = RT_BATCH_MEAN));
    assert_error(RANGE, "triplet_margin_with_distance_loss: reduction is RT_BATCH_MEAN, expected "
                        "one of mean|sum|none");
    rt_free(a);
}

/* d(t log t - t x)/dt without log 0, which PyTorch makes NaN of. */
static void divergence_from_a_target_of_zero(void **state)
{
    (void)state;
    rt_tensor *t = rt_param(rt_zeros(rt_shape(2)));
    rt_backward(rt_kl_div(rt_full(rt_shape(2), -3, RT_F32), t, .reduction = RT_SUM));
    assert_fine();
    assert_true(rt_f32(rt_grad_of(t))[0] == 3 && rt_f32(rt_grad_of(t))[1] == 3);
    rt_free(t);
}

/* Without normalised inputs the gradient is that of the logits, whose sum at each time is 0. */
static void gradient_of_ctc_is_that_of_logits(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_log_softmax(rt_randn(rt_shape(6, 2, 5)), 2));
    rt_tensor *loss = rt_ctc_loss(x, rt_randint(rt_shape(2, 2), 1, 5), ids(2, (int64_t[]){6, 4}),
                                  ids(2, (int64_t[]){2, 1}));
    rt_backward(loss);
    assert_fine();
    rt_tensor *sums = rt_abs(rt_sum(rt_grad_of(x), rt_shape(2)));
    assert_true(rt_item(rt_amax(sums)) < 1e-5);
    assert_true(rt_item(rt_amax(rt_abs(rt_grad_of(x)))) > 1e-2);
    rt_tensor *after = rt_narrow(rt_select(rt_grad_of(x), 1, 1), 0, 4, 2); /* behind the end */
    assert_true(rt_item(rt_amax(rt_abs(after))) == 0);
    rt_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gradients_of_rows),
        TEST(infinite_differences_have_a_slope),
        TEST(long_rows_are_scaled),
        TEST(gumbel_softmax_chooses_by_probability),
        TEST(triplets_with_a_distance_of_the_program),
        TEST(divergence_from_a_target_of_zero),
        TEST(gradient_of_ctc_is_that_of_logits),
    };
    return cmocka_run_group_tests_name("losses", tests, NULL, NULL);
}
