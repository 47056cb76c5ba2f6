/* How the library's own operations are written: like those of the public <ringtorch/op.h>, but with access to the kernels.
 *
 *     static rt_status argmax_run(rt_call *c)
 *     {
 *         const rt_tensor *x = c->in[0];
 *         rt_exec *e = rt_exec_of(c);
 *         e->kernels->argmax[x->dtype](e, rows_of(x), x->data, c->out[0]->data);
 *         return RT_OK;
 *     }
 *
 * An operation with a public name is the constant rt__op_<name>, or an RT_COMPOSITE; the build gathers these (ops/gather.awk) so that
 * rt_op_find knows them. Each has a file <name>.c, but for short composites of one kind, which share a file of that kind. An operation that
 * only other operations' backwards use is static, is not named rt__op_..., and describes its inputs only: RT_INTERNAL_ARGS. */
#ifndef RINGTORCH_WORKER_ENGINE_AUTOGRAD_OP_H
#define RINGTORCH_WORKER_ENGINE_AUTOGRAD_OP_H

#include "common/base/designated.h"
#include "kernels/kernels.h"
#include "worker/engine/tensor/tensor.h"
#include <ringtorch/autograd.h>
#include <ringtorch/op.h>

/* The library's own operations compute with kernels of the inputs' device and never read device memory themselves. If a kernel does
 * not exist there, run returns rt__no_kernel and the dispatcher runs the operation on the CPU. */
#undef RT_ARGS
#define RT_ARGS(type, FIELDS) RT_PUBLIC_ARGS(type, FIELDS), .on_device = true

/* Members of an rt_op whose argument struct begins with the inputs of FIELDS, rows of INPUT only; the rest of the struct is not
 * described. Only the engine can call such an operation. */
#define RT_INTERNAL_ARGS(type, FIELDS)                                                             \
    .fields = (const rt_field[]){FIELDS(RT_SCHEMA_ROW)}, .n_fields = 0 FIELDS(RT_COUNT_ROW),       \
    .n_in = 0 FIELDS(RT_COUNT_ROW), .args_size = sizeof(type), .on_device = true

/* A composite with one result: its name, its argument struct and the rows of that, its help, and other members of rt_op. The body of a
 * function that returns the result follows; it has the call c and the arguments a.
 *
 *     RT_COMPOSITE(l1_loss, rt_loss_args, RT_LOSS_FIELDS, "y = |x - target|, reduced")
 *     {
 *         return rt__loss_reduced(rt_abs(rt_sub(a->x, a->target)), a->reduction);
 *     } */
#define RT_COMPOSITE(id, type, FIELDS, text, ...)                                                  \
    static rt_tensor *id##_result(const rt_call *c, const type *a);                                \
    static void id##_compose(rt_call *c)                                                           \
    {                                                                                              \
        c->out[0] = id##_result(c, c->args);                                                       \
    }                                                                                              \
    const rt_op rt__op_##id = {.name = #id,                                                        \
                               .help = (text),                                                     \
                               RT_ARGS(type, FIELDS),                                              \
                               .compose = id##_compose,                                            \
                               ##__VA_ARGS__};                                                     \
    static rt_tensor *id##_result(__attribute__((unused)) const rt_call *c,                        \
                                  __attribute__((unused)) const type *a)

/* The same with several results: their number comes after the name, and the body sets c->out. With RT_MANY it calls rt_results before.
 *
 *     RT_COMPOSITE_OF(aminmax, 2, rt_axis_args, RT_AXIS_FIELDS, "the smallest and the largest x along the axis")
 *     {
 *         c->out[0] = ...;
 *         c->out[1] = ...;
 *     } */
#define RT_COMPOSITE_OF(id, count, type, FIELDS, text, ...)                                        \
    static void id##_results(rt_call *c, const type *a);                                           \
    static void id##_compose(rt_call *c)                                                           \
    {                                                                                              \
        id##_results(c, c->args);                                                                  \
    }                                                                                              \
    const rt_op rt__op_##id = {.name = #id,                                                        \
                               .help = (text),                                                     \
                               RT_ARGS(type, FIELDS),                                              \
                               .n_out = (count),                                                   \
                               .compose = id##_compose,                                            \
                               ##__VA_ARGS__};                                                     \
    static void id##_results(rt_call *c, __attribute__((unused)) const type *a)

/* Infer of operations on one input whose result has its shape and type. */
rt_status rt__infer_like_first(rt_call *c);

/* For infer to return immediately: the operation is called again with the inputs that may be converted (RT_PROMOTE) as that type. */
rt_status rt__request_conversion(rt_call *c, rt_dtype dtype);

/* For composites in place whose parts have no in-place form: puts y, made of x, into x and returns x, or NULL on failure. Backward of y
 * must not need the old value of x. `what` is the name in messages. */
rt_tensor *rt__put_in_place(const char *what, rt_tensor *x, rt_tensor *y);
/* As rt_window, for result i of a view with RT_MANY results. */
rt_status rt__window_of(rt_call *c, int i, rt_dtype dtype, rt_dims dims, const int64_t *stride,
                        int64_t offset);

/* As rt_apply_all, for callers that do not know the number of results: returns a list of *count, to be freed with rt_mem_free; NULL
 * on failure. */
rt_tensor **rt__apply_any(const rt_op *op, const void *args, int *count);

/* As rt_apply_all, but returns the number of results, of which there is room for `room`; if there are more, or the call fails, returns 0,
 * and out has only NULLs. */
int rt__apply_many(const rt_op *op, const void *args, rt_tensor **out, int room);

/* Returns whether op is of one of the three kinds and has no more inputs, results and saved tensors than a call has room for. */
bool rt__op_fits(const rt_op *op);

/* For infer: places the results on that device (NULL: the CPU) instead of the inputs' device. */
void rt__results_on(rt_call *c, rt_gpu *gpu);

/* For infer and run: returns the execution context of the inputs' device; never NULL. A run must take kernels by the types of c->in
 * and c->out, and read tensors only from there: for types that the table lacks, the dispatcher calls run again with converted
 * tensors. */
rt_exec *rt_exec_of(const rt_call *c);
/* For run to return when the kernel does not exist for the types and the device of the call. */
rt_status rt__no_kernel(const rt_call *c, const char *kernel);
/* Returns the type that a message about a call names: of its first input, or of its result if it has no input. */
rt_dtype rt__call_type(const rt_call *c);
/* Returns whether the host can read the inputs. A run that reads memory itself must ask first. */
bool rt__on_host(const rt_call *c);

#endif
