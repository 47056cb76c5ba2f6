/* Finds the line of a value in a configuration file, for errors that are found after parsing. */
#include "common/config/config_place.h"

#include "common/base/error.h"
#include "common/base/input.h"
#include "common/config/config_struct.h"
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static const yaml_node_t *member(yaml_document_t *doc, const yaml_node_t *mapping, const char *key,
                                 size_t len)
{
    if (!mapping || mapping->type != YAML_MAPPING_NODE)
        return NULL;
    const yaml_node_pair_t *p = mapping->data.mapping.pairs.start;
    for (; p < mapping->data.mapping.pairs.top; p++) {
        const yaml_node_t *name = yaml_document_get_node(doc, p->key);
        if (name && name->type == YAML_SCALAR_NODE && name->data.scalar.length == len &&
            memcmp(name->data.scalar.value, key, len) == 0)
            return yaml_document_get_node(doc, p->value);
    }
    return NULL;
}

static const yaml_node_t *element(yaml_document_t *doc, const yaml_node_t *list, int64_t index)
{
    if (!list || list->type != YAML_SEQUENCE_NODE)
        return NULL;
    const yaml_node_item_t *first = list->data.sequence.items.start;
    bool there = index >= 0 && index < list->data.sequence.items.top - first;
    return there ? yaml_document_get_node(doc, first[index]) : NULL;
}

static const yaml_node_t *find(yaml_document_t *doc, const char *place)
{
    const yaml_node_t *at = yaml_document_get_root_node(doc);
    while (at && *place && *place != ':') {
        if (*place == '[') {
            at = element(doc, at, strtoll(place + 1, NULL, 10));
            place += strcspn(place, "]:");
            place += *place == ']';
        } else {
            place += *place == '.';
            size_t len = strcspn(place, ".[:");
            at = member(doc, at, place, len);
            place += len;
        }
    }
    return at;
}

static int64_t line_in(yaml_parser_t *parser, const char *place)
{
    yaml_document_t doc;
    if (!yaml_parser_load(parser, &doc))
        return 0;
    const yaml_node_t *at = find(&doc, place);
    int64_t line = at ? (int64_t)at->start_mark.line + 1 : 0;
    yaml_document_delete(&doc);
    return line;
}

int64_t rt_config_line(const char *path, const char *place)
{
    rt_bytes text;
    yaml_parser_t parser;
    int64_t line = 0;
    if (rt_input_read(path, RT_INPUT_FILE, RT_CONFIG_FILE_MAX, &text) != RT_OK) {
        rt_error_clear();
        return 0;
    }
    if (yaml_parser_initialize(&parser)) {
        yaml_parser_set_input_string(&parser, text.data, text.len);
        line = line_in(&parser, place);
        yaml_parser_delete(&parser);
    }
    rt_bytes_release(&text);
    return line;
}
