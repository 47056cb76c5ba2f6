/* Text that grows as it is added to.
 *
 *     rt_text t = {0};
 *     for (...) rt_text_add(&t, "%s: %ld\n", name, value);
 *     char *all = rt_text_take(&t);        // NULL if memory ran out on the way
 *     ...
 *     rt_mem_free(all);
 */
#ifndef RINGTORCH_COMMON_TEXT_H
#define RINGTORCH_COMMON_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Copies text from outside so that a terminal obeys nothing in it and a reader sees all of it: control characters below
 * 0x80 and bytes that are no UTF-8 become \xNN, other hidden characters (rt_unicode_is_hidden) \uNNNN or \UNNNNNNNN; 0x20
 * to 0x7e and all other characters stay. `to` holds `room` bytes (at least
 * 1) and ends in a zero; what does not fit is left off, whole characters at a time. Returns its length. */
size_t rt_text_printable(char *to, size_t room, const char *from);

/* Prints as fprintf does, but text that comes from outside (names of tensors and files, messages) as rt_text_printable
 * shows it; line breaks stay. */
__attribute__((format(printf, 2, 3))) void rt_text_print(FILE *to, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) void rt_text_vprint(FILE *to, const char *fmt, va_list args);

typedef struct rt_text {
    char *data; /* owned, zero-terminated; NULL while empty */
    size_t len, room;
    bool failed; /* memory ran out: later additions are dropped */
} rt_text;

__attribute__((format(printf, 2, 3))) void rt_text_add(rt_text *t, const char *fmt, ...);
/* Adds text from outside as rt_text_printable shows it. */
void rt_text_add_printable(rt_text *t, const char *from);
/* Adds a word of a command as a shell takes it, quoted if need be; what a terminal would obey is escaped ($'\x1b'). */
void rt_text_add_word(rt_text *t, const char *word);
/* Adds the shortest decimal text that reads back as exactly x: "0.0002", "100", "1e-05"; "nan", "inf". */
void rt_text_add_number(rt_text *t, double x);
/* Returns the ending of a regular English noun behind the number n: "" for 1, else "s". */
const char *rt_plural(int64_t n);
/* Returns x with so many decimals (0 to 9), in powers of ten from 1e12 on, or "nan", "inf" or "-inf". */
enum { RT_FIXED = 32 };
const char *rt_fixed(double x, int decimals, char text[RT_FIXED]);
/* Returns the text ("" if nothing was added; free with rt_mem_free) and empties t; NULL with the
 * error slot filled if memory ran out. */
char *rt_text_take(rt_text *t);

#endif
