/* Checks the rules between the keys of a configuration. Needs no data. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_CHECK_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_CHECK_H

#include "common/config/config_struct.h"
#include <ringtorch/status.h>

/* Checks the rules between keys: slices >= workers, batch >= slices, preset or layers, and so on. */
rt_status rt_config_check(const rt_config *cfg);

#endif
