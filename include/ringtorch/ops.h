/* Operations on tensors, one header for each family. Names and semantics are PyTorch's.
 *
 *     rt_tensor *x = rt_randn(rt_shape(8, 3, 9, 9)), *w = rt_randn(rt_shape(4, 3, 3, 3));
 *     rt_tensor *h = rt_relu(rt_conv2d(x, w, .padding = {1, 1}));          // [8,4,9,9]
 *     rt_tensor *scores = rt_linear(rt_flatten(h, 1, -1), rt_randn(rt_shape(10, 324)));
 *     rt_tensor *best = rt_topk(scores, 5).values;                         // [8,5]
 *     rt_var_mean_results m = rt_var_mean(scores, rt_shape(0));
 *     rt_tensor *y = rt_div(rt_sub(scores, m.mean), rt_sqrt(m.var));       // [8,10]
 *
 * Every operation is differentiable unless its comment says otherwise, and accepts strided views. The
 * arguments of an operation are one struct, required tensors first; an argument that is left out has
 * its default (export.h).
 *
 * Lifetime: the current scope owns every result. An operation with several results returns a struct
 * that names them; if the call fails, all of them are NULL.
 *
 * rt_<name> of a family is in worker/engine/ops/<family>/<name>.c; rt_op_find("<name>") finds it by
 * name (op.h). */
#ifndef RINGTORCH_OPS_H
#define RINGTORCH_OPS_H

#include <ringtorch/ops/attention.h>
#include <ringtorch/ops/complex.h>
#include <ringtorch/ops/conv.h>
#include <ringtorch/ops/create.h>
#include <ringtorch/ops/index.h>
#include <ringtorch/ops/loss.h>
#include <ringtorch/ops/matmul.h>
#include <ringtorch/ops/norm.h>
#include <ringtorch/ops/pointwise.h>
#include <ringtorch/ops/pool.h>
#include <ringtorch/ops/recurrent.h>
#include <ringtorch/ops/reduce.h>
#include <ringtorch/ops/resize.h>
#include <ringtorch/ops/scan.h>
#include <ringtorch/ops/sort.h>
#include <ringtorch/ops/views.h>
#include <ringtorch/ops/write.h>

#endif
