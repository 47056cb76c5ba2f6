/* Growing text: doubles its room, and remembers a failure instead of reporting each one. */
#include "common/text.h"

#include <stdarg.h>
#include <stdio.h>
#include "common/error.h"
#include "common/mem.h"

enum { FIRST_ROOM = 256 };

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
