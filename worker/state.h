/* Assembles the state in a checkpoint from its pieces; needs neither model nor data.
 *
 *     rt__state s;
 *     RT_TRY(rt__state_load(&saved, true, &s));
 *     for (int64_t i = 0; i < s.parts.count; i++)
 *         use(s.parts.part[i].kind, s.parts.part[i].tensor, s.data + s.parts.part[i].at);
 *     rt__state_release(&s);
 */
#ifndef RINGTORCH_WORKER_STATE_H
#define RINGTORCH_WORKER_STATE_H

#include "common/state/saved_parts.h"
#include "worker/restore.h"

typedef struct rt__state {
    rt_saved_parts parts; /* names are borrowed from the checkpoint */
    int64_t count;        /* of the loaded parts, which come first */
    float *data;          /* part i begins at parts.part[i].at */
} rt__state;

/* Loads parameters and buffers, and if `optimizer_too` the optimiser's states. */
rt_status rt__state_load(const rt_saved *saved, bool optimizer_too, rt__state *out);
void rt__state_release(rt__state *s);

#endif
