/* Configurations: defaults, loading, --set, writing back, hash and reference. */
#include "common/config/config.h"

#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/hash.h"
#include "common/base/input.h"
#include "common/base/mem.h"
#include "common/config/config_family.h"
#include "common/config/config_table.h"
#include "common/config/config_uses.h"
#include "common/config/config_value.h"
#include "common/config/config_yaml.h"
#include "common/config/layers.h"
#include "common/config/plugins.h"
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Sets the field to its default. */
static rt_status set_default(const rt__key *key, rt_config *cfg)
{
    if (key->type != RT__KEY_NODE) {
        bool text = key->type == RT__KEY_STRING;
        return rt__key_set_scalar(key, cfg, key->standard, text);
    }
    json_t *empty = json_array();
    if (!empty)
        return RT_FAIL(NOMEM, "out of memory while making a configuration");
    return rt__key_set_node(key, cfg, empty);
}

rt_status rt_config_default(rt_config *out)
{
    *out = (rt_config){0};
    rt_status status = RT_OK;
    for (int i = 0; i < RT__KEYS && status == RT_OK; i++)
        status = set_default(&rt__keys[i], out);
    for (int i = 0; i < RT__FAMILIES && status == RT_OK; i++)
        status = rt__family_set_defaults(&rt__families[i], out);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

void rt_config_release(rt_config *cfg)
{
    for (int i = 0; i < RT__KEYS; i++)
        rt__key_clear(&rt__keys[i], cfg);
    for (int i = 0; i < RT__FAMILIES; i++)
        rt__family_clear(&rt__families[i], cfg);
}

/* ---- plugins: their rows must be registered before the rest can be read ---- */

/* Where the list of plugins comes from. A user names files, also with --set instead of in the file. A configuration
 * that a program has written holds only descriptions, and reading it never runs code. */
typedef struct plugin_source {
    bool by_user;
    const char *const *sets;
    size_t n_sets;
} plugin_source;

static const char plugins_key[] = "plugins";

/* Returns the last --set plugins=..., or NULL. */
static const char *set_plugins(const plugin_source *by)
{
    return by->n_sets > 0 ? rt__set_of(plugins_key, by->sets, by->n_sets) : NULL;
}

static rt_status read_set(const char *set, json_t **list)
{
    rt_config alone = {0};
    RT_TRY(rt__config_read_value(&alone, rt__key_find("", plugins_key), set + sizeof plugins_key));
    *list = alone.plugins;
    return RT_OK;
}

/* Sets *settled to the entries, or to NULL if no plugins are named. */
static rt_status resolve_plugins(const char *text, size_t len, const char *name,
                                 const plugin_source *by, json_t **resolved)
{
    const char *set = set_plugins(by);
    json_t *given = NULL;
    *resolved = NULL;
    rt_status status = RT_OK;
    if (set)
        status = read_set(set, &given);
    else
        given = rt__config_read_plugins(text, len);
    if (status == RT_OK && (json_is_array(given) || by->by_user))
        status = rt__plugins_resolve(given, by->by_user, set ? NULL : name, resolved);
    json_decref(given);
    if (status == RT_OK)
        return RT_OK;
    return set ? rt_error_prefix("--set %.200s", set) : rt_error_prefix("%s", name);
}

static rt_status set_path(rt_config *cfg, const char *path, size_t len, const char *text);

/* Returns what the program gives for a key, or NULL. */
static const char *program_gives(const json_t *plugins, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(rt_config_program(plugins), "gives"), key));
}

/* The data set and the task of the program are what a configuration has that names none. They are chosen before it is read, so that it
 * may have their keys. */
static rt_status choose_programs_rows(const json_t *plugins, rt_config *cfg)
{
    static const char *const keys[] = {"data.dataset", "task.name"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        const char *name = program_gives(plugins, keys[i]);
        if (name)
            RT_TRY(set_path(cfg, keys[i], strlen(keys[i]), name));
    }
    return RT_OK;
}

/* The same for its net: a configuration that has no model has this one. */
static rt_status choose_programs_net(rt_config *cfg)
{
    const char *name = program_gives(cfg->plugins, "model.layers");
    if (!name || cfg->model.preset != RT_CFG_PRESET_NONE || json_array_size(cfg->model.layers) > 0)
        return RT_OK;
    json_t *layers = json_pack("[s]", name);
    if (!layers)
        return RT_FAIL(NOMEM, "model.layers: out of memory");
    json_decref(cfg->model.layers);
    cfg->model.layers = layers;
    return RT_OK;
}

static rt_status parse(const char *text, size_t len, const char *name, const plugin_source *by,
                       rt_config *out, size_t lines[RT__KEYS])
{
    json_t *resolved;
    *out = (rt_config){0};
    RT_TRY(resolve_plugins(text, len, name, by, &resolved));
    rt_status status = rt_config_default(out);
    if (status == RT_OK && by->by_user)
        status = choose_programs_rows(resolved, out);
    if (status == RT_OK)
        status = rt__config_read(out, text, len, name, lines);
    if (status == RT_OK && resolved) {
        json_decref(out->plugins);
        out->plugins = json_incref(resolved);
    }
    json_decref(resolved);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

static const plugin_source by_program = {0};

rt_status rt_config_parse(const char *text, size_t len, const char *name, rt_config *out)
{
    size_t lines[RT__KEYS];
    return parse(text, len, name, &by_program, out, lines);
}

static bool gives(const rt_config *cfg, const size_t lines[RT__KEYS], const char *key)
{
    char path[RT__KEY_PATH];
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__key_path(&rt__keys[i], path), key) == 0)
            return lines[i] > 0;
    for (int i = 0; i < RT__FAMILIES; i++) {
        size_t head = strlen(rt__families[i].section);
        if (strncmp(rt__families[i].section, key, head) == 0 && key[head] == '.')
            return rt__family_line(&rt__families[i], cfg, key + head + 1) > 0;
    }
    return false;
}

bool rt_config_gives(const char *text, size_t len, const char *key)
{
    rt_config cfg;
    size_t lines[RT__KEYS];
    if (parse(text, len, "configuration", &by_program, &cfg, lines) != RT_OK) {
        rt_error_clear();
        return false;
    }
    bool is = gives(&cfg, lines, key);
    rt_config_release(&cfg);
    return is;
}

static rt_status load_text(const char *path, rt_input_kind kind, const plugin_source *by,
                           rt_config *out, size_t lines[RT__KEYS])
{
    *out = (rt_config){0};
    rt_bytes text;
    RT_TRY(rt_input_read(path, kind, RT_CONFIG_FILE_MAX, &text));
    rt_status status = parse((const char *)text.data, text.len, path, by, out, lines);
    rt_bytes_release(&text);
    return status;
}

/* "section.key", or "key" outside any section, as two texts. */
typedef struct place {
    char section[RT__KEY_PATH], name[RT__KEY_PATH];
    bool has_section;
} place;

static rt_status split_path(const char *path, size_t len, place *out)
{
    *out = (place){.has_section = memchr(path, '.', len) != NULL};
    const char *dot = memchr(path, '.', len);
    size_t head = dot ? (size_t)(dot - path) : 0, tail = dot ? head + 1 : 0;
    if (head >= sizeof out->section || len - tail >= sizeof out->name)
        return RT_FAIL(CONFIG, "this is too long for the name of a key");
    memcpy(out->section, path, head);
    memcpy(out->name, path + tail, len - tail);
    return RT_OK;
}

/* Fails like an unknown key in a file. */
static rt_status unknown_path(const rt_config *cfg, const place *p)
{
    if (rt__section_find(p->name) && !p->has_section)
        return RT_FAIL(CONFIG, "'%s' is a section: name one of its keys, as %s.KEY=VALUE", p->name,
                       p->name);
    return p->has_section && !rt__section_find(p->section)
               ? rt__key_unknown(cfg, "", p->section)
               : rt__key_unknown(cfg, p->section, p->name);
}

/* Sets the choice of a family; values written for keys of its rows now go to the new row. */
static rt_status set_choice(rt_config *cfg, const rt__key *key, const rt__family *f,
                            const char *text)
{
    int *choice = (int *)((char *)cfg + f->choice), before = *choice;
    size_t line, column;
    RT_TRY(rt__config_read_value(cfg, key, text));
    rt_status status = rt__family_apply(f, cfg, &line, &column);
    if (status != RT_OK)
        *choice = before;
    return status;
}

/* Sets a key of a family's rows. The value is also recorded, because another row may be chosen later. */
static rt_status set_in_row(rt_config *cfg, const rt__family *f, const char *name, const char *text)
{
    rt__row_key key;
    RT_TRY(rt__family_key(f, cfg, name, &key));
    RT_TRY(rt__config_read_value(cfg, &key.key, text));
    if (key.key.type == RT__KEY_STRING)
        return rt__family_record(f, cfg, name, *(char **)((char *)cfg + key.key.offset), true, 0,
                                 0);
    rt_text value = {0};
    rt_status status = rt__key_print(&key.key, cfg, &value);
    char *all = rt_text_take(&value);
    if (status == RT_OK)
        status = all ? rt__family_record(f, cfg, name, all, false, 0, 0) : rt_error_code();
    rt_mem_free(all);
    return status;
}

static rt_status set_path(rt_config *cfg, const char *path, size_t len, const char *text)
{
    place p;
    RT_TRY(split_path(path, len, &p));
    const rt__key *key = rt__key_find(p.section, p.name);
    if (key && key->offset == offsetof(rt_config, plugins))
        return RT_FAIL(CONFIG, "plugins cannot be changed here");
    const rt__family *f = key ? rt__family_of_key(key) : rt__family_of(p.section);
    if (f)
        return key ? set_choice(cfg, key, f, text) : set_in_row(cfg, f, p.name, text);
    return key ? rt__config_read_value(cfg, key, text) : unknown_path(cfg, &p);
}

rt_status rt_config_set(rt_config *cfg, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    rt_status status = equals
                           ? set_path(cfg, assignment, (size_t)(equals - assignment), equals + 1)
                           : RT_FAIL(CONFIG, "expected SECTION.KEY=VALUE, e.g. parallel.workers=4");
    return status == RT_OK ? RT_OK : rt_error_prefix("--set %.200s", assignment);
}

/* A relative data.path that the working directory does not have is looked for beside the file, so that a configuration
 * with its data beside it works from anywhere. */
static rt_status find_data(const char *file, rt_config *cfg)
{
    const char *given = rt_config_data_path(cfg);
    if (given[0] == '\0' || given[0] == '/' || rt_path_exists(given))
        return RT_OK;
    char real[PATH_MAX], *copy = rt_strdup(file);
    char *beside = copy ? rt_path_join(dirname(copy), given) : NULL;
    rt_status status = beside ? RT_OK : rt_error_code();
    if (status == RT_OK && realpath(beside, real))
        status = set_path(cfg, "data.path", strlen("data.path"), real);
    rt_mem_free(beside);
    rt_mem_free(copy);
    return status;
}

static rt_status load(const char *path, const char *const *sets, size_t n_sets, rt_config *out,
                      size_t lines[RT__KEYS])
{
    const plugin_source by = {true, sets, n_sets};
    rt_status status = load_text(path, RT_INPUT_FILE_OR_PIPE, &by, out, lines);
    if (status == RT_OK)
        status = find_data(path, out);
    for (size_t i = 0; i < n_sets && status == RT_OK; i++)
        if (!rt__set_of(plugins_key, &sets[i], 1)) /* plugins are already in it */
            status = rt_config_set(out, sets[i]);
    if (status == RT_OK)
        status = choose_programs_net(out);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

rt_status rt_config_load(const char *path, const char *const *sets, size_t n_sets, rt_config *out)
{
    size_t lines[RT__KEYS];
    return load(path, sets, n_sets, out, lines);
}

rt_status rt_config_load_run(const char *path, rt_config *out)
{
    size_t lines[RT__KEYS];
    return load_text(path, RT_INPUT_FILE, &by_program, out, lines);
}

rt_status rt_config_load_new(const char *path, const char *const *sets, size_t n_sets,
                             rt_config *out)
{
    size_t lines[RT__KEYS];
    RT_TRY(load(path, sets, n_sets, out, lines));
    rt_config standard;
    rt_status status = rt_config_default(&standard);
    if (status == RT_OK)
        status = rt__config_check_uses(out, &standard, path, lines, sets, n_sets);
    rt_config_release(&standard);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

char *rt_config_yaml(const rt_config *cfg)
{
    rt_text text = {0};
    rt_status status = RT_OK;
    const char *section = "";
    for (int i = 0; i < RT__KEYS && status == RT_OK; i++) {
        const rt__key *key = &rt__keys[i];
        if (strcmp(section, key->section) != 0 && *key->section)
            rt_text_add(&text, "%s:\n", key->section);
        section = key->section;
        rt_text_add(&text, "%s%s: ", *section ? "  " : "", key->name);
        status = rt__key_print(key, cfg, &text);
        rt_text_add(&text, "\n");
        const rt__family *f = rt__family_of_key(key);
        if (f && status == RT_OK)
            status = rt__family_print(f, cfg, &text);
    }
    char *all = rt_text_take(&text);
    if (status == RT_OK)
        return all;
    rt_mem_free(all);
    return NULL;
}

rt_status rt_config_copy(const rt_config *cfg, rt_config *out)
{
    *out = (rt_config){0};
    char *text = rt_config_yaml(cfg);
    rt_status status =
        text ? rt_config_parse(text, strlen(text), "configuration", out) : rt_error_code();
    rt_mem_free(text);
    return status;
}

rt_status rt_config_write_yaml(const rt_config *cfg, const char *path)
{
    char *text = rt_config_yaml(cfg);
    if (!text)
        return rt_error_prefix("%s", path);
    rt_status status = rt_file_replace(path, text, strlen(text));
    rt_mem_free(text);
    return status;
}

/* Appends one place of the hash, unless it is LATER and has its default. */
static rt_status add_to_hash(const rt__hashed *h, const rt_config *cfg, const rt_config *standard,
                             rt_text *to)
{
    const rt__key *key = rt__key_find(h->section, h->name);
    if (key &&
        (key->math == FREE || (key->math == LATER && rt__key_has_default(key, cfg, standard))))
        return RT_OK;
    rt_text_add(to, "%s%s%s: ", h->section, *h->section ? "." : "", h->name);
    rt_status status = key ? rt__key_print_to_hash(key, cfg, to)
                           : rt__family_print_to_hash(rt__family_of(h->section), cfg, h->name, to);
    rt_text_add(to, "\n");
    return status;
}

static rt_status hashed_text(const rt_config *cfg, rt_text *text)
{
    rt_config standard;
    RT_TRY(rt_config_default(&standard));
    rt_status status = RT_OK;
    for (int i = 0; i < RT__HASHED && status == RT_OK; i++)
        status = add_to_hash(&rt__hashed_keys[i], cfg, &standard, text);
    for (int i = 0; i < RT__FAMILIES && status == RT_OK; i++)
        status = rt__family_print_rest_to_hash(&rt__families[i], cfg, text);
    rt_config_release(&standard);
    return status;
}

rt_status rt_config_hash(const rt_config *cfg, char hex[65])
{
    rt_text text = {0};
    rt_status status = hashed_text(cfg, &text);
    char *all = rt_text_take(&text);
    rt_sha256 h = {0};
    if (status == RT_OK)
        status = all ? rt_sha256_init(&h) : rt_error_code();
    if (status == RT_OK) {
        rt_sha256_update(&h, all, strlen(all));
        rt_sha256_hex(&h, hex);
    }
    rt_mem_free(all);
    return status;
}

const char *rt_config_choice(const rt_config *cfg, const char *key)
{
    for (int i = 0; i < RT__KEYS; i++) {
        char path[RT__KEY_PATH];
        const rt__key *k = &rt__keys[i];
        if (k->type == RT__KEY_CHOICE && strcmp(rt__key_path(k, path), key) == 0)
            return k->options[*(const int *)((const char *)cfg + k->offset)];
    }
    RT_ASSERT(!"the key of a choice");
    return NULL;
}

const void *rt_config_values(const rt_config *cfg, const char *section)
{
    return rt__row_values(rt__family_chosen(rt__family_of(section), cfg), cfg);
}

const char *rt_config_data_path(const rt_config *cfg)
{
    const rt__family_row *row = rt__family_chosen(rt__family_of("data"), cfg);
    rt__struct_member path = rt__member_find(&row->schema, (char *)cfg + row->offset, "path");
    return path.row && path.row->kind == RT_FIELD_TEXT ? *(char **)path.at : "";
}

static void print_section(const char *name, const rt_config *standard, FILE *to)
{
    const rt__section *s = rt__section_find(name);
    const rt__family *f = rt__family_of(name);
    if (s)
        fprintf(to, "\n%s: %s\n", s->name, s->help);
    else
        fprintf(to, "\n");
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__keys[i].section, name) == 0)
            rt__key_help(&rt__keys[i], standard, s ? "  " : "", to);
    if (f)
        rt__family_print_help(f, standard, to);
}

void rt_config_list(FILE *to)
{
    for (int i = 0; i < RT__KEYS; i++) {
        rt__key_list(&rt__keys[i], to);
        const rt__family *f = rt__family_of_key(&rt__keys[i]);
        if (f)
            rt__family_list(f, to);
    }
}

void rt_config_help(FILE *to)
{
    rt_config standard;
    if (rt_config_default(&standard) != RT_OK)
        return;
    fprintf(to, "Keys of a configuration file. --set SECTION.KEY=VALUE overrides one.\n"
                "[decides the result]: other values give other weights; all other keys do not "
                "change a bit.\n");
    const char *section = NULL;
    for (int i = 0; i < RT__KEYS; i++)
        if (!section || strcmp(section, rt__keys[i].section) != 0) {
            section = rt__keys[i].section;
            print_section(section, &standard, to);
        }
    fprintf(to, "\nLayers of model.layers, each a name or {name: {option: value}}:\n");
    rt_layers_help(to);
    rt_config_release(&standard);
}

void rt_config_register_plugins(const char *dir)
{
    rt_config cfg = {0};
    char *path = rt_path_join(dir, "config.yaml");
    if (path && rt_config_load_run(path, &cfg) == RT_OK)
        rt_config_release(&cfg);
    rt_mem_free(path);
    rt_error_clear();
}
