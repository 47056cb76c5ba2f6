/* The memory of tensors by the operation that made them. */
#include "check.h"

#include <pthread.h>

/* Compares the rows of one operation; all zeros: there is no such row. */
static void assert_row(const char *op, int64_t bytes, int64_t at_peak, int64_t tensors)
{
    rt_op_memory rows[64], found = {0};
    int count = rt_memory_by_op(rows, COUNT(rows));
    assert_in_range(count, 0, COUNT(rows));
    for (int i = 0; i < count; i++) {
        assert_true(i == 0 || rows[i - 1].bytes_at_peak >= rows[i].bytes_at_peak);
        if (strcmp(rows[i].op, op) == 0)
            found = rows[i];
    }
    assert_int_equal(found.bytes, bytes);
    assert_int_equal(found.bytes_at_peak, at_peak);
    assert_int_equal(found.tensors, tensors);
}

static void tensors_count_for_their_operation(void **state)
{
    (void)state;
    rt_memory_count_by_op(true);
    rt_tensor *x = rt_ones(rt_shape(10, 10)), *y = rt_keep(rt_exp(x)), *z = rt_exp(y);
    rt_tensor *product = rt_keep(rt_matmul(x, z));
    rt_reshape(rt_transpose(product, 0, 1), rt_shape(5, 20)); /* a view, and a copy of it */
    assert_row("", 400, 400, 1);
    assert_row("exp", 800, 800, 2);
    assert_row("matmul", 400, 400, 1);
    assert_row("transpose", 0, 0, 0);
    rt_op_memory most;
    assert_true(rt_memory_by_op(&most, 1) >= 3);
    assert_string_equal(most.op, "exp");
    rt_scope_end((rt_scope){0});
    assert_row("", 0, 400, 0);
    assert_row("exp", 400, 800, 1);
    rt_free(product);
    rt_free(y);
    assert_row("matmul", 0, 400, 0);
    assert_row("exp", 0, 800, 0);
    rt_memory_count_by_op(false);
}

/* The rows at the peak are those of one moment, not the largest that each row ever had. */
static void the_peak_is_one_moment(void **state)
{
    (void)state;
    rt_memory_count_by_op(true);
    rt_tensor *x = rt_keep(rt_ones(rt_shape(100))), *y = rt_keep(rt_exp(x));
    rt_free(x); /* the peak so far */
    rt_scope_end((rt_scope){0});
    rt_free(y);
    assert_row("", 0, 400, 0);
    assert_row("exp", 0, 400, 0);
    rt_tensor *larger = rt_ones(rt_shape(400));
    rt_sin(larger);
    assert_row("", 1600, 1600, 1);
    assert_row("sin", 1600, 1600, 1);
    assert_row("exp", 0, 0, 0);
    rt_memory_count_by_op(false);
}

static void a_count_begins_and_ends(void **state)
{
    (void)state;
    rt_tensor *before = rt_exp(rt_ones(rt_shape(100)));
    rt_memory_count_by_op(true);
    assert_int_equal(rt_memory_by_op(NULL, 0), 0);
    rt_tensor *first = rt_keep(rt_sin(before));
    rt_memory_count_by_op(true);
    rt_tensor *second = rt_keep(rt_sin(before));
    rt_scope_end((rt_scope){0});
    rt_free(first); /* of the count before */
    assert_row("sin", 400, 400, 1);
    rt_memory_count_by_op(false);
    rt_exp(second);
    assert_row("exp", 0, 0, 0);
    rt_free(second);
    rt_scope_end((rt_scope){0});
    assert_row("sin", 0, 400, 0);
}

static void *compute(void *unused)
{
    for (int i = 0; i < 200; i++) {
        rt_scope s = rt_scope_begin();
        rt_exp(rt_ones(rt_shape(100)));
        rt_scope_end(s);
    }
    rt_scope_end((rt_scope){0});
    return unused;
}

static void threads_count_together(void **state)
{
    (void)state;
    pthread_t thread[3];
    rt_memory_count_by_op(true);
    for (int i = 0; i < COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, compute, NULL), 0);
    for (int i = 0; i < COUNT(thread); i++)
        pthread_join(thread[i], NULL);
    rt_op_memory rows[8];
    int count = rt_memory_by_op(rows, COUNT(rows));
    int64_t peak = 0;
    for (int i = 0; i < count; i++) {
        assert_int_equal(rows[i].bytes, 0);
        peak += rows[i].bytes_at_peak;
    }
    assert_in_range(peak, 800, 3 * 800);
    rt_memory_count_by_op(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tensors_count_for_their_operation),
        TEST(the_peak_is_one_moment),
        TEST(a_count_begins_and_ends),
        TEST(threads_count_together),
    };
    return cmocka_run_group_tests_name("memory_by_op", tests, NULL, NULL);
}
