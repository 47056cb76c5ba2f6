/* The schema language: one row describes one value that a user gives by name, be it an argument of an operation, a number of an
 * update rule, or an option of a schedule, a data set, a task or a layer.
 *
 *     #define RT_SGD_FIELDS(F)                                                                     \
 *         F(NUMBER, momentum, 0, RT_WITHIN(0, 0.9999999), "decay of the velocity; 0: plain descent") \
 *         F(FLAG, nesterov, false, RT_ANY, "look-ahead form of momentum")
 *     typedef struct sgd_values { RT_STRUCT(RT_SGD_FIELDS) } sgd_values;        // double momentum; bool nesterov;
 *     sgd_values v = {RT_DEFAULTS(RT_SGD_FIELDS) .nesterov = true};             // no comma between them
 *     static const rt_field rows[] = {RT_ROWS(RT_SGD_FIELDS)};                  // what checks, JSON and help read
 *
 * From the rows come the struct, the defaults, the checks with their messages, JSON and configuration keys both ways, and the
 * documentation. A value that was written holds, zero as well: defaults stand in the row alone.
 *
 *     kind     member           default                  allowed
 *     INT      int64_t name     RT_NEEDED or a value     RT_ANY, RT_FROM(low), RT_WITHIN(low, high)
 *     AUTO     int64_t name     RT_AUTO or a value       as INT; `auto` stands for RT_AUTO, which is 0
 *     NUMBER   double name      as INT                   as INT
 *     FLAG     bool name        as INT                   RT_ANY
 *     TEXT     char *name       "text"                   RT_ANY
 *     CHOICE   int name         as INT                   "mean|sum|none": the names of 0, 1, 2
 *     PAIR     int64_t name[2]  RT_NEEDED or (1, 1)      as INT, for both
 *     DIMS     rt_dims name     RT_NEEDED or RT_EMPTY    RT_ANY
 *     DTYPE    rt_dtype name    as INT                   RT_ANY
 *     LAYERS   const void *name RT_NEEDED or NULL        RT_ANY; a layer or a list of layers in JSON, borrowed (layers.def)
 *
 * RT_NEEDED values are zero in a struct that was not given them, but must be given by name. Around what is allowed may stand:
 *
 *     RT_FREE(allowed)                changes no bit of a result (a path, a size of pieces): it is not in the hash of a configuration
 *     RT_INFERRED(allowed)            C programs give it; configurations do not, since it follows from the rest
 *     RT_WORD("same", value, allowed) the word stands for a value of an INT that is not among those allowed
 *
 * Operations have two more kinds, INPUT and INPUTS (op.h). */
#ifndef RINGTORCH_FIELD_H
#define RINGTORCH_FIELD_H

#include <stdbool.h>
#include <stdint.h>
#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>

RT_BEGIN_DECLS

typedef enum rt_field_kind {
    RT_FIELD_INPUT,
    RT_FIELD_INPUTS,
    RT_FIELD_INT,
    RT_FIELD_NUMBER,
    RT_FIELD_FLAG,
    RT_FIELD_PAIR,
    RT_FIELD_DIMS,
    RT_FIELD_DTYPE,
    RT_FIELD_CHOICE,
    RT_FIELD_AUTO,
    RT_FIELD_TEXT,
    RT_FIELD_LAYERS,
} rt_field_kind;

typedef struct rt_field {
    const char *name;
    const char *default_text; /* as the row has it, "RT_NEEDED" for one that must be given */
    const char *help;
    const char *choices; /* CHOICE: "mean|sum|none" */
    double low, high;    /* INT, AUTO, NUMBER, PAIR: what may be given, ends included; no NaN */
    uint32_t dtypes;     /* INPUT: bits RT_TYPE(...) and RT_SAME or RT_PROMOTE */
    uint8_t kind;        /* rt_field_kind */
    bool needed;
    bool free;          /* changes no bit of a result */
    bool inferred;      /* not given by name */
    const char *word;   /* INT: stands for word_value; NULL: there is none */
    int64_t word_value; /* of `word` */
} rt_field;

#define RT_ANY                     .low = -__builtin_inf(), .high = __builtin_inf()
#define RT_FROM(least)             .low = least, .high = __builtin_inf()
#define RT_WITHIN(from, to)        .low = from, .high = to
#define RT_FREE(...)               __VA_ARGS__, .free = true
#define RT_INFERRED(...)           __VA_ARGS__, .inferred = true
#define RT_WORD(text, number, ...) __VA_ARGS__, .word = text, .word_value = number

#define RT_NEEDED (0) /* in parentheses: also stands for the two numbers of a PAIR */
#define RT_EMPTY  0

enum { RT_AUTO = 0 }; /* an AUTO value that was left to the program */

/* ---- what the rows expand to ---- */

/* The members of a struct. */
#define RT_STRUCT(FIELDS)                               FIELDS(RT_MEMBER_ROW)
#define RT_MEMBER_ROW(kind, name, value, allowed, help) RT_MEMBER_##kind(name, value)
#define RT_MEMBER_INT(name, value)                      int64_t name RT_DEFAULT(value);
#define RT_MEMBER_AUTO(name, value)                     int64_t name RT_DEFAULT(value);
#define RT_MEMBER_NUMBER(name, value)                   double name RT_DEFAULT(value);
#define RT_MEMBER_FLAG(name, value)                     bool name RT_DEFAULT(value);
#define RT_MEMBER_TEXT(name, value)                     char *name RT_DEFAULT((char *)value);
#define RT_MEMBER_PAIR(name, value)                     int64_t name[2] RT_DEFAULT({RT_BARE value});
#define RT_MEMBER_DIMS(name, value)                     rt_dims name;
#define RT_MEMBER_DTYPE(name, value)                    rt_dtype name RT_DEFAULT((rt_dtype)(value));
#define RT_MEMBER_CHOICE(name, value)                   int name RT_DEFAULT(value);
#define RT_MEMBER_LAYERS(name, value)                   const void *name RT_DEFAULT(value);
#define RT_BARE(...)                                    __VA_ARGS__

/* The defaults, ready to stand before the caller's members. */
#define RT_DEFAULTS(FIELDS)                              FIELDS(RT_DEFAULT_ROW)
#define RT_DEFAULT_ROW(kind, name, value, allowed, help) RT_DEFAULT_##kind(name, value)
#define RT_DEFAULT_INT(name, value)                      .name = value,
#define RT_DEFAULT_AUTO(name, value)                     .name = value,
#define RT_DEFAULT_NUMBER(name, value)                   .name = value,
#define RT_DEFAULT_FLAG(name, value)                     .name = value,
#define RT_DEFAULT_TEXT(name, value)                     .name = (char *)value,
#define RT_DEFAULT_PAIR(name, value)                     .name = {RT_BARE value},
#define RT_DEFAULT_DIMS(name, value)
#define RT_DEFAULT_DTYPE(name, value)  .name = value,
#define RT_DEFAULT_CHOICE(name, value) .name = value,
#define RT_DEFAULT_LAYERS(name, value)

/* The rows as an array of rt_field. */
#define RT_ROWS(FIELDS) FIELDS(RT_SCHEMA_ROW)
#define RT_SCHEMA_ROW(row, member, value, allowed, text)                                           \
    RT_SCHEMA_ROW_OF(row, #member, #value, text, RT_SCHEMA_##row(allowed))
#define RT_SCHEMA_ROW_OF(row, member, value, text, members)                                        \
    {.name = member,                                                                               \
     .default_text = value,                                                                        \
     .help = text,                                                                                 \
     .kind = RT_FIELD_##row,                                                                       \
     .needed = __builtin_strcmp(value, "RT_NEEDED") == 0,                                          \
     members},
#define RT_SCHEMA_INT(...)        __VA_ARGS__
#define RT_SCHEMA_AUTO(...)       __VA_ARGS__
#define RT_SCHEMA_NUMBER(...)     __VA_ARGS__
#define RT_SCHEMA_PAIR(...)       __VA_ARGS__
#define RT_SCHEMA_FLAG(...)       __VA_ARGS__
#define RT_SCHEMA_TEXT(...)       __VA_ARGS__
#define RT_SCHEMA_DIMS(...)       __VA_ARGS__
#define RT_SCHEMA_DTYPE(...)      __VA_ARGS__
#define RT_SCHEMA_LAYERS(...)     __VA_ARGS__
#define RT_SCHEMA_CHOICE(allowed) .choices = allowed

RT_END_DECLS

#endif
