/* Rows along any axis. */
#include "worker/engine/ops/sort/rows.h"

rt_rows rt__rows_of(const rt_tensor *x)
{
    int64_t len = x->dims.n ? x->dims.d[x->dims.n - 1] : 1;
    return (rt_rows){len ? x->numel / len : 0, len};
}

rt_status rt__along_last(const rt_call *c, int axis,
                         void (*run)(const rt_call *c, const rt_tensor *x, rt_tensor *const *out))
{
    int n = c->in[0]->dims.n;
    rt_tensor *x = c->in[0], *out[2] = {c->out[0], c->out[1]};
    bool last = n == 0 || axis == n - 1;
    if (!last)
        x = rt_transpose(x, axis, -1);
    x = rt__tensor_contiguous(x);
    for (int k = 0; k < 2 && !last && x; k++) {
        out[k] = rt_transpose(c->out[k], axis, -1);
        out[k] = out[k] ? rt__tensor_new(out[k]->dims, out[k]->dtype) : NULL;
    }
    if (rt_failed())
        return rt_error_code();
    run(c, x, out);
    for (int k = 0; k < 2 && !last && !rt_failed(); k++) {
        rt_tensor *moved = rt_transpose(out[k], axis, -1);
        if (moved)
            rt__copy(c->out[k], moved);
    }
    return rt_error_code();
}
