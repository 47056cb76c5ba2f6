/* The rows of config.def as data; private to config*.c.
 *
 *     const rt__key *key = rt__key_find("optimizer", "lr");
 *     printf("%s\n", key->standard);                          // "0.001"
 */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_TABLE_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_TABLE_H

#include "common/base/schema.h"
#include "common/config/added.h"
#include "common/config/config_struct.h"

typedef enum rt__key_type {
    RT__KEY_INT,
    RT__KEY_AUTO,
    RT__KEY_NUMBER,
    RT__KEY_STRING,
    RT__KEY_BOOL,
    RT__KEY_CHOICE,
    RT__KEY_NODE,
} rt__key_type;

/* How a key enters the hash of the configuration. */
typedef enum rt__key_math {
    FREE,
    MATH,
    LATER, /* enters unless it has its default */
} rt__key_math;

typedef struct rt__key {
    rt__key_type type;
    rt__key_math math;
    const char *section; /* "" for a key outside any section */
    const char *name;
    size_t offset, size;        /* of the field in rt_config */
    const char *standard;       /* the default, as written in a file */
    int64_t least, most;        /* INT, AUTO */
    double low, high;           /* NUMBER */
    const char *const *options; /* CHOICE: the texts, in the order of the enum, then NULL */
    const char *help;
} rt__key;

enum {
    RT__ADDED_MAX = 32,   /* rows that may be added to a family */
    RT__ROW_CHOICES = 16, /* names of a CHOICE in a family's row */
    RT__ROW_WORDS = 256,  /* bytes of all these names */
    RT__ROW_KEYS = 256,   /* keys of all rows of a family that suggestions consider */
};

typedef struct rt__section {
    const char *name, *help;
} rt__section;

/* The key has an effect only if the other one, a choice, has this value. Either may belong to a family's row. */
typedef struct rt__use {
    const char *section, *key, *other_section, *other, *value;
} rt__use;

/* One of the alternatives that a FAMILY's key chooses from. */
typedef struct rt__family_row {
    const char *name, *help;
    rt__schema schema;
    size_t offset; /* of its values in rt_config */
    rt__added added;
} rt__family_row;

typedef struct rt__family {
    const char *section, *key;
    size_t choice,
        given; /* offsets in rt_config of the chosen row and of the values written for keys of the rows */
    rt__family_row *row; /* with room for RT__ADDED_MAX more */
    int rows;
    const char **option; /* their names, then NULL: the options of the key */
} rt__family;

/* A place in the hash: a key, or one of a family's rows. */
typedef struct rt__hashed {
    const char *section, *name;
} rt__hashed;

enum {
    RT__KEYS = 0
#define INT(section, key, standard, least, most, math, help)    +1
#define AUTO(section, key, least, most, math, help)             +1
#define NUMBER(section, key, standard, least, most, math, help) +1
#define STRING(section, key, standard, math, help)              +1
#define BOOL(section, key, standard, math, help)                +1
#define NODE(section, key, math, help)                          +1
#define CHOICE(section, key, standard, math, help, options)     +1
#define TOP_CHOICE(key, standard, math, help, options)          +1
#define TOP_STRING(key, standard, math, help)                   +1
#define TOP_NODE(key, math, help)                               +1
#define FAMILY(section, key, standard, math, help, list)        +1
#include "common/config/config.def"
};
enum {
    RT__SECTIONS = 0
#define SECTION(name, help) +1
#include "common/config/config.def"
};
enum {
    RT__FAMILIES = 0
#define FAMILY(section, key, standard, math, help, list) +1
#include "common/config/config.def"
};
enum {
    RT__HASHED = RT__KEYS
#define HASHED(section, key) +1
#include "common/config/config.def"
};
enum {
    RT__USES = 0
#define USED_WITH(section, key, other_section, other_key, text) +1
#include "common/config/config.def"
};
extern const rt__use rt__uses[RT__USES];
extern const rt__key rt__keys[RT__KEYS];
extern const rt__section rt__sections[RT__SECTIONS];
extern rt__family rt__families[RT__FAMILIES];
extern const rt__hashed rt__hashed_keys[RT__HASHED]; /* in the order of the hash */

/* Return the key or section of that name, or NULL. */
const rt__key *rt__key_find(const char *section, const char *name);
const rt__section *rt__section_find(const char *name);

/* Writes "section.name" or "name". */
enum { RT__KEY_PATH = 64 };
const char *rt__key_path(const rt__key *key, char path[RT__KEY_PATH]);
/* Returns the last of `sets` that assigns this key, or NULL. */
const char *rt__set_of(const char *path, const char *const *sets, size_t n_sets);

/* Returns the family of a section, or NULL if it has none. */
const rt__family *rt__family_of(const char *section);
/* Returns the family whose choice this key is, or NULL if it is not one. */
const rt__family *rt__family_of_key(const rt__key *key);
/* Returns the chosen row. */
const rt__family_row *rt__family_chosen(const rt__family *f, const rt_config *cfg);
/* Returns the values of a row in cfg, by its schema. */
void *rt__row_values(const rt__family_row *row, const rt_config *cfg);

/* Fails with CONFIG: names the unknown key, the nearest known one, and all that are allowed there with the rows that
 * cfg chooses. `section` is "" for the top level. */
rt_status rt__key_unknown(const rt_config *cfg, const char *section, const char *name);

#endif
