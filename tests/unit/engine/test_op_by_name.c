/* Tests of operations called with tensors by the names of their rows: values, gradients, and every wrong name. */
#include "check.h"

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "worker/engine/ops/call_by_name.h"
#include <ringtorch/op.h>

/* y = x w, i = 0, 1, ..., z = sum(x): results of two types, optional tensors, a needed value. */
#define THREE_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "[n]")                                                       \
    F(INPUT, weight, RT_OPTIONAL, RT_FLOATS, "[n]")                                                \
    F(NUMBER, s, RT_NEEDED, RT_ANY, "a factor of y")
typedef struct three_args {
    RT_STRUCT(THREE_FIELDS)
} three_args;

static rt_status three_infer(rt_call *c)
{
    RT_TRY(rt_result_like(c, 0, c->in[0]));
    RT_TRY(rt_result(c, 1, rt_dims_of(c->in[0]), RT_I64));
    return rt_result(c, 2, rt_shape(), RT_F32);
}

static rt_status three_run(rt_call *c)
{
    const three_args *a = c->args;
    float *sum = rt_f32(c->out[2]);
    *sum = 0;
    for (int64_t i = 0; i < rt_numel(c->in[0]); i++) {
        float x = rt_f32(c->in[0])[i];
        rt_f32(c->out[0])[i] = x * (float)a->s * (c->in[1] ? rt_f32(c->in[1])[i] : 1);
        rt_i64(c->out[1])[i] = i;
        *sum += x;
    }
    return RT_OK;
}

static void three_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    rt_tensor *g = rt_mul_scalar(dy[0], ((const three_args *)c->args)->s);
    if (rt_needs(c, 0))
        dx[0] = rt_add(c->in[1] ? rt_mul(g, c->in[1]) : g, dy[2]);
    if (rt_needs(c, 1))
        dx[1] = rt_mul(g, c->in[0]);
}

static const rt_op three_op = {
    .name = "three",
    .help = "y = s x w, i, z = sum(x)",
    RT_ARGS(three_args, THREE_FIELDS),
    .n_out = 3,
    .infer = three_infer,
    .run = three_run,
    .backward = three_backward,
    .saves_in = 3,
};

static rt_tensor *vector(float a, float b)
{
    return rt_from((const float[]){a, b}, rt_shape(2), RT_F32);
}

static rt_tensor *integers(int64_t a, int64_t b)
{
    return rt_from((const int64_t[]){a, b}, rt_shape(2), RT_I64);
}

/* Calls the operation; `given` ends with a NULL name. */
static rt_status call(const rt_op *op, const rt__named *given, const char *values, bool gradients,
                      rt__named_list *out)
{
    json_t *j = NULL;
    int n = 0;
    if (values && rt_json_parse(values, strlen(values), "values", &j) != RT_OK)
        fail_msg("%s", rt_error());
    while (given[n].name)
        n++;
    rt_status status = rt__call_by_name(op, given, n, j, gradients, out);
    json_decref(j);
    return status;
}

static rt_tensor *named(const rt__named_list *list, const char *name)
{
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->item[i].name, name) == 0)
            return list->item[i].x;
    fail_msg("there is no %s", name);
    return NULL;
}

static void one_result_and_its_gradient(void **state)
{
    (void)state;
    rt__named_list r;
    const rt__named plain[] = {{"x", vector(1, 2)}, {NULL}};
    assert_int_equal(call(rt_op_find("square"), plain, NULL, false, &r), RT_OK);
    assert_int_equal(r.count, 1);
    assert_values(named(&r, "out"), 1, 4);
    rt__named_list_release(&r);

    call(rt_op_find("square"), plain, "{}", true, &r);
    assert_int_equal(r.count, 2);
    assert_values(named(&r, "grad.x"), 2, 4); /* of ones */
    assert_false(rt_requires_grad(named(&r, "out")));
    assert_false(rt_requires_grad(plain[0].x)); /* the caller's tensors stay as they were */
    rt__named_list_release(&r);

    const rt__named weighted[] = {{"grad_out", vector(10, -3)}, {"x", vector(1, 2)}, {NULL}};
    call(rt_op_find("square"), weighted, NULL, true, &r);
    assert_values(named(&r, "grad.x"), 20, -12);
    rt__named_list_release(&r);
}

static void tensors_find_their_places_by_name(void **state)
{
    (void)state;
    rt__named_list r;
    const rt__named swapped[] = {{"b", vector(1, 2)}, {"a", vector(5, 7)}, {NULL}};
    call(rt_op_find("sub"), swapped, NULL, true, &r);
    assert_values(named(&r, "out"), 4, 5);
    assert_values(named(&r, "grad.a"), 1, 1);
    assert_values(named(&r, "grad.b"), -1, -1);
    rt__named_list_release(&r);
}

static void a_list_of_tensors_is_numbered(void **state)
{
    (void)state;
    rt__named_list r;
    const rt_op *cat = rt_op_find("cat");
    char name[3][64];
    for (int i = 0; i < 3; i++)
        snprintf(name[i], sizeof name[i], "%s.%d", cat->fields[0].name, i);
    const rt__named given[] = {{name[2], vector(5, 6)},
                               {name[0], vector(1, 2)},
                               {"grad_out", rt_arange(0, 6, 1, RT_F32)},
                               {name[1], vector(3, 4)},
                               {NULL}};
    call(cat, given, "{\"axis\": 0}", true, &r);
    assert_values(named(&r, "out"), 1, 2, 3, 4, 5, 6);
    char grad[80];
    snprintf(grad, sizeof grad, "grad.%s", name[2]);
    assert_int_equal(r.count, 4);
    assert_values(named(&r, grad), 4, 5);
    rt__named_list_release(&r);

    const rt__named gap[] = {{name[0], vector(1, 2)}, {name[2], vector(1, 2)}, {NULL}};
    char text[200];
    assert_int_equal(call(cat, gap, "{\"axis\": 0}", false, &r), RT_E_ARG);
    snprintf(text, sizeof text, "cat needs the tensor '%s': %s", name[1], cat->fields[0].help);
    assert_error(ARG, text);
    const rt__named none[] = {{NULL}};
    call(cat, none, "{\"axis\": 0}", false, &r);
    snprintf(text, sizeof text, "cat needs the tensor '%s': %s", name[0], cat->fields[0].help);
    assert_error(ARG, text);
}

static void several_results_and_their_gradients(void **state)
{
    (void)state;
    rt__named_list r;
    const rt__named plain[] = {{"x", vector(3, 4)}, {NULL}};
    call(&three_op, plain, "{\"s\": 2}", true, &r);
    assert_fine();
    assert_int_equal(r.count, 4);
    assert_values(named(&r, "out.0"), 6, 8);
    assert_int_equal(rt_i64(named(&r, "out.1"))[1], 1);
    assert_values(named(&r, "out.2"), 7);
    assert_values(named(&r, "grad.x"), 3, 3); /* 2 from y, 1 from z */
    rt__named_list_release(&r);

    const rt__named weighted[] = {{"x", vector(3, 4)},
                                  {"weight", vector(1, 10)},
                                  {"grad_out.0", vector(1, -1)},
                                  {"grad_out.2", rt_scalar(100)},
                                  {NULL}};
    call(&three_op, weighted, "{\"s\": 2}", true, &r);
    assert_fine();
    assert_int_equal(r.count, 5);
    assert_values(named(&r, "grad.x"), 102, 80);
    assert_values(named(&r, "grad.weight"), 6, -8);
    rt__named_list_release(&r);
}

static void integers_have_no_gradient(void **state)
{
    (void)state;
    rt__named_list r;
    const rt__named given[] = {{"table", rt_reshape(rt_arange(0, 4, 1, RT_F32), rt_shape(2, 2))},
                               {"index", integers(1, 1)},
                               {NULL}};
    call(rt_op_find("embedding"), given, NULL, true, &r);
    assert_fine();
    assert_int_equal(r.count, 2);
    assert_values(named(&r, "grad.table"), 0, 0, 2, 2);
    rt__named_list_release(&r);
}

/* Where the index has an element twice, it is written once, and counts once in the gradient of what is written. */
static void what_is_written_twice_counts_once(void **state)
{
    (void)state;
    rt__named_list r;
    const rt__named given[] = {{"x", vector(3, 4)},
                               {"index", integers(1, 1)},
                               {"src", rt_scalar(5)},
                               {"grad_out", vector(10, -3)},
                               {NULL}};
    call(rt_op_find("index_fill"), given, "{\"axis\": 0}", true, &r);
    assert_values(named(&r, "out"), 3, 5);
    assert_values(named(&r, "grad.x"), 10, 0);
    assert_values(named(&r, "grad.src"), -3);
    rt__named_list_release(&r);
}

/* ---- what is refused ---- */

/* Makes the tensors that a row names: "a=x b=n" are the float32 [2] tensor a and the int64 [2] tensor b; m is float32
 * [1,2]. */
static void give(const char *text, char *copy, size_t room, rt__named *given)
{
    char *rest = NULL;
    snprintf(copy, room, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *is = strchr(word, '=');
        *is = '\0';
        given->name = word;
        given->x = is[1] == 'x'   ? vector(1, 2)
                   : is[1] == 'n' ? integers(1, 2)
                                  : rt_zeros(rt_shape(1, 2));
        given++;
    }
    given->name = NULL;
}

static const struct refusal {
    const char *op, *given, *values;
    bool gradients;
    rt_status code;
    const char *text;
} refusals[] = {
    {"add", "a=x c=x", NULL, false, RT_E_ARG, "add takes no tensor 'c': expected a, b"},
    {"three", "x=x wieght=x", "{\"s\": 1}", false, RT_E_ARG,
     "three takes no tensor 'wieght': did you mean 'weight'?"},
    {"three", "x=x =x", "{\"s\": 1}", false, RT_E_ARG,
     "three takes no tensor '': expected x, weight"},
    {"three", "x=x x=x", "{\"s\": 1}", false, RT_E_ARG, "three: the tensor 'x' is given twice"},
    {"three", "weight=x", "{\"s\": 1}", false, RT_E_ARG, "three needs the tensor 'x': [n]"},
    {"three", "x=x", NULL, false, RT_E_ARG, "three needs 's': a factor of y"},
    {"three", "x=x", "{\"s\": 1, \"x\": 1}", false, RT_E_ARG,
     "three: 'x' is a tensor: it cannot be given as a value"},
    {"three", "x=n", "{\"s\": 1}", false, RT_E_DTYPE,
     "three: x is int64[2] cpu, expected float32, float64, bfloat16 or float16: convert it with "
     "rt_to"},
    {"add", "a=x b=x grad_out=x", NULL, false, RT_E_ARG,
     "add: 'grad_out' is given, but no gradients are requested"},
    {"add", "a=x b=x gradout=x", NULL, true, RT_E_ARG,
     "add takes no tensor 'gradout': did you mean 'grad_out'?"},
    {"add", "a=x b=x grad_out.0=x", NULL, true, RT_E_ARG,
     "add takes no tensor 'grad_out.0': did you mean 'grad_out'?"},
    {"add", "a=x b=x grad_out=m", NULL, true, RT_E_SHAPE,
     "add: 'grad_out' is float32[1,2] cpu, expected float32[2] cpu as the result"},
    {"add", "a=x b=x grad_out=n", NULL, true, RT_E_SHAPE,
     "add: 'grad_out' is int64[2] cpu, expected float32[2] cpu as the result"},
    {"three", "x=x grad_out=x", "{\"s\": 1}", true, RT_E_ARG,
     "three takes no tensor 'grad_out': did you mean 'grad_out.0'?"},
    {"three", "x=x grad_out.3=x", "{\"s\": 1}", true, RT_E_ARG,
     "three: 'grad_out.3' is given, but there are 3 results"},
    {"three", "x=x grad_out.1=n", "{\"s\": 1}", true, RT_E_DTYPE,
     "three: 'grad_out.1' is given, but that result is int64[2] cpu, which has no gradient"},
    {"three", "x=x grad_out.00=x", "{\"s\": 1}", true, RT_E_ARG,
     "three takes no tensor 'grad_out.00': did you mean 'grad_out.0'?"},
    {"argmax", "x=m", "{\"axis\": 1}", true, RT_E_UNSUPPORTED,
     "argmax is not differentiable: request no gradients"},
    {"add", "a=n b=n", NULL, true, RT_E_DTYPE,
     "add: none of its tensors is of a float or complex type: nothing has a gradient"},
    {"to", "x=x", "{\"dtype\": \"int64\"}", true, RT_E_UNSUPPORTED,
     "to is not differentiable with these arguments: request no gradients"},
};

static void what_is_wrong_is_refused_by_name(void **state)
{
    (void)state;
    int64_t live = rt_mem_live();
    for (int i = 0; i < COUNT(refusals); i++) {
        const struct refusal *row = &refusals[i];
        const rt_op *op = strcmp(row->op, "three") == 0 ? &three_op : rt_op_find(row->op);
        rt__named_list r;
        rt__named given[4];
        char names[64];
        rt_scope s = rt_scope_begin();
        give(row->given, names, sizeof names, given);
        assert_non_null(op);
        call(op, given, row->values, row->gradients, &r);
        assert_string_equal(rt_error(), row->text);
        assert_int_equal(rt_error_code(), row->code);
        assert_true(r.count == 0 && !r.item);
        rt_error_clear();
        rt_scope_end(s);
    }
    assert_int_equal(rt_mem_live(), live);
}

static void memory_that_is_out_is_said(void **state)
{
    (void)state;
    rt_tensor *x = vector(3, 4);
    rt__named_list r = {0};
    bool done = false;
    for (int64_t n = 0; n < 500 && !done; n++) {
        int64_t live = rt_live_objects();
        rt_scope s = rt_scope_begin();
        rt_mem_fail_after(n);
        json_t *values = json_pack("{s:f}", "s", 2.0);
        done = rt__call_by_name(&three_op, &(rt__named){"x", x}, 1, values, true, &r) == RT_OK;
        json_decref(values);
        rt_mem_fail_after(-1);
        assert_true(done || (rt_error_code() == RT_E_NOMEM && r.count == 0));
        rt_error_clear();
        rt__named_list_release(&r);
        rt_scope_end(s);
        assert_int_equal(rt_live_objects(), live);
    }
    assert_true(done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_result_and_its_gradient),      TEST(tensors_find_their_places_by_name),
        TEST(a_list_of_tensors_is_numbered),    TEST(several_results_and_their_gradients),
        TEST(integers_have_no_gradient),        TEST(what_is_written_twice_counts_once),
        TEST(what_is_wrong_is_refused_by_name), TEST(memory_that_is_out_is_said),
    };
    int failed = cmocka_run_group_tests_name("op_by_name", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
