/* Structs whose members come from the rows of a table must be initialised by name; the compiler enforces that.
 *
 *     typedef struct RT_DESIGNATED rt_msg_leave { const char *reason; double grace; } rt_msg_leave;
 *     rt_msg_leave m = {.reason = "SIGTERM", .grace = 10}, none = {};
 *     rt_msg_leave n = {"SIGTERM", 10};                      // gcc: positional initialization of field
 *
 * A row can then be inserted anywhere in the table. With positional values the insertion would silently shift them to
 * other members wherever the types agree. An empty struct is {}, because {0} is positional, too. */
#ifndef RINGTORCH_COMMON_BASE_DESIGNATED_H
#define RINGTORCH_COMMON_BASE_DESIGNATED_H

#if defined(__GNUC__) && !defined(__clang__)
#define RT_DESIGNATED __attribute__((designated_init))
#else
#define RT_DESIGNATED
#endif

#endif
