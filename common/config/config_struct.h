/* The struct of a configuration, made from config.def: one member per key, in a struct per section. config.h loads and prints it.
 *
 *     if (cfg.optimizer.name == RT_CFG_OPTIMIZER_SGD) use(cfg.optimizer.lr, cfg.optimizer.sgd.momentum);
 *
 * Strings and nodes belong to the struct; rt_config_release frees them. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_STRUCT_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_STRUCT_H

#include "common/base/designated.h"
#include "common/base/json.h"
#include <ringtorch/datasets.def>
#include <ringtorch/field.h>
#include <ringtorch/optimizers.def>
#include <ringtorch/schedules.def>
#include <ringtorch/tasks.def>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

#endif
