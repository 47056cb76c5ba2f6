/* Tests of argument rows: they describe the struct that the compiler made of them, convert to JSON and back, and refuse wrong values
 * in fixed words. Also checks the rows of every operation. */
#include "check.h"

#include "common/base/json.h"
#include "common/base/mem.h"
#include "worker/engine/autograd/schema.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Every kind of row, each beside others of another size. */
#define ALL_FIELDS(F)                                                                              \
    F(INPUT, x, RT_NEEDED, RT_SAME | RT_FLOATS, "what is computed with")                           \
    F(INPUT, index, RT_OPTIONAL, RT_TYPE(I64) | RT_TYPE(BOOL), "what is taken")                    \
    F(FLAG, first, true, RT_ANY, "a flag")                                                         \
    F(INT, count, 7, RT_WITHIN(1, 9), "a number of things")                                        \
    F(FLAG, second, false, RT_ANY, "another flag")                                                 \
    F(CHOICE, reduction, 1, "mean|sum|none", "how")                                                \
    F(NUMBER, p, 0.25, RT_WITHIN(0, 1), "a probability")                                           \
    F(DTYPE, dtype, RT_I64, RT_ANY, "a type")                                                      \
    F(PAIR, stride, (2, 3), RT_FROM(1), "of height and width")                                     \
    F(FLAG, third, false, RT_ANY, "one more")                                                      \
    F(TRIPLE, box, (4, 5, 6), RT_FROM(1), "of depth, height and width")                            \
    F(DIMS, axes, RT_EMPTY, RT_ANY, "axes")                                                        \
    F(CHOICE, order, RT_NEEDED, "up|down", "which way")                                            \
    F(PAIR, kernel, RT_NEEDED, RT_FROM(1), "size of a window")                                     \
    F(NUMBER, fill, -INFINITY, RT_ANY, "any value")                                                \
    F(INT, axis, RT_NEEDED, RT_ANY, "an axis")                                                     \
    F(FLAG, last, false, RT_ANY, "the last")
typedef struct all_args {
    RT_STRUCT(ALL_FIELDS)
} all_args;

static const rt_op all_op = {.name = "all", RT_ARGS(all_args, ALL_FIELDS)};

#define LIST_FIELDS(F)                                                                             \
    F(INPUTS, xs, RT_NEEDED, RT_SAME | RT_ANY_TYPE, "of one shape")                                \
    F(FLAG, twice, false, RT_ANY, "a flag")                                                        \
    F(INTS, shifts, RT_EMPTY, RT_WITHIN(-9, 9), "integers")                                        \
    F(INT, axis, -1, RT_ANY, "an axis")
typedef struct list_args {
    RT_STRUCT(LIST_FIELDS)
} list_args;

static const rt_op list_op = {.name = "list", RT_ARGS(list_args, LIST_FIELDS)};

/* Values that are refused, and with which words. */
struct refusal {
    const char *values;
    rt_status code;
    const char *text;
};

/* Returns a struct whose members all have an allowed value. */
static all_args whole(void)
{
    all_args a = {RT_DEFAULTS(ALL_FIELDS)};
    a.kernel[0] = a.kernel[1] = 3;
    return a;
}

static json_t *parse(const char *text)
{
    json_t *j = NULL;
    if (text && rt_json_parse(text, strlen(text), "values", &j) != RT_OK)
        fail_msg("%s: %s", text, rt_error());
    return j;
}

static void *args_of(const rt_op *op, rt_tensor *const *in, int n_in, const char *text)
{
    json_t *values = parse(text);
    void *args = rt__args_from_json(op, in, n_in, values);
    json_decref(values);
    return args;
}

/* ---- members ---- */

/* Each value differs from its default and from all others, so a value written to the wrong member is noticed. */
static void values_go_where_the_compiler_put_the_members(void **state)
{
    (void)state;
    rt_tensor *in[] = {rt_zeros(rt_shape(2)), rt_zeros(rt_shape(3))};
    all_args *a =
        args_of(&all_op, in, 2,
                "{\"first\": false, \"count\": 5, \"second\": true, \"reduction\": \"none\", "
                "\"p\": 0.75, \"dtype\": \"bool\", \"stride\": [11, 12], \"third\": true, "
                "\"box\": [20, 21, 22], \"axes\": [13, -14, 15], \"order\": \"down\", \"kernel\": "
                "[16, 17], "
                "\"fill\": 18.5, \"axis\": -19, \"last\": true}");
    assert_fine();
    assert_ptr_equal(a->x, in[0]);
    assert_ptr_equal(a->index, in[1]);
    assert_true(!a->first && a->second && a->third && a->last);
    assert_true(a->count == 5 && a->reduction == 2 && a->p == 0.75 && a->dtype == RT_BOOL);
    assert_true(a->stride[0] == 11 && a->stride[1] == 12);
    assert_true(a->box[0] == 20 && a->box[2] == 22);
    assert_true(a->axes.n == 3 && a->axes.d[0] == 13 && a->axes.d[1] == -14 && a->axes.d[2] == 15);
    assert_true(a->order == 1 && a->kernel[0] == 16 && a->kernel[1] == 17);
    assert_true(a->fill == 18.5 && a->axis == -19);
    rt_mem_free(a);
}

static void what_is_not_named_has_its_default(void **state)
{
    (void)state;
    rt_tensor *in[2] = {0};
    all_args *a = args_of(&all_op, in, 2,
                          "{\"order\": \"up\", \"kernel\": [1, 2], \"axis\": 9223372036854775807}");
    assert_fine();
    assert_true(a->first && !a->second && !a->third && !a->last);
    assert_true(a->count == 7 && a->reduction == 1 && a->p == 0.25 && a->dtype == RT_I64);
    assert_true(a->stride[0] == 2 && a->stride[1] == 3 && a->axes.n == 0);
    assert_true(a->box[0] == 4 && a->box[1] == 5 && a->box[2] == 6);
    assert_true(a->order == 0 && a->kernel[0] == 1 && a->kernel[1] == 2);
    assert_true(a->fill == -INFINITY && a->axis == INT64_MAX);
    rt_mem_free(a);
}

static void a_list_of_tensors_is_borrowed(void **state)
{
    (void)state;
    rt_tensor *in[3] = {rt_scalar(1), rt_scalar(2), rt_scalar(3)};
    list_args *a = args_of(&list_op, in, 3, "{\"twice\": true, \"axis\": 2}");
    assert_fine();
    assert_ptr_equal(a->xs, in);
    assert_true(a->xs_count == 3 && a->twice && a->axis == 2);
    rt_mem_free(a);
    assert_null(args_of(&list_op, in, 0, NULL));
    assert_error(ARG, "list: the list of tensors is empty");
    assert_null(args_of(&all_op, in, 3, NULL));
    assert_error(ARG, "all takes 2 tensors, 3 were given");
}

static void a_list_of_integers_has_any_length(void **state)
{
    (void)state;
    rt_tensor *in[1] = {rt_scalar(1)};
    int64_t live = rt_mem_live();
    list_args *a = args_of(&list_op, in, 1, "{\"shifts\": [1,2,3,4,5,6,7,8,9,-9], \"axis\": 2}");
    assert_fine();
    assert_true(a->shifts_count == 10 && a->axis == 2 && !a->twice);
    for (int i = 0; i < 9; i++)
        assert_int_equal(a->shifts[i], i + 1);
    assert_int_equal(a->shifts[9], -9);
    json_t *j = rt__args_to_json(&list_op, a);
    char *text = rt_json_text(j);
    assert_string_equal(text, "{\"twice\":false,\"shifts\":[1,2,3,4,5,6,7,8,9,-9],\"axis\":2}");
    rt_mem_free(text);
    json_decref(j);
    rt_mem_free(a);
    a = args_of(&list_op, in, 1, "{\"shifts\": []}");
    assert_true(a && a->shifts_count == 0);
    rt_mem_free(a);
    a = args_of(&list_op, in, 1, NULL);
    assert_true(a && a->shifts_count == 0 && !a->shifts);
    rt_mem_free(a);

    static const struct refusal refused[] = {
        {"{\"shifts\": 1}", RT_E_ARG, "list: shifts is 1, expected a list of integers"},
        {"{\"shifts\": null}", RT_E_ARG, "list: shifts is null, expected a list of integers"},
        {"{\"shifts\": [1, 2.5]}", RT_E_ARG,
         "list: shifts is [1,2.5], expected a list of integers"},
        {"{\"shifts\": [0, 10]}", RT_E_RANGE, "list: shifts is 10, expected -9 to 9"},
    };
    for (int i = 0; i < COUNT(refused); i++) {
        assert_null(args_of(&list_op, in, 1, refused[i].values));
        assert_string_equal(rt_error(), refused[i].text);
        assert_int_equal(rt_error_code(), refused[i].code);
        rt_error_clear();
    }
    assert_int_equal(rt_mem_live(), live);
    list_args wrong = {.xs = in, .xs_count = 1, .shifts_count = 2};
    assert_int_equal(rt__check_values(&list_op, &wrong), RT_E_ARG);
    assert_error(ARG, "list: shifts has 2 integers at NULL, expected 0 or more");
    wrong.shifts_count = -1;
    assert_int_equal(rt__check_values(&list_op, &wrong), RT_E_ARG);
    assert_error(ARG, "list: shifts has -1 integers, expected 0 or more");
}

/* ---- to JSON ---- */

static void an_argument_struct_is_written_and_read_back(void **state)
{
    (void)state;
    all_args a = whole();
    a.kernel[1] = 4;
    a.axis = -1;
    a.p = 0.1;
    a.fill = NAN;
    a.axes = rt_shape(0, 2);
    a.dtype = RT_F16;
    json_t *j = rt__args_to_json(&all_op, &a);
    char *text = rt_json_text(j);
    assert_string_equal(
        text,
        "{\"first\":true,\"count\":7,\"second\":false,\"reduction\":\"sum\",\"p\":0.1,"
        "\"dtype\":\"float16\",\"stride\":[2,3],\"third\":false,\"box\":[4,5,6],\"axes\":[0,2],"
        "\"order\":\"up\",\"kernel\":[3,4],\"fill\":\"nan\",\"axis\":-1,\"last\":false}");
    rt_mem_free(text);
    rt_tensor *in[2] = {0};
    all_args *b = rt__args_from_json(&all_op, in, 2, j);
    assert_fine();
    assert_true(isnan(b->fill));
    b->fill = a.fill;
    assert_true(b->p == a.p && b->axes.n == 2 && b->axes.d[1] == 2 && b->dtype == RT_F16);
    json_t *again = rt__args_to_json(&all_op, b);
    assert_true(json_equal(j, again));
    json_decref(again);
    json_decref(j);
    rt_mem_free(b);

    a.reduction = 3;
    assert_null(rt__args_to_json(&all_op, &a));
    assert_error(RANGE, "all: reduction is 3, expected one of mean|sum|none");
}

static void rows_are_written(void **state)
{
    (void)state;
    json_t *j = rt__op_schema(&list_op);
    char *text = rt_json_text(j);
    assert_string_equal(
        text,
        "{\"name\":\"list\",\"help\":\"\",\"inputs\":[{\"name\":\"xs\",\"many\":true,\"needed\":"
        "true,\"same_type\":true,\"promoted\":false,\"dtypes\":[\"float32\",\"float64\",\"int64\","
        "\"int32\","
        "\"uint8\",\"bool\",\"bfloat16\",\"float16\",\"int8\",\"int16\",\"complex64\","
        "\"complex128\"],\"help\":\"of one shape\"}],\"values\":[{"
        "\"name\":\"twice\",\"kind\":\"flag\",\"needed\":false,\"help\":\"a flag\",\"default\":"
        "false},{\"name\":\"shifts\",\"kind\":\"integers\",\"needed\":false,\"help\":\"integers\","
        "\"default\":[],\"least\":-9,\"most\":9},{\"name\":\"axis\",\"kind\":\"integer\","
        "\"needed\":"
        "false,\"help\":\"an "
        "axis\",\"default\":-1}],\"results\":1,\"differentiable\":false,\"derivatives\":0,"
        "\"in_place\":false}");
    rt_mem_free(text);
    json_decref(j);

    j = rt__op_schema(&all_op);
    static const struct {
        int row;
        const char *text;
    } values[] = {
        {1, "{\"name\":\"count\",\"kind\":\"integer\",\"needed\":false,\"help\":\"a number of "
            "things\",\"default\":7,\"least\":1,\"most\":9}"},
        {3, "{\"name\":\"reduction\",\"kind\":\"choice\",\"needed\":false,\"help\":\"how\","
            "\"default\":"
            "\"sum\",\"choices\":[\"mean\",\"sum\",\"none\"]}"},
        {4, "{\"name\":\"p\",\"kind\":\"number\",\"needed\":false,\"help\":\"a probability\","
            "\"default\":0.25,\"least\":0.0,\"most\":1.0}"},
        {8,
         "{\"name\":\"box\",\"kind\":\"triple\",\"needed\":false,\"help\":\"of depth, height and "
         "width\",\"default\":[4,5,6],\"least\":1}"},
        {11, "{\"name\":\"kernel\",\"kind\":\"pair\",\"needed\":true,\"help\":\"size of a window\","
             "\"least\":1}"},
        {12, "{\"name\":\"fill\",\"kind\":\"number\",\"needed\":false,\"help\":\"any "
             "value\",\"default\":"
             "\"-inf\"}"},
    };
    for (int i = 0; i < COUNT(values); i++) {
        text = rt_json_text(json_array_get(json_object_get(j, "values"), (size_t)values[i].row));
        assert_string_equal(text, values[i].text);
        rt_mem_free(text);
    }
    assert_false(
        json_is_true(json_object_get(json_array_get(json_object_get(j, "inputs"), 1), "needed")));
    json_decref(j);
}

/* ---- what is refused ---- */

#define HAS                                                                                        \
    " (it has: first, count, second, reduction, p, dtype, stride, third, box, axes, order, "       \
    "kernel, fill, axis, last)"
#define NEEDED "\"order\": \"up\", \"kernel\": [1, 1], \"axis\": 0"

static const struct refusal refusals[] = {
    {"{" NEEDED ", \"axs\": 1}", RT_E_ARG, "all has no argument 'axs': did you mean 'axes'?"},
    {"{" NEEDED ", \"zzzzzzzz\": 1}", RT_E_ARG, "all has no argument 'zzzzzzzz'" HAS},
    {"{" NEEDED ", \"\": 1}", RT_E_ARG, "all has no argument ''" HAS},
    {"{" NEEDED ", \"x\": 1}", RT_E_ARG, "all: 'x' is a tensor: it cannot be given as a value"},
    {"{\"kernel\": [1, 1], \"axis\": 0}", RT_E_ARG, "all needs 'order': which way"},
    {NULL, RT_E_ARG, "all needs 'order': which way"},
    {"{\"order\": \"up\", \"axis\": 0}", RT_E_ARG, "all needs 'kernel': size of a window"},
    {"[1, 2]", RT_E_ARG, "all: its arguments are not a JSON object"},

    {"{" NEEDED ", \"count\": 2.0}", RT_E_ARG, "all: count is 2.0, expected an integer"},
    {"{" NEEDED ", \"count\": \"2\"}", RT_E_ARG, "all: count is \"2\", expected an integer"},
    {"{" NEEDED ", \"count\": true}", RT_E_ARG, "all: count is true, expected an integer"},
    {"{" NEEDED ", \"count\": null}", RT_E_ARG, "all: count is null, expected an integer"},
    {"{" NEEDED ", \"count\": 0}", RT_E_RANGE, "all: count is 0, expected 1 to 9"},
    {"{" NEEDED ", \"count\": 10}", RT_E_RANGE, "all: count is 10, expected 1 to 9"},
    {"{" NEEDED ", \"count\": -9223372036854775808}", RT_E_RANGE,
     "all: count is -9223372036854775808, expected 1 to 9"},
    {"{" NEEDED ", \"first\": 1}", RT_E_ARG, "all: first is 1, expected true or false"},
    {"{" NEEDED ", \"p\": true}", RT_E_ARG, "all: p is true, expected a number"},
    {"{" NEEDED ", \"p\": \"a\"}", RT_E_ARG, "all: p is \"a\", expected a number"},
    {"{" NEEDED ", \"p\": -0.1}", RT_E_RANGE, "all: p is -0.1, expected 0 to 1"},
    {"{" NEEDED ", \"p\": \"nan\"}", RT_E_RANGE, "all: p is nan, expected 0 to 1"},
    {"{" NEEDED ", \"p\": \"inf\"}", RT_E_RANGE, "all: p is inf, expected 0 to 1"},
    {"{" NEEDED ", \"fill\": 9007199254740993}", RT_E_RANGE,
     "all: fill is 9007199254740993, which no double holds: the nearest is 9007199254740992"},
    {"{" NEEDED ", \"fill\": -9007199254740995}", RT_E_RANGE,
     "all: fill is -9007199254740995, which no double holds: the nearest is -9007199254740996"},
    {"{" NEEDED ", \"fill\": 9223372036854775807}", RT_E_RANGE,
     "all: fill is 9223372036854775807, which no double holds: the nearest is 9223372036854775808"},
    {"{" NEEDED ", \"stride\": 2}", RT_E_ARG, "all: stride is 2, expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [2]}", RT_E_ARG,
     "all: stride is [2], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 2, 3]}", RT_E_ARG,
     "all: stride is [1,2,3], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 2.5]}", RT_E_ARG,
     "all: stride is [1,2.5], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 0]}", RT_E_RANGE, "all: stride is 0, expected 1 or more"},
    {"{" NEEDED ", \"box\": [1, 2]}", RT_E_ARG,
     "all: box is [1,2], expected three integers in a list"},
    {"{" NEEDED ", \"box\": [1, 2, 3, 4]}", RT_E_ARG,
     "all: box is [1,2,3,4], expected three integers in a list"},
    {"{" NEEDED ", \"box\": [1, 2, 0]}", RT_E_RANGE, "all: box is 0, expected 1 or more"},
    {"{" NEEDED ", \"axes\": 3}", RT_E_ARG,
     "all: axes is 3, expected a list of at most 8 integers"},
    {"{" NEEDED ", \"axes\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}", RT_E_ARG,
     "all: axes is [1,2,3,4,5,6,7,8,9], expected a list of at most 8 integers"},
    {"{" NEEDED ", \"dtype\": \"F32\"}", RT_E_ARG,
     "all: dtype is \"F32\", expected an element type such as \"float32\""},
    {"{" NEEDED ", \"dtype\": 0}", RT_E_ARG,
     "all: dtype is 0, expected an element type such as \"float32\""},
    {"{" NEEDED ", \"reduction\": \"men\"}", RT_E_ARG,
     "all: reduction is \"men\", expected one of mean|sum|none"},
    {"{" NEEDED ", \"reduction\": \"mea\"}", RT_E_ARG,
     "all: reduction is \"mea\", expected one of mean|sum|none"},
    {"{" NEEDED ", \"reduction\": \"\"}", RT_E_ARG,
     "all: reduction is \"\", expected one of mean|sum|none"},
    {"{" NEEDED ", \"reduction\": \"mean|sum\"}", RT_E_ARG,
     "all: reduction is \"mean|sum\", expected one of mean|sum|none"},
    {"{" NEEDED ", \"reduction\": 1}", RT_E_ARG,
     "all: reduction is 1, expected one of mean|sum|none"},
};

static void values_are_refused_by_name(void **state)
{
    (void)state;
    rt_tensor *in[2] = {0};
    int64_t live = rt_mem_live();
    for (int i = 0; i < COUNT(refusals); i++) {
        assert_null(args_of(&all_op, in, 2, refusals[i].values));
        assert_string_equal(rt_error(), refusals[i].text);
        assert_int_equal(rt_error_code(), refusals[i].code);
        rt_error_clear();
    }
    assert_int_equal(rt_mem_live(), live);
}

static void a_struct_is_refused_by_name(void **state)
{
    (void)state;
    all_args a[7];
    for (int i = 0; i < COUNT(a); i++)
        a[i] = whole();
    assert_int_equal(rt__check_values(&all_op, &a[0]), RT_OK);
    a[0].kernel[1] = 0;
    rt__check_values(&all_op, &a[0]);
    assert_error(RANGE, "all: kernel is 0, expected 1 or more");
    a[1].axes.n = 9;
    rt__check_values(&all_op, &a[1]);
    assert_error(RANGE, "all: axes has 9 entries, expected 0 to 8");
    a[2].axes.n = -1;
    rt__check_values(&all_op, &a[2]);
    assert_error(RANGE, "all: axes has -1 entries, expected 0 to 8");
    a[3].order = 2;
    rt__check_values(&all_op, &a[3]);
    assert_error(RANGE, "all: order is 2, expected one of up|down");
    a[4].order = -1;
    rt__check_values(&all_op, &a[4]);
    assert_error(RANGE, "all: order is -1, expected one of up|down");
    a[5].dtype = (rt_dtype)100;
    rt__check_values(&all_op, &a[5]);
    assert_error(DTYPE, "all: dtype is 100, which is not an element type");
    a[6].p = NAN;
    rt__check_values(&all_op, &a[6]);
    assert_error(RANGE, "all: p is nan, expected 0 to 1");
}

static void memory_that_is_out_is_said(void **state)
{
    (void)state;
    rt_tensor *in[2] = {0};
    json_t *values = parse("{" NEEDED "}");
    rt_mem_fail_after(0);
    void *args = rt__args_from_json(&all_op, in, 2, values);
    rt_mem_fail_after(-1);
    assert_null(args);
    assert_int_equal(rt_error_code(), RT_E_NOMEM);
    rt_error_clear();
    json_decref(values);
}

/* ---- rows that describe no struct ---- */

static rt_status nothing(rt_call *c)
{
    (void)c;
    return RT_OK;
}

/* Defines an operation whose rows differ from its struct. */
#define WRONG(...)                                                                                 \
    {                                                                                              \
        .name = "wrong", .infer = nothing, .run = nothing, __VA_ARGS__                             \
    }
#define TWICE_FIELDS(F)                                                                            \
    F(INT, n, 1, RT_ANY, "")                                                                       \
    F(INT, n, 1, RT_ANY, "")
#define SHORT_FIELDS(F) F(INT, n, 1, RT_ANY, "")
#define LATE_FIELDS(F)                                                                             \
    F(INT, n, 1, RT_ANY, "")                                                                       \
    F(INPUT, x, RT_NEEDED, RT_FLOATS, "")
#define OUTSIDE_FIELDS(F)                                                                          \
    F(INT, n, 1, RT_ANY, "")                                                                       \
    F(INT, m, 0, RT_FROM(1), "")
typedef struct pair_args {
    int64_t n, m;
} pair_args;
typedef struct late_args {
    int64_t n;
    rt_tensor *x;
} late_args;

static void rows_that_describe_no_struct_are_refused(void **state)
{
    (void)state;
    static const rt_field nameless[] = {{.kind = RT_FIELD_INT},
                                        {.name = "m", .kind = RT_FIELD_INT}};
    static const rt_field choice[] = {{.name = "c", .kind = RT_FIELD_CHOICE}};
    static const pair_args zero;
    const rt_op twice = WRONG(.fields = (const rt_field[]){TWICE_FIELDS(RT_SCHEMA_ROW)},
                              .n_fields = 2, .args_size = sizeof zero, .defaults = &zero);
    const rt_op unnamed =
        WRONG(.fields = nameless, .n_fields = 2, .args_size = sizeof zero, .defaults = &zero);
    const rt_op no_choice =
        WRONG(.fields = choice, .n_fields = 1, .args_size = sizeof(int), .defaults = &zero);
    const rt_op too_short = WRONG(RT_ARGS(pair_args, SHORT_FIELDS));
    const rt_op late = WRONG(RT_ARGS(late_args, LATE_FIELDS));
    const rt_op outside = WRONG(RT_ARGS(pair_args, OUTSIDE_FIELDS));
    const struct {
        const rt_op *op;
        const char *text;
    } rows[] = {
        {&twice, "wrong: two arguments are called 'n'"},
        {&unnamed, "wrong: argument 1 has no name or no kind"},
        {&no_choice, "wrong: c: a CHOICE without choices"},
        {&too_short, "wrong: its arguments are a struct of 16 bytes, but its rows describe 8: give "
                     "RT_ARGS the struct that RT_STRUCT made of the same rows"},
        {&late,
         "wrong: n: tensors come before other arguments, and a row of INPUTS is the only one "
         "of them"},
        {&outside, "wrong: m is 0, expected 1 or more"},
    };
    for (int i = 0; i < COUNT(rows); i++) {
        char text[300];
        snprintf(text, sizeof text, "op_register: %s", rows[i].text);
        assert_int_not_equal(rt_op_register(rows[i].op), RT_OK);
        assert_string_equal(rt_error(), text);
        rt_error_clear();
    }
    assert_null(rt_op_find("wrong"));
}

/* ---- every operation ---- */

/* Returns an allowed value. */
static json_t *allowed_value(const rt_field *row)
{
    double v = row->low > 1 ? row->low : row->high < 1 ? row->high : 1;
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        return json_integer((json_int_t)v);
    case RT_FIELD_NUMBER:
        return json_real(v);
    case RT_FIELD_FLAG:
        return json_true();
    case RT_FIELD_PAIR:
        return json_pack("[I, I]", (json_int_t)v, (json_int_t)v);
    case RT_FIELD_TRIPLE:
        return json_pack("[I, I, I]", (json_int_t)v, (json_int_t)v, (json_int_t)v);
    case RT_FIELD_DIMS:
    case RT_FIELD_INTS:
        return json_pack("[i, i]", 2, 1);
    case RT_FIELD_DTYPE:
        return json_string("int64");
    case RT_FIELD_CHOICE:
        return json_stringn(row->choices, strcspn(row->choices, "|"));
    case RT_FIELD_TEXT:
        return json_string("text");
    case RT_FIELD_LAYERS:
    case RT_FIELD_VALUE:
    case RT_FIELD_METRICS:
    case RT_FIELD_KINDS:
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return NULL;
}

/* Returns whether the struct points to values that lie elsewhere: integers of a list, texts. */
static bool points_elsewhere(const rt_op *op)
{
    for (int i = 0; i < op->n_fields; i++)
        if (op->fields[i].kind == RT_FIELD_INTS || op->fields[i].kind == RT_FIELD_TEXT)
            return true;
    return false;
}

static void check_operation(const rt_op *op)
{
    if (rt__check_rows(op) != RT_OK)
        fail_msg("%s", rt_error());
    if (!op->help || !op->help[0] || strchr(op->help, '\n'))
        fail_msg("%s: .help is not one line", op->name);
    rt_tensor **in = calloc((size_t)op->n_fields + 1, sizeof *in);
    json_t *values = json_object();
    for (int i = 0; i < op->n_fields; i++) {
        const rt_field *row = &op->fields[i];
        bool input = row->kind == RT_FIELD_INPUT || row->kind == RT_FIELD_INPUTS;
        if (!row->help || !row->help[0])
            fail_msg("%s: %s has no help", op->name, row->name);
        if (row->needed && !input)
            json_object_set_new(values, row->name, allowed_value(row));
    }
    int n_in = op->n_in == RT_MANY ? 1 : op->n_in;
    void *a = rt__args_from_json(op, in, n_in, values);
    json_t *written = a ? rt__args_to_json(op, a) : NULL;
    void *b = written ? rt__args_from_json(op, in, n_in, written) : NULL;
    if (!b)
        fail_msg("%s", rt_error());
    json_t *again = rt__args_to_json(op, b);
    assert_true(json_equal(written, again));
    json_decref(again);
    if (!points_elsewhere(op))
        assert_memory_equal(a, b, op->args_size);
    json_t *schema = rt__op_schema(op);
    assert_non_null(schema);
    json_decref(schema);
    json_decref(written);
    json_decref(values);
    rt_mem_free(a);
    rt_mem_free(b);
    free(in);
}

static void every_operation_is_described(void **state)
{
    (void)state;
    int n = 0;
    for (; rt_op_at(n); n++) {
        check_operation(rt_op_at(n));
        assert_ptr_equal(rt_op_find(rt_op_at(n)->name), rt_op_at(n));
        if (n > 0)
            assert_true(strcmp(rt_op_at(n - 1)->name, rt_op_at(n)->name) < 0);
    }
    assert_true(n > 50);
    assert_null(rt_op_at(-1));
    assert_null(rt_op_find("no such operation"));
    assert_null(rt_op_find(NULL));
    assert_fine();
}

/* The names that rows of kernels/elementwise.def give their operands and numbers, which the kernels find by position. */
static const struct named {
    const char *op, *operands[3], *numbers;
} named[] = {
#define PARAMETRIC(name, numbers, ...)     {#name, {"x"}, #numbers},
#define PARAMETRIC_OPS(name, numbers, ...) {#name, {"x"}, #numbers},
#define BINARY(name, ...)                  {#name, {"a", "b"}, "()"},
#define TERNARY(name, first, second, third, numbers, ...)                                          \
    {#name, {#first, #second, #third}, #numbers},
#include "kernels/elementwise.def"
#undef PARAMETRIC
#undef PARAMETRIC_OPS
#undef BINARY
#undef TERNARY
};

static void rows_name_what_they_take_as_the_arguments_are_named(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(named); i++) {
        const rt_op *op = rt_op_find(named[i].op);
        assert_non_null(op);
        for (int k = 0; k < op->n_in; k++)
            assert_string_equal(op->fields[k].name, named[i].operands[k]);
        char text[200] = "(";
        size_t used = 1;
        for (int k = op->n_in; k < op->n_fields && used < sizeof text; k++) {
            assert_int_equal(op->fields[k].kind, RT_FIELD_NUMBER);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     k > op->n_in ? ", " : "", op->fields[k].name);
        }
        assert_in_range(used, 1, sizeof text - 2);
        snprintf(text + used, sizeof text - used, ")");
        assert_string_equal(text, named[i].numbers);
    }
}

static bool is_known(const rt_op *op, const char *name)
{
    static const char *const words[] = {
        "abs",      "acos",  "acosh", "asin",    "asinh",  "atan",    "atan2",  "atanh", "ceil",
        "copysign", "cos",   "cosh",  "digamma", "erf",    "erfc",    "erfinv", "exp",   "exp2",
        "expm1",    "floor", "fmod",  "hypot",   "lgamma", "log",     "log10",  "log1p", "log2",
        "max",      "min",   "pi",    "pow",     "round",  "sigmoid", "sign",   "sin",   "sinc",
        "sinh",     "sqrt",  "tan",   "tanh",    "trunc",  "where",
    };
    for (int i = 0; i < op->n_fields; i++)
        if (strcmp(op->fields[i].name, name) == 0)
            return true;
    for (int i = 0; i < COUNT(words); i++)
        if (strcmp(words[i], name) == 0)
            return true;
    return false;
}

/* Checks that every name in the formula is an argument of the operation or a well-known function. */
static void check_formula(const rt_op *op)
{
    assert_non_null(op);
    const char *at = strchr(op->help, '=');
    const char *end = op->writes ? strstr(op->help, ", the first argument") : strchr(op->help, 0);
    for (assert_true(at && end); at < end; at++) {
        char name[32] = "";
        size_t n = 0;
        while (at < end && n + 1 < sizeof name &&
               (isalpha(*at) || *at == '_' || (n && isdigit(*at))))
            name[n++] = *at++;
        if (n && (*at == '.' || !is_known(op, name)))
            fail_msg("%s: its formula, %s, has '%s', which is no argument", op->name, op->help,
                     name);
    }
}

static void formulas_name_the_arguments(void **state)
{
    (void)state;
    static const char *const ops[] = {
#define UNARY(name, ...)          #name, #name "_",
#define PARAMETRIC(name, ...)     UNARY(name)
#define UNARY_OPS(name, ...)      UNARY(name)
#define PARAMETRIC_OPS(name, ...) UNARY(name)
#define BINARY(name, ...)         UNARY(name)
#define TERNARY(name, ...)        UNARY(name)
#define COMPARE(name, ...)        #name,
#define BITWISE(name, ...)        UNARY(name)
#define PREDICATE(name, ...)      #name,
#include "kernels/elementwise.def"
    };
    for (int i = 0; i < COUNT(ops); i++)
        check_formula(rt_op_find(ops[i]));
    assert_string_equal(rt_op_find("addcdiv")->help, "y = x + value * a / b");
}

/* ---- values that need not be given ---- */

#define MAYBE_FIELDS(F)                                                                            \
    F(INPUT, x, RT_NEEDED, RT_ANY_TYPE, "any shape")                                               \
    F(NUMBER, scale, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(0)), "a factor")                               \
    F(INT, index, RT_NOT_GIVEN, RT_MAYBE(RT_FROM(INT32_MIN)), "an index")                          \
    F(PAIR, stride, (RT_NOT_GIVEN, RT_NOT_GIVEN), RT_MAYBE(RT_WITHIN(1, 9)), "of a window")        \
    F(TRIPLE, box, (RT_NOT_GIVEN, RT_NOT_GIVEN, RT_NOT_GIVEN), RT_MAYBE(RT_WITHIN(1, 9)), "a box") \
    F(AUTO, size, RT_AUTO, RT_WITHIN(1, 9), "of a piece")                                          \
    F(DTYPE, dtype, RT_NO_DTYPE, RT_MAYBE(RT_FROM(0)), "of the result")
typedef struct maybe_args {
    RT_STRUCT(MAYBE_FIELDS)
} maybe_args;
static const rt_op maybe_op = {.name = "maybe", RT_ARGS(maybe_args, MAYBE_FIELDS)};

#define ANY_FIELDS(F) F(NUMBER, scale, RT_NOT_GIVEN, RT_MAYBE(RT_ANY), "a factor")
typedef struct any_args {
    RT_STRUCT(ANY_FIELDS)
} any_args;
static const rt_op any_op = {.name = "any", RT_ARGS(any_args, ANY_FIELDS)};

static void what_is_not_given_is_no_value(void **state)
{
    (void)state;
    static const struct {
        const char *values, *written; /* the values as they are written back, or the message */
    } rows[] = {
        {NULL, "{\"scale\":null,\"index\":null,\"stride\":null,\"box\":null,\"size\":\"auto\","
               "\"dtype\":null}"},
        {"{\"scale\": null, \"index\": null, \"stride\": null, \"size\": \"auto\", \"dtype\": "
         "null}",
         "{\"scale\":null,\"index\":null,\"stride\":null,\"box\":null,\"size\":\"auto\",\"dtype\":"
         "null}"},
        {"{\"scale\": 0, \"index\": 0, \"stride\": [1, 2], \"size\": 1, \"dtype\": \"int64\"}",
         "{\"scale\":0.0,\"index\":0,\"stride\":[1,2],\"box\":null,\"size\":1,\"dtype\":"
         "\"int64\"}"},
        {"{\"index\": -100}", "{\"scale\":null,\"index\":-100,\"stride\":null,\"box\":null,"
                              "\"size\":\"auto\",\"dtype\":null}"},
        {"{\"box\": [1, 2, 3]}",
         "{\"scale\":null,\"index\":null,\"stride\":null,\"box\":[1,2,3],\"size\":\"auto\","
         "\"dtype\":null}"},
        {"{\"box\": [1, 2, -9223372036854775808]}",
         "maybe: box has only 2 of its 3 numbers, expected all or none"},
        {"{\"stride\": [0, 0]}", "maybe: stride is 0, expected 1 to 9"},
        {"{\"stride\": [2, -9223372036854775808]}",
         "maybe: stride has only 1 of its 2 numbers, expected all or none"},
        {"{\"stride\": [-9223372036854775808, -9223372036854775808]}",
         "maybe: stride is -9223372036854775808, expected 1 to 9"},
        {"{\"stride\": [2, null]}",
         "maybe: stride is [2,null], expected two integers in a list, or null"},
        {"{\"index\": -9223372036854775808}",
         "maybe: index is -9223372036854775808, expected -2147483648 or more"},
        {"{\"scale\": -9223372036854775808}",
         "maybe: scale is -9.22337203685478e+18, expected 0 or more"},
        {"{\"scale\": \"auto\"}", "maybe: scale is \"auto\", expected a number, or null"},
        {"{\"dtype\": \"auto\"}",
         "maybe: dtype is \"auto\", expected an element type such as \"float32\", or null"},
        {"{\"size\": 0}", "maybe: size is 0, expected 1 to 9"},
        {"{\"size\": null}", "maybe: size is null, expected \"auto\" or an integer"},
        {"{\"size\": -9223372036854775808}",
         "maybe: size is -9223372036854775808, expected 1 to 9"},
    };
    rt_tensor *x = rt_scalar(1);
    for (int i = 0; i < COUNT(rows); i++) {
        maybe_args *a = args_of(&maybe_op, &x, 1, rows[i].values);
        json_t *j = a ? rt__args_to_json(&maybe_op, a) : NULL;
        char *text = j ? rt_json_text(j) : NULL;
        if (strcmp(text ? text : rt_error(), rows[i].written) != 0)
            fail_msg("row %d: %s, expected %s", i, text ? text : rt_error(), rows[i].written);
        rt_error_clear();
        rt_mem_free(text);
        json_decref(j);
        rt_mem_free(a);
    }
    maybe_args half = {RT_DEFAULTS(MAYBE_FIELDS).x = x};
    half.stride[0] = 2;
    assert_int_equal(rt__check_values(&maybe_op, &half), RT_E_RANGE);
    assert_error(RANGE, "maybe: stride has only 1 of its 2 numbers, expected all or none");
    half.stride[0] = RT_NOT_GIVEN;
    half.scale = 0;
    assert_int_equal(rt__check_values(&maybe_op, &half), RT_OK);
    half.dtype = (rt_dtype)(RT_NO_DTYPE + 1);
    assert_int_equal(rt__check_values(&maybe_op, &half), RT_E_DTYPE);
    assert_error(DTYPE, "maybe: dtype is 13, which is not an element type");
    assert_int_equal(rt__check_rows(&maybe_op), RT_OK);
    assert_int_equal(rt__check_rows(&any_op), RT_E_ARG);
    assert_error(
        ARG,
        "any: scale: RT_NOT_GIVEN is an allowed value: RT_MAYBE needs a range that excludes it");
}

/* Attention, pools and cross-entropy must take an explicit zero as zero, not as the default. */
static void a_zero_that_is_written_is_a_zero(void **state)
{
    (void)state;
    rt_tensor *q = rt_from((const float[]){1, 2}, rt_shape(1, 2), RT_F32);
    rt_tensor *k = rt_from((const float[]){1, 5, -3, 0}, rt_shape(2, 2), RT_F32);
    rt_tensor *v = rt_from((const float[]){2, 4}, rt_shape(2, 1), RT_F32);
    assert_values(rt_scaled_dot_product_attention(q, k, v, .scale = 0), 3); /* of equal weights */
    assert_true(rt_item(rt_scaled_dot_product_attention(q, k, v)) < 2.01);
    assert_true(rt_item(rt_scaled_dot_product_attention(q, k, v, .scale = -1)) > 3.99);
    rt_tensor *x = rt_ones(rt_shape(1, 1, 4, 4));
    assert_null(rt_max_pool2d(x, {2, 2}, .stride = {0, 0}));
    assert_error(RANGE, "max_pool2d: stride is 0, expected 1 to 2147483647");
    rt_tensor *logits = rt_from((const float[]){0, 0, 3, 3}, rt_shape(2, 2), RT_F32);
    rt_tensor *target = rt_from((const int64_t[]){0, 1}, rt_shape(2), RT_I64);
    assert_values(rt_mul_scalar(rt_cross_entropy(logits, target, .reduction = RT_SUM), 0), 0);
    rt_tensor *rows = rt_cross_entropy(logits, target, .reduction = RT_NONE, .ignore_index = 0);
    assert_true(rt_item(rt_select(rows, 0, 0)) == 0 && rt_item(rt_select(rows, 0, 1)) > 0.6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_go_where_the_compiler_put_the_members),
        TEST(what_is_not_named_has_its_default),
        TEST(a_list_of_tensors_is_borrowed),
        TEST(a_list_of_integers_has_any_length),
        TEST(an_argument_struct_is_written_and_read_back),
        TEST(rows_are_written),
        TEST(values_are_refused_by_name),
        TEST(what_is_not_given_is_no_value),
        TEST(a_zero_that_is_written_is_a_zero),
        TEST(a_struct_is_refused_by_name),
        TEST(memory_that_is_out_is_said),
        TEST(rows_that_describe_no_struct_are_refused),
        TEST(every_operation_is_described),
        TEST(rows_name_what_they_take_as_the_arguments_are_named),
        TEST(formulas_name_the_arguments),
    };
    int failed = cmocka_run_group_tests_name("op_schema", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
