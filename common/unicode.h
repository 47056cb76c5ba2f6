/* Characters of text that others have written: which bytes are one, and which must be spelt out to be seen.
 *
 *     uint32_t code;
 *     size_t len = rt_utf8_decode(at, &code);
 *     if (len == 0 || rt_unicode_is_hidden(code)) ... write it as \xNN or \uNNNN ... */
#ifndef RINGTORCH_COMMON_UNICODE_H
#define RINGTORCH_COMMON_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the well-formed UTF-8 character that begins here (RFC 3629: no overlong form, no surrogate, at most U+10FFFF),
 * in text that ends in a zero. Returns its length in bytes, 0 if none begins here. */
size_t rt_utf8_decode(const char *text, uint32_t *code);

/* Returns whether the character shows nothing itself, but changes what is shown: controls (C0, DEL, C1), the marks that
 * turn the direction of text round (U+202E), and others without a shape, which make two names look the same (U+200B).
 * Variation selectors, which choose the colours of emoji, are let through. */
bool rt_unicode_is_hidden(uint32_t code);

#endif
