/* Text that grows as it is appended to, and text from outside made safe to print.
 *
 *     rt_text t = {0};
 *     for (...) rt_text_add(&t, "%s: %ld\n", name, value);
 *     char *all = rt_text_take(&t);        // NULL if memory ran out on the way
 *     ...
 *     rt_mem_free(all);
 */
#ifndef RINGTORCH_COMMON_BASE_TEXT_H
#define RINGTORCH_COMMON_BASE_TEXT_H

#include "common/base/unicode.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Returns a copy of `len` bytes that is UTF-8 without zeros, as JSON needs it (rt_mem_free; NULL on failure): unchanged
 * if they are that already, else as rt_text_printable_bytes shows them. */
char *rt_text_utf8(const char *text, size_t len);

/* Like fprintf, but everything printed goes through rt_text_printable, for text from outside (names of tensors and
 * files, messages). Line breaks stay. */
__attribute__((format(printf, 2, 3))) void rt_text_print(FILE *to, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void rt_text_vprint(FILE *to, const char *fmt, va_list args);

typedef struct rt_text {
    char *data; /* owned, zero-terminated; NULL while empty */
    size_t len, room;
    bool failed; /* memory ran out: later additions are dropped */
} rt_text;

__attribute__((format(printf, 2, 3))) void rt_text_add(rt_text *t, const char *fmt, ...);
/* Appends text from outside as rt_text_printable shows it. */
void rt_text_add_printable(rt_text *t, const char *from);
/* Appends one word of a shell command, quoted if necessary; characters that a terminal would obey are escaped
 * ($'\x1b'). */
void rt_text_add_word(rt_text *t, const char *word);
/* Appends the shortest decimal text that reads back as exactly x: "0.0002", "100", "1e-05"; "nan", "inf". */
void rt_text_add_number(rt_text *t, double x);
/* Returns the plural ending of a regular English noun after the number n: "" for 1, else "s". */
const char *rt_plural(int64_t n);
/* Returns x with `decimals` decimals (0 to 9), in exponent form from 1e12 on, or "nan", "inf" or "-inf". */
enum { RT_FIXED = 32 };
const char *rt_fixed(double x, int decimals, char text[RT_FIXED]);
/* Returns the text ("" if nothing was added; free with rt_mem_free) and empties t; NULL with the
 * error slot filled if memory ran out. */
char *rt_text_take(rt_text *t);

#endif
