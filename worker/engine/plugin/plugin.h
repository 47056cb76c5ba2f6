/* Loads plugins (ringtorch/plugin.h), for programs that contain the engine.
 *
 *     rt_config_set_plugin_describer(rt__plugin_describe);         // `plugins: [./mine.so]` in the user's configuration loads them
 *     RT_TRY(rt__plugins_load(&config));                 // those recorded in a saved configuration
 */
#ifndef RINGTORCH_WORKER_ENGINE_PLUGIN_PLUGIN_H
#define RINGTORCH_WORKER_ENGINE_PLUGIN_PLUGIN_H

#include "common/config/config.h"
#include "worker/engine/plugin/plugin_file.h"
#include <ringtorch/plugin.h>
#include <ringtorch/worker.h>

/* Loads a plugin file and returns its entry in a configuration (common/config/plugins.h). */
rt_status rt__plugin_describe(const char *path, json_t **entry);

/* Loads the plugin files that a configuration names. If a file's content is not what the configuration says, fails with MISMATCH and
 * both checksums, without running any of its code. */
rt_status rt__plugins_load(const rt_config *cfg);

/* Fails with MISMATCH and both checksums if a loaded plugin is another build of one that the configuration names. */
rt_status rt__plugins_match(const rt_config *cfg);

/* ---- the program itself ---- */

/* Registers the rows of the program that this process is, and makes configurations of the user begin with them. Does nothing if it has
 * none. Fails as rt_plugin_load does. */
rt_status rt__program_register(const rt_task_spec *spec);
/* Returns the entry of this program, borrowed; NULL if it has no rows. */
const json_t *rt__program_entry(void);

/* Registers the rows of a table as those of that file. *entry is borrowed. */
rt_status rt__plugin_take(const rt__plugin_file *f, const rt_plugin *table, json_t **entry);

/* Describes a plugin's contents as the member "rows" of its entry. Fails with FORMAT, naming the row, if a row is incomplete. file: for
 * messages. */
rt_status rt__plugin_rows(const rt_plugin *p, const char *file, json_t **rows);

#endif
