/* Builds nets from parsed JSON, for trainers that already hold a configuration.
 *
 *     rt_nn_field fields[] = {{"x", rt_shape(1, 28, 28), RT_F32}, {"y", rt_shape(), RT_I64, .classes = 10}};
 *     rt__net about;
 *     rt_module *net = rt__nn_build(cfg->model.layers, fields, 2, NULL, &about);    // about.result[0]: [10]
 */
#ifndef RINGTORCH_WORKER_ENGINE_NN_NET_JSON_H
#define RINGTORCH_WORKER_ENGINE_NN_NET_JSON_H

#include "common/base/json.h"
#include "worker/engine/nn/layers.h"
#include <ringtorch/nn.h>

/* The fields of a sample that are the inputs of a net, by number. */
typedef struct rt__net_inputs {
    int count;
    int field[RT_NN_TENSORS];
} rt__net_inputs;

/* What a run must know about a net: what it takes, and what it makes of a sample. */
typedef struct rt__net {
    rt__net_inputs inputs;
    int results;
    rt_dims result[RT_NN_TENSORS]; /* shapes, [results] */
    bool exchanges; /* a layer exchanges values between slices (RT_LAYER_EXCHANGES) */
} rt__net;

/* As rt_nn_from_json, but for samples with several fields, [fields]: the first is the input, and layers may take others by name. Errors
 * begin with "model.layers[3]". table (NULL: not wanted) gets one row per layer: [name, [output shape], parameters]. */
rt_module *rt__nn_build(const json_t *layers, const rt_nn_field *field, int fields, json_t *table,
                        rt__net *out);

/* Appends the net's parameters to `layout`, in the order of rt_nn_param_at, and then its saved buffers, without allocating any
 * parameter: each is {"name", "dtype", "shape"}, and a tied one lists its other names in "also". */
rt_status rt__nn_layout(const json_t *layers, const rt_nn_field *field, int fields, json_t *layout);
/* Returns a parameter's entry of the layout; NULL: out of memory. */
json_t *rt__nn_describe_param(const rt_module *net, const char *name, rt_dims shape);
/* The same for a saved buffer. In a layout, buffers follow all parameters. */
json_t *rt__nn_describe_buffer(const rt_module *net, const char *name, rt_dims shape);

#endif
