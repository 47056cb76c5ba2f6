/* config.def as a table, and looking names up in it. */
#include "common/config_table.h"

#include <stdio.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"
#include "common/nearest.h"

#define MATH true
#define FREE false
#define ROW(kind, s, k, m, h)                                                                      \
    .type = RT__KEY_##kind, .math = m, .section = #s, .name = #k,                                  \
    .offset = offsetof(rt_config, s.k), .size = sizeof(((rt_config *)0)->s.k), .help = h
#define INT(s, k, d, l, m, math, help)                                                             \
    {ROW(INT, s, k, math, help), .standard = #d, .least = l, .most = m},
#define AUTO(s, k, l, m, math, help)                                                               \
    {ROW(AUTO, s, k, math, help), .standard = "auto", .least = l, .most = m},
#define NUMBER(s, k, d, l, m, math, help)                                                          \
    {ROW(NUMBER, s, k, math, help), .standard = #d, .low = l, .high = m},
#define STRING(s, k, d, math, help) {ROW(STRING, s, k, math, help), .standard = d},
#define BOOL(s, k, d, math, help)   {ROW(BOOL, s, k, math, help), .standard = #d},
#define NODE(s, k, math, help)      {ROW(NODE, s, k, math, help), .standard = "[]"},
#define OPTION(constant, text)      text,
#define CHOICE(s, k, d, math, help, opts)                                                          \
    {ROW(CHOICE, s, k, math, help), .standard = d, .options = (const char *const[]){opts NULL}},
#define TOP_CHOICE(k, d, m, h, opts)                                                               \
    {.type = RT__KEY_CHOICE,                                                                       \
     .math = m,                                                                                    \
     .section = "",                                                                                \
     .name = #k,                                                                                   \
     .offset = offsetof(rt_config, k),                                                             \
     .size = sizeof(((rt_config *)0)->k),                                                          \
     .help = h,                                                                                    \
     .standard = d,                                                                                \
     .options = (const char *const[]){opts NULL}},

const rt__key rt__keys[RT__KEYS] = {
#include "common/config.def"
};

#define USED_WITH(section, key, other_section, other_key, text)                                    \
    {#section, #key, #other_section "." #other_key, text},

const rt__use rt__uses[RT__USES] = {
#include "common/config.def"
};

#define SECTION(name, help) {#name, help},

const rt__section rt__sections[RT__SECTIONS] = {
#include "common/config.def"
};

const rt__key *rt__key_find(const char *section, const char *name)
{
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__keys[i].section, section) == 0 && strcmp(rt__keys[i].name, name) == 0)
            return &rt__keys[i];
    return NULL;
}

const rt__section *rt__section_find(const char *name)
{
    for (int i = 0; i < RT__SECTIONS; i++)
        if (strcmp(rt__sections[i].name, name) == 0)
            return &rt__sections[i];
    return NULL;
}

const char *rt__key_path(const rt__key *key, char path[RT__KEY_PATH])
{
    snprintf(path, RT__KEY_PATH, "%s%s%s", key->section, *key->section ? "." : "", key->name);
    return path;
}

rt_status rt__key_unknown(const char *section, const char *name)
{
    const char *names[RT__KEYS + RT__SECTIONS];
    size_t n = 0;
    for (int i = 0; i < RT__SECTIONS && !*section; i++)
        names[n++] = rt__sections[i].name;
    const rt__key *elsewhere = NULL;
    for (int i = 0; i < RT__KEYS; i++) {
        if (strcmp(rt__keys[i].section, section) == 0)
            names[n++] = rt__keys[i].name;
        else if (strcmp(rt__keys[i].name, name) == 0)
            elsewhere = &rt__keys[i];
    }
    char path[RT__KEY_PATH];
    const char *near = rt_nearest(name, names, n);
    if (!near && elsewhere)
        near = rt__key_path(elsewhere, path);
    rt_text allowed = {0};
    for (size_t i = 0; i < n; i++)
        rt_text_add(&allowed, "%s%s", i ? ", " : "", names[i]);
    char *list = rt_text_take(&allowed);
    if (list)
        RT_FAIL(CONFIG, "unknown key '%s%s%.64s'%s%s%s (allowed: %s)", section, *section ? "." : "",
                name, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", list);
    rt_mem_free(list);
    return rt_error_code();
}
