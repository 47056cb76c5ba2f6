/* Finds the first operation that makes a value that is asked for: NaN, an infinity, or one that is too large. */
#include "worker/engine/autograd/checked.h"

#include "common/base/error.h"
#include "worker/engine/autograd/schema.h"
#include <complex.h>
#include <math.h>
#include <ringtorch/checks.h>
#include <ringtorch/ops/views.h>
#include <stdio.h>

rt_value_checks rt_check_values(rt_value_checks now)
{
    rt_checks *at = &rt__thread.checks;
    rt_value_checks former = {at->nan, at->inf, at->most};
    *at = (rt_checks){now.nan || now.inf || now.most > 0, now.nan, now.inf, now.most};
    return former;
}

const char *rt__place_text(rt_dims dims, int64_t i)
{
    rt_dims at = {.n = dims.n};
    for (int k = dims.n - 1; k >= 0; k--) {
        at.d[k] = i % dims.d[k];
        i /= dims.d[k];
    }
    return rt_dims_text(at);
}

/* Returns the part of a complex number that checks look at: one that is NaN, else the larger one. */
static double part(double re, double im)
{
    return re != re || fabs(re) > fabs(im) ? re : im;
}

double rt__element(const rt_tensor *x, int64_t i)
{
    switch (x->dtype) {
    case RT_F32:
        return ((const float *)x->data)[i];
    case RT_F64:
        return ((const double *)x->data)[i];
    case RT_C64:
        return part(((const float *)x->data)[2 * i], ((const float *)x->data)[2 * i + 1]);
    case RT_C128:
        return part(((const double *)x->data)[2 * i], ((const double *)x->data)[2 * i + 1]);
    default:
        return 0;
    }
}

/* Returns an element as messages show it: a NaN without its sign. */
static double shown(const rt_tensor *x, int64_t i)
{
    double v = rt__element(x, i);
    return v != v ? (double)NAN : v;
}

/* Returns x as rt__element takes it, or NULL if x cannot hold such values or on failure. */
static const rt_tensor *readable(const rt_tensor *x)
{
    bool any = x && x->storage &&
               (rt__dtype_is_float(x->dtype) || x->dtype == RT_C64 || x->dtype == RT_C128);
    if (!any)
        return NULL;
    if (rt__is_half(x->dtype))
        x = rt__convert(x, RT_F32);
    if (x && !rt__on_cpu(x))
        x = rt_to_device((rt_tensor *)x, (rt_device){RT_CPU, 0});
    return x ? rt__tensor_contiguous((rt_tensor *)x) : NULL;
}

/* Returns the first place of a value that is asked for, or -1. */
static int64_t first_wrong(const rt_tensor *x)
{
    const rt_checks *k = &rt__thread.checks;
    double most = k->most > 0 ? k->most : INFINITY;
    for (int64_t i = 0; i < x->numel; i++) {
        double v = rt__element(x, i);
        if (k->nan ? v != v : false)
            return i;
        if (isinf(v) ? k->inf || k->most > 0 : fabs(v) > most)
            return i;
    }
    return -1;
}

enum { TEXT = 512 };

/* Adds ", where x is 0 and s is 1" for the inputs of the result's shape. */
static void add_inputs(char text[TEXT], const rt_call *c, const rt_tensor *y, int64_t at)
{
    size_t len = 0;
    for (int i = 0; i < c->n_in; i++) {
        const rt_tensor *x = c->in[i];
        x = x && rt__dims_same(&x->dims, &y->dims) ? readable(x) : NULL;
        if (x && len < TEXT)
            len +=
                (size_t)snprintf(text + len, TEXT - len, "%s%s is %g", len ? " and " : ", where ",
                                 rt__input_row(c->op, i)->name, shown(x, at));
    }
}

/* Fails if an input has such a value: then the operation did not make it. */
static rt_status check_inputs(const rt_call *c)
{
    for (int i = 0; i < c->n_in; i++) {
        const rt_tensor *x = readable(c->in[i]);
        int64_t at = x ? first_wrong(x) : -1;
        if (at >= 0)
            return RT_FAIL(NUMERIC, "%s: %s, %s, is %g at %s already", c->op->name,
                           rt__input_row(c->op, i)->name, rt_describe(c->in[i]), shown(x, at),
                           rt__place_text(x->dims, at));
    }
    return rt_error_code();
}

rt_status rt__checked_results(const rt_call *c)
{
    for (int k = 0; k < c->n_out; k++) {
        const rt_tensor *y = readable(c->out[k]);
        int64_t at = y ? first_wrong(y) : -1;
        if (at < 0)
            continue;
        RT_TRY(check_inputs(c));
        char inputs[TEXT] = "";
        add_inputs(inputs, c, y, at);
        return RT_FAIL(NUMERIC, "%s: its result, %s, is %g at %s%s", c->op->name,
                       rt_describe(c->out[k]), shown(y, at), rt__place_text(y->dims, at), inputs);
    }
    return rt_error_code();
}

rt_status rt__checked_gradient(const rt_call *c, int i, const rt_tensor *dx)
{
    const rt_tensor *g = readable(dx);
    int64_t at = g ? first_wrong(g) : -1;
    if (at < 0)
        return rt_error_code();
    return RT_FAIL(NUMERIC, "backward of %s: the gradient of %s, %s, is %g at %s", c->op->name,
                   rt__input_row(c->op, i)->name, rt_describe(dx), shown(g, at),
                   rt__place_text(g->dims, at));
}
