/* Calls of an operation with tensors by the names of its rows, for callers that are data: files of test cases, other programs.
 *
 *     const rt__named in[] = {{"x", x}, {"grad_out", g}};
 *     rt__named_list out;
 *     RT_TRY(rt__call_by_name(rt_op_find("softmax"), in, 2, values, true, &out));   // values: {"axis": 1}
 *     for (int i = 0; i < out.count; i++)
 *         ... out.item[i].name, out.item[i].x ...                                   // "out", "grad.x"
 *     rt__named_list_release(&out);
 *
 * Names. A tensor is called as its row, the tensors of a row of INPUTS <row>.0, <row>.1, ...; one that is optional may be left
 * out. The result is called out; if the operation can have several, out.0, out.1, ... With gradients, sum(out * grad_out) is
 * differentiated, of several results the sum of such sums: grad_out, or grad_out.0, ..., may be given for results of a float type
 * and is ones where it is not. There is a grad.<tensor> for each tensor of a float type that was given, zeros where nothing depends on it. */
#ifndef RINGTORCH_ENGINE_CALL_BY_NAME_H
#define RINGTORCH_ENGINE_CALL_BY_NAME_H

#include <ringtorch/op.h>
#include "common/json.h"

typedef struct rt__named {
    const char *name;
    rt_tensor *x;
} rt__named;

typedef struct rt__named_list {
    rt__named *item; /* [count]; names are owned by the list, tensors by the scope */
    int count;
} rt__named_list;

/* values: the operation's other arguments, an object; NULL: all have their defaults. ARG, SHAPE or DTYPE, naming the operation and
 * the argument, for tensors that it has not or needs, and for gradients of what has none; the list is empty then. */
rt_status rt__call_by_name(const rt_op *op, const rt__named *given, int count, const json_t *values,
                           bool gradients, rt__named_list *out);
void rt__named_list_release(rt__named_list *list);

#endif
