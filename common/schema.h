/* What rows of the schema language (ringtorch/field.h) say, used: checks, and structs from and to JSON.
 *
 *     static const rt__schema schema = {RT__SCHEMA("sgd", sgd_values, RT_SGD_FIELDS)};
 *     sgd_values v;
 *     RT_TRY(rt__schema_from_json(&schema, &v, json));     // "sgd: momentum is 2, expected 0 to 0.9999999"
 *
 * Everything here works on structs whose members the compiler laid out one after the other from the rows. */
#ifndef RINGTORCH_COMMON_SCHEMA_H
#define RINGTORCH_COMMON_SCHEMA_H

#include <stddef.h>
#include <ringtorch/field.h>
#include "common/json.h"

typedef struct rt__schema {
    const char *owner; /* whom messages name */
    const char *thing; /* what they call one of its values: "argument", "key" */
    const rt_field *fields;
    int n_fields;
    const void *
        defaults; /* a struct in which all that is not needed is set; NULL: cannot be given by name */
    size_t size;
} rt__schema;

/* The members of an rt__schema, outside of functions. A list without rows is fine. */
#define RT__SCHEMA(whose, what, type, FIELDS)                                                      \
    .owner = whose, .thing = what, .fields = (const rt_field[]){RT_ROWS(FIELDS){.name = NULL}},    \
    .n_fields =                                                                                    \
        (int)(sizeof((const rt_field[]){RT_ROWS(FIELDS){.name = NULL}}) / sizeof(rt_field)) - 1,   \
    .size = sizeof(type), .defaults = &(const type)                                                \
    {                                                                                              \
        RT_DEFAULTS(FIELDS)                                                                        \
    }

/* How the kinds lie in memory and what they are called. */
typedef struct rt__field_kind {
    const char *name;     /* in schemas */
    const char *expected; /* in messages; of CHOICE the names follow */
    size_t size, align;
} rt__field_kind;
enum { RT__FIELD_KINDS = RT_FIELD_LAYERS + 1 };
extern const rt__field_kind rt__field_kinds[RT__FIELD_KINDS];

/* Inputs of operations are tensors, which nothing here touches. */
bool rt__is_input(const rt_field *row);

/* A member of a struct. Walk them with RT__EACH_MEMBER(m, schema, values) { ... m.row, m.at ... }. */
typedef struct rt__member {
    const rt_field *row; /* NULL: behind the last one */
    char *at;
} rt__member;
rt__member rt__member_after(const rt__schema *s, void *values, rt__member m);
#define RT__EACH_MEMBER(m, schema, values)                                                         \
    for (rt__member m = rt__member_after(schema, (void *)(values), (rt__member){0}); m.row;        \
         m = rt__member_after(schema, (void *)(values), m))
/* Returns the member of that name; row NULL: there is none. */
rt__member rt__member_find(const rt__schema *s, void *values, const char *name);

/* Fails if the value lies outside of its range, and names it. */
rt_status rt__schema_check_value(const rt__schema *s, rt__member m);
/* The same for all members. */
rt_status rt__schema_check(const rt__schema *s, const void *values);

/* Sets the members that a JSON object names; those that are needed must be among them. values: as made by the caller, who has
 * copied the defaults. Texts and layers are borrowed from `given`, of which NULL is an empty object. */
rt_status rt__schema_set(const rt__schema *s, void *values, const json_t *given);
/* Returns all members that may be given by name as an object that rt__schema_set takes; NULL if memory is out. */
json_t *rt__schema_to_json(const rt__schema *s, const void *values);
/* Returns what one row says, as {"name", "kind", "needed", "default", "choices", "least", "most", "help"}, with those that it
 * has; m is of the defaults. NULL if memory is out. */
json_t *rt__member_schema(rt__member m);
/* Returns json, or NULL and no reference to it if it is not whole. */
json_t *rt__json_if_whole(json_t *made, bool whole);

/* Returns how many names a CHOICE has. */
int rt__choice_count(const char *choices);
/* Returns name i of a CHOICE, "sum" of "mean|sum|none" for 1; *len is its length. */
const char *rt__choice_at(const char *choices, int i, size_t *len);

#endif
