/* Faults made on purpose. A memory error of a chosen moment: one parameter of one rank is another value from the beginning of a phase of one
 * slice of one step until the phase after it.
 *
 *     poison p = {.run = r->run, .step = 3, .slice = 2, .phase = "forward", .element = 0, .value = NAN};
 *     rt_run_on_phase(r->run, poison_phase, &p);      // after rt__stepper_init, which has its own listener
 *     p.now = t;                                      // before each step
 *
 * And a configuration whose sums overflow now and then by themselves.
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_POISON_H
#define RINGTORCH_TESTS_UNIT_WORKER_POISON_H

#include <string.h>
#include "worker/engine/train/run.h"

typedef struct poison {
    rt_run *run;
    int64_t step, slice;
    const char *phase; /* "forward" spoils the loss, "backward" the gradient only */
    int64_t element;   /* of the parameters; negative: from the end */
    float value;       /* what it becomes */
    uint32_t flip;     /* if not 0: which bits of it are flipped instead */
    int64_t now;       /* the step being made */
    float saved;
    bool acting;
} poison;

static inline float *poison_place(const poison *p)
{
    const rt_flat *flat = rt_run_flat(p->run);
    return flat->param + (p->element < 0 ? flat->count : 0) + p->element;
}

static inline void poison_phase(void *ctx, const char *phase, int64_t slice)
{
    poison *p = ctx;
    float *at = poison_place(p);
    if (p->acting)
        *at = p->saved;
    p->acting = p->now == p->step && slice == p->slice && strcmp(phase, p->phase) == 0;
    if (!p->acting)
        return;
    p->saved = *at;
    if (p->flip) {
        uint32_t bits;
        memcpy(&bits, at, sizeof bits);
        bits ^= p->flip;
        memcpy(at, &bits, sizeof bits);
    } else {
        *at = p->value;
    }
}

/* Four steps blow the weights of a linear model up until the sum of the losses of some batches is more than a float can
 * hold, and of others not; from then on each step that is made takes a little off them, so the weights tell how
 * many were. */
__attribute__((unused)) static const char *const overflowing[] = {
    "run.nan_loss=skip",
    "model.layers=[flatten, {linear: 10}]",
    "optimizer.name=adamw",
    "optimizer.lr=1000000",
    "optimizer.weight_decay=2500",
    "schedule.name=step",
    "schedule.step_size=4",
    "schedule.gamma=1e-12",
    "run.steps=30",
    NULL};

#endif
