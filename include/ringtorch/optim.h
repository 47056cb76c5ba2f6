/* Optimisers over flat buffers, and learning-rate schedules.
 *
 *     rt_optim *opt = rt_optim_adamw(net, .lr = 1e-3, .weight_decay = 0.01);
 *     rt_backward(loss);
 *     rt_optim_step(opt);            // updates every parameter, then clears the gradients
 *
 * Making an optimiser moves the net's parameters and gradients into two flat float32 buffers
 * (rt_flat); the tensors become views into them. State buffers have the same layout, so a shard of
 * the optimiser is a range of elements. A net has one optimiser at a time: a second one takes the
 * parameters over. */
#ifndef RINGTORCH_OPTIM_H
#define RINGTORCH_OPTIM_H

#include <ringtorch/nn.h>

RT_BEGIN_DECLS

/* ---- flat buffers ---- */
enum { RT_FLAT_SCALARS = 16 };

typedef struct rt_flat_entry {
    const char *name;   /* "0.weight" */
    rt_tensor *param;   /* view into param */
    int64_t begin, end; /* elements in the flat buffers */
} rt_flat_entry;

/* All parameters of a net in registration order without gaps, then RT_FLAT_SCALARS spare elements:
 * in `grad` they carry a step's sums (loss, samples) through the same exact reduction as the
 * gradients, in `param` the committed ones. */
typedef struct rt_flat {
    float *param, *grad; /* [length] */
    int64_t count;       /* elements of parameters */
    int64_t length;      /* count + RT_FLAT_SCALARS */
    int32_t entries;
    rt_flat_entry *entry; /* [entries] */
} rt_flat;
/* Places in the tail. Weight: what the samples of a step count in its loss, by which the sum of their losses is divided. */
enum { RT_SCALAR_LOSS = 0, RT_SCALAR_COUNT = 1, RT_SCALAR_WEIGHT = 3 };

/* ---- optimisers ---- */
typedef struct rt_optim rt_optim;

typedef struct rt_sgd_args {
    rt_module *net;
    double lr RT_DEFAULT(__builtin_nan("")); /* required: NaN is refused */
    double momentum, dampening, weight_decay;
    bool nesterov; /* needs momentum > 0 and no dampening */
} rt_sgd_args;
#define RT_SGD_DEFAULTS .lr = __builtin_nan("")
#define rt_optim_sgd(...)                                                                          \
    RT_CALL_WITH_DEFAULTS(rt_optim_sgd_, rt_sgd_args, RT_SGD_DEFAULTS, net, __VA_ARGS__)
/* v = momentum v + (1 - dampening) g, w -= lr v, g with weight_decay w added; as torch.optim.SGD. */
rt_optim *rt_optim_sgd_(rt_sgd_args a);

/* Loshchilov and Hutter 2019, decoupled weight decay; formulas of torch.optim.AdamW. */
typedef struct rt_adamw_args {
    rt_module *net;
    double lr RT_DEFAULT(1e-3);
    double beta1 RT_DEFAULT(0.9), beta2 RT_DEFAULT(0.999);
    double eps RT_DEFAULT(1e-8); /* above 0 */
    double weight_decay;         /* none; PyTorch's default is 0.01 */
} rt_adamw_args;
#define RT_ADAMW_DEFAULTS .lr = 1e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8
#define rt_optim_adamw(...)                                                                        \
    RT_CALL_WITH_DEFAULTS(rt_optim_adamw_, rt_adamw_args, RT_ADAMW_DEFAULTS, net, __VA_ARGS__)
/* Makes one, owned by the current scope; it keeps the net. */
rt_optim *rt_optim_adamw_(rt_adamw_args a);

/* One update of everything from the gradients that backward left; then the gradients are cleared.
 * A parameter without a gradient stays as it is, as in PyTorch: no weight decay, no momentum, and its
 * next update is numbered as if this step had not been. Fails if another optimiser has taken a
 * parameter over since. */
rt_status rt_optim_step(rt_optim *o);
/* Clears the gradients without an update. */
void rt_optim_zero_grad(rt_optim *o);
/* The rate that rt_optim_step takes from now on. One that is negative or not finite fails, and the
 * old one stays. */
void rt_optim_set_lr(rt_optim *o, double lr);
/* Returns that rate. */
double rt_optim_lr(const rt_optim *o);

/* The buffers, for a trainer that shards them; borrowed. */
const rt_flat *rt_optim_flat(const rt_optim *o);
/* Updates elements [begin,end) of the flat buffers as update number `t` (1, 2, ...), gradients
 * times grad_scale first. Any partition of [0,count) gives the same bits as one call. The buffer is all
 * that counts, and it cannot say that a parameter has no gradient: a parameter that no loss has used is
 * updated by a gradient of 0, so its weight decay, its momentum and the numbering of its updates go on. To
 * leave it alone, as rt_optim_step does, leave its range out. */
rt_status rt_optim_update(rt_optim *o, int64_t begin, int64_t end, int64_t t, double lr,
                          double grad_scale);
/* How many state buffers there are: 2 for AdamW, 0 or 1 for SGD. */
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

/* ---- schedules: the learning rate of step t (0, 1, ...), a pure function ---- */
typedef enum rt_schedule_kind {
    RT_SCHEDULE_CONSTANT,
    RT_SCHEDULE_STEP,
    RT_SCHEDULE_COSINE
} rt_schedule_kind;
typedef struct rt_schedule {
    rt_schedule_kind kind;
    double lr;      /* the peak */
    int64_t warmup; /* linear from lr/warmup at t = 0 to lr at t = warmup - 1 */
    int64_t steps;  /* cosine: the length of the run; min_lr would be reached at t = steps */
    double min_lr;
    int64_t step_size; /* step: times gamma after every step_size steps after warm-up */
    double gamma;
} rt_schedule;
/* Returns the rate of step t (0, 1, ...). */
double rt_schedule_lr(const rt_schedule *s, int64_t t);

RT_END_DECLS

#endif
