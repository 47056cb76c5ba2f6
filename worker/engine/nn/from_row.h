/* A layer that a plugin's row has made: where it stands in its net, and what its .infer has said of its result. So a mistake in its
 * forward function is told with the layer that made it, not with the next one.
 *
 *     RT_TRY(rt__from_row_set(m, row, f, at, &before, &after));
 *     ...
 *     rt__from_row_check(m, x, y);     // "model.layers[1]: layer shift of the plugin mine: forward: returned float32[16,3] cpu, ..."
 */
#ifndef RINGTORCH_WORKER_ENGINE_NN_FROM_ROW_H
#define RINGTORCH_WORKER_ENGINE_NN_FROM_ROW_H

#include "common/config/layers.h"
#include "worker/engine/nn/module.h"
#include <ringtorch/layer.h>

/* Samples before or after a layer, as the net was built for them. */
typedef struct rt__samples_at {
    rt_dims dims;
    rt_dtype dtype;
    bool varies; /* the first size is the largest one */
} rt__samples_at;

struct rt__from_row {
    const rt__layer_row *row;
    char *place; /* owned */
    rt__samples_at before, after;
    bool infers; /* the row has .infer */
};

/* Notes that the row of a plugin, whose functions are f, has made m for this place, where .infer has turned samples like `before` into
 * ones like `after`. */
rt_status rt__from_row_set(rt_module *m, const rt__layer_row *row, const rt_layer_row *f,
                           const rt_layer_place *at, const rt_nn_sample *before,
                           const rt_nn_sample *after);
void rt__from_row_free(struct rt__from_row *from);

/* Fails unless m, which a row has made, gave for x what .infer promised. Samples of another shape than the net was built for are
 * not checked, nor is a call without input or result, where x or y is NULL. Any failure in the slot, this one or one of the
 * forward function, is told with place, row and plugin. */
rt_status rt__from_row_check(const rt_module *m, const rt_tensor *x, const rt_tensor *y);

#endif
