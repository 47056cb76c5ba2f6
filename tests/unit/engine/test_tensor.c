/* Tests of tensors: creation, views, copies, printing. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/common/random.h"

/* ---- creation ---- */

static void constants_have_their_values(void **state)
{
    (void)state;
    assert_values(rt_zeros(rt_shape(2, 2)), 0, 0, 0, 0);
    assert_values(rt_ones(rt_shape(3)), 1, 1, 1);
    assert_values(rt_full(rt_shape(2), -2.5, RT_F32), -2.5f, -2.5f);
    assert_values(rt_scalar(7), 7);
    assert_values(rt_eye(2), 1, 0, 0, 1);
    assert_values(rt_arange(1, 2, 0.25, RT_F32), 1, 1.25f, 1.5f, 1.75f);
    assert_values(rt_arange(3, 0, -1, RT_F32), 3, 2, 1);
    assert_int_equal(rt_numel(rt_arange(0, 0, 1, RT_I64)), 0);
    assert_int_equal(rt_numel(rt_arange(1e300, 0, 1, RT_I64)), 0); /* beyond int64 */
    assert_int_equal(rt_i64(rt_arange(5, 9, 2, RT_I64))[1], 7);
    /* as in torch.arange, the steps are counted before start and step are truncated */
    assert_int_equal(rt_numel(rt_arange(-0.9, 2.1, 1, RT_I64)), 3);
    assert_int_equal(rt_i64(rt_arange(-0.9, 2.1, 1, RT_I64))[1], 1);
    assert_int_equal(rt_numel(rt_arange(0, 64, 0.5, RT_I64)), 128);
    assert_int_equal(rt_i64(rt_arange(0, 64, 0.5, RT_I64))[127], 0);
    assert_int_equal(rt_numel(rt_arange(-0.9, 2.1, 1, RT_I32)), 3);
    /* int64 is exact where not every integer is a double. */
    for (int64_t k = 0, first = (int64_t)1 << 53; k < 4; k++)
        assert_int_equal(rt_i64(rt_arange(0x1p53, 0x1p53 + 4, 1, RT_I64))[k], first + k);
    assert_int_equal(rt_numel(rt_arange(1, 0x1p53 + 2, 0x1p52, RT_I64)), 3);
    assert_int_equal(rt_i64(rt_arange(0x1p63 - 1024, 0x1p63, 1, RT_I64))[1023], INT64_MAX);
    assert_int_equal(rt_i64(rt_arange(-0x1p63, 0x1p62, 0x1p63, RT_I64))[1], 0);
    assert_int_equal(rt_numel(rt_arange(5, -0x1p63, -1e300, RT_I64)), 1);
    assert_int_equal(rt_i64(rt_arange(5, -0x1p63, -1e300, RT_I64))[0], 5);
    assert_int_equal(rt_ndim(rt_scalar(7)), 0);
    assert_int_equal(rt_dtype_of(rt_zeros_like(rt_zeros(rt_shape(2), RT_I64))), RT_I64);
}

static void every_dtype_can_be_filled_and_read(void **state)
{
    (void)state;
    const rt_dtype types[] = {RT_F32, RT_F64, RT_I64, RT_I32, RT_I16, RT_I8, RT_U8, RT_BF16};
    for (int i = 0; i < COUNT(types); i++) {
        rt_tensor *x = rt_full(rt_shape(3), 5, types[i]);
        assert_true(rt_item(rt_select(x, 0, 2)) == 5);
        assert_int_equal(rt_dtype_of(x), types[i]);
    }
    assert_true(rt_item(rt_full(rt_shape(), 5, RT_BOOL)) == 1);
    assert_true(rt_item(rt_full(rt_shape(), 0.1, RT_F64)) == 0.1);
    assert_fine();
}

/* They are moved by views, copies, broadcasts and indices, wherever their memory begins. */
static void complex_numbers_keep_both_parts(void **state)
{
    (void)state;
    double _Complex v[7];
    for (int i = 0; i < 7; i++)
        v[i] = i - 10.5i * i;
    const rt_dtype types[] = {RT_C64, RT_C128};
    for (int t = 0; t < COUNT(types); t++) {
        rt_tensor *x = rt_to(rt_wrap(v + 1, rt_shape(2, 3), RT_C128), types[t]);
        double _Complex out[12];
        assert_int_equal(rt_copy_out(rt_to(rt_t(x), RT_C128), out), RT_OK);
        assert_true(out[0] == v[1] && out[1] == v[4] && out[4] == v[3] && out[5] == v[6]);
        rt_tensor *twice = rt_contiguous(rt_expand(rt_unsqueeze(x, 0), rt_shape(2, 2, 3)));
        assert_int_equal(rt_copy_out(rt_to(twice, RT_C128), out), RT_OK);
        assert_memory_equal(out + 6, v + 1, 6 * sizeof *v);
        rt_tensor *row = rt_gather(rt_select(x, 0, 1), 0, rt_arange(2, -1, -1, RT_I64));
        assert_int_equal(rt_copy_out(rt_to(row, RT_C128), out), RT_OK);
        assert_true(out[0] == v[6] && out[2] == v[4]);
        rt_tensor *chosen = rt_where(rt_lt(rt_arange(0, 3, 1, RT_F32), rt_scalar(1)),
                                     rt_select(x, 0, 0), rt_select(x, 0, 1));
        assert_int_equal(rt_copy_out(rt_to(chosen, RT_C128), out), RT_OK);
        assert_true(out[0] == v[1] && out[1] == v[5]);
        assert_true(rt_item(rt_to(rt_select(rt_select(x, 0, 1), 0, 2), RT_F32)) == 6);
    }
    assert_fine();
    rt_item(rt_full(rt_shape(), 1, RT_C64));
    assert_error(DTYPE, "item: complex64[] cpu is complex: read it with rt_copy_out");
}

static void bad_shapes_are_refused(void **state)
{
    (void)state;
    assert_null(rt_zeros(rt_shape(2, -1)));
    assert_error(SHAPE, "tensor: negative size in [2,-1]");
    assert_null(rt_zeros(rt_shape((int64_t)1 << 40, (int64_t)1 << 40)));
    assert_error(SHAPE, "tensor: shape [1099511627776,1099511627776] has more than 2^63 elements");
    assert_null(rt_zeros(rt_shape((int64_t)1 << 40, 0, (int64_t)1 << 40)));
    assert_error(SHAPE, "tensor: shape [1099511627776,0,1099511627776] has more than 2^63 "
                        "elements beside its empty axis");
    assert_null(rt_zeros(rt_shape((int64_t)1 << 61)));
    assert_error(NOMEM, "tensor: float32 of shape [2305843009213693952] is larger than any memory");
    assert_int_equal(rt_numel(rt_zeros(rt_shape(0, (int64_t)1 << 31, (int64_t)1 << 31))), 0);
    assert_null(rt_zeros(rt_shape(2), (rt_dtype)99));
    assert_error(DTYPE, "tensor: 99 is no element type");
    assert_null(rt_zeros(rt_shape(2), .device = {RT_CUDA, 1}));
    assert_error(DEVICE, "cuda:1: this build computes on the cpu and on opencl devices");
    assert_null(rt_arange(0, 1, 0, RT_F32));
    assert_error(RANGE, "arange: from 0 to 1 by steps of 0 never ends");
    rt_arange(-1e300, 1, 1e299, RT_I64);
    assert_error(RANGE, "arange: from -1e+300 to 1: int64 has no such numbers");
    rt_arange(0, 1e300, 1e299, RT_I64);
    assert_error(RANGE, "arange: from 0 to 1e+300: int64 has no such numbers");
    assert_int_equal(rt_numel(rt_arange(5, -1e300, 1, RT_I64)), 0);
    rt_tensor *empty = rt_view(rt_zeros(rt_shape(0)), rt_shape(0, INT64_MAX / 2, 2));
    assert_true(rt_is_contiguous(empty) && rt_numel(empty) == 0);
    assert_null(rt_view(empty, rt_shape(0, INT64_MAX, 2)));
    assert_error(SHAPE, "view: shape [0,9223372036854775807,2] has more than 2^63 elements beside "
                        "its empty axis");
}

static void more_than_memory_is_an_error_not_a_crash(void **state)
{
    (void)state;
    assert_null(rt_zeros(rt_shape((int64_t)1 << 45)));
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    rt_error_clear();
}

static void wrapped_memory_is_shared(void **state)
{
    (void)state;
    float memory[4] = {1, 2, 3, 4};
    rt_tensor *x = rt_wrap(memory, rt_shape(2, 2), RT_F32);
    memory[3] = 40;
    assert_values(x, 1, 2, 3, 40);
    rt_fill(x, 9);
    assert_true(memory[0] == 9);
    rt_tensor *copy = rt_from(memory, rt_shape(4), RT_F32);
    memory[0] = 0;
    assert_values(copy, 9, 9, 9, 9);
    assert_null(rt_wrap(NULL, rt_shape(2), RT_F32));
    assert_error(ARG, "wrap: no memory was given for shape [2]");
}

/* ---- looking ---- */

static void nothing_gives_nothing(void **state)
{
    (void)state;
    assert_int_equal(rt_ndim(NULL), 0);
    assert_int_equal(rt_numel(NULL), 0);
    assert_int_equal(rt_size(NULL, 0), 0);
    assert_null(rt_data(NULL));
    assert_null(rt_f32(NULL));
    assert_true(isnan(rt_item(NULL)));
    assert_false(rt_is_contiguous(NULL));
    assert_string_equal(rt_describe(NULL), "no tensor");
    assert_fine();
}

static void sizes_and_strides_by_axis(void **state)
{
    (void)state;
    rt_tensor *x = rt_permute(rt_zeros(rt_shape(2, 3, 4)), rt_shape(2, 0, 1));
    assert_int_equal(rt_size(x, 0), 4);
    assert_int_equal(rt_size(x, -1), 3);
    assert_int_equal(rt_stride(x, 0), 1);
    assert_int_equal(rt_stride(x, -2), 12);
    assert_false(rt_is_contiguous(x));
    assert_string_equal(rt_describe(x), "float32[4,2,3] cpu");
    rt_size(x, 3);
    assert_error(RANGE, "size: axis 3, expected -3 to 2");
    rt_size(rt_scalar(1), 0);
    assert_error(RANGE, "size: axis 0 of a scalar, which has none");
}

static void texts_last_for_eight_calls(void **state)
{
    (void)state;
    const char *first = rt_dims_text(rt_shape(1));
    for (int i = 2; i <= 8; i++)
        rt_dims_text(rt_shape(i));
    assert_string_equal(first, "[1]");
    int64_t m = INT64_MIN; /* the longest text fits */
    const char *longest = rt_dims_text(rt_shape(m, m, m, m, m, m, m, m));
    assert_int_equal(strlen(longest), 8 * 20 + 9);
}

static void access_checks_the_type(void **state)
{
    (void)state;
    assert_null(rt_f32(rt_zeros(rt_shape(2), RT_I64)));
    assert_error(DTYPE, "int64[2] cpu cannot be read as float32: convert it with rt_to");
    assert_true(isnan(rt_item(rt_zeros(rt_shape(2)))));
    assert_error(SHAPE, "item: float32[2] cpu has 2 elements, expected one");
}

/* ---- views ---- */

static void views_share_storage(void **state)
{
    (void)state;
    rt_tensor *x = rt_arange(0, 12, 1, RT_F32);
    rt_tensor *grid = rt_view(x, rt_shape(3, 4));
    rt_tensor *column = rt_select(grid, 1, 2);
    assert_values(column, 2, 6, 10);
    rt_fill(column, -1);
    assert_values(x, 0, 1, -1, 3, 4, 5, -1, 7, 8, 9, -1, 11);
    assert_ptr_equal(rt_data(rt_t(grid)), rt_data(x));
    assert_values(rt_t(rt_narrow(grid, 1, 0, 2)), 0, 4, 8, 1, 5, 9);
}

static void view_outlives_what_it_looks_at(void **state)
{
    (void)state;
    rt_scope s = rt_scope_begin();
    rt_tensor *part = rt_keep(rt_narrow(rt_arange(0, 1000, 1, RT_F32), 0, 998, 2));
    rt_scope_end(s);
    assert_values(part, 998, 999);
    rt_free(part);
}

static void reshape_copies_only_if_it_must(void **state)
{
    (void)state;
    rt_tensor *x = rt_view(rt_arange(0, 24, 1, RT_F32), rt_shape(2, 3, 4));
    assert_ptr_equal(rt_data(rt_reshape(x, rt_shape(6, -1))), rt_data(x));
    rt_tensor *turned = rt_permute(x, rt_shape(2, 0, 1)); /* [4,2,3]: the last two still run on */
    rt_tensor *joined = rt_reshape(turned, rt_shape(4, 6));
    assert_ptr_equal(rt_data(joined), rt_data(x));
    assert_int_equal(rt_stride(joined, 1), 4);
    assert_ptr_not_equal(rt_data(rt_reshape(turned, rt_shape(8, 3))), NULL);
    assert_ptr_not_equal(rt_data(rt_reshape(turned, rt_shape(24))), rt_data(x));
    assert_null(rt_view(turned, rt_shape(24)));
    assert_error(SHAPE,
                 "view: float32[4,2,3] cpu cannot be seen as [24] without a copy: use reshape");
}

static void reshape_of_nothing(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(0, 3));
    assert_int_equal(rt_size(rt_reshape(x, rt_shape(3, -1)), 1), 0);
    assert_int_equal(rt_ndim(rt_reshape(x, rt_shape(5, 0, 2))), 3);
    assert_null(rt_reshape(x, rt_shape(0, -1)));
    assert_error(SHAPE, "reshape: float32[0,3] cpu does not fit into shape [0,-1]");
    assert_null(rt_reshape(x, rt_shape(-1, -1)));
    assert_error(SHAPE, "reshape: [-1,-1] has more than one -1");
    assert_null(rt_reshape(rt_zeros(rt_shape(4)), rt_shape(3, -1)));
    assert_error(SHAPE, "reshape: float32[4] cpu does not fit into shape [3,-1]");
}

static void slices_follow_python(void **state)
{
    (void)state;
    rt_tensor *x = rt_arange(0, 10, 1, RT_F32);
    assert_values(rt_slice(x, .start = 2, .end = 8, .step = 3), 2, 5);
    assert_values(rt_slice(x, .start = -3), 7, 8, 9);
    assert_values(rt_slice(x, .start = 7, .end = 100), 7, 8, 9);
    assert_values(rt_slice(x, .start = -100, .end = 2), 0, 1);
    assert_int_equal(rt_numel(rt_slice(x, .start = 5, .end = 5)), 0);
    assert_int_equal(rt_numel(rt_slice(x, .start = 8, .end = 2)), 0);
    assert_values(rt_slice(x, .start = 7), 7, 8, 9);                  /* x[7:] */
    assert_int_equal(rt_numel(rt_slice(x, .start = 1, .end = 0)), 0); /* x[1:0] */
    assert_values(rt_slice(x, .start = -2, .end = -1), 8);
    assert_null(rt_slice(x, .step = 0));
    assert_error(RANGE, "slice: step is 0, expected 1 or more");
    assert_null(rt_slice(x, .step = -1));
    assert_error(RANGE, "slice: step is -1, expected 1 or more");
}

static void scalars_pass_for_one_axis(void **state)
{
    (void)state;
    rt_tensor *x = rt_scalar(5);
    for (int axis = -1; axis <= 0; axis++) {
        assert_ptr_equal(rt_squeeze(x, axis), x);
        assert_values(rt_transpose(x, axis, 0), 5);
        assert_values(rt_sum(x, rt_shape(axis)), 5);
        assert_values(rt_softmax(x, axis), 1);
        assert_int_equal(rt_ndim(rt_softmax(x, axis)), 0);
        rt_tensor *at = rt_argmax(x, axis);
        assert_true(rt_ndim(at) == 0 && rt_i64(at)[0] == 0);
    }
    const int64_t zeros[] = {0, 0, 0};
    rt_tensor *w = rt_param(rt_scalar(5)), *none = rt_full(rt_shape(), 0, RT_I64);
    rt_tensor *row = rt_param(rt_arange(3, 6, 1, RT_F32)),
              *three = rt_from(zeros, rt_shape(3), RT_I64);
    for (int axis = -1; axis <= 0; axis++) { /* as in torch.gather */
        assert_values(rt_gather(w, axis, none), 5);
        assert_int_equal(rt_ndim(rt_gather(w, axis, none)), 0);
        assert_values(rt_gather(w, axis, three), 5, 5, 5);
        assert_values(rt_gather(row, axis, none), 3);
        assert_int_equal(rt_ndim(rt_gather(row, axis, none)), 0);
    }
    rt_tensor *nothing = rt_gather(row, 0, rt_zeros(rt_shape(2, 0), RT_U8));
    assert_int_equal(rt_ndim(nothing), 2); /* an index without elements may have any shape */
    rt_backward(rt_sum(nothing));
    assert_values(rt_grad_of(row), 0, 0, 0);
    rt_grad_clear(row);
    rt_backward(rt_sum(rt_mul(rt_gather(w, 0, three), rt_gather(row, 0, none))));
    assert_values(rt_grad_of(w), 9);
    assert_values(rt_grad_of(row), 15, 0, 0);
    rt_free(w);
    rt_free(row);
    assert_null(rt_gather(x, 1, none));
    assert_error(RANGE, "gather: axis 1, expected -1 to 0");
    assert_null(rt_gather(x, 0, rt_full(rt_shape(), 1, RT_I64)));
    assert_error(RANGE, "gather: index 1 at element 0, expected 0 to 0");
    assert_null(rt_argmax(x, 1));
    assert_error(RANGE, "argmax: axis 1, expected -1 to 0");
    assert_null(rt_narrow(x, 0, 0, 1)); /* as in PyTorch, a scalar has no axis to narrow */
    assert_error(RANGE, "narrow: axis 0 of a scalar, which has none");
}

static void bad_views_are_refused(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(2, 3));
    assert_null(rt_narrow(x, 1, 2, 2));
    assert_error(RANGE, "narrow: 2 elements from 2 do not lie in axis 1 of float32[2,3] cpu");
    assert_null(rt_narrow(x, 1, INT64_MAX, 2));
    rt_error_clear();
    assert_null(rt_select(x, 0, 2));
    assert_error(RANGE, "select: index 2 is not in axis 0 of float32[2,3] cpu");
    assert_null(rt_transpose(x, 0, 2));
    assert_error(RANGE, "transpose: axis 2, expected -2 to 1");
    assert_null(rt_permute(x, rt_shape(0, 0)));
    assert_error(SHAPE,
                 "permute: the axes given do not name each of the 2 axes of float32[2,3] cpu once");
    assert_null(rt_expand(x, rt_shape(2, 4)));
    assert_int_equal(rt_error_code(), RT_E_SHAPE);
    rt_error_clear();
    assert_null(rt_t(rt_zeros(rt_shape(3, 1, 1))));
    assert_error(SHAPE, "t: float32[3,1,1] cpu, expected two axes or fewer");
    assert_null(rt_flatten(x, 1, 0));
    assert_error(RANGE, "flatten: first axis 1 comes after last axis 0");
    assert_null(rt_unsqueeze(rt_zeros(rt_shape(1, 1, 1, 1, 1, 1, 1, 1)), 0));
    assert_error(SHAPE, "unsqueeze: float32[1,1,1,1,1,1,1,1] cpu has all 8 axes there can be");
}

static void cat_and_stack_refuse_what_does_not_fit(void **state)
{
    (void)state;
    rt_tensor *x[] = {rt_zeros(rt_shape(2, 3)), rt_zeros(rt_shape(2, 4)), NULL};
    assert_null(rt_cat(x, 2, 0));
    assert_error(SHAPE, "cat: tensor 1 is float32[2,4] cpu, which does not fit float32[2,3] cpu "
                        "along axis 0");
    assert_int_equal(rt_size(rt_cat(x, 2, 1), 1), 7);
    assert_null(rt_cat(x, 3, 1));
    assert_error(ARG, "cat: argument 3 is no tensor (NULL)");
    assert_null(rt_stack(x, 2, 0));
    assert_error(SHAPE,
                 "stack: tensor 1 is float32[2,4] cpu, expected the shape of float32[2,3] cpu");
    assert_null(rt_cat(x, 0, 0));
    assert_error(ARG, "cat: the list of tensors is empty");
}

static void cat_of_many(void **state)
{
    (void)state;
    enum { MANY = 100 };
    rt_tensor *x[MANY];
    for (int i = 0; i < MANY; i++)
        x[i] = rt_param(rt_full(rt_shape(i % 3), i, RT_F32));
    rt_tensor *y = rt_cat(x, MANY, 0);
    assert_int_equal(rt_numel(y), 99);
    assert_int_equal(rt_backward(rt_sum(rt_square(y))), RT_OK);
    assert_values(rt_grad_of(x[98]), 196, 196);
    for (int i = 0; i < MANY; i++)
        rt_free(x[i]);
}

/* ---- copies ---- */

static void copy_into_broadcasts_and_converts(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(2, 3));
    assert_int_equal(rt_copy_into(x, rt_arange(1, 4, 1, RT_I64)), RT_OK);
    assert_values(x, 1, 2, 3, 1, 2, 3);
    assert_int_equal(rt_copy_into(rt_t(x), rt_scalar(5)), RT_OK);
    assert_values(x, 5, 5, 5, 5, 5, 5);
    rt_copy_into(rt_zeros(rt_shape(3)), x);
    assert_error(SHAPE, "copy_into: float32[2,3] cpu does not fit into float32[3] cpu");
}

static void overlapping_copy_is_safe(void **state)
{
    (void)state;
    rt_tensor *x = rt_arange(0, 6, 1, RT_F32);
    rt_copy_into(rt_narrow(x, 0, 1, 5), rt_narrow(x, 0, 0, 5));
    assert_values(x, 0, 0, 1, 2, 3, 4);
    /* Copied element by element, each of these would read an element that it has just overwritten. */
    rt_tensor *square = rt_reshape(rt_arange(0, 9, 1, RT_F32), rt_shape(3, 3));
    rt_copy_into(square, rt_t(square));
    assert_values(square, 0, 3, 6, 1, 4, 7, 2, 5, 8);
    rt_tensor *table = rt_reshape(rt_arange(0, 8, 1, RT_F32), rt_shape(4, 2));
    rt_tensor *column = rt_narrow(table, 1, 0, 1);
    rt_copy_into(rt_narrow(column, 0, 1, 3), rt_narrow(column, 0, 0, 3));
    assert_values(table, 0, 1, 0, 3, 2, 5, 4, 7);
    rt_copy_into(rt_narrow(table, 0, 0, 3), rt_narrow(table, 0, 1, 1)); /* one row over three */
    assert_values(table, 0, 3, 0, 3, 0, 3, 4, 7);
}

static void halves_are_filled_and_converted(void **state)
{
    (void)state;
    static const rt_dtype halves[] = {RT_BF16, RT_F16};
    for (int i = 0; i < 2; i++) {
        rt_tensor *x = rt_full(rt_shape(3), 1.5, halves[i]);
        assert_true(rt_item(rt_sum(rt_to(x, RT_F32))) == 4.5);
        assert_int_equal(rt_i64(rt_to(x, RT_I64))[2], 1);
        rt_tensor *back = rt_to(rt_to(rt_full(rt_shape(2), 7, RT_I64), halves[i]), RT_F64);
        assert_true(((const double *)rt_data(back))[1] == 7);
    }
}

static void conversions_round_and_clamp(void **state)
{
    (void)state;
    const float v[] = {-1.7f, 2.9f, 300, NAN}, far[] = {1e10f, -1e10f, INFINITY, -INFINITY, NAN};
    const int32_t nearest[] = {INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 0};
    rt_tensor *out = rt_from(far, rt_shape(5), RT_F32);
    assert_memory_equal(rt_data(rt_to(out, RT_I32)), nearest, sizeof nearest);
    assert_memory_equal(rt_data(rt_to(rt_to(out, RT_F64), RT_I32)), nearest, sizeof nearest);
    rt_tensor *x = rt_from(v, rt_shape(4), RT_F32);
    rt_tensor *u8 = rt_to(x, RT_U8);
    const uint8_t expected[] = {255, 2, 44, 0}; /* the lowest byte, as in PyTorch */
    assert_memory_equal(rt_data(u8), expected, 4);
    const int64_t wide[] = {((int64_t)1 << 40) + 5, (int64_t)1 << 31, 300};
    rt_tensor *i64 = rt_from(wide, rt_shape(3), RT_I64);
    const int32_t low[] = {5, INT32_MIN, 300};
    assert_memory_equal(rt_data(rt_to(i64, RT_I32)), low, sizeof low);
    const uint8_t lowest[] = {5, 0, 44};
    assert_memory_equal(rt_data(rt_to(i64, RT_U8)), lowest, sizeof lowest);
    const uint8_t truth[] = {1, 1, 1, 1};
    assert_memory_equal(rt_data(rt_to(x, RT_BOOL)), truth, 4);
    assert_int_equal(rt_i64(rt_to(x, RT_I64))[0], -1);
    assert_ptr_equal(rt_to(x, RT_F32), x);
    assert_true(rt_item(rt_to(rt_full(rt_shape(), 0.1, RT_F64), RT_F32)) == (double)0.1f);
}

static void fill_reaches_strided_views(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(2, 4));
    rt_fill(rt_slice(x, .axis = 1, .start = 1, .step = 2), 3);
    assert_values(x, 0, 3, 0, 3, 0, 3, 0, 3);
}

/* ---- random views against index arithmetic ---- */

/* A model of a view: the place of each of its elements in the original. */
typedef struct model {
    int n;
    int64_t size[4], place[256];
} model;

static int64_t model_numel(const model *m)
{
    int64_t n = 1;
    for (int i = 0; i < m->n; i++)
        n *= m->size[i];
    return n;
}

/* Swaps two axes, or takes every step-th element from start on, on the model. */
static model model_view(const model *m, int a, int b, int64_t start, int64_t step)
{
    model v = *m;
    if (step == 0) {
        v.size[a] = m->size[b];
        v.size[b] = m->size[a];
    } else {
        v.size[a] = start < m->size[a] ? (m->size[a] - start - 1) / step + 1 : 0;
    }
    for (int64_t i = 0; i < model_numel(&v); i++) {
        int64_t at[4], rest = i, from = 0;
        for (int k = v.n - 1; k >= 0; k--) {
            at[k] = rest % v.size[k];
            rest /= v.size[k];
        }
        if (step == 0) {
            int64_t t = at[a];
            at[a] = at[b];
            at[b] = t;
        } else {
            at[a] = start + step * at[a];
        }
        for (int k = 0; k < m->n; k++)
            from = from * m->size[k] + at[k];
        v.place[i] = m->place[from];
    }
    return v;
}

static void assert_model(rt_tensor *x, const model *m)
{
    float values[256];
    assert_fine();
    assert_int_equal(rt_numel(x), model_numel(m));
    rt_copy_out(x, values);
    for (int64_t i = 0; i < model_numel(m); i++)
        assert_int_equal((int64_t)values[i], m->place[i]);
}

static void random_views_agree_with_index_arithmetic(void **state)
{
    (void)state;
    unsigned random = (unsigned)random_seed("test_tensor");
    for (int round = 0; round < 2000; round++) {
        rt_scope s = rt_scope_begin();
        model m = {.n = 4};
        for (int i = 0; i < 4; i++)
            m.size[i] = 1 + rand_r(&random) % 4;
        for (int64_t i = 0; i < model_numel(&m); i++)
            m.place[i] = i;
        rt_tensor *x = rt_reshape(rt_arange(0, (double)model_numel(&m), 1, RT_F32),
                                  rt_shape(m.size[0], m.size[1], m.size[2], m.size[3]));
        for (int k = 0; k < 4; k++) {
            int a = rand_r(&random) % 4, b = rand_r(&random) % 4;
            int64_t step = rand_r(&random) % 3, start = rand_r(&random) % 3;
            x = step ? rt_slice(x, a, start, .step = step) : rt_transpose(x, a, b);
            m = model_view(&m, a, b, start, step);
        }
        assert_model(x, &m);
        assert_model(rt_reshape(x, rt_shape(-1 + 0 * m.n)), &m); /* one axis, for any strides */
        rt_dims merged = rt_shape(m.size[0], m.size[1] * m.size[2], m.size[3]);
        assert_model(rt_reshape(x, merged), &m);
        rt_scope_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(constants_have_their_values),
        TEST(every_dtype_can_be_filled_and_read),
        TEST(complex_numbers_keep_both_parts),
        TEST(bad_shapes_are_refused),
        TEST(more_than_memory_is_an_error_not_a_crash),
        TEST(wrapped_memory_is_shared),
        TEST(nothing_gives_nothing),
        TEST(sizes_and_strides_by_axis),
        TEST(texts_last_for_eight_calls),
        TEST(access_checks_the_type),
        TEST(views_share_storage),
        TEST(view_outlives_what_it_looks_at),
        TEST(reshape_copies_only_if_it_must),
        TEST(reshape_of_nothing),
        TEST(slices_follow_python),
        TEST(scalars_pass_for_one_axis),
        TEST(bad_views_are_refused),
        TEST(cat_and_stack_refuse_what_does_not_fit),
        TEST(cat_of_many),
        TEST(copy_into_broadcasts_and_converts),
        TEST(overlapping_copy_is_safe),
        TEST(halves_are_filled_and_converted),
        TEST(conversions_round_and_clamp),
        TEST(fill_reaches_strided_views),
        TEST(random_views_agree_with_index_arithmetic),
    };
    int failed = cmocka_run_group_tests_name("tensor", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
