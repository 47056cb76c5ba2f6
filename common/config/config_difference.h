/* Finds the keys by which two configurations train different mathematics. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_DIFFERENCE_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_DIFFERENCE_H

#include "common/config/config_struct.h"
#include <ringtorch/status.h>

/* Lists the keys marked MATH whose values differ, with both values, as one line: "optimizer.lr:
 * 0.001 there, 0.01 here; ...". *out is "" if none does; free with rt_mem_free. */
rt_status rt_config_difference(const rt_config *there, const rt_config *here, char **out);

#endif
