/* Reads and writes argument structs by means of their rows. */
#include "worker/engine/autograd/schema.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/schema.h"
#include <math.h>
#include <string.h>

static rt__schema schema_of(const rt_op *op)
{
    return (rt__schema){op->name,     "argument",   op->fields,
                        op->n_fields, op->defaults, op->args_size};
}

/* ---- checks ---- */

rt_status rt__check_input_list(const rt_op *op, const void *args)
{
    const rt__input_list *list = args;
    if (list->in && list->count >= 1 && list->count <= INT32_MAX)
        return RT_OK;
    return RT_FAIL(ARG, "%s: the list of tensors is empty", op->name);
}

/* Returns whether every value that the member can hold is allowed. */
static bool is_free(const rt_field *row)
{
    return row->kind == RT_FIELD_FLAG ||
           (row->kind <= RT_FIELD_PAIR && isinf(row->low) && isinf(row->high));
}

static rt_status check_value(const rt_op *op, rt__struct_member m)
{
    const rt__schema s = schema_of(op);
    return rt__schema_check_value(&s, m);
}

/* Every call comes through here, so this walks over the struct itself and skips inputs and unrestricted
 * values. */
rt_status rt__check_values(const rt_op *op, const void *args)
{
    int n_in = op->n_in == RT_MANY ? 1 : op->n_in;
    size_t at = op->n_in == RT_MANY ? sizeof(rt__input_list) : (size_t)n_in * sizeof(rt_tensor *);
    for (const rt_field *row = op->fields + n_in; row < op->fields + op->n_fields; row++) {
        const rt__field_kind *kind = &rt__field_kinds[row->kind];
        at = (at + kind->align - 1) & ~(kind->align - 1);
        rt__struct_member m = {row, (char *)args + at};
        at += kind->size;
        if (row->kind == RT_FIELD_DIMS && (unsigned)((const rt_dims *)m.at)->n <= RT_MAX_DIMS)
            continue;
        if (!is_free(row))
            RT_TRY(check_value(op, m));
    }
    return RT_OK;
}

/* ---- the rows themselves ---- */

static rt_status check_row(const rt_op *op, int i)
{
    const rt_field *row = &op->fields[i];
    if (!row->name || !row->name[0] || row->kind >= RT_FIELD_KINDS)
        return RT_FAIL(ARG, "%s: argument %d has no name or no kind", op->name, i + 1);
    if (row->kind == RT_FIELD_CHOICE && !row->choices)
        return RT_FAIL(ARG, "%s: %s: a CHOICE without choices", op->name, row->name);
    double none = (double)RT_NOT_GIVEN;
    if (row->maybe && row->low <= none && none <= row->high)
        return RT_FAIL(
            ARG,
            "%s: %s: RT_NOT_GIVEN is an allowed value: RT_MAYBE needs a range that excludes it",
            op->name, row->name);
    if (rt__is_input(row) != (i < (op->n_in == RT_MANY ? 1 : op->n_in)) ||
        (row->kind == RT_FIELD_INPUTS) != (op->n_in == RT_MANY && i == 0))
        return RT_FAIL(ARG,
                       "%s: %s: tensors come before other arguments, and a row of INPUTS is the "
                       "only one of them",
                       op->name, row->name);
    for (int k = 0; k < i; k++)
        if (strcmp(op->fields[k].name, row->name) == 0)
            return RT_FAIL(ARG, "%s: two arguments are called '%s'", op->name, row->name);
    return RT_OK;
}

rt_status rt__check_rows(const rt_op *op)
{
    const rt__schema s = schema_of(op);
    size_t end = 0, align = 1;
    for (int i = 0; i < op->n_fields; i++)
        RT_TRY(check_row(op, i));
    RT__EACH_MEMBER(m, &s, op->defaults)
    {
        const rt__field_kind *kind = &rt__field_kinds[m.row->kind];
        end = (size_t)(m.at - (const char *)op->defaults) + kind->size;
        align = kind->align > align ? kind->align : align;
        if (!m.row->needed)
            RT_TRY(rt__schema_check_value(&s, m));
    }
    if ((end + align - 1) / align * align == op->args_size)
        return RT_OK;
    return RT_FAIL(ARG,
                   "%s: its arguments are a struct of %zu bytes, but its rows describe %zu: give "
                   "RT_ARGS the struct that RT_STRUCT made of the same rows",
                   op->name, op->args_size, (end + align - 1) / align * align);
}

/* ---- from JSON ---- */

/* Puts the inputs at the beginning of the struct. */
static rt_status set_inputs(const rt_op *op, void *args, rt_tensor *const *in, int n_in)
{
    if (op->n_in == RT_MANY) {
        *(rt__input_list *)args = (rt__input_list){in, n_in};
        return rt__check_input_list(op, args);
    }
    if (n_in != op->n_in)
        return RT_FAIL(ARG, "%s takes %d tensors, %d were given", op->name, op->n_in, n_in);
    if (n_in > 0)
        memcpy(args, in, (size_t)n_in * sizeof *in);
    return RT_OK;
}

void *rt__args_from_json(const rt_op *op, rt_tensor *const *in, int n_in, const json_t *values)
{
    if (!op->defaults)
        return RT_FAIL_NULL(ARG, "%s cannot be called by name", op->name);
    if (values && !json_is_object(values))
        return RT_FAIL_NULL(ARG, "%s: its arguments are not a JSON object", op->name);
    const rt__schema s = schema_of(op);
    size_t room = rt__schema_make_room(&s, (void *)op->defaults, values, NULL);
    char *args =
        rt_malloc(op->args_size + room * sizeof(int64_t)); /* a struct with INTS is aligned */
    if (!args)
        return NULL;
    memcpy(args, op->defaults, op->args_size);
    rt__schema_make_room(&s, args, values, (int64_t *)(args + op->args_size));
    if (set_inputs(op, args, in, n_in) == RT_OK && rt__schema_set(&s, args, values) == RT_OK)
        return args;
    rt_mem_free(args);
    return NULL;
}

/* ---- to JSON ---- */

static json_t *out_of_memory(const rt_op *op)
{
    return RT_FAIL_NULL(NOMEM, "%s: out of memory", op->name);
}

json_t *rt__args_to_json(const rt_op *op, const void *args)
{
    if (rt__check_values(op, args) != RT_OK)
        return NULL;
    const rt__schema s = schema_of(op);
    json_t *values = rt__schema_to_json(&s, args);
    return values ? values : out_of_memory(op);
}

/* ---- the rows to JSON ---- */

static json_t *dtypes_of(const rt_field *row)
{
    json_t *list = json_array();
    bool whole = true;
    for (int t = 0; t < RT_DTYPES; t++)
        if (row->dtypes >> t & 1)
            whole &= json_array_append_new(list, json_string(rt_dtype_name((rt_dtype)t))) == 0;
    return rt__json_if_whole(list, whole);
}

static json_t *input_schema(const rt_field *row)
{
    bool promoted = rt__is_promoted(row);
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:s}", "name", row->name, "many",
                     row->kind == RT_FIELD_INPUTS, "needed", row->needed, "same_type",
                     row->dtypes & RT_SAME && !promoted, "promoted", promoted, "dtypes",
                     dtypes_of(row), "help", row->help ? row->help : "");
}

json_t *rt__op_schema(const rt_op *op)
{
    const rt__schema s = schema_of(op);
    json_t *inputs = json_array(), *values = json_array();
    bool whole = true;
    RT__EACH_MEMBER(m, &s, op->defaults)
    {
        bool input = rt__is_input(m.row);
        whole &= json_array_append_new(input ? inputs : values,
                                       input ? input_schema(m.row) : rt__member_schema(m)) == 0;
    }
    json_t *results =
        op->n_out == RT_MANY ? json_string("any") : json_integer(op->n_out ? op->n_out : 1);
    bool differentiable = rt__is_differentiable(op);
    json_t *orders = !differentiable   ? json_integer(0)
                     : op->derivatives ? json_integer(op->derivatives)
                                       : json_string("any");
    json_t *j =
        json_pack("{s:s, s:s, s:o, s:o, s:o, s:b, s:o, s:b}", "name", op->name, "help",
                  op->help ? op->help : "", "inputs", inputs, "values", values, "results", results,
                  "differentiable", differentiable, "derivatives", orders, "in_place", op->writes);
    j = rt__json_if_whole(j, whole);
    return j ? j : out_of_memory(op);
}
