/* The layers: what they hold, how it starts, and one expression of forward each. */
#include <math.h>
#include <stdio.h>
#include <ringtorch/random.h>
#include "common/error.h"
#include "worker/engine/base/object.h"
#include "worker/engine/nn/module.h"

/* ---- sequential ---- */

/* Lets go of each layer's input as soon as its output is there, so that memory no gradient needs is
 * used again at once, while it is still in cache. */
static rt_tensor *sequential_forward(rt_module *m, rt_tensor *x)
{
    rt_keep(x);
    for (int32_t i = 0; i < m->inside->count; i++) {
        rt_scope s = rt_scope_begin();
        rt_tensor *y = rt_keep(rt_forward(m->inside->slot[i].child, x));
        rt_scope_end(s);
        rt_free(x);
        x = y;
        if (!x)
            return NULL;
    }
    return rt__scope_own(x);
}

rt_module *rt_nn_sequential_(rt_module *const *layers, int count)
{
    static const rt_module_type type = {"sequential", sizeof(rt_module), sequential_forward, NULL};
    if (rt_failed() || (count > 0 && !rt__given(layers, "sequential", "list of layers")))
        return NULL;
    rt_module *m = rt_nn_new(&type);
    for (int i = 0; m && i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "%d", i);
        if (!layers[i])
            return RT_FAIL_NULL(ARG, "sequential: layer %d is NULL", i);
        if (!rt_nn_child(m, name, layers[i]))
            return NULL;
    }
    return m;
}

/* ---- linear and convolution ---- */

/* PyTorch's start: kaiming_uniform(a = sqrt(5)) works out as uniform(-1/sqrt(fan_in),
 * 1/sqrt(fan_in)), for the bias too. */
static bool add_weights(rt_module *m, rt_dims shape, bool no_bias, rt_tensor **weight,
                        rt_tensor **bias)
{
    double fan_in = 1;
    for (int i = 1; i < shape.n; i++)
        fan_in *= (double)shape.d[i];
    double bound = 1 / sqrt(fan_in);
    rt_scope s = rt_scope_begin();
    *weight = rt_nn_param(m, "weight", rt_uniform(shape, -bound, bound));
    if (!no_bias)
        *bias = rt_nn_param(m, "bias", rt_uniform(rt_shape(shape.d[0]), -bound, bound));
    rt_scope_end(s);
    return *weight && (no_bias || *bias);
}

typedef struct linear {
    rt_module base;
    rt_tensor *weight; /* [out, in] */
    rt_tensor *bias;   /* [out] or NULL */
} linear;

static rt_tensor *linear_forward(rt_module *m, rt_tensor *x)
{
    const linear *l = (linear *)m;
    return rt_linear(x, l->weight, l->bias);
}

rt_module *rt_nn_linear_(rt_nn_linear_args a)
{
    static const rt_module_type type = {"linear", sizeof(linear), linear_forward, NULL};
    if (a.in < 1 || a.out < 1)
        return RT_FAIL_NULL(ARG,
                            "linear: %lld inputs and %lld outputs, expected at least 1 of each",
                            (long long)a.in, (long long)a.out);
    linear *l = rt_nn_new(&type);
    return l && add_weights(&l->base, rt_shape(a.out, a.in), a.no_bias, &l->weight, &l->bias)
               ? &l->base
               : NULL;
}

typedef struct conv2d {
    rt_module base;
    rt_tensor *weight; /* [out, in/groups, kernel, kernel_w] */
    rt_tensor *bias;   /* [out] or NULL */
    rt_nn_conv2d_args a;
} conv2d;

static rt_tensor *conv2d_forward(rt_module *m, rt_tensor *x)
{
    const conv2d *c = (conv2d *)m;
    const rt_nn_conv2d_args *a = &c->a;
    return rt_conv2d(x, c->weight, .bias = c->bias, .stride = {a->stride, a->stride},
                     .padding = {a->padding, a->padding}, .dilation = {a->dilation, a->dilation},
                     .groups = a->groups, .same = a->same);
}

rt_module *rt_nn_conv2d_(rt_nn_conv2d_args a)
{
    static const rt_module_type type = {"conv2d", sizeof(conv2d), conv2d_forward, NULL};
    if (a.kernel_w == 0)
        a.kernel_w = a.kernel;
    if (a.in < 1 || a.out < 1 || a.kernel < 1 || a.kernel_w < 1)
        return RT_FAIL_NULL(
            ARG,
            "conv2d: %lld inputs, %lld outputs, kernel %lld x %lld, expected at least 1 of each",
            (long long)a.in, (long long)a.out, (long long)a.kernel, (long long)a.kernel_w);
    if (a.stride < 1 || a.padding < 0 || a.dilation < 1)
        return RT_FAIL_NULL(
            ARG,
            "conv2d: stride %lld, dilation %lld, padding %lld: expected at least 1, "
            "1 and 0",
            (long long)a.stride, (long long)a.dilation, (long long)a.padding);
    if (a.groups < 1 || a.in % a.groups != 0 || a.out % a.groups != 0)
        return RT_FAIL_NULL(ARG, "conv2d: %lld groups do not divide %lld inputs and %lld outputs",
                            (long long)a.groups, (long long)a.in, (long long)a.out);
    if (a.same && (a.stride > 1 || a.padding > 0))
        return RT_FAIL_NULL(ARG, "conv2d: .same needs stride 1 and no .padding");
    conv2d *c = rt_nn_new(&type);
    if (!c)
        return NULL;
    c->a = a;
    rt_dims shape = rt_shape(a.out, a.in / a.groups, a.kernel, a.kernel_w);
    return add_weights(&c->base, shape, a.no_bias, &c->weight, &c->bias) ? &c->base : NULL;
}

/* ---- pooling ---- */

typedef struct pool2d {
    rt_module base;
    rt_nn_pool2d_args a;
} pool2d;

static rt_pool2d_args pool_args(const rt_module *m, rt_tensor *x)
{
    const rt_nn_pool2d_args *a = &((const pool2d *)m)->a;
    return (rt_pool2d_args){.x = x,
                            .kernel = {a->kernel, a->kernel},
                            .stride = {a->stride, a->stride},
                            .padding = {a->padding, a->padding}};
}

static rt_tensor *max_pool2d_forward(rt_module *m, rt_tensor *x)
{
    return rt_max_pool2d_(pool_args(m, x));
}

static rt_tensor *avg_pool2d_forward(rt_module *m, rt_tensor *x)
{
    return rt_avg_pool2d_(pool_args(m, x));
}

static rt_module *new_pool(const rt_module_type *type, rt_nn_pool2d_args a)
{
    if (a.kernel < 1 || a.stride < 0 || a.padding < 0 || a.padding > a.kernel / 2)
        return RT_FAIL_NULL(ARG,
                            "%s: kernel %lld, stride %lld, padding %lld: expected a kernel of at "
                            "least 1, padding of "
                            "at most half of it",
                            type->name, (long long)a.kernel, (long long)a.stride,
                            (long long)a.padding);
    pool2d *p = rt_nn_new(type);
    if (!p)
        return NULL;
    p->a = a;
    return &p->base;
}

rt_module *rt_nn_max_pool2d_(rt_nn_pool2d_args a)
{
    static const rt_module_type type = {"max_pool2d", sizeof(pool2d), max_pool2d_forward, NULL};
    return new_pool(&type, a);
}

rt_module *rt_nn_avg_pool2d_(rt_nn_pool2d_args a)
{
    static const rt_module_type type = {"avg_pool2d", sizeof(pool2d), avg_pool2d_forward, NULL};
    return new_pool(&type, a);
}

/* ---- dropout ---- */

typedef struct dropout {
    rt_module base;
    double p;
} dropout;

static rt_tensor *dropout_forward(rt_module *m, rt_tensor *x)
{
    return m->training ? rt_dropout(x, ((dropout *)m)->p) : x;
}

rt_module *rt_nn_dropout(double p)
{
    static const rt_module_type type = {"dropout", sizeof(dropout), dropout_forward, NULL};
    if (!(p >= 0 && p < 1))
        return RT_FAIL_NULL(ARG, "dropout: probability %g, expected at least 0 and below 1", p);
    dropout *d = rt_nn_new(&type);
    if (!d)
        return NULL;
    d->p = p;
    return &d->base;
}

/* ---- flatten ---- */

static rt_tensor *flatten_forward(rt_module *m, rt_tensor *x)
{
    (void)m;
    return rt_flatten(x, 1, -1);
}

rt_module *rt_nn_flatten(void)
{
    static const rt_module_type type = {"flatten", sizeof(rt_module), flatten_forward, NULL};
    return rt_nn_new(&type);
}

/* ---- activations ---- */

typedef struct activation {
    rt_module base;
    rt_tensor *(*f)(rt_tensor *x);
} activation;

static rt_tensor *activation_forward(rt_module *m, rt_tensor *x)
{
    return ((activation *)m)->f(x);
}

static rt_module *new_activation(const rt_module_type *type, rt_tensor *(*f)(rt_tensor *x))
{
    activation *m = rt_nn_new(type);
    if (!m)
        return NULL;
    m->f = f;
    return &m->base;
}

rt_module *rt_nn_relu(void)
{
    static const rt_module_type type = {"relu", sizeof(activation), activation_forward, NULL};
    return new_activation(&type, rt_relu);
}

rt_module *rt_nn_gelu(void)
{
    static const rt_module_type type = {"gelu", sizeof(activation), activation_forward, NULL};
    return new_activation(&type, rt_gelu);
}

rt_module *rt_nn_tanh(void)
{
    static const rt_module_type type = {"tanh", sizeof(activation), activation_forward, NULL};
    return new_activation(&type, rt_tanh);
}

rt_module *rt_nn_sigmoid(void)
{
    static const rt_module_type type = {"sigmoid", sizeof(activation), activation_forward, NULL};
    return new_activation(&type, rt_sigmoid);
}

rt_module *rt_nn_silu(void)
{
    static const rt_module_type type = {"silu", sizeof(activation), activation_forward, NULL};
    return new_activation(&type, rt_silu);
}
