/* A row that a plugin has added to one of our tables: layers, optimisers, schedules, data sets, tasks or job back ends.
 *
 * Programs without the engine know such a row only by its description, which is part of a run's configuration; a
 * program that has loaded the plugin also has its code. A job back end is all description. */
#ifndef RINGTORCH_COMMON_CONFIG_ADDED_H
#define RINGTORCH_COMMON_CONFIG_ADDED_H

#include "common/base/json.h"

typedef struct rt__added {
    const json_t *description; /* the row's description; NULL for a built-in row */
    const void *code;          /* the plugin's row (ringtorch/plugin.h); NULL if it is not loaded */
    const json_t *plugin;      /* the plugin: {"file", "sha256", "rows": {"name", ...}} */
} rt__added;

#endif
