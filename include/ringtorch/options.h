/* The options of a layer, an update rule, a schedule, a data set or a task of your own: rows of the
 * schema language (field.h), from which its keys in a configuration, their defaults, checks, messages
 * and help follow.
 *
 *     #define SHIFT_FIELDS(F) F(NUMBER, by, 1, RT_WITHIN(-10, 10), "what is added")
 *     typedef struct shift_options { RT_STRUCT(SHIFT_FIELDS) } shift_options;
 *
 *     static double shifted(const void *options, double x)   // your functions are given the struct, checked
 *     {
 *         const shift_options *o = options;
 *         return x + o->by;
 *     }
 *     static const struct shift_row {
 *         rt_options options;
 *         double (*apply)(const void *options, double x);
 *     } shift = {RT_OPTIONS(shift_options, SHIFT_FIELDS), .apply = shifted};
 *
 *     printf("%g\n", shift.apply(shift.options.defaults, 2));   // 3
 *
 * Lifetime: an rt_options lives as long as the row that it is part of. */
#ifndef RINGTORCH_OPTIONS_H
#define RINGTORCH_OPTIONS_H

#include <ringtorch/field.h>
#include <stddef.h>

RT_BEGIN_DECLS

/* The options of a row. All members zero: there are none. */
typedef struct rt_options {
    const rt_field *fields; /* [n_fields] */
    int n_fields;           /* number of fields */
    size_t size;            /* of the struct */
    const void *defaults;   /* such a struct, with the defaults */
} rt_options;

/* The member .options of a row. Use it outside of functions, because what it makes must live as
 * long as the row. */
#define RT_OPTIONS(type, FIELDS)                                                                   \
    .options = {.fields = RT_ROWS_OF(FIELDS),                                                      \
                .n_fields = RT_ROW_COUNT(FIELDS),                                                  \
                .size = sizeof(type),                                                              \
                .defaults = RT_DEFAULTS_OF(type, FIELDS)}

RT_END_DECLS

#endif
