/* Sections whose keys depend on a choice, such as `optimizer: {name: sgd, momentum: 0.9}`: their rows, the values recorded for keys of the
 * rows, and their text; private to config*.c and plugins.c. */
#ifndef RINGTORCH_COMMON_CONFIG_CONFIG_FAMILY_H
#define RINGTORCH_COMMON_CONFIG_CONFIG_FAMILY_H

#include "common/base/text.h"
#include "common/config/config_table.h"
#include <stdio.h>

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

#endif
