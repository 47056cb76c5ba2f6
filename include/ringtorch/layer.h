/* Layers of your own, for configurations with `model: {layers: [{shift: {by: 2}}, ...]}`.
 *
 *     #define SHIFT_FIELDS(F) F(NUMBER, by, 1, RT_WITHIN(-10, 10), "what is added")
 *     typedef struct shift_options { RT_STRUCT(SHIFT_FIELDS) } shift_options;
 *     typedef struct shift { rt_module base; double by; } shift;
 *
 *     static rt_tensor *shift_forward(rt_module *m, rt_tensor *x)
 *     {
 *         return rt_add_scalar(x, ((shift *)m)->by);
 *     }
 *     static rt_module *shift_make(const void *options)
 *     {
 *         static const rt_module_type type = {
 *             .name = "shift", .size = sizeof(shift), .forward = shift_forward};
 *         shift *s = rt_nn_new(&type);
 *         if (s)
 *             s->by = ((const shift_options *)options)->by;
 *         return s ? &s->base : NULL;
 *     }
 *     static const rt_layer_row shift_row = {
 *         .name = "shift", .help = "x + by", RT_OPTIONS(shift_options, SHIFT_FIELDS), .make = shift_make};
 *     RT_PLUGIN(.name = "mine", .layers = RT_PLUGIN_LIST(rt_layer_row, &shift_row))
 *
 *     rt_plugin_load("./mine.so");
 *     rt_module *net = rt_nn_from_json("[{\"shift\": {\"by\": 2}}]", rt_shape(3));
 *     printf("%g\n", rt_item(rt_sum(rt_forward(net, rt_zeros(rt_shape(1, 3))))));   // 6
 *
 * A layer that changes the shape of a sample, or has options that follow from that shape (RT_INFERRED),
 * also has .infer. Make its parameters with rt_nn_param_uniform and the functions beside it: then a net
 * can be inspected without memory for its parameters, and layers can be tied.
 *
 * The functions of a layer must not throw a C++ exception or longjmp: that would leave the library's
 * scopes and its recording in the state of the interrupted call. Catch inside, and fail with rt_fail.
 *
 * Lifetime: a row lives as long as the program; the module that .make returns belongs to the current
 * scope. A plugin makes rows known to configurations (plugin.h). */
#ifndef RINGTORCH_LAYER_H
#define RINGTORCH_LAYER_H

#include <ringtorch/nn.h>
#include <ringtorch/options.h>

RT_BEGIN_DECLS

/* A field of the samples that a net is built for. */
typedef struct rt_nn_field {
    const char *name; /* of the field */
    rt_dims dims;     /* the shape in one sample */
    rt_dtype dtype;   /* the type of its elements */
    /* of tokens: how many different ones there are, 0 to classes - 1; 0: not known */
    int64_t classes;
    bool varies; /* the length differs between samples: dims.d[0] is the maximum */
} rt_nn_field;

/* The shape and type of one sample between two layers. */
typedef struct rt_nn_sample {
    rt_dims dims;    /* [28, 28] is one grey image; a forward function sees [n, 28, 28] */
    rt_dtype dtype;  /* the type of its elements */
    int64_t classes; /* as in rt_nn_field */
    bool varies;     /* as in rt_nn_field: batches are padded, and layers must ignore the padding */
    /* What layers may name: the fields of the samples, [fields]. The first is the net's first input. */
    const rt_nn_field *field;
    int fields; /* number of fields */
    /* The indices of the fields that the current layer takes after its input; rt_nn_take adds to
     * them. */
    uint8_t takes[RT_NN_TENSORS];
    int taken; /* how many */
} rt_nn_sample;

/* A layer that configurations can name. */
typedef struct rt_layer_row {
    const char *name;   /* in configurations: lower-case letters, digits and _ */
    const char *help;   /* one line: the formula, the shapes of parameters */
    unsigned flags;     /* RT_LAYER_TOKENS, ... (layers.def) */
    rt_options options; /* its options in configurations */
    /* Turns the sample before the layer into the one after it, and sets the RT_INFERRED options. Fails
     * if the layer cannot take such samples. NULL: the layer changes neither shape nor type and has no
     * such options. `options` is the layer's struct; NULL for a layer without options. */
    rt_status (*infer)(void *options, rt_nn_sample *at);
    /* Makes the module, owned by the current scope; returns NULL on failure. The module has one input
     * and one result, or as many inputs as rt_nn_take took. */
    rt_module *(*make)(const void *options);
} rt_layer_row;

/* Gives the layer, in its infer function, the field with that name as one more input, and returns
 * the field. If there is none, fails with a message that lists the fields, and returns NULL. */
RT_API const rt_nn_field *rt_nn_take(rt_nn_sample *at, const char *name);

/* ---- parameters ----
 * Each function adds a parameter with these initial values and returns it; NULL on failure. */
/* Adds a float32 parameter with numbers uniform in [-bound, bound). */
RT_API rt_tensor *rt_nn_param_uniform(rt_module *m, const char *name, rt_dims shape, double bound);
/* Adds a float32 parameter with normal numbers of mean 0 and standard deviation `std`. */
RT_API rt_tensor *rt_nn_param_normal(rt_module *m, const char *name, rt_dims shape, double std);
/* Adds a float32 parameter whose elements are all `value`. */
RT_API rt_tensor *rt_nn_param_constant(rt_module *m, const char *name, rt_dims shape, double value);

RT_END_DECLS

#endif
