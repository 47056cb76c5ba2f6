/* Refuses keys that have no effect with the others: a user would not notice that an option is ignored. */
#include "common/config/config_uses.h"

#include "common/base/error.h"
#include "common/config/config_family.h"
#include "common/config/config_length.h"
#include "common/config/config_value.h"
#include <stdio.h>
#include <string.h>

/* A key of config.def, or of the chosen row of a family. */
typedef struct found {
    const rt__key *key;
    bool has_default;
    size_t line;
    rt__row_key made; /* what key points to, if a row has it */
} found;

/* Finds the key; returns false if the chosen row has no such key. */
static bool find(const rt_config *cfg, const rt_config *standard, const char *section,
                 const char *name, const size_t lines[RT__KEYS], found *out)
{
    out->key = rt__key_find(section, name);
    if (out->key) {
        out->has_default = rt__key_has_default(out->key, cfg, standard);
        out->line = lines[out->key - rt__keys];
        return true;
    }
    const rt__family *f = rt__family_of(section);
    const rt__family_row *row = rt__family_chosen(f, cfg);
    rt__struct_member m = rt__member_find(&row->schema, (char *)cfg + row->offset, name);
    if (!m.row)
        return false;
    rt__row_key_init(f, row, m, &out->made);
    out->key = &out->made.key;
    out->has_default = rt__row_has_default(row, cfg, m);
    out->line = rt__family_line(f, cfg, name);
    return true;
}

static rt_status refuse(const rt__use *use, const char *is, const char *name, size_t line,
                        const char *const *sets, size_t n_sets)
{
    char path[RT__KEY_PATH];
    snprintf(path, sizeof path, "%s.%s", use->section, use->key);
    RT_FAIL(CONFIG, "%s has an effect with %s.%s %s only, and this is %s: leave it out", path,
            use->other_section, use->other, use->value, is);
    const char *set = rt__set_of(path, sets, n_sets);
    return set ? rt_error_prefix("--set %.200s", set) : rt_error_prefix("%s:%zu", name, line);
}

/* Returns whether the key is schedule.steps and another schedule, such as a plugin's, uses it. */
static bool counts_elsewhere(const rt_config *cfg, const rt__use *use)
{
    return strcmp(use->section, "schedule") == 0 && strcmp(use->key, "steps") == 0 &&
           rt_config_schedule_ends(cfg);
}

rt_status rt__config_check_uses(const rt_config *cfg, const rt_config *standard, const char *name,
                                const size_t lines[RT__KEYS], const char *const *sets,
                                size_t n_sets)
{
    found key, other;
    rt_status status = RT_OK;
    for (int i = 0; i < RT__USES && status == RT_OK; i++) {
        const rt__use *use = &rt__uses[i];
        if (!find(cfg, standard, use->section, use->key, lines, &key) || key.has_default ||
            !find(cfg, standard, use->other_section, use->other, lines, &other))
            continue;
        const char *is = other.key->options[*(const int *)((const char *)cfg + other.key->offset)];
        if (strcmp(is, use->value) != 0 && !counts_elsewhere(cfg, use))
            status = refuse(use, is, name, key.line, sets, n_sets);
    }
    for (int i = 0; i < RT__FAMILIES && status == RT_OK; i++)
        status = rt__family_check_uses(&rt__families[i], cfg, name, sets, n_sets);
    return status;
}
