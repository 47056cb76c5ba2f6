/* Flat buffers: all parameters of a net in one range of memory, and their gradients in another with the same layout.
 *
 *     RT_TRY(rt__flat_init(&f, "sgd", net, NULL, 0)); // the net's parameters now live in f.flat.param
 *     RT_TRY(rt__place_init(&p, &f.flat));    // one more buffer that gradients may lie in
 *     RT_TRY(rt__place_use(&p, &f.flat));     // drops the gradients; backward will write new ones here
 *     rt_backward(loss);
 *     rt__place_complete(&p, &f.flat);        // zeros for parameters that the loss did not depend on
 */
#ifndef RINGTORCH_WORKER_ENGINE_OPTIM_FLAT_H
#define RINGTORCH_WORKER_ENGINE_OPTIM_FLAT_H

#include "common/config/optimizer_states.h"
#include <ringtorch/optim.h>

/* A buffer [flat.length] for parameters or gradients, with a tensor over the part of each parameter. */
typedef struct rt__place {
    rt_tensor *buffer;
    rt_tensor **view; /* [entries] */
    int32_t entries;
} rt__place;

typedef struct rt__flat {
    rt_flat flat;
    rt__place home, grad;
} rt__flat;

/* Moves the net's parameters, gradients and buffers into flat buffers, and makes room for the states that do not have the
 * parameters' layout. On failure *f needs no release. `owner` begins the messages. */
rt_status rt__flat_init(rt__flat *f, const char *owner, const rt_module *net,
                        const rt_optimizer_state *state, int states);
/* The parameters stay valid: their homes keep the memory alive. */
void rt__flat_release(rt__flat *f);
/* Returns whether parameter i still has its home here; another optimiser may have taken it over. */
bool rt__flat_is_home(const rt__flat *f, int32_t i);

/* Makes a zeroed buffer with its views. On failure *p needs no release. */
rt_status rt__place_init(rt__place *p, const rt_flat *flat);
void rt__place_release(rt__place *p);
/* Drops all gradients and makes backward write the next ones here. */
rt_status rt__place_use(const rt__place *p, const rt_flat *flat);
/* Fills the parts that backward did not write with zeros. */
void rt__place_complete(const rt__place *p, const rt_flat *flat);

#endif
