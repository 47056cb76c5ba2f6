/* What a module is inside: an object with named slots, each a child or a parameter.
 *
 *     for (int32_t i = 0; i < m->slot_count; i++)
 *         if (m->slots[i].child) ... else ... m->slots[i].param ...
 */
#ifndef RINGTORCH_ENGINE_NN_MODULE_H
#define RINGTORCH_ENGINE_NN_MODULE_H

#include <ringtorch/nn.h>

struct rt_module_slot {
    char *name;       /* "0", "weight" */
    rt_module *child; /* one of these two is set, and owned */
    rt_tensor *param;
    char *full_name; /* of a parameter, as last asked for by rt_nn_param_at; may be NULL */
};

#endif
