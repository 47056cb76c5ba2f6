#include "launch/tui/live.h"

#include "launch/tui/screen.h"
#include <stdbool.h>
#include <string.h>

/* Writes the parts whose number is below drop_from. Returns the columns that they take. */
static int join(const rt__part *parts, int count, int drop_from, char text[RT__LIVE_TEXT])
{
    size_t used = 0;
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        bool shown = parts[i].text[0] && (parts[i].drop == 0 || parts[i].drop < drop_from);
        if (shown)
            used += (size_t)snprintf(text + used, RT__LIVE_TEXT - used, "%s%s", used ? "  " : "",
                                     parts[i].text);
    }
    return rt__columns_of(text);
}

const char *rt__live_text(const rt__part *parts, int count, int columns, char text[RT__LIVE_TEXT])
{
    int drop_from = RT__PARTS + 1;
    while (join(parts, count, drop_from, text) > columns && columns > 0 && drop_from > 0)
        drop_from--;
    if (columns > 0)
        text[rt__columns_fit(text, columns)] = '\0';
    return text;
}

void rt__live_erase(rt__live *l, int width, FILE *to)
{
    if (l->columns == 0)
        return;
    int rows = width > 0 ? (l->columns + width - 1) / width : 1;
    fputs("\r", to);
    if (rows > 1)
        fprintf(to, "\033[%dA", rows - 1);
    fputs("\033[J", to);
    l->columns = 0;
}

void rt__live_draw(rt__live *l, const rt__part *parts, int count, int width, FILE *to)
{
    char text[RT__LIVE_TEXT];
    rt__live_erase(l, width, to);
    if (parts != l->part)
        memcpy(l->part, parts, (size_t)count * sizeof *parts);
    l->parts = count;
    l->width = width;
    rt__live_text(l->part, count, width - 1, text);
    l->columns = rt__columns_of(text);
    fputs(text, to);
}

void rt__live_fit(rt__live *l, int width, FILE *to)
{
    if (l->columns > 0 && width != l->width)
        rt__live_draw(l, l->part, l->parts, width, to);
}
