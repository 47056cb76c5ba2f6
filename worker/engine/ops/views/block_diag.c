/* Matrices on the diagonal of a larger one. */
#include "common/base/error.h"
#include "worker/engine/ops/ops.h"

#define BLOCK_DIAG_FIELDS(F)                                                                       \
    F(INPUTS, xs, RT_NEEDED, RT_PROMOTE | RT_ANY_TYPE, "matrices; a vector is a row")
typedef struct RT_DESIGNATED block_diag_args {
    RT_STRUCT(BLOCK_DIAG_FIELDS)
} block_diag_args;

/* Returns the shape of block i as a matrix. */
static rt_dims block(const rt_call *c, int i)
{
    rt_dims d = c->in[i]->dims;
    return d.n == 2 ? d : rt_shape(1, c->in[i]->numel);
}

static rt_status block_diag_infer(rt_call *c)
{
    rt_dims dims = rt_shape(0, 0);
    for (int i = 0; i < c->n_in; i++) {
        if (c->in[i]->dims.n > 2)
            return RT_FAIL(SHAPE, "block_diag: tensor %d is %s, expected at most two axes", i,
                           rt_describe(c->in[i]));
        for (int k = 0; k < 2; k++)
            if (__builtin_add_overflow(dims.d[k], block(c, i).d[k], &dims.d[k]))
                return RT_FAIL(SHAPE, "block_diag: tensors 0 to %d make an axis longer than 2^63",
                               i);
    }
    return rt_result(c, 0, dims, c->in[0]->dtype);
}

static rt_status block_diag_run(rt_call *c)
{
    rt_tensor *y = c->out[0];
    int64_t row = 0, column = 0;
    RT_TRY(rt__fill(y, 0));
    for (int i = 0; i < c->n_in; i++) {
        rt_dims dims = block(c, i);
        const rt_tensor *x = c->in[i];
        rt_tensor *part =
            rt__tensor_view(y, dims, y->stride, row * y->stride[0] + column * y->stride[1]);
        rt_tensor *from =
            x->dims.n == 2
                ? c->in[i]
                : rt__tensor_view(x, dims, (int64_t[]){0, x->dims.n ? x->stride[0] : 0}, 0);
        if (part && from)
            rt__copy(part, from);
        row += dims.d[0];
        column += dims.d[1];
    }
    return rt_error_code();
}

static void block_diag_backward(rt_call *c, rt_tensor *const *dy, rt_tensor **dx)
{
    int64_t row = 0, column = 0;
    for (int i = 0; i < c->n_in; i++) {
        rt_dims dims = block(c, i);
        if (rt_needs(c, i))
            dx[i] = rt_reshape(rt_narrow(rt_narrow(dy[0], 0, row, dims.d[0]), 1, column, dims.d[1]),
                               c->in[i]->dims);
        row += dims.d[0];
        column += dims.d[1];
    }
}

const rt_op rt__op_block_diag = {
    .name = "block_diag",
    .help = "y = the matrix with the blocks xs on its diagonal, and zeros beside them",
    RT_ARGS(block_diag_args, BLOCK_DIAG_FIELDS),
    .infer = block_diag_infer,
    .run = block_diag_run,
    .backward = block_diag_backward,
    .strided = true,
};

rt_tensor *rt_block_diag(rt_tensor *const *xs, int count)
{
    return rt_apply(&rt__op_block_diag, &(block_diag_args){.xs = xs, .xs_count = count});
}
