/* Tests of samples as named fields: data sets of tensors, fields of varying length, batches of them. */
#include "check.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "worker/engine/data/dataset.h"
#include <ringtorch/data.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* Sentences of 3, 0, 1 and 2 words, each word a pair; a weight of another type; a label. */
static const int64_t lengths[] = {3, 0, 1, 2}, labels[] = {0, 2, 1, 2};
static const float words[][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}};
static const double weights[] = {0.5, 1.5, 2.5, 3.5};

static rt_dataset *sentences(void)
{
    return rt_data_tensors({"words", rt_from(words, rt_shape(6, 2), RT_F32),
                            .lengths = rt_from(lengths, rt_shape(4), RT_I64), .pad = -1},
                           {"weight", rt_from(weights, rt_shape(4), RT_F64)},
                           {"y", rt_from(labels, rt_shape(4), RT_I64), .classes = 3});
}

static void fields_tell_what_samples_are(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_dataset *d = sentences();
    const rt_data_field *f;
    assert_int_equal(rt_data_fields(d, &f), 4);
    assert_int_equal(rt_data_size(d), 4);
    assert_string_equal(f[0].name, "words");
    assert_true(f[0].varies && f[0].dims.n == 2 && f[0].dims.d[0] == 3 && f[0].dims.d[1] == 2);
    assert_string_equal(f[1].name, "words.length");
    assert_true(f[1].dtype == RT_I64 && f[1].dims.n == 0 && !f[1].varies);
    assert_true(f[2].dtype == RT_F64 && f[2].classes == 0);
    assert_true(rt_data_find(d, "y") == &f[3] && f[3].classes == 3);
    assert_null(rt_data_find(d, "x"));
    assert_false(rt_failed());
    rt_scope_end(s);
}

/* Samples are padded to the longest of those read, not further. */
static void reading_pads_to_the_longest(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_dataset *d = sentences();
    float x[4 * 3 * 2];
    int64_t n[4], y[4];
    double w[4];
    rt_data_buffer b[] = {{.data = x}, {.data = n}, {.data = w}, {.data = y}};
    assert_int_equal(rt_data_read(d, (const int64_t[]){3, 1, 2}, 3, b), RT_OK);
    assert_string_equal(rt_dims_text(b[0].dims), "[3,2,2]");
    assert_string_equal(rt_dims_text(b[1].dims), "[3]");
    const float expected[] = {9, 10, 11, 12, -1, -1, -1, -1, 7, 8, -1, -1};
    assert_memory_equal(x, expected, sizeof expected);
    assert_true(n[0] == 2 && n[1] == 0 && n[2] == 1);
    assert_true(w[0] == 3.5 && w[1] == 1.5 && w[2] == 2.5);
    assert_true(y[0] == 2 && y[1] == 2 && y[2] == 1);
    assert_int_equal(rt_data_read(d, (const int64_t[]){1}, 1, b), RT_OK);
    assert_string_equal(rt_dims_text(b[0].dims), "[1,0,2]");
    assert_int_equal(rt_data_read(d, NULL, 0, b), RT_OK);
    assert_string_equal(rt_dims_text(b[0].dims), "[0,0,2]");
    assert_int_equal(rt_data_read(d, (const int64_t[]){0}, 1, b), RT_OK);
    assert_memory_equal(x, words, 6 * sizeof(float));

    assert_int_equal(rt_data_read(d, (const int64_t[]){0, 4}, 2, b), RT_E_RANGE);
    rt_error_clear();
    b[2].data = NULL;
    assert_int_equal(rt_data_read(d, (const int64_t[]){0}, 1, b), RT_E_ARG);
    assert_non_null(strstr(rt_error(), "field weight"));
    rt_error_clear();
    rt_scope_end(s);
}

/* The loader reuses its buffers for batches of another length. */
static void batches_have_the_length_of_their_longest(void **state)
{
    (void)state;
    static const char *const shapes[] = {"[2,3,2]", "[2,2,2]"};
    rt_scope s = rt_scope_begin();
    rt_loader *l = rt_data_loader(sentences(), .batch = 2, .prefetch = 1);
    rt_batch b;
    for (int epoch = 0; epoch < 3; epoch++) {
        for (int i = 0; rt_data_next(l, &b); i++) {
            assert_string_equal(rt_dims_text(rt_dims_of(rt_batch_field(&b, "words"))), shapes[i]);
            assert_memory_equal(rt_data(rt_batch_field(&b, "words.length")), lengths + 2 * i,
                                2 * sizeof *lengths);
            assert_memory_equal(rt_data(rt_batch_field(&b, "weight")), weights + 2 * i,
                                2 * sizeof *weights);
        }
        assert_false(rt_failed());
    }
    assert_true(rt_data_next(l, &b));
    assert_null(rt_batch_find(&b, "mask"));
    assert_false(rt_failed());
    assert_null(rt_batch_field(&b, "mask"));
    assert_error(NOTFOUND,
                 "batch_field: no field mask: the samples have words, words.length, weight, y");
    rt_scope_end(s);
}

/* All element types can be padded, and strides are respected. */
static void any_type_and_layout(void **state)
{
    (void)state;
    static const rt_dtype types[] = {RT_F32, RT_F64, RT_I64, RT_I32, RT_U8};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *x = rt_to(rt_arange(0, 6, 1, RT_F32), types[k]);
        rt_tensor *across = rt_transpose(rt_reshape(x, rt_shape(2, 3)), 0, 1); /* [3,2] */
        const int64_t n[] = {1, 2};
        rt_dataset *d =
            rt_data_tensors({"x", across, .lengths = rt_from(n, rt_shape(2), RT_I64), .pad = 7});
        rt_batch b;
        assert_true(rt_data_next(rt_data_loader(d, .batch = 2), &b));
        const float *got = rt_f32(rt_to(rt_batch_field(&b, "x"), RT_F32));
        const float expected[] = {0, 3, 7, 7, 1, 4, 2, 5};
        assert_memory_equal(got, expected, sizeof expected);
        rt_scope_end(s);
    }
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_zeros(rt_shape(3, 2)), *y = rt_from(labels, rt_shape(3), RT_I64);
    rt_tensor *four = rt_from(lengths, rt_shape(4), RT_I64);
    static const int64_t wrong[] = {2, 2, -1};
    rt_tensor *minus = rt_from(wrong, rt_shape(3), RT_I64),
              *two = rt_from(wrong, rt_shape(2), RT_I64);
    assert_null(rt_data_tensors({"x", x}, {"y", y, .classes = 2}));
    assert_error(RANGE, "data_tensors: field y: element 1 is 2, expected 0 to 1");
    assert_null(rt_data_tensors({"x", x}, {"y", four}));
    assert_error(SHAPE, "data_tensors: field y: 4 samples, but field x has 3");
    assert_null(rt_data_tensors({"x", x, .classes = 2}));
    assert_error(DTYPE, "data_tensors: field x: 2 classes of float32[3,2] cpu: expected int64 "
                        "values, or no classes");
    assert_null(rt_data_tensors({"x", x}, {"x", y}));
    assert_error(ARG, "data_tensors: field x: two fields are called x");
    assert_null(rt_data_tensors({"", x}));
    assert_error(ARG, "data_tensors: field : a field's name has 0 bytes, expected 1 to 40");
    assert_null(rt_data_tensors({"x", rt_scalar(1)}));
    assert_error(SHAPE, "data_tensors: field x: got float32[] cpu, expected [n, ...] with at most "
                        "8 axes");
    assert_null(rt_data_tensors({"x", rt_zeros(rt_shape(0, 2))}));
    assert_error(SHAPE,
                 "data_tensors: field x: got float32[0,2] cpu, expected at least one sample");
    assert_null(rt_data_tensors({"x", x, .lengths = x}));
    assert_error(SHAPE, "data_tensors: field x: lengths are float32[3,2] cpu, expected int64[n]");
    assert_null(rt_data_tensors({"x", x, .lengths = minus}));
    assert_error(RANGE, "data_tensors: field x: length 1 is 2, where 1 rows are left");
    assert_null(rt_data_tensors({"x", rt_zeros(rt_shape(5, 2)), .lengths = two}));
    assert_error(SHAPE, "data_tensors: field x: the lengths add up to 4, but there are 5 rows");
    assert_null(rt_data_tensors_(NULL, 0));
    assert_error(ARG, "data_tensors: the list of fields is NULL");
    rt_scope_end(s);
}

/* The form of training and test samples must be the same; lengths and classes may differ. */
static void training_and_test_samples_are_of_one_form(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    static const int64_t six[] = {6};
    rt_tensor *x = rt_from(words, rt_shape(6, 2), RT_F32);
    rt_dataset *d = rt_data_tensors({"x", x, .lengths = rt_from(six, rt_shape(1), RT_I64)});
    rt_dataset *same = rt_data_tensors(
        {"x", rt_zeros(rt_shape(2, 2)), .lengths = rt_full(rt_shape(1), 2, RT_I64)});
    rt_dataset *other = rt_data_tensors(
        {"x", rt_zeros(rt_shape(2, 3)), .lengths = rt_full(rt_shape(1), 2, RT_I64)});
    assert_int_equal(rt__data_check_same("here", d, same), RT_OK);
    assert_int_equal(rt__data_check_same("here", d, other), RT_E_MISMATCH);
    assert_error(MISMATCH,
                 "here: training samples are x float32[6,2] at most, x.length int64[] but "
                 "test samples are x float32[2,3] at most, x.length int64[]");
    assert_int_equal(rt__data_check_same("here", d, sentences()), RT_E_MISMATCH);
    rt_error_clear();
    assert_int_equal(rt__data_check_classes(sentences(), 3, 2), RT_E_RANGE);
    assert_error(RANGE, "field y has 3 classes, expected at most 2");
    rt_scope_end(s);
}

static void a_batch_larger_than_memory_is_refused(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *x = rt_zeros(rt_shape(1, 1 << 20));
    rt_dataset *d = rt_data_tensors({"x", x});
    size_t bytes;
    assert_int_equal(rt__dataset_bytes(d, 0, (int64_t)1 << 40, &bytes), RT_E_RANGE);
    assert_error(RANGE, "a batch of 1099511627776 samples is larger than any memory");
    assert_int_equal(rt__dataset_bytes(d, 0, 3, &bytes), RT_OK);
    assert_int_equal(bytes, 3 << 22);
    rt_scope_end(s);
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    rt_scope outer = rt_scope_begin();
    rt_dataset *warm = sentences();
    assert_non_null(warm);
    bool done = false;
    for (int n = 0; !done; n++) {
        assert_true(n < 200);
        int64_t objects = rt_live_objects();
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        rt_dataset *d = sentences();
        rt_batch b;
        done = d && rt_data_next(rt_data_loader(d, .batch = 3), &b);
        rt_mem_fail_after(-1);
        assert_true(done || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        assert_int_equal(rt_live_objects(), objects);
    }
    rt_scope_end(outer);
}

static int shut_down(void **state)
{
    (void)state;
    return rt_shutdown();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_tell_what_samples_are),
        cmocka_unit_test(reading_pads_to_the_longest),
        cmocka_unit_test(batches_have_the_length_of_their_longest),
        cmocka_unit_test(any_type_and_layout),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(training_and_test_samples_are_of_one_form),
        cmocka_unit_test(a_batch_larger_than_memory_is_refused),
        cmocka_unit_test(survives_failing_allocations),
    };
    return cmocka_run_group_tests(tests, NULL, shut_down);
}
