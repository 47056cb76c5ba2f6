/* Tests of the contract of <ringtorch/op.h> for authors of operations: the three kinds, any number of results, what backward
 * receives and what it may return, and how violations are reported. */
#include "user_ops.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include <math.h>

static void must_register(const rt_op *op)
{
    if (!rt_op_find(op->name) && rt_op_register(op) != RT_OK)
        fail_msg("%s", rt_error());
}

static rt_tensor *filled(rt_dims dims, const float *values)
{
    return rt_from(values, dims, RT_F32);
}

/* ---- the example of the header ---- */

static rt_tensor *scaled(rt_tensor *x, double s)
{
    return rt_apply(&scaled_op, &(scaled_args){.x = x, .s = s});
}

static void an_operation_of_a_user_computes(void **state)
{
    (void)state;
    rt_tensor *x = filled(rt_shape(2, 2), (const float[]){1, 2, 3, 4});
    assert_values(scaled(x, 3), 3, 6, 9, 12);
    assert_values(scaled(rt_t(x), 2), 2, 6, 4, 8); /* run receives inputs without gaps */
    assert_int_equal(rt_numel(scaled(rt_zeros(rt_shape(0)), 2)), 0);
}

/* Compares with central differences of sum(g * y), whose error is of the order of eps^2 plus the rounding error divided by eps. */
static void its_gradient_is_that_of_finite_differences(void **state)
{
    (void)state;
    const float eps = 1.0f / 64;
    rt_random_seek(5, 0, 0);
    rt_tensor *x = rt_param(rt_randn(rt_shape(3, 2))), *g = rt_randn(rt_shape(3, 2));
    rt_backward(scaled(rt_tanh(scaled(x, 1.5)), -2), .grad = g);
    assert_fine();
    for (int64_t i = 0; i < rt_numel(x); i++) {
        double ends[2];
        for (int k = 0; k < 2; k++) {
            rt_tensor *moved = rt_clone(rt_detach(x));
            rt_f32(moved)[i] += k ? eps : -eps;
            rt_tensor *y = scaled(rt_tanh(scaled(moved, 1.5)), -2);
            ends[k] = rt_item(rt_sum(rt_mul(y, g)));
        }
        double expected = (ends[1] - ends[0]) / (2.0 * (double)eps);
        assert_true(fabs(expected - (double)rt_f32(rt_grad_of(x))[i]) < 2e-3);
    }
    rt_free(x);
}

static void its_gradient_is_differentiated(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_full(rt_shape(2), 3, RT_F32)), *dx, *ddx;
    rt_grad(rt_sum(rt_square(scaled(x, 2))), .inputs = &x, .count = 1, .out = &dx,
            .create_graph = true);
    assert_values(dx, 24, 24); /* (4 x^2)' */
    rt_grad(rt_sum(dx), .inputs = &x, .count = 1, .out = &ddx);
    assert_values(ddx, 8, 8);
    rt_free(x);
}

static void a_name_is_registered_once(void **state)
{
    (void)state;
    must_register(&scaled_op);
    assert_ptr_equal(rt_op_find("scaled"), &scaled_op);
    assert_int_equal(rt_op_register(&scaled_op), RT_E_EXISTS);
    assert_error(EXISTS, "op_register: there is already an operation 'scaled'");
    rt_op other = scaled_op;
    other.name = "softmax";
    assert_int_equal(rt_op_register(&other), RT_E_EXISTS);
    assert_error(EXISTS, "op_register: there is already an operation 'softmax'");
    for (int i = 1; rt_op_at(i); i++) /* still in order */
        assert_true(strcmp(rt_op_at(i - 1)->name, rt_op_at(i)->name) < 0);
}

static void compose_nothing(rt_call *c)
{
    (void)c;
}

static void what_is_of_no_kind_is_refused(void **state)
{
    (void)state;
    rt_op rows[12];
    for (int i = 0; i < COUNT(rows); i++) {
        rows[i] = scaled_op;
        rows[i].name = "wrong";
    }
    rows[0].infer = NULL;
    rows[1].compose = compose_nothing;
    rows[2].infer = NULL, rows[2].run = NULL,
    rows[2].compose = compose_nothing; /* has a backward */
    rows[3].name = "";
    rows[4].defaults = NULL;
    rows[5].n_saved = RT_SAVED_MAX + 1;
    rows[6].plan_size = RT_PLAN_MAX + 1;
    rows[7].n_out = -2;
    rows[8].n_in = 3;
    rows[9].run = NULL, rows[9].n_out = 2; /* a view of two results */
    rows[10].infer = NULL, rows[10].run = NULL;
    rows[11].n_saved = -1;
    for (int i = 0; i < COUNT(rows); i++) {
        assert_int_equal(rt_op_register(&rows[i]), RT_E_ARG);
        assert_non_null(strstr(rt_error(), rows[i].name[0] ? "op_register: wrong is incomplete"
                                                           : "op_register:  is incomplete"));
        rt_error_clear();
    }
    assert_int_equal(rt_op_register(NULL), RT_E_ARG);
    rt_error_clear();
    assert_null(rt_op_find("wrong"));
}

/* ---- several results ---- */

/* twice: y = 2 x, z = 3 x, and where: the index of each element. */
#define SPLIT_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n]")
typedef struct split_args {
    RT_STRUCT(SPLIT_FIELDS)
} split_args;

static rt_status split_infer(rt_call *c)
{
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    RT_TRY(rt_result(c, 1, rt_shape(2, rt_numel(c->in[0])), RT_F32));
    return rt_result(c, 2, rt_dims_of(c->in[0]), RT_I64);
}

static rt_status split_run(rt_call *c)
{
    int64_t n = rt_numel(c->in[0]);
    for (int64_t i = 0; i < n; i++) {
        rt_f32(c->out[0])[i] = 2 * rt_f32(c->in[0])[i];
        rt_f32(c->out[1])[i] = 3 * rt_f32(c->in[0])[i];
        rt_f32(c->out[1])[n + i] = -rt_f32(c->in[0])[i];
        rt_i64(c->out[2])[i] = i;
    }
    return RT_OK;
}

static struct {
    int calls;
    float dy[2];
    rt_dtype dtype;
    bool all_there;
} split_seen;

static void split_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    split_seen.calls++;
    split_seen.all_there = c->n_out == 3 && dy[0] && dy[1] && dy[2];
    if (!split_seen.all_there)
        return;
    split_seen.dy[0] = rt_f32(rt_contiguous(dy[0]))[0];
    split_seen.dy[1] = rt_f32(rt_contiguous(dy[1]))[0];
    split_seen.dtype = rt_dtype_of(dy[2]);
    rt_tensor *of_second = rt_sub(rt_mul_scalar(rt_select(dy[1], 0, 0), 3), rt_select(dy[1], 0, 1));
    dx[0] = rt_add(rt_mul_scalar(dy[0], 2), of_second);
}

static const rt_op split_op = {
    .name = "split_three",
    .help = "y = 2 x, z = (3 x, -x), i = 0, 1, ...",
    RT_ARGS(split_args, SPLIT_FIELDS),
    .n_out = 3,
    .infer = split_infer,
    .run = split_run,
    .backward = split_backward,
};

static void split(rt_tensor *x, rt_tensor **out)
{
    rt_apply_all(&split_op, &(split_args){.x = x}, out, 3);
    assert_fine();
}

static void results_come_in_order_and_of_their_types(void **state)
{
    (void)state;
    rt_tensor *out[3];
    split(filled(rt_shape(2), (const float[]){1, 5}), out);
    assert_values(out[0], 2, 10);
    assert_values(out[1], 3, 15, -1, -5);
    assert_true(rt_i64(out[2])[0] == 0 && rt_i64(out[2])[1] == 1);
}

static void a_result_that_nothing_depends_on_has_a_gradient_of_zeros(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(filled(rt_shape(2), (const float[]){1, 5})), *out[3];
    split(x, out);
    assert_true(rt_requires_grad(out[0]) && rt_requires_grad(out[1]));
    assert_false(rt_requires_grad(out[2]));
    rt_backward(rt_sum(rt_mul_scalar(out[1], 7)));
    assert_fine();
    assert_true(split_seen.all_there && split_seen.dy[0] == 0 && split_seen.dy[1] == 7);
    assert_int_equal(split_seen.dtype, RT_I64);
    assert_values(rt_grad_of(x), 14, 14); /* 7 * (3 - 1) */
    rt_grad_clear(x);

    split_seen.calls = 0;
    split(x, out);
    rt_backward(rt_add(rt_sum(out[0]), rt_sum(out[1]))); /* both, and backward runs once */
    assert_int_equal(split_seen.calls, 1);
    assert_values(rt_grad_of(x), 4, 4);
    rt_free(x);
}

static void the_number_of_results_is_asked_for(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(1)), *out[4];
    assert_null(rt_apply(&split_op, &(split_args){.x = x}));
    assert_error(ARG, "split_three has 3 results: call rt_apply_all");
    rt_apply_all(&split_op, &(split_args){.x = x}, out, 4);
    assert_error(ARG, "split_three has 3 results, but there is room for 4");
    assert_true(!out[0] && !out[3]);
    rt_apply_all(&split_op, &(split_args){.x = x}, out, 1);
    assert_error(ARG, "split_three has 3 results, but there is room for 1");
}

/* Splits into pieces of one element. The number of results comes from infer, or is .n_out = 6. */
static rt_status pieces_infer(rt_call *c)
{
    int n = (int)rt_numel(c->in[0]);
    if (c->op->n_out == RT_MANY)
        RT_TRY(rt_results(c, n));
    for (int k = 0; k < n; k++)
        RT_TRY(rt_result(c, k, rt_shape(), RT_F32));
    return RT_OK;
}

static rt_status pieces_run(rt_call *c)
{
    for (int k = 0; k < c->n_out; k++)
        rt_f32(c->out[k])[0] = rt_f32(c->in[0])[k];
    return RT_OK;
}

static void pieces_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_stack(dy, c->n_out, 0);
}

static const rt_op pieces_op = {
    .name = "pieces",
    RT_ARGS(split_args, SPLIT_FIELDS),
    .n_out = RT_MANY,
    .infer = pieces_infer,
    .run = pieces_run,
    .backward = pieces_backward,
};

static void results_may_be_many(void **state)
{
    (void)state;
    rt_op six = pieces_op;
    six.n_out = 6;
    const rt_op *ops[] = {&pieces_op, &six};
    for (int i = 0; i < COUNT(ops); i++) {
        int64_t live = rt_mem_live();
        rt_scope s = rt_scope_begin();
        rt_tensor *x = rt_param(filled(rt_shape(6), (const float[]){1, 2, 3, 4, 5, 6})), *out[6];
        rt_apply_all(ops[i], &(split_args){.x = x}, out, 6);
        assert_values(out[0], 1);
        assert_values(out[5], 6);
        rt_backward(rt_add(out[1], rt_mul(out[5], out[5])));
        assert_values(rt_grad_of(x), 0, 1, 0, 0, 0, 12);
        rt_free(x);
        rt_scope_end(s);
        assert_int_equal(rt_mem_live(), live);
    }
    rt_tensor *x = rt_zeros(rt_shape(7)), *out[6];
    rt_apply_all(&six, &(split_args){.x = x}, out, 6);
    assert_error(INTERNAL, "pieces: infer describes result 6, but there are 6");
    rt_apply_all(&pieces_op, &(split_args){.x = rt_zeros(rt_shape(0))}, out, 0);
    assert_fine();
}

/* ---- composites and views ---- */

static void fourfold_compose(rt_call *c)
{
    const scaled_args *a = c->args;
    c->out[0] = scaled(scaled(a->x, a->s), a->s);
}

static const rt_op fourfold_op = {
    .name = "scaled_twice",
    .help = "y = x * s * s",
    RT_ARGS(scaled_args, SCALED_FIELDS),
    .compose = fourfold_compose,
};

static void a_composite_records_its_parts(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(filled(rt_shape(2), (const float[]){1, -3}));
    rt_tensor *y = rt_apply(&fourfold_op, &(scaled_args){.x = x, .s = 3});
    assert_values(y, 9, -27);
    rt_backward(rt_sum(y));
    assert_values(rt_grad_of(x), 9, 9);
    rt_free(x);
    must_register(&fourfold_op);

    rt_op empty = fourfold_op;
    empty.compose = compose_nothing;
    assert_null(rt_apply(&empty, &(scaled_args){.x = rt_zeros(rt_shape(1)), .s = 3}));
    assert_error(INTERNAL, "scaled_twice: compose made no result 0");
    empty.n_out = RT_MANY;
    assert_null(rt_apply(&empty, &(scaled_args){.x = rt_zeros(rt_shape(1)), .s = 3}));
    assert_error(INTERNAL, "scaled_twice: compose did not say how many results there are");
}

/* The diagonal of a matrix [n, n]. */
static rt_status diagonal_infer(rt_call *c)
{
    int64_t n = rt_size(c->in[0], 0);
    int64_t stride = rt_stride(c->in[0], 0) + rt_stride(c->in[0], 1);
    return rt_window(c, rt_shape(n), &stride, 0);
}

static void diagonal_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul(rt_eye(rt_size(c->in[0], 0)), rt_unsqueeze(dy[0], 0));
}

static const rt_op diagonal_op = {
    .name = "main_diagonal",
    .help = "y_i = x_ii",
    RT_ARGS(split_args, SPLIT_FIELDS),
    .infer = diagonal_infer,
    .backward = diagonal_backward,
};

static void a_view_shares_the_memory_of_its_input(void **state)
{
    (void)state;
    rt_tensor *x = filled(rt_shape(2, 2), (const float[]){1, 2, 3, 4});
    rt_tensor *y = rt_apply(&diagonal_op, &(split_args){.x = x});
    assert_ptr_equal(rt_data(y), rt_data(x));
    assert_int_equal(rt_stride(y, 0), 3);
    assert_values(rt_contiguous(y), 1, 4);
    rt_tensor *strided =
        rt_narrow(rt_t(filled(rt_shape(2, 3), (const float[]){1, 2, 3, 4, 5, 6})), 0, 1, 2);
    assert_values(rt_contiguous(rt_apply(&diagonal_op, &(split_args){.x = strided})), 2, 6);
    rt_tensor *p = rt_param(rt_clone(x));
    rt_backward(rt_apply(&diagonal_op, &(split_args){.x = p}),
                .grad = filled(rt_shape(2), (const float[]){5, 7}));
    assert_values(rt_grad_of(p), 5, 0, 0, 7);
    rt_free(p);
    must_register(&diagonal_op);
}

/* ---- what infer, run and backward are given ---- */

#define GIVEN_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS | RT_TYPE(F64), "any shape")                        \
    F(INPUT, w, RT_OPTIONAL, RT_SAME | RT_FLOATS | RT_TYPE(F64), "any shape")                      \
    F(INPUT, index, RT_OPTIONAL, RT_TYPE(I64), "any shape")                                        \
    F(INT, n, 4, RT_FROM(1), "a number")
typedef struct given_args {
    RT_STRUCT(GIVEN_FIELDS)
} given_args;

static struct {
    bool contiguous, plan_was_zero, recorded, w_there;
    int plan, value_of_x, out_there, saved, shape_of_w, needs;
} given_seen;

static rt_status given_infer(rt_call *c)
{
    int *plan = c->plan;
    given_seen.plan_was_zero = plan[0] == 0 && plan[1] == 0;
    plan[1] = 42;
    return rt_result_like(c, 0, c->in[0]);
}

static rt_status given_run(rt_call *c)
{
    given_seen.contiguous = rt_is_contiguous(c->in[0]);
    given_seen.plan = ((const int *)c->plan)[1];
    given_seen.recorded = c->recorded;
    given_seen.w_there = c->in[1] != NULL;
    rt_fill(c->out[0], 6);
    if (c->recorded)
        c->saved[0] = rt_full(rt_shape(), 11, RT_F32);
    return RT_OK;
}

static void given_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    given_seen.plan = ((const int *)c->plan)[1];
    given_seen.value_of_x = (int)rt_item(c->in[0]);
    given_seen.out_there = c->out[0] ? (int)rt_item(c->out[0]) : 0;
    given_seen.saved = (int)rt_item(c->saved[0]);
    given_seen.shape_of_w = c->in[1] ? rt_ndim(c->in[1]) : -1;
    given_seen.needs = rt_needs(c, 0) | rt_needs(c, 1) << 1 | rt_needs(c, 2) << 2;
    dx[0] = dy[0];
}

static const rt_op given_op = {
    .name = "given",
    RT_ARGS(given_args, GIVEN_FIELDS),
    .infer = given_infer,
    .run = given_run,
    .backward = given_backward,
    .saves_in = 1,
    .saves_out = 1,
    .n_saved = 1,
    .plan_size = 2 * sizeof(int),
};

static void backward_sees_what_is_saved(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_full(rt_shape(1, 1), 5, RT_F32)), *w = rt_zeros(rt_shape(2, 1, 1));
    rt_tensor *y = rt_apply(&given_op, &(given_args){.x = x, .w = w, .index = NULL, .n = 1});
    assert_true(given_seen.plan_was_zero && given_seen.plan == 42 && given_seen.recorded);
    given_seen.plan = 0;
    rt_backward(y);
    assert_fine();
    assert_int_equal(given_seen.plan, 42);
    assert_int_equal(given_seen.value_of_x, 5);
    assert_int_equal(given_seen.out_there, 6);
    assert_int_equal(given_seen.saved, 11);
    assert_int_equal(given_seen.shape_of_w, 3); /* not saved: only its shape is known */
    assert_int_equal(given_seen.needs, 1);

    rt_op forgets = given_op;
    forgets.saves_out = 0;
    rt_backward(rt_apply(&forgets, &(given_args){.x = x, .w = NULL, .index = NULL, .n = 1}));
    assert_fine();
    assert_int_equal(given_seen.out_there, 0);
    assert_int_equal(given_seen.shape_of_w, -1);

    rt_apply(&given_op,
             &(given_args){.x = rt_zeros(rt_shape(1)), .w = NULL, .index = NULL, .n = 1});
    assert_false(given_seen.recorded);
    rt_free(x);
}

static void what_was_saved_may_not_be_changed(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_full(rt_shape(1), 5, RT_F32));
    rt_tensor *y = rt_apply(&given_op, &(given_args){.x = x, .w = NULL, .index = NULL, .n = 1});
    rt_fill(x, 1);
    rt_backward(y);
    assert_error(ARG,
                 "backward: an input of given, float32[1] cpu, was changed in place after it was "
                 "used: clone it first");
    rt_free(x);
}

static void inputs_lie_as_the_operation_takes_them(void **state)
{
    (void)state;
    rt_tensor *x = rt_t(rt_zeros(rt_shape(2, 3)));
    rt_op strided = given_op;
    strided.strided = true;
    rt_apply(&given_op, &(given_args){.x = x, .w = NULL, .index = NULL, .n = 1});
    assert_true(given_seen.contiguous && !given_seen.w_there);
    rt_apply(&strided, &(given_args){.x = x, .w = rt_zeros(rt_shape(1)), .index = NULL, .n = 1});
    assert_true(!given_seen.contiguous && given_seen.w_there);
    assert_fine();
}

static void inputs_are_checked_by_their_rows(void **state)
{
    (void)state;
    rt_tensor *x = rt_zeros(rt_shape(2)), *wide = rt_zeros(rt_shape(2), RT_F64);
    rt_tensor *index = rt_zeros(rt_shape(2), RT_I64), *small = rt_zeros(rt_shape(2), RT_I32);
    assert_null(rt_apply(&given_op, &(given_args){.x = NULL, .w = NULL, .index = NULL, .n = 1}));
    assert_int_equal(rt_error_code(), RT_E_ARG);
    assert_non_null(strstr(rt_error(), "given: argument 1 "));
    rt_error_clear();
    rt_apply(&given_op, &(given_args){.x = small, .w = NULL, .index = NULL, .n = 1});
    assert_error(DTYPE, "given: x is int32[2] cpu, expected float32, float64, bfloat16 or float16: "
                        "convert it with rt_to");
    rt_apply(&given_op, &(given_args){.x = x, .w = wide, .index = NULL, .n = 1});
    assert_error(DTYPE,
                 "given: float32[2] cpu and float64[2] cpu, expected one element type: convert "
                 "with rt_to");
    rt_apply(&given_op, &(given_args){.x = x, .w = NULL, .index = x, .n = 1});
    assert_error(DTYPE, "given: index is float32[2] cpu, expected int64: convert it with rt_to");
    rt_apply(&given_op, &(given_args){.x = x, .w = x, .index = index, .n = 0});
    assert_error(RANGE, "given: n is 0, expected 1 or more");
    rt_apply(&given_op, &(given_args){.x = wide, .w = NULL, .index = index, .n = 1});
    assert_fine();
}

/* ---- operations that break the contract ---- */

static void wrong_shape_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = rt_unsqueeze(dy[0], 0);
}

static void wrong_type_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    dx[0] = rt_to(dy[0], RT_F64);
}

static void no_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)c;
    (void)dy;
    (void)dx;
}

static void a_gradient_of_another_shape_or_type_is_refused(void **state)
{
    (void)state;
    static const struct {
        void (*backward)(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);
        const char *text;
    } rows[] = {
        {wrong_shape_backward, "backward of scaled: the gradient of input 1 is float32[1,2] cpu, "
                               "expected float32[2] cpu"},
        {wrong_type_backward,
         "backward of scaled: the gradient of input 1 is float64[2] cpu, expected "
         "float32[2] cpu"},
        {no_backward, ""},
    };
    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    for (int i = 0; i < COUNT(rows); i++) {
        rt_op op = scaled_op;
        op.backward = rows[i].backward;
        rt_backward(rt_sum(rt_apply(&op, &(scaled_args){.x = x, .s = 2})));
        assert_string_equal(rt_error(), rows[i].text);
        assert_int_equal(rt_error_code(), rows[i].text[0] ? RT_E_INTERNAL : RT_OK);
        rt_error_clear();
        assert_null(rt_grad_of(x));
    }
    rt_backward(rt_sum(scaled(x, 2))); /* nothing is left over from the passes that failed */
    assert_values(rt_grad_of(x), 2, 2);
    rt_free(x);
}

static rt_status silent(rt_call *c)
{
    (void)c;
    return RT_E_SHAPE;
}

static rt_status says_nothing(rt_call *c)
{
    (void)c;
    return RT_OK;
}

static rt_status says_it_twice(rt_call *c)
{
    RT_TRY(rt_results(c, 1));
    return rt_results(c, 1);
}

static rt_status says_less(rt_call *c)
{
    return rt_results(c, -1);
}

static void what_an_operation_forgets_is_named(void **state)
{
    (void)state;
    static const struct {
        rt_status (*infer)(rt_call *c);
        rt_status (*run)(rt_call *c);
        int n_out;
        rt_status code;
        const char *text;
    } rows[] = {
        {silent, scaled_run, 1, RT_E_SHAPE, "scaled failed and did not say why"},
        {scaled_infer, silent, 1, RT_E_SHAPE, "scaled failed and did not say why"},
        {says_nothing, scaled_run, 1, RT_E_INTERNAL, "scaled: infer did not describe result 0"},
        {scaled_infer, scaled_run, 2, RT_E_INTERNAL, "scaled: infer did not describe result 1"},
        {says_nothing, scaled_run, RT_MANY, RT_E_INTERNAL,
         "scaled: infer did not say how many results there are"},
        {says_it_twice, scaled_run, RT_MANY, RT_E_INTERNAL,
         "scaled: rt_results(1): expected once, and only if .n_out is RT_MANY"},
        {says_less, scaled_run, RT_MANY, RT_E_INTERNAL,
         "scaled: rt_results(-1): expected once, and only if .n_out is RT_MANY"},
        {says_it_twice, scaled_run, 1, RT_E_INTERNAL,
         "scaled: rt_results(1): expected once, and only if .n_out is RT_MANY"},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        rt_op op = scaled_op;
        op.infer = rows[i].infer;
        op.run = rows[i].run;
        op.n_out = rows[i].n_out;
        rt_tensor *out[2];
        rt_apply_all(&op, &(scaled_args){.x = rt_ones(rt_shape(2)), .s = 2}, out, 2);
        assert_string_equal(rt_error(), rows[i].text);
        assert_int_equal(rt_error_code(), rows[i].code);
        rt_error_clear();
    }
}

/* Every allocation may fail: the error is reported, and nothing is leaked. */
static void memory_that_is_out_is_said(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(6)));
    int64_t live = rt_live_objects();
    for (int64_t n = 0; n < 200; n++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *out[6];
        rt_mem_fail_after(n);
        rt_apply_all(&pieces_op, &(split_args){.x = x}, out, 6);
        if (!rt_failed())
            rt_backward(rt_add(out[1], out[5]));
        rt_mem_fail_after(-1);
        bool failed = rt_failed();
        assert_true(!failed || rt_error_code() == RT_E_NOMEM);
        rt_error_clear();
        rt_scope_end(s);
        rt_grad_clear(x);
        assert_int_equal(rt_live_objects(), live);
        if (!failed)
            break;
    }
    rt_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_operation_of_a_user_computes),
        TEST(its_gradient_is_that_of_finite_differences),
        TEST(its_gradient_is_differentiated),
        TEST(a_name_is_registered_once),
        TEST(what_is_of_no_kind_is_refused),
        TEST(results_come_in_order_and_of_their_types),
        TEST(a_result_that_nothing_depends_on_has_a_gradient_of_zeros),
        TEST(the_number_of_results_is_asked_for),
        TEST(results_may_be_many),
        TEST(a_composite_records_its_parts),
        TEST(a_view_shares_the_memory_of_its_input),
        TEST(backward_sees_what_is_saved),
        TEST(what_was_saved_may_not_be_changed),
        TEST(inputs_lie_as_the_operation_takes_them),
        TEST(inputs_are_checked_by_their_rows),
        TEST(a_gradient_of_another_shape_or_type_is_refused),
        TEST(what_an_operation_forgets_is_named),
        TEST(memory_that_is_out_is_said),
    };
    int failed = cmocka_run_group_tests_name("op_contract", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
