/* Tests of operations that break the contract of <ringtorch/op.h>: the error says what they did wrong, and the program goes on. */
#include "user_ops.h"

#include "common/base/error.h"

/* ---- parts, windows, results ---- */

static void what_is_not_whole_does_not_run(void **state)
{
    (void)state;
    rt_op rows[7];
    for (int i = 0; i < COUNT(rows); i++)
        rows[i] = scaled_op;
    rows[0].infer = NULL;
    rows[1].infer = NULL, rows[1].run = NULL;
    rows[2].n_saved = RT_SAVED_MAX + 1;
    rows[3].plan_size = RT_PLAN_MAX + 1;
    rows[4].n_out = -2;
    rows[5].run = NULL, rows[5].n_out = 2; /* views have one result */
    rows[6].run = NULL, rows[6].n_in = 0;
    for (int i = 0; i < COUNT(rows); i++) {
        assert_null(rt_apply(&rows[i], &(scaled_args){.x = rt_ones(rt_shape(2)), .s = 2}));
        assert_error(ARG, "scaled: the operation is incomplete: rt_op_register says what it lacks");
        assert_int_equal(rt_op_register(&rows[i]), RT_E_ARG);
        rt_error_clear();
    }
}

#define ONE_FIELDS(F) F(INPUT, x, RT_NEEDED, RT_FLOATS, "any shape")
typedef struct one_args {
    RT_STRUCT(ONE_FIELDS)
} one_args;

static struct {
    int64_t size, stride, offset;
} window;

static rt_status window_infer(rt_call *c)
{
    return rt_window(c, rt_shape(window.size), &window.stride, window.offset);
}

static void a_view_stays_in_the_memory_of_its_input(void **state)
{
    (void)state;
    static const struct {
        int64_t size, stride, offset;
        bool fits;
    } rows[] = {
        {6, 1, -4, true},         {10, 1, -4, true},         {5, -1, 0, true},
        {0, 1, 1LL << 60, true},  {1, 1LL << 60, 5, true},   {11, 1, -4, false},
        {1, 1, 6, false},         {1, 1, -5, false},         {6, -1, 0, false},
        {2, INT64_MAX, 0, false}, {3, INT64_MAX, 0, false},  {3, INT64_MIN, 0, false},
        {2, 1, INT64_MAX, false}, {2, -1, INT64_MIN, false},
    };
    float memory[10];
    rt_op op = {.name = "window", RT_ARGS(one_args, ONE_FIELDS), .infer = window_infer};
    for (int i = 0; i < 2 * COUNT(rows); i++) { /* with memory of its own, and with the caller's */
        rt_tensor *whole = i % 2 ? rt_wrap(memory, rt_shape(10), RT_F32) : rt_zeros(rt_shape(10));
        rt_tensor *x = rt_narrow(whole, 0, 4, 6);
        window.size = rows[i / 2].size;
        window.stride = rows[i / 2].stride;
        window.offset = rows[i / 2].offset;
        rt_tensor *y = rt_apply(&op, &(one_args){.x = x});
        assert_int_equal(y != NULL, rows[i / 2].fits);
        if (!y)
            assert_non_null(strstr(rt_error(), "reaches outside of the memory of float32[6] cpu"));
        rt_error_clear();
    }
}

static rt_status says_no_window(rt_call *c)
{
    return rt_result_like(c, 0, c->in[0]);
}

#define ABSENT_FIELDS(F) F(INPUT, x, RT_OPTIONAL, RT_FLOATS, "any shape")
typedef struct absent_args {
    RT_STRUCT(ABSENT_FIELDS)
} absent_args;

static void a_view_says_a_window_into_a_tensor(void **state)
{
    (void)state;
    rt_op op = {.name = "window", RT_ARGS(one_args, ONE_FIELDS), .infer = says_no_window};
    assert_null(rt_apply(&op, &(one_args){.x = rt_ones(rt_shape(2))}));
    assert_error(INTERNAL, "window: a view must describe its result with rt_window");
    rt_op of_nothing = {.name = "of_nothing", RT_ARGS(absent_args, ABSENT_FIELDS)};
    of_nothing.infer = window_infer;
    assert_null(rt_apply(&of_nothing, &(absent_args){.x = NULL}));
    assert_error(ARG, "of_nothing: there is no tensor to view");
}

static rt_status puts_nothing(rt_call *c)
{
    c->out[0] = NULL;
    return RT_OK;
}

static rt_status puts_its_input(rt_call *c)
{
    c->out[0] = c->in[0];
    return RT_OK;
}

/* Wrong: the tensor would be freed with the scope of the run, and it has another shape. */
static rt_status puts_a_new_one(rt_call *c)
{
    c->out[0] = rt_zeros(rt_shape(7));
    return RT_OK;
}

static void run_fills_the_results_that_were_made(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    static rt_op op; /* the graph may outlive the test function */
    op = scaled_op;
    op.run = puts_nothing;
    assert_null(rt_apply(&op, &(scaled_args){.x = x, .s = 2}));
    assert_error(INTERNAL, "scaled: run replaced result 0 by another tensor, expected it to write "
                           "into the one it was given");
    op.run = puts_its_input;
    assert_null(rt_apply(&op, &(scaled_args){.x = x, .s = 2}));
    assert_error(INTERNAL, "scaled: run replaced result 0 by another tensor, expected it to write "
                           "into the one it was given");
    assert_null(
        rt_apply(&op, &(scaled_args){.x = rt_detach(x), .s = 2})); /* which has no history */
    assert_error(INTERNAL, "scaled: run replaced result 0 by another tensor, expected it to write "
                           "into the one it was given");
    op.run = puts_a_new_one;
    for (int strided = 0; strided < 2; strided++) {
        op.strided = strided;
        assert_null(rt_apply(&op, &(scaled_args){.x = rt_t(rt_ones(rt_shape(2, 3))), .s = 2}));
        assert_error(INTERNAL, "scaled: run replaced result 0 by another tensor, expected it to "
                               "write into the one it was given");
    }
    rt_free(x);
}

/* ---- values that were not saved ---- */

static float of_the_caller[2];

static void reads_by_mul(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul(dy[0], c->in[0]);
}

static void reads_a_view(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)dy;
    dx[0] = rt_reshape(c->in[0], rt_shape(2));
}

static void copies_out(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_copy_out(c->in[0], of_the_caller);
    dx[0] = dy[0];
}

static void writes_into_it(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_copy_into(c->in[0], dy[0]);
    dx[0] = dy[0];
}

static void copies_from_it(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_copy_into(rt_zeros_like(dy[0]), c->in[0]);
    dx[0] = dy[0];
}

static void reads_the_pointer(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_f32(c->in[0]) ? dy[0] : NULL;
}

static void gives_it(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    (void)dy;
    dx[0] = c->in[0];
}

static void says_results(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_result_like(c, 0, dy[0]);
    dx[0] = dy[0];
}

#define GONE                                                                                       \
    ": float32[2] cpu was freed, and the graph kept it without its value: keep it with rt_keep, "  \
    "or, if this is a backward, name it in .saves_in"

static void what_backward_reads_unsaved_is_named(void **state)
{
    (void)state;
    static const struct {
        void (*backward)(rt_call *c, rt_tensor *const *dy, rt_tensor **dx);
        const char *text;
    } rows[] = {
        {reads_by_mul, "mul" GONE},
        {reads_a_view, "reshape" GONE},
        {copies_out, "copy_out" GONE},
        {writes_into_it, "copy_into" GONE},
        {copies_from_it, "copy_into" GONE},
        {reads_the_pointer, "f32" GONE},
        {gives_it, "backward of scaled: the gradient of input 1 is a tensor without value"},
        {says_results, "scaled: only infer may describe results"},
    };
    enum { OF_GONE = 6 };
    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    for (int i = 0; i < COUNT(rows); i++) {
        static rt_op op; /* the graph may outlive the test function */
        op = scaled_op;
        op.backward = rows[i].backward;
        rt_scope s = rt_scope_begin();
        rt_tensor *y = rt_apply(&op, &(scaled_args){.x = rt_mul_scalar(x, 3), .s = 2});
        y = rt_scope_return(s, y); /* now only the graph holds the input */
        rt_backward(rt_sum(y));
        assert_string_equal(rt_error(), rows[i].text);
        assert_int_equal(rt_error_code(), i < OF_GONE ? RT_E_ARG : RT_E_INTERNAL);
        rt_error_clear();
    }
    rt_free(x);
}

static void what_only_the_graph_has_is_not_used(void **state)
{
    (void)state;
    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    rt_scope s = rt_scope_begin();
    rt_tensor *y = rt_mul_scalar(x, 3);
    rt_tensor *z = rt_keep(rt_add_scalar(y, 1)); /* its node holds y as an edge */
    rt_scope_end(s);
    assert_null(rt_relu(y));
    assert_error(ARG, "relu" GONE);
    rt_free(z);
    rt_free(x);
}

/* y = 2 x, z = 3 x. */
static rt_status two_infer(rt_call *c)
{
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    return rt_result_like(c, 1, c->in[0]);
}

static rt_status two_run(rt_call *c)
{
    for (int64_t i = 0; i < rt_numel(c->in[0]); i++) {
        rt_f32(c->out[0])[i] = 2 * rt_f32(c->in[0])[i];
        rt_f32(c->out[1])[i] = 3 * rt_f32(c->in[0])[i];
    }
    return RT_OK;
}

static bool saw_the_second_alone;

static void two_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    saw_the_second_alone = !c->out[0] && c->out[1];
    dx[0] = rt_mul(dy[0], c->out[1]);
}

static const rt_op two_op = {
    .name = "two",
    RT_ARGS(one_args, ONE_FIELDS),
    .n_out = 2,
    .infer = two_infer,
    .run = two_run,
    .backward = two_backward,
    .saves_out = 1 << 1,
};

static void backward_sees_the_saved_results_alone(void **state)
{
    (void)state;
    for (int create_graph = 0; create_graph < 2; create_graph++) {
        rt_tensor *x = rt_param(rt_from((const float[]){1, 5}, rt_shape(2), RT_F32)), *out[2], *dx;
        rt_apply_all(&two_op, &(one_args){.x = x}, out, 2);
        rt_grad(rt_sum(out[0]), .inputs = &x, .count = 1, .out = &dx, .create_graph = create_graph);
        assert_values(dx, 3, 15);
        assert_true(saw_the_second_alone);
        rt_free(x);
    }
}

/* ---- nothing is left behind ---- */

static rt_status saves_its_result(rt_call *c)
{
    RT_TRY(scaled_run(c));
    c->saved[0] = c->out[0];
    return RT_OK;
}

static void result_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    dx[0] = rt_mul(dy[0], c->saved[0]);
}

static void a_result_may_be_saved(void **state)
{
    (void)state;
    static rt_op op; /* the graph may outlive the test function */
    op = scaled_op;
    op.run = saves_its_result;
    op.backward = result_backward;
    op.n_saved = 1;
    rt_tensor *x = rt_param(rt_ones(rt_shape(2)));
    int64_t live = rt_live_objects();
    for (int i = 0; i < 2; i++) { /* with and without a backward that drops what was saved */
        rt_scope s = rt_scope_begin();
        rt_tensor *y = rt_apply(&op, &(scaled_args){.x = x, .s = 3});
        if (i == 1)
            rt_backward(rt_sum(y));
        rt_scope_end(s);
        assert_int_equal(rt_live_objects(), i == 1 ? live + 1 : live);
    }
    assert_values(rt_grad_of(x), 3, 3);
    rt_free(x);
}

static rt_status makes_tensors(rt_call *c)
{
    rt_mul(c->in[0], c->in[0]);
    return rt_result_like(c, 0, c->in[0]);
}

static void infer_leaves_nothing_behind(void **state)
{
    (void)state;
    static rt_op op; /* the graph may outlive the test function */
    op = scaled_op;
    op.infer = makes_tensors;
    rt_tensor *x = rt_ones(rt_shape(2));
    int64_t live = rt_live_objects();
    assert_values(rt_apply(&op, &(scaled_args){.x = x, .s = 3}), 3, 3);
    assert_int_equal(rt_live_objects(), live + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_not_whole_does_not_run),        TEST(a_view_stays_in_the_memory_of_its_input),
        TEST(a_view_says_a_window_into_a_tensor),    TEST(run_fills_the_results_that_were_made),
        TEST(what_backward_reads_unsaved_is_named),  TEST(what_only_the_graph_has_is_not_used),
        TEST(backward_sees_the_saved_results_alone), TEST(a_result_may_be_saved),
        TEST(infer_leaves_nothing_behind),
    };
    int failed = cmocka_run_group_tests_name("op_broken", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
