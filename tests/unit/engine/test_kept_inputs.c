/* Tests which inputs backward keeps and checks for changes: only those that the wanted gradients read. Every row runs with each of
 * its inputs as the only one that needs a gradient, and with each of them changed in place before backward: either backward refuses,
 * as the row's list says, or it gives the same bits as without the change. */
#include "check.h"

enum { INPUTS = 3 };

typedef struct row {
    const char *name;
    int n;
    rt_dims dims[INPUTS];
    rt_tensor *(*run)(rt_tensor **t);
    /* for the gradient of each input: the numbers of the inputs that it reads */
    const char *read[INPUTS];
} row;

#define SQUARE rt_shape(2, 2)
#define ROWS                                                                                       \
    ROW(add, 2, (SQUARE, SQUARE), rt_add(t[0], t[1]), "", "")                                      \
    ROW(sub, 2, (SQUARE, SQUARE), rt_sub(t[0], t[1]), "", "")                                      \
    ROW(mul, 2, (SQUARE, SQUARE), rt_mul(t[0], t[1]), "1", "0")                                    \
    ROW(div, 2, (SQUARE, SQUARE), rt_div(t[0], t[1]), "1", "01")                                   \
    ROW(pow, 2, (SQUARE, SQUARE), rt_pow(t[0], t[1]), "01", "01")                                  \
    ROW(maximum, 2, (SQUARE, SQUARE), rt_maximum(t[0], t[1]), "01", "01")                          \
    ROW(lerp, 3, (SQUARE, SQUARE, SQUARE), rt_lerp(t[0], t[1], t[2]), "2", "2", "01")              \
    ROW(addcmul, 3, (SQUARE, SQUARE, SQUARE), rt_addcmul(t[0], t[1], t[2]), "", "2", "1")          \
    ROW(addcdiv, 3, (SQUARE, SQUARE, SQUARE), rt_addcdiv(t[0], t[1], t[2]), "", "2", "12")         \
    ROW(matmul, 2, (SQUARE, SQUARE), rt_matmul(t[0], t[1]), "1", "0")                              \
    ROW(linear, 3, (SQUARE, SQUARE, rt_shape(2)), rt_linear(t[0], t[1], t[2]), "1", "0", "")       \
    ROW(conv2d, 3, (rt_shape(1, 2, 3, 3), rt_shape(2, 2, 2, 2), rt_shape(2)),                      \
        rt_conv2d(t[0], t[1], t[2]), "1", "0", "")                                                 \
    ROW(conv_transpose1d, 3, (rt_shape(1, 2, 3), rt_shape(2, 2, 2), rt_shape(2)),                  \
        rt_conv_transpose1d(t[0], t[1], t[2]), "1", "0", "")                                       \
    ROW(im2col, 1, (rt_shape(1, 2, 3, 3)), rt_im2col(t[0], {2, 2}), "")                            \
    ROW(layer_norm, 3, (rt_shape(2, 3), rt_shape(3), rt_shape(3)),                                 \
        rt_layer_norm(t[0], t[1], t[2]), "01", "", "")

#define BARE(...) __VA_ARGS__
#define ROW(name, n, dims, ours, ...)                                                              \
    static rt_tensor *name##_run(rt_tensor **t)                                                    \
    {                                                                                              \
        return ours;                                                                               \
    }
ROWS
#undef ROW
#define ROW(name, n, dims, ours, ...) {#name, n, {BARE dims}, name##_run, {__VA_ARGS__}},
    static const row rows[] = {ROWS};
#undef ROW

/* Values in (1/4, 1), which all the rows can take. */
static rt_tensor *operand(int number, rt_dims dims)
{
    rt_tensor *x = rt_empty(dims);
    for (int64_t i = 0; i < rt_numel(x); i++)
        rt_f32(x)[i] = 0.25f + (float)((i * 7 + number * 5) % 11) / 16;
    return x;
}

/* Returns the gradient of the wanted input, which is itself a result, after input number `changed` was changed, or none (-1). */
static rt_tensor *gradient(const row *r, int wanted, int changed)
{
    rt_tensor *t[INPUTS], *dx = NULL, *p = NULL;
    for (int i = 0; i < r->n; i++) {
        t[i] = operand(i, r->dims[i]);
        if (i == wanted)
            t[i] = rt_mul_scalar(p = rt_param(t[i]), 1);
    }
    rt_tensor *y = r->run(t);
    if (changed >= 0)
        rt_neg_inplace(t[changed]);
    rt_grad(rt_sum(y), &p, 1, &dx);
    rt_free(p);
    return dx;
}

static void only_what_is_read_is_watched(void **state)
{
    (void)state;
    for (const row *r = rows; r < rows + COUNT(rows); r++)
        for (int wanted = 0; wanted < r->n; wanted++)
            for (int changed = 0; changed < r->n; changed++) {
                rt_tensor *expected = gradient(r, wanted, -1);
                assert_fine();
                rt_tensor *got = gradient(r, wanted, changed);
                bool read = strchr(r->read[wanted], '0' + changed);
                bool refused =
                    strstr(rt_error(), "an input of") && strstr(rt_error(), "was changed in place");
                rt_error_clear();
                if (read != refused || (!read && !got))
                    fail_msg("%s, gradient of %d, %d changed: %s", r->name, wanted, changed,
                             refused ? "refused" : "not refused");
                if (!read)
                    assert_memory_equal(rt_f32(got), rt_f32(expected),
                                        (size_t)rt_numel(got) * sizeof(float));
            }
}

/* PyTorch accepts this program: backward reads only the constant. */
static void a_result_may_be_overwritten_where_only_the_other_operand_is_read(void **state)
{
    (void)state;
    rt_tensor *p = rt_param(rt_from((const float[]){-1, 2}, rt_shape(2), RT_F32));
    rt_tensor *constant = rt_from((const float[]){3, 4}, rt_shape(2), RT_F32);
    rt_tensor *z = rt_mul_scalar(p, 1), *y = rt_mul(constant, z);
    rt_relu_inplace(z);
    assert_int_equal(rt_backward(rt_sum(rt_add(y, z))), RT_OK);
    assert_values(rt_grad_of(p), 3, 5);
    rt_free(p);
}

/* With frozen weights, nothing is kept for their gradients. */
static void what_is_not_read_is_not_kept(void **state)
{
    (void)state;
    enum { LAYERS = 8, SIZE = 256, BYTES = SIZE * SIZE * 4 };
    rt_tensor *w = rt_ones(rt_shape(SIZE, SIZE)), *p = rt_param(rt_ones(rt_shape(SIZE, SIZE)));
    for (int frozen = 0; frozen < 2; frozen++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *weight = frozen ? w : rt_param(rt_clone(w)), *h = p;
        rt_data(weight);
        int64_t before = rt_memory().bytes_used;
        rt_scope layers = rt_scope_begin();
        for (int i = 0; i < LAYERS; i++)
            h = rt_linear(h, weight);
        h = rt_scope_return(layers, h);
        int64_t kept = (rt_memory().bytes_used - before) / BYTES;
        assert_int_equal(kept, frozen ? 1 : LAYERS);
        if (!frozen)
            rt_free(weight);
        rt_scope_end(s);
    }
    rt_free(p);
}

/* An operation in place keeps the old value only for a gradient that reads it: that of the second operand. */
static void in_place_needs_no_memory_beside(void **state)
{
    (void)state;
    enum { SIZE = 1 << 18, BYTES = SIZE * 4 };
    for (int both = 0; both < 2; both++) {
        rt_tensor *p = rt_param(rt_ones(rt_shape(SIZE))), *factor = rt_full(rt_shape(1), 3, RT_F32);
        rt_tensor *x = rt_mul_scalar(p, 2);
        factor = both ? rt_param(factor) : rt_keep(factor);
        rt_memory_reset_peak((rt_device){RT_CPU});
        int64_t before = rt_memory().bytes_used;
        rt_mul_inplace(x, factor);
        assert_int_equal((rt_memory().bytes_peak - before) / BYTES, both);
        assert_int_equal(rt_backward(rt_sum(x)), RT_OK);
        assert_true(rt_item(rt_select(rt_grad_of(p), 0, 5)) == 6);
        rt_free(p);
        rt_free(factor);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_is_read_is_watched),
        TEST(a_result_may_be_overwritten_where_only_the_other_operand_is_read),
        TEST(what_is_not_read_is_not_kept),
        TEST(in_place_needs_no_memory_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
