/* The rows of config.def as data; private to config*.c.
 *
 *     const rt__key *key = rt__key_find("optimizer", "lr");
 *     RT_TRY(rt__key_set_scalar(key, cfg, "0.01", false));
 */
#ifndef RINGTORCH_COMMON_CONFIG_TABLE_H
#define RINGTORCH_COMMON_CONFIG_TABLE_H

#include "common/config.h"
#include "common/text.h"

typedef enum rt__key_type {
    RT__KEY_INT,
    RT__KEY_AUTO,
    RT__KEY_NUMBER,
    RT__KEY_STRING,
    RT__KEY_BOOL,
    RT__KEY_CHOICE,
    RT__KEY_NODE,
} rt__key_type;

typedef struct rt__key {
    rt__key_type type;
    bool math;
    const char *section; /* "" for a key outside any section */
    const char *name;
    size_t offset, size;        /* of the field in rt_config */
    const char *standard;       /* the default, as it would be written in a file */
    int64_t least, most;        /* INT, AUTO */
    double low, high;           /* NUMBER */
    const char *const *options; /* CHOICE: the texts, in the order of the enum, then NULL */
    const char *help;
} rt__key;

typedef struct rt__section {
    const char *name, *help;
} rt__section;

/* The key has an effect only if the other one, which is a choice, has this value. */
typedef struct rt__use {
    const char *section, *key, *other, *value;
} rt__use;

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
#include "common/config.def"
};
enum {
    RT__SECTIONS = 0
#define SECTION(name, help) +1
#include "common/config.def"
};
enum {
    RT__USES = 0
#define USED_WITH(section, key, other_section, other_key, text) +1
#include "common/config.def"
};
extern const rt__use rt__uses[RT__USES];
extern const rt__key rt__keys[RT__KEYS];
extern const rt__section rt__sections[RT__SECTIONS];

/* Returns the key or section of that name, or NULL. */
const rt__key *rt__key_find(const char *section, const char *name);
const rt__section *rt__section_find(const char *name);
/* Fails with CONFIG: unknown key, the nearest known one, and all that are allowed there. section
 * "": top level. */
rt_status rt__key_unknown(const char *section, const char *name);

/* Writes "section.name" or "name". */
enum { RT__KEY_PATH = 64 };
const char *rt__key_path(const rt__key *key, char path[RT__KEY_PATH]);
/* Sets the field from a scalar. quoted: it was written in quotes, so it can only be text. CONFIG,
 * with key, value and what is allowed named, when it does not fit; cfg is then unchanged. */
rt_status rt__key_set_scalar(const rt__key *key, rt_config *cfg, const char *text, bool quoted);
/* Sets a NODE field; takes over node, also on failure. */
rt_status rt__key_set_node(const rt__key *key, rt_config *cfg, json_t *node);
/* Adds the value as it would be written in a file. */
rt_status rt__key_print(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Adds the value as hashes have always had it: runs and their checkpoints outlive the way numbers are written. */
rt_status rt__key_print_to_hash(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Adds what values are allowed: "an integer from 1 to 65536", "one of adamw, sgd". */
void rt__key_expects(const rt__key *key, rt_text *to);
/* Moves the value from one config to another, whose old value is freed. */
void rt__key_move(const rt__key *key, rt_config *from, rt_config *to);
/* Frees a string or node and zeroes the field. */
void rt__key_clear(const rt__key *key, rt_config *cfg);

/* Plain scalars by YAML 1.2's core schema (https://yaml.org/spec/1.2.2, 10.3.2): does the text have the form of a
 * boolean (*value: which), of null, of a decimal integer, of a decimal number (which includes integers)? */
bool rt__is_bool(const char *text, bool *value);
bool rt__is_null(const char *text);
bool rt__is_integer(const char *text);
bool rt__is_number(const char *text);

/* Reads a whole configuration from YAML over what is in cfg; `name` stands for the file in errors. Writes the line at
 * which each key was given; 0: it was not. */
rt_status rt__config_read(rt_config *cfg, const char *text, size_t len, const char *name,
                          size_t lines[RT__KEYS]);
/* CONFIG if a key has a value of its own and no effect; `lines` as above, of the file `name`, and what --set gave. */
rt_status rt__config_check_uses(const rt_config *cfg, const char *name,
                                const size_t lines[RT__KEYS], const char *const *sets,
                                size_t n_sets);
/* Reads one value of `key` from YAML. On failure cfg is unchanged. */
rt_status rt__config_read_value(rt_config *cfg, const rt__key *key, const char *text);

#endif
