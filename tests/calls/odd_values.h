/* JSON that is not what an operation expects. */
#ifndef RINGTORCH_TESTS_CALLS_ODD_VALUES_H
#define RINGTORCH_TESTS_CALLS_ODD_VALUES_H

#include "tests/unit/engine/any_call.h"

static inline json_t *nested(int depth)
{
    json_t *j = below(2) ? json_integer(below(3)) : json_null();
    for (int i = 0; i < depth; i++)
        j = below(8) ? json_pack("[o]", j) : json_pack("{s:o}", "shape", j);
    return j;
}

static inline json_t *long_text(void)
{
    char text[5000];
    int64_t n = below(below(2) ? 20 : (int64_t)sizeof text);
    for (int64_t i = 0; i < n; i++)
        text[i] = (char)(' ' + below(95));
    return json_stringn(text, (size_t)n);
}

static inline json_t *mixed_list(void)
{
    static const char *const words[] = {"", "1", "nan", "float32", "none", "\xc3\xa9", "%s%n"};
    json_t *list = json_array();
    for (int64_t n = below(below(8) ? 6 : 300); n > 0; n--)
        json_array_append_new(list, below(3)   ? any_integer()
                                    : below(2) ? json_string(words[below(COUNT(words))])
                                               : any_number());
    return list;
}

static inline json_t *odd_value(void)
{
    switch (below(10)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(below(2));
    case 2:
        return any_integer();
    case 3:
        return any_number();
    case 4:
        return long_text();
    case 5:
        return nested(1 + (int)below(60));
    case 6:
        return json_object();
    case 7:
        return any_list(below(12));
    default:
        return mixed_list();
    }
}

/* Adds a key that there is not, or gives one that there is another value, or leaves one out. Returns the values. */
static inline json_t *spoiled(const rt_op *op, json_t *values)
{
    static const char *const unknown[] = {"", "axes_", "x", "Axis", "dim", "out", "\xff", "a.b"};
    const rt_field *row = op->n_fields ? &op->fields[below(op->n_fields)] : NULL;
    switch (below(6)) {
    case 0:
        json_object_set_new(values, unknown[below(COUNT(unknown))], odd_value());
        return values;
    case 1:
        if (row)
            json_object_del(values, row->name);
        return values;
    case 2:
        json_decref(values);
        return below(4) ? odd_value() : NULL;
    default:
        if (row)
            json_object_set_new(values, row->name, odd_value());
        return values;
    }
}

#endif
