/* Finds the keys by which two configurations train different mathematics. */
#include "common/config/config_difference.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config_family.h"
#include "common/config/config_value.h"
#include <string.h>

static char *value_text(const rt__key *key, const rt_config *cfg)
{
    rt_text t = {0};
    rt__key_print(key, cfg, &t);
    return rt_text_take(&t);
}

/* Appends the key and both values if these differ. */
static rt_status add_difference(const rt__key *key, const rt_config *there, const rt_config *here,
                                rt_text *to)
{
    char path[RT__KEY_PATH], *a = value_text(key, there), *b = value_text(key, here);
    rt_status status = a && b ? RT_OK : rt_error_code();
    if (status == RT_OK && strcmp(a, b) != 0)
        rt_text_add(to, "%s%s: %s there, %s here", to->len ? "; " : "", rt__key_path(key, path), a,
                    b);
    rt_mem_free(a);
    rt_mem_free(b);
    return status;
}

/* Compares the rows' keys only if both chose the same row; keys of different rows have nothing in common. */
static rt_status add_family(const rt__family *f, const rt_config *there, const rt_config *here,
                            rt_text *to)
{
    const rt__family_row *row = rt__family_chosen(f, here);
    if (rt__family_chosen(f, there) != row)
        return RT_OK;
    RT__EACH_MEMBER(m, &row->schema, row->schema.defaults)
    {
        rt__row_key key;
        rt__row_key_init(f, row, m, &key);
        if (key.key.math != FREE)
            RT_TRY(add_difference(&key.key, there, here, to));
    }
    return RT_OK;
}

rt_status rt_config_difference(const rt_config *there, const rt_config *here, char **out)
{
    rt_text t = {0};
    rt_status status = RT_OK;
    for (int i = 0; i < RT__KEYS && status == RT_OK; i++) {
        const rt__family *f = rt__family_of_key(&rt__keys[i]);
        if (rt__keys[i].math != FREE)
            status = add_difference(&rt__keys[i], there, here, &t);
        if (f && status == RT_OK)
            status = add_family(f, there, here, &t);
    }
    *out = rt_text_take(&t);
    if (status == RT_OK && !*out)
        status = rt_error_code();
    if (status != RT_OK) {
        rt_mem_free(*out);
        *out = NULL;
    }
    return status;
}
