/* Structs described by rows: checks, and conversion from and to JSON. */
#include "common/base/schema.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/metrics.h"
#include "common/base/nearest.h"
#include "common/base/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- layout of members ---- */

/* The layout of an operation's row of INPUTS; nothing here reads it. */
typedef struct input_list {
    const void *in;
    int64_t count;
} input_list;

/* The layout of a row of INTS. */
typedef struct integer_list {
    int64_t *v;
    int64_t count;
} integer_list;

const rt__field_kind rt__field_kinds[RT_FIELD_KINDS] = {
    [RT_FIELD_INPUT] = {"tensor", "a tensor", sizeof(void *), _Alignof(void *)},
    [RT_FIELD_INPUTS] = {"tensors", "tensors", sizeof(input_list), _Alignof(input_list)},
    [RT_FIELD_INT] = {"integer", "an integer", sizeof(int64_t), _Alignof(int64_t)},
    [RT_FIELD_NUMBER] = {"number", "a number", sizeof(double), _Alignof(double)},
    [RT_FIELD_FLAG] = {"flag", "true or false", sizeof(bool), _Alignof(bool)},
    [RT_FIELD_PAIR] = {"pair", "two integers in a list", sizeof(int64_t[2]), _Alignof(int64_t)},
    [RT_FIELD_DIMS] = {"list", "a list of at most 8 integers", sizeof(rt_dims), _Alignof(rt_dims)},
    [RT_FIELD_DTYPE] = {"dtype", "an element type such as \"float32\"", sizeof(rt_dtype),
                        _Alignof(rt_dtype)},
    [RT_FIELD_CHOICE] = {"choice", "one of ", sizeof(int), _Alignof(int)},
    [RT_FIELD_AUTO] = {"auto", "\"auto\" or an integer", sizeof(int64_t), _Alignof(int64_t)},
    [RT_FIELD_TEXT] = {"text", "a text", sizeof(char *), _Alignof(char *)},
    [RT_FIELD_LAYERS] = {"layers", "a list of layers", sizeof(void *), _Alignof(void *)},
    [RT_FIELD_VALUE] = {"value", "", sizeof(void *), _Alignof(void *)}, /* see its shape */
    [RT_FIELD_METRICS] = {"metrics", "a number, or null", sizeof(rt_metrics), _Alignof(rt_metrics)},
    [RT_FIELD_INTS] = {"integers", "a list of integers", sizeof(integer_list),
                       _Alignof(integer_list)},
    [RT_FIELD_TRIPLE] = {"triple", "three integers in a list", sizeof(int64_t[3]),
                         _Alignof(int64_t)},
};
const rt__field_shape rt__field_shapes[RT_FIELD_SHAPES] = {
    [RT_SHAPE_ANY] = {"a value"},
    [RT_SHAPE_OBJECT] = {"an object", "object"},
    [RT_SHAPE_LIST] = {"a list", "array"},
    [RT_SHAPE_INTEGERS] = {"a list of integers", "array", "integer"},
    [RT_SHAPE_NUMBERS] = {"a list of numbers", "array", "number"},
    [RT_SHAPE_TEXTS] = {"a list of texts", "array", "string"},
    [RT_SHAPE_OBJECTS] = {"a list of objects", "array", "object"},
};
_Static_assert(RT_MAX_DIMS == 8, "kinds[] says how many sizes a list may have");

bool rt__is_input(const rt_field *row)
{
    return row->kind == RT_FIELD_INPUT || row->kind == RT_FIELD_INPUTS;
}

static bool has_name(const rt_field *row)
{
    return !rt__is_input(row) && !row->inferred;
}

/* The compiler lays the members out one after the other, each at its alignment. */
rt__struct_member rt__member_after(const rt__schema *s, void *values, rt__struct_member m)
{
    int row = m.row ? (int)(m.row - s->fields) + 1 : 0;
    if (row == s->n_fields)
        return (rt__struct_member){0};
    rt__struct_member next = {.row = s->fields + row};
    size_t end = m.row ? (size_t)(m.at - (char *)values) + rt__field_kinds[m.row->kind].size : 0;
    size_t align = rt__field_kinds[next.row->kind].align;
    next.at = (char *)values + (end + align - 1) / align * align;
    return next;
}

rt__struct_member rt__member_find(const rt__schema *s, void *values, const char *name)
{
    RT__EACH_MEMBER(m, s, values)
    {
        if (strcmp(m.row->name, name) == 0)
            return m;
    }
    return (rt__struct_member){0};
}

/* ---- optional values ---- */

static bool is_pointer(const rt_field *row)
{
    return row->kind == RT_FIELD_TEXT || row->kind == RT_FIELD_VALUE;
}

/* Returns how many integers a member consists of. */
static int numbers_in(const rt_field *row)
{
    return row->kind == RT_FIELD_PAIR ? 2 : row->kind == RT_FIELD_TRIPLE ? 3 : 1;
}

/* Returns how many of the integers were not given. */
static int numbers_missing(const rt_field *row, const int64_t *v)
{
    int missing = 0;
    for (int i = 0; i < numbers_in(row); i++)
        missing += v[i] == RT_NOT_GIVEN;
    return missing;
}

static bool is_left_out(rt__struct_member m)
{
    if (!m.row->maybe)
        return false;
    if (is_pointer(m.row))
        return !*(void *const *)m.at;
    if (m.row->kind == RT_FIELD_NUMBER)
        return *(const double *)m.at == (double)RT_NOT_GIVEN;
    if (m.row->kind == RT_FIELD_DTYPE)
        return *(const rt_dtype *)m.at == RT_NO_DTYPE;
    return numbers_missing(m.row, (const int64_t *)m.at) == numbers_in(m.row);
}

static void leave_out(rt__struct_member m)
{
    int64_t *v = (int64_t *)m.at;
    if (is_pointer(m.row)) {
        *(const void **)m.at = NULL;
        return;
    }
    if (m.row->kind == RT_FIELD_NUMBER) {
        *(double *)m.at = (double)RT_NOT_GIVEN;
        return;
    }
    if (m.row->kind == RT_FIELD_DTYPE) {
        *(rt_dtype *)m.at = RT_NO_DTYPE;
        return;
    }
    for (int i = 0; i < numbers_in(m.row); i++)
        v[i] = RT_NOT_GIVEN;
}

/* ---- checks ---- */

/* "1 or more", "0 to 1", "0 or more, or \"same\"". */
static const char *range_text(const rt_field *row)
{
    static _Thread_local char text[128];
    int len;
    if (isinf(row->high))
        len = snprintf(text, sizeof text, "%.15g or more", row->low);
    else if (isinf(row->low))
        len = snprintf(text, sizeof text, "%.15g or less", row->high);
    else
        len = snprintf(text, sizeof text, "%.15g to %.15g", row->low, row->high);
    if (row->word)
        snprintf(text + len, sizeof text - (size_t)len, ", or \"%s\"", row->word);
    return text;
}

/* An unrestricted value may also be NaN, which lies in no range. */
static rt_status check_number(const rt__schema *s, const rt_field *row, double v)
{
    bool any = (isinf(row->low) && isinf(row->high)) || (row->or_nan && !isfinite(v));
    if (any || (v >= row->low && v <= row->high))
        return RT_OK;
    return RT_FAIL(RANGE, "%s: %s is %.15g, expected %s", s->owner, row->name, v, range_text(row));
}

static rt_status check_integers(const rt__schema *s, const rt_field *row, const int64_t *v,
                                int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (((double)v[i] < row->low || (double)v[i] > row->high) &&
            !(row->word && v[i] == row->word_value))
            return RT_FAIL(RANGE, "%s: %s is %lld, expected %s", s->owner, row->name,
                           (long long)v[i], range_text(row));
    return RT_OK;
}

static rt_status check_list(const rt__schema *s, const rt_field *row, const integer_list *list)
{
    if (list->count < 0 || (list->count > 0 && !list->v))
        return RT_FAIL(ARG, "%s: %s has %lld integers%s, expected 0 or more", s->owner, row->name,
                       (long long)list->count, list->count > 0 ? " at NULL" : "");
    return check_integers(s, row, list->v, list->count);
}

/* An optional pair or triple must be given completely or not at all. */
static rt_status check_numbers(const rt__schema *s, const rt_field *row, const int64_t *v)
{
    int count = numbers_in(row), given = count - numbers_missing(row, v);
    if (row->maybe && given > 0 && given < count)
        return RT_FAIL(RANGE, "%s: %s has only %d of its %d numbers, expected all or none",
                       s->owner, row->name, given, count);
    return check_integers(s, row, v, count);
}

/* The number of names in "mean|sum|none". */
int rt__choice_count(const char *choices)
{
    int n = 1;
    for (const char *p = choices; *p; p++)
        n += *p == '|';
    return n;
}

/* Checks a value that was given. */
static rt_status check_given(const rt__schema *s, rt__struct_member m)
{
    const rt_field *row = m.row;
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        return check_integers(s, row, (const int64_t *)m.at, 1);
    case RT_FIELD_PAIR:
    case RT_FIELD_TRIPLE:
        return check_numbers(s, row, (const int64_t *)m.at);
    case RT_FIELD_INTS:
        return check_list(s, row, (const integer_list *)m.at);
    case RT_FIELD_NUMBER:
        return check_number(s, row, *(const double *)m.at);
    case RT_FIELD_DIMS:
        if (((const rt_dims *)m.at)->n >= 0 && ((const rt_dims *)m.at)->n <= RT_MAX_DIMS)
            return RT_OK;
        return RT_FAIL(RANGE, "%s: %s has %d entries, expected 0 to %d", s->owner, row->name,
                       ((const rt_dims *)m.at)->n, RT_MAX_DIMS);
    case RT_FIELD_DTYPE:
        if ((unsigned)*(const rt_dtype *)m.at < RT_DTYPES)
            return RT_OK;
        return RT_FAIL(DTYPE, "%s: %s is %d, which is not an element type", s->owner, row->name,
                       (int)*(const rt_dtype *)m.at);
    case RT_FIELD_CHOICE:
        if (*(const int *)m.at >= 0 && *(const int *)m.at < rt__choice_count(row->choices))
            return RT_OK;
        return RT_FAIL(RANGE, "%s: %s is %d, expected one of %s", s->owner, row->name,
                       *(const int *)m.at, row->choices);
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
    case RT_FIELD_FLAG:
    case RT_FIELD_TEXT:
    case RT_FIELD_LAYERS:
    case RT_FIELD_VALUE:
    case RT_FIELD_METRICS:
    case RT_FIELD_KINDS:
        break;
    }
    return RT_OK;
}

rt_status rt__schema_check_value(const rt__schema *s, rt__struct_member m)
{
    return is_left_out(m) ? RT_OK : check_given(s, m);
}

rt_status rt__schema_check(const rt__schema *s, const void *values)
{
    RT__EACH_MEMBER(m, s, values)
    {
        RT_TRY(rt__schema_check_value(s, m));
    }
    return RT_OK;
}

/* ---- from JSON ---- */

static rt_status wrong_kind(const rt__schema *s, const rt_field *row, const json_t *v)
{
    char *text = rt_json_text(v);
    const char *expected = row->kind == RT_FIELD_VALUE ? rt__field_shapes[row->shape].expected
                                                       : rt__field_kinds[row->kind].expected;
    bool or_null = (row->maybe && row->kind != RT_FIELD_AUTO) || row->or_nan;
    if (text)
        RT_FAIL(ARG, "%s: %s is %.80s, expected %s%s%s%s%s%s", s->owner, row->name, text, expected,
                row->choices ? row->choices : "", row->word ? " or \"" : "",
                row->word ? row->word : "", row->word ? "\"" : "", or_null ? ", or null" : "");
    rt_mem_free(text);
    return rt_error_code();
}

/* Reads a list of integers; returns how many, or -1 if it is not such a list. */
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

/* Reads a list of integers into the room that the list has. */
static bool list_from(const json_t *v, integer_list *list)
{
    list->count = json_is_array(v) ? (int64_t)json_array_size(v) : -1;
    return list->count <= INT32_MAX && integers_from(v, list->v, (int)list->count) >= 0;
}

size_t rt__schema_make_room(const rt__schema *s, void *values, const json_t *given, int64_t *room)
{
    size_t count = 0;
    RT__EACH_MEMBER(m, s, values)
    {
        if (m.row->kind != RT_FIELD_INTS)
            continue;
        if (room && json_object_get(given, m.row->name))
            ((integer_list *)m.at)->v = room + count;
        count += json_array_size(json_object_get(given, m.row->name));
    }
    return count;
}

/* Reads a number, or "nan", "inf" or "-inf", which JSON cannot write as numbers. */
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

/* Reads a number, or null for one that is not finite. */
static bool measured_from(const json_t *v, double *out)
{
    *out = json_is_null(v) ? NAN : json_number_value(v);
    return json_is_null(v) || json_is_number(v);
}

/* Refuses an integer that a float64 cannot represent: an operation on int64 would silently compute with another one. */
static rt_status check_exact(const rt__schema *s, const rt_field *row, const json_t *v)
{
    json_int_t given = json_integer_value(v); /* 0 if it is not an integer */
    double nearest = (double)given;
    if (nearest < 0x1p63 && (json_int_t)nearest == given)
        return RT_OK;
    return RT_FAIL(RANGE, "%s: %s is %lld, which no double holds: the nearest is %.0f", s->owner,
                   row->name, (long long)given, nearest);
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

/* Returns the index of a word among "mean|sum|none", or -1 if it is not there. */
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

static bool integer_from(const json_t *v, const rt_field *row, int64_t *out)
{
    bool word = row->word && json_is_string(v) && strcmp(json_string_value(v), row->word) == 0;
    *out = word ? row->word_value : json_integer_value(v);
    return word || json_is_integer(v);
}

static bool has_shape(const json_t *v, rt_field_shape shape)
{
    const char *type = rt__field_shapes[shape].type, *items = rt__field_shapes[shape].items;
    size_t i;
    json_t *item;
    if (type && !(strcmp(type, "object") == 0 ? json_is_object(v) : json_is_array(v)))
        return false;
    if (!items)
        return true;
    json_array_foreach(v, i, item)
    {
        bool good = shape == RT_SHAPE_INTEGERS  ? json_is_integer(item)
                    : shape == RT_SHAPE_NUMBERS ? json_is_number(item) || json_is_null(item)
                    : shape == RT_SHAPE_TEXTS   ? json_is_string(item)
                                                : json_is_object(item);
        if (!good)
            return false;
    }
    return true;
}

/* Sets the metrics that the object has. */
static rt_status metrics_from_json(const rt__schema *s, rt__struct_member m, const json_t *given)
{
    const char *prefix = m.row->prefix ? m.row->prefix : "";
    rt_metrics *metrics = (rt_metrics *)m.at;
    *metrics = rt_metrics_from(given, prefix);
    for (int64_t i = 0; i < metrics->count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s%s", prefix, metrics->metric[i].name);
        const json_t *v = json_object_get(given, name);
        if (!json_is_number(v) && !json_is_null(v))
            return wrong_kind(s, &(rt_field){.name = name, .kind = RT_FIELD_METRICS}, v);
    }
    if (metrics->count == 0 && m.row->needed)
        return RT_FAIL(ARG, "%s needs '%sloss', or another metric: %s", s->owner, prefix,
                       m.row->help);
    return RT_OK;
}

/* Returns whether the JSON means that no value is given: null, or "auto". */
static bool leaves_out(const rt_field *row, const json_t *v)
{
    if (row->kind == RT_FIELD_AUTO)
        return json_is_string(v) && strcmp(json_string_value(v), "auto") == 0;
    return row->maybe && json_is_null(v);
}

static rt_status value_from_json(const rt__schema *s, rt__struct_member m, const json_t *v)
{
    bool good = true;
    if (leaves_out(m.row, v)) {
        leave_out(m);
        return RT_OK;
    }
    switch ((rt_field_kind)m.row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        good = integer_from(v, m.row, (int64_t *)m.at);
        break;
    case RT_FIELD_PAIR:
    case RT_FIELD_TRIPLE:
        good = integers_from(v, (int64_t *)m.at, numbers_in(m.row)) == numbers_in(m.row);
        break;
    case RT_FIELD_NUMBER:
        RT_TRY(check_exact(s, m.row, v));
        good = m.row->or_nan ? measured_from(v, (double *)m.at) : number_from(v, (double *)m.at);
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
    case RT_FIELD_TEXT:
        good = json_is_string(v);
        *(const char **)m.at = json_string_value(v);
        break;
    case RT_FIELD_LAYERS:
        *(const json_t **)m.at = v;
        break;
    case RT_FIELD_VALUE:
        *(const json_t **)m.at = v;
        good = has_shape(v, m.row->shape);
        break;
    case RT_FIELD_INTS:
        if (!((integer_list *)m.at)->v) /* see rt__schema_make_room */
            return RT_FAIL(ARG, "%s: %s cannot be given as JSON", s->owner, m.row->name);
        good = list_from(v, (integer_list *)m.at);
        break;
    case RT_FIELD_METRICS: /* is never a member by its own name */
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
    case RT_FIELD_KINDS:
        return RT_FAIL(ARG, "%s: %s cannot be given as JSON", s->owner, m.row->name);
    }
    return good ? check_given(s, m) : wrong_kind(s, m.row, v);
}

/* Fails with "did you mean 'kernel'?", or lists all names. */
static rt_status refuse_name(const rt__schema *s, const char *name, const char *const *names,
                             size_t n)
{
    const char *near = rt_nearest(name, names, n);
    rt_text all = {0};
    for (size_t i = 0; i < n && !near; i++)
        rt_text_add(&all, "%s%s", i ? ", " : " (it has: ", names[i]);
    rt_text_add(&all, "%s", n && !near ? ")" : "");
    char *list = rt_text_take(&all);
    if (list)
        RT_FAIL(ARG, "%s has no %s '%.60s'%s%s%s%s", s->owner, s->thing, name,
                near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", list);
    rt_mem_free(list);
    return rt_error_code();
}

static bool is_one_of_metrics(const rt_field *row, const char *name)
{
    size_t prefix = row->prefix ? strlen(row->prefix) : 0;
    return row->kind == RT_FIELD_METRICS && strncmp(name, prefix ? row->prefix : "", prefix) == 0 &&
           rt_metric_find(name + prefix);
}

/* Fails unless there is a value of that name. */
static rt_status check_name(const rt__schema *s, const char *name)
{
    enum { MOST = 64 };
    const char *names[MOST] = {0};
    size_t n = 0;
    for (int i = 0; i < s->n_fields; i++) {
        bool same = strcmp(s->fields[i].name, name) == 0;
        if (same && rt__is_input(&s->fields[i]))
            return RT_FAIL(ARG, "%s: '%s' is a tensor: it cannot be given as a value", s->owner,
                           name);
        bool named = has_name(&s->fields[i]) && s->fields[i].kind != RT_FIELD_METRICS;
        if ((same && named) || is_one_of_metrics(&s->fields[i], name))
            return RT_OK;
        if (n < MOST && named)
            names[n++] = s->fields[i].name;
    }
    return refuse_name(s, name, names, n);
}

rt_status rt__schema_set(const rt__schema *s, void *values, const json_t *given)
{
    const char *name;
    json_t *unused;
    json_object_foreach((json_t *)given, name, unused) RT_TRY(check_name(s, name));
    RT__EACH_MEMBER(m, s, values)
    {
        const json_t *v = has_name(m.row) ? json_object_get(given, m.row->name) : NULL;
        if (m.row->kind == RT_FIELD_METRICS)
            RT_TRY(metrics_from_json(s, m, given));
        else if (v)
            RT_TRY(value_from_json(s, m, v));
        else if (m.row->needed && has_name(m.row))
            return RT_FAIL(ARG, "%s needs '%s': %s", s->owner, m.row->name, m.row->help);
    }
    return RT_OK;
}

/* ---- to JSON ---- */

/* Returns `made` if it is whole, else NULL. */
json_t *rt__json_if_whole(json_t *made, bool whole)
{
    if (made && whole)
        return made;
    json_decref(made);
    return NULL;
}

static json_t *integers_to(const int64_t *v, int64_t n)
{
    json_t *list = json_array();
    bool whole = true;
    for (int64_t i = 0; i < n; i++)
        whole &= json_array_append_new(list, json_integer(v[i])) == 0;
    return rt__json_if_whole(list, whole);
}

static json_t *number_to(const rt_field *row, double v)
{
    if (row->or_nan)
        return rt_json_number(v);
    return isfinite(v) ? json_real(v) : json_string(isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
}

const char *rt__choice_at(const char *choices, int i, size_t *len)
{
    for (; i > 0; i--)
        choices = strchr(choices, '|') + 1;
    *len = strcspn(choices, "|");
    return choices;
}

static json_t *choice_to(const char *choices, int i)
{
    size_t len;
    const char *name = rt__choice_at(choices, i, &len);
    return json_stringn(name, len);
}

static json_t *value_to(rt__struct_member m)
{
    if (is_left_out(m))
        return m.row->kind == RT_FIELD_AUTO ? json_string("auto") : json_null();
    switch ((rt_field_kind)m.row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        return m.row->word && *(const int64_t *)m.at == m.row->word_value
                   ? json_string(m.row->word)
                   : json_integer(*(const int64_t *)m.at);
    case RT_FIELD_PAIR:
    case RT_FIELD_TRIPLE:
        return integers_to((const int64_t *)m.at, numbers_in(m.row));
    case RT_FIELD_INTS:
        return integers_to(((const integer_list *)m.at)->v, ((const integer_list *)m.at)->count);
    case RT_FIELD_NUMBER:
        return number_to(m.row, *(const double *)m.at);
    case RT_FIELD_FLAG:
        return json_boolean(*(const bool *)m.at);
    case RT_FIELD_DIMS:
        return integers_to(((const rt_dims *)m.at)->d, ((const rt_dims *)m.at)->n);
    case RT_FIELD_DTYPE:
        return json_string(rt_dtype_name(*(const rt_dtype *)m.at));
    case RT_FIELD_CHOICE:
        return choice_to(m.row->choices, *(const int *)m.at);
    case RT_FIELD_TEXT:
        return rt_json_repaired(*(const char *const *)m.at);
    case RT_FIELD_LAYERS:
    case RT_FIELD_VALUE:
        return *(void *const *)m.at ? json_incref(*(json_t *const *)m.at) : json_null();
    case RT_FIELD_METRICS: /* written as members of their own */
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
    case RT_FIELD_KINDS:
        break;
    }
    return json_null();
}

bool rt__schema_put(const rt__schema *s, const void *values, json_t *object)
{
    bool whole = object != NULL;
    RT__EACH_MEMBER(m, s, values)
    {
        if (m.row->kind == RT_FIELD_METRICS)
            whole &= rt_metrics_put((const rt_metrics *)m.at, m.row->prefix ? m.row->prefix : "",
                                    object);
        else if (has_name(m.row))
            whole &= json_object_set_new(object, m.row->name, value_to(m)) == 0;
    }
    return whole;
}

json_t *rt__schema_to_json(const rt__schema *s, const void *values)
{
    json_t *all = json_object();
    return rt__json_if_whole(all, rt__schema_put(s, values, all));
}

/* ---- the rows to JSON ---- */

static json_t *choices_of(const rt_field *row)
{
    json_t *list = json_array();
    bool whole = true;
    for (int i = 0; i < rt__choice_count(row->choices); i++)
        whole &= json_array_append_new(list, choice_to(row->choices, i)) == 0;
    return rt__json_if_whole(list, whole);
}

/* Returns the end of a range, as an integer if the values are integers. */
static json_t *limit_to(const rt_field *row, double v)
{
    bool whole = row->kind != RT_FIELD_NUMBER && fabs(v) < 0x1p63;
    return whole ? json_integer((json_int_t)v) : json_real(v);
}

json_t *rt__member_schema(rt__struct_member m)
{
    const rt_field *row = m.row;
    bool ranged = row->kind == RT_FIELD_INT || row->kind == RT_FIELD_NUMBER ||
                  row->kind == RT_FIELD_PAIR || row->kind == RT_FIELD_TRIPLE ||
                  row->kind == RT_FIELD_AUTO || row->kind == RT_FIELD_INTS;
    json_t *j = json_pack("{s:s, s:s, s:b, s:s}", "name", row->name, "kind",
                          rt__field_kinds[row->kind].name, "needed", row->needed, "help",
                          row->help ? row->help : "");
    bool whole = j != NULL;
    if (!row->needed)
        whole &= json_object_set_new(j, "default", value_to(m)) == 0;
    if (row->choices)
        whole &= json_object_set_new(j, "choices", choices_of(row)) == 0;
    if (ranged && isfinite(row->low))
        whole &= json_object_set_new(j, "least", limit_to(row, row->low)) == 0;
    if (ranged && isfinite(row->high))
        whole &= json_object_set_new(j, "most", limit_to(row, row->high)) == 0;
    return rt__json_if_whole(j, whole);
}
