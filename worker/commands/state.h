/* The state that a checkpoint holds, put together from its pieces; needs no model and no data.
 *
 *     rt__state s;
 *     RT_TRY(rt__state_load(&saved, true, &s));
 *     for (int32_t i = 0; i < s.tensors; i++)
 *         use(s.entry[i].name, s.shape[i], s.data[0] + s.entry[i].begin);
 *     rt__state_release(&s);
 */
#ifndef RINGTORCH_WORKER_COMMANDS_STATE_H
#define RINGTORCH_WORKER_COMMANDS_STATE_H

#include "worker/restore.h"

typedef struct rt__state {
    rt_flat_entry
        *entry;     /* [tensors] in order of the layout; names are borrowed from the checkpoint */
    rt_dims *shape; /* [tensors] */
    int32_t tensors;
    int kinds;
    const char
        *kind[RT__KINDS_MAX];   /* "param", then the states of the optimiser, if they are wanted */
    float *data[RT__KINDS_MAX]; /* all tensors of a kind, one after the other */
} rt__state;

/* Loads the parameters, and the optimiser's states too if they are wanted. */
rt_status rt__state_load(const rt_saved *saved, bool optimizer_too, rt__state *out);
void rt__state_release(rt__state *s);

#endif
