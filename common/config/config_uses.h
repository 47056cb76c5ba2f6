/* Refuses keys that have no effect with the others: a user would not notice that an option is ignored. Private to config.c. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_USES_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_USES_H

#include "common/config/config_table.h"

/* Fails with CONFIG if a key was given a value but has no effect. `standard` has the defaults. `lines` are those of the file `name`, as rt__config_read sets them;
 * `sets` are the values of --set. */
rt_status rt__config_check_uses(const rt_config *cfg, const rt_config *standard, const char *name,
                                const size_t lines[RT__KEYS], const char *const *sets,
                                size_t n_sets);

#endif
