#include "worker/commands/op_list.h"

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "worker/engine/autograd/schema.h"
#include <ringtorch/op.h>
#include <stdio.h>
#include <string.h>

static const char *string_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static bool is_true(const json_t *j, const char *key)
{
    return json_is_true(json_object_get(j, key));
}

/* Appends "mean|sum|none". */
static void add_names(rt_text *t, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        rt_text_add(t, "%s%s", i ? "|" : "", json_string_value(json_array_get(names, i)));
}

/* Appends a value as JSON. */
static void add_value(rt_text *t, const char *before, const json_t *value)
{
    if (json_is_real(value)) {
        rt_text_add(t, "%s%.15g", before, json_real_value(value));
        return;
    }
    char *text = rt_json_text(value);
    rt_text_add(t, "%s%s", before, text ? text : "?");
    rt_mem_free(text);
}

static bool has_type(const json_t *dtypes, const char *name)
{
    for (size_t i = 0; i < json_array_size(dtypes); i++)
        if (strcmp(json_string_value(json_array_get(dtypes, i)), name) == 0)
            return true;
    return false;
}

/* Appends the name of a set of types, or all types in it. */
static void add_types(rt_text *t, const json_t *dtypes)
{
    enum { EVERY = (1 << RT_DTYPES) - 1, BOOL = RT_TYPE(BOOL), REAL = EVERY & ~RT_COMPLEX };
    static const struct {
        uint32_t types;
        const char *name;
    } sets[] = {
        {EVERY, "any type"},       {EVERY & ~BOOL, "any type but bool"},
        {REAL, "any real type"},   {REAL & ~BOOL, "any real type but bool"},
        {RT_FLOATS, "floats"},     {RT_FLOATS | RT_COMPLEX, "floats or complex types"},
        {RT_INTEGERS, "integers"}, {RT_INTEGERS | BOOL, "integers or bool"},
    };
    uint32_t types = 0;
    for (int type = 0; type < RT_DTYPES; type++)
        types |= (uint32_t)has_type(dtypes, rt_dtype_name((rt_dtype)type)) << type;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (types == sets[i].types) {
            rt_text_add(t, "%s", sets[i].name);
            return;
        }
    add_names(t, dtypes);
}

/* Appends "floats, one type, optional". */
static void add_input(rt_text *t, const json_t *input)
{
    add_types(t, json_object_get(input, "dtypes"));
    if (is_true(input, "same_type"))
        rt_text_add(t, ", one type");
    if (is_true(input, "promoted"))
        rt_text_add(t, ", converted");
    if (is_true(input, "many"))
        rt_text_add(t, ", any number");
    if (!is_true(input, "needed"))
        rt_text_add(t, ", optional");
}

/* Appends "integer, from 1, default 2". */
static void add_argument(rt_text *t, const json_t *value)
{
    const json_t *choices = json_object_get(value, "choices");
    const json_t *least = json_object_get(value, "least"), *most = json_object_get(value, "most");
    if (choices)
        add_names(t, choices);
    else
        rt_text_add(t, "%s", string_of(value, "kind"));
    if (least)
        add_value(t, ", from ", least);
    if (most)
        add_value(t, least ? " to " : ", to ", most);
    const json_t *standard = json_object_get(value, "default");
    if (json_is_null(standard))
        rt_text_add(t, ", optional");
    else if (!is_true(value, "needed"))
        add_value(t, ", default ", standard);
}

/* Prints one line per row: name, allowed values, help. */
static rt_status print_rows(const json_t *rows, void (*add)(rt_text *t, const json_t *row))
{
    for (size_t i = 0; i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        rt_text t = {0};
        add(&t, row);
        char *may_be = rt_text_take(&t);
        if (!may_be)
            return rt_error_code();
        rt_text_print(stdout, "    %-15s %-42s  %s\n", string_of(row, "name"), may_be,
                      string_of(row, "help"));
        rt_mem_free(may_be);
    }
    return RT_OK;
}

/* Appends one of the remarks in parentheses behind a name. */
static void add_remark(rt_text *t, const char *before, const char *what)
{
    rt_text_add(t, "%s%s%s", t->len ? "; " : "", before, what);
}

/* Appends "3 results; 2 derivatives; in place: relu_". */
static void add_remarks(rt_text *t, const json_t *schema)
{
    const json_t *results = json_object_get(schema, "results");
    json_int_t orders = json_integer_value(json_object_get(schema, "derivatives"));
    char in_place[64], number[32];
    if (json_is_string(results))
        add_remark(t, "any number of results", "");
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(results));
    if (json_integer_value(results) > 1)
        add_remark(t, number, " results");
    snprintf(number, sizeof number, "%lld", (long long)orders);
    if (!is_true(schema, "differentiable"))
        add_remark(t, "no gradient", "");
    else if (orders)
        add_remark(t, number, " derivatives");
    snprintf(in_place, sizeof in_place, "%s_", string_of(schema, "name"));
    if (is_true(schema, "in_place"))
        add_remark(t, "in place", "");
    else if (rt_op_find(in_place))
        add_remark(t, "in place: ", in_place);
}

/* Returns whether this is the in-place form of an operation, which is shown with that operation. */
static bool is_shown_elsewhere(const json_t *schema)
{
    const char *name = string_of(schema, "name");
    char other[64];
    snprintf(other, sizeof other, "%.*s", (int)strlen(name) - 1, name);
    return is_true(schema, "in_place") && rt_op_find(other);
}

static rt_status print_schema(const json_t *schema)
{
    if (is_shown_elsewhere(schema))
        return RT_OK;
    rt_text t = {0};
    add_remarks(&t, schema);
    bool any = t.len > 0;
    char *remarks = any ? rt_text_take(&t) : NULL;
    if (any && !remarks)
        return rt_error_code();
    rt_text_print(stdout, "%s  %s%s%s%s\n", string_of(schema, "name"), string_of(schema, "help"),
                  any ? "  (" : "", any ? remarks : "", any ? ")" : "");
    rt_mem_free(remarks);
    RT_TRY(print_rows(json_object_get(schema, "inputs"), add_input));
    return print_rows(json_object_get(schema, "values"), add_argument);
}

static rt_status print_json(const json_t *all)
{
    char *text = rt_json_text(all);
    if (!text)
        return rt_error_code();
    rt_json_print(stdout, text);
    rt_mem_free(text);
    return RT_OK;
}

static json_t *all_schemas(void)
{
    json_t *all = json_array();
    const rt_op *op;
    for (int i = 0; (op = rt_op_at(i)); i++) {
        json_t *schema = rt__op_schema(op);
        if (json_array_append_new(all, schema) != 0) {
            json_decref(all);
            return RT_FAIL_NULL(NOMEM, "op: out of memory");
        }
    }
    return all;
}

rt_status rt__op_list(bool json)
{
    json_t *all = all_schemas();
    if (!all)
        return rt_error_code();
    rt_status status = json ? print_json(all) : RT_OK;
    for (size_t i = 0; i < json_array_size(all) && !json && status == RT_OK; i++)
        status = print_schema(json_array_get(all, i));
    json_decref(all);
    return status;
}
