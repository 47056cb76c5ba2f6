/* config.def as a table, and lookups by name. */
#include "common/config/config_table.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/nearest.h"
#include <stdio.h>
#include <string.h>

/* Names of the rows of each family, with room for added ones. */
#define RT__FAMILY_ONE(...) +1
#define FAMILY(s, k, d, m, h, list)                                                                \
    static const char *s##_options[list(RT__FAMILY_ONE) + RT__ADDED_MAX + 1] = {                   \
        list(RT__FAMILY_TEXT)};
#define RT__FAMILY_TEXT(section, constant, id, text, FIELDS, help) text,
#include "common/base/text.h"
#include "common/config/config.def"

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
#define TOP_ROW(kind, k, m, h)                                                                     \
    .type = RT__KEY_##kind, .math = m, .section = "", .name = #k,                                  \
    .offset = offsetof(rt_config, k), .size = sizeof(((rt_config *)0)->k), .help = h
#define TOP_CHOICE(k, d, m, h, opts)                                                               \
    {TOP_ROW(CHOICE, k, m, h), .standard = d, .options = (const char *const[]){opts NULL}},
#define TOP_STRING(k, d, m, h) {TOP_ROW(STRING, k, m, h), .standard = d},
#define TOP_NODE(k, m, h)      {TOP_ROW(NODE, k, m, h), .standard = "[]"},

#define FAMILY(s, k, d, m, h, list)                                                                \
    {ROW(CHOICE, s, k, m, h), .standard = d, .options = s##_options},

const rt__key rt__keys[RT__KEYS] = {
#include "common/config/config.def"
};

#define FAMILY(s, k, d, m, h, list)                                                                \
    {.section = #s,                                                                                \
     .key = #k,                                                                                    \
     .choice = offsetof(rt_config, s.k),                                                           \
     .given = offsetof(rt_config, s.given),                                                        \
     .row = (rt__family_row[list(RT__FAMILY_ONE) + RT__ADDED_MAX]){list(RT__FAMILY_ROW)},          \
     .rows = list(RT__FAMILY_ONE),                                                                 \
     .option = s##_options},
#define RT__FAMILY_ROW(s, constant, id, text, FIELDS, about)                                       \
    {.name = text,                                                                                 \
     .help = about,                                                                                \
     .offset = offsetof(rt_config, s.id),                                                          \
     .schema = {RT__SCHEMA(text, "key", rt_##s##_##id##_values, FIELDS)}},

rt__family rt__families[RT__FAMILIES] = {
#include "common/config/config.def"
};

#define INT(s, k, d, l, m, math, help)    {#s, #k},
#define AUTO(s, k, l, m, math, help)      {#s, #k},
#define NUMBER(s, k, d, l, m, math, help) {#s, #k},
#define STRING(s, k, d, math, help)       {#s, #k},
#define BOOL(s, k, d, math, help)         {#s, #k},
#define NODE(s, k, math, help)            {#s, #k},
#define CHOICE(s, k, d, math, help, opts) {#s, #k},
#define FAMILY(s, k, d, m, h, list)       {#s, #k},
#define TOP_CHOICE(k, d, m, h, opts)      {"", #k},
#define TOP_STRING(k, d, m, h)            {"", #k},
#define TOP_NODE(k, m, h)                 {"", #k},
#define HASHED(s, k)                      {#s, #k},

const rt__hashed rt__hashed_keys[RT__HASHED] = {
#include "common/config/config.def"
};

#define USED_WITH(section, key, other_section, other_key, text)                                    \
    {#section, #key, #other_section, #other_key, text},

const rt__use rt__uses[RT__USES] = {
#include "common/config/config.def"
};

#define SECTION(name, help) {#name, help},

const rt__section rt__sections[RT__SECTIONS] = {
#include "common/config/config.def"
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

/* ---- rows and their members ---- */

const rt__family *rt__family_of(const char *section)
{
    for (int i = 0; i < RT__FAMILIES; i++)
        if (strcmp(rt__families[i].section, section) == 0)
            return &rt__families[i];
    return NULL;
}

const rt__family *rt__family_of_key(const rt__key *key)
{
    const rt__family *f = rt__family_of(key->section);
    return f && key->offset == f->choice ? f : NULL;
}

void *rt__row_values(const rt__family_row *row, const rt_config *cfg)
{
    return (char *)cfg + row->offset;
}

const rt__family_row *rt__family_chosen(const rt__family *f, const rt_config *cfg)
{
    return &f->row[*(const int *)((const char *)cfg + f->choice)];
}

const char *rt__set_of(const char *path, const char *const *sets, size_t n_sets)
{
    size_t len = strlen(path);
    for (size_t i = n_sets; i-- > 0;)
        if (strncmp(sets[i], path, len) == 0 && sets[i][len] == '=')
            return sets[i];
    return NULL;
}

/* The names allowed in a section, followed by other keys' names that a suggestion may use. */
typedef struct known {
    const char *name[RT__KEYS + RT__SECTIONS + RT__ROW_KEYS];
    size_t n, allowed;
} known;

static void add_known(known *k, const char *name)
{
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->name[i], name) == 0)
            return;
    if (k->n < sizeof k->name / sizeof *k->name)
        k->name[k->n++] = name;
}

static void add_row(known *k, const rt__family_row *row)
{
    for (int i = 0; i < row->schema.n_fields; i++)
        add_known(k, row->schema.fields[i].name);
}

static void list_known(const rt_config *cfg, const char *section, known *k)
{
    const rt__family *f = rt__family_of(section);
    for (int i = 0; i < RT__SECTIONS && !*section; i++)
        add_known(k, rt__sections[i].name);
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__keys[i].section, section) == 0)
            add_known(k, rt__keys[i].name);
    if (f)
        add_row(k, rt__family_chosen(f, cfg));
    k->allowed = k->n;
    for (int i = 0; f && i < f->rows; i++)
        add_row(k, &f->row[i]);
}

/* Returns a key of that name in another section. */
static const rt__key *find_elsewhere(const char *section, const char *name)
{
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__keys[i].section, section) != 0 && strcmp(rt__keys[i].name, name) == 0)
            return &rt__keys[i];
    return NULL;
}

rt_status rt__key_unknown(const rt_config *cfg, const char *section, const char *name)
{
    known k = {.n = 0};
    list_known(cfg, section, &k);
    const rt__key *elsewhere = find_elsewhere(section, name);
    char path[RT__KEY_PATH];
    const char *near = rt_nearest(name, k.name, k.n);
    if (!near && elsewhere)
        near = rt__key_path(elsewhere, path);
    rt_text allowed = {0};
    for (size_t i = 0; i < k.allowed; i++)
        rt_text_add(&allowed, "%s%s", i ? ", " : "", k.name[i]);
    char *list = rt_text_take(&allowed);
    if (list)
        RT_FAIL(CONFIG, "unknown key '%s%s%.64s'%s%s%s (allowed: %s)", section, *section ? "." : "",
                name, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "", list);
    rt_mem_free(list);
    return rt_error_code();
}
