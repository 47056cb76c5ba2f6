/* Plugins: operations, layers, update rules, schedules, data sets, tasks and job back ends of your own, in
 * a file that runs load.
 *
 *     static double halving_rate(const rt_course *c, const void *values)
 *     {
 *         (void)values;
 *         return c->done < c->whole / 2 ? c->lr : c->lr / 2;
 *     }
 *     static const rt_schedule_row halving = {
 *         .name = "halving", .help = "half the rate in the second half", .ends = true,
 *         .rate = halving_rate};
 *     RT_PLUGIN(.name = "mine", .schedules = RT_PLUGIN_LIST(rt_schedule_row, &halving))
 *
 * Compile these lines, below `#include <ringtorch/plugin.h>`, with
 *
 *   cc -shared -fPIC -O2 mine.c -o mine.so $(pkg-config --cflags ringtorch)
 *
 * and load the plugin in a configuration with `plugins: [./mine.so]` and `schedule: {name: halving}`, or
 * in a program:
 *
 *     if (rt_plugin_load("./mine.so") != RT_OK)
 *         return rt_shutdown();
 *
 * docs/PLUGINS.md is the manual; op.h, layer.h, rule.h, dataset.h, task.h and job.h say what each kind of
 * row must provide. A plugin is not linked with the library: it uses the functions of the program that loads
 * it. It runs with all rights of the user who loads it, as any program does.
 *
 * Lifetime: a plugin stays loaded until the program ends, and so must everything that its lists name. */
#ifndef RINGTORCH_PLUGIN_H
#define RINGTORCH_PLUGIN_H

#include <ringtorch/dataset.h>
#include <ringtorch/job.h>
#include <ringtorch/layer.h>
#include <ringtorch/op.h>
#include <ringtorch/rule.h>
#include <ringtorch/task.h>
#include <ringtorch/version.h>

RT_BEGIN_DECLS

/* The version of the structs of rows and of what their functions are given. A plugin states the
 * version it was built for, and the library loads no other: rebuild it with the headers of the
 * library that is to load it. */
#define RT_PLUGIN_ABI 2

/* The lists of a plugin. Each ends in NULL, and a list that is NULL is empty. Everything in them
 * must live as long as the program. */
typedef struct rt_plugin {
    const char *name;                          /* lower-case letters, digits, _ and - */
    const rt_op *const *ops;                   /* op.h */
    const rt_layer_row *const *layers;         /* layer.h */
    const rt_optimizer_row *const *optimizers; /* rule.h */
    const rt_schedule_row *const *schedules;   /* rule.h */
    const rt_dataset_row *const *datasets;     /* dataset.h */
    const rt_task_row *const *tasks;           /* task.h */
    const rt_job_row *const *jobs;             /* job.h */
} rt_plugin;

/* Loads a plugin and makes all its rows known in this process until it ends, or none of them:
 * operations by their names (rt_op_find), everything else in configurations. Loading a file again
 * is allowed.
 *
 * Fails with NOTFOUND (no such file), FORMAT (not a plugin; incomplete rows), MISMATCH (built for
 * another RT_PLUGIN_ABI; none of its code was run), UNSUPPORTED (the system cannot load it,
 * because of undefined functions for example) or EXISTS (a name is taken). The message names the
 * file, the row and the member.
 *
 * Do not call it while other threads use the library: the tables are read without locks. A plugin
 * cannot be unloaded, because graphs, nets and optimisers point into its code for an unknown time. */
RT_API rt_status rt_plugin_load(const char *path);

/* ---- what the macros make ---- */

#ifdef __cplusplus
#define RT_PLUGIN_LIST(type, ...)                                                                  \
    [] {                                                                                           \
        static const type *const rt_list_[] = {__VA_ARGS__, nullptr};                              \
        return static_cast<const type *const *>(rt_list_);                                         \
    }()
#else
#define RT_PLUGIN_LIST(type, ...)                                                                  \
    (const type *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#endif

/* A note in the file (elf(5)), which is read before any code of the file runs. */
typedef struct rt_plugin_note {
    uint32_t name_bytes, bytes, kind; /* of the name and of what follows it; RT_PLUGIN_NOTE */
    char name[12];                    /* "RingTorch" */
    uint32_t abi;                     /* RT_PLUGIN_ABI */
    char version[28];                 /* RT_VERSION_TEXT */
} rt_plugin_note;

enum { RT_PLUGIN_NOTE = 1 };

/* Defines the plugin of a file: use it once, outside of functions, with the members of rt_plugin. */
#define RT_PLUGIN(...)                                                                             \
    __attribute__((used, section(".note.ringtorch"),                                               \
                   aligned(4))) static const rt_plugin_note rt_plugin_note_here = {                \
        .name_bytes = sizeof "RingTorch",                                                          \
        .bytes = sizeof(uint32_t) + 28,                                                            \
        .kind = RT_PLUGIN_NOTE,                                                                    \
        .name = "RingTorch",                                                                       \
        .abi = RT_PLUGIN_ABI,                                                                      \
        .version = RT_VERSION_TEXT};                                                               \
    __attribute__((visibility("default"))) extern const rt_plugin rt_plugin_here;                  \
    const rt_plugin rt_plugin_here = {__VA_ARGS__};

RT_END_DECLS

#endif
