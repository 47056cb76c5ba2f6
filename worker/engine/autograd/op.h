/* How an operation is written: one constant rt_op, one file.
 *
 *     static rt_tensor *tanh_forward(rt_call *c)
 *     {
 *         rt_tensor *x = rt__tensor_contiguous(c->in[0]);
 *         rt_tensor *y = x ? rt_out(c, x->dims, RT_F32) : NULL;
 *         if (y)
 *             rt_cpu()->tanh.f[RT_F32](x->numel, x->data, y->data);
 *         return y;
 *     }
 *
 *     static void tanh_backward(rt_call *c, rt_tensor *dy, rt_tensor **dx)
 *     {
 *         dx[0] = rt_sub(dy, rt_mul(dy, rt_square(c->out))); // of differentiable operations
 *     }
 *
 *     static const rt_op tanh_op = {"tanh", 1, tanh_forward, tanh_backward,
 *                                   .dtypes = RT_FLOATS, .saves = RT_SAVES_OUT};
 *
 *     rt_tensor *rt_tanh(rt_tensor *x)
 *     {
 *         return rt_apply(&tanh_op, &x, sizeof x);
 *     }
 *
 * - The argument struct starts with the input tensors. The graph keeps a copy of it; of other
 *   pointers in it, backward must make no use.
 * - An operation without .backward is composite: the operations it calls record themselves.
 * - Forward and backward run in a scope of their own: nothing they make needs freeing. They may
 *   return when anything they call gives NULL; the error slot says why.
 * - Backward may look at the shape of every input, but read the values only of what .saves names
 *   and of c->saved. */
#ifndef RINGTORCH_ENGINE_OP_H
#define RINGTORCH_ENGINE_OP_H

#include <ringtorch/autograd.h>
#include "kernels/kernels.h"
#include "worker/engine/tensor/tensor.h"

enum { RT_SAVED = 2 };

typedef struct rt_op rt_op;

typedef struct rt_call {
    const rt_op *op;
    const void *args;
    rt_tensor *const *in; /* [n_in]; optional ones may be NULL */
    int n_in;
    bool recorded;              /* forward: backward may follow, so fill saved */
    rt_tensor *saved[RT_SAVED]; /* set by forward for backward; not differentiated through */
    rt_tensor *out;             /* backward: the result, value included if the op saves it */
    rt_tensor *aim;             /* forward: see rt_out */
} rt_call;

struct rt_op {
    const char *name;
    int n_in; /* tensors at the start of the argument struct */
    rt_tensor *(*forward)(rt_call *c);
    /* Sets dx[i] for each input that rt_needs; dx[i] left NULL means no gradient. dy has the shape
     * of the output. */
    void (*backward)(rt_call *c, rt_tensor *dy, rt_tensor **dx);
    uint32_t dtypes;   /* bits 1 << RT_...: what the inputs may be; 0: forward checks */
    uint32_t optional; /* bit i: input i may be NULL */
    uint32_t saves;    /* whose values backward reads */
};

#define RT_FLOATS      (1u << RT_F32)
#define RT_SAVES_IN(i) (1u << (i)) /* i < 31 */
#define RT_SAVES_OUT   (1u << 31)

/* Runs an operation: the only dispatcher. Checks the error slot and the inputs, opens the scope,
 * records. Returns the result, owned by the caller's scope; NULL if anything failed before or now.
 */
rt_tensor *rt_apply(const rt_op *op, const void *args, size_t args_size);
/* The same for any number of inputs that are not in the argument struct. */
rt_tensor *rt_apply_many(const rt_op *op, const void *args, size_t args_size, rt_tensor *const *in,
                         int n_in);

/* Backward: is the gradient of input i wanted? */
bool rt_needs(const rt_call *c, int i);

/* Forward: returns the tensor to put the result in: contiguous, contents undefined. Usually new
 * memory; the final place of a gradient when the caller aimed at one of this shape. */
rt_tensor *rt_out(rt_call *c, rt_dims dims, rt_dtype dtype);
/* Backward: lets the next operation write its result straight into the fixed place of input i's
 * gradient, if it has one that is empty and nothing else will be added. Only a saving: the result
 * is the same without it. */
void rt_aim(const rt_call *c, int i);

/* The kernels; never NULL inside forward. */
const rt_kernels *rt_cpu(void);

#endif
