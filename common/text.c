/* Growing text: doubles its room, and remembers a failure instead of reporting each one. */
#include "common/text.h"

#include <stdarg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "common/error.h"
#include "common/mem.h"

enum { FIRST_ROOM = 256, CHARACTER_MAX = 5 /* a character as it is shown ("\\x1b"), and a zero */ };

/* ---- what a terminal obeys ---- */

/* Returns the length of the well-formed UTF-8 character that begins here (RFC 3629: no overlong form, no surrogate,
 * at most U+10FFFF), 0 if none does. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return 1;
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80) /* a terminating zero as well */
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return overlong || beyond ? 0 : len;
}

/* Writes the first character of `from` as it may be shown and returns how many bytes of it were taken. */
static size_t show_one(const char *from, char shown[CHARACTER_MAX])
{
    const unsigned char *s = (const unsigned char *)from;
    size_t len = utf8_length(s);
    bool control = s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
    if (len == 0 || control) {
        snprintf(shown, CHARACTER_MAX, "\\x%02x", s[0]);
        return 1; /* of C1 the second byte follows as one that begins no character */
    }
    memcpy(shown, from, len);
    shown[len] = '\0';
    return len;
}

size_t rt_text_printable(char *to, size_t room, const char *from)
{
    char shown[CHARACTER_MAX];
    size_t used = 0;
    while (*from) {
        from += show_one(from, shown);
        size_t len = strlen(shown);
        if (used + len >= room)
            break;
        memcpy(to + used, shown, len);
        used += len;
    }
    to[used] = '\0';
    return used;
}

void rt_text_vprint(FILE *to, const char *fmt, va_list args)
{
    char raw[8192], shown[CHARACTER_MAX];
    vsnprintf(raw, sizeof raw, fmt, args);
    for (const char *at = raw; *at;) {
        at += show_one(at, shown);
        fputs(at[-1] == '\n' ? "\n" : shown, to);
    }
}

void rt_text_print(FILE *to, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    rt_text_vprint(to, fmt, args);
    va_end(args);
}

/* ---- growing ---- */

static bool make_room(rt_text *t, size_t more)
{
    size_t room = t->room ? t->room : FIRST_ROOM;
    while (room < t->len + more)
        room *= 2;
    char *grown = room == t->room ? t->data : rt_realloc(t->data, room);
    if (!grown) {
        t->failed = true;
        return false;
    }
    t->data = grown;
    t->room = room;
    return true;
}

void rt_text_add(rt_text *t, const char *fmt, ...)
{
    if (t->failed)
        return;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    RT_ASSERT(n >= 0);
    if (make_room(t, (size_t)n + 1)) {
        vsnprintf(t->data + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void rt_text_add_printable(rt_text *t, const char *from)
{
    char shown[CHARACTER_MAX];
    while (*from) {
        from += show_one(from, shown);
        rt_text_add(t, "%s", shown);
    }
}

const char *rt_fixed(double x, int decimals, char text[RT_FIXED])
{
    if (isnan(x)) /* printf shows the sign of a NaN, which says nothing */
        snprintf(text, RT_FIXED, "nan");
    else
        snprintf(text, RT_FIXED, fabs(x) < 1e12 ? "%.*f" : "%.*g", decimals, x);
    return text;
}

void rt_text_add_number(rt_text *t, double x)
{
    char text[32];
    if (isnan(x)) {
        rt_text_add(t, "nan");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) { /* %g leaves trailing zeros out */
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    rt_text_add(t, "%s", text);
}

char *rt_text_take(rt_text *t)
{
    rt_text_add(t, "%s", ""); /* so that empty text is text too */
    char *all = t->data;
    if (t->failed) {
        rt_mem_free(all);
        all = NULL;
    }
    *t = (rt_text){0};
    return all;
}

const char *rt_plural(int64_t n)
{
    return n == 1 ? "" : "s";
}

/* ---- shells ---- */

/* $'...': for words with characters that must not reach a terminal as they are. */
static void add_escaped(rt_text *t, const char *word)
{
    char shown[CHARACTER_MAX];
    rt_text_add(t, "$'");
    while (*word) {
        bool special = *word == '\'' || *word == '\\';
        word += show_one(word, shown);
        rt_text_add(t, "%s%s", special ? "\\" : "", shown);
    }
    rt_text_add(t, "'");
}

void rt_text_add_word(rt_text *t, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_./-+:@%,=";
    bool unprintable = false;
    char shown[CHARACTER_MAX];
    for (const char *c = word; *c && !unprintable;) {
        const char *before = c;
        c += show_one(c, shown);
        unprintable = memcmp(shown, before, (size_t)(c - before)) != 0;
    }
    if (*word && word[strspn(word, plain)] == '\0') {
        rt_text_add(t, "%s", word);
    } else if (unprintable) {
        add_escaped(t, word);
    } else {
        rt_text_add(t, "'");
        for (; *word; word++)
            rt_text_add(t, *word == '\'' ? "'\\''" : "%c", *word);
        rt_text_add(t, "'");
    }
}
