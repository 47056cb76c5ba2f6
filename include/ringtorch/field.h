/* The schema language: one row describes one value that a user gives by name, be it an argument of an
 * operation, a number of an update rule, or an option of a schedule, a data set, a task or a layer.
 *
 *     #define DESCENT_FIELDS(F)                                                     \
 *         F(NUMBER, momentum, 0.9, RT_WITHIN(0, 1), "decay of the velocity")        \
 *         F(FLAG, nesterov, false, RT_ANY, "look-ahead form of momentum")
 *     typedef struct descent { RT_STRUCT(DESCENT_FIELDS) } descent;   // double momentum; bool nesterov;
 *
 *     descent d = {RT_DEFAULTS(DESCENT_FIELDS)};
 *     d.nesterov = true;
 *     const rt_field rows[] = {RT_ROWS(DESCENT_FIELDS)};              // for checks, JSON and help
 *     printf("%g %d\n", d.momentum, d.nesterov);                      // 0.9 1
 *     printf("%s: %s\n", rows[0].name, rows[0].help);                 // momentum: decay of the velocity
 *
 * From the rows follow the struct, the defaults, the checks with their messages, JSON and configuration
 * keys in both directions, and the documentation. A value that the user gives is used as it is, even if
 * it is zero: only the row has a default.
 *
 * Lifetime: rows hold pointers to string literals and are valid for the life of the program. */
#ifndef RINGTORCH_FIELD_H
#define RINGTORCH_FIELD_H

#include <ringtorch/dims.h>
#include <ringtorch/dtype.h>
#include <ringtorch/metrics.h>
#include <stdbool.h>
#include <stdint.h>

RT_BEGIN_DECLS

/* The kinds of rows:
 *
 *     kind     member           default                  allowed
 *     INT      int64_t name     RT_NEEDED or a value     RT_ANY, RT_FROM(low), RT_WITHIN(low, high)
 *     AUTO     int64_t name     RT_AUTO or a value       as INT
 *     NUMBER   double name      as INT                   as INT
 *     FLAG     bool name        as INT                   RT_ANY
 *     TEXT     const char *name "text"                   RT_ANY
 *     CHOICE   int name         as INT                   "mean|sum|none"
 *     PAIR     int64_t name[2]  RT_NEEDED or (1, 1)      as INT, for both
 *     TRIPLE   int64_t name[3]  RT_NEEDED or (1, 1, 1)   as INT, for all three
 *     DIMS     rt_dims name     RT_NEEDED or RT_EMPTY    RT_ANY
 *     DTYPE    rt_dtype name    as INT                   RT_ANY
 *     LAYERS   const void *name RT_NEEDED or NULL        RT_ANY
 *     VALUE    const void *name RT_NEEDED or NULL        RT_ANY, RT_SHAPE(INTEGERS), ...
 *     METRICS  rt_metrics name  RT_NEEDED or RT_EMPTY    RT_ANY, RT_PREFIX("eval_")
 *
 * Operations have three more kinds, INPUT, INPUTS and INTS (op.h).
 *
 * An AUTO is an INT that may be `auto`, which stands for RT_AUTO; the program replaces it by the value
 * that it finds best. A NUMBER is a double, which beyond 2^53 represents only some of the integers:
 * JSON that gives another integer is refused; in C the compiler rounds it. A TEXT is borrowed; in JSON,
 * bytes that are not UTF-8 become '?'. A CHOICE is the index of one of the names, from 0. LAYERS are a
 * layer or a list of layers in JSON, borrowed (layers.def). A VALUE is any JSON value (json_t *),
 * borrowed. METRICS are one JSON member for each metric: "eval_loss".
 *
 * RT_NEEDED marks a value that must be given by name; in a struct to which nobody gave it, it is zero.
 * These can be put around the allowed values:
 *
 *     RT_FREE(allowed)                changes no bit of a result (a path, a chunk size), so it is not
 *                                     part of the hash of a configuration
 *     RT_INFERRED(allowed)            given by C programs; in configurations it follows from the rest
 *     RT_WORD("same", value, allowed) the word stands for a value of an INT that is otherwise not allowed
 *     RT_MAYBE(allowed)               an INT, NUMBER, PAIR or TRIPLE that may be omitted: its default
 *                                     is RT_NOT_GIVEN, which is no allowed value (unlike zero) and null in
 *                                     JSON; the help says what happens then. For a TEXT or VALUE the
 *                                     default is NULL, for a DTYPE it is RT_NO_DTYPE
 *     RT_OR_NAN(allowed)              a NUMBER that is measured, not chosen: if it is not finite it is
 *                                     null in JSON, and null is read as NaN
 *
 * VALUE, METRICS and RT_OR_NAN are for records, which programs write and read
 * (common/control/events.def); configurations and operations use none of them. */

/* ---- rows ---- */

/* The kinds of rows. */
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
    RT_FIELD_VALUE,
    RT_FIELD_METRICS,
    RT_FIELD_INTS,
    RT_FIELD_TRIPLE,
    RT_FIELD_KINDS
} rt_field_kind;

/* What a VALUE may be. */
typedef enum rt_field_shape {
    RT_SHAPE_ANY,
    RT_SHAPE_OBJECT,
    RT_SHAPE_LIST,
    RT_SHAPE_INTEGERS, /* a list of integers */
    RT_SHAPE_NUMBERS,  /* a list of numbers, in which null stands for values that are not finite */
    RT_SHAPE_TEXTS,    /* a list of texts */
    RT_SHAPE_OBJECTS,  /* a list of objects */
    RT_FIELD_SHAPES
} rt_field_shape;

/* A row of the schema language. */
typedef struct rt_field {
    const char *name;         /* of the field */
    const char *default_text; /* as the row has it; "RT_NEEDED" for one that must be given */
    const char *help;         /* one line */
    const char *choices;      /* CHOICE: "mean|sum|none" */
    /* INT, AUTO, NUMBER, PAIR, TRIPLE, INTS: the range that is allowed, ends included; never NaN */
    double low, high;
    uint32_t dtypes;    /* INPUT: bits RT_TYPE(...) and RT_SAME or RT_PROMOTE */
    uint8_t kind;       /* rt_field_kind */
    uint8_t shape;      /* VALUE: rt_field_shape */
    bool needed;        /* must be given */
    bool free;          /* changes no bit of a result */
    bool inferred;      /* not given by name */
    bool maybe;         /* may be RT_NOT_GIVEN or NULL, which stand for no value */
    bool or_nan;        /* NUMBER: null in JSON stands for values that are not finite */
    const char *word;   /* INT: a word that stands for word_value; NULL: there is none */
    int64_t word_value; /* what `word` stands for */
    const char *prefix; /* METRICS: the prefix of the names in JSON; NULL: none */
} rt_field;

RT_END_DECLS

#ifdef __cplusplus
/* A row in C++, where designators must keep the order of the members: what is allowed are calls, in any order. */
struct rt_field_row : rt_field {
    rt_field_row(const char *member, const char *value, const char *text, rt_field_kind of)
        : rt_field{}
    {
        name = member;
        default_text = value;
        help = text;
        kind = static_cast<uint8_t>(of);
        needed = __builtin_strcmp(value, "RT_NEEDED") == 0;
    }
    rt_field_row &between(double from, double to)
    {
        low = from;
        high = to;
        return *this;
    }
    rt_field_row &says(const char *text, int64_t number)
    {
        word = text;
        word_value = number;
        return *this;
    }
    template <class T> rt_field_row &set(T rt_field::*member, T value)
    {
        this->*member = value;
        return *this;
    }
};
#define RT_ANY                     .between(-__builtin_inf(), __builtin_inf())
#define RT_FROM(least)             .between(least, __builtin_inf())
#define RT_WITHIN(from, to)        .between(from, to)
#define RT_FREE(...)               __VA_ARGS__.set(&rt_field::free, true)
#define RT_INFERRED(...)           __VA_ARGS__.set(&rt_field::inferred, true)
#define RT_WORD(text, number, ...) __VA_ARGS__.says(text, number)
#define RT_MAYBE(...)              __VA_ARGS__.set(&rt_field::maybe, true)
#else
#define RT_ANY                     .low = -__builtin_inf(), .high = __builtin_inf()
#define RT_FROM(least)             .low = least, .high = __builtin_inf()
#define RT_WITHIN(from, to)        .low = from, .high = to
#define RT_FREE(...)               __VA_ARGS__, .free = true
#define RT_INFERRED(...)           __VA_ARGS__, .inferred = true
#define RT_WORD(text, number, ...) __VA_ARGS__, .word = text, .word_value = number
#define RT_MAYBE(...)              __VA_ARGS__, .maybe = true
#define RT_OR_NAN(...)             __VA_ARGS__, .or_nan = true
#define RT_SHAPE(what)             .shape = RT_SHAPE_##what
#define RT_PREFIX(text)            .prefix = text
#endif

/* The value of a field that was not given: INT64_MIN, also for a NUMBER and for all numbers of a
 * PAIR or TRIPLE. */
#define RT_NOT_GIVEN INT64_MIN
/* The value of a DTYPE that was not given. */
#define RT_NO_DTYPE RT_DTYPES
/* The value of an AUTO field that was left to the program. */
#define RT_AUTO RT_NOT_GIVEN

#define RT_NEEDED (0) /* in parentheses: also stands for the numbers of a PAIR or TRIPLE */
#define RT_EMPTY  0

/* ---- what the rows expand to ---- */

/* The members of a struct. */
#define RT_STRUCT(FIELDS)                               FIELDS(RT_MEMBER_ROW)
#define RT_MEMBER_ROW(kind, name, value, allowed, help) RT_MEMBER_##kind(name, value)
#define RT_MEMBER_INT(name, value)                      int64_t name RT_DEFAULT(value);
#define RT_MEMBER_AUTO(name, value)                     int64_t name RT_DEFAULT(value);
#define RT_MEMBER_NUMBER(name, value)                   double name RT_DEFAULT(value);
#define RT_MEMBER_FLAG(name, value)                     bool name RT_DEFAULT(value);
#define RT_MEMBER_TEXT(name, value)                     const char *name RT_DEFAULT(static_cast<const char *>(value));
#define RT_MEMBER_PAIR(name, value)                     int64_t name[2] RT_DEFAULT({RT_BARE value});
#define RT_MEMBER_TRIPLE(name, value)                   int64_t name[3] RT_DEFAULT({RT_BARE value});
#define RT_MEMBER_DIMS(name, value)                     rt_dims name;
#define RT_MEMBER_DTYPE(name, value)                    rt_dtype name RT_DEFAULT(static_cast<rt_dtype>(value));
#define RT_MEMBER_CHOICE(name, value)                   int name RT_DEFAULT(value);
#define RT_MEMBER_LAYERS(name, value)                   const void *name RT_DEFAULT(value);
#define RT_MEMBER_VALUE(name, value)                    const void *name RT_DEFAULT(value);
#define RT_MEMBER_METRICS(name, value)                  rt_metrics name;
#define RT_BARE(...)                                    __VA_ARGS__

/* The defaults, to be written before the caller's members. */
#define RT_DEFAULTS(FIELDS)                              FIELDS(RT_DEFAULT_ROW)
#define RT_DEFAULT_ROW(kind, name, value, allowed, help) RT_DEFAULT_##kind(name, value)
#define RT_DEFAULT_INT(name, value)                      .name = value,
#define RT_DEFAULT_AUTO(name, value)                     .name = value,
#define RT_DEFAULT_NUMBER(name, value)                   .name = value,
#define RT_DEFAULT_FLAG(name, value)                     .name = value,
#define RT_DEFAULT_TEXT(name, value)                     .name = (const char *)value,
#define RT_DEFAULT_PAIR(name, value)                     .name = {RT_BARE value},
#define RT_DEFAULT_TRIPLE(name, value)                   .name = {RT_BARE value},
#define RT_DEFAULT_DIMS(name, value)
#define RT_DEFAULT_DTYPE(name, value)  .name = value,
#define RT_DEFAULT_CHOICE(name, value) .name = value,
#define RT_DEFAULT_LAYERS(name, value)
#define RT_DEFAULT_VALUE(name, value)
#define RT_DEFAULT_METRICS(name, value)

/* The rows as an array of rt_field. */
#define RT_ROWS(FIELDS) FIELDS(RT_SCHEMA_ROW)
#define RT_SCHEMA_ROW(row, member, value, allowed, text)                                           \
    RT_SCHEMA_ROW_OF(row, #member, #value, text, RT_SCHEMA_##row(allowed))
#ifdef __cplusplus
#define RT_SCHEMA_ROW_OF(row, member, value, text, calls)                                          \
    rt_field_row(member, value, text, RT_FIELD_##row) calls,
#define RT_SCHEMA_CHOICE(allowed) .set<const char *>(&rt_field::choices, allowed)
#else
#define RT_SCHEMA_CHOICE(allowed) .choices = allowed
#define RT_SCHEMA_ROW_OF(row, member, value, text, members)                                        \
    {.name = member,                                                                               \
     .default_text = value,                                                                        \
     .help = text,                                                                                 \
     .kind = RT_FIELD_##row,                                                                       \
     .needed = __builtin_strcmp(value, "RT_NEEDED") == 0,                                          \
     members},
#endif
#define RT_SCHEMA_INT(...)     __VA_ARGS__
#define RT_SCHEMA_AUTO(...)    RT_MAYBE(__VA_ARGS__)
#define RT_SCHEMA_NUMBER(...)  __VA_ARGS__
#define RT_SCHEMA_PAIR(...)    __VA_ARGS__
#define RT_SCHEMA_TRIPLE(...)  __VA_ARGS__
#define RT_SCHEMA_FLAG(...)    __VA_ARGS__
#define RT_SCHEMA_TEXT(...)    __VA_ARGS__
#define RT_SCHEMA_DIMS(...)    __VA_ARGS__
#define RT_SCHEMA_DTYPE(...)   __VA_ARGS__
#define RT_SCHEMA_LAYERS(...)  __VA_ARGS__
#define RT_SCHEMA_VALUE(...)   __VA_ARGS__
#define RT_SCHEMA_METRICS(...) __VA_ARGS__

/* Outside of functions: pointers to the rows and to a struct with their defaults, which live as long as the program. */
#ifdef __cplusplus
#define RT_ROWS_OF(FIELDS)                                                                         \
    [] {                                                                                           \
        static const rt_field rt_rows_[] = {RT_ROWS(FIELDS)};                                      \
        return static_cast<const rt_field *>(rt_rows_);                                            \
    }()
#define RT_DEFAULTS_OF(type, FIELDS)                                                               \
    [] {                                                                                           \
        static const type rt_defaults_{};                                                          \
        return static_cast<const void *>(&rt_defaults_);                                           \
    }()
#else
#define RT_ROWS_OF(FIELDS)                                                                         \
    (const rt_field[])                                                                             \
    {                                                                                              \
        RT_ROWS(FIELDS)                                                                            \
    }
#define RT_DEFAULTS_OF(type, FIELDS)                                                               \
    &(const type)                                                                                  \
    {                                                                                              \
        RT_DEFAULTS(FIELDS)                                                                        \
    }
#endif
#define RT_ROW_COUNT(FIELDS) 0 FIELDS(RT_ONE_ROW)
#define RT_ONE_ROW(...)      +1

#endif
