/* JSON: jansson with our errors and our memory. */
#include "common/base/json.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/base/text.h"
#include "common/base/unicode.h"
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *type_name(const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        return "null";
    }
    return "?";
}

rt_status rt_json_parse(const char *text, size_t len, const char *name, json_t **out)
{
    json_error_t error;
    *out = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    if (*out)
        return RT_OK;
    if (json_error_code(&error) == json_error_out_of_memory)
        return RT_FAIL(NOMEM, "%s: out of memory", name);
    return RT_FAIL(FORMAT, "%s:%d:%d: %s", name, error.line, error.column, error.text);
}

rt_status rt_json_load(const char *path, size_t limit, json_t **out)
{
    *out = NULL;
    rt_bytes text;
    RT_TRY(rt_file_read(path, limit, &text));
    rt_status status = rt_json_parse((const char *)text.data, text.len, path, out);
    rt_bytes_release(&text);
    return status;
}

rt_status rt_json_member(const json_t *j, const char *key, const char *name, json_t **out)
{
    *out = NULL;
    if (!json_is_object(j))
        return RT_FAIL(FORMAT, "%s: %s, expected an object with the key '%s'", name,
                       j ? type_name(j) : "nothing", key);
    *out = json_object_get(j, key);
    return *out ? RT_OK : RT_FAIL(FORMAT, "%s: the key '%s' is missing", name, key);
}

static rt_status wrong_type(const json_t *member, const char *key, const char *name,
                            const char *expected)
{
    return RT_FAIL(FORMAT, "%s: '%s' is %s, expected %s", name, key, type_name(member), expected);
}

rt_status rt_json_int(const json_t *j, const char *key, const char *name, int64_t *out)
{
    json_t *member;
    RT_TRY(rt_json_member(j, key, name, &member));
    if (!json_is_integer(member))
        return wrong_type(member, key, name, "an integer");
    *out = json_integer_value(member);
    return RT_OK;
}

rt_status rt_json_check_version(const json_t *j, const char *name, const char *what, int64_t reads,
                                const char *advice)
{
    int64_t version = 1;
    if (!json_is_object(j) || json_object_get(j, "format_version"))
        RT_TRY(rt_json_int(j, "format_version", name, &version));
    if (version != reads)
        return RT_FAIL(MISMATCH,
                       "%s: %s of format version %" PRId64 ", this program reads version %" PRId64
                       ": %s",
                       name, what, version, reads, advice);
    return RT_OK;
}

rt_status rt_json_double(const json_t *j, const char *key, const char *name, double *out)
{
    json_t *member;
    RT_TRY(rt_json_member(j, key, name, &member));
    if (!json_is_number(member))
        return wrong_type(member, key, name, "a number");
    *out = json_number_value(member);
    return RT_OK;
}

rt_status rt_json_string(const json_t *j, const char *key, const char *name, const char **out)
{
    json_t *member;
    RT_TRY(rt_json_member(j, key, name, &member));
    if (!json_is_string(member))
        return wrong_type(member, key, name, "a string");
    *out = json_string_value(member);
    return RT_OK;
}

json_t *rt_json_text_or_null(const char *text)
{
    json_t *j = text ? json_string(text) : NULL;
    return j ? j : json_null();
}

json_t *rt_json_repaired(const char *text)
{
    json_t *j = json_string(text);
    char *ascii = j || !text ? NULL : rt_strdup(text);
    if (j || !ascii)
        return text ? j : json_null();
    for (char *c = ascii; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    j = json_string(ascii);
    rt_mem_free(ascii);
    return j;
}

json_t *rt_json_number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static char *dump(const json_t *j, size_t flags)
{
    size_t len = json_dumpb(j, NULL, 0, flags);
    if (len == 0)
        return RT_FAIL_NULL(ARG, "this JSON value cannot be written as text");
    char *text = rt_malloc(len + 1);
    if (!text)
        return NULL;
    json_dumpb(j, text, len, flags);
    text[len] = 0;
    return text;
}

char *rt_json_text_to_hash(const json_t *j)
{
    return dump(j, JSON_COMPACT | JSON_ENCODE_ANY);
}

char *rt_json_indented(const json_t *j)
{
    return dump(j, JSON_INDENT(2) | JSON_ENCODE_ANY);
}

static const char *end_of_string(const char *s)
{
    for (s++; *s != '"'; s++)
        s += *s == '\\';
    return s + 1;
}

/* Appends a number; a real one keeps a point or exponent, so that it reads back as real. */
static void add_number(rt_text *to, const char *number, size_t len)
{
    bool real = false;
    for (size_t i = 0; i < len; i++)
        real |= strchr(".eE", number[i]) != NULL;
    size_t begin = to->len;
    if (!real) {
        rt_text_add(to, "%.*s", (int)len, number);
        return;
    }
    rt_text_add_number(to, strtod(number, NULL));
    if (!to->failed && !strpbrk(to->data + begin, ".e"))
        rt_text_add(to, ".0");
}

char *rt_json_text(const json_t *j)
{
    rt_text out = {0};
    char *longer = rt_json_text_to_hash(j);
    if (!longer)
        return NULL;
    for (const char *c = longer, *end; *c; c = end) {
        bool number = strchr("-0123456789", *c) != NULL;
        if (number)
            end = c + strspn(c, "+-.0123456789eE");
        else
            end = *c == '"' ? end_of_string(c) : c + strcspn(c, "\"-0123456789");
        if (number)
            add_number(&out, c, (size_t)(end - c));
        else
            rt_text_add(&out, "%.*s", (int)(end - c), c);
    }
    rt_mem_free(longer);
    return rt_text_take(&out);
}

void rt_json_print(FILE *to, const char *text)
{
    uint32_t code;
    for (size_t len; *text; text += len) {
        len = rt_utf8_decode(text, &code);
        bool hidden = len > 0 && code >= 0x7f && rt_unicode_is_hidden(code);
        len = len > 0 ? len : 1;
        if (!hidden)
            fwrite(text, 1, len, to);
        else if (code <= 0xffff)
            fprintf(to, "\\u%04x", (unsigned)code);
        else /* JSON writes such a character as a surrogate pair */
            fprintf(to, "\\u%04x\\u%04x", 0xd7c0 + (unsigned)(code >> 10),
                    0xdc00 + (unsigned)(code & 0x3ff));
    }
    putc('\n', to);
}
