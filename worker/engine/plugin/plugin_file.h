/* Checks a plugin's file before any of its code runs.
 *
 *     rt__plugin_file f;
 *     RT_TRY(rt__plugin_file_open(path, &f));      // is it a plugin, and one for this library?
 *     RT_TRY(rt__plugin_file_load(&f, &table));    // now its code runs
 */
#ifndef RINGTORCH_WORKER_ENGINE_PLUGIN_PLUGIN_FILE_H
#define RINGTORCH_WORKER_ENGINE_PLUGIN_PLUGIN_FILE_H

#include <limits.h>
#include <ringtorch/plugin.h>
#include <stdbool.h>
#include <sys/stat.h>

typedef struct rt__plugin_file {
    char path[PATH_MAX]; /* absolute, symbolic links resolved */
    char sha256[65];
    struct stat was; /* the file's stat when it was read */
    bool is_program; /* it is the program that runs (ringtorch/worker.h), and no plugin */
} rt__plugin_file;

/* Reads a file and finds the ELF note of a plugin; fails with NOTFOUND, FORMAT or MISMATCH as rt_plugin_load does. */
rt_status rt__plugin_file_open(const char *path, rt__plugin_file *out);
/* Loads the file and finds its table; *handle is for dlclose. Fails with UNSUPPORTED, FORMAT, or MISMATCH if the file was replaced since
 * it was opened. */
rt_status rt__plugin_file_load(const rt__plugin_file *f, void **handle, const rt_plugin **table);

#endif
