/* Plugins in a configuration: their files, and descriptions of the rows that they add.
 *
 * `plugins: [./mine.so]` names files. The program that loads a configuration for a new run finds out what is in each
 * (rt_config_set_plugin_describer). From then on the configuration holds the description, so that a run directory, a journal or a
 * checkpoint can be read without the plugin and without running anyone's code:
 *
 *     plugins: [{"file": "/home/me/mine.so", "sha256": "9f86d08...", "rows": {"name": "mine", "optimizers": [{"name": "lion", ...}]}}]
 *
 * For the rest of the process the rows count as if they were built in. */
#ifndef RINGTORCH_COMMON_CONFIG_PLUGINS_H
#define RINGTORCH_COMMON_CONFIG_PLUGINS_H

#include "common/base/json.h"
#include "common/config/added.h"
#include <stdbool.h>

enum { RT_PLUGINS_MAX = 16 }; /* in one configuration */

/* Makes the entry {"file", "sha256", "rows"} of a file, given by its absolute path (a new reference). */
typedef rt_status rt_plugin_describer(const char *path, json_t **entry);
/* Sets how this program finds out what is in a plugin's file. NULL (the initial value) means that it cannot, so a
 * configuration that names a file is refused. */
void rt_config_set_plugin_describer(rt_plugin_describer *describe);

/* ---- the program of a run (ringtorch/worker.h) ----
 * A program of the user's own may be the worker. Its rows are an entry like a plugin's, whose file is the program, with two more members:
 *
 *     {"file": "/home/me/spirals", "sha256": ..., "rows": {...}, "program": true, "gives": {"data.dataset": "spirals", "model.layers": "net"}}
 */

/* Sets the entry of the program that is to train (a new reference), or NULL (the initial value). From now on the list of each
 * configuration that a user names begins with it, and what the program gives is what the configuration has where it names nothing else.
 */
void rt_config_set_program(json_t *entry);
/* Returns the entry of the program that such a list names, borrowed, or NULL. */
const json_t *rt_config_program(const json_t *plugins);

/* Turns every element of a list, which may be NULL, into an entry and registers its rows. A path is described by the describer; it is
 * relative to the folder of `file` (or to the working directory if that is NULL). An entry stays as it is. If not
 * `by_user` (the list was not written by the user), paths are refused, so that reading a run directory never runs code.
 * Fails with CONFIG, naming the element, if it is neither or cannot be registered. */
rt_status rt__plugins_resolve(const json_t *given, bool by_user, const char *file,
                              json_t **resolved);

/* Registers the rows of an entry, all or none. Fails with EXISTS if a name is taken by a built-in row or another
 * plugin's, and with FORMAT if the entry is invalid. Registering identical rows again is allowed. Must not run while
 * other threads use configurations. */
rt_status rt__plugin_add(const json_t *entry);

/* Calls fn for each row of a registered entry with its kind ("optimizers"), its name, and the rt__added into which the
 * code is stored. */
void rt__plugin_each(const json_t *entry,
                     void (*fn)(void *ctx, const char *kind, const char *name, rt__added *added),
                     void *ctx);

#endif
