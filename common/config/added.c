#include "common/config/added.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include <stdio.h>
#include <string.h>

const char *rt__plugin_name(const json_t *plugin)
{
    return json_string_value(json_object_get(json_object_get(plugin, "rows"), "name"));
}

bool rt__is_program(const json_t *plugin)
{
    return json_is_true(json_object_get(plugin, "program"));
}

const char *rt__plugin_kind(const json_t *plugin)
{
    return rt__is_program(plugin) ? "program" : "plugin";
}

bool rt__is_row_name(const char *s, bool dashes)
{
    enum { MOST = 40 };
    const char *allowed =
        dashes ? "abcdefghijklmnopqrstuvwxyz0123456789_-" : "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = s ? strlen(s) : 0;
    return len > 0 && len <= MOST && s[0] >= 'a' && s[0] <= 'z' && strspn(s, allowed) == len;
}

bool rt__is_plain_text(const char *s, size_t most)
{
    size_t len = s ? strlen(s) : most + 1;
    for (size_t i = 0; len <= most && i < len; i++)
        if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return false;
    return len <= most;
}

void rt__added_name(const rt__added *added, const char *kind, const char *name,
                    char out[RT__ADDED_NAME])
{
    if (added->description)
        snprintf(out, RT__ADDED_NAME, "%s %.40s of the %s %.40s", kind, name,
                 rt__plugin_kind(added->plugin), rt__plugin_name(added->plugin));
    else
        snprintf(out, RT__ADDED_NAME, "%s %.40s", kind, name);
}

rt_status rt__added_check(const rt__added *added, const char *what)
{
    if (!added->description || added->code)
        return RT_OK;
    rt_text file = {0};
    rt_text_add_word(&file, json_string_value(json_object_get(added->plugin, "file")));
    rt_status status =
        RT_FAIL(NOTFOUND,
                "%s is of the %s %s, which was not loaded: if you trust that program (sha256 "
                "%.16s...), add --%s %s",
                what, rt__plugin_kind(added->plugin), rt__plugin_name(added->plugin),
                json_string_value(json_object_get(added->plugin, "sha256")),
                rt__is_program(added->plugin) ? "worker" : "plugin", file.data ? file.data : "");
    rt_mem_free(file.data);
    return status;
}
