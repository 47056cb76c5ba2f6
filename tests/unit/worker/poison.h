/* Faults on demand. A memory error at a chosen moment: one parameter of one rank has a wrong value from the beginning
 * of a phase of one slice of one step until the next phase.
 *
 *     poison p = {.run = r->run, .step = 3, .slice = 2, .phase = RT_PHASE_FORWARD, .element = 0, .value = NAN};
 *     rt_run_on_phase(r->run, poison_phase, &p);      // after rt__stepper_init, which has its own listener
 *     p.now = t;                                      // before each step
 *
 * Also a configuration whose sums sometimes overflow by themselves.
 */
#ifndef RINGTORCH_TESTS_UNIT_WORKER_POISON_H
#define RINGTORCH_TESTS_UNIT_WORKER_POISON_H

#include "worker/engine/train/run.h"
#include <string.h>

typedef struct poison {
    rt_run *run;
    int64_t step, slice;
    rt_phase phase;  /* FORWARD spoils the loss, BACKWARD only the gradient */
    int64_t element; /* of the parameters; negative: from the end */
    float value;     /* what it becomes */
    uint32_t flip;   /* if not 0: the bits to flip instead */
    int64_t now;     /* the step being made */
    float saved;
    bool acting;
} poison;

static inline float *poison_place(const poison *p)
{
    const rt_flat *flat = rt_run_flat(p->run);
    return flat->param + (p->element < 0 ? flat->count : 0) + p->element;
}

static inline void poison_phase(void *ctx, rt_phase phase, int64_t slice)
{
    poison *p = ctx;
    float *at = poison_place(p);
    if (p->acting)
        *at = p->saved;
    p->acting = p->now == p->step && slice == p->slice && phase == p->phase;
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

/* Four steps blow up the weights of a linear model until the sum of losses exceeds a float for some batches but not for
 * others. From then on each step that is made reduces the weights a little, so they show how many were made. */
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
