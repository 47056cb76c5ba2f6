/* One value of the configuration: conversion from and to text, and its allowed range. */
#include "common/config/config_value.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void *field(const rt__key *key, rt_config *cfg)
{
    return (char *)cfg + key->offset;
}

static const void *const_field(const rt__key *key, const rt_config *cfg)
{
    return (const char *)cfg + key->offset;
}

static const char *skip_digits(const char *s)
{
    return s + strspn(s, "0123456789");
}

bool rt__is_integer(const char *text)
{
    text += *text == '-' || *text == '+';
    const char *end = skip_digits(text);
    return end > text && *end == 0;
}

bool rt__is_number(const char *text)
{
    text += *text == '-' || *text == '+';
    const char *end = skip_digits(text);
    bool digits = end > text;
    if (*end == '.') {
        const char *fraction = end + 1;
        end = skip_digits(fraction);
        digits |= end > fraction;
    }
    if (digits && (*end == 'e' || *end == 'E')) {
        const char *exponent = end + 1;
        exponent += *exponent == '-' || *exponent == '+';
        end = skip_digits(exponent);
        digits = end > exponent;
    }
    return digits && *end == 0;
}

static bool is_one_of(const char *text, const char *const *words)
{
    while (*words && strcmp(*words, text) != 0)
        words++;
    return *words;
}

bool rt__is_bool(const char *text, bool *value)
{
    static const char *const yes[] = {"true", "True", "TRUE", NULL};
    static const char *const no[] = {"false", "False", "FALSE", NULL};
    *value = is_one_of(text, yes);
    return *value || is_one_of(text, no);
}

bool rt__is_null(const char *text)
{
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
    return is_one_of(text, nulls);
}

static void add_range(const rt__key *key, rt_text *to)
{
    if (key->most == INT64_MAX)
        rt_text_add(to, "an integer >= %" PRId64, key->least);
    else
        rt_text_add(to, "an integer from %" PRId64 " to %" PRId64, key->least, key->most);
}

void rt__key_expects(const rt__key *key, rt_text *to)
{
    switch (key->type) {
    case RT__KEY_AUTO:
        rt_text_add(to, "auto or ");
        add_range(key, to);
        break;
    case RT__KEY_INT:
        add_range(key, to);
        break;
    case RT__KEY_NUMBER:
        rt_text_add(to, "a number from ");
        rt_text_add_number(to, key->low);
        rt_text_add(to, " to ");
        rt_text_add_number(to, key->high);
        break;
    case RT__KEY_STRING:
        rt_text_add(to, "text");
        break;
    case RT__KEY_BOOL:
        rt_text_add(to, "true or false");
        break;
    case RT__KEY_CHOICE:
        rt_text_add(to, key->options[1] ? "one of " : "only ");
        for (int i = 0; key->options[i]; i++)
            rt_text_add(to, "%s%s", i ? ", " : "", key->options[i]);
        break;
    case RT__KEY_NODE:
        rt_text_add(to, "a list");
        break;
    }
}

/* Returns the boolean meant by a word that only YAML 1.1 treats as one, or NULL. */
static const char *meant_bool(const char *text)
{
    static const char *const yes[] = {"yes", "on", "y", "1"}, *const no[] = {"no", "off", "n", "0"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
        if (strcasecmp(text, yes[i]) == 0)
            return "true";
        if (strcasecmp(text, no[i]) == 0)
            return "false";
    }
    return NULL;
}

/* Returns the value that a misspelt one was probably meant to be, or NULL. */
static const char *meant(const rt__key *key, const char *text)
{
    size_t n = 0;
    if (key->type == RT__KEY_BOOL)
        return meant_bool(text);
    while (key->options && key->options[n])
        n++;
    return rt_nearest(text, key->options, n);
}

/* Returns whether the number is not 0 but so small that it becomes 0 as a double. */
static bool is_lost(const char *text)
{
    return rt__is_number(text) && strtod(text, NULL) == 0 &&
           strcspn(text, "123456789") < strcspn(text, "eE");
}

static rt_status wrong_value(const rt__key *key, const char *text, bool quoted)
{
    char path[RT__KEY_PATH];
    rt_text expected = {0};
    rt__key_expects(key, &expected);
    char *allowed = rt_text_take(&expected);
    const char *quote = quoted ? "\"" : "'", *near = meant(key, text);
    if (allowed && *text == 0 && !quoted)
        RT_FAIL(CONFIG, "%s has no value: expected %s", rt__key_path(key, path), allowed);
    else if (allowed && key->type == RT__KEY_NUMBER && is_lost(text))
        RT_FAIL(CONFIG, "%s: %.64s is too small to be told from 0: write 0 or a larger number",
                rt__key_path(key, path), text);
    else if (allowed)
        RT_FAIL(CONFIG, "%s: expected %s, not %s%.64s%s%s%s%s", rt__key_path(key, path), allowed,
                quote, text, quote, near ? ": did you mean '" : "", near ? near : "",
                near ? "'?" : "");
    rt_mem_free(allowed);
    return rt_error_code();
}

static bool parse_integer(const rt__key *key, const char *text, int64_t *value)
{
    if (!rt__is_integer(text))
        return false;
    errno = 0;
    int64_t v = strtoll(text, NULL, 10);
    if (errno != 0 || v < key->least || key->most < v)
        return false;
    *value = v;
    return true;
}

static bool parse_number(const rt__key *key, const char *text, double *value)
{
    if (!rt__is_number(text))
        return false;
    double v = strtod(text, NULL);
    if (v < key->low || key->high < v || is_lost(text)) /* an overflow is infinite and so above */
        return false;
    *value = v;
    return true;
}

static bool parse_choice(const rt__key *key, const char *text, int *value)
{
    for (int i = 0; key->options[i]; i++)
        if (strcmp(key->options[i], text) == 0) {
            *value = i;
            return true;
        }
    return false;
}

static rt_status set_string(char **value, const char *text)
{
    char *copy = rt_strdup(text);
    if (!copy)
        return rt_error_code();
    rt_mem_free(*value);
    *value = copy;
    return RT_OK;
}

rt_status rt__key_set_scalar(const rt__key *key, rt_config *cfg, const char *text, bool quoted)
{
    void *value = field(key, cfg);
    bool good = false, is_true;
    switch (key->type) {
    case RT__KEY_AUTO:
        good = !quoted && (strcmp(text, "auto") == 0 ? (*(int64_t *)value = RT_AUTO, true)
                                                     : parse_integer(key, text, value));
        break;
    case RT__KEY_INT:
        good = !quoted && parse_integer(key, text, value);
        break;
    case RT__KEY_NUMBER:
        good = !quoted && parse_number(key, text, value);
        break;
    case RT__KEY_BOOL:
        good = !quoted && rt__is_bool(text, &is_true);
        if (good)
            *(bool *)value = is_true;
        break;
    case RT__KEY_CHOICE:
        good = parse_choice(key, text, value);
        break;
    case RT__KEY_STRING:
        if (quoted || !rt__is_null(text))
            return set_string(value, text);
        break;
    case RT__KEY_NODE:
        break;
    }
    return good ? RT_OK : wrong_value(key, text, quoted);
}

rt_status rt__key_no_scalar(const rt__key *key, bool is_list)
{
    char path[RT__KEY_PATH];
    rt_text expected = {0};
    rt__key_expects(key, &expected);
    char *allowed = rt_text_take(&expected);
    if (allowed)
        RT_FAIL(CONFIG, "%s: expected %s, not a %s", rt__key_path(key, path), allowed,
                is_list ? "list" : "mapping");
    rt_mem_free(allowed);
    return rt_error_code();
}

rt_status rt__key_set_node(const rt__key *key, rt_config *cfg, json_t *node)
{
    char path[RT__KEY_PATH];
    if (!json_is_array(node)) {
        json_decref(node);
        return RT_FAIL(CONFIG, "%s: expected a list, not a mapping", rt__key_path(key, path));
    }
    json_t **value = field(key, cfg);
    json_decref(*value);
    *value = node;
    return RT_OK;
}

static rt_status add_json(rt_text *to, const json_t *j, const char *path)
{
    char *text = j ? rt_json_text(j) : NULL;
    if (!text)
        return RT_FAIL(CONFIG, "%s: not valid UTF-8", path);
    rt_text_add(to, "%s", text);
    rt_mem_free(text);
    return RT_OK;
}

rt_status rt__key_print(const rt__key *key, const rt_config *cfg, rt_text *to)
{
    const void *value = const_field(key, cfg);
    char path[RT__KEY_PATH];
    rt__key_path(key, path);
    switch (key->type) {
    case RT__KEY_AUTO:
        if (*(const int64_t *)value == RT_AUTO) {
            rt_text_add(to, "auto");
            break;
        }
        __attribute__((fallthrough));
    case RT__KEY_INT:
        rt_text_add(to, "%" PRId64, *(const int64_t *)value);
        break;
    case RT__KEY_NUMBER:
        rt_text_add_number(to, *(const double *)value);
        break;
    case RT__KEY_BOOL:
        rt_text_add(to, *(const bool *)value ? "true" : "false");
        break;
    case RT__KEY_CHOICE:
        rt_text_add(to, "%s", key->options[*(const int *)value]);
        break;
    case RT__KEY_NODE:
        return add_json(to, *(json_t *const *)value, path);
    case RT__KEY_STRING: {
        json_t *j = json_string(*(char *const *)value); /* JSON's quoting is YAML's */
        rt_status status = add_json(to, j, path);
        json_decref(j);
        return status;
    }
    }
    return RT_OK;
}

/* Appends the number with the fewest digits of %g that read back unchanged, even if that is "1e+01". */
static void add_number_to_hash(rt_text *to, double x)
{
    char text[32];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    rt_text_add(to, "%s", text);
}

rt_status rt__key_print_to_hash(const rt__key *key, const rt_config *cfg, rt_text *to)
{
    if (key->type == RT__KEY_NUMBER) {
        add_number_to_hash(to, *(const double *)const_field(key, cfg));
        return RT_OK;
    }
    if (key->type != RT__KEY_NODE)
        return rt__key_print(key, cfg, to);
    char *text = rt_json_text_to_hash(*(json_t *const *)const_field(key, cfg));
    if (!text)
        return rt_error_code();
    rt_text_add(to, "%s", text);
    rt_mem_free(text);
    return RT_OK;
}

bool rt__key_has_default(const rt__key *key, const rt_config *cfg, const rt_config *standard)
{
    const void *value = const_field(key, cfg), *other = const_field(key, standard);
    if (key->type == RT__KEY_STRING)
        return strcmp(*(char *const *)value, *(char *const *)other) == 0;
    if (key->type == RT__KEY_NODE)
        return json_equal(*(json_t *const *)value, *(json_t *const *)other);
    return memcmp(value, other, key->size) == 0;
}

void rt__key_clear(const rt__key *key, rt_config *cfg)
{
    void *value = field(key, cfg);
    if (key->type == RT__KEY_STRING)
        rt_mem_free(*(char **)value);
    else if (key->type == RT__KEY_NODE)
        json_decref(*(json_t **)value);
    memset(value, 0, key->size);
}

void rt__key_move(const rt__key *key, rt_config *from, rt_config *to)
{
    rt__key_clear(key, to);
    memcpy(field(key, to), field(key, from), key->size);
    memset(field(key, from), 0, key->size);
}

void rt__key_help(const rt__key *key, const rt_config *standard, const char *indent, FILE *to)
{
    rt_text allowed = {0}, value = {0};
    rt__key_expects(key, &allowed);
    rt__key_print(key, standard, &value);
    char *text = rt_text_take(&allowed), *is = rt_text_take(&value);
    fprintf(to, "%s%-14s %s; default %s\n", indent, key->name, text ? text : "", is ? is : "");
    fprintf(to, "%s%-14s %s%s\n", indent, "", key->help, key->math ? " [decides the result]" : "");
    rt_mem_free(text);
    rt_mem_free(is);
}

void rt__key_list(const rt__key *key, FILE *to)
{
    fprintf(to, "key\t%s%s%s\t", key->section, *key->section ? "." : "", key->name);
    for (const char *const *word = key->options; key->type == RT__KEY_CHOICE && *word; word++)
        fprintf(to, word == key->options ? "%s" : " %s", *word);
    if (key->type != RT__KEY_CHOICE)
        fputs(key->type == RT__KEY_BOOL ? "true false" : "-", to);
    fprintf(to, "\t%s\n", key->help);
}
