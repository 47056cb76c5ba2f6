#include "launch/screen.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/mem.h"
#include "launch/words.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    WIDTH_LEAST = 20,
    PIPE_WIDTH = 100,
    WIDEST = 32,    /* column but the last */
    LAST_ROOM = 30, /* what others give way for, so that the last can be read */
};

const char rt__bold[] = "1", rt__red[] = "31", rt__yellow[] = "33", rt__dim[] = "2";

/* ---- lines ---- */

static int from_environment(const char *name)
{
    const char *text = getenv(name);
    long n = text ? strtol(text, NULL, 10) : 0;
    return n > 0 && n < 10000 ? (int)n : 0;
}

rt__screen rt__screen_of_stdout(void)
{
    struct winsize size = {0};
    const char *term = getenv("TERM");
    bool terminal = isatty(STDOUT_FILENO);
    if (terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        size = (struct winsize){0};
    int width = from_environment("COLUMNS"), height = from_environment("LINES");
    rt__screen s = {
        .width = size.ws_col ? size.ws_col
                 : width     ? width
                 : terminal  ? 80
                             : PIPE_WIDTH,
        .height = !terminal     ? 0
                  : size.ws_row ? size.ws_row
                  : height      ? height
                                : 24,
        .color = terminal && !getenv("NO_COLOR") && term && strcmp(term, "dumb") != 0,
        .now = rt_clock_wall(),
    };
    s.width = s.width < WIDTH_LEAST ? WIDTH_LEAST : s.width;
    return s;
}

/* Returns how many bytes of text fill at most `columns` columns; a code point is taken for one. */
static size_t fit(const char *text, int columns)
{
    size_t at = 0;
    for (; text[at]; at++) {
        bool begins = ((unsigned char)text[at] & 0xc0) != 0x80;
        if (begins && columns-- == 0)
            break;
    }
    return at;
}

/* Returns how many columns a text takes. */
static int columns_of(const char *text)
{
    int n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

void rt__screen_line(const rt__screen *screen, rt_text *out, const char *style, const char *fmt,
                     ...)
{
    char line[4096];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    size_t len = strlen(line);
    bool cut = columns_of(line) > screen->width;
    if (cut)
        len = fit(line, screen->width - 3);
    while (len > 0 && line[len - 1] == ' ')
        len--;
    bool styled = style && screen->color && len > 0;
    rt_text_add(out, "%s%s%s%.*s%s%s\n", styled ? "\033[" : "", styled ? style : "",
                styled ? "m" : "", (int)len, line, cut ? "..." : "", styled ? "\033[0m" : "");
}

/* ---- tables ---- */

const char *rt__cell_clean(const char *text, char out[RT__CELL])
{
    rt_text cleaned = {0};
    rt__words_add(&cleaned, text);
    char *all = rt_text_take(&cleaned);
    rt_error_clear();
    snprintf(out, RT__CELL, "%s", all ? all : "");
    rt_mem_free(all);
    return out;
}

static int width_of(const rt__table *t)
{
    int width = 0;
    for (int c = 0; c < t->count; c++)
        width += t->columns[c].dropped ? 0 : t->columns[c].width + 2;
    return width - 2;
}

void rt__table_lay_out(rt__table *t, const void *const *rows, size_t n, int width)
{
    char text[RT__CELL];
    for (int c = 0; c < t->count; c++) {
        t->columns[c].width = columns_of(t->columns[c].title);
        int most = c < t->count - 1 ? WIDEST : LAST_ROOM;
        for (size_t r = 0; r < n; r++) {
            t->cell(rows[r], c, text);
            int w = columns_of(text);
            w = w < most ? w : most;
            t->columns[c].width = w > t->columns[c].width ? w : t->columns[c].width;
        }
    }
    for (int drop = 1; drop <= t->count && width_of(t) > width; drop++)
        for (int c = 0; c < t->count; c++)
            t->columns[c].dropped |= t->columns[c].drop == drop;
}

void rt__table_row(const rt__table *t, const void *row, const char *style, const rt__screen *screen,
                   rt_text *out)
{
    char text[RT__CELL];
    rt_text line = {0};
    for (int c = 0; c < t->count; c++) {
        const rt__column *k = &t->columns[c];
        if (k->dropped)
            continue;
        if (row)
            t->cell(row, c, text);
        else
            snprintf(text, sizeof text, "%s", k->title);
        bool last = c == t->count - 1;
        size_t len = last ? strlen(text) : fit(text, k->width);
        int pad = last ? 0 : k->width - columns_of(text);
        pad = pad > 0 ? pad : 0;
        rt_text_add(&line, "%s%*s%.*s%*s", line.len ? "  " : "", k->right ? pad : 0, "", (int)len,
                    text, k->right ? 0 : pad, "");
    }
    rt__screen_line(screen, out, style, "%s", line.data ? line.data : "");
    rt_mem_free(line.data);
}
