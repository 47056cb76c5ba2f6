/* Reads YAML into a configuration, with the line and column of every error; private to config.c. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_YAML_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_YAML_H

#include "common/config/config_table.h"

/* Reads a whole configuration from YAML over what is in cfg; `name` stands for the file in errors. Sets lines[key] to
 * the line where each key was given, 0 if it was not. */
rt_status rt__config_read(rt_config *cfg, const char *text, size_t len, const char *name,
                          size_t lines[RT__KEYS]);
/* Returns the value of the key `plugins` (a new reference), which is needed before anything else can be read. Returns
 * NULL if it is absent, or if the text has an error, which rt__config_read will report. */
json_t *rt__config_read_plugins(const char *text, size_t len);
/* Reads one value of `key` from YAML. On failure cfg is unchanged. */
rt_status rt__config_read_value(rt_config *cfg, const rt__key *key, const char *text);

#endif
