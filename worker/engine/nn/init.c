/* Initialisers, as torch.nn.init: He et al. 2015 (kaiming), Glorot and Bengio 2010 (xavier). */
#include "common/base/error.h"
#include "worker/engine/tensor/tensor.h"
#include <math.h>
#include <ringtorch/nn.h>
#include <ringtorch/random.h>

/* Fan-in and fan-out of a weight [out, in, ...]: inputs or outputs times the size of the receptive
 * field. */
typedef struct fans {
    double in, out;
} fans;

static rt_status fans_of(const rt_tensor *x, const char *what, fans *f)
{
    if (!rt__takes(what, x))
        return rt_error_code();
    rt_dims d = x->dims;
    if (d.n < 2 || rt_numel(x) == 0)
        return RT_FAIL(SHAPE, "%s: got %s, expected at least 2 dimensions and no size of 0", what,
                       rt_describe(x));
    double field = 1;
    for (int i = 2; i < d.n; i++)
        field *= (double)d.d[i];
    *f = (fans){.in = (double)d.d[1] * field, .out = (double)d.d[0] * field};
    return RT_OK;
}

static rt_status fill_from(rt_tensor *x, rt_scope s, rt_tensor *values)
{
    rt_status status = values ? rt_copy_into(x, values) : rt_error_code();
    rt_scope_end(s);
    return status;
}

rt_status rt_init_uniform(rt_tensor *x, double low, double high)
{
    if (!rt__takes("init_uniform", x))
        return rt_error_code();
    rt_scope s = rt_scope_begin();
    return fill_from(x, s, rt_uniform(x->dims, low, high));
}

rt_status rt_init_normal(rt_tensor *x, double mean, double std)
{
    if (!rt__takes("init_normal", x))
        return rt_error_code();
    rt_scope s = rt_scope_begin();
    return fill_from(x, s, rt_normal(x->dims, mean, std));
}

rt_status rt_init_constant(rt_tensor *x, double value)
{
    return rt__takes("init_constant", x) ? rt_fill(x, value) : rt_error_code();
}

rt_status rt_init_xavier_uniform(rt_tensor *x, double gain)
{
    fans f;
    RT_TRY(fans_of(x, "xavier_uniform", &f));
    double bound = gain * sqrt(6 / (f.in + f.out));
    return rt_init_uniform(x, -bound, bound);
}

rt_status rt_init_xavier_normal(rt_tensor *x, double gain)
{
    fans f;
    RT_TRY(fans_of(x, "xavier_normal", &f));
    return rt_init_normal(x, 0, gain * sqrt(2 / (f.in + f.out)));
}

/* For a leaky ReLU with negative slope a (0: ReLU). */
rt_status rt_init_kaiming_uniform(rt_tensor *x, double a)
{
    fans f;
    RT_TRY(fans_of(x, "kaiming_uniform", &f));
    double bound = sqrt(2 / (1 + a * a)) * sqrt(3 / f.in);
    return rt_init_uniform(x, -bound, bound);
}

rt_status rt_init_kaiming_normal(rt_tensor *x, double a)
{
    fans f;
    RT_TRY(fans_of(x, "kaiming_normal", &f));
    return rt_init_normal(x, 0, sqrt(2 / (1 + a * a)) / sqrt(f.in));
}
