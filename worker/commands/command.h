/* Commands that need the engine: `ringtorch eval ...` becomes `ringtorch-worker eval ...`.
 *
 *     rt__model m;
 *     RT_TRY(rt__model_open("runs/x", false, NULL, &sets, &m));
 *     ... m.run holds the parameters of the checkpoint ...
 *     rt__model_close(&m);
 */
#ifndef RINGTORCH_WORKER_COMMANDS_COMMAND_H
#define RINGTORCH_WORKER_COMMANDS_COMMAND_H

#include "common/base/options.h"
#include "common/config/config.h"
#include "worker/checkpoint_read.h"
#include "worker/engine/train/run.h"
#include <ringtorch/formats.h>

/* Each prints its result to stdout and returns the exit code; on failure the caller prints the error slot. argv[0] is
 * the command's name. */
int rt__command_eval(int argc, char **argv);
int rt__command_export(int argc, char **argv);
int rt__command_checkpoint(int argc, char **argv);
int rt__command_op(int argc, char **argv);
/* For `ringtorch train`: describes what is in a plugin. */
int rt__command_plugin(int argc, char **argv);
/* For `ringtorch train`: says which version this program is and which rows it has. */
int rt__command_program(int argc, char **argv);
/* For `ringtorch doctor`; bandwidth is run by mpirun. */
int rt__command_doctor(int argc, char **argv);
int rt__command_bandwidth(int argc, char **argv);
/* For `ringtorch train` and `doctor` on several hosts: says whether this host can take part in a run. */
int rt__command_preflight(int argc, char **argv);

/* Creates the output file that a command line names. Fails with ARG if it would replace one of `inputs` (ends with
 * NULL) or a file of a run. */
rt_status rt__command_create(const char *path, const char *const *inputs, rt_st_writer **out);

/* The row of an option table with which the user allows a command to run the code of plugins, and the function that
 * loads them. */
#define RT__PLUGIN_OPTION(files)                                                                   \
    {                                                                                              \
        "plugin", 0, "FILE",                                                                       \
            "load this plugin: a program, which runs here; without it none is run, whatever a "    \
            "checkpoint "                                                                          \
            "names; may be repeated",                                                              \
            .list = files                                                                          \
    }
/* The row with which the user names a program of their own. The launcher takes it out and runs that program in place of this one. */
#define RT__WORKER_OPTION(program)                                                                 \
    {                                                                                              \
        "worker", 0, "PROGRAM",                                                                    \
            "the program that trained it (ringtorch train --worker), which is run in place of "    \
            "ringtorch-worker",                                                                    \
            .text = program                                                                        \
    }
/* Fails if that program was named to this one, which cannot become another. */
rt_status rt__command_check_worker(const char *program);
rt_status rt__command_plugins(const rt_option_list *files);
/* Loads a plugin that the user named and returns its entry of a configuration. Loads it in a child first: if that crashes or exits, fails with
 * CONFIG. What it prints while it is loaded goes to standard error, since standard output has the command's own result. */
rt_status rt__command_load_plugin(const char *path, json_t **entry);

/* A trained model: the checkpoint, its configuration, and a run that holds its parameters. */
typedef struct rt__model {
    rt_saved saved;
    char *preprocessing;      /* that it was trained with; NULL if none or unknown */
    char *preprocessing_from; /* the file that it was read from */
    rt_config config;
    rt_run *run;
} rt__model;

/* Returns in *out the preprocessing of the checkpoint's data (rt_mem_free), or NULL if there is none or it is unknown. */
rt_status rt__saved_preprocessing(const rt_saved *saved, char **out);

/* Opens the checkpoint for eval and export: `path` itself, or in a run directory the newest one that verifies or, if
 * `best`, the one with the best evaluation. Fails with NOTFOUND, naming what is missing. */
rt_status rt__find_saved(const char *path, bool best, rt_saved *out);

/* Opens a trained model and starts the engine. `path` is a checkpoint, or a run directory (its newest checkpoint that
 * verifies). The configuration is the one in the checkpoint's manifest, or the file `config` if that is not NULL, with
 * `sets` ("section.key=value") applied; fails with ARG for those that would make it another model. `path` may also be a
 * safetensors file of weights, which needs `config`; then saved.dir is its path and saved.manifest.step is -1. */
rt_status rt__model_open(const char *path, bool best, const char *config,
                         const rt_option_list *sets, rt__model *out);
void rt__model_close(rt__model *m);
/* Starts the engine and fails if the checkpoint does not fit the model that its configuration describes. The shapes of
 * that model depend on the samples, so nothing is checked if the data set cannot be read. */
rt_status rt__model_check(const rt_saved *saved);

#endif
