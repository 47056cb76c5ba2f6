/* Finds out what plugins contain. The launcher has no engine and never runs a user's code, so it asks the worker, which
 * will load them anyway.
 *
 *     rt__plugins_ask(worker);        // from now on rt_config_load knows the rows of `plugins: [./mine.so]`
 */
#ifndef RINGTORCH_LAUNCH_RUN_PLUGINS_H
#define RINGTORCH_LAUNCH_RUN_PLUGINS_H

/* worker: path of the program, borrowed as long as configurations are loaded; NULL: nobody is asked any more. */
void rt__plugins_ask(const char *worker);

#endif
