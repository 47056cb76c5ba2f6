/* An optimiser: flat buffers, a rule, and the rule's state.
 *
 *     static const rt__rule rule = {"sgd", {"momentum_buffer"}, sgd_update};
 *     return rt__optim_new(net, &rule, 1, (rt__hyper){.sgd = s}, s.lr);    // owned by the scope
 */
#ifndef RINGTORCH_ENGINE_OPTIM_RULE_H
#define RINGTORCH_ENGINE_OPTIM_RULE_H

#include "kernels/kernels.h"
#include "worker/engine/base/object.h"
#include "worker/engine/optim/flat.h"

enum { RT__STATES = 2 };

/* What every update of a run has in common. */
typedef union rt__hyper {
    rt_sgd_shape sgd;
    rt_adamw_shape adamw;
} rt__hyper;

/* One update of a range of n elements: p, g and the states are its first ones. */
typedef struct rt__range_update {
    rt_exec *exec;
    rt__hyper hyper;
    int64_t n, t;
    double lr, grad_scale;
    float *p;
    const float *g;
    float *state[RT__STATES];
} rt__range_update;

typedef struct rt__rule {
    const char *name;
    const char *state[RT__STATES]; /* names, as torch.optim's */
    void (*update)(rt__range_update *u);
} rt__rule;

struct rt_optim {
    rt_object object;
    const rt__rule *rule;
    rt__hyper hyper;
    double lr;
    int64_t updates; /* steps made */
    int64_t *made;   /* [entries]: updates of each parameter, fewer where it had no gradient */
    rt_module *net;  /* owned */
    rt__flat flat;
    int states;
    rt_tensor *state[RT__STATES]; /* [flat.length] each */
};

/* states: how many of the rule's are in use (momentum 0 needs none). */
rt_optim *rt__optim_new(rt_module *net, const rt__rule *rule, int states, rt__hyper hyper,
                        double lr);

/* As the public constructors, but every value is taken as it is, 0 included. */
rt_optim *rt__optim_sgd(rt_module *net, rt_sgd_shape s);
rt_optim *rt__optim_adamw(rt_module *net, rt_adamw_shape s);

#endif
