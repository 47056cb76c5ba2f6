/* How a layer of layers.def is written: one file per family, with the module and the functions of an rt_layer_row, through which
 * configurations make it.
 *
 *     rt_module *rt_nn_linear_(rt_nn_linear_args a)
 *     {
 *         static const rt_module_type type = {"linear", sizeof(linear), linear_forward};
 *         linear *l = rt__layer_fits(RT_LAYER_linear, &a) ? rt_nn_new(&type) : NULL;
 *         ... rt_nn_param_uniform(&l->base, "weight", rt_shape(a.out, a.in), bound) ...
 *     }
 *     static rt_status linear_infer(void *args, rt_nn_sample *at) { ... }
 *     RT__LAYER(linear, linear_infer)
 */
#ifndef RINGTORCH_WORKER_ENGINE_NN_LAYERS_H
#define RINGTORCH_WORKER_ENGINE_NN_LAYERS_H

#include "common/config/layers.h"
#include "worker/engine/nn/module.h"
#include <ringtorch/layer.h>

/* Returns the functions of a kind of layer, built in or from a plugin; only the row's infer and make are used here. NULL, with an error, if
 * its plugin is not loaded. Not for groups, which net_json.c builds. */
const rt_layer_row *rt__layer_of(int id);

#define RT__LAYER(id, infers)                                                                      \
    static rt_module *id##_make(const void *args)                                                  \
    {                                                                                              \
        return rt_nn_##id##_(*(const rt_nn_##id##_args *)args);                                    \
    }                                                                                              \
    const rt_layer_row rt__layer_##id = {.infer = infers, .make = id##_make};
#define RT__PLAIN_LAYER(id, infers)                                                                \
    static rt_module *id##_make(const void *args)                                                  \
    {                                                                                              \
        (void)args;                                                                                \
        return rt_nn_##id();                                                                       \
    }                                                                                              \
    const rt_layer_row rt__layer_##id = {.infer = infers, .make = id##_make};
#define RT__DECLARE_LAYER(id, ...) extern const rt_layer_row rt__layer_##id;
#define RT__NO_LAYER(...)
RT_LAYERS(RT__DECLARE_LAYER, RT__DECLARE_LAYER, RT__NO_LAYER)
#undef RT__DECLARE_LAYER

/* Returns whether a constructor may proceed: the thread has not failed, and the arguments lie in their ranges. */
bool rt__layer_fits(rt_layer_id id, const void *args);

/* ---- how parameters are made (ringtorch/layer.h) ---- */

/* How the calling thread currently makes parameters. */
typedef struct rt__making {
    bool hollow; /* without memory, only to learn names and shapes */
    /* a module whose parameters of the same name are used instead; NULL: none */
    const rt_module *like;
    int64_t taken; /* how many of them have been used */
} rt__making;
/* Sets how parameters are made and returns the former setting; NULL: as usual. */
rt__making *rt__nn_set_making(rt__making *how);

/* From now on the current layer ties the parameters of its child of that name to those of the same child of the other layer (`like`).
 * Returns the former module, to be restored with rt__nn_like. */
const rt_module *rt__nn_like_child(const char *name);
void rt__nn_like(const rt_module *former);

/* ---- sequences [places, features] ---- */
rt_status rt__nn_check_sequence(rt_dims shape);
/* Adds the field that says which positions of such a sequence are real, if `name` is given: see rt__nn_present. Fails if the field cannot
 * be a mask, or if none is named although it is needed, because the layer would otherwise see positions that only pad a sample. */
rt_status rt__nn_connect_mask(rt_nn_sample *at, const char *name, bool needed);
/* Returns which of the positions [n, places] are real: float32, 1 or 0. mask: int64 [n], the length of each sample, or float32 [n, places],
 * where 0 marks padding. NULL on failure; `what` begins the message. */
rt_tensor *rt__nn_present(const char *what, rt_tensor *mask, int64_t n, int64_t places);

/* ---- planes [channels, height, width] ---- */
typedef struct rt__window {
    int64_t height, width, stride, padding, dilation;
} rt__window;
/* Replaces height and width by the number of window positions along each; fails if there is none. */
rt_status rt__nn_slide(const rt__window *w, rt_dims *shape);

#endif
