/* What a module is inside: an object with named slots, each a child or a parameter.
 *
 *     rt__nn_slot_count(m);  m->slots[i].child / .param
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
