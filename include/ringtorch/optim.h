/* Optimisers over flat buffers, and learning-rate schedules.
 *
 *     rt_optim *opt = rt_optim_adamw(net, .lr = 1e-3, .weight_decay = 0.01);
 *     rt_optim_group(opt, "*.bias", "{\"weight_decay\": 0}");
 *     rt_backward(loss);
 *     rt_optim_step(opt);            // updates every parameter, then clears the gradients
 *
 * Making an optimiser moves the net's parameters and gradients into two flat float32 buffers (rt_flat), and its persistent buffers
 * behind the parameters; the tensors become views into them. States that have an element for each of the parameters' have buffers of
 * the same layout, so a shard of the optimiser is a range of elements. A net has one optimiser at a time: a second one takes the
 * parameters over. */
#ifndef RINGTORCH_OPTIM_H
#define RINGTORCH_OPTIM_H

#include <ringtorch/field.h>
#include <ringtorch/nn.h>
#include <ringtorch/optimizers.def>
#include <ringtorch/schedules.def>

RT_BEGIN_DECLS

/* ---- flat buffers ---- */
enum { RT_FLAT_SCALARS = 16 };

typedef struct rt_flat_entry {
    const char *
        name; /* "0.weight": of the parameter, of the buffer, or of the parameter that a state belongs to */
    const char *kind;   /* "param", "buffer", or the name of a state ("row_var") */
    rt_tensor *param;   /* view into param; NULL for a state */
    int64_t begin, end; /* elements in the flat buffers */
} rt_flat_entry;

/* [0, count) parameters of a net in registration order, one of several names once; [count, tail) small things: the net's persistent
 * buffers, then states of the optimiser that are smaller than the parameters; [tail, length) RT_FLAT_SCALARS spare elements. No gaps.
 *
 * `param` holds their values. In `grad` the place of a buffer is where a training run sums what rt_nn_observe is told, and the spare
 * elements carry a step's sums (loss, samples) through the same exact reduction as the gradients; in `param` those are the committed
 * ones. In `grad` nothing stands in the places of states. */
typedef struct rt_flat {
    float *param, *grad; /* [length]; addresses on `device` */
    rt_device device;    /* where the parameters lay when the optimiser was made */
    int64_t count, tail, length;
    int32_t entries;      /* parameters */
    int32_t small;        /* what lies behind them */
    rt_flat_entry *entry; /* [entries + small] */
} rt_flat;
/* Places from tail on. Weight: what the samples of a step count in its loss, by which the sum of their losses is divided. */
enum { RT_SCALAR_LOSS = 0, RT_SCALAR_COUNT = 1, RT_SCALAR_WEIGHT = 3 };

/* ---- optimisers ---- */
typedef struct rt_optim rt_optim;

/* Each rule of optimizers.def has a constructor, rt_optim_<id>, whose arguments are the net, the learning rate and the rule's numbers:
 *
 *     typedef struct rt_sgd_args { rt_module *net; double lr, momentum, ...; } rt_sgd_args;
 *     rt_optim *rt_optim_sgd_(rt_sgd_args a);
 *
 * It makes one, owned by the current scope; it keeps the net. Fails (RANGE) for a number that the rule's row does not allow. */
#define RT_OPTIM_ARGS(section, constant, id, text, FIELDS, help)                                   \
    typedef struct rt_##id##_args {                                                                \
        rt_module *net;                                                                            \
        double lr RT_DEFAULT(RT_LR_##id);                                                          \
        RT_STRUCT(FIELDS)                                                                          \
    } rt_##id##_args;                                                                              \
    rt_optim *rt_optim_##id##_(rt_##id##_args a);
RT_OPTIMIZERS(RT_OPTIM_ARGS)
#define RT_OPTIM_CALL(id, FIELDS, ...)                                                             \
    RT_CALL_WITH_DEFAULTS(rt_optim_##id##_, rt_##id##_args, RT_DEFAULTS(FIELDS).lr = RT_LR_##id,   \
                          net, __VA_ARGS__)

/* v = momentum v + (1 - dampening) g, w -= lr v, g with weight_decay w added; as torch.optim.SGD. lr must be given. */
#define rt_optim_sgd(...) RT_OPTIM_CALL(sgd, RT_SGD_FIELDS, __VA_ARGS__)
#define RT_SGD_DEFAULTS   RT_DEFAULTS(RT_SGD_FIELDS).lr = RT_LR_sgd
/* Loshchilov and Hutter 2019, decoupled weight decay; formulas of torch.optim.AdamW, whose weight_decay is 0.01 by default. */
#define rt_optim_adamw(...) RT_OPTIM_CALL(adamw, RT_ADAMW_FIELDS, __VA_ARGS__)
#define RT_ADAMW_DEFAULTS   RT_DEFAULTS(RT_ADAMW_FIELDS).lr = RT_LR_adamw
/* Kingma and Ba 2015; formulas of torch.optim.Adam, .amsgrad included. */
#define rt_optim_adam(...) RT_OPTIM_CALL(adam, RT_ADAM_FIELDS, __VA_ARGS__)
#define RT_ADAM_DEFAULTS   RT_DEFAULTS(RT_ADAM_FIELDS).lr = RT_LR_adam
/* You et al. 2020, algorithm 2, with bias correction: d = Adam's step + weight_decay w, w -= lr d |w| / |d| over each parameter;
 * w -= lr d where one of the two is 0. */
#define rt_optim_lamb(...) RT_OPTIM_CALL(lamb, RT_LAMB_FIELDS, __VA_ARGS__)
#define RT_LAMB_DEFAULTS   RT_DEFAULTS(RT_LAMB_FIELDS).lr = RT_LR_lamb
/* Shazeer and Stern 2018; formulas of torch.optim.Adafactor (PyTorch 2.5). */
#define rt_optim_adafactor(...) RT_OPTIM_CALL(adafactor, RT_ADAFACTOR_FIELDS, __VA_ARGS__)
#define RT_ADAFACTOR_DEFAULTS   RT_DEFAULTS(RT_ADAFACTOR_FIELDS).lr = RT_LR_adafactor

/* Gives the parameters whose names match the pattern (as in rt_nn_freeze) numbers of their own: a JSON object of the rule's numbers, and
 * lr_scale, by which their learning rate is multiplied. A parameter is in the first group that matches it. Fails (NOTFOUND) if
 * there is none that is in no group yet, (ARG, RANGE) for numbers that the rule has not or does not allow, and for those that decide
 * which states there are. */
rt_status rt_optim_group(rt_optim *o, const char *pattern, const char *json);

/* One update of everything from the gradients that backward left; then the gradients are cleared.
 * A parameter without a gradient stays as it is, as in PyTorch: no weight decay, no momentum, and its
 * next update is numbered as if this step had not been. So does a frozen one. Fails if another optimiser has taken a
 * parameter over since. */
rt_status rt_optim_step(rt_optim *o);
/* Clears the gradients without an update. */
void rt_optim_zero_grad(rt_optim *o);
/* The rate that rt_optim_step takes from now on. One that is negative or not finite fails, and the
 * old one stays. */
void rt_optim_set_lr(rt_optim *o, double lr);
/* Returns that rate. */
double rt_optim_lr(const rt_optim *o);

/* ---- for a trainer that shards them ---- */

/* The buffers; borrowed. */
const rt_flat *rt_optim_flat(const rt_optim *o);
/* Updates elements [begin,end) of the flat buffers as update number `t` (1, 2, ...), gradients
 * times grad_scale first. Any partition of [0,count) gives the same bits as one call. The buffer is all
 * that counts, and it cannot say that a parameter has no gradient: one that no loss has used is
 * updated by a gradient of 0, so its weight decay, its momentum and the numbering of its updates go on, unless rt_optim_set_skipped
 * says otherwise. Frozen parameters stay as they are. */
rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                          double grad_scale);
/* Lets updates leave parameter i (of rt_optim_flat's entries) as it is, until it is told otherwise. */
void rt_optim_set_skipped(rt_optim *o, int32_t i, bool skipped);

/* Some rules need sums over whole parameters, such as norms, which no shard knows alone: before the update come rounds, in each of which
 * everybody measures what he owns, all learn of everything, and everybody settles:
 *
 *     for (int round = 0; round < rt_optim_rounds(o); round++) {
 *         rt_optim_measure(o, round, begin, end, t, lr, grad_scale);
 *         ... all-gather rt_optim_measures(o, round, &count), of which those of rt_optim_measured(o, round, begin, end, ...) are mine ...
 *         rt_optim_settle(o, round, t);
 *     }
 *     rt_optim_update(o, begin, end, t, lr, grad_scale);
 *
 * What is measured belongs to parts of parameters that depend on nothing but the net, and is added in their order: the same
 * bits for any number of shards, which must begin and end at multiples of RT_BLOCK or at the end. */
int rt_optim_rounds(const rt_optim *o); /* 0: none */
/* Measures the parts in [begin,end). */
rt_status rt_optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t, double lr,
                           double grad_scale);
/* Returns the numbers of a round, borrowed, and how many there are. */
double *rt_optim_measures(rt_optim *o, int round, int64_t *count);
/* Writes which of them the parts in [begin,end) have: [*first, *last). */
void rt_optim_measured(const rt_optim *o, int round, int64_t begin, int64_t end, int64_t *first,
                       int64_t *last);
/* Adds up; updates the states that are smaller than the parameters. */
rt_status rt_optim_settle(rt_optim *o, int round, int64_t t);

/* How many state buffers there are: 2 for AdamW, 0 or 1 for SGD. Smaller states have places in the flat buffer `param` instead. */
int rt_optim_states(const rt_optim *o);
/* The i-th one, [length], zero before the first update; its name ("exp_avg") if `name` is not NULL. Borrowed. */
float *rt_optim_state(const rt_optim *o, int i, const char **name);
/* "adamw" or "sgd". */
const char *rt_optim_name(const rt_optim *o);
/* The number of steps made so far. */
int64_t rt_optim_updates(const rt_optim *o);
/* Sets it, on resuming, and takes every parameter to have been updated as often. */
void rt_optim_set_updates(rt_optim *o, int64_t t);
/* How often parameter i (of rt_optim_flat's entries) was updated: less often than there were steps
 * if some gave it no gradient. */
int64_t rt_optim_param_updates(const rt_optim *o, int32_t i);
/* Sets it, on resuming, after rt_optim_set_updates. */
void rt_optim_set_param_updates(rt_optim *o, int32_t i, int64_t t);

/* Euclidean norm of all gradients, times scale: float64 partial sums per block of 65,536, then a
 * fixed tree over blocks. After a backward, parameters without a gradient count as 0; if there was
 * none, what was written into the flat buffer counts. */
double rt_optim_grad_norm(const rt_optim *o, double scale);
/* Sum of squares of one block's gradients: block b covers [b*65536, (b+1)*65536) of [0,count). */
double rt_optim_block_square_sum(const rt_optim *o, int64_t block);
/* The fixed tree that combines all blocks' sums into a norm. */
double rt_optim_norm_of_blocks(const double *square_sums, int64_t blocks);

/* ---- schedules: the learning rate of step t (0, 1, ...), a pure function ----
 *
 *     double lr = rt_lr_cosine(t, .lr = 1e-3, .warmup = 100, .steps = 5000, .min_lr = 1e-5);
 *
 * Each schedule of schedules.def has a function rt_lr_<id>, whose arguments are the step, what all schedules have, and the schedule's
 * numbers. */
#define RT_SCHEDULE_ARGS(section, constant, id, text, FIELDS, help)                                \
    typedef struct rt_lr_##id##_args {                                                             \
        int64_t t;                                                                                 \
        double lr;      /* the peak */                                                             \
        int64_t warmup; /* linear from lr/warmup at t = 0 to lr at t = warmup - 1; 0: none */      \
        int64_t steps;  /* after which a schedule that has an end is over */                       \
        RT_STRUCT(FIELDS)                                                                          \
    } rt_lr_##id##_args;                                                                           \
    double rt_lr_##id##_(rt_lr_##id##_args a);
RT_SCHEDULES(RT_SCHEDULE_ARGS)
#define RT_LR_CALL(id, FIELDS, ...)                                                                \
    RT_CALL_WITH_DEFAULTS(rt_lr_##id##_, rt_lr_##id##_args, RT_DEFAULTS(FIELDS).warmup = 0, t,     \
                          __VA_ARGS__)

/* lr */
#define rt_lr_constant(...) RT_LR_CALL(constant, RT_CONSTANT_FIELDS, __VA_ARGS__)
/* lr gamma^k after k times step_size steps */
#define rt_lr_step(...) RT_LR_CALL(step, RT_STEP_FIELDS, __VA_ARGS__)
/* half a cosine from lr, at the end of the warm-up, to min_lr at t = steps (Loshchilov and Hutter 2017) */
#define rt_lr_cosine(...) RT_LR_CALL(cosine, RT_COSINE_FIELDS, __VA_ARGS__)

RT_END_DECLS

#endif
