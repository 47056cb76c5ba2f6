/* Tests of complex numbers that are no row of cases/complex.def: views that share memory, the convention of gradients, and real inputs
 * of complex operations. */
#include "check.h"

#include <float.h>
#include <math.h>

static void assert_near(double got, double expected, double tolerance)
{
    if (!(fabs(got - expected) <= tolerance))
        fail_msg("%.9g, expected %.9g", got, expected);
}

static rt_tensor *number(double re, double im)
{
    return rt_clone(rt_complex(rt_scalar(re), rt_scalar(im)));
}

static void assert_number(rt_tensor *z, double re, double im)
{
    assert_string_equal(rt_error(), "");
    assert_int_equal(rt_dtype_of(z), RT_C64);
    assert_near(rt_item(rt_real(z)), re, 1e-6);
    assert_near(rt_item(rt_imag(z)), im, 1e-6);
}

static void parts_are_views(void **state)
{
    (void)state;
    rt_tensor *z = rt_zeros(rt_shape(2, 3), RT_C128), *im = rt_imag(rt_t(z));
    assert_int_equal(rt_dtype_of(im), RT_F64);
    assert_int_equal(rt_stride(im, 0), 2);
    rt_fill(rt_select(im, 0, 1), 5); /* z[:, 1] */
    const double *p = rt_data(z), expected[] = {0, 0, 0, 5, 0, 0, 0, 0, 0, 5, 0, 0};
    assert_memory_equal(p, expected, sizeof expected);
    rt_tensor *pairs = rt_ones(rt_shape(3, 2)), *w = rt_view_as_complex(pairs);
    rt_fill(w, 4); /* 4 + 0i */
    assert_true(rt_item(rt_sum(pairs)) == 12);
    assert_ptr_equal(rt_real(pairs), pairs);
    assert_ptr_equal(rt_conj(pairs), pairs);
    assert_string_equal(rt_error(), "");
}

static void parts_become_numbers(void **state)
{
    (void)state;
    const float z[] = {INFINITY, 1, 2, -INFINITY, NAN, INFINITY};
    const float plain[] = {FLT_MAX, 1, 2, -FLT_MAX, 0, FLT_MAX}, own[] = {7, 1, 2, -8, 5, 7};
    rt_tensor *x = rt_view_as_complex(rt_from(z, rt_shape(3, 2), RT_F32));
    assert_memory_equal(rt_data(rt_nan_to_num(x)), plain, sizeof plain);
    rt_tensor *y = rt_nan_to_num_inplace(x, 5, .posinf = 7, .neginf = -8);
    assert_ptr_equal(y, x);
    assert_memory_equal(rt_data(x), own, sizeof own);
    rt_tensor *w = rt_param(number(3, INFINITY)), *history = rt_clone(w);
    rt_nan_to_num_inplace(history);
    rt_backward(rt_add(rt_real(history), rt_imag(history)));
    assert_number(rt_grad_of(w), 1, 0);
    rt_free(w);
    assert_string_equal(rt_error(), "");
}

/* The gradient of L(x + iy) is dL/dx + i dL/dy: of |z|^2 it is 2z. */
static void gradients_point_uphill(void **state)
{
    (void)state;
    rt_tensor *z = rt_param(number(3, -4));
    rt_backward(rt_square(rt_abs(z)));
    assert_number(rt_grad_of(z), 6, -8);
    rt_grad_clear(z);
    rt_backward(rt_real(rt_mul(z, number(2, 1)))); /* 2 x - y */
    assert_number(rt_grad_of(z), 2, -1);
    rt_free(z);
}

static void a_complex_loss_needs_a_gradient(void **state)
{
    (void)state;
    rt_tensor *z = rt_param(number(3, 4)), *y = rt_square(z);
    assert_int_equal(rt_backward(y), RT_E_DTYPE);
    assert_string_equal(
        rt_error(),
        "backward: complex64[] cpu is complex, but a loss is a real number: pass .grad");
    rt_error_clear();
    assert_int_equal(rt_backward(y, .grad = number(0, 1)), RT_OK);
    assert_number(rt_grad_of(z), 8, 6); /* i conj(2z) */
    rt_free(z);
}

static void real_inputs_get_real_gradients(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_scalar(2)), *z = rt_param(number(3, 4));
    rt_backward(rt_square(rt_abs(rt_mul(x, z)))); /* 25 x^2 */
    assert_int_equal(rt_dtype_of(rt_grad_of(x)), RT_F32);
    assert_near(rt_item(rt_grad_of(x)), 100, 1e-4);
    assert_number(rt_grad_of(z), 24, 32);
    rt_free(x);
    rt_free(z);
}

/* A parameter used twice: its gradients are added, into a fixed place as well. */
static void gradients_are_added(void **state)
{
    (void)state;
    rt_tensor *z = rt_param(number(1, 2)), *place = rt_zeros(rt_shape(), RT_C64);
    assert_int_equal(rt_grad_place(z, place), RT_OK);
    for (int i = 0; i < 2; i++)
        rt_backward(rt_real(rt_add(rt_mul(z, number(0, 1)), z))); /* x - y */
    assert_number(place, 2, -2);
    rt_free(z);
}

/* A write into the real part is part of the history of the whole. */
static void parts_are_written_in_place(void **state)
{
    (void)state;
    rt_tensor *z = rt_param(number(1, 2)), *x = rt_param(rt_scalar(3));
    rt_tensor *h = rt_mul_scalar(z, 1);
    rt_copy_into(rt_real(h), x);
    rt_backward(rt_square(rt_abs(h)));
    assert_number(rt_grad_of(z), 0, 4);
    assert_near(rt_item(rt_grad_of(x)), 6, 1e-6);
    rt_free(z);
    rt_free(x);
}

/* No axis is left for pairs of real numbers. */
static void eight_axes_have_parts(void **state)
{
    (void)state;
    rt_dims dims = {.n = RT_MAX_DIMS, .d = {1, 1, 1, 1, 1, 1, 1, 2}};
    rt_tensor *re = rt_reshape(rt_from((const float[]){3, -1}, rt_shape(2), RT_F32), dims);
    rt_tensor *x = rt_param(rt_complex(re, rt_add_scalar(re, 1)));
    assert_values(rt_real(x), 3, -1);
    assert_values(rt_imag(x), 4, 0);
    rt_backward(rt_sum(rt_add(rt_abs(x), rt_angle(x))));
    assert_fine();
    rt_tensor *dx = rt_grad_of(x);
    assert_true(fabs(rt_item(rt_narrow(rt_real(dx), -1, 1, 1)) + 1) < 1e-6); /* of |x| */
    assert_true(fabs(rt_item(rt_narrow(rt_imag(dx), -1, 1, 1)) + 1) < 1e-6); /* of the angle */
    rt_free(x);
}

/* Memory of others may begin between two complex numbers. */
static void odd_memory_is_not_viewed(void **state)
{
    (void)state;
    static _Alignas(16) float memory[4];
    assert_non_null(rt_view_as_complex(rt_wrap(memory, rt_shape(2), RT_F32)));
    assert_null(rt_view_as_complex(rt_wrap(memory + 1, rt_shape(2), RT_F32)));
    assert_error(ARG, "view_as_complex: float32[2] cpu begins at an odd place of its storage: "
                      "clone it first");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parts_are_views),
        TEST(parts_become_numbers),
        TEST(gradients_point_uphill),
        TEST(a_complex_loss_needs_a_gradient),
        TEST(real_inputs_get_real_gradients),
        TEST(gradients_are_added),
        TEST(parts_are_written_in_place),
        TEST(eight_axes_have_parts),
        TEST(odd_memory_is_not_viewed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
