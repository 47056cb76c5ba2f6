#include "worker/commands/op_list.h"

#include <stdio.h>
#include <string.h>
#include <ringtorch/op.h>
#include "common/error.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/text.h"
#include "worker/engine/autograd/schema.h"

static const char *string_of(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

static bool is_true(const json_t *j, const char *key)
{
    return json_is_true(json_object_get(j, key));
}

/* Adds "mean|sum|none". */
static void add_names(rt_text *t, const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++)
        rt_text_add(t, "%s%s", i ? "|" : "", json_string_value(json_array_get(names, i)));
}

/* Adds a value as JSON has it. */
static void add_value(rt_text *t, const char *before, const json_t *value)
{
    char *text = rt_json_text(value);
    rt_text_add(t, "%s%s", before, text ? text : "?");
    rt_mem_free(text);
}

/* "float32, optional". */
static void add_input(rt_text *t, const json_t *input)
{
    const json_t *dtypes = json_object_get(input, "dtypes");
    if (json_array_size(dtypes) == RT_DTYPES)
        rt_text_add(t, "any type");
    else
        add_names(t, dtypes);
    if (is_true(input, "many"))
        rt_text_add(t, ", any number");
    if (!is_true(input, "needed"))
        rt_text_add(t, ", optional");
}

/* "integer, from 1, default 2". */
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
    if (!is_true(value, "needed"))
        add_value(t, ", default ", json_object_get(value, "default"));
}

/* Prints a line for each of a list: name, what it may be, help. */
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

static rt_status print_schema(const json_t *schema)
{
    rt_text_print(stdout, "%s  %s%s\n", string_of(schema, "name"), string_of(schema, "help"),
                  is_true(schema, "differentiable") ? "" : "  (no gradient)");
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
