/* A program of your own as the worker of training runs: its net, loss, metrics or data set, and everything
 * else as with `ringtorch train`: any number of processes on any hosts, the same bits for each number,
 * recovery, checkpoints.
 *
 *     static rt_dataset *ramp_open(const void *options, const rt_data_part *part)       // y = 2 x
 *     {
 *         (void)options;
 *         rt_scope s = rt_scope_begin();
 *         rt_tensor *x = rt_reshape(rt_arange(0, part->train ? 100 : 10, 1, RT_F32), rt_shape(-1, 1));
 *         return rt_scope_return(s, rt_data_tensors({"x", x}, {"y", rt_mul_scalar(x, 2)}));
 *     }
 *     static const rt_dataset_row ramp = {.name = "ramp", .help = "y = 2 x", .open = ramp_open};
 *     static int ramp_main(int argc, char **argv)      // in a program: main()
 *     {
 *         return rt_worker_main(argc, argv, &(rt_task_spec){.name = "ramp", .data = &ramp});
 *     }
 *
 *     (void)ramp_main;
 *     printf("%d\n", (int)rt_data_size(ramp_open(NULL, &(rt_data_part){.train = true})));   // 100
 *
 * Build and use it with
 *
 *   cc -O2 -ffp-contract=off ramp.c -o ramp $(pkg-config --cflags --libs ringtorch-worker)
 *   ringtorch train ramp.yaml --worker ./ramp -n 4
 *   ringtorch eval runs/ramp --worker ./ramp
 *
 * examples/program/spirals_worker.c is a whole program, with a module, a loss, a metric and data of its own.
 *
 * Exactness: the functions of a row are called for slices of a step, in any process, once, twice, or again
 * after a loss. They must be functions of their arguments, of the parameters and of the random numbers of
 * random.h, and of nothing else: no static variables that change, no clock, no rand(), no unordered sums.
 * What a layer learns is in its parameters and persistent buffers.
 *
 * Threads: .open of a data set, .infer and .make of a layer, .open, .check, .loss, .score and .tell of a
 * task, forward functions, .run and .backward of operations, and .update of a rule are called on the
 * thread that called rt_worker_main, one after the other. Samples of rt_data_tensors and of the built-in
 * readers are copied by the library's own loader thread; MPI and messages have threads of their own, too.
 * None of these calls your functions.
 *
 * Lifetime: rt_worker_main borrows the rows until the process ends, so they must be static. Objects that
 * your functions make belong to the scope in which they are called. A row has no context pointer: what it
 * must remember is in its options (field.h), in the module, or in the task's state (rt_task_state). */
#ifndef RINGTORCH_WORKER_H
#define RINGTORCH_WORKER_H

#include <ringtorch/plugin.h>

RT_BEGIN_DECLS

/* What a program brings to a run. Members that are NULL come from the configuration, and so do those that
 * it names in spite of them: `task: {name: regression}` overrides .task. The rows stand in the
 * configuration by their names: `data: {noise: 0.1}` sets an option of .data. */
typedef struct rt_task_spec {
    const char *name;        /* of the program, in messages: lower-case letters, digits, _ and - */
    const rt_layer_row *net; /* the net, as one layer: `model: {layers: [NAME]}`; layer.h */
    const rt_task_row *task; /* loss and metrics: `task: {name: NAME}`; task.h */
    const rt_dataset_row *data; /* the samples: `data: {dataset: NAME}`; dataset.h */
    const rt_plugin *more;      /* further rows, which the configuration must name; plugin.h */
} rt_task_spec;

/* Does the work of a worker program: without arguments a rank of a run, which `ringtorch train` starts; with
 * `eval`, `export` and others the commands that `ringtorch eval` and so on hand on. Returns the exit code
 * of main(); a rank that fails ends the process itself. Errors are printed.
 *
 * Call it once, at the beginning of main(), before other threads and before MPI is started, which it does
 * itself; it sets signals, limits and standard output of the process as a worker needs them. spec may be
 * NULL or have only zeros: then the program is exactly ringtorch-worker. It is copied; the rows are
 * borrowed. A row that is not whole, or that has the name of another one, ends it with exit code 2.
 *
 * A run records the program's path and SHA-256. It resumes only with the same content, since another
 * build may compute something else; every host must have that file at the same path. */
RT_API int rt_worker_main(int argc, char **argv, const rt_task_spec *spec);

RT_END_DECLS

#endif
