/* Keys that have no effect beside the others: an option that is not looked at is a mistake that nobody notices. */
#include <string.h>
#include "common/config_table.h"
#include "common/error.h"

const char *rt__set_of(const char *path, const char *const *sets, size_t n_sets)
{
    size_t len = strlen(path);
    for (size_t i = n_sets; i-- > 0;)
        if (strncmp(sets[i], path, len) == 0 && sets[i][len] == '=')
            return sets[i];
    return NULL;
}

static rt_status refuse(const rt__use *use, const rt__key *key, const char *is, const char *name,
                        size_t line, const char *set)
{
    char path[RT__KEY_PATH];
    RT_FAIL(CONFIG, "%s has an effect with %s %s only, and this is %s: leave it out",
            rt__key_path(key, path), use->other, use->value, is);
    return set ? rt_error_prefix("--set %.200s", set) : rt_error_prefix("%s:%zu", name, line);
}

rt_status rt__config_check_uses(const rt_config *cfg, const char *name,
                                const size_t lines[RT__KEYS], const char *const *sets,
                                size_t n_sets)
{
    rt_config standard;
    RT_TRY(rt_config_default(&standard));
    rt_status status = RT_OK;
    for (int i = 0; i < RT__USES && status == RT_OK; i++) {
        const rt__use *use = &rt__uses[i];
        const rt__key *key = rt__key_find(use->section, use->key);
        const char *is = rt_config_choice(cfg, use->other);
        char path[RT__KEY_PATH];
        if (strcmp(is, use->value) != 0 && !rt__key_has_default(key, cfg, &standard))
            status = refuse(use, key, is, name, lines[key - rt__keys],
                            rt__set_of(rt__key_path(key, path), sets, n_sets));
    }
    for (int i = 0; i < RT__FAMILIES && status == RT_OK; i++)
        status = rt__family_check_uses(&rt__families[i], cfg, name, sets, n_sets);
    rt_config_release(&standard);
    return status;
}
