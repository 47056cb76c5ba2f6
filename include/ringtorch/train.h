/* Training a configured run in one process. The result has the same bits as with any number of workers.
 *
 *     const char *set[] = {"run.steps=2", "data.limit=256", "data.batch=32", NULL};
 *     rt_trainer *t = rt_trainer_open("configs/fashion-cnn.yaml", .set = set);
 *     while (rt_trainer_at(t) < rt_trainer_steps(t) && rt_trainer_step(t) == RT_OK)
 *         fprintf(stderr, "loss %f\n", rt_trainer_loss(t));
 *     rt_evaluation e;
 *     if (rt_trainer_evaluate(t, &e) == RT_OK)
 *         fprintf(stderr, "accuracy %f\n", rt_metrics_get(&e.metrics, "accuracy"));
 *     char sha[65];
 *     rt_trainer_weights_sha256(t, sha);
 *     printf("%d steps\n", (int)rt_trainer_at(t));   // 2 steps
 *
 * Lifetime: the current scope owns the trainer, and the trainer owns its net, its optimiser and its data. */
#ifndef RINGTORCH_TRAIN_H
#define RINGTORCH_TRAIN_H

#include <ringtorch/data.h>
#include <ringtorch/metrics.h>
#include <ringtorch/optim.h>

RT_BEGIN_DECLS

/* A configured run in this process. */
typedef struct rt_trainer rt_trainer;

/* The arguments of rt_trainer_open. */
typedef struct rt_trainer_args {
    const char *config;     /* path of a YAML configuration */
    const char *const *set; /* "key=value" overrides, NULL-terminated; may be NULL */
} rt_trainer_args;
/* Reads the configuration and the data, and makes the net and the optimiser; NULL on failure. The
 * current scope owns the trainer. Here model.init may name a safetensors file. */
#define rt_trainer_open(...) RT_CALL(rt_trainer_open_, rt_trainer_args, config, __VA_ARGS__)
RT_API rt_trainer *rt_trainer_open_(rt_trainer_args a);

/* Makes step number rt_trainer_at(t): all slices, the sum over their tree, and the update. (It
 * updates all parameters by rt_optim_update: each layer of a configured net takes part in each
 * loss, so all parameters have gradients.) If a loss or gradient is not finite, the step fails
 * with NUMERIC, names the slice and the samples, and changes nothing; with run.nan_loss=skip the
 * step counts, but makes no update. */
RT_API rt_status rt_trainer_step(rt_trainer *t);
/* Returns the number of steps made so far. */
RT_API int64_t rt_trainer_at(const rt_trainer *t);
/* Returns the number of steps that the configuration asks for. */
RT_API int64_t rt_trainer_steps(const rt_trainer *t);
/* Returns the mean loss of the last step, whether it was skipped or not. */
RT_API double rt_trainer_loss(const rt_trainer *t);
/* Returns the net that is trained, borrowed. */
RT_API rt_module *rt_trainer_net(const rt_trainer *t);

/* The result of an evaluation. */
typedef struct rt_evaluation {
    int64_t count; /* number of samples */
    /* number of samples that the metrics are about: smaller if task.ignore leaves some out */
    int64_t counted;
    const char *unit;   /* of `counted`: "samples", or "tokens" if each token counts separately */
    rt_metrics metrics; /* the values */
} rt_evaluation;
/* Evaluates the whole test set, each sample once. */
RT_API rt_status rt_trainer_evaluate(rt_trainer *t, rt_evaluation *out);
/* Computes a hash of all parameters: their raw little-endian bytes, in the bytewise order of their
 * names. */
RT_API rt_status rt_trainer_weights_sha256(const rt_trainer *t, char hex[65]);

RT_END_DECLS

#endif
