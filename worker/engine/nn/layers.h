/* How a layer of layers.def is written: one file for a family, with its module and an rt__layer by which configurations reach it.
 *
 *     rt_module *rt_nn_linear_(rt_nn_linear_args a)
 *     {
 *         static const rt_module_type type = {"linear", sizeof(linear), linear_forward};
 *         linear *l = rt__layer_fits(RT_LAYER_linear, &a) ? rt_nn_new(&type) : NULL;
 *         ... rt__nn_uniform(&l->base, "weight", rt_shape(a.out, a.in), bound) ...
 *     }
 *     static rt_status linear_infer(void *args, rt__sample *at) { ... }
 *     RT__LAYER(linear, linear_infer)
 */
#ifndef RINGTORCH_ENGINE_NN_LAYERS_H
#define RINGTORCH_ENGINE_NN_LAYERS_H

#include <ringtorch/nn.h>
#include "common/layers.h"
#include "worker/engine/nn/module.h"

/* What one sample is between two layers. */
typedef struct rt__sample {
    rt_dims dims;
    rt_dtype dtype;
    int64_t
        classes; /* of tokens: how many different ones there are, 0 to classes - 1; 0: not known */
} rt__sample;

typedef struct rt__layer {
    /* Turns the sample before the layer into the one behind it, and sets the RT_INFERRED arguments; NULL: it stays as it is, and there
     * are none. `args` is the layer's struct; NULL of one without options. */
    rt_status (*infer)(void *args, rt__sample *at);
    rt_module *(*make)(const void *args);
} rt__layer;

/* Of each kind; groups have no functions, net_json.c builds them. */
extern const rt__layer *const rt__layers[RT_LAYER_KINDS];

#define RT__LAYER(id, infer)                                                                       \
    static rt_module *id##_make(const void *args)                                                  \
    {                                                                                              \
        return rt_nn_##id##_(*(const rt_nn_##id##_args *)args);                                    \
    }                                                                                              \
    const rt__layer rt__layer_##id = {infer, id##_make};
#define RT__PLAIN_LAYER(id, infer)                                                                 \
    static rt_module *id##_make(const void *args)                                                  \
    {                                                                                              \
        (void)args;                                                                                \
        return rt_nn_##id();                                                                       \
    }                                                                                              \
    const rt__layer rt__layer_##id = {infer, id##_make};
#define RT__DECLARE_LAYER(id, ...) extern const rt__layer rt__layer_##id;
#define RT__NO_LAYER(...)
RT_LAYERS(RT__DECLARE_LAYER, RT__DECLARE_LAYER, RT__NO_LAYER)
#undef RT__DECLARE_LAYER

/* May a constructor go on, the thread not having failed and the arguments lying in their ranges? */
bool rt__layer_fits(rt_layer_id id, const void *args);

/* ---- parameters ----
 * Each adds a parameter that starts so and returns it; NULL on failure. Layers make all of theirs here, since configurations may want
 * them otherwise: without memory, or tied to another layer's. */
/* Uniform in [-bound, bound). */
rt_tensor *rt__nn_uniform(rt_module *m, const char *name, rt_dims shape, double bound);
/* Normal, with mean 0. */
rt_tensor *rt__nn_normal(rt_module *m, const char *name, rt_dims shape, double std);
/* All elements `value`. */
rt_tensor *rt__nn_constant(rt_module *m, const char *name, rt_dims shape, double value);

/* How the calling thread makes parameters at present. */
typedef struct rt__making {
    bool hollow;           /* without memory, to learn names and shapes */
    const rt_module *like; /* whose parameters of the same name are taken; NULL: none are */
    int64_t taken;         /* how many were */
} rt__making;
/* Sets it and returns the former; NULL: as usual. */
rt__making *rt__nn_make_so(rt__making *how);

/* From now on the present layer makes the parameters of its own child of that name, so that they are tied to those of the other layer's.
 * Returns what to go back to with rt__nn_like. */
const rt_module *rt__nn_like_child(const char *name);
void rt__nn_like(const rt_module *former);

/* ---- sequences [places, features] ---- */
rt_status rt__nn_check_sequence(rt_dims shape);

/* ---- planes [channels, height, width] ---- */
typedef struct rt__window {
    int64_t height, width, stride, padding, dilation;
} rt__window;
/* Replaces height and width by how many places the window has; fails if it has none. */
rt_status rt__nn_slide(const rt__window *w, rt_dims *shape);

#endif
