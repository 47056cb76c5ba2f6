/* What the rows of an operation's arguments say, used: checks, and argument structs from and to JSON.
 *
 *     RT_TRY(rt__check_values(op, args));                       // "conv2d: stride is 0, expected 1 or more"
 *     void *args = rt__args_from_json(op, in, n_in, "{\"stride\": [2, 2]}");
 *     rt_apply_all(op, args, out, n_out);
 *     rt_mem_free(args); */
#ifndef RINGTORCH_ENGINE_SCHEMA_H
#define RINGTORCH_ENGINE_SCHEMA_H

#include <ringtorch/op.h>
#include "common/json.h"

/* How an argument struct with a row of INPUTS begins. */
typedef struct rt__input_list {
    rt_tensor *const *in;
    int64_t count;
} rt__input_list;

/* The row of input i. */
static inline const rt_field *rt__input_row(const rt_op *op, int i)
{
    return &op->fields[op->n_in == RT_MANY ? 0 : i];
}
/* May such an input be converted to a type in common with others? */
static inline bool rt__is_promoted(const rt_field *row)
{
    return (row->dtypes & RT_PROMOTE) == RT_PROMOTE;
}

/* Fails if a list of inputs is empty, or has no memory. */
rt_status rt__check_input_list(const rt_op *op, const void *args);
/* Fails if a value lies outside of its range, and names it. */
rt_status rt__check_values(const rt_op *op, const void *args);

/* Fails if the rows do not describe the argument struct: tensors first, names that differ, members that make up the whole of it,
 * defaults that are allowed. */
rt_status rt__check_rows(const rt_op *op);

/* Returns an argument struct with these inputs and the values of a JSON object, defaults for those that it does not name; for
 * rt_mem_free. NULL if a needed value is missing, a name unknown, a value of the wrong kind or not allowed. in: [n_in], NULL for
 * optional ones; the struct of a row of INPUTS borrows the list. values: NULL is an empty object. */
void *rt__args_from_json(const rt_op *op, rt_tensor *const *in, int n_in, const json_t *values);
/* Returns the values of an argument struct as an object with all of them, as rt__args_from_json takes it; NULL on failure. */
json_t *rt__args_to_json(const rt_op *op, const void *args);
/* Returns the rows of a registered operation as an object, NULL on failure:
 *     {"name", "help", "inputs": [{"name", "many", "needed", "same_type", "promoted", "dtypes", "help"}],
 *      "values": [{"name", "kind", "needed", "default", "choices", "least", "most", "help"}], "results", "differentiable", "in_place"}
 * `results` is a number or "any"; of a value only the members that it has are there. */
json_t *rt__op_schema(const rt_op *op);

#endif
