/* Calls by name of any operation, with whatever tensors and values. */
#ifndef RINGTORCH_TESTS_ENGINE_ANY_CALL_H
#define RINGTORCH_TESTS_ENGINE_ANY_CALL_H

#include "check.h"

#include <stdio.h>
#include <ringtorch/op.h>
#include "common/json.h"
#include "tests/unit/common/random.h"
#include "worker/engine/ops/call_by_name.h"
#include "worker/engine/tensor/tensor.h"

enum { MOST_INPUTS = 8 };

static uint64_t rng;

static inline int64_t below(int64_t n)
{
    return random_below(&rng, n);
}

/* ---- tensors ---- */

static inline rt_dims any_shape(void)
{
    static const int64_t sizes[] = {0, 1, 1, 2, 2, 3, 3, 3};
    rt_dims d = {.n = (int)below(5)};
    for (int i = 0; i < d.n; i++)
        d.d[i] = sizes[below(COUNT(sizes))];
    return d;
}

/* Mostly of a type that the row allows. */
static inline rt_dtype any_dtype(const rt_field *row)
{
    rt_dtype t = (rt_dtype)below(RT_DTYPES);
    while (below(20) != 0 && !(row->dtypes >> t & 1))
        t = (rt_dtype)below(RT_DTYPES);
    return t;
}

/* Whole numbers, among which indices that fit, or of floats any. */
static inline rt_tensor *any_tensor(rt_dims shape, rt_dtype dtype)
{
    bool whole = !rt__dtype_is_float(dtype) || below(2);
    rt_tensor *x = whole
                       ? rt_randint(shape, dtype == RT_I64 || rt__dtype_is_float(dtype) ? -1 : 0, 4)
                       : rt_uniform(shape, -2, 2);
    x = rt_to(x, dtype);
    assert_fine();
    return x;
}

/* Makes the tensors of a call, often of one shape and type; returns how many. */
static inline int any_inputs(const rt_op *op, rt__named *given, char names[MOST_INPUTS][80])
{
    int n = 0, rows = op->n_in == RT_MANY ? 1 + (int)below(3) : op->n_in;
    rt_dims shape = any_shape();
    rt_dtype dtype = rows ? any_dtype(op->fields) : RT_F32;
    for (int i = 0; i < rows; i++) {
        const rt_field *row = &op->fields[op->n_in == RT_MANY ? 0 : i];
        if (below(row->needed ? 50 : 3) == 0)
            continue;
        snprintf(names[n], sizeof names[n], op->n_in == RT_MANY ? "%s.%d" : "%s", row->name, i);
        if (below(3) == 0)
            shape = any_shape();
        if ((row->dtypes & RT_PROMOTE) != RT_SAME)
            dtype = any_dtype(row);
        given[n] = (rt__named){names[n], any_tensor(shape, dtype)};
        n++;
    }
    return n;
}

/* ---- values ---- */

static const int64_t integers[] = {
    0,         1,         2,        3, 7, -1, -3, 0, 1, 1ll << 32, (1ll << 32) + 1, -(1ll << 32),
    1ll << 62, INT64_MAX, INT64_MIN};
static const double numbers[] = {0, 1, 0.5, 2.5, -1, 1e300, -1e300, 1e-300, -0.0};

static inline json_t *any_integer(void)
{
    return json_integer(integers[below(below(3) ? 9 : COUNT(integers))]);
}

static inline json_t *any_list(int64_t n)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < n; i++)
        json_array_append_new(list, any_integer());
    return list;
}

/* A shape, say: small, or of more bytes than can be counted, but never of gigabytes, which a machine might grant. */
static inline json_t *any_sizes(void)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 1, 2, 3, 7, -1, 1ll << 62, INT64_MAX, INT64_MIN};
    json_t *list = json_array();
    for (int64_t n = below(5); n > 0; n--)
        json_array_append_new(list, json_integer(sizes[below(COUNT(sizes))]));
    return list;
}

static inline json_t *any_number(void)
{
    static const char *const odd[] = {"nan", "inf", "-inf"};
    return below(6) ? json_real(numbers[below(COUNT(numbers))]) : json_string(odd[below(3)]);
}

static inline json_t *any_choice(const char *choices)
{
    for (int64_t skip = below(3); skip > 0 && strchr(choices, '|'); skip--)
        choices = strchr(choices, '|') + 1;
    return json_stringn(choices, strcspn(choices, "|"));
}

static inline json_t *any_value(const rt_field *row)
{
    switch ((rt_field_kind)row->kind) {
    case RT_FIELD_INT:
    case RT_FIELD_AUTO:
        return any_integer();
    case RT_FIELD_NUMBER:
        return any_number();
    case RT_FIELD_FLAG:
        return json_boolean(below(2));
    case RT_FIELD_PAIR:
        return any_list(2);
    case RT_FIELD_DIMS:
        return any_sizes();
    case RT_FIELD_DTYPE:
        return json_string(rt_dtype_name((rt_dtype)below(RT_DTYPES)));
    case RT_FIELD_CHOICE:
        return any_choice(row->choices);
    case RT_FIELD_TEXT:
    case RT_FIELD_LAYERS:
    case RT_FIELD_INPUT:
    case RT_FIELD_INPUTS:
        break;
    }
    return NULL;
}

static inline bool is_input(const rt_field *row)
{
    return row->kind == RT_FIELD_INPUT || row->kind == RT_FIELD_INPUTS;
}

static inline json_t *any_values(const rt_op *op)
{
    json_t *values = json_object();
    for (int i = 0; i < op->n_fields; i++)
        if (!is_input(&op->fields[i]) && (op->fields[i].needed ? below(50) : below(2)))
            json_object_set_new(values, op->fields[i].name, any_value(&op->fields[i]));
    return values;
}

#endif
