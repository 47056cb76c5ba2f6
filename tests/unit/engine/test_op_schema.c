/* Rows of arguments: that they describe the struct the compiler made of them, JSON both ways, what is refused and in which words, and
 * the rows of every operation that there is. */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include "common/json.h"
#include "common/mem.h"
#include "worker/engine/autograd/schema.h"

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
    F(INT, axis, -1, RT_ANY, "an axis")
typedef struct list_args {
    RT_STRUCT(LIST_FIELDS)
} list_args;

static const rt_op list_op = {.name = "list", RT_ARGS(list_args, LIST_FIELDS)};

/* A struct in which all has an allowed value. */
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

/* Each value differs from its default and from all others, so one that went to another member is seen. */
static void values_go_where_the_compiler_put_the_members(void **state)
{
    (void)state;
    rt_tensor *in[] = {rt_zeros(rt_shape(2)), rt_zeros(rt_shape(3))};
    all_args *a =
        args_of(&all_op, in, 2,
                "{\"first\": false, \"count\": 5, \"second\": true, \"reduction\": \"none\", "
                "\"p\": 0.75, \"dtype\": \"bool\", \"stride\": [11, 12], \"third\": true, "
                "\"axes\": [13, -14, 15], \"order\": \"down\", \"kernel\": [16, 17], "
                "\"fill\": 18.5, \"axis\": -19, \"last\": true}");
    assert_fine();
    assert_ptr_equal(a->x, in[0]);
    assert_ptr_equal(a->index, in[1]);
    assert_true(!a->first && a->second && a->third && a->last);
    assert_true(a->count == 5 && a->reduction == 2 && a->p == 0.75 && a->dtype == RT_BOOL);
    assert_true(a->stride[0] == 11 && a->stride[1] == 12);
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
    assert_error(ARG, "list: no tensors");
    assert_null(args_of(&all_op, in, 3, NULL));
    assert_error(ARG, "all takes 2 tensors, 3 were given");
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
        text, "{\"first\":true,\"count\":7,\"second\":false,\"reduction\":\"sum\",\"p\":0.1,"
              "\"dtype\":\"float16\",\"stride\":[2,3],\"third\":false,\"axes\":[0,2],"
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
        "\"uint8\",\"bool\",\"bfloat16\",\"float16\"],\"help\":\"of one shape\"}],\"values\":[{"
        "\"name\":\"twice\",\"kind\":\"flag\",\"needed\":false,\"help\":\"a flag\",\"default\":"
        "false},{\"name\":\"axis\",\"kind\":\"integer\",\"needed\":false,\"help\":\"an axis\","
        "\"default\":-1}],\"results\":1,\"differentiable\":false,"
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
        {10, "{\"name\":\"kernel\",\"kind\":\"pair\",\"needed\":true,\"help\":\"size of a window\","
             "\"least\":1}"},
        {11, "{\"name\":\"fill\",\"kind\":\"number\",\"needed\":false,\"help\":\"any "
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
    " (it has: first, count, second, reduction, p, dtype, stride, third, axes, order, kernel, "    \
    "fill, "                                                                                       \
    "axis, last)"
#define NEEDED "\"order\": \"up\", \"kernel\": [1, 1], \"axis\": 0"

static const struct refusal {
    const char *values;
    rt_status code;
    const char *text;
} refusals[] = {
    {"{" NEEDED ", \"axs\": 1}", RT_E_ARG, "all has no argument 'axs': did you mean 'axes'?"},
    {"{" NEEDED ", \"zzzzzzzz\": 1}", RT_E_ARG, "all has no argument 'zzzzzzzz'" HAS},
    {"{" NEEDED ", \"\": 1}", RT_E_ARG, "all has no argument ''" HAS},
    {"{" NEEDED ", \"x\": 1}", RT_E_ARG, "all: 'x' is a tensor: it cannot be given as a value"},
    {"{\"kernel\": [1, 1], \"axis\": 0}", RT_E_ARG, "all needs 'order': which way"},
    {NULL, RT_E_ARG, "all needs 'order': which way"},
    {"{\"order\": \"up\", \"axis\": 0}", RT_E_ARG, "all needs 'kernel': size of a window"},
    {"[1, 2]", RT_E_ARG, "all: its arguments are no JSON object"},

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
    {"{" NEEDED ", \"stride\": 2}", RT_E_ARG, "all: stride is 2, expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [2]}", RT_E_ARG,
     "all: stride is [2], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 2, 3]}", RT_E_ARG,
     "all: stride is [1,2,3], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 2.5]}", RT_E_ARG,
     "all: stride is [1,2.5], expected two integers in a list"},
    {"{" NEEDED ", \"stride\": [1, 0]}", RT_E_RANGE, "all: stride is 0, expected 1 or more"},
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
    a[5].dtype = RT_DTYPES;
    rt__check_values(&all_op, &a[5]);
    assert_error(DTYPE, "all: dtype is 8, which is no element type");
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

/* An operation with other rows than its struct was made of. */
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
        {&no_choice, "wrong: c: a choice of nothing"},
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

/* Something that a value may be. */
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
    case RT_FIELD_DIMS:
        return json_pack("[i, i]", 2, 1);
    case RT_FIELD_DTYPE:
        return json_string("int64");
    case RT_FIELD_CHOICE:
        return json_stringn(row->choices, strcspn(row->choices, "|"));
    case RT_FIELD_TEXT:
    case RT_FIELD_LAYERS:
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return NULL;
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

/* The numbers of a row of kernels/elementwise.def, which finds them by their place. */
static const struct {
    const char *op, *numbers;
} with_numbers[] = {
#define PARAMETRIC(name, numbers, ...) {#name, #numbers},
#define TERNARY(name, numbers, ...)    {#name, #numbers},
#include "kernels/elementwise.def"
#undef PARAMETRIC
#undef TERNARY
};

static void rows_have_their_numbers_in_the_order_of_the_arguments(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT(with_numbers); i++) {
        const rt_op *op = rt_op_find(with_numbers[i].op);
        assert_non_null(op);
        char text[200] = "(";
        size_t used = 1;
        for (int k = op->n_in; k < op->n_fields && used < sizeof text; k++) {
            assert_int_equal(op->fields[k].kind, RT_FIELD_NUMBER);
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s",
                                     k > op->n_in ? ", " : "", op->fields[k].name);
        }
        assert_in_range(used, 1, sizeof text - 2);
        snprintf(text + used, sizeof text - used, ")");
        assert_string_equal(text, with_numbers[i].numbers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_go_where_the_compiler_put_the_members),
        TEST(what_is_not_named_has_its_default),
        TEST(a_list_of_tensors_is_borrowed),
        TEST(an_argument_struct_is_written_and_read_back),
        TEST(rows_are_written),
        TEST(values_are_refused_by_name),
        TEST(a_struct_is_refused_by_name),
        TEST(memory_that_is_out_is_said),
        TEST(rows_that_describe_no_struct_are_refused),
        TEST(every_operation_is_described),
        TEST(rows_have_their_numbers_in_the_order_of_the_arguments),
    };
    int failed = cmocka_run_group_tests_name("op_schema", tests, NULL, NULL);
    rt_shutdown();
    return failed || rt_live_objects() != 0;
}
