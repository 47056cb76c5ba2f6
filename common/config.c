/* Configurations: defaults, loading, --set, writing back, hash and reference. */
#include "common/config.h"

#include <string.h>
#include "common/config_table.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/input.h"
#include "common/mem.h"

/* Gives the field its default. */
static rt_status set_standard(const rt__key *key, rt_config *cfg)
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
        status = set_standard(&rt__keys[i], out);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

void rt_config_release(rt_config *cfg)
{
    for (int i = 0; i < RT__KEYS; i++)
        rt__key_clear(&rt__keys[i], cfg);
}

static rt_status parse(const char *text, size_t len, const char *name, rt_config *out,
                       size_t lines[RT__KEYS])
{
    RT_TRY(rt_config_default(out));
    rt_status status = rt__config_read(out, text, len, name, lines);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

rt_status rt_config_parse(const char *text, size_t len, const char *name, rt_config *out)
{
    size_t lines[RT__KEYS];
    return parse(text, len, name, out, lines);
}

bool rt_config_gives(const char *text, size_t len, const char *key)
{
    rt_config cfg;
    size_t lines[RT__KEYS];
    if (parse(text, len, "configuration", &cfg, lines) != RT_OK) {
        rt_error_clear();
        return false;
    }
    rt_config_release(&cfg);
    char path[RT__KEY_PATH];
    for (int i = 0; i < RT__KEYS; i++)
        if (strcmp(rt__key_path(&rt__keys[i], path), key) == 0)
            return lines[i] > 0;
    return false;
}

static rt_status load_text(const char *path, rt_input_kind kind, rt_config *out,
                           size_t lines[RT__KEYS])
{
    *out = (rt_config){0};
    rt_bytes text;
    RT_TRY(rt_input_read(path, kind, RT_CONFIG_FILE_MAX, &text));
    rt_status status = parse((const char *)text.data, text.len, path, out, lines);
    rt_bytes_release(&text);
    return status;
}

static rt_status load(const char *path, const char *const *sets, size_t n_sets, rt_config *out,
                      size_t lines[RT__KEYS])
{
    rt_status status = load_text(path, RT_INPUT_FILE_OR_PIPE, out, lines);
    for (size_t i = 0; i < n_sets && status == RT_OK; i++)
        status = rt_config_set(out, sets[i]);
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
    return load_text(path, RT_INPUT_FILE, out, lines);
}

rt_status rt_config_load_new(const char *path, const char *const *sets, size_t n_sets,
                             rt_config *out)
{
    size_t lines[RT__KEYS];
    RT_TRY(load(path, sets, n_sets, out, lines));
    rt_status status = rt__config_check_uses(out, path, lines, sets, n_sets);
    if (status != RT_OK)
        rt_config_release(out);
    return status;
}

/* Finds the key that "section.key" names; fails as an unknown key in a file would. */
static rt_status find_path(const char *path, size_t len, const rt__key **key)
{
    char section[RT__KEY_PATH] = "", name[RT__KEY_PATH];
    const char *dot = memchr(path, '.', len);
    size_t head = dot ? (size_t)(dot - path) : 0, tail = dot ? head + 1 : 0;
    if (head >= sizeof section || len - tail >= sizeof name)
        return RT_FAIL(CONFIG, "no key has a name as long as this");
    memcpy(section, path, head);
    memcpy(name, path + tail, len - tail);
    section[head] = name[len - tail] = 0;
    *key = rt__key_find(section, name);
    if (*key)
        return RT_OK;
    if (rt__section_find(name) && !dot)
        return RT_FAIL(CONFIG, "'%s' is a section: name one of its keys, as %s.KEY=VALUE", name,
                       name);
    return dot && !rt__section_find(section) ? rt__key_unknown("", section)
                                             : rt__key_unknown(section, name);
}

rt_status rt_config_set(rt_config *cfg, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    const rt__key *key = NULL;
    rt_status status = equals
                           ? find_path(assignment, (size_t)(equals - assignment), &key)
                           : RT_FAIL(CONFIG, "expected SECTION.KEY=VALUE, e.g. parallel.workers=4");
    if (status == RT_OK)
        status = rt__config_read_value(cfg, key, equals + 1);
    return status == RT_OK ? RT_OK : rt_error_prefix("--set %.200s", assignment);
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
    }
    char *all = rt_text_take(&text);
    if (status == RT_OK)
        return all;
    rt_mem_free(all);
    return NULL;
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

rt_status rt_config_hash(const rt_config *cfg, char hex[65])
{
    rt_text text = {0};
    rt_status status = RT_OK;
    char path[RT__KEY_PATH];
    for (int i = 0; i < RT__KEYS && status == RT_OK; i++)
        if (rt__keys[i].math) {
            rt_text_add(&text, "%s: ", rt__key_path(&rt__keys[i], path));
            status = rt__key_print_to_hash(&rt__keys[i], cfg, &text);
            rt_text_add(&text, "\n");
        }
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

const char *const *rt_config_optimizer_states(const rt_config *cfg)
{
    static const char *const adamw[RT_OPTIMIZER_STATES_MAX + 1] = {"exp_avg", "exp_avg_sq"},
                                                             *const momentum[] = {"momentum_buffer",
                                                                                  NULL},
                                                             *const none[] = {NULL};
    switch (cfg->optimizer.name) {
    case RT_CFG_OPTIMIZER_ADAMW:
        return adamw;
    case RT_CFG_OPTIMIZER_SGD:
        return cfg->optimizer.momentum > 0 ? momentum : none;
    }
    RT_ASSERT(!"an optimiser of config.def");
    return none;
}

static void print_key(FILE *to, const rt__key *key)
{
    rt_text allowed = {0};
    rt__key_expects(key, &allowed);
    char *text = rt_text_take(&allowed);
    fprintf(to, "%s%-14s %s; default %s\n", *key->section ? "  " : "", key->name, text ? text : "",
            *key->standard ? key->standard : "\"\"");
    fprintf(to, "%s%-14s %s%s\n", *key->section ? "  " : "", "", key->help,
            key->math ? " [decides the result]" : "");
    rt_mem_free(text);
}

void rt_config_help(FILE *to)
{
    fprintf(to, "Keys of a configuration file. --set SECTION.KEY=VALUE overrides one.\n"
                "[decides the result]: other values give other weights; all other keys do not "
                "change a bit.\n");
    const char *section = NULL;
    for (int i = 0; i < RT__KEYS; i++) {
        const rt__key *key = &rt__keys[i];
        if (!section || strcmp(section, key->section) != 0) {
            section = key->section;
            const rt__section *s = rt__section_find(section);
            if (s)
                fprintf(to, "\n%s: %s\n", s->name, s->help);
            else
                fprintf(to, "\n");
        }
        print_key(to, key);
    }
}
