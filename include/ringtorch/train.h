/* Training a configured run in one process: the same bits as any number of workers gives.
 *
 *     const char *set[] = {"run.steps=200", NULL};
 *     rt_trainer *t = rt_trainer_open("configs/fashion-cnn.yaml", .set = set);
 *     while (rt_trainer_at(t) < rt_trainer_steps(t) && rt_trainer_step(t) == RT_OK)
 *         printf("%f\n", rt_trainer_loss(t));
 *     char sha[65];
 *     rt_trainer_weights_sha256(t, sha);
 */
#ifndef RINGTORCH_TRAIN_H
#define RINGTORCH_TRAIN_H

#include <ringtorch/data.h>
#include <ringtorch/metrics.h>
#include <ringtorch/optim.h>

RT_BEGIN_DECLS

typedef struct rt_trainer rt_trainer;

typedef struct rt_trainer_args {
    const char *config;     /* path of a YAML configuration */
    const char *const *set; /* "key=value" overrides, NULL-terminated; may be NULL */
} rt_trainer_args;
#define rt_trainer_open(...) RT_CALL(rt_trainer_open_, rt_trainer_args, config, __VA_ARGS__)
/* model.init may name a safetensors file here. Reads the configuration and the data and makes net and optimiser; NULL on failure. Owned by the current scope. */
rt_trainer *rt_trainer_open_(rt_trainer_args a);

/* Makes step number rt_trainer_at(t): all slices, tree sum, update (rt_optim_update over all parameters: each layer of a
 * configured net takes part in each loss, so all have gradients). A loss or gradient that is not
 * finite is an error (NUMERIC) that names slice and samples and changes nothing; with
 * run.nan_loss=skip the step is made without an update. */
rt_status rt_trainer_step(rt_trainer *t);
/* Steps made so far. */
int64_t rt_trainer_at(const rt_trainer *t);
/* Steps the configuration asks for. */
int64_t rt_trainer_steps(const rt_trainer *t);
/* Mean loss of the last step, skipped or not. */
double rt_trainer_loss(const rt_trainer *t);
/* The net that is trained; borrowed. */
rt_module *rt_trainer_net(const rt_trainer *t);

typedef struct rt_evaluation {
    int64_t count; /* of samples */
    rt_metrics metrics;
} rt_evaluation;
/* Over the whole test set, each sample once. */
rt_status rt_trainer_evaluate(rt_trainer *t, rt_evaluation *out);
/* Hash of all parameters: name order (bytewise), raw little-endian bytes. */
rt_status rt_trainer_weights_sha256(const rt_trainer *t, char hex[65]);

RT_END_DECLS

#endif
