/* The rows of config.def as data; private to config*.c.
 *
 *     const rt__key *key = rt__key_find("optimizer", "lr");
 *     RT_TRY(rt__key_set_scalar(key, cfg, "0.01", false));
 */
#ifndef RINGTORCH_COMMON_CONFIG_TABLE_H
#define RINGTORCH_COMMON_CONFIG_TABLE_H

#include "common/config.h"
#include "common/schema.h"
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

/* What a key has to do with the hash of the configuration. */
typedef enum rt__key_math {
    FREE,
    MATH,
    LATER, /* in it unless it has its default */
} rt__key_math;

typedef struct rt__key {
    rt__key_type type;
    rt__key_math math;
    const char *section; /* "" for a key outside any section */
    const char *name;
    size_t offset, size;        /* of the field in rt_config */
    const char *standard;       /* the default, as it would be written in a file */
    int64_t least, most;        /* INT, AUTO */
    double low, high;           /* NUMBER */
    const char *const *options; /* CHOICE: the texts, in the order of the enum, then NULL */
    const char *help;
} rt__key;

enum {
    RT__ROW_CHOICES = 16, /* names of a CHOICE in a family's row */
    RT__ROW_WORDS = 256,  /* bytes of them all */
    RT__ROW_KEYS = 256,   /* of all rows of a family, of those that suggestions look at */
};

typedef struct rt__section {
    const char *name, *help;
} rt__section;

/* The key has an effect only if the other one, which is a choice, has this value. Either may be of a family's row. */
typedef struct rt__use {
    const char *section, *key, *other_section, *other, *value;
} rt__use;

/* One of the things that a FAMILY's key chooses from. */
typedef struct rt__family_row {
    const char *name, *help;
    rt__schema schema;
    size_t offset; /* of its values in rt_config */
} rt__family_row;

typedef struct rt__family {
    const char *section, *key;
    size_t choice,
        given; /* offsets in rt_config: which row it is, and what was written for keys of the rows */
    const rt__family_row *row;
    int rows;
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
#define FAMILY(section, key, standard, math, help, list)        +1
#include "common/config.def"
};
enum {
    RT__SECTIONS = 0
#define SECTION(name, help) +1
#include "common/config.def"
};
enum {
    RT__FAMILIES = 0
#define FAMILY(section, key, standard, math, help, list) +1
#include "common/config.def"
};
enum {
    RT__HASHED = RT__KEYS
#define HASHED(section, key) +1
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
extern const rt__family rt__families[RT__FAMILIES];
extern const rt__hashed rt__hashed_keys[RT__HASHED]; /* in the order of the hash */

/* Returns the key or section of that name, or NULL. */
const rt__key *rt__key_find(const char *section, const char *name);
const rt__section *rt__section_find(const char *name);
/* Fails with CONFIG: unknown key, the nearest known one, and all that are allowed there beside the rows that cfg
 * chooses. section "": top level. */
rt_status rt__key_unknown(const rt_config *cfg, const char *section, const char *name);

/* Writes "section.name" or "name". */
enum { RT__KEY_PATH = 64 };
const char *rt__key_path(const rt__key *key, char path[RT__KEY_PATH]);
/* Sets the field from a scalar. quoted: it was written in quotes, so it can only be text. CONFIG,
 * with key, value and what is allowed named, when it does not fit; cfg is then unchanged. */
rt_status rt__key_set_scalar(const rt__key *key, rt_config *cfg, const char *text, bool quoted);
/* Fails for a list or a mapping where a scalar was expected. */
rt_status rt__key_no_scalar(const rt__key *key, bool is_list);
/* Sets a NODE field; takes over node, also on failure. */
rt_status rt__key_set_node(const rt__key *key, rt_config *cfg, json_t *node);
/* Adds the value as it would be written in a file. */
rt_status rt__key_print(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Adds the value as hashes have always had it: runs and their checkpoints outlive the way numbers are written. */
rt_status rt__key_print_to_hash(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Adds what values are allowed: "an integer from 1 to 65536", "one of adamw, sgd". */
void rt__key_expects(const rt__key *key, rt_text *to);
/* Prints what a key is, for people: two lines that begin with the indent. */
void rt__key_help(const rt__key *key, const rt_config *standard, const char *indent, FILE *to);
/* Has the key its default? */
bool rt__key_has_default(const rt__key *key, const rt_config *cfg, const rt_config *standard);
/* Moves the value from one config to another, whose old value is freed. */
void rt__key_move(const rt__key *key, rt_config *from, rt_config *to);
/* Frees a string or node and zeroes the field. */
void rt__key_clear(const rt__key *key, rt_config *cfg);

/* ---- families (config_family.c) ---- */

/* Returns the family of a section, NULL if it has none. */
const rt__family *rt__family_of(const char *section);
/* Returns the family whose choice this key is, NULL if it is none. */
const rt__family *rt__family_of_key(const rt__key *key);
/* Gives every row its defaults, and frees what they hold. */
rt_status rt__family_set_defaults(const rt__family *f, rt_config *cfg);
void rt__family_clear(const rt__family *f, rt_config *cfg);
/* Has any row a key of that name? */
bool rt__family_has(const rt__family *f, const char *name);
/* Returns the row that is chosen. */
const rt__family_row *rt__family_chosen(const rt__family *f, const rt_config *cfg);

/* A key of a row, made for the moment. */
typedef struct rt__row_key {
    rt__key key;
    const char *option[RT__ROW_CHOICES + 1];
    char words[RT__ROW_WORDS];
} rt__row_key;
/* Makes the key of that name: of the chosen row, else of the first that has one. Fails as rt__key_unknown. */
rt_status rt__family_key(const rt__family *f, const rt_config *cfg, const char *name,
                         rt__row_key *out);
/* Makes the key of a member of a row. */
void rt__row_key_init(const rt__family *f, const rt__family_row *row, rt__member m,
                      rt__row_key *out);
/* Has the member of that name in this row the value that its row says? */
bool rt__row_has_default(const rt__family_row *row, const rt_config *cfg, rt__member m);

/* Notes what was written at a place of a file (0: elsewhere) for a key of the rows, over what was noted before. text: NULL if it was no
 * scalar; then `quoted` says whether it was a list, else it was a mapping. */
rt_status rt__family_note(const rt__family *f, rt_config *cfg, const char *name, const char *text,
                          bool quoted, size_t line, size_t column);
/* Returns the line at which it was noted, 0 if it was not, or in no file. */
size_t rt__family_line(const rt__family *f, const rt_config *cfg, const char *name);
/* Gives what was noted to the chosen row, and what it has no such key for to the first that has. Fails for the first that does not
 * fit; *line and *column are where it stands. */
rt_status rt__family_apply(const rt__family *f, rt_config *cfg, size_t *line, size_t *column);
/* CONFIG if a key that the chosen row has not was given a value of its own. */
rt_status rt__family_check_uses(const rt__family *f, const rt_config *cfg, const char *name,
                                const char *const *sets, size_t n_sets);
/* Returns the last of the sets that is of this key, or NULL. */
const char *rt__set_of(const char *path, const char *const *sets, size_t n_sets);

/* CONFIG, as "optimizer.groups[i] has no key ...", if the members of an object but those named (a list that ends in NULL) are not values
 * that the chosen row of that section allows. */
rt_status rt__config_check_row(const rt_config *cfg, const char *section, const json_t *object,
                               const char *const *but, size_t i);

/* Add what the section says beyond its own keys: as YAML, for the hash, for people. */
rt_status rt__family_print(const rt__family *f, const rt_config *cfg, rt_text *to);
rt_status rt__family_print_to_hash(const rt__family *f, const rt_config *cfg, const char *name,
                                   rt_text *to);
rt_status rt__family_print_rest_to_hash(const rt__family *f, const rt_config *cfg, rt_text *to);
void rt__family_print_help(const rt__family *f, const rt_config *standard, FILE *to);

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
