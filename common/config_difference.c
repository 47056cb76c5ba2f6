/* What makes two configurations train different mathematics. */
#include "common/config.h"

#include <string.h>
#include "common/config_table.h"
#include "common/error.h"
#include "common/mem.h"

static char *value_text(const rt__key *key, const rt_config *cfg)
{
    rt_text t = {0};
    rt__key_print(key, cfg, &t);
    return rt_text_take(&t);
}

rt_status rt_config_difference(const rt_config *there, const rt_config *here, char **out)
{
    rt_text t = {0};
    rt_status status = RT_OK;
    for (int i = 0; i < RT__KEYS && status == RT_OK; i++) {
        const rt__key *key = &rt__keys[i];
        if (!key->math)
            continue;
        char path[RT__KEY_PATH], *a = value_text(key, there), *b = value_text(key, here);
        if (!a || !b)
            status = rt_error_code();
        else if (strcmp(a, b) != 0)
            rt_text_add(&t, "%s%s: %s there, %s here", t.len ? "; " : "", rt__key_path(key, path),
                        a, b);
        rt_mem_free(a);
        rt_mem_free(b);
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
