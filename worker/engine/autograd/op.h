/* How the library's own operations are written: the public <ringtorch/op.h>, and the kernels.
 *
 *     static rt_status argmax_run(rt_call *c)
 *     {
 *         const rt_tensor *x = c->in[0];
 *         rt_exec *e = rt_exec_of(c);
 *         e->kernels->argmax[x->dtype](e, rows_of(x), x->data, c->out[0]->data);
 *         return RT_OK;
 *     }
 *
 * An operation with a public name is called rt__op_<name> and has a row in ops/ops.def, which makes it known to rt_op_find. One
 * that only backwards use is static, has none, and describes its inputs alone: RT_INTERNAL_ARGS. */
#ifndef RINGTORCH_ENGINE_OP_H
#define RINGTORCH_ENGINE_OP_H

#include <ringtorch/autograd.h>
#include <ringtorch/op.h>
#include "kernels/kernels.h"
#include "worker/engine/tensor/tensor.h"

/* The library's own operations compute with kernels of the inputs' device, and of the memory there they read nothing. Those that
 * have no kernel yet answer rt__no_kernel, and are run on the CPU. */
#undef RT_ARGS
#define RT_ARGS(type, FIELDS) RT_PUBLIC_ARGS(type, FIELDS), .on_device = true

/* Members of an rt_op whose arguments begin with the inputs of FIELDS, rows of INPUT only; whatever the struct holds after them is
 * not described. Nobody but the engine can call it. */
#define RT_INTERNAL_ARGS(type, FIELDS)                                                             \
    .fields = (const rt_field[]){FIELDS(RT_SCHEMA_ROW)}, .n_fields = 0 FIELDS(RT_COUNT_ROW),       \
    .n_in = 0 FIELDS(RT_COUNT_ROW), .args_size = sizeof(type), .on_device = true

/* Infer of operations on one input whose result is like it. */
rt_status rt__infer_like_first(rt_call *c);

/* Infer, returned at once: the operation is called again with the inputs that may be converted (RT_PROMOTE) as that type. */
rt_status rt__take_as(rt_call *c, rt_dtype dtype);

/* As rt_apply_all, for callers that do not know how many results there will be: returns a list of *count, for rt_mem_free; NULL on
 * failure. */
rt_tensor **rt__apply_any(const rt_op *op, const void *args, int *count);

/* Is op of one of the three kinds, and are there no more of its parts than a call has room for? */
bool rt__op_fits(const rt_op *op);

/* Infer: results lie on that device, NULL being the CPU, instead of that of the inputs. */
void rt__results_on(rt_call *c, rt_gpu *gpu);

/* Inside infer and run: what to run kernels of the inputs' device with; never NULL. A run looks kernels up by the types of c->in and
 * c->out, and reads tensors there and nowhere else: for types that the table lacks, the dispatcher calls it again with other ones. */
rt_exec *rt_exec_of(const rt_call *c);
/* Run's answer where there is no such kernel for the types and the device of the call. */
rt_status rt__no_kernel(const rt_call *c, const char *kernel);
/* The type that a message about a call names: of its first input, or else of its result. */
rt_dtype rt__call_type(const rt_call *c);
/* Do the inputs lie where the host reads? A run that goes through memory itself asks. */
bool rt__on_host(const rt_call *c);

#endif
