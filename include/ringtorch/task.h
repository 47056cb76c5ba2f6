/* What a net is trained for, of your own: for configurations with `task: {name: distance}`.
 *
 *     static bool distance_fits(const rt_dataset *d)
 *     {
 *         return rt_data_find(d, "y") != NULL;
 *     }
 *     static int64_t distance_outputs(const rt_dataset *d)
 *     {
 *         return rt_data_find(d, "y")->dims.d[0];
 *     }
 *     static rt_status distance_check(const rt_task *t, const rt_dataset *d, const rt_dims *shape)
 *     {
 *         (void)t;
 *         return shape->n == 1 && shape->d[0] == distance_outputs(d)
 *                    ? RT_OK : rt_task_wrong_output(*shape, "a number for each target");
 *     }
 *     static rt_tensor *distance_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
 *                                     double *weight)
 *     {
 *         (void)t;
 *         *weight = (double)b->n;
 *         return rt_l1_loss(results[0], rt_batch_field(b, "y"), .reduction = RT_SUM);
 *     }
 *     static const rt_task_row distance = {
 *         .name = "distance", .help = "the sum of absolute errors of each sample",
 *         .target = "y", .fits = distance_fits, .outputs = distance_outputs,
 *         .check = distance_check, .loss = distance_loss};
 *     RT_PLUGIN(.name = "mine", .tasks = RT_PLUGIN_LIST(rt_task_row, &distance))
 *
 * A row needs a name, help, a target and a loss; the example could leave out all others. With .metrics it
 * also needs .score. examples/program/spirals_worker.c has a metric.
 *
 * What a net makes of a batch is a list of results. Most tasks compare one result with a field of the
 * batch; a task with an auxiliary head takes two.
 *
 * Losses, weights and scores are sums over samples, so that those of slices and ranks can be added. The
 * mean loss of a batch is the sum of its losses divided by the sum of its weights, however the batch is
 * split, and also if the weights depend on the data (on the number of tokens that count, for example).
 *
 * Lifetime: a row lives as long as the program; what rt_task_state returns lives as long as the task. A
 * plugin makes rows known to configurations (plugin.h). */
#ifndef RINGTORCH_TASK_H
#define RINGTORCH_TASK_H

#include <ringtorch/data.h>
#include <ringtorch/metrics.h>
#include <ringtorch/nn.h>
#include <ringtorch/options.h>

RT_BEGIN_DECLS

typedef struct rt_task rt_task;

/* A task that configurations can name. */
typedef struct rt_task_row {
    const char *name;   /* lower-case letters, digits, _ and - */
    const char *help;   /* one line */
    rt_options options; /* its keys in the section `task` */
    /* What evaluations compute besides the loss; the last row has no name. NULL: nothing. */
    const rt_metric_row *metrics;
    const char *target;      /* the field that results are compared with */
    const char *target_name; /* its name in a file of predictions; NULL: that of the field */
    /* The names of the results in that file: as many as the net must give; the others are NULL. None: one,
     * "predictions". */
    const char *results[RT_NN_TENSORS];
    /* Returns true if the data set has what this task needs; `task: auto` takes the first that fits. NULL: a
     * configuration must name the task, and any data set will do. */
    bool (*fits)(const rt_dataset *d);
    /* Stores the options and what follows from them (rt_task_state), and sets t->sums and t->weight. NULL:
     * each sample has the weight that .weigh says, or 1 without .weigh; there are two sums, and one more for
     * each of .metrics. */
    rt_status (*open)(rt_task *t, const void *options, const rt_dataset *d);
    /* Returns how many outputs the last layer of a preset net must have for each sample; 0, and NULL: no
     * preset will do. */
    int64_t (*outputs)(const rt_dataset *d);
    /* Fails if results of these shapes, for each sample, do not match the targets of the data set
     * (rt_task_wrong_output). NULL: all are let through. */
    rt_status (*check)(const rt_task *t, const rt_dataset *d, const rt_dims *shape);
    /* Returns the weight of the samples of a batch together. NULL: each sample has t->weight. */
    double (*weigh)(const rt_task *t, const rt_batch *b);
    /* Returns the sum of the losses of a batch, a scalar on the graph; *weight becomes the sum of their
     * weights. */
    rt_tensor *(*loss)(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                       double *weight);
    /* Fills sums [t->sums] for a batch and the net's results for it, on the CPU, without recording. NULL, for
     * a task without metrics: the losses and weights that .loss gives. */
    rt_status (*score)(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                       double *sums);
    /* Computes the values of an evaluation from sums over all samples (rt_metrics_add): "loss" first,
     * then the metrics. NULL: the sums are of losses, of weights, and of each of .metrics in their order; the
     * values are the first and the others divided by the weights. */
    void (*tell)(const rt_task *t, const double *sums, rt_metrics *out);
    /* Returns how many samples, or units as named below, count in such sums; NULL: all. */
    double (*counted)(const rt_task *t, const double *sums);
    const char *unit; /* "samples", "tokens" */
} rt_task_row;

struct rt_task {
    const rt_task_row *row; /* its row */
    int64_t sums;           /* number of sums of a score */
    double weight;          /* of each sample; 0: .weigh says it, from the data */
    const char *why;        /* then: the keys that say what counts */
    void *state;            /* the task's own */
};

/* Allocates t->state with that many bytes, which are zero, and returns it; it is freed with the
 * task. NULL on failure. */
RT_API void *rt_task_state(rt_task *t, size_t bytes);
/* Fails with CONFIG: "the last layer of the model gives [3] for each sample, expected " and the
 * text that follows. */
RT_API rt_status rt_task_wrong_output(rt_dims output, const char *expected, ...)
    __attribute__((format(printf, 2, 3)));

RT_END_DECLS

#endif
