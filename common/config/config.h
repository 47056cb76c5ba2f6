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

#include "common/base/designated.h"
#include "common/base/json.h"
#include <ringtorch/datasets.def>
#include <ringtorch/field.h>
#include <ringtorch/optimizers.def>
#include <ringtorch/schedules.def>
#include <ringtorch/status.h>
#include <ringtorch/tasks.def>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    RT_CONFIG_FILE_MAX = 1 << 20, /* a configuration file is at most 1 MiB */
    RT_CONFIG_ROOM = 4096,        /* bytes for the values of all rows added by plugins */
};

/* One enum per choice key: rt_cfg_<section>_<key> with the constants named in config.def. */
#define OPTION(constant, text) constant,
#define CHOICE(section, key, standard, math, help, options)                                        \
    typedef enum { options } rt_cfg_##section##_##key;
#define TOP_CHOICE(key, standard, math, help, options) typedef enum { options } rt_cfg_##key;
#define FAMILY(section, key, standard, math, help, list)                                           \
    typedef enum { list(RT__FAMILY_CONSTANT) } rt_cfg_##section##_##key;
#define RT__FAMILY_CONSTANT(section, constant, id, text, FIELDS, help) constant,
#include "common/config/config.def"

/* The numbers of each row of a family: rt_optimizer_sgd_values. */
#define FAMILY(section, key, standard, math, help, list) list(RT__FAMILY_VALUES)
#define RT__FAMILY_VALUES(section, constant, id, text, FIELDS, help)                               \
    typedef struct RT_DESIGNATED rt_##section##_##id##_values {                                    \
        RT_STRUCT(FIELDS)                                                                          \
    } rt_##section##_##id##_values;
#include "common/config/config.def"

typedef struct rt_config {
#define SECTION(name, help) struct {
#define END(name)                                                                                  \
    }                                                                                              \
    name;
#define INT(section, key, standard, least, most, math, help)    int64_t key;
#define AUTO(section, key, least, most, math, help)             int64_t key;
#define NUMBER(section, key, standard, least, most, math, help) double key;
#define STRING(section, key, standard, math, help)              char *key;
#define BOOL(section, key, standard, math, help)                bool key;
#define NODE(section, key, math, help)                          json_t *key;
#define CHOICE(section, key, standard, math, help, options)     rt_cfg_##section##_##key key;
#define TOP_CHOICE(key, standard, math, help, options)          rt_cfg_##key key;
#define TOP_STRING(key, standard, math, help)                   char *key;
#define TOP_NODE(key, math, help)                               json_t *key;
/* given: the values written for keys of the rows, by name; private to config_family.c. */
#define FAMILY(section, key, standard, math, help, list)                                           \
    rt_cfg_##section##_##key key;                                                                  \
    json_t *given;                                                                                 \
    list(RT__FAMILY_MEMBER)
#define RT__FAMILY_MEMBER(section, constant, id, text, FIELDS, help)                               \
    rt_##section##_##id##_values id;
#include "common/config/config.def"
    _Alignas(8) char room
        [RT_CONFIG_ROOM]; /* values of rows added by plugins; private to config_family.c */
} rt_config;

/* Fills *out with the defaults; release it with rt_config_release. Fails only if memory runs out.
 */
rt_status rt_config_default(rt_config *out);
/* Reads defaults, then the file, then each "section.key=value" of sets in order. On failure *out is
 * empty and needs no release. */
rt_status rt_config_load(const char *path, const char *const *sets, size_t n_sets, rt_config *out);
/* Reads the configuration that a run has written into its directory. Like rt_config_load without sets, but accepts only
 * a regular file: a file that the user names may be a pipe, and reading that waits. */
rt_status rt_config_load_run(const char *path, rt_config *out);
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
/* Checks the rules between keys: slices >= workers, batch >= slices, preset or layers, and so on. */
rt_status rt_config_check(const rt_config *cfg);
/* Computes how many steps the run makes over a training set of `samples` samples: run.steps, or if that is 0 as many as
 * show it every sample run.epochs times. Fails with CONFIG if that overflows. */
rt_status rt_config_steps(const rt_config *cfg, int64_t samples, int64_t *steps);
/* Returns whether the rate depends on the schedule's length (schedule.steps), as a cosine's does. */
bool rt_config_schedule_ends(const rt_config *cfg);
/* Returns the step after which a cosine schedule has ended, in a run of `steps` steps. */
int64_t rt_config_cosine_steps(const rt_config *cfg, int64_t steps);
/* Returns into how many slices a step is cut: parallel.slices, or the number that `auto` means for a new run. */
int64_t rt_config_slices(const rt_config *cfg);
/* Stores that number in parallel.slices. Fails with CONFIG if `auto` would cut the batch into smaller slices than the
 * layers allow. */
rt_status rt_config_resolve_slices(rt_config *cfg);
/* Frees strings and nodes and zeroes the struct; a zeroed struct is fine. */
void rt_config_release(rt_config *cfg);

/* Returns all keys as YAML that loads back to the same config (rt_malloc; NULL on failure). */
char *rt_config_yaml(const rt_config *cfg);
/* Replaces the file atomically with rt_config_yaml. */
rt_status rt_config_write_yaml(const rt_config *cfg, const char *path);
/* Writes the SHA-256 of the keys marked MATH: equal hashes mean the same mathematics. `slices:
 * auto` must have been resolved first for hashes of different world sizes to agree. */
rt_status rt_config_hash(const rt_config *cfg, char hex[65]);
/* Lists the keys marked MATH whose values differ, with both values, as one line: "optimizer.lr:
 * 0.001 there, 0.01 here; ...". *out is "" if none does; free with rt_mem_free. */
rt_status rt_config_difference(const rt_config *there, const rt_config *here, char **out);
/* Returns the text of a choice key's value, e.g. rt_config_choice(cfg, "parallel.isa") -> "avx2"
 * (static); key must name a choice row. */
const char *rt_config_choice(const rt_config *cfg, const char *key);
/* Returns the values of the row that a family chooses: rt_optimizer_sgd_values of "optimizer", for example. */
const void *rt_config_values(const rt_config *cfg, const char *section);
/* Returns data.path or the data set's default; "" for a data set without a path. */
const char *rt_config_data_path(const rt_config *cfg);
/* Returns the line of a file on which a place such as "model.layers[3].residual[1]" is written, or 0 if unknown.
 * `place` may go on with a ':' and other text, as in messages. */
int64_t rt_config_line(const char *path, const char *place);
/* Prints the reference of all keys: type, range or allowed values, default, meaning. */
void rt_config_help(FILE *to);
/* Prints one line per key for completion in shells: "key", its path, its allowed words and its meaning, separated by
 * tabs. */
void rt_config_list(FILE *to);

#endif
