/* Nets from parsed JSON, for trainers that already hold a configuration.
 *
 *     rt__sample sample = {rt_shape(1, 28, 28), RT_F32};
 *     rt_module *net = rt__nn_build(cfg->model.layers, &sample, NULL);    // sample.dims: [10]
 */
#ifndef RINGTORCH_ENGINE_NN_NET_JSON_H
#define RINGTORCH_ENGINE_NN_NET_JSON_H

#include <ringtorch/nn.h>
#include "common/json.h"
#include "worker/engine/nn/layers.h"

/* As rt_nn_from_json, but errors begin with "model.layers[3]"; *sample, one of the input, becomes what it is behind the last layer. table (NULL: not wanted) gets a row for each
 * layer: [name, [shape behind it], parameters]. */
rt_module *rt__nn_build(const json_t *layers, rt__sample *sample, json_t *table);

/* Appends to `layout` what the parameters of that net would be, in the order of rt_nn_param_at, and then its buffers that are saved,
 * without taking memory for any parameter: {"name", "dtype", "shape"} each. */
rt_status rt__nn_layout(const json_t *layers, rt__sample sample, json_t *layout);
/* Such an entry; NULL: out of memory. */
json_t *rt__nn_describe_param(const char *name, rt_dims shape);
/* The same of a buffer that is saved. In a layout buffers come behind all parameters. */
json_t *rt__nn_describe_buffer(const char *name, rt_dims shape);

#endif
