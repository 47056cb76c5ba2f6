/* Flat buffers: all parameters of a net in one range of memory, their gradients in another of the
 * same layout.
 *
 *     RT_TRY(rt__flat_init(&f, net, NULL, 0)); // the net's parameters are views into f.flat.param
 *     RT_TRY(rt__place_init(&p, &f.flat));    // one more buffer that gradients may lie in
 *     RT_TRY(rt__place_use(&p, &f.flat));     // gradients are empty, and will be written there
 *     rt_backward(loss);
 *     rt__place_complete(&p, &f.flat);        // zeros for what the loss did not depend on
 */
#ifndef RINGTORCH_ENGINE_OPTIM_FLAT_H
#define RINGTORCH_ENGINE_OPTIM_FLAT_H

#include <ringtorch/optim.h>
#include "common/optimizer_states.h"

/* A buffer [flat.length] in which gradients may lie, and its views with the parameters' shapes. */
typedef struct rt__place {
    rt_tensor *buffer;
    rt_tensor **view; /* [entries] */
    int32_t entries;
} rt__place;

typedef struct rt__flat {
    rt_flat flat;
    rt_tensor *param;
    rt__place grad;
} rt__flat;

/* Moves the net's parameters, gradients and buffers, and makes room for those states that are not like the parameters. On failure *f
 * holds nothing that needs a release. */
rt_status rt__flat_init(rt__flat *f, const rt_module *net, const rt_optimizer_state *state,
                        int states);
/* The parameters live on in their tensors, which share the storage. */
void rt__flat_release(rt__flat *f);

/* Makes a zeroed buffer with its views. On failure *p needs no release. */
rt_status rt__place_init(rt__place *p, const rt_flat *flat);
void rt__place_release(rt__place *p);
/* Empties all gradients and lets backward write the next ones here. */
rt_status rt__place_use(const rt__place *p, const rt_flat *flat);
/* Fills what backward left out with zeros. */
void rt__place_complete(const rt__place *p, const rt_flat *flat);

#endif
