/* Builds nets layer by layer, from the outside in, so that each layer has its name from the start. */
#ifndef RINGTORCH_WORKER_ENGINE_NN_SEQUENTIAL_H
#define RINGTORCH_WORKER_ENGINE_NN_SEQUENTIAL_H

#include <ringtorch/nn.h>

typedef struct rt__child_name {
    char text[16];
} rt__child_name;
/* Returns the name of the next layer: "0", "1", ... */
rt__child_name rt__nn_next_name(const rt_module *m);
/* Appends a layer to a sequential or residual module and returns it; NULL on failure. */
rt_module *rt__nn_append(rt_module *m, rt_module *layer);
/* Selects which of m's inputs, by number, m's last layer gets after the one that flows from layer to layer. */
void rt__nn_pick(rt_module *m, const uint8_t *pick, int picks);
/* Sets the shortcut of a residual module, after which no layer can be appended, and returns it; NULL on failure. */
rt_module *rt__nn_close_residual(rt_module *m, rt_module *shortcut);

#endif
