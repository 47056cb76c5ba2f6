/* Chooses the number for `parallel.slices: auto` (docs/decisions/0027-slices-and-statistics.md). */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_SLICES_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_SLICES_H

#include "common/config/config_struct.h"
#include <ringtorch/status.h>

/* Returns into how many slices a step is cut: parallel.slices, or the number that `auto` means for a new run. */
int64_t rt_config_slices(const rt_config *cfg);
/* Stores that number in parallel.slices. Fails with CONFIG if `auto` would cut the batch into smaller slices than the
 * layers allow. */
rt_status rt_config_resolve_slices(rt_config *cfg);

#endif
