/* Calls an operation with tensors named by its rows, for callers that are data: files of test cases, other programs.
 *
 *     const rt__named in[] = {{"x", x}, {"grad_out", g}};
 *     rt__named_list out;
 *     RT_TRY(rt__call_by_name(rt_op_find("softmax"), in, 2, values, true, &out));   // values: {"axis": 1}
 *     for (int i = 0; i < out.count; i++)
 *         ... out.item[i].name, out.item[i].x ...                                   // "out", "grad.x"
 *     rt__named_list_release(&out);
 *
 * Names: an input is named after its row; the inputs of a row of INPUTS are <row>.0, <row>.1, ...; optional ones may be left out. The
 * result is "out", or out.0, out.1, ... if the operation can have several. With gradients, sum(out * grad_out) is differentiated, or the
 * sum of such sums for several results. grad_out, or grad_out.0, ..., may be given for results of a float type; where it is not given it is
 * all ones. The call returns a grad.<tensor> for each given tensor of a float type, zeros where nothing depends on it. */
#ifndef RINGTORCH_WORKER_ENGINE_OPS_CALL_BY_NAME_H
#define RINGTORCH_WORKER_ENGINE_OPS_CALL_BY_NAME_H

#include "common/base/json.h"
#include <ringtorch/op.h>

typedef struct rt__named {
    const char *name;
    rt_tensor *x;
} rt__named;

typedef struct rt__named_list {
    rt__named *item; /* [count]; names are owned by the list, tensors by the scope */
    int count;
} rt__named_list;

/* values: the operation's other arguments as an object; NULL: all defaults. Fails with ARG, SHAPE or DTYPE, naming the operation and the
 * argument, if tensors are unknown or missing, or if a gradient is wanted of something that has none; the list is then empty. */
rt_status rt__call_by_name(const rt_op *op, const rt__named *given, int count, const json_t *values,
                           bool gradients, rt__named_list *out);
void rt__named_list_release(rt__named_list *list);

#endif
