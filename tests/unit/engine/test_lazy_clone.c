/* Tests that clones share memory until one of them is written: whichever is written, and by whatever function, the others keep their
 * values. */
#include "check.h"

#include "worker/engine/tensor/tensor.h"
#include <pthread.h>

static rt_tensor *values(void)
{
    rt_tensor *x = rt_full(rt_shape(4), 2, RT_F32);
    assert_true(rt__tensor_may_share(x));
    return x;
}

/* ---- who writes ---- */

static void by_fill(rt_tensor *x)
{
    rt_fill(x, 5);
}

static void by_copy(rt_tensor *x)
{
    rt_copy_into(x, rt_scalar(5));
}

static void by_address(rt_tensor *x)
{
    for (int i = 0; i < 4; i++)
        rt_f32(x)[i] = 5;
}

static void by_data(rt_tensor *x)
{
    memcpy(rt_data(x), (const float[]){5, 5, 5, 5}, 4 * sizeof(float));
}

static void by_views(rt_tensor *x)
{
    rt_fill(rt_narrow(x, 0, 0, 2), 5);
    rt_fill(rt_view(rt_slice(x, .start = 2), rt_shape(2, 1)), 5);
}

static void by_detached(rt_tensor *x)
{
    rt_fill(rt_detach(x), 5);
}

static void in_place(rt_tensor *x)
{
    rt_add_inplace(x, rt_full(rt_shape(4), 3, RT_F32));
}

static void in_place_with_a_copy(rt_tensor *x)
{
    rt_add_inplace(rt_square_inplace(x), rt_scalar(1));
}

static void in_place_of_another_type(rt_tensor *x)
{
    rt_add_inplace(x, rt_full(rt_shape(4), 3, RT_I64));
}

static void by_initialiser(rt_tensor *x)
{
    rt_init_constant(x, 5);
}

/* Makes x the memory of a leaf's gradient. */
static void by_backward(rt_tensor *x)
{
    rt_tensor *w = rt_param(rt_ones(rt_shape(4)));
    rt_grad_place(w, x);
    rt_tensor *kept = rt_clone(x); /* of the old value */
    rt_backward(rt_sum(rt_mul_scalar(w, 4)));
    rt_backward(rt_sum(w));
    assert_values(kept, 2, 2, 2, 2);
    rt_free(w);
}

static void (*const writers[])(rt_tensor *x) = {
    by_fill,
    by_copy,
    by_address,
    by_data,
    by_views,
    by_detached,
    in_place,
    by_backward,
    in_place_with_a_copy,
    by_initialiser,
    in_place_of_another_type,
};

static void each_writer_writes_one_of_them(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(writers); i++)
        for (int written = 0; written < 3; written++) {
            rt_tensor *x = values(), *of[] = {x, rt_clone(x), NULL};
            of[2] = rt_clone(of[1]);
            assert_ptr_equal(of[2]->data, x->data);
            writers[i](of[written]);
            for (int k = 0; k < 3; k++)
                if (k == written)
                    assert_values(of[k], 5, 5, 5, 5);
                else
                    assert_values(of[k], 2, 2, 2, 2);
        }
}

static void an_address_from_before_shows_one_of_them(void **state)
{
    (void)state;
    rt_tensor *x = values();
    float *at = rt_f32(x);
    rt_tensor *y = rt_clone(x);
    at[0] = 5;
    assert_values(x, 5, 2, 2, 2);
    assert_values(y, 2, 2, 2, 2);
    float own[] = {1, 2};
    rt_tensor *wrapped = rt_wrap(own, rt_shape(2), RT_F32), *copy = rt_clone(wrapped);
    own[0] = 7;
    assert_values(copy, 1, 2);
}

static void views_from_before_show_one_of_them(void **state)
{
    (void)state;
    rt_tensor *x = values(), *v = rt_narrow(x, 0, 0, 1), *y = rt_clone(x), *part = rt_clone(v);
    rt_fill(v, 5);
    assert_values(x, 5, 2, 2, 2);
    assert_values(y, 2, 2, 2, 2);
    assert_values(part, 2);
    assert_int_equal(rt_numel(part), 1);
}

static void the_last_one_stays_where_it_is(void **state)
{
    (void)state;
    rt_tensor *x = values();
    const void *before = x->data;
    rt_scope s = rt_scope_begin();
    rt_clone(x);
    rt_scope_end(s);
    rt_fill(x, 3);
    assert_ptr_equal(x->data, before);
    assert_false(rt__tensor_is_lazy(x));
}

/* ---- memory ---- */

static void memory_is_taken_when_one_is_written(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    rt_tensor *x = rt_zeros(rt_shape(N));
    int64_t before = rt_memory().bytes_used;
    rt_tensor *y = rt_clone(x);
    assert_in_range(rt_memory().bytes_used - before, 0, 4096);
    rt_relu_inplace(y);
    int64_t after = rt_memory().bytes_used - before;
    assert_in_range(after, N * 4, N * 4 + N);
    rt_relu_inplace(y);
    assert_in_range(rt_memory().bytes_used - before, 0, N * 4 + N);
}

/* ---- histories ---- */

static void changes_are_counted_for_each(void **state)
{
    (void)state;
    for (int written = 0; written < 2; written++) {
        rt_tensor *p = rt_param(rt_ones(rt_shape(4)));
        rt_tensor *x = rt_mul_scalar(p, 2), *y = rt_clone(x), *loss = rt_sum(rt_mul(y, y));
        rt_relu_inplace(written ? y : x);
        rt_backward(loss);
        if (written)
            assert_error(ARG, "backward: an input of mul, float32[4] cpu, was changed in place "
                              "after it was used: clone it first");
        else
            assert_values(rt_grad_of(p), 8, 8, 8, 8);
        rt_free(p);
    }
}

static void a_clone_of_a_result_is_no_alias_of_it(void **state)
{
    (void)state;
    rt_tensor *p = rt_param(rt_ones(rt_shape(4))), *h = rt_mul_scalar(p, 2);
    rt_tensor *copy = rt_clone(p);
    bool former = rt_no_grad_begin();
    rt_tensor *plain = rt_clone(h);
    rt_no_grad_end(former);
    assert_int_equal(rt_fill(plain, 7), RT_OK);
    rt_mul_scalar(copy, 3);
    assert_int_equal(rt_fill(p, 7), RT_OK); /* although copy, a result, shared its memory */
    assert_values(h, 2, 2, 2, 2);
    assert_values(copy, 1, 1, 1, 1);
    rt_backward(rt_sum(h));
    assert_values(rt_grad_of(p), 2, 2, 2, 2);
    rt_free(p);
}

/* ---- threads ---- */

static void *write_often(void *x_)
{
    rt_tensor *x = x_;
    rt_add_inplace(x, x);
    rt_fill(rt_narrow(x, 0, 0, 1), 9);
    rt_scope_end((rt_scope){0});
    return rt_failed() ? x : NULL;
}

static void clones_may_belong_to_different_threads(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    for (int round = 0; round < 50; round++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *of[THREADS] = {values()};
        pthread_t thread[THREADS];
        for (int i = 1; i < THREADS; i++)
            of[i] = rt_clone(of[0]);
        for (int i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, write_often, of[i]), 0);
        for (int i = 0; i < THREADS; i++) {
            void *failed;
            pthread_join(thread[i], &failed);
            assert_null(failed);
        }
        for (int i = 0; i < THREADS; i++)
            assert_values(of[i], 9, 4, 4, 4);
        rt_scope_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_writer_writes_one_of_them),        TEST(an_address_from_before_shows_one_of_them),
        TEST(views_from_before_show_one_of_them),    TEST(the_last_one_stays_where_it_is),
        TEST(memory_is_taken_when_one_is_written),   TEST(changes_are_counted_for_each),
        TEST(a_clone_of_a_result_is_no_alias_of_it), TEST(clones_may_belong_to_different_threads),
    };
    int failed = cmocka_run_group_tests_name("lazy clones", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
