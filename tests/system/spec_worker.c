/* A worker program whose rows are as RINGTORCH_SPEC says:
 *
 *     none        no spec at all
 *     zero        one with only zeros
 *     nameless    a row, but no name of the program
 *     part        a row that is not whole
 *     unscored    one with a metric that nothing measures
 *     capital     a name of the program that none may have
 *     twice       calls rt_worker_main two times
 *     taken       a row whose name a built-in one has */
#include <ringtorch/worker.h>
#include <stdlib.h>
#include <string.h>

static rt_dataset *open_none(const void *options, const rt_data_part *part)
{
    (void)options, (void)part;
    return NULL;
}

static rt_tensor *loss(const rt_task *t, rt_tensor *const *results, const rt_batch *b,
                       double *weight)
{
    (void)t, (void)weight;
    return rt_sum(rt_sub(results[0], rt_batch_field(b, "y")));
}

int main(int argc, char **argv)
{
    static const rt_task_row part = {.name = "mine", .help = "a task without functions"};
    static const rt_metric_row metrics[] = {{"m", "m", "a metric"}, {NULL}};
    static const rt_task_row unscored = {
        .name = "mine", .help = "a loss", .target = "y", .loss = loss, .metrics = metrics};
    static const rt_dataset_row taken = {.name = "csv", .help = "no table", .open = open_none};
    static const struct {
        const char *what;
        rt_task_spec spec;
    } specs[] = {
        {"zero", {0}},
        {"nameless", {.task = &part}},
        {"part", {.name = "spec", .task = &part}},
        {"capital", {.name = "Spec", .task = &unscored}},
        {"unscored", {.name = "spec", .task = &unscored}},
        {"taken", {.name = "spec", .data = &taken}},
    };
    const char *what = getenv("RINGTORCH_SPEC");
    if (what && strcmp(what, "twice") == 0)
        rt_worker_main(2, (char *[]){argv[0], "--version", NULL}, NULL);
    for (size_t i = 0; what && i < sizeof specs / sizeof *specs; i++)
        if (strcmp(specs[i].what, what) == 0)
            return rt_worker_main(argc, argv, &specs[i].spec);
    return rt_worker_main(argc, argv, NULL);
}
