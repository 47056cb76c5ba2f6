/* Growing text doubles its room as needed and remembers a failure instead of reporting each one. */
#include "common/base/text.h"

#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/unicode.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 256 };

/* ---- text from outside ---- */

char *rt_text_utf8(const char *text, size_t len)
{
    uint32_t code;
    size_t at = 0, room = RT__SHOWN_MAX * len + 1;
    for (size_t n = 1; at < len && n > 0; at += n)
        n = text[at] ? rt_utf8_decode(text + at, &code) : 0;
    if (at == len)
        return rt_strdup_printf("%.*s", (int)len, text);
    char *shown = rt_malloc(room);
    if (shown)
        rt_text_printable_bytes(shown, room, text, len);
    return shown;
}

void rt_text_vprint(FILE *to, const char *fmt, va_list args)
{
    char raw[8192], shown[RT__SHOWN_MAX], out[sizeof raw];
    size_t len = 0;
    vsnprintf(raw, sizeof raw, fmt, args);
    for (const char *at = raw; *at;) {
        at += rt__unicode_show(at, shown);
        const char *add = at[-1] == '\n' ? "\n" : shown;
        size_t more = strlen(add);
        if (len + more > sizeof out) {
            fwrite(out, 1, len, to);
            len = 0;
        }
        memcpy(out + len, add, more);
        len += more;
    }
    fwrite(out, 1, len,
           to); /* at once: standard error has no buffer, and others write there, too */
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
    char shown[RT__SHOWN_MAX];
    while (*from) {
        from += rt__unicode_show(from, shown);
        rt_text_add(t, "%s", shown);
    }
}

const char *rt_fixed(double x, int decimals, char text[RT_FIXED])
{
    if (isnan(x)) /* printf would show the sign of a NaN, which is meaningless */
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
    rt_text_add(t, "%s", ""); /* makes empty text "" instead of NULL */
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

static bool is_shown_as_it_is(const char *at, size_t len, const char *shown)
{
    return memcmp(shown, at, len) == 0;
}

/* Writes $'...' for words with characters that must not reach a terminal. They become \xNN byte by byte, because the
 * meaning of \uNNNN depends on the shell's locale. */
static void add_escaped(rt_text *t, const char *word)
{
    char shown[RT__SHOWN_MAX];
    rt_text_add(t, "$'");
    for (size_t len; *word; word += len) {
        len = rt__unicode_show(word, shown);
        if (is_shown_as_it_is(word, len, shown))
            rt_text_add(t, "%s%s", *word == '\'' || *word == '\\' ? "\\" : "", shown);
        else
            for (size_t i = 0; i < len; i++)
                rt_text_add(t, "\\x%02x", (unsigned char)word[i]);
    }
    rt_text_add(t, "'");
}

void rt_text_add_word(rt_text *t, const char *word)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "_./-+:@%,=";
    bool unprintable = false;
    char shown[RT__SHOWN_MAX];
    for (const char *c = word; *c && !unprintable;) {
        const char *before = c;
        c += rt__unicode_show(c, shown);
        unprintable = !is_shown_as_it_is(before, (size_t)(c - before), shown);
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
