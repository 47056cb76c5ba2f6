/* Applies the rows of the schema language (ringtorch/field.h): checks structs against them and converts structs from
 * and to JSON.
 *
 *     static const rt__schema schema = {RT__SCHEMA("sgd", sgd_values, RT_SGD_FIELDS)};
 *     sgd_values v;
 *     RT_TRY(rt__schema_from_json(&schema, &v, json));     // "sgd: momentum is 2, expected 0 to 0.9999999"
 *
 * Everything here works on structs whose members the compiler laid out from the rows, in their order. */
#ifndef RINGTORCH_COMMON_BASE_SCHEMA_H
#define RINGTORCH_COMMON_BASE_SCHEMA_H

#include "common/base/json.h"
#include <ringtorch/field.h>
#include <stddef.h>

typedef struct rt__schema {
    const char *owner; /* the name that messages begin with */
    const char *thing; /* what messages call one of its values: "argument", "key" */
    const rt_field *fields;
    int n_fields;
    /* a struct in which every member that has a default is set; NULL if the values cannot be given by name */
    const void *defaults;
    size_t size;
} rt__schema;

/* The initialisers of an rt__schema at file scope. A list without rows is allowed. */
#define RT__SCHEMA(whose, what, type, FIELDS)                                                      \
    .owner = whose, .thing = what, .fields = (const rt_field[]){RT_ROWS(FIELDS){.name = NULL}},    \
    .n_fields =                                                                                    \
        (int)(sizeof((const rt_field[]){RT_ROWS(FIELDS){.name = NULL}}) / sizeof(rt_field)) - 1,   \
    .size = sizeof(type), .defaults = &(const type)                                                \
    {                                                                                              \
        RT_DEFAULTS(FIELDS)                                                                        \
    }

/* Fails to compile unless at least `needed` values are given. Each is given by name, so none can count twice. Records
 * are made like this:
 *
 *     RT__ALL_GIVEN(RT__NEEDED(EXITED_FIELDS), .rank = 2, .signal = 9);
 *
 * RT__NEEDED counts the rows of a list whose default is RT_NEEDED, by expanding each row as RT__NEEDED_ROW. */
#define RT__ALL_GIVEN(needed, ...)                                                                 \
    ((void)sizeof(struct {                                                                         \
        _Static_assert(RT__ARGUMENTS(__VA_ARGS__) >= (needed),                                     \
                       "a field that is needed is left out");                                      \
        char none;                                                                                 \
    }))
#define RT__NEEDED(FIELDS) (0 FIELDS(RT__NEEDED_ROW))
/* A struct from a list of rows, filled with that check. */
#define RT__FILLED(type, FIELDS, ...)                                                              \
    (RT__ALL_GIVEN(RT__NEEDED(FIELDS), __VA_ARGS__), (type){__VA_ARGS__})
#define RT__NEEDED_ROW(kind, name, value, allowed, help)                                           \
    +(__builtin_strcmp(#value, "RT_NEEDED") == 0)
/* The number of its arguments, at most 32. */
#define RT__ARGUMENTS(...)                                                                         \
    RT__THIRTY_THIRD(__VA_ARGS__, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17,  \
                     16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define RT__THIRTY_THIRD(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x,   \
                         y, z, aa, bb, cc, dd, ee, ff, which, ...)                                 \
    which

/* The layout of each kind in memory, and its names. */
typedef struct rt__field_kind {
    const char *name;     /* in schemas */
    const char *expected; /* in messages; for a CHOICE its names follow */
    size_t size, align;
} rt__field_kind;
extern const rt__field_kind rt__field_kinds[RT_FIELD_KINDS];

/* The shapes that a VALUE may have, as messages and schemas call them. */
typedef struct rt__field_shape {
    const char *expected;
    const char *type,
        *items; /* JSON Schema's names of the type and of a list's items; NULL for any */
} rt__field_shape;
extern const rt__field_shape rt__field_shapes[RT_FIELD_SHAPES];

/* Returns whether the row is an input of an operation: a tensor, which nothing here touches. */
bool rt__is_input(const rt_field *row);

/* A member of a struct. Walk them with RT__EACH_MEMBER(m, schema, values) { ... m.row, m.at ... }. */
typedef struct rt__struct_member {
    const rt_field *row; /* NULL behind the last member */
    char *at;
} rt__struct_member;
rt__struct_member rt__member_after(const rt__schema *s, void *values, rt__struct_member m);
#define RT__EACH_MEMBER(m, schema, values)                                                         \
    for (rt__struct_member m = rt__member_after(schema, (void *)(values), (rt__struct_member){0}); \
         m.row; m = rt__member_after(schema, (void *)(values), m))
/* Returns the member of that name; its row is NULL if there is none. */
rt__struct_member rt__member_find(const rt__schema *s, void *values, const char *name);

/* Fails, naming the member, if its value is out of range. */
rt_status rt__schema_check_value(const rt__schema *s, rt__struct_member m);
/* Checks all members in this way. */
rt_status rt__schema_check(const rt__schema *s, const void *values);

/* Sets the members that a JSON object names; those that are needed must be among them. The caller has copied the
 * defaults into `values`. Texts, layers and values are borrowed from `given`; NULL counts as an empty object. */
rt_status rt__schema_set(const rt__schema *s, void *values, const json_t *given);
/* Returns how many integers the rows of INTS need room for to take what the object gives, and, if room is not NULL, makes the rows that
 * are given refer to it. To be called, with room, before rt__schema_set: without it, a row of INTS accepts no JSON. */
size_t rt__schema_make_room(const rt__schema *s, void *values, const json_t *given, int64_t *room);
/* Returns all members that may be given by name, as an object that rt__schema_set accepts; NULL if memory runs out. */
json_t *rt__schema_to_json(const rt__schema *s, const void *values);
/* Sets these members in an object that may have others; returns false if memory runs out. */
bool rt__schema_put(const rt__schema *s, const void *values, json_t *object);
/* Describes one row as an object with those of "name", "kind", "needed", "default", "choices", "least", "most" and
 * "help" that it has; `m` is the row's member of the defaults. Returns NULL if memory runs out. */
json_t *rt__member_schema(rt__struct_member m);
/* Returns `made` if it is whole; else drops it and returns NULL. */
json_t *rt__json_if_whole(json_t *made, bool whole);

/* Returns how many names a CHOICE has. */
int rt__choice_count(const char *choices);
/* Returns name i of a CHOICE and its length: name 1 of "mean|sum|none" is "sum". */
const char *rt__choice_at(const char *choices, int i, size_t *len);

#endif
