/* Nets from parsed JSON, for trainers that already hold a configuration.
 *
 *     rt_dims out;
 *     rt_module *net = rt__nn_build(cfg->model.layers, rt_shape(1, 28, 28), &out, NULL);    // out: [10]
 */
#ifndef RINGTORCH_ENGINE_NN_NET_JSON_H
#define RINGTORCH_ENGINE_NN_NET_JSON_H

#include <ringtorch/nn.h>
#include "common/json.h"

/* As rt_nn_from_json; *output becomes the shape that one sample has behind the last layer. table (NULL: not wanted) gets
 * a row for each layer: [name, [shape behind it], parameters]. */
rt_module *rt__nn_build(json_t *layers, rt_dims input, rt_dims *output, json_t *table);

/* Appends to `layout` what the parameters of that net would be, in the order of rt_nn_param_at, without taking memory for
 * any of them: {"name", "dtype", "shape"} each. */
rt_status rt__nn_layout(json_t *layers, rt_dims input, json_t *layout);
/* Such an entry; NULL: out of memory. */
json_t *rt__nn_describe_param(const char *name, rt_dims shape);
/* The same of a buffer that is saved. In a layout buffers come behind all parameters. */
json_t *rt__nn_describe_buffer(const char *name, rt_dims shape);

#endif
