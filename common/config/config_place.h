/* Finds the line of a value in a configuration file, for errors that are found after parsing. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_PLACE_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_PLACE_H

#include <stdint.h>

/* Returns the line of a file on which a place such as "model.layers[3].residual[1]" is written, or 0 if unknown.
 * `place` may go on with a ':' and other text, as in messages. */
int64_t rt_config_line(const char *path, const char *place);

#endif
