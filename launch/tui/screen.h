/* Lines and tables that are cut to the width of the screen.
 *
 *     rt__screen s = rt__screen_of_stdout();
 *     rt__screen_line(&s, &out, rt__bold, "%s: training", name);
 *     rt__column columns[] = {{"host"}, {"slots", .right = true, .drop = 1}, {"state"}};
 *     rt__table t = {columns, 3, host_cell};
 *     rt__table_lay_out(&t, rows, n, s.width);
 *     rt__table_row(&t, NULL, rt__bold, &s, &out);             // the titles
 *     rt__table_row(&t, rows[0], NULL, &s, &out);
 */
#ifndef RINGTORCH_LAUNCH_TUI_SCREEN_H
#define RINGTORCH_LAUNCH_TUI_SCREEN_H

#include "common/base/text.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct rt__screen {
    int width;  /* columns, at least 20 */
    int height; /* lines; 0: no limit */
    bool color; /* ANSI (ECMA-48) escapes may be used */
    double now; /* wall clock */
} rt__screen;

/* Returns the size of the terminal on standard output, or COLUMNS and LINES if it is unknown. A pipe is 100 columns wide
 * and has no limit of lines. */
rt__screen rt__screen_of_stdout(void);

/* Returns how many columns UTF-8 text takes on a terminal: East Asian wide characters take two, combining ones none. */
int rt__columns_of(const char *text);
/* Returns how many bytes of the text fit into so many columns. */
size_t rt__columns_fit(const char *text, int columns);

/* Styles: the characters between ESC[ and m. */
extern const char rt__bold[], rt__red[], rt__yellow[], rt__dim[];

/* Adds one line, cut to the width. style NULL: plain. */
__attribute__((format(printf, 4, 5))) void rt__screen_line(const rt__screen *screen, rt_text *out,
                                                           const char *style, const char *fmt, ...);

enum { RT__CELL = 512 }; /* room for the text of a cell */

/* Copies untrusted text without control characters that a terminal might obey. Returns `out`. */
const char *rt__cell_clean(const char *text, char out[RT__CELL]);

typedef struct rt__column {
    const char *title;
    bool right; /* aligned to the right */
    int drop;   /* 0: never dropped; the lowest number is dropped first on a narrow screen */
    bool dropped;
    int width; /* set by rt__table_lay_out */
} rt__column;

/* Writes the text of a cell of a row. */
typedef void rt__cell(const void *row, int column, char out[RT__CELL]);

typedef struct rt__table {
    rt__column *columns; /* the last one takes the rest of the line */
    int count;
    rt__cell *cell;
} rt__table;

/* Sets the widths of the columns for these rows, then drops columns until the table fits. */
void rt__table_lay_out(rt__table *t, const void *const *rows, size_t n, int width);
/* Adds a row; with NULL, the row of titles. */
void rt__table_row(const rt__table *t, const void *row, const char *style, const rt__screen *screen,
                   rt_text *out);

#endif
