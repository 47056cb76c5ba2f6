/* Tests of writes in place: <name>_ computes what <name> does, views and bases see each other's changes, and no history that leads back
 * to itself keeps objects alive. The rows of cases.def compare whole programs with PyTorch's values. */
#include "check.h"

#include "common/base/mem.h"
#include "user_ops.h"
#include "worker/engine/autograd/schema.h"
#include "worker/engine/ops/call_by_name.h"
#include <stdio.h>

static rt_tensor *param(double value)
{
    return rt_param(rt_full(rt_shape(2), value, RT_F32));
}

/* ---- every row ---- */

enum { INPUTS = 3, COMPOSITES = 19 /* operations in place that have no row */ };

static rt_tensor *operand(int number, rt_dims dims)
{
    rt_tensor *x = rt_empty(dims);
    for (int64_t i = 0; i < rt_numel(x); i++)
        rt_f32(x)[i] = 0.25f + (float)((i * 7 + number * 5) % 11) / 16;
    return x;
}

/* Makes the tensor to write: with memory of its own, or as part of a larger one. */
static rt_tensor *target(rt_tensor *x, bool part)
{
    if (!part)
        return rt_clone(x);
    rt_tensor *all = rt_cat((rt_tensor *[]){x, x}, 2, -1);
    return rt_narrow(all, -1, 2, rt_size(x, -1));
}

/* Returns whether op has that name, in place or not. */
static bool is_called(const rt_op *op, const char *name)
{
    size_t len = strlen(name);
    return strncmp(name, op->name, len) == 0 &&
           strspn(op->name + len, "_") == strlen(op->name + len);
}

/* Returns the shape of input i. */
static rt_dims shape_of(const rt_op *op, int i)
{
    const struct {
        const char *op;
        rt_dims dims[INPUTS];
    } own[] = {
        {"addmm", {rt_shape(3, 5), rt_shape(3, 4), rt_shape(4, 5)}},
        {"addmv", {rt_shape(5), rt_shape(5, 4), rt_shape(4)}},
        {"addbmm", {rt_shape(3, 5), rt_shape(2, 3, 4), rt_shape(2, 4, 5)}},
        {"baddbmm", {rt_shape(2, 3, 5), rt_shape(2, 3, 4), rt_shape(2, 4, 5)}},
        {"addr", {rt_shape(3, 5), rt_shape(3), rt_shape(5)}},
    };
    for (int k = 0; k < COUNT(own); k++)
        if (is_called(op, own[k].op))
            return own[k].dims[i];
    return i == 1 ? rt_shape(5) : rt_shape(3, 5);
}

/* Returns the values that an operation cannot do without; NULL if there are none. */
static json_t *values_of(const rt_op *op)
{
    static const struct {
        const char *op, *values;
    } needed[] = {
        {"threshold", "{\"threshold\": 0.5, \"value\": -1}"},
        {"lerp_scalar", "{\"w\": 0.3}"},
        {"round_decimals", "{\"decimals\": 1}"},
        {"masked_fill", "{\"value\": 2}"},
    };
    for (int i = 0; i < COUNT(needed); i++)
        if (is_called(op, needed[i].op))
            return json_loads(needed[i].values, 0, NULL);
    return NULL;
}

/* Lists what op gives for x: the value, the gradients, and the gradients of their sum's square. */
static int outcomes(const rt_op *op, rt_tensor *const *x, bool part, rt_tensor **all)
{
    rt_tensor *in[INPUTS] = {target(x[0], part), x[1], x[2]};
    for (int i = 1; i < op->n_in; i++)
        if (op->fields[i].dtypes == RT_TYPE(BOOL))
            in[i] = rt_gt(x[i], rt_scalar(0.5));
    if (strncmp(op->name, "masked_fill_by", 14) == 0)
        in[2] = rt_mean(x[2]);
    json_t *values = values_of(op);
    void *args = rt__args_from_json(op, in, op->n_in, values);
    json_decref(values);
    assert_fine();
    rt_tensor *y = rt_apply(op, args), *sum = rt_scalar(0);
    rt_mem_free(args);
    assert_fine();
    assert_true((y == in[0]) == op->writes);
    int n = op->n_in;
    rt_tensor *rest = rt_mul_scalar(rt_sum(x[0]), 0); /* values without gradient have no history */
    rt_grad(rt_add(rt_sum(rt_square(y)), rest), x, n, all + 1, .create_graph = true);
    for (int i = 0; i < n; i++)
        sum = rt_add(sum, rt_sum(rt_square(all[1 + i])));
    sum = rt_add(sum, rest);
    rt_grad(sum, x, n, all + 1 + n);
    assert_fine();
    all[0] = y;
    return 1 + 2 * n;
}

static void check_row(const rt_op *op, const rt_op *in_place, bool part)
{
    rt_scope s = rt_scope_begin();
    rt_tensor *x[INPUTS], *expected[1 + 2 * INPUTS], *got[1 + 2 * INPUTS];
    for (int i = 0; i < INPUTS; i++)
        x[i] = rt_param(operand(i, shape_of(op, i)));
    int n = outcomes(op, x, part, expected);
    assert_int_equal(outcomes(in_place, x, part, got), n);
    for (int k = 0; k < n; k++) {
        rt_tensor *a = rt_contiguous(rt_detach(got[k])), *b = rt_contiguous(rt_detach(expected[k]));
        assert_int_equal(rt_numel(a), rt_numel(b));
        if (memcmp(rt_data(a), rt_data(b), (size_t)rt_numel(a) * sizeof(float)) != 0)
            fail_msg("%s: outcome %d differs in bits from %s", in_place->name, k, op->name);
    }
    for (int i = 0; i < INPUTS; i++)
        rt_free(x[i]);
    rt_scope_end(s);
}

static void every_operation_in_place(void **state)
{
    (void)state;
    int rows = 0;
    const rt_op *in_place;
    for (int i = 0; (in_place = rt_op_at(i)); i++) {
        char name[64];
        if (!in_place->writes || in_place->name[strlen(in_place->name) - 1] != '_')
            continue; /* fill and copy_into exist only in place */
        snprintf(name, sizeof name, "%.*s", (int)strlen(in_place->name) - 1, in_place->name);
        const rt_op *op = rt_op_find(name);
        assert_non_null(op);
        if (strncmp(name, "bitwise_", 8) == 0)
            continue; /* of integers, which have no gradient: cases.def */
        check_row(op, in_place, false);
        check_row(op, in_place, true);
        rows++;
    }
    int expected = COMPOSITES
#define UNARY(...)          +1
#define PARAMETRIC(...)     +1
#define UNARY_OPS(...)      +1
#define PARAMETRIC_OPS(...) +1
#define BINARY(...)         +1
#define TERNARY(...)        +1
#include "kernels/elementwise.def"
        ;
    assert_int_equal(rows, expected);
}

static void by_name(void **state)
{
    (void)state;
    rt_tensor *x = rt_from((const float[]){-1, 2}, rt_shape(2), RT_F32);
    rt__named given[] = {{"x", x}};
    rt__named_list out;
    assert_int_equal(rt__call_by_name(rt_op_find("relu_"), given, 1, NULL, true, &out), RT_OK);
    assert_int_equal(out.count, 2);
    assert_values(out.item[0].x, 0, 2);
    assert_values(out.item[1].x, 0, 1);
    assert_values(x, -1, 2); /* the caller's tensor is unchanged */
    rt__named_list_release(&out);

    const float src[] = {3, 4};
    rt__named both[] = {{"x", x}, {"src", rt_from(src, rt_shape(1, 2), RT_F32)}};
    both[1].x = rt_select(both[1].x, 0, 0);
    assert_int_equal(rt__call_by_name(rt_op_find("copy_into"), both, 2, NULL, true, &out), RT_OK);
    assert_values(out.item[0].x, 3, 4);
    assert_values(out.item[1].x, 0, 0); /* the old value has no influence */
    assert_values(out.item[2].x, 1, 1);
    assert_values(x, -1, 2);
    rt__named_list_release(&out);

    json_t *value = json_pack("{s:f}", "value", 7.0);
    assert_int_equal(rt__call_by_name(rt_op_find("fill"), given, 1, value, true, &out), RT_OK);
    json_decref(value);
    assert_values(out.item[0].x, 7, 7);
    assert_values(out.item[1].x, 0, 0);
    assert_values(x, -1, 2);
    rt__named_list_release(&out);
}

/* ---- types and shapes ---- */

static void the_target_keeps_its_type(void **state)
{
    (void)state;
    const struct {
        rt_dtype x, y;
        bool fits;
    } row[] = {{RT_F32, RT_F32, true},  {RT_F32, RT_I64, true},  {RT_F32, RT_BOOL, true},
               {RT_I64, RT_I64, true},  {RT_I64, RT_BOOL, true}, {RT_I64, RT_F32, false},
               {RT_I32, RT_I64, true},  {RT_U8, RT_I64, true},   {RT_U8, RT_F32, false},
               {RT_BOOL, RT_I64, false}};
    for (int i = 0; i < COUNT(row); i++) {
        rt_tensor *x = rt_ones(rt_shape(3), row[i].x), *y = rt_full(rt_shape(3), 2, row[i].y);
        rt_tensor *got = rt_add_inplace(x, y);
        if (row[i].fits) {
            assert_fine();
            assert_ptr_equal(got, x);
            assert_int_equal(rt_dtype_of(x), row[i].x);
            double sum = row[i].y == RT_BOOL ? 2 : 3;
            assert_true(rt_item(rt_select(x, 0, 1)) == sum);
            continue;
        }
        assert_null(got);
        assert_int_equal(rt_error_code(), RT_E_DTYPE);
        assert_non_null(strstr(rt_error(), "add in place: the result is "));
        assert_non_null(strstr(rt_error(), " cannot hold: convert that with rt_to first"));
        rt_error_clear();
        assert_true(rt_item(rt_select(x, 0, 1)) == 1); /* nothing was written */
    }
}

static void the_target_keeps_its_shape(void **state)
{
    (void)state;
    rt_tensor *x = param(2), *h = rt_mul(x, x);
    assert_null(rt_add_inplace(h, rt_ones(rt_shape(3, 2))));
    assert_error(SHAPE, "add in place: the result is float32[3,2] cpu, which does not fit into "
                        "float32[2] cpu");
    assert_null(rt_add_inplace(h, rt_ones(rt_shape(3))));
    assert_error(SHAPE, "add: shapes [2] and [3] do not broadcast");
    assert_values(h, 4, 4);
    rt_backward(rt_sum(rt_square(h))); /* and nothing was changed */
    assert_values(rt_grad_of(x), 32, 32);
    rt_free(x);
}

/* ---- histories ---- */

static void a_base_learns_what_its_views_are_given(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *all = rt_zeros(rt_shape(4)), *other = rt_narrow(all, 0, 1, 2);
    assert_false(rt_requires_grad(all));
    assert_int_equal(rt_copy_into(rt_narrow(all, 0, 0, 2), x), RT_OK);
    assert_true(rt_requires_grad(all));
    assert_true(rt_requires_grad(other));
    rt_backward(rt_sum(rt_square(other)));
    assert_values(rt_grad_of(x), 0, 6);
    rt_free(x);
}

static void parts_are_written_one_by_one(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(2, 3))), *h = rt_mul_scalar(x, 2), *part[3];
    assert_int_equal(rt_unbind(h, 1, part, 3), 3);
    rt_mul_inplace(part[1], rt_full(rt_shape(2), 5, RT_F32));
    assert_values(h, 2, 10, 2, 2, 10, 2);
    rt_backward(rt_sum(rt_mul(rt_stack(part, 3, 1), h)));
    assert_values(rt_grad_of(x), 8, 200, 8, 8, 200, 8); /* of (2x)^2 and (10x)^2 */
    rt_free(x);
}

static void what_shows_an_element_twice_is_not_written(void **state)
{
    (void)state;
    rt_tensor *x = rt_ones(rt_shape(5));
    assert_int_not_equal(rt_fill(rt_unfold(x, 0, 3, 1), 2), RT_OK);
    assert_error(ARG, "fill: several elements of float32[3,3] cpu share memory: write into "
                      "rt_clone(x)");
    assert_int_not_equal(rt_fill(rt_as_strided(x, rt_shape(2, 2), rt_shape(0, 1), RT_NOT_GIVEN), 2),
                         RT_OK);
    assert_error(ARG, "fill: several elements of float32[2,2] cpu share memory: write into "
                      "rt_clone(x)");
    assert_int_equal(rt_fill(rt_unfold(x, 0, 2, 3), 2), RT_OK);
    assert_values(x, 2, 2, 1, 2, 2);
    assert_int_equal(rt_fill(rt_diagonal(rt_as_strided(x, rt_shape(2, 2), rt_shape(2, 1), 1)), 7),
                     RT_OK);
    assert_values(x, 2, 7, 1, 2, 7);
}

static void integers_take_values_without_a_history(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *n = rt_zeros(rt_shape(2), RT_I64);
    assert_int_equal(rt_copy_into(n, x), RT_OK);
    assert_false(rt_requires_grad(n));
    assert_int_equal(rt_i64(n)[1], 3);
    rt_free(x);
}

static void gradients_are_those_of_the_new_value(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *h = rt_mul_scalar(x, 2), *v = rt_narrow(h, 0, 0, 1), *dx[2];
    rt_square_inplace(h);
    rt_tensor *by[] = {h, v};
    rt_grad(rt_add(rt_sum(rt_mul_scalar(h, 5)), rt_sum(v)), by, 2, dx);
    assert_values(dx[0], 6, 5); /* v is made from h */
    assert_values(dx[1], 1);
    rt_free(x);
}

static void a_value_that_backward_needs_is_not_lost_unnoticed(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *h = rt_mul_scalar(x, 2), *y = rt_square(h), *z = rt_tanh(h);
    rt_add_inplace(rt_narrow(h, 0, 0, 1), rt_ones(rt_shape(1)));
    rt_backward(rt_sum(y));
    assert_error(ARG, "backward: an input of square, float32[2] cpu, was changed in place after it "
                      "was used: clone it first");
    rt_mul_inplace(z, h);
    rt_backward(rt_sum(z));
    assert_error(ARG, "backward: the result of tanh, float32[2] cpu, was changed in place after it "
                      "was used: clone it first");
    rt_free(x);
}

static void memory_of_the_target_is_reused(void **state)
{
    (void)state;
    rt_tensor *x = param(-3), *h = rt_mul_scalar(x, 2);
    const void *before = rt_data(h);
    assert_ptr_equal(rt_add_inplace(rt_relu_inplace(h), x), h);
    assert_ptr_equal(rt_data(h), before);
    assert_values(h, -3, -3);
    rt_free(x);
}

static void without_recording_parameters_are_written(void **state)
{
    (void)state;
    rt_tensor *x = param(3);
    bool former = rt_no_grad_begin();
    rt_mul_inplace(x, x);
    rt_add_inplace(rt_narrow(x, 0, 0, 1), rt_ones(rt_shape(1)));
    rt_no_grad_end(former);
    assert_values(x, 10, 9);
    rt_backward(rt_sum(rt_square(x)));
    assert_values(rt_grad_of(x), 20, 18);
    rt_free(x);
}

static void an_operation_of_a_user(void **state)
{
    (void)state;
    rt_tensor *x = param(3), *h = rt_mul_scalar(x, 2);
    assert_ptr_equal(rt_apply_in_place(&scaled_op, &(scaled_args){.x = h, .s = 4}), h);
    assert_values(h, 24, 24);
    rt_backward(rt_sum(h));
    assert_values(rt_grad_of(x), 8, 8);
    rt_tensor *none = NULL;
    assert_null(rt_apply_in_place(rt_op_find("topk"), &none));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    rt_error_clear();
    rt_free(x);
}

/* ---- what is kept ---- */

/* Makes histories that lead from a tensor to nodes that hold it as an input, an operand or a saved value. */
static void write_in_circles(rt_tensor *x)
{
    rt_tensor *h = rt_mul(x, x), *v = rt_narrow(h, 0, 0, 1), *y = rt_mul(h, h);
    rt_add_inplace(h, y);                     /* y saved h, and h has y's history */
    rt_copy_into(v, rt_narrow(h, 0, 1, 1));   /* from one view of h into another */
    rt_mul_inplace(v, rt_narrow(h, 0, 1, 1)); /* which saves it */
    rt_exp_inplace(rt_relu_inplace(h));
    rt_add(rt_expand(v, rt_shape(3)), rt_ones(rt_shape(3)));
    assert_fine();
}

static void nothing_keeps_itself_alive(void **state)
{
    (void)state;
    rt_tensor *x = param(1);
    int64_t before = rt_live_objects();
    for (int i = 0; i < 3; i++) {
        rt_scope s = rt_scope_begin();
        write_in_circles(x);
        rt_scope_end(s);
        assert_int_equal(rt_live_objects(), before);
    }
    rt_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_operation_in_place),
        TEST(by_name),
        TEST(the_target_keeps_its_type),
        TEST(the_target_keeps_its_shape),
        TEST(a_base_learns_what_its_views_are_given),
        TEST(parts_are_written_one_by_one),
        TEST(what_shows_an_element_twice_is_not_written),
        TEST(integers_take_values_without_a_history),
        TEST(gradients_are_those_of_the_new_value),
        TEST(a_value_that_backward_needs_is_not_lost_unnoticed),
        TEST(memory_of_the_target_is_reused),
        TEST(without_recording_parameters_are_written),
        TEST(an_operation_of_a_user),
        TEST(nothing_keeps_itself_alive),
    };
    int failed = cmocka_run_group_tests_name("in place", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
