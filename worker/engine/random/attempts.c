/* Numbers for sampling by rejection. */
#include "worker/engine/random/attempts.h"

/* Odd, so that all keys differ, and different from the constants of seek.c and of rt__philox_key. */
static const uint64_t KEY_OF_ATTEMPTS = 0x8CB92BA72F3D8DD7;

rt_rng rt__attempt(rt_rng r, int k)
{
    r.seed ^= (uint64_t)k * KEY_OF_ATTEMPTS;
    return r;
}

typedef struct numbers_args {
    rt_rng from;
    rt_dims shape;
    bool normal;
} numbers_args;

static rt_status numbers_infer(rt_call *c)
{
    return rt_result(c, 0, ((const numbers_args *)c->args)->shape, RT_F32);
}

static rt_status numbers_run(rt_call *c)
{
    const numbers_args *a = c->args;
    const rt_tensor *y = c->out[0];
    rt_exec *e = rt_exec_of(c);
    if (a->normal)
        e->kernels->normal[y->dtype](e, a->from, y->numel, 0, 1, y->data);
    else
        e->kernels->uniform[y->dtype](e, a->from, y->numel, 0, 1, y->data);
    return RT_OK;
}

static const rt_op numbers_op = {
    .name = "numbers",
    .args_size = sizeof(numbers_args),
    .infer = numbers_infer,
    .run = numbers_run,
    .on_device = true,
};

rt_tensor *rt__uniform_of(rt_rng r, rt_dims shape)
{
    rt_tensor *u = rt_apply(&numbers_op, &(numbers_args){r, shape, false});
    return rt_add_scalar(rt_neg(u), 1);
}

rt_tensor *rt__fine_uniform_of(rt_rng r, int k, rt_dims shape)
{
    rt_tensor *high = rt_to(rt__uniform_of(rt__attempt(r, 2 * k), shape), RT_F64);
    rt_tensor *low = rt_to(rt__uniform_of(rt__attempt(r, 2 * k + 1), shape), RT_F64);
    low = rt_mul_scalar(rt_add_scalar(low, 0x1p-25 - 1), 0x1p-24);
    return rt_add_scalar(rt_add(high, low), -0x1p-48);
}

rt_tensor *rt__normal_of(rt_rng r, rt_dims shape)
{
    return rt_apply(&numbers_op, &(numbers_args){r, shape, true});
}

bool rt__any_true(rt_tensor *x)
{
    double n = rt_item(rt_sum(x));
    return !rt_failed() && n > 0;
}

void rt__keep_accepted(rt_tensor *y, rt_tensor *open, rt_tensor *numbers, rt_tensor *accepted)
{
    rt_tensor *kept = rt_where(rt_logical_and(accepted, open), numbers, y);
    rt_tensor *left = rt_logical_and(rt_logical_not(accepted), open);
    if (kept && left && rt__copy_into(y, kept) == RT_OK)
        rt__copy_into(open, left);
}
