/* The configuration of a run: a struct made from config.def, read from YAML.
 *
 *     rt_config cfg;
 *     const char *sets[] = {"parallel.workers=4", "run.steps=200"};
 *     RT_TRY(rt_config_load("configs/fashion-cnn.yaml", sets, 2, &cfg));
 *     RT_TRY(rt_config_check(&cfg));
 *     printf("%ld steps, lr %g\n", (long)cfg.run.steps, cfg.optimizer.lr);
 *     if (cfg.optimizer.name == RT_CFG_OPTIMIZER_SGD) ...
 *     rt_config_release(&cfg);
 *
 * Errors are RT_E_CONFIG and say "FILE:LINE:COLUMN: what is wrong" or "--set KEY=VALUE: what is
 * wrong", with the allowed values and the nearest right name. The config is a plain struct: fields
 * may be assigned (strings through rt_config_set). Strings and nodes belong to the struct. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_H

#include "common/config/config_struct.h"
#include <ringtorch/status.h>
#include <stdio.h>

/* Fills *out with the defaults; release it with rt_config_release. Fails only if memory runs out.
 */
rt_status rt_config_default(rt_config *out);
/* Reads defaults, then the file, then each "section.key=value" of sets in order. On failure *out is
 * empty and needs no release. */
rt_status rt_config_load(const char *path, const char *const *sets, size_t n_sets, rt_config *out);
/* Reads the configuration that a run has written into its directory. Like rt_config_load without sets, but accepts only
 * a regular file: a file that the user names may be a pipe, and reading that waits. */
rt_status rt_config_load_run(const char *path, rt_config *out);
/* Registers the rows of the plugins that the config.yaml of a run directory describes; metrics in its journal and its
 * events are read by them. Does nothing if there is no valid configuration: code that needs it reports that. */
void rt_config_register_plugins(const char *dir);
/* Like rt_config_load, for a new run: also refuses keys that were given a value but have no effect with the others
 * ("c.yaml:7: optimizer.momentum has an effect with optimizer.name sgd only"). The configuration of a resumed run is
 * not refused for that, because earlier versions accepted it. */
rt_status rt_config_load_new(const char *path, const char *const *sets, size_t n_sets,
                             rt_config *out);
/* Like rt_config_load without sets, from text in memory; `name` stands for the file in errors. */
rt_status rt_config_parse(const char *text, size_t len, const char *name, rt_config *out);
/* Returns whether the text of a valid configuration contains this key ("schedule.steps"). */
bool rt_config_gives(const char *text, size_t len, const char *key);
/* Makes *out equal to cfg; release both. On failure *out is empty and needs no release. */
rt_status rt_config_copy(const rt_config *cfg, rt_config *out);
/* Applies one "section.key=value"; value is YAML, so lists work too. On failure cfg is unchanged.
 */
rt_status rt_config_set(rt_config *cfg, const char *assignment);
/* Frees strings and nodes and zeroes the struct; a zeroed struct is fine. */
void rt_config_release(rt_config *cfg);

/* Returns all keys as YAML that loads back to the same config (rt_malloc; NULL on failure). */
char *rt_config_yaml(const rt_config *cfg);
/* Replaces the file atomically with rt_config_yaml. */
rt_status rt_config_write_yaml(const rt_config *cfg, const char *path);
/* Writes the SHA-256 of the keys marked MATH: equal hashes mean the same mathematics. `slices:
 * auto` must have been resolved first for hashes of different world sizes to agree. */
rt_status rt_config_hash(const rt_config *cfg, char hex[65]);
/* Returns the text of a choice key's value, e.g. rt_config_choice(cfg, "parallel.isa") -> "avx2"
 * (static); key must name a choice row. */
const char *rt_config_choice(const rt_config *cfg, const char *key);
/* Returns the values of the row that a family chooses: rt_optimizer_sgd_values of "optimizer", for example. */
const void *rt_config_values(const rt_config *cfg, const char *section);
/* Returns data.path or the data set's default; "" for a data set without a path. */
const char *rt_config_data_path(const rt_config *cfg);
/* Prints the reference of all keys: type, range or allowed values, default, meaning. */
void rt_config_help(FILE *to);
/* Prints one line per key for completion in shells: "key", its path, its allowed words and its meaning, separated by
 * tabs. */
void rt_config_list(FILE *to);

#endif
