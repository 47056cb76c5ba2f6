/* The identity of data as JSON, and the difference between two identities. */
#include "common/state/data_identity.h"

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/text.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

json_t *rt_data_identity(void)
{
    json_t *j = json_pack("{s:[]}", "files");
    if (!j)
        RT_FAIL(NOMEM, "out of memory: identity of the data");
    return j;
}

static void to_hex(uint64_t checksum, char hex[17])
{
    snprintf(hex, 17, "%016" PRIx64, checksum);
}

rt_status rt_data_identity_add_file(json_t *identity, const char *path, size_t bytes,
                                    uint64_t checksum)
{
    char shown[RT_DATA_NAME_MAX + 1], hex[17];
    size_t length = strlen(path);
    const char *end = path + (length > RT_DATA_NAME_MAX ? length - RT_DATA_NAME_MAX : 0);
    rt_text_printable(shown, sizeof shown, end); /* JSON must be UTF-8 */
    to_hex(checksum, hex);
    json_t *file =
        json_pack("{s:s, s:I, s:s}", "file", shown, "bytes", (json_int_t)bytes, "checksum", hex);
    if (json_array_append_new(json_object_get(identity, "files"), file) != 0)
        return RT_FAIL(NOMEM, "out of memory: identity of the data");
    return RT_OK;
}

rt_status rt_data_identity_set_preprocessing(json_t *identity, const char *text)
{
    char hex[17];
    if (!text)
        return RT_OK;
    to_hex(rt_hash64(text, strlen(text)), hex);
    if (json_object_set_new(identity, "preprocessing", json_string(hex)) != 0)
        return RT_FAIL(NOMEM, "out of memory: identity of the data");
    return RT_OK;
}

rt_status rt_data_identity_set_plugins(json_t *identity, const json_t *plugins)
{
    char shown[RT_DATA_NAME_MAX + 1];
    if (json_array_size(plugins) == 0)
        return RT_OK;
    json_t *list = json_array();
    int failed = json_object_set_new(identity, "plugins", list);
    for (size_t i = 0; i < json_array_size(plugins); i++) {
        const json_t *p = json_array_get(plugins, i);
        const char *file = json_string_value(json_object_get(p, "file"));
        size_t length = file ? strlen(file) : 0;
        rt_text_printable(shown, sizeof shown,
                          file ? file + (length > RT_DATA_NAME_MAX ? length - RT_DATA_NAME_MAX : 0)
                               : "");
        failed |= json_array_append_new(
            list,
            json_pack("{s:O, s:s, s:O, s:O*}", "name",
                      json_object_get(json_object_get(p, "rows"), "name"), "file", shown, "sha256",
                      json_object_get(p, "sha256"), "program", json_object_get(p, "program")));
    }
    return failed ? RT_FAIL(NOMEM, "out of memory: identity of the plugins") : RT_OK;
}

/* ---- reading ---- */

static bool is_checksum(const json_t *j)
{
    const char *text = json_string_value(j);
    return text && strlen(text) == 16 && strspn(text, "0123456789abcdef") == 16;
}

static bool is_file(const json_t *j)
{
    const char *name = json_string_value(json_object_get(j, "file"));
    const json_t *bytes = json_object_get(j, "bytes");
    return name && strlen(name) <= RT_DATA_NAME_MAX && json_is_integer(bytes) &&
           json_integer_value(bytes) >= 0 && is_checksum(json_object_get(j, "checksum"));
}

static bool is_plugin(const json_t *j)
{
    const char *name = json_string_value(json_object_get(j, "name")),
               *file = json_string_value(json_object_get(j, "file")),
               *sha256 = json_string_value(json_object_get(j, "sha256"));
    return name && strlen(name) <= 40 && file && strlen(file) <= RT_DATA_NAME_MAX && sha256 &&
           strlen(sha256) == 64 && strspn(sha256, "0123456789abcdef") == 64;
}

bool rt_data_identity_is_of(const json_t *identity, const char *preprocessing)
{
    char hex[17];
    const char *said = json_string_value(json_object_get(identity, "preprocessing"));
    if (!said || !preprocessing)
        return !said && !preprocessing;
    to_hex(rt_hash64(preprocessing, strlen(preprocessing)), hex);
    return strcmp(said, hex) == 0;
}

bool rt_data_identity_is_sound(const json_t *identity)
{
    const json_t *files = json_object_get(identity, "files"),
                 *preprocessing = json_object_get(identity, "preprocessing"),
                 *plugins = json_object_get(identity, "plugins");
    bool good = json_is_array(files) && (!plugins || json_is_array(plugins)) &&
                (!preprocessing || is_checksum(preprocessing));
    for (size_t i = 0; good && i < json_array_size(files); i++)
        good = is_file(json_array_get(files, i));
    for (size_t i = 0; good && i < json_array_size(plugins); i++)
        good = is_plugin(json_array_get(plugins, i));
    return good;
}

rt_status rt_data_identity_check(const json_t *identity, const char *path)
{
    return rt_data_identity_is_sound(identity)
               ? RT_OK
               : RT_FAIL(FORMAT,
                         "%s: data: expected {\"files\": [{\"file\", \"bytes\", "
                         "\"checksum\"}], \"preprocessing\"}",
                         path);
}

static void describe_file(const json_t *file, char text[64])
{
    snprintf(text, 64, "%lld bytes (checksum %s)",
             (long long)json_integer_value(json_object_get(file, "bytes")),
             json_string_value(json_object_get(file, "checksum")));
}

static bool file_differs(const json_t *now, const json_t *then, rt_data_difference *out)
{
    static const char *const keys[] = {"bytes", "checksum"};
    bool same = true;
    for (int i = 0; i < 2; i++)
        same &= json_equal(json_object_get(now, keys[i]), json_object_get(then, keys[i]));
    if (same)
        return false;
    snprintf(out->what, sizeof out->what, "%s", json_string_value(json_object_get(now, "file")));
    describe_file(now, out->now);
    describe_file(then, out->then);
    return true;
}

/* Returns the plugin of that name, or NULL. */
static const json_t *find_plugin(const json_t *identity, const json_t *name)
{
    const json_t *list = json_object_get(identity, "plugins");
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_object_get(json_array_get(list, i), "name"), name))
            return json_array_get(list, i);
    return NULL;
}

static bool plugins_differ(const json_t *now, const json_t *then, rt_data_difference *out)
{
    const json_t *list = json_object_get(now, "plugins");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *plugin = json_array_get(list, i), *name = json_object_get(plugin, "name"),
                     *a = json_object_get(plugin, "sha256"),
                     *b = json_object_get(find_plugin(then, name), "sha256");
        if (!b || json_equal(a, b))
            continue;
        out->code = json_is_true(json_object_get(plugin, "program")) ? "program" : "plugin";
        snprintf(out->what, sizeof out->what, "%s %s", out->code, json_string_value(name));
        snprintf(out->now, sizeof out->now, "sha256 %s", json_string_value(a));
        snprintf(out->then, sizeof out->then, "sha256 %s", json_string_value(b));
        return true;
    }
    return false;
}

bool rt_data_differs(const json_t *now, const json_t *then, rt_data_difference *out)
{
    const json_t *a = json_object_get(now, "files"), *b = json_object_get(then, "files");
    *out = (rt_data_difference){0};
    if (!now || !then)
        return false;
    if (plugins_differ(now, then, out))
        return true;
    for (size_t i = 0; i < json_array_size(a) && i < json_array_size(b); i++)
        if (file_differs(json_array_get(a, i), json_array_get(b, i), out))
            return true;
    a = json_object_get(now, "preprocessing");
    b = json_object_get(then, "preprocessing");
    if (a == b || json_equal(a, b))
        return false;
    snprintf(out->what, sizeof out->what, "preprocessing");
    snprintf(out->now, sizeof out->now, "%s", a ? json_string_value(a) : "none");
    snprintf(out->then, sizeof out->then, "%s", b ? json_string_value(b) : "none");
    return true;
}
