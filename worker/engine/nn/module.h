/* What a module is inside: an object with named slots, each a child or a parameter.
 *
 *     for (int32_t i = 0; i < m->slot_count; i++)
 *         if (m->slots[i].child) ... else ... m->slots[i].param ...
 */
#ifndef RINGTORCH_ENGINE_NN_MODULE_H
#define RINGTORCH_ENGINE_NN_MODULE_H

#include <ringtorch/nn.h>
#include "worker/engine/base/object.h"

struct rt_module_slot {
    char *name;       /* "0", "weight" */
    rt_module *child; /* one of these two is set, and owned */
    rt_tensor *param;
    char *full_name; /* of a parameter, as last asked for by rt_nn_param_at; may be NULL */
};

extern const rt_object_type rt__module_type;

/* Is m a module? If not, fails as rt__object_is does; `what` opens the message. */
static inline bool rt__is_module(const char *what, const rt_module *m)
{
    return rt__object_is(m, &rt__module_type, what, 1);
}

#endif
