/* Characters of text from outside: which bytes form one, which must be spelt out to be visible, and how. Needs no memory.
 *
 *     uint32_t code;
 *     size_t len = rt_utf8_decode(at, &code);
 *     if (len == 0 || rt_unicode_is_hidden(code)) ... write it as \xNN or \uNNNN ... */
#ifndef RINGTORCH_COMMON_BASE_UNICODE_H
#define RINGTORCH_COMMON_BASE_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decodes the well-formed UTF-8 character at the start of a zero-terminated text (RFC 3629: no overlong form, no
 * surrogate, at most U+10FFFF). Returns its length in bytes, or 0 if there is none. */
size_t rt_utf8_decode(const char *text, uint32_t *code);
/* Encodes a character that rt_utf8_decode could return, and returns its length in bytes. */
size_t rt_utf8_encode(uint32_t code, char to[4]);

/* Returns whether the character is invisible but changes what a reader sees: controls (C0, DEL, C1), marks that reverse
 * the direction of text (U+202E), and characters without a shape, which make two names look the same (U+200B). False
 * for variation selectors, which choose the colours of emoji. */
bool rt_unicode_is_hidden(uint32_t code);

/* ---- text from outside, made safe to print ---- */

/* Bytes of a character in printable form ("\U000e0001"), and a zero. */
enum { RT__SHOWN_MAX = 11 };

/* Writes the first character of `from` in its printable form and returns how many bytes of `from` it took. */
size_t rt__unicode_show(const char *from, char shown[RT__SHOWN_MAX]);

/* Copies text from outside so that a terminal obeys nothing in it and a reader sees all of it: control characters below
 * 0x80 and bytes that are not UTF-8 become \xNN, other hidden characters (rt_unicode_is_hidden) \uNNNN or \UNNNNNNNN;
 * 0x20 to 0x7e and all other characters stay. `to` has room for `room` bytes (at least 1) and ends with a zero;
 * whatever does not fit is dropped, whole characters at a time. Returns the length. */
size_t rt_text_printable(char *to, size_t room, const char *from);
/* The same for `len` bytes, which may include zeros. One more readable byte must follow them; it may be a zero. */
size_t rt_text_printable_bytes(char *to, size_t room, const char *from, size_t len);

#endif
