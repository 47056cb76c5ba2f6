/* Trains the net of spirals.h in any number of processes, which may die: the program is the worker.
 *
 *     cc -std=gnu17 -O2 -ffp-contract=off spirals_worker.c -o spirals_worker $(pkg-config --cflags --libs ringtorch-worker)
 *     ringtorch train spirals.yaml --worker ./spirals_worker -n 4
 *     ringtorch eval runs/spirals --worker ./spirals_worker
 *
 * In place of the loop of spirals_alone.c it has three rows; what they do not say (steps, optimiser, batch) is in spirals.yaml. */
#include "spirals.h"
#include <ringtorch/worker.h>

/* ---- the net ---- */

static rt_status net_infer(void *options, rt_nn_sample *at)
{
    (void)options;
    at->dims = rt_shape(1); /* the score of a sample */
    return RT_OK;
}

static rt_module *net_make(const void *options)
{
    (void)options;
    return spiral_net_new();
}

static const rt_layer_row net = {
    .name = "spiral_net", .help = "two layers of waves", .infer = net_infer, .make = net_make};

/* ---- the loss, and how many samples are on the right side ---- */

static rt_tensor *task_loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                            double *weight)
{
    (void)t;
    *weight = (double)b->n;
    return spiral_loss(results[0], rt_batch_field(b, "side"));
}

static rt_status task_score(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                            double *sums)
{
    rt_tensor *margin = rt_mul(results[0], rt_batch_field(b, "side"));
    sums[0] = rt_item(task_loss(t, results, b, &sums[1])); /* of losses, and of samples */
    sums[2] = rt_item(rt_sum(rt_to(rt_gt(margin, rt_scalar(0)), RT_F32)));
    return rt_error_code();
}

static const rt_metric_row metrics[] = {{"right", "right", "share of the samples on the right side",
                                         .more_is_better = true, .share = true},
                                        {NULL}};

static const rt_task_row task = {.name = "sides",
                                 .help = "which of two sides a sample is on",
                                 .metrics = metrics,
                                 .target = "side",
                                 .loss = task_loss,
                                 .score = task_score};

/* ---- the samples ---- */

#define SPIRAL_FIELDS(F)                                                                           \
    F(INT, points, 512, RT_WITHIN(2, 1 << 20), "points to train with, and as many to evaluate")    \
    F(NUMBER, turns, 1.5, RT_WITHIN(0, 100), "turns of each spiral")
typedef struct spiral_options {
    RT_STRUCT(SPIRAL_FIELDS)
} spiral_options;

static rt_dataset *data_open(const void *options, const rt_data_part *part)
{
    const spiral_options *o = options;
    return spiral_points(o->points, o->turns, part->train);
}

static const rt_dataset_row data = {.name = "spirals",
                                    .help = "points of two spirals",
                                    RT_OPTIONS(spiral_options, SPIRAL_FIELDS),
                                    .open = data_open};

int main(int argc, char **argv)
{
    return rt_worker_main(
        argc, argv, &(rt_task_spec){.name = "spirals", .net = &net, .task = &task, .data = &data});
}
