/* The rows of config.def as data; private to config*.c.
 *
 *     const rt__key *key = rt__key_find("optimizer", "lr");
 *     RT_TRY(rt__key_set_scalar(key, cfg, "0.01", false));
 */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_TABLE_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_TABLE_H

#include "common/base/schema.h"
#include "common/base/text.h"
#include "common/config/added.h"
#include "common/config/config.h"

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
/* Fails with CONFIG: names the unknown key, the nearest known one, and all that are allowed there with the rows that
 * cfg chooses. `section` is "" for the top level. */
rt_status rt__key_unknown(const rt_config *cfg, const char *section, const char *name);

/* Writes "section.name" or "name". */
enum { RT__KEY_PATH = 64 };
const char *rt__key_path(const rt__key *key, char path[RT__KEY_PATH]);
/* Sets the field from a scalar. If `quoted`, it was written in quotes and can only be text. If the value does not fit,
 * fails with CONFIG, naming key, value and what is allowed, and leaves cfg unchanged. */
rt_status rt__key_set_scalar(const rt__key *key, rt_config *cfg, const char *text, bool quoted);
/* Fails: a list or a mapping was given where a scalar is expected. */
rt_status rt__key_no_scalar(const rt__key *key, bool is_list);
/* Sets a NODE field; takes ownership of `node`, also on failure. */
rt_status rt__key_set_node(const rt__key *key, rt_config *cfg, json_t *node);
/* Appends the value as written in a file. */
rt_status rt__key_print(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Appends the value in the form that hashes have always used: hashes of runs and checkpoints must survive a change of
 * how numbers are written elsewhere. */
rt_status rt__key_print_to_hash(const rt__key *key, const rt_config *cfg, rt_text *to);
/* Appends the allowed values: "an integer from 1 to 65536", "one of adamw, sgd". */
void rt__key_expects(const rt__key *key, rt_text *to);
/* Prints the key's line of rt_config_list. */
void rt__key_list(const rt__key *key, FILE *to);
/* Prints the key's reference for people: two lines that begin with `indent`. */
void rt__key_help(const rt__key *key, const rt_config *standard, const char *indent, FILE *to);
/* Returns whether the key has its default value. */
bool rt__key_has_default(const rt__key *key, const rt_config *cfg, const rt_config *standard);
/* Moves the value from one config to another and frees the other's old value. */
void rt__key_move(const rt__key *key, rt_config *from, rt_config *to);
/* Frees a string or node and zeroes the field. */
void rt__key_clear(const rt__key *key, rt_config *cfg);

/* ---- families (config_family.c) ---- */

/* Returns the family of a section, or NULL if it has none. */
const rt__family *rt__family_of(const char *section);
/* Returns the family whose choice this key is, or NULL if it is not one. */
const rt__family *rt__family_of_key(const rt__key *key);
/* Returns NULL if the family has room for `rows` more rows with `bytes` bytes of values, else a text that says what is
 * full. */
const char *rt__family_lacks_room(const rt__family *f, int rows, size_t bytes);
/* Adds a row that the caller has validated; name, help and schema are borrowed for the life of the process. Must not
 * run while other threads use configurations. */
rt__family_row *rt__family_add(rt__family *f, const rt__family_row *row);
/* rt__family_set_defaults sets the values of every row to their defaults; rt__family_clear frees what they hold. */
rt_status rt__family_set_defaults(const rt__family *f, rt_config *cfg);
void rt__family_clear(const rt__family *f, rt_config *cfg);
/* Returns whether any row has a key of that name. */
bool rt__family_has(const rt__family *f, const char *name);
/* Returns the chosen row. */
const rt__family_row *rt__family_chosen(const rt__family *f, const rt_config *cfg);

/* A key of a row in the form of a table key; a temporary that its caller holds. */
typedef struct rt__row_key {
    rt__key key;
    const char *option[RT__ROW_CHOICES + 1];
    char words[RT__ROW_WORDS];
} rt__row_key;
/* Makes the key of that name from the chosen row, or from the first row that has one. Fails like rt__key_unknown. */
rt_status rt__family_key(const rt__family *f, const rt_config *cfg, const char *name,
                         rt__row_key *out);
/* Makes the key of a member of a row. */
void rt__row_key_init(const rt__family *f, const rt__family_row *row, rt__struct_member m,
                      rt__row_key *out);
/* Returns whether the member m of this row has its default value. */
bool rt__row_has_default(const rt__family_row *row, const rt_config *cfg, rt__struct_member m);

/* Records what was written for a key of the rows, replacing an earlier record; line and column are 0 if it is not from
 * a file. `text` is NULL if it was no scalar; then `quoted` is true for a list and false for a mapping. */
rt_status rt__family_record(const rt__family *f, rt_config *cfg, const char *name, const char *text,
                            bool quoted, size_t line, size_t column);
/* Returns the line where the recorded value was written; 0 if there is none or it is not from a file. */
size_t rt__family_line(const rt__family *f, const rt_config *cfg, const char *name);
/* Assigns the recorded values to the chosen row; those for which it has no key go to the first row that has one. Fails
 * for the first value that does not fit and sets *line and *column to its place. */
rt_status rt__family_apply(const rt__family *f, rt_config *cfg, size_t *line, size_t *column);
/* Fails with CONFIG if a value was given for a key that the chosen row does not have. */
rt_status rt__family_check_uses(const rt__family *f, const rt_config *cfg, const char *name,
                                const char *const *sets, size_t n_sets);
/* Returns the last of `sets` that assigns this key, or NULL. */
const char *rt__set_of(const char *path, const char *const *sets, size_t n_sets);

/* Fails with CONFIG ("optimizer.groups[i] has no key ...") unless the chosen row of the section allows every member of
 * `object`; the members named in `but` (ends with NULL) are not checked. */
rt_status rt__config_check_row(const rt_config *cfg, const char *section, const json_t *object,
                               const char *const *but, size_t i);

/* Append what the section holds beyond its own keys: as YAML, for the hash, for shells and for people. */
rt_status rt__family_print(const rt__family *f, const rt_config *cfg, rt_text *to);
rt_status rt__family_print_to_hash(const rt__family *f, const rt_config *cfg, const char *name,
                                   rt_text *to);
rt_status rt__family_print_rest_to_hash(const rt__family *f, const rt_config *cfg, rt_text *to);
void rt__family_list(const rt__family *f, FILE *to);
void rt__family_print_help(const rt__family *f, const rt_config *standard, FILE *to);

/* Plain scalars by YAML 1.2's core schema (https://yaml.org/spec/1.2.2, 10.3.2): return whether the text has the form
 * of a boolean (and which, in *value), of null, of a decimal integer, or of a decimal number (integers included). */
bool rt__is_bool(const char *text, bool *value);
bool rt__is_null(const char *text);
bool rt__is_integer(const char *text);
bool rt__is_number(const char *text);

/* Reads a whole configuration from YAML over what is in cfg; `name` stands for the file in errors. Sets lines[key] to
 * the line where each key was given, 0 if it was not. */
rt_status rt__config_read(rt_config *cfg, const char *text, size_t len, const char *name,
                          size_t lines[RT__KEYS]);
/* Returns the value of the key `plugins` (a new reference), which is needed before anything else can be read. Returns
 * NULL if it is absent, or if the text has an error, which rt__config_read will report. */
json_t *rt__config_read_plugins(const char *text, size_t len);
/* Fails with CONFIG if a key was given a value but has no effect. `lines` are those of the file `name`, as above;
 * `sets` are the values of --set. */
rt_status rt__config_check_uses(const rt_config *cfg, const char *name,
                                const size_t lines[RT__KEYS], const char *const *sets,
                                size_t n_sets);
/* Reads one value of `key` from YAML. On failure cfg is unchanged. */
rt_status rt__config_read_value(rt_config *cfg, const rt__key *key, const char *text);

#endif
