/* Elementwise functions as layers, each named after its operation. */
#include "worker/engine/nn/layers.h"

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

#define ACTIVATION(name)                                                                           \
    rt_module *rt_nn_##name(void)                                                                  \
    {                                                                                              \
        static const rt_module_type type = {#name, sizeof(activation), activation_forward, NULL};  \
        return new_activation(&type, rt_##name);                                                   \
    }                                                                                              \
    RT__PLAIN_LAYER(name, NULL)

ACTIVATION(relu)
ACTIVATION(gelu)
ACTIVATION(tanh)
ACTIVATION(sigmoid)
ACTIVATION(silu)
