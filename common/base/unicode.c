#include "common/base/unicode.h"

#include <stdio.h>
#include <string.h>

size_t rt_utf8_decode(const char *text, uint32_t *code)
{
    const unsigned char *s = (const unsigned char *)text;
    *code = s[0];
    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    *code = s[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80) /* a terminating zero as well */
            return 0;
        *code = *code << 6 | (s[i] & 0x3f);
    }
    bool overlong = (len == 3 && *code < 0x800) || (len == 4 && *code < 0x10000);
    bool surrogate = *code >= 0xd800 && *code <= 0xdfff;
    return overlong || surrogate || *code > 0x10ffff ? 0 : len;
}

size_t rt_utf8_encode(uint32_t code, char to[4])
{
    static const uint32_t first[] = {0, 0x80, 0x800, 0x10000}; /* of each length */
    static const unsigned char mark[] = {0, 0xc0, 0xe0, 0xf0};
    size_t len = 1;
    while (len < 4 && code >= first[len])
        len++;
    for (size_t i = len; i-- > 1; code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3f));
    to[0] = (char)(mark[len - 1] | code);
    return len;
}

/* From the Unicode Character Database: the controls, the line separators, Default_Ignorable_Code_Point except the
 * variation selectors FE00 to FE0F, and the characters of category Cf without a shape (the Arabic number signs have
 * one). */
static const struct {
    uint32_t first, last;
} hidden[] = {{0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},  {0x034f, 0x034f},
              {0x061c, 0x061c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},  {0x180b, 0x180f},
              {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},  {0x3164, 0x3164},
              {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},  {0x13430, 0x1343f},
              {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}};

bool rt_unicode_is_hidden(uint32_t code)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (code <= hidden[i].last)
            return code >= hidden[i].first;
    return false;
}

/* ---- text from outside ---- */

size_t rt__unicode_show(const char *from, char shown[RT__SHOWN_MAX])
{
    uint32_t code;
    size_t len = rt_utf8_decode(from, &code);
    if (len <= 1 && (len == 0 || rt_unicode_is_hidden(code))) {
        snprintf(shown, RT__SHOWN_MAX, "\\x%02x", (unsigned char)*from);
        return 1;
    }
    if (rt_unicode_is_hidden(code)) {
        snprintf(shown, RT__SHOWN_MAX, code > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)code);
        return len;
    }
    memcpy(shown, from, len);
    shown[len] = '\0';
    return len;
}

size_t rt_text_printable_bytes(char *to, size_t room, const char *from, size_t len)
{
    char shown[RT__SHOWN_MAX];
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        at += rt__unicode_show(from + at, shown);
        size_t more = strlen(shown);
        if (used + more >= room)
            break;
        memcpy(to + used, shown, more);
        used += more;
    }
    to[used] = '\0';
    return used;
}

size_t rt_text_printable(char *to, size_t room, const char *from)
{
    return rt_text_printable_bytes(to, room, from, strlen(from));
}
