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

#endif
