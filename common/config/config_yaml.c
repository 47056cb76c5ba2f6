/* Reads YAML into a configuration, event by event, so that every error has its line and column. Refuses anchors,
 * aliases and tags: each setting should be written out where it applies. */
#include "common/config/config_yaml.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/config/config_family.h"
#include "common/config/config_value.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

enum { DEEPEST = 64 }; /* nested levels of YAML; each nested layer takes two or three */

typedef struct reader {
    yaml_parser_t parser;
    yaml_event_t event; /* the one just read; type NO_EVENT if there is none */
    const char *name;   /* of the file, for errors; NULL if it is not a file */
    size_t key_line[RT__KEYS], section_line[RT__SECTIONS]; /* where each was given; 0 if not yet */
} reader;

static rt_status no_memory(void)
{
    return RT_FAIL(NOMEM, "out of memory while reading a configuration");
}

static rt_status reader_open(reader *r, const char *text, size_t len, const char *name)
{
    *r = (reader){.name = name};
    if (!yaml_parser_initialize(&r->parser))
        return no_memory();
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
    return RT_OK;
}

static void reader_close(reader *r)
{
    yaml_event_delete(&r->event);
    yaml_parser_delete(&r->parser);
}

/* Puts file, line and column in front of the error in the slot. */
static rt_status located(const reader *r, yaml_mark_t at)
{
    if (!r->name)
        return rt_error_code();
    return rt_error_prefix("%s:%zu:%zu", r->name, at.line + 1, at.column + 1);
}

#define FAIL_AT(r, mark, ...) (RT_FAIL(CONFIG, __VA_ARGS__), located(r, mark))
#define FAIL_HERE(r, ...)     FAIL_AT(r, (r)->event.start_mark, __VA_ARGS__)

static rt_status syntax_error(const reader *r)
{
    const yaml_parser_t *p = &r->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return no_memory();
    if (p->error == YAML_READER_ERROR) /* it knows the byte but not the line */
        return FAIL_AT(r, p->mark, "%s at byte %zu: write it as UTF-8 text", p->problem,
                       p->problem_offset);
    return FAIL_AT(r, p->problem_mark, "not YAML: %s%s%s", p->problem, p->context ? ", " : "",
                   p->context ? p->context : "");
}

/* Refuses features of YAML that configurations do not support. */
static rt_status plain_features_only(const reader *r)
{
    const yaml_event_t *e = &r->event;
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (e->type == YAML_ALIAS_EVENT)
        return FAIL_HERE(r, "alias '*%s': aliases are not supported, repeat the value",
                         (const char *)e->data.alias.anchor);
    if (e->type == YAML_SCALAR_EVENT)
        anchor = e->data.scalar.anchor, tag = e->data.scalar.tag;
    else if (e->type == YAML_SEQUENCE_START_EVENT)
        anchor = e->data.sequence_start.anchor, tag = e->data.sequence_start.tag;
    else if (e->type == YAML_MAPPING_START_EVENT)
        anchor = e->data.mapping_start.anchor, tag = e->data.mapping_start.tag;
    if (anchor)
        return FAIL_HERE(r, "anchor '&%s': anchors are not supported, remove it",
                         (const char *)anchor);
    if (tag)
        return FAIL_HERE(r, "tag '%s': tags are not supported, remove it", (const char *)tag);
    if (e->type == YAML_SCALAR_EVENT &&
        strlen((const char *)e->data.scalar.value) != e->data.scalar.length)
        return FAIL_HERE(r, "a zero byte in a value");
    return RT_OK;
}

static rt_status next(reader *r)
{
    yaml_event_delete(&r->event);
    if (!yaml_parser_parse(&r->parser, &r->event))
        return syntax_error(r);
    return plain_features_only(r);
}

static const char *scalar_text(const reader *r)
{
    return (const char *)r->event.data.scalar.value;
}

static bool is_plain(const reader *r)
{
    return r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

static bool is_empty(const reader *r)
{
    return r->event.type == YAML_SCALAR_EVENT && is_plain(r) && *scalar_text(r) == 0;
}

/* ---- free-form nodes ---- */

static rt_status read_node(reader *r, int depth, json_t **out);

/* Returns the JSON value of a scalar by the rules of YAML 1.2's core schema. */
static json_t *scalar_node(const reader *r)
{
    const char *s = scalar_text(r);
    bool value;
    if (!is_plain(r))
        return json_string(s);
    if (rt__is_bool(s, &value))
        return json_boolean(value);
    if (rt__is_null(s))
        return json_null();
    errno = 0;
    int64_t integer = rt__is_integer(s) ? strtoll(s, NULL, 10) : 0;
    if (rt__is_integer(s) && errno == 0)
        return json_integer(integer);
    if (rt__is_number(s) && isfinite(strtod(s, NULL)))
        return json_real(strtod(s, NULL));
    return json_string(s);
}

static rt_status read_list(reader *r, int depth, json_t *list)
{
    for (;;) {
        RT_TRY(next(r));
        if (r->event.type == YAML_SEQUENCE_END_EVENT)
            return RT_OK;
        json_t *item;
        RT_TRY(read_node(r, depth + 1, &item));
        if (json_array_append_new(list, item) != 0)
            return no_memory();
    }
}

static rt_status read_mapping(reader *r, int depth, json_t *mapping)
{
    for (;;) {
        RT_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return RT_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return FAIL_HERE(r, "a key must be a plain name");
        if (json_object_get(mapping, scalar_text(r)))
            return FAIL_HERE(r, "duplicate key '%s'", scalar_text(r));
        char *key = rt_strdup(scalar_text(r));
        if (!key)
            return rt_error_code();
        json_t *value = NULL;
        rt_status status = next(r);
        if (status == RT_OK)
            status = read_node(r, depth + 1, &value);
        if (status == RT_OK && json_object_set_new(mapping, key, value) != 0)
            status = no_memory();
        rt_mem_free(key);
        RT_TRY(status);
    }
}

/* Makes JSON of the node that starts with the current event, and reads to its end. */
static rt_status read_node(reader *r, int depth, json_t **out)
{
    *out = NULL;
    if (depth > DEEPEST)
        return FAIL_HERE(r, "more than %d levels deep", DEEPEST);
    rt_status status = RT_OK;
    if (r->event.type == YAML_SEQUENCE_START_EVENT) {
        *out = json_array();
        status = read_list(r, depth, *out);
    } else if (r->event.type == YAML_MAPPING_START_EVENT) {
        *out = json_object();
        status = read_mapping(r, depth, *out);
    } else {
        *out = scalar_node(r);
    }
    if (status == RT_OK && !*out)
        status = no_memory();
    if (status != RT_OK) {
        json_decref(*out);
        *out = NULL;
    }
    return status;
}

/* ---- keys and sections ---- */

/* Reads the value that starts with the current event into the field of `key`. */
static rt_status read_value(reader *r, const rt__key *key, rt_config *cfg)
{
    yaml_mark_t at = r->event.start_mark;
    if (key->type == RT__KEY_NODE && r->event.type != YAML_SCALAR_EVENT) {
        json_t *node;
        RT_TRY(read_node(r, 0, &node));
        return rt__key_set_node(key, cfg, node) == RT_OK ? RT_OK : located(r, at);
    }
    if (r->event.type != YAML_SCALAR_EVENT) {
        rt__key_no_scalar(key, r->event.type == YAML_SEQUENCE_START_EVENT);
        return located(r, at);
    }
    if (rt__key_set_scalar(key, cfg, scalar_text(r), !is_plain(r)) != RT_OK)
        return located(r, at);
    return RT_OK;
}

/* Reads the key that is the current event, and its value. */
static rt_status read_entry(reader *r, const rt__key *key, rt_config *cfg)
{
    char path[RT__KEY_PATH];
    size_t *first = &r->key_line[key - rt__keys];
    if (*first)
        return FAIL_HERE(r, "duplicate key '%s', first given at line %zu", rt__key_path(key, path),
                         *first);
    *first = r->event.start_mark.line + 1;
    RT_TRY(next(r));
    return read_value(r, key, cfg);
}

static rt_status unknown_key(const reader *r, const rt_config *cfg, const char *section)
{
    rt__key_unknown(cfg, section, scalar_text(r));
    return located(r, r->event.start_mark);
}

/* Records the value of a key that belongs to rows of a family. */
static rt_status read_noted(reader *r, const rt__family *f, rt_config *cfg)
{
    size_t first = rt__family_line(f, cfg, scalar_text(r));
    if (first)
        return FAIL_HERE(r, "duplicate key '%s.%.64s', first given at line %zu", f->section,
                         scalar_text(r), first);
    char *name = rt_strdup(scalar_text(r));
    if (!name)
        return rt_error_code();
    rt_status status = next(r);
    yaml_mark_t at = r->event.start_mark;
    if (status == RT_OK && r->event.type == YAML_SCALAR_EVENT) {
        status = rt__family_record(f, cfg, name, scalar_text(r), !is_plain(r), at.line + 1,
                                   at.column + 1);
    } else if (status == RT_OK) {
        bool is_list = r->event.type == YAML_SEQUENCE_START_EVENT;
        json_t *unused = NULL;
        status = read_node(r, 0, &unused);
        json_decref(unused);
        if (status == RT_OK)
            status = rt__family_record(f, cfg, name, NULL, is_list, at.line + 1, at.column + 1);
    }
    rt_mem_free(name);
    return status;
}

/* Assigns the recorded values, now that the rows are known. */
static rt_status apply_notes(const reader *r, const rt__family *f, rt_config *cfg)
{
    size_t line = 0, column = 0;
    if (!f || rt__family_apply(f, cfg, &line, &column) == RT_OK)
        return RT_OK;
    return rt_error_prefix("%s:%zu:%zu", r->name, line, column);
}

static rt_status read_section(reader *r, const rt__section *section, rt_config *cfg)
{
    RT_TRY(next(r));
    if (is_empty(r)) /* "model:" with every key commented out */
        return RT_OK;
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return FAIL_HERE(r, "'%s' must be a mapping of keys to values: %s", section->name,
                         section->help);
    const rt__family *family = rt__family_of(section->name);
    for (;;) {
        RT_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return apply_notes(r, family, cfg);
        if (r->event.type != YAML_SCALAR_EVENT)
            return FAIL_HERE(r, "a key of '%s' must be a plain name", section->name);
        const rt__key *key = rt__key_find(section->name, scalar_text(r));
        if (!key && !(family && rt__family_has(family, scalar_text(r))))
            return unknown_key(r, cfg, section->name);
        if (key)
            RT_TRY(read_entry(r, key, cfg));
        else
            RT_TRY(read_noted(r, family, cfg));
    }
}

static rt_status read_sections(reader *r, rt_config *cfg)
{
    for (;;) {
        RT_TRY(next(r));
        if (r->event.type == YAML_MAPPING_END_EVENT)
            return RT_OK;
        if (r->event.type != YAML_SCALAR_EVENT)
            return FAIL_HERE(r, "the name of a section must be plain");
        const rt__key *key = rt__key_find("", scalar_text(r));
        const rt__section *section = rt__section_find(scalar_text(r));
        if (key) {
            RT_TRY(read_entry(r, key, cfg));
            continue;
        }
        if (!section)
            return unknown_key(r, cfg, "");
        size_t *first = &r->section_line[section - rt__sections];
        if (*first)
            return FAIL_HERE(r, "duplicate key '%s', first given at line %zu", section->name,
                             *first);
        *first = r->event.start_mark.line + 1;
        RT_TRY(read_section(r, section, cfg));
    }
}

/* Reads events up to the first node of the only document, or up to STREAM_END if there is none. */
static rt_status enter_document(reader *r)
{
    do {
        RT_TRY(next(r));
    } while (r->event.type == YAML_STREAM_START_EVENT ||
             r->event.type == YAML_DOCUMENT_START_EVENT);
    return RT_OK;
}

static rt_status leave_document(reader *r)
{
    do {
        RT_TRY(next(r));
    } while (r->event.type == YAML_DOCUMENT_END_EVENT);
    if (r->event.type != YAML_STREAM_END_EVENT)
        return FAIL_HERE(r, "a second document: a configuration is one document");
    return RT_OK;
}

static rt_status read_document(reader *r, rt_config *cfg)
{
    RT_TRY(enter_document(r));
    if (r->event.type == YAML_STREAM_END_EVENT)
        return RT_OK; /* nothing but comments: all defaults */
    if (r->event.type == YAML_MAPPING_START_EVENT)
        RT_TRY(read_sections(r, cfg));
    else if (!is_empty(r))
        return FAIL_HERE(r,
                         "a configuration is a mapping of sections, e.g. 'model: {preset: cnn}'");
    return leave_document(r);
}

rt_status rt__config_read(rt_config *cfg, const char *text, size_t len, const char *name,
                          size_t lines[RT__KEYS])
{
    reader r;
    RT_TRY(reader_open(&r, text, len, name));
    rt_status status = read_document(&r, cfg);
    memcpy(lines, r.key_line, sizeof r.key_line);
    reader_close(&r);
    return status;
}

/* Reads the document's mapping up to `key` and returns its value in *out, or NULL if there is none. */
static rt_status read_member(reader *r, const char *key, json_t **out)
{
    RT_TRY(enter_document(r));
    if (r->event.type != YAML_MAPPING_START_EVENT)
        return RT_OK;
    for (;;) {
        RT_TRY(next(r));
        if (r->event.type != YAML_SCALAR_EVENT)
            return RT_OK;
        bool found = strcmp(scalar_text(r), key) == 0;
        json_t *value = NULL;
        RT_TRY(next(r));
        RT_TRY(read_node(r, 0, &value));
        if (found) {
            *out = value;
            return RT_OK;
        }
        json_decref(value);
    }
}

json_t *rt__config_read_plugins(const char *text, size_t len)
{
    static const char key[] = "plugins";
    reader r;
    json_t *list = NULL;
    if (!memmem(text, len, key, sizeof key - 1))
        return NULL;
    if (reader_open(&r, text, len, NULL) == RT_OK) {
        read_member(&r, key, &list);
        reader_close(&r);
    }
    rt_error_clear(); /* rt__config_read reports it with its place */
    return list;
}

rt_status rt__config_read_value(rt_config *cfg, const rt__key *key, const char *text)
{
    reader r;
    rt_config fresh = {0}; /* cfg must stay unchanged if text after the value is wrong */
    RT_TRY(reader_open(&r, text, strlen(text), NULL));
    rt_status status = enter_document(&r);
    if (status == RT_OK && r.event.type == YAML_STREAM_END_EVENT)
        status = rt__key_set_scalar(key, &fresh, "", false);
    else if (status == RT_OK)
        status = read_value(&r, key, &fresh);
    if (status == RT_OK)
        status = leave_document(&r);
    reader_close(&r);
    if (status == RT_OK)
        rt__key_move(key, &fresh, cfg);
    rt__key_clear(key, &fresh);
    return status;
}
