/* What a net is trained for: a row of ringtorch/tasks.def and, in a file of its own here, what that means.
 *
 *     rt__task t;
 *     RT_TRY(rt__task_open(&t, cfg, train));               // chosen by name, or by the fields of the data set
 *     RT_TRY(t.row->check(&t, train, output));             // do the net's outputs fit it?
 *     rt_tensor *loss = t.row->loss(&t, outputs, &batch, &weight);
 *     ...
 *     RT_TRY(t.row->score(&t, outputs, &batch, sums));     // of each chunk of the test set
 *     t.row->tell(&t, sums, samples, &metrics);            // of the sums of all chunks, added in their order
 *     rt__task_close(&t);
 *
 * Loss, weight and scores are sums over samples, so that slices and ranks can be added: the mean loss of a batch is the sum of its
 * losses divided by the sum of its weights, for any split, also where the weights depend on the data (tokens that count, say). */
#ifndef RINGTORCH_ENGINE_TASKS_TASK_H
#define RINGTORCH_ENGINE_TASKS_TASK_H

#include <ringtorch/data.h>
#include <ringtorch/ops.h>
#include "common/config.h"
#include "common/metrics.h"

typedef struct rt__task rt__task;

typedef struct rt__task_row {
    const char *name;                      /* as in tasks.def */
    const char *target;                    /* the field that holds what outputs are compared with */
    const char *output_name, *target_name; /* of both in a file of predictions */
    /* Has the data set what this task is about? */
    bool (*fits)(const rt_dataset *d);
    /* Takes the options, and room for what follows from them (t->state, rt_malloc). The data set fits. */
    rt_status (*open)(rt__task *t, const rt_config *cfg, const rt_dataset *d);
    /* Returns how many outputs for each sample the last layer of a ready-made net is to have; 0: none will do. */
    int64_t (*outputs)(const rt_dataset *d);
    /* Fails if outputs of this shape for each sample do not fit the targets of the data set. */
    rt_status (*check)(const rt__task *t, const rt_dataset *d, rt_dims output);
    /* Returns the sum of the losses of a batch, a number on the graph; *weight: the sum of what they count. */
    rt_tensor *(*loss)(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *weight);
    /* Fills sums [t->sums] for a batch of which the net made the outputs without recording. */
    rt_status (*score)(const rt__task *t, rt_tensor *outputs, const rt_batch *b, double *sums);
    /* Makes the values of an evaluation from sums over all samples: the loss first. */
    void (*tell)(const rt__task *t, const double *sums, rt_metrics *out);
} rt__task_row;

struct rt__task {
    const rt__task_row *row;
    int64_t sums;  /* numbers of a score */
    double weight; /* of each sample; 0: it depends on the data */
    void *state;   /* the task's own */
};

/* rt__task_classification, ...: one for each row. */
#define RT__TASK_ROW(section, constant, id, text, FIELDS, help)                                    \
    extern const rt__task_row rt__task_##id;
RT_TASKS(RT__TASK_ROW)
#undef RT__TASK_ROW

/* Takes the task that the configuration names, or the first that the data set fits. CONFIG, naming fields, if there is none or the
 * options do not fit. */
rt_status rt__task_open(rt__task *t, const rt_config *cfg, const rt_dataset *d);
void rt__task_close(rt__task *t); /* a zeroed one is fine */

/* Fails with CONFIG: "the last layer of the model gives [3] for each sample, expected " and what follows. */
__attribute__((format(printf, 2, 3))) rt_status rt__task_wrong_output(rt_dims output,
                                                                      const char *expected, ...);

#endif
