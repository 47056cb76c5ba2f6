/* Dropout (Srivastava et al. 2014): rt_dropout in training, the identity in evaluation. */
#include "worker/engine/nn/layers.h"

typedef struct dropout {
    rt_module base;
    double p;
} dropout;

static rt_tensor *dropout_forward(rt_module *m, rt_tensor *x)
{
    return m->training ? rt_dropout(x, ((dropout *)m)->p) : x;
}

rt_module *rt_nn_dropout_(rt_nn_dropout_args a)
{
    static const rt_module_type type = {"dropout", sizeof(dropout), dropout_forward, NULL};
    dropout *d = rt__layer_fits(RT_LAYER_dropout, &a) ? rt_nn_new(&type) : NULL;
    if (!d)
        return NULL;
    d->p = a.p;
    return &d->base;
}

RT__LAYER(dropout, NULL)
