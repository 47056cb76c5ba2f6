/* Uses of the rows that describe an operation's arguments: checks, and conversion of argument structs from and to JSON.
 *
 *     RT_TRY(rt__check_values(op, args));                       // "conv2d: stride is 0, expected 1 or more"
 *     void *args = rt__args_from_json(op, in, n_in, "{\"stride\": [2, 2]}");
 *     rt_apply_all(op, args, out, n_out);
 *     rt_mem_free(args); */
#ifndef RINGTORCH_WORKER_ENGINE_AUTOGRAD_SCHEMA_H
#define RINGTORCH_WORKER_ENGINE_AUTOGRAD_SCHEMA_H

#include "common/base/json.h"
#include <ringtorch/op.h>

/* The beginning of an argument struct with a row of INPUTS. */
typedef struct rt__input_list {
    rt_tensor *const *in;
    int64_t count;
} rt__input_list;

/* Returns the row of input i. */
static inline const rt_field *rt__input_row(const rt_op *op, int i)
{
    return &op->fields[op->n_in == RT_MANY ? 0 : i];
}
/* Returns whether results may have a gradient. */
static inline bool rt__is_differentiable(const rt_op *op)
{
    return op->compose ? op->derivatives != RT_CONSTANT : op->backward != NULL;
}
/* Returns whether such an input may be converted to a common type with others. */
static inline bool rt__is_promoted(const rt_field *row)
{
    return (row->dtypes & RT_PROMOTE) == RT_PROMOTE;
}

/* Fails if a list of inputs is empty, or its pointer is NULL. */
rt_status rt__check_input_list(const rt_op *op, const void *args);
/* Fails, naming the value, if one lies outside its range. */
rt_status rt__check_values(const rt_op *op, const void *args);

/* Fails unless the rows describe the argument struct: tensors come first, names differ, members fill the whole struct, and defaults are
 * allowed values. */
rt_status rt__check_rows(const rt_op *op);

/* Returns an argument struct with these inputs and the values of a JSON object; values that the object does not name get their defaults.
 * Free it with rt_mem_free. NULL if a needed value is missing, a name is unknown, or a value has the wrong kind or is not allowed. in:
 * [n_in], NULL for optional ones; the struct of a row of INPUTS borrows the list. values: NULL means an empty object. */
void *rt__args_from_json(const rt_op *op, rt_tensor *const *in, int n_in, const json_t *values);
/* Returns all values of an argument struct as an object that rt__args_from_json takes; NULL on failure. */
json_t *rt__args_to_json(const rt_op *op, const void *args);
/* Returns the rows of a registered operation as an object, NULL on failure:
 *     {"name", "help", "inputs": [{"name", "many", "needed", "same_type", "promoted", "dtypes", "help"}],
 *      "values": [{"name", "kind", "needed", "default", "choices", "least", "most", "help"}], "results", "differentiable", "derivatives", "in_place"}
 * `results` and `derivatives` (how often it can be differentiated) are numbers or "any"; `in_place` describes <name>_; a value has only the
 * members that apply to it. */
json_t *rt__op_schema(const rt_op *op);

#endif
