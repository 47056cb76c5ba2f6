/* A row that a plugin has added to one of our tables: layers, optimisers, schedules, data sets, tasks or job back ends.
 *
 * Programs without the engine know such a row only by its description, which is part of a run's configuration; a
 * program that has loaded the plugin also has its code. A job back end is all description. */
#ifndef RINGTORCH_COMMON_CONFIG_ADDED_H
#define RINGTORCH_COMMON_CONFIG_ADDED_H

#include "common/base/json.h"
#include <ringtorch/status.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct rt__added {
    const json_t *description; /* the row's description; NULL for a built-in row */
    const void *code;          /* the plugin's row (ringtorch/plugin.h); NULL if it is not loaded */
    const json_t *plugin;      /* the plugin: {"file", "sha256", "rows": {"name", ...}} */
} rt__added;

/* Returns the name of a plugin, or NULL if it has none. */
const char *rt__plugin_name(const json_t *plugin);
/* Returns whether it is the program of a run, which adds rows as a plugin does (common/config/plugins.h). */
bool rt__is_program(const json_t *plugin);
/* Returns "program" or "plugin", for messages. */
const char *rt__plugin_kind(const json_t *plugin);
/* Returns whether a row or a plugin may have this name: small letters, digits, _ and, if `dashes`, also -. */
bool rt__is_row_name(const char *name, bool dashes);
/* Returns whether a text has at most that many bytes, and no control characters. NULL is none. */
bool rt__is_plain_text(const char *text, size_t most);

enum { RT__ADDED_NAME = 128 };
/* Writes how messages name a row: "layer scaled of the plugin mine", "... of the program spirals", and "layer linear" if the row is built in. */
void rt__added_name(const rt__added *added, const char *kind, const char *name,
                    char out[RT__ADDED_NAME]);

/* Fails with NOTFOUND, naming the plugin and what to do, unless the code of a row is loaded. `what` names the row:
 * "layer scaled". */
rt_status rt__added_check(const rt__added *added, const char *what);

#endif
