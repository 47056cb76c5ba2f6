/* Optimisers over flat buffers, and learning-rate schedules.
 *
 *     rt_module *net = rt_nn_sequential(rt_nn_linear(4, 8), rt_nn_relu(), rt_nn_linear(8, 1));
 *     rt_optim *opt = rt_optim_adamw(net, .lr = 1e-3, .weight_decay = 0.01);
 *     rt_optim_group(opt, "*.bias", "{\"weight_decay\": 0}");
 *     for (int64_t t = 0; t < 10; t++) {
 *         rt_scope s = rt_scope_begin();
 *         rt_backward(rt_mean(rt_square(rt_forward(net, rt_randn(rt_shape(16, 4))))));
 *         rt_optim_set_lr(opt, rt_lr_cosine(t, .lr = 1e-3, .warmup = 2, .steps = 10));
 *         rt_optim_step(opt);        // updates every parameter, then clears the gradients
 *         rt_scope_end(s);
 *     }
 *     printf("%d updates\n", (int)rt_optim_updates(opt));   // 10 updates
 *
 * Making an optimiser moves the values and the gradients of the net's parameters, which must be float32,
 * into two flat buffers (rt_flat), and the net's persistent buffers behind the parameters. The tensors
 * then show their places in these buffers. A state with one element for each element of a parameter has a
 * buffer of the same layout, so a shard of the optimiser is a range of elements. All functions here read
 * and write these buffers only: at any time a parameter may be absent or show other memory
 * (rt_param_home in autograd.h). A parameter that is absent when its first optimiser is made gets its
 * value when it is first present, or from rt_nn_load; updates refuse it until then.
 *
 * Lifetime: the current scope owns the optimiser, which keeps the net alive. A net has one optimiser at a
 * time: a second one takes its parameters over. Making an optimiser fails (ARG) while there are views of
 * a parameter or buffer, because they would continue to show the memory that the parameter leaves. The
 * tensor that rt_nn_param or rt_param_present was given, and views made of it before that call, do not
 * count as views of the parameter: they continue to show the old memory and its old values. To see what
 * the optimiser does, make views of the parameter afterwards. */
#ifndef RINGTORCH_OPTIM_H
#define RINGTORCH_OPTIM_H

#include <ringtorch/field.h>
#include <ringtorch/nn.h>
#include <ringtorch/optimizers.def>
#include <ringtorch/schedules.def>

RT_BEGIN_DECLS

/* ---- flat buffers ---- */
enum { RT_FLAT_SCALARS = 16 };

/* A range of the flat buffers. */
typedef struct rt_flat_entry {
    /* "0.weight": of the parameter, of the buffer, or of the parameter that a state belongs to */
    const char *name;
    const char *kind;   /* "param", "buffer", or the name of a state ("row_var") */
    rt_tensor *param;   /* whose value is here, even if it is absent; NULL for a state */
    int64_t begin, end; /* elements in the flat buffers */
} rt_flat_entry;

/* The flat buffers of an optimiser. [0, count) are the parameters of the net in registration
 * order; a parameter with several names is there once. [count, tail) are small things: the
 * persistent buffers of the net, then states of the optimiser that are smaller than the
 * parameters. [tail, length) are RT_FLAT_SCALARS spare elements. There are no gaps.
 *
 * `param` holds their values. In `grad`, the place of a buffer is where a training run adds up
 * what rt_nn_observe reports, and the spare elements carry sums of the step (loss, samples)
 * through the same exact reduction as the gradients; in `param` the spare elements are those of
 * the committed step. The places of states in `grad` are unused. */
typedef struct rt_flat {
    float *param, *grad;         /* [length]; addresses on `device` */
    rt_device device;            /* where the parameters were when the optimiser was made */
    int64_t count, tail, length; /* as above */
    int32_t entries;             /* number of parameters */
    int32_t small;               /* number of small things after them */
    rt_flat_entry *entry;        /* [entries + small] */
} rt_flat;
/* Spare elements, counted from tail. The weight is the sum of the weights of a step's samples, by which the
 * sum of their losses is divided. */
enum { RT_SCALAR_LOSS = 0, RT_SCALAR_COUNT = 1, RT_SCALAR_WEIGHT = 3 };

/* ---- optimisers ----
 * Each rule of optimizers.def has a constructor, rt_optim_<id>, whose arguments are the net, the learning
 * rate and the numbers of the rule. It makes an optimiser, which the current scope owns and which keeps
 * the net; it fails with RANGE for a number that the row of the rule does not allow. */
/* An optimiser. */
typedef struct rt_optim rt_optim;

#define RT_OPTIM_ARGS(section, constant, id, text, FIELDS, help)                                   \
    typedef struct rt_##id##_args {                                                                \
        rt_module *net;                   /* whose parameters are updated */                       \
        double lr RT_DEFAULT(RT_LR_##id); /* the learning rate */                                  \
        RT_STRUCT(FIELDS)                                                                          \
    } rt_##id##_args;                                                                              \
    RT_API rt_optim *rt_optim_##id##_(rt_##id##_args a);
RT_OPTIMIZERS(RT_OPTIM_ARGS)
#define RT_OPTIM_CALL(id, FIELDS, ...)                                                             \
    RT_CALL_WITH_DEFAULTS(rt_optim_##id##_, rt_##id##_args, RT_DEFAULTS(FIELDS).lr = RT_LR_##id,   \
                          net, __VA_ARGS__)

/* Makes an optimiser with the rule v = momentum v + (1 - dampening) g, w -= lr v, where
 * weight_decay w is added to g; as torch.optim.SGD. lr must be given. */
#define rt_optim_sgd(...) RT_OPTIM_CALL(sgd, RT_SGD_FIELDS, __VA_ARGS__)
#define RT_SGD_DEFAULTS   RT_DEFAULTS(RT_SGD_FIELDS).lr = RT_LR_sgd
/* Makes an optimiser with the formulas of torch.optim.AdamW, whose weight_decay is 0.01 by
 * default. */
#define rt_optim_adamw(...) RT_OPTIM_CALL(adamw, RT_ADAMW_FIELDS, __VA_ARGS__)
#define RT_ADAMW_DEFAULTS   RT_DEFAULTS(RT_ADAMW_FIELDS).lr = RT_LR_adamw
/* Makes an optimiser with the formulas of torch.optim.Adam, including .amsgrad. */
#define rt_optim_adam(...) RT_OPTIM_CALL(adam, RT_ADAM_FIELDS, __VA_ARGS__)
#define RT_ADAM_DEFAULTS   RT_DEFAULTS(RT_ADAM_FIELDS).lr = RT_LR_adam
/* Makes an optimiser with algorithm 2 of the paper, with bias correction: d = Adam's step +
 * weight_decay w, and w -= lr d |w| / |d| for each parameter; w -= lr d if |w| or |d| is 0. */
#define rt_optim_lamb(...) RT_OPTIM_CALL(lamb, RT_LAMB_FIELDS, __VA_ARGS__)
#define RT_LAMB_DEFAULTS   RT_DEFAULTS(RT_LAMB_FIELDS).lr = RT_LR_lamb
/* Makes an optimiser with the formulas of torch.optim.Adafactor (PyTorch 2.5). */
#define rt_optim_adafactor(...) RT_OPTIM_CALL(adafactor, RT_ADAFACTOR_FIELDS, __VA_ARGS__)
#define RT_ADAFACTOR_DEFAULTS   RT_DEFAULTS(RT_ADAFACTOR_FIELDS).lr = RT_LR_adafactor

/* Gives the parameters whose names match the pattern (as in rt_nn_freeze) their own numbers: a
 * JSON object with numbers of the rule, and lr_scale, by which their learning rate is multiplied.
 * A parameter belongs to the first group that matches it. Fails with NOTFOUND if no parameter
 * matches that is in no group yet, and with ARG or RANGE for numbers that the rule does not have
 * or allow, and for numbers that decide which states exist. */
RT_API rt_status rt_optim_group(rt_optim *o, const char *pattern, const char *json);

/* Updates all parameters from the gradients that backward left, then clears the gradients. A
 * parameter without a gradient stays unchanged, as in PyTorch: it has no weight decay and no
 * momentum, and its next update is numbered as if this step had not been made. A frozen parameter
 * stays unchanged too. Fails if another optimiser has taken over a parameter. */
RT_API rt_status rt_optim_step(rt_optim *o);
/* Clears the gradients without an update. */
RT_API void rt_optim_zero_grad(rt_optim *o);
/* Sets the learning rate of the following rt_optim_step calls. A rate that is negative or not
 * finite fails, and the old one stays. */
RT_API void rt_optim_set_lr(rt_optim *o, double lr);
/* Returns the learning rate of the following rt_optim_step calls. */
RT_API double rt_optim_lr(const rt_optim *o);

/* ---- for trainers that shard optimisers ---- */
/* Returns the flat buffers, borrowed. */
RT_API const rt_flat *rt_optim_flat(const rt_optim *o);
/* Makes update number `t` (1, 2, ...) of the elements [begin,end) of the flat buffers; each
 * gradient is first multiplied by grad_scale. Any partition of [0,count) gives the same bits as
 * one call. Only the buffers count, and they cannot express that a parameter has no gradient: a
 * parameter that no loss has used is updated with a gradient of 0, so its weight decay, its
 * momentum and the numbering of its updates continue unless rt_optim_set_skipped says otherwise.
 * Frozen parameters stay unchanged. */
RT_API rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                                 double grad_scale);
/* Makes updates leave parameter i (an index into the entries of rt_optim_flat) unchanged, until
 * called again. */
RT_API void rt_optim_set_skipped(rt_optim *o, int32_t i, bool skipped);

/* ---- rules that measure ----
 * Some rules need sums over whole parameters, norms for example, which no shard knows alone. Before the
 * update there are rounds: in each round every worker measures what it owns, all workers get all numbers,
 * and every worker settles:
 *
 *     for (int round = 0; round < rt_optim_rounds(o); round++) {
 *         rt_optim_measure(o, round, begin, end, t, lr, grad_scale);
 *         // all-gather rt_optim_measures(o, round, &count); this worker's part of them is what
 *         // rt_optim_measured(o, round, begin, end, &first, &last) says
 *         rt_optim_settle(o, round, t);
 *     }
 *     rt_optim_update(o, begin, end, t, lr, grad_scale);
 *
 * What is measured belongs to parts of parameters that depend on the net only, and is added in the order
 * of the parts. The result therefore has the same bits for any number of shards, which must begin and end
 * at multiples of RT_BLOCK or at the end. */
/* Returns the number of rounds that come before an update; 0 for rules that need none. */
RT_API int rt_optim_rounds(const rt_optim *o);
/* Measures the parts in [begin,end). */
RT_API rt_status rt_optim_measure(rt_optim *o, int round, int64_t begin, int64_t end, int64_t t,
                                  double lr, double grad_scale);
/* Returns the numbers of a round, borrowed, and how many there are. */
RT_API double *rt_optim_measures(rt_optim *o, int round, int64_t *count);
/* Finds which of the numbers belong to the parts in [begin,end): [*first, *last). */
RT_API void rt_optim_measured(const rt_optim *o, int round, int64_t begin, int64_t end,
                              int64_t *first, int64_t *last);
/* Adds up the numbers of a round, and updates the states that are smaller than the parameters. */
RT_API rt_status rt_optim_settle(rt_optim *o, int round, int64_t t);

/* ---- states and numbers of updates ---- */
/* Returns the number of state buffers that have the layout of the parameters: 2 for adamw; for sgd
 * 1 with momentum and otherwise 0. Smaller states have places in the flat buffer `param` instead. */
RT_API int rt_optim_states(const rt_optim *o);
/* Returns the i-th state buffer [length], borrowed, and its name ("exp_avg") if `name` is not
 * NULL. It is zero before the first update. */
RT_API float *rt_optim_state(const rt_optim *o, int i, const char **name);
/* Returns the name of the rule in optimizers.def, for example "adamw". */
RT_API const char *rt_optim_name(const rt_optim *o);
/* Returns the number of steps made so far. */
RT_API int64_t rt_optim_updates(const rt_optim *o);
/* Sets the number of steps made, when a run resumes; every parameter counts as updated that often. */
RT_API void rt_optim_set_updates(rt_optim *o, int64_t t);
/* Returns how often parameter i (an index into the entries of rt_optim_flat) was updated: less
 * often than there were steps if some of them gave it no gradient. */
RT_API int64_t rt_optim_param_updates(const rt_optim *o, int32_t i);
/* Sets how often parameter i was updated, when a run resumes; call it after rt_optim_set_updates. */
RT_API void rt_optim_set_param_updates(rt_optim *o, int32_t i, int64_t t);

/* ---- norms of gradients ---- */
/* Returns the Euclidean norm of all gradients, times scale: float64 partial sums of blocks of
 * 65,536 elements, then a fixed tree over the blocks. After a backward, parameters without a
 * gradient count as 0; without one, the values in the flat buffer count. */
RT_API double rt_optim_grad_norm(const rt_optim *o, double scale);
/* Returns the sum of squares of the gradients of one block: block b covers [b*65536, (b+1)*65536)
 * of [0,count). */
RT_API double rt_optim_block_square_sum(const rt_optim *o, int64_t block);
/* Returns the norm, from the sums of squares of all blocks, by the fixed tree. */
RT_API double rt_optim_norm_of_blocks(const double *square_sums, int64_t blocks);

/* ---- schedules ----
 * Each schedule of schedules.def has a pure function rt_lr_<id>, which returns the learning rate of step t
 * (0, 1, ...). Its arguments are the step, those that all schedules have, and the numbers of the schedule:
 *
 *     double lr = rt_lr_cosine(t, .lr = 1e-3, .warmup = 100, .steps = 5000, .min_lr = 1e-5);
 */
#define RT_SCHEDULE_ARGS(section, constant, id, text, FIELDS, help)                                \
    typedef struct rt_lr_##id##_args {                                                             \
        int64_t t;      /* the step, from 0 */                                                     \
        double lr;      /* the peak */                                                             \
        int64_t warmup; /* linear from lr/warmup at t = 0 to lr at t = warmup - 1; 0: none */      \
        int64_t steps;  /* after which a schedule that has an end is over */                       \
        RT_STRUCT(FIELDS)                                                                          \
    } rt_lr_##id##_args;                                                                           \
    RT_API double rt_lr_##id##_(rt_lr_##id##_args a);
RT_SCHEDULES(RT_SCHEDULE_ARGS)
#define RT_LR_CALL(id, FIELDS, ...)                                                                \
    RT_CALL_WITH_DEFAULTS(rt_lr_##id##_, rt_lr_##id##_args, RT_DEFAULTS(FIELDS).warmup = 0, t,     \
                          __VA_ARGS__)

/* Returns lr. */
#define rt_lr_constant(...) RT_LR_CALL(constant, RT_CONSTANT_FIELDS, __VA_ARGS__)
/* Returns lr gamma^k after k * step_size steps. */
#define rt_lr_step(...) RT_LR_CALL(step, RT_STEP_FIELDS, __VA_ARGS__)
/* Returns half a cosine from lr, at the end of the warm-up, to min_lr at t = steps (Loshchilov and
 * Hutter 2017). */
#define rt_lr_cosine(...) RT_LR_CALL(cosine, RT_COSINE_FIELDS, __VA_ARGS__)

RT_END_DECLS

#endif
