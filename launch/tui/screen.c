#include "launch/tui/screen.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/mem.h"
#include "common/base/outer_job.h"
#include "common/control/words.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    WIDTH_LEAST = 20,
    PIPE_WIDTH = 100,
    WIDEST = 32,    /* widest column, except for the last */
    LAST_ROOM = 30, /* columns are dropped until the last one has this much room */
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
    bool terminal = rt_outer_job_terminal(STDOUT_FILENO);
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

/* Reads one UTF-8 character; a byte that begins none counts as a character. Returns its length. */
static size_t read_character(const char *text, uint32_t *out)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t more = c[0] >= 0xf0 ? 3 : c[0] >= 0xe0 ? 2 : c[0] >= 0xc0 ? 1 : 0;
    *out = more == 0 ? c[0] : c[0] & (0x3f >> more);
    for (size_t i = 1; i <= more; i++) {
        if ((c[i] & 0xc0) != 0x80)
            return i;
        *out = *out << 6 | (c[i] & 0x3f);
    }
    return more + 1;
}

/* Ranges of Unicode 15 (EastAsianWidth.txt, and general categories Mn and Cf) that are not one column wide, limited to
 * characters that names of hosts, paths and tensors may contain. */
static int width_of_character(uint32_t c)
{
    static const struct {
        uint32_t first, last;
        int width;
    } ranges[] = {
        {0x0300, 0x036f, 0},   {0x200b, 0x200f, 0},   {0xfe00, 0xfe0f, 0},   {0x1100, 0x115f, 2},
        {0x2e80, 0xa4cf, 2},   {0xac00, 0xd7a3, 2},   {0xf900, 0xfaff, 2},   {0xfe30, 0xfe6f, 2},
        {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},   {0x1f300, 0x1f64f, 2}, {0x1f680, 0x1f6ff, 2},
        {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last)
            return ranges[i].width;
    return 1;
}

size_t rt__columns_fit(const char *text, int columns)
{
    size_t at = 0;
    while (text[at]) {
        uint32_t c;
        size_t len = read_character(text + at, &c);
        columns -= width_of_character(c);
        if (columns < 0)
            break;
        at += len;
    }
    return at;
}

int rt__columns_of(const char *text)
{
    int n = 0;
    while (*text) {
        uint32_t c;
        text += read_character(text, &c);
        n += width_of_character(c);
    }
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
    bool cut = rt__columns_of(line) > screen->width;
    if (cut)
        len = rt__columns_fit(line, screen->width - 3);
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
        t->columns[c].width = rt__columns_of(t->columns[c].title);
        int most = c < t->count - 1 ? WIDEST : LAST_ROOM;
        for (size_t r = 0; r < n; r++) {
            t->cell(rows[r], c, text);
            int w = rt__columns_of(text);
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
        size_t len = last ? strlen(text) : rt__columns_fit(text, k->width);
        int pad = last ? 0 : k->width - rt__columns_of(text);
        pad = pad > 0 ? pad : 0;
        rt_text_add(&line, "%s%*s%.*s%*s", line.len ? "  " : "", k->right ? pad : 0, "", (int)len,
                    text, k->right ? 0 : pad, "");
    }
    rt__screen_line(screen, out, style, "%s", line.data ? line.data : "");
    rt_mem_free(line.data);
}
