/* Argument structs by their rows. */
#include "worker/engine/autograd/schema.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/nearest.h"

/* ---- where members lie ---- */

static const struct kind {
    const char *name;     /* in schemas */
    const char *expected; /* in messages; of CHOICE the names follow */
    size_t size, align;
} kinds[] = {
    [RT_FIELD_INPUT] = {"tensor", "a tensor", sizeof(rt_tensor *), _Alignof(rt_tensor *)},
    [RT_FIELD_INPUTS] = {"tensors", "tensors", sizeof(rt__input_list), _Alignof(rt__input_list)},
    [RT_FIELD_INT] = {"integer", "an integer", sizeof(int64_t), _Alignof(int64_t)},
    [RT_FIELD_NUMBER] = {"number", "a number", sizeof(double), _Alignof(double)},
    [RT_FIELD_FLAG] = {"flag", "true or false", sizeof(bool), _Alignof(bool)},
    [RT_FIELD_PAIR] = {"pair", "two integers in a list", sizeof(int64_t[2]), _Alignof(int64_t)},
    [RT_FIELD_DIMS] = {"list", "a list of at most 8 integers", sizeof(rt_dims), _Alignof(rt_dims)},
    [RT_FIELD_DTYPE] = {"dtype", "an element type such as \"float32\"", sizeof(rt_dtype),
                        _Alignof(rt_dtype)},
    [RT_FIELD_CHOICE] = {"choice", "one of ", sizeof(int), _Alignof(int)},
};
enum { KINDS = sizeof kinds / sizeof *kinds };
_Static_assert(RT_MAX_DIMS == 8, "kinds[] says how many sizes a list may have");

/* Walks the members of an argument struct: the compiler laid them out one after the other, each on its alignment. */
typedef struct member {
    const rt_field *row;
    char *at;
} member;

static member next_member(const rt_op *op, void *args, member m)
{
    member next = {.row = m.row ? m.row + 1 : op->fields};
    size_t end = m.row ? (size_t)(m.at - (char *)args) + kinds[m.row->kind].size : 0;
    if (next.row == op->fields + op->n_fields)
        return (member){0};
    size_t align = kinds[next.row->kind].align;
    next.at = (char *)args + (end + align - 1) / align * align;
    return next;
}

#define EACH_MEMBER(m, op, args)                                                                   \
    for (member m = next_member(op, (void *)(args), (member){0}); m.row;                           \
         m = next_member(op, (void *)(args), m))

/* ---- checks ---- */

rt_status rt__check_input_list(const rt_op *op, const void *args)
{
    const rt__input_list *list = args;
    if (list->in && list->count >= 1 && list->count <= INT32_MAX)
        return RT_OK;
    return RT_FAIL(ARG, "%s: no tensors", op->name);
}

/* "1 or more", "0 to 1". */
static const char *range_text(const rt_field *row)
{
    static _Thread_local char text[64];
    if (isinf(row->high))
        snprintf(text, sizeof text, "%.15g or more", row->low);
    else if (isinf(row->low))
        snprintf(text, sizeof text, "%.15g or less", row->high);
    else
        snprintf(text, sizeof text, "%.15g to %.15g", row->low, row->high);
    return text;
}

/* A value that may be anything may also be NaN, which lies in no range. */
static rt_status check_number(const rt_op *op, const rt_field *row, double v)
{
    bool any = isinf(row->low) && isinf(row->high);
    if (any || (v >= row->low && v <= row->high))
        return RT_OK;
    return RT_FAIL(RANGE, "%s: %s is %.15g, expected %s", op->name, row->name, v, range_text(row));
}

static rt_status check_integers(const rt_op *op, const rt_field *row, const int64_t *v, int count)
{
    for (int i = 0; i < count; i++)
        if ((double)v[i] < row->low || (double)v[i] > row->high)
            return RT_FAIL(RANGE, "%s: %s is %lld, expected %s", op->name, row->name,
                           (long long)v[i], range_text(row));
    return RT_OK;
}

/* The number of names in "mean|sum|none". */
static int count_choices(const char *choices)
{
    int n = 1;
    for (const char *p = choices; *p; p++)
        n += *p == '|';
    return n;
}

static rt_status check_value(const rt_op *op, member m)
{
    const rt_field *row = m.row;
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
        return check_integers(op, row, (const int64_t *)m.at, 1);
    case RT_FIELD_PAIR:
        return check_integers(op, row, (const int64_t *)m.at, 2);
    case RT_FIELD_NUMBER:
        return check_number(op, row, *(const double *)m.at);
    case RT_FIELD_DIMS:
        if (((const rt_dims *)m.at)->n >= 0 && ((const rt_dims *)m.at)->n <= RT_MAX_DIMS)
            return RT_OK;
        return RT_FAIL(RANGE, "%s: %s has %d entries, expected 0 to %d", op->name, row->name,
                       ((const rt_dims *)m.at)->n, RT_MAX_DIMS);
    case RT_FIELD_DTYPE:
        if ((unsigned)*(const rt_dtype *)m.at < RT_DTYPES)
            return RT_OK;
        return RT_FAIL(DTYPE, "%s: %s is %d, which is no element type", op->name, row->name,
                       (int)*(const rt_dtype *)m.at);
    case RT_FIELD_CHOICE:
        if (*(const int *)m.at >= 0 && *(const int *)m.at < count_choices(row->choices))
            return RT_OK;
        return RT_FAIL(RANGE, "%s: %s is %d, expected one of %s", op->name, row->name,
                       *(const int *)m.at, row->choices);
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
    case RT_FIELD_FLAG:
        break;
    }
    return RT_OK;
}

/* May the value be anything that its member can hold? */
static bool is_free(const rt_field *row)
{
    return row->kind == RT_FIELD_FLAG ||
           (row->kind <= RT_FIELD_PAIR && isinf(row->low) && isinf(row->high));
}

/* Every call comes through here, so it walks by itself, past the inputs and all that may be anything. */
rt_status rt__check_values(const rt_op *op, const void *args)
{
    int n_in = op->n_in == RT_MANY ? 1 : op->n_in;
    size_t at = op->n_in == RT_MANY ? sizeof(rt__input_list) : (size_t)n_in * sizeof(rt_tensor *);
    for (const rt_field *row = op->fields + n_in; row < op->fields + op->n_fields; row++) {
        const struct kind *kind = &kinds[row->kind];
        at = (at + kind->align - 1) & ~(kind->align - 1);
        member m = {row, (char *)args + at};
        at += kind->size;
        if (row->kind == RT_FIELD_DIMS && (unsigned)((const rt_dims *)m.at)->n <= RT_MAX_DIMS)
            continue;
        if (!is_free(row))
            RT_TRY(check_value(op, m));
    }
    return RT_OK;
}

/* ---- the rows themselves ---- */

static bool is_input(const rt_field *row)
{
    return row->kind == RT_FIELD_INPUT || row->kind == RT_FIELD_INPUTS;
}

static rt_status check_row(const rt_op *op, int i)
{
    const rt_field *row = &op->fields[i];
    if (!row->name || !row->name[0] || row->kind >= KINDS)
        return RT_FAIL(ARG, "%s: argument %d has no name or no kind", op->name, i + 1);
    if (row->kind == RT_FIELD_CHOICE && !row->choices)
        return RT_FAIL(ARG, "%s: %s: a choice of nothing", op->name, row->name);
    if (is_input(row) != (i < (op->n_in == RT_MANY ? 1 : op->n_in)) ||
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
    size_t end = 0, align = 1;
    for (int i = 0; i < op->n_fields; i++)
        RT_TRY(check_row(op, i));
    EACH_MEMBER(m, op, op->defaults)
    {
        const struct kind *kind = &kinds[m.row->kind];
        end = (size_t)(m.at - (const char *)op->defaults) + kind->size;
        align = kind->align > align ? kind->align : align;
        if (!m.row->needed)
            RT_TRY(check_value(op, m));
    }
    if ((end + align - 1) / align * align == op->args_size)
        return RT_OK;
    return RT_FAIL(ARG,
                   "%s: its arguments are a struct of %zu bytes, but its rows describe %zu: give "
                   "RT_ARGS the struct that RT_STRUCT made of the same rows",
                   op->name, op->args_size, (end + align - 1) / align * align);
}

/* ---- from JSON ---- */

static rt_status wrong_kind(const rt_op *op, const rt_field *row, const json_t *v)
{
    char *text = rt_json_text(v);
    if (text)
        RT_FAIL(ARG, "%s: %s is %.80s, expected %s%s", op->name, row->name, text,
                kinds[row->kind].expected, row->choices ? row->choices : "");
    rt_mem_free(text);
    return rt_error_code();
}

/* Reads a list of integers; how many, or -1. */
static int integers_from(const json_t *v, int64_t *out, int most)
{
    int n = json_is_array(v) ? (int)json_array_size(v) : -1;
    if (n > most)
        return -1;
    for (int i = 0; i < n; i++) {
        if (!json_is_integer(json_array_get(v, (size_t)i)))
            return -1;
        out[i] = json_integer_value(json_array_get(v, (size_t)i));
    }
    return n;
}

/* A number, or "nan", "inf", "-inf", for which JSON has no numbers. */
static bool number_from(const json_t *v, double *out)
{
    static const struct {
        const char *text;
        double value;
    } odd[] = {{"nan", NAN}, {"inf", INFINITY}, {"-inf", -INFINITY}};
    *out = json_number_value(v);
    for (size_t i = 0; i < sizeof odd / sizeof *odd && json_is_string(v); i++)
        if (strcmp(json_string_value(v), odd[i].text) == 0) {
            *out = odd[i].value;
            return true;
        }
    return json_is_number(v);
}

static bool dtype_from(const json_t *v, rt_dtype *out)
{
    for (int t = 0; t < RT_DTYPES && json_is_string(v); t++)
        if (strcmp(rt_dtype_name((rt_dtype)t), json_string_value(v)) == 0) {
            *out = (rt_dtype)t;
            return true;
        }
    return false;
}

/* The place of a word among "mean|sum|none"; -1 if it is not there. */
static int choice_from(const json_t *v, const char *choices)
{
    const char *word = json_is_string(v) ? json_string_value(v) : "|";
    size_t len = strlen(word);
    int i = 0;
    for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL, i++)
        if (strcspn(p, "|") == len && strncmp(p, word, len) == 0)
            return i;
    return -1;
}

static rt_status value_from_json(const rt_op *op, member m, const json_t *v)
{
    bool good = true;
    switch ((rt_field_kind)m.row->kind) {
    case RT_FIELD_INT:
        good = json_is_integer(v);
        *(int64_t *)m.at = json_integer_value(v);
        break;
    case RT_FIELD_PAIR:
        good = integers_from(v, (int64_t *)m.at, 2) == 2;
        break;
    case RT_FIELD_NUMBER:
        good = number_from(v, (double *)m.at);
        break;
    case RT_FIELD_FLAG:
        good = json_is_boolean(v);
        *(bool *)m.at = json_is_true(v);
        break;
    case RT_FIELD_DIMS:
        ((rt_dims *)m.at)->n = integers_from(v, ((rt_dims *)m.at)->d, RT_MAX_DIMS);
        good = ((rt_dims *)m.at)->n >= 0;
        break;
    case RT_FIELD_DTYPE:
        good = dtype_from(v, (rt_dtype *)m.at);
        break;
    case RT_FIELD_CHOICE:
        *(int *)m.at = choice_from(v, m.row->choices);
        good = *(int *)m.at >= 0;
        break;
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return good ? check_value(op, m) : wrong_kind(op, m.row, v);
}

/* Fails unless the operation has a value of that name. */
static rt_status check_name(const rt_op *op, const char *name)
{
    enum { MOST = 64 };
    const char *names[MOST];
    size_t n = 0;
    for (int i = 0; i < op->n_fields; i++) {
        bool same = strcmp(op->fields[i].name, name) == 0;
        if (same && is_input(&op->fields[i]))
            return RT_FAIL(ARG, "%s: '%s' is a tensor: it cannot be given as a value", op->name,
                           name);
        if (same)
            return RT_OK;
        if (n < MOST && !is_input(&op->fields[i]))
            names[n++] = op->fields[i].name;
    }
    const char *near = rt_nearest(name, names, n);
    return RT_FAIL(ARG, "%s has no argument '%.60s'%s%s%s", op->name, name,
                   near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Puts the inputs where the struct begins. */
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

static rt_status set_values(const rt_op *op, void *args, const json_t *values)
{
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)values, name, unused) RT_TRY(check_name(op, name));
    EACH_MEMBER(m, op, args)
    {
        const json_t *v = is_input(m.row) ? NULL : json_object_get(values, m.row->name);
        if (v)
            RT_TRY(value_from_json(op, m, v));
        else if (m.row->needed && !is_input(m.row))
            return RT_FAIL(ARG, "%s needs '%s': %s", op->name, m.row->name, m.row->help);
    }
    return RT_OK;
}

void *rt__args_from_json(const rt_op *op, rt_tensor *const *in, int n_in, const json_t *values)
{
    if (!op->defaults)
        return RT_FAIL_NULL(ARG, "%s cannot be called by name", op->name);
    if (values && !json_is_object(values))
        return RT_FAIL_NULL(ARG, "%s: its arguments are no JSON object", op->name);
    void *args = rt_malloc(op->args_size);
    if (!args)
        return NULL;
    memcpy(args, op->defaults, op->args_size);
    if (set_inputs(op, args, in, n_in) == RT_OK && set_values(op, args, values) == RT_OK)
        return args;
    rt_mem_free(args);
    return NULL;
}

/* ---- to JSON ---- */

/* Returns what was made if it is whole, else NULL. */
static json_t *if_whole(json_t *made, bool whole)
{
    if (made && whole)
        return made;
    json_decref(made);
    return NULL;
}

static json_t *integers_to(const int64_t *v, int n)
{
    json_t *list = json_array();
    bool whole = true;
    for (int i = 0; i < n; i++)
        whole &= json_array_append_new(list, json_integer(v[i])) == 0;
    return if_whole(list, whole);
}

static json_t *number_to(double v)
{
    return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

static json_t *choice_to(const char *choices, int i)
{
    for (; i > 0; i--)
        choices = strchr(choices, '|') + 1;
    return json_stringn(choices, strcspn(choices, "|"));
}

static json_t *value_to(member m)
{
    switch ((rt_field_kind)m.row->kind) {
    case RT_FIELD_INT:
        return json_integer(*(const int64_t *)m.at);
    case RT_FIELD_PAIR:
        return integers_to((const int64_t *)m.at, 2);
    case RT_FIELD_NUMBER:
        return number_to(*(const double *)m.at);
    case RT_FIELD_FLAG:
        return json_boolean(*(const bool *)m.at);
    case RT_FIELD_DIMS:
        return integers_to(((const rt_dims *)m.at)->d, ((const rt_dims *)m.at)->n);
    case RT_FIELD_DTYPE:
        return json_string(rt_dtype_name(*(const rt_dtype *)m.at));
    case RT_FIELD_CHOICE:
        return choice_to(m.row->choices, *(const int *)m.at);
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return json_null();
}

static json_t *out_of_memory(const rt_op *op)
{
    return RT_FAIL_NULL(NOMEM, "%s: out of memory", op->name);
}

json_t *rt__args_to_json(const rt_op *op, const void *args)
{
    if (rt__check_values(op, args) != RT_OK)
        return NULL;
    json_t *values = json_object();
    bool whole = true;
    EACH_MEMBER(m, op, args)
    {
        if (!is_input(m.row))
            whole &= json_object_set_new(values, m.row->name, value_to(m)) == 0;
    }
    values = if_whole(values, whole);
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
    return if_whole(list, whole);
}

static json_t *choices_of(const rt_field *row)
{
    json_t *list = json_array();
    bool whole = true;
    for (int i = 0; i < count_choices(row->choices); i++)
        whole &= json_array_append_new(list, choice_to(row->choices, i)) == 0;
    return if_whole(list, whole);
}

static json_t *input_schema(const rt_field *row)
{
    bool promoted = rt__is_promoted(row);
    return json_pack("{s:s, s:b, s:b, s:b, s:b, s:o, s:s}", "name", row->name, "many",
                     row->kind == RT_FIELD_INPUTS, "needed", row->needed, "same_type",
                     row->dtypes & RT_SAME && !promoted, "promoted", promoted, "dtypes",
                     dtypes_of(row), "help", row->help ? row->help : "");
}

/* An end of a range, as a whole number where values are. */
static json_t *limit_to(const rt_field *row, double v)
{
    bool whole = row->kind != RT_FIELD_NUMBER && fabs(v) < 0x1p63;
    return whole ? json_integer((json_int_t)v) : json_real(v);
}

static json_t *value_schema(member m)
{
    const rt_field *row = m.row;
    bool ranged =
        row->kind == RT_FIELD_INT || row->kind == RT_FIELD_NUMBER || row->kind == RT_FIELD_PAIR;
    json_t *j = json_pack("{s:s, s:s, s:b, s:s}", "name", row->name, "kind", kinds[row->kind].name,
                          "needed", row->needed, "help", row->help ? row->help : "");
    bool whole = j != NULL;
    if (!row->needed)
        whole &= json_object_set_new(j, "default", value_to(m)) == 0;
    if (row->choices)
        whole &= json_object_set_new(j, "choices", choices_of(row)) == 0;
    if (ranged && isfinite(row->low))
        whole &= json_object_set_new(j, "least", limit_to(row, row->low)) == 0;
    if (ranged && isfinite(row->high))
        whole &= json_object_set_new(j, "most", limit_to(row, row->high)) == 0;
    return if_whole(j, whole);
}

json_t *rt__op_schema(const rt_op *op)
{
    json_t *inputs = json_array(), *values = json_array();
    bool whole = true;
    EACH_MEMBER(m, op, op->defaults)
    {
        bool input = is_input(m.row);
        whole &= json_array_append_new(input ? inputs : values,
                                       input ? input_schema(m.row) : value_schema(m)) == 0;
    }
    json_t *results =
        op->n_out == RT_MANY ? json_string("any") : json_integer(op->n_out ? op->n_out : 1);
    json_t *j = json_pack("{s:s, s:s, s:o, s:o, s:o, s:b}", "name", op->name, "help",
                          op->help ? op->help : "", "inputs", inputs, "values", values, "results",
                          results, "differentiable", op->compose || op->backward);
    j = if_whole(j, whole);
    return j ? j : out_of_memory(op);
}
